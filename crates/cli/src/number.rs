//! Numbers on the command line: read, refused in words, and told with their nouns.

use std::fmt::Display;
use std::str::FromStr;

/// Reads whole numbers between two, both of them included.
pub(crate) fn within<T>(least: T, most: T) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + Display + Copy + Send + Sync + 'static,
{
    move |text| match text.parse::<T>() {
        Ok(number) if least <= number && number <= most => Ok(number),
        _ => Err(format!("write a whole number from {least} to {most}")),
    }
}

/// Reads the number of a run, a conflict or the like.
///
/// # Errors
/// When it is no whole number.
pub(crate) fn number(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is no number; write it as the listing shows it, such as 12"))
}

/// A count with its word: `1 record`, `2 records`.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_or_out_of_range_is_refused_in_words() {
        assert_eq!(within(1_u16, 100)("100"), Ok(100));
        for wrong in ["0", "101", "many", "-1", "1.5", ""] {
            assert_eq!(
                within(1_u16, 100)(wrong),
                Err("write a whole number from 1 to 100".to_owned()),
                "{wrong}"
            );
        }
        assert_eq!(number("12"), Ok(12));
        assert_eq!(counted(1, "record", "records"), "1 record");
        assert_eq!(counted(0, "record", "records"), "0 records");
        assert!(number("twelve").is_err_and(|message| message.contains("`twelve` is no number")));
    }
}

//! Record ids: 15 case-sensitive characters, or 18 with a checksum of their case.

/// An id in its 18-character form, the only one that may be stored or compared; `None` if it can't be an id.
///
/// An 18-character id keeps the case its suffix names, since a tool that changes case damages the first 15 alone.
pub(crate) fn normalised(id: &str) -> Option<String> {
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    match id.len() {
        15 => Some(with_checksum(id)),
        18 => Some(restored(id)),
        _ => None,
    }
}

/// The 18-character form of an id that Salesforce itself gave; text of another form stays as it is, since a row must
/// not be lost over the form of its id.
pub(crate) fn normalised_or_same(id: &str) -> String {
    if id.len() == 15 {
        normalised(id).unwrap_or_else(|| id.to_owned())
    } else {
        id.to_owned()
    }
}

/// The id of no record, which Salesforce gives in place of none.
pub(crate) fn is_empty(id: &str) -> bool {
    id.starts_with("000000000000000")
}

const CHECKSUM: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

fn with_checksum(id: &str) -> String {
    let mut out = id.to_owned();
    for block in id.as_bytes().chunks(5) {
        let bits = block.iter().enumerate().filter(|(_, byte)| byte.is_ascii_uppercase());
        out.push(char::from(CHECKSUM[bits.map(|(bit, _)| 1 << bit).sum::<usize>()]));
    }
    out
}

fn restored(id: &str) -> String {
    let (body, suffix) = id.split_at(15);
    let masks = suffix
        .bytes()
        .map(|byte| CHECKSUM.iter().position(|c| *c == byte.to_ascii_uppercase()));
    let Some(masks) = masks.collect::<Option<Vec<_>>>() else {
        return id.to_owned();
    };
    let mut out = String::with_capacity(18);
    for (index, char) in body.chars().enumerate() {
        let upper = masks[index / 5] & (1 << (index % 5)) != 0;
        out.push(if upper {
            char.to_ascii_uppercase()
        } else {
            char.to_ascii_lowercase()
        });
    }
    // A suffix that marks a digit as upper case is not a checksum at all.
    let restored = with_checksum(&out);
    if restored[15..].eq_ignore_ascii_case(suffix) {
        restored
    } else {
        id.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_characters_get_the_checksum_that_salesforce_computes() {
        for (short, suffix) in [
            ("000000000000000", "AAA"),
            ("001A0000006Vm9r", "IAC"),
            ("AAAAAAAAAAAAAAA", "555"),
            ("012000000000000", "AAA"),
        ] {
            assert_eq!(normalised(short).unwrap(), format!("{short}{suffix}"));
        }
    }

    #[test]
    fn damaged_case_is_restored_from_the_checksum() {
        assert_eq!(normalised("001A0000006VM9RIAC").unwrap(), "001A0000006Vm9rIAC");
        assert_eq!(normalised("001a0000006vm9riac").unwrap(), "001A0000006Vm9rIAC");
        assert_eq!(normalised("001A0000006Vm9rIAC").unwrap(), "001A0000006Vm9rIAC");
    }

    #[test]
    fn what_is_no_id_is_not_taken_for_one() {
        for text in ["", "001", "001A0000006Vm9r'", "001A0000006Vm9rI", "001A0000006Vm9é"] {
            assert_eq!(normalised(text), None, "{text}");
        }
    }
}

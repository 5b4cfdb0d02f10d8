//! SOQL text: names that are checked, literals that are escaped, and conditions.

use jiff::{Timestamp, civil};
use syncline_core::batch::ValueKind;
use syncline_core::job::{Comparison, Condition};
use syncline_core::value::Value;
use syncline_core::{Error, ErrorKind, Result};

/// An object's or field's name, which goes into a query as it is.
///
/// # Errors
/// `Invalid` for anything that is not letters, digits and underscores, beginning with a letter.
pub(crate) fn name(text: &str) -> Result<&str> {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if first && text.len() <= 80 && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Ok(text);
    }
    Err(Error::new(ErrorKind::Invalid, "this is no name of a Salesforce object or field").with("name", text))
}

/// A field or a path of relationships to one: names with dots between them.
///
/// # Errors
/// As [`name`].
pub(crate) fn path(text: &str) -> Result<&str> {
    text.split('.').try_for_each(|step| name(step).map(drop))?;
    Ok(text)
}

/// Text as a literal.
pub(crate) fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('\'');
    for char in value.chars() {
        match char {
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            char => out.push(char),
        }
    }
    out.push('\'');
    out
}

/// An instant as a literal, which stands without quotes.
pub(crate) fn datetime(at: Timestamp) -> String {
    at.strftime(if at.subsec_millisecond() == 0 {
        "%Y-%m-%dT%H:%M:%SZ"
    } else {
        "%Y-%m-%dT%H:%M:%S%.3fZ"
    })
    .to_string()
}

/// A value as a literal, `None` if SOQL has none for it.
pub(crate) fn literal(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Decimal(decimal) => decimal.normalize().to_string(),
        Value::Text(text) => self::text(text),
        Value::Date(date) => date.to_string(),
        Value::DateTime(at) => datetime(at.instant),
        Value::Float(_) | Value::List(_) | Value::Json(_) => return None,
    })
}

/// The literal that a field of this kind is compared with to find `text`; `None` if it can't hold such a text.
pub(crate) fn key(text: &str, kind: ValueKind) -> Option<String> {
    let value = match kind {
        ValueKind::Number => match Value::from_number(text.trim()) {
            number @ (Value::Int(_) | Value::Decimal(_)) => number,
            _ => return None,
        },
        ValueKind::Bool => Value::Bool(text.trim().parse().ok()?),
        ValueKind::Date => Value::Date(text.trim().parse::<civil::Date>().ok()?),
        ValueKind::DateTime => return Some(datetime(text.trim().parse().ok()?)),
        ValueKind::Text | ValueKind::Choices | ValueKind::Json => Value::text(text),
    };
    literal(&value)
}

/// A condition, or `None` where SOQL would select less than the condition does and so must not be asked.
///
/// # Errors
/// As [`path`].
pub(crate) fn condition(condition: &Condition) -> Result<Option<String>> {
    let field = path(&condition.field)?;
    let operator = match condition.comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    };
    // Salesforce compares texts without regard to case and sorts them by language: equality then finds more than was
    // asked for, which is fine, everything else may find less.
    if condition.value.as_text().is_some() && condition.comparison != Comparison::Equal {
        return Ok(None);
    }
    Ok(literal(&condition.value).map(|literal| format!("{field} {operator} {literal}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads one literal the way a SOQL parser does; the value and what follows it.
    fn parse(soql: &str) -> Option<(String, &str)> {
        let mut value = String::new();
        let mut chars = soql.strip_prefix('\'')?.char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                '\'' => return Some((value, &soql[at + 2..])),
                '\\' => value.push(match chars.next()?.1 {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    char @ ('\'' | '\\' | '"' | '_' | '%') => char,
                    _ => return None,
                }),
                char => value.push(char),
            }
        }
        None
    }

    proptest! {
        #[test]
        fn no_value_can_change_the_query(value in "(?s).*|[\\\\'\"nrt ]{0,12}") {
            let query = format!("{} AND Id = 'x'", text(&value));
            prop_assert_eq!(parse(&query), Some((value, " AND Id = 'x'")));
        }

        #[test]
        fn a_key_of_any_kind_is_one_literal(value in "(?s).*|[-0-9.:TZ+' ]{0,24}") {
            for kind in [ValueKind::Number, ValueKind::Bool, ValueKind::Date, ValueKind::DateTime] {
                if let Some(literal) = key(&value, kind) {
                    prop_assert!(literal.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:+".contains(&b)), "{}", literal);
                }
            }
        }

        #[test]
        fn only_names_pass_as_names(value in "(?s).{0,20}") {
            if path(&value).is_ok() {
                prop_assert!(value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.'));
            }
        }
    }

    #[test]
    fn names_that_are_not_names_are_refused() {
        for bad in ["", "1a", "Name FROM User", "a.", ".a", "a'b", "a-b", "_x"] {
            assert_eq!(path(bad).unwrap_err().kind(), ErrorKind::Invalid, "{bad}");
        }
        assert_eq!(path("Parent__r.Ext__c").unwrap(), "Parent__r.Ext__c");
    }

    #[test]
    fn conditions_that_would_select_less_are_left_out() {
        let make = |comparison, value| Condition {
            field: "Name".into(),
            comparison,
            value,
        };
        let soql = |comparison, value| condition(&make(comparison, value)).unwrap();
        assert_eq!(
            soql(Comparison::Equal, Value::text("O'Hara")).unwrap(),
            r"Name = 'O\'Hara'"
        );
        assert_eq!(soql(Comparison::NotEqual, Value::text("a")), None);
        assert_eq!(soql(Comparison::NotEqual, Value::Null).unwrap(), "Name != null");
        assert_eq!(soql(Comparison::GreaterOrEqual, Value::Int(3)).unwrap(), "Name >= 3");
    }
}

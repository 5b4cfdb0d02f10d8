//! Turning the values that clients send into the strings that HubSpot stores, or refusing them.

use serde_json::Value;

use super::property::{Kind, Property};
use super::stamp::{DAY, Stamp};

/// The longest text a property holds, in characters.
const LONGEST_TEXT: usize = 65_536;

/// Why one property value was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PropertyError {
    pub(super) name: String,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl PropertyError {
    pub(super) fn new(name: &str, code: &'static str, message: String) -> Self {
        Self {
            name: name.to_owned(),
            code,
            message,
        }
    }

    pub(super) fn unknown(name: &str) -> Self {
        Self::new(
            name,
            "PROPERTY_DOESNT_EXIST",
            format!("Property \"{name}\" does not exist"),
        )
    }

    pub(super) fn read_only(name: &str) -> Self {
        Self::new(
            name,
            "READ_ONLY_VALUE",
            format!("\"{name}\" is a read only property; its value cannot be set."),
        )
    }
}

/// The text of a JSON value as HubSpot takes it: strings, numbers and booleans. `None` clears.
fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    (!text.is_empty()).then_some(text)
}

/// The string to store for `value`, or `None` to clear. `current` is what is stored now, which a leading semicolon
/// appends to.
///
/// # Errors
/// When the property cannot be written, or the value does not fit its type or options.
pub(super) fn normalised(
    property: &Property,
    value: &Value,
    current: Option<&str>,
) -> Result<Option<String>, PropertyError> {
    let name = property.name.as_str();
    if !property.writable() {
        return Err(PropertyError::read_only(name));
    }
    if value.is_array() || value.is_object() {
        return Err(PropertyError::new(
            name,
            "INVALID_STRING",
            format!("{value} is not a string, number or boolean."),
        ));
    }
    let Some(text) = text_of(value) else { return Ok(None) };
    let trimmed = text.trim();
    let stored = match property.kind {
        Kind::Text if name == "email" => email(&text)?,
        Kind::Text => {
            if text.chars().count() > LONGEST_TEXT {
                return Err(PropertyError::new(
                    name,
                    "INVALID_STRING_LENGTH",
                    format!("Property values must not be longer than {LONGEST_TEXT} characters."),
                ));
            }
            text
        }
        _ if trimmed.is_empty() => return Ok(None),
        Kind::Number => number(trimmed)
            .ok_or_else(|| PropertyError::new(name, "INVALID_LONG", format!("{text} was not a valid long.")))?,
        Kind::Bool => match trimmed.to_ascii_lowercase().as_str() {
            "true" => "true".to_owned(),
            "false" => "false".to_owned(),
            _ => return Err(not_an_option(property, trimmed)),
        },
        Kind::Date => {
            let midnight = Stamp::parse(trimmed)
                .filter(|stamp| stamp.0.rem_euclid(DAY) == 0)
                .ok_or_else(|| {
                    PropertyError::new(
                        name,
                        "INVALID_DATE",
                        format!("{trimmed} is at {trimmed}, which is not midnight UTC, or is not a valid date."),
                    )
                })?;
            midnight.date_text()
        }
        Kind::DateTime => Stamp::parse(trimmed)
            .ok_or_else(|| PropertyError::new(name, "INVALID_DATE", format!("{trimmed} was not a valid date.")))?
            .to_string(),
        Kind::Enumeration => choice(property, trimmed, current)?,
    };
    Ok(Some(stored))
}

fn email(text: &str) -> Result<String, PropertyError> {
    let address = text.trim().to_lowercase();
    let valid = address.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.contains('@')
            && domain.contains('.')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && !address.contains(char::is_whitespace)
    });
    if valid {
        Ok(address)
    } else {
        Err(PropertyError::new(
            "email",
            "INVALID_EMAIL",
            format!("Email address {text} is invalid"),
        ))
    }
}

/// A decimal number without thousands separators, in its shortest plain form.
fn number(text: &str) -> Option<String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !all_digits(fraction) || !all_digits(whole) {
        // Clients in some languages write large or small numbers with an exponent.
        let value: f64 = text.parse().ok().filter(|value: &f64| value.is_finite())?;
        let plain = format!("{value}");
        return text.contains(['e', 'E']).then_some(plain);
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if negative && !(whole == "0" && fraction.is_empty()) {
        "-"
    } else {
        ""
    };
    Some(if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    })
}

fn not_an_option(property: &Property, value: &str) -> PropertyError {
    let allowed: Vec<&str> = property.options.iter().map(|option| option.value.as_str()).collect();
    PropertyError::new(
        &property.name,
        "INVALID_OPTION",
        format!("{value} was not one of the allowed options: [{}]", allowed.join(", ")),
    )
}

fn choice(property: &Property, text: &str, current: Option<&str>) -> Result<String, PropertyError> {
    let known = |value: &str| property.external_options || property.options.iter().any(|option| option.value == value);
    if !property.many() {
        return if known(text) {
            Ok(text.to_owned())
        } else {
            Err(not_an_option(property, text))
        };
    }
    let mut values: Vec<&str> = Vec::new();
    if text.starts_with(';') {
        values.extend(current.into_iter().flat_map(|current| current.split(';')));
    }
    for value in text.split(';').map(str::trim).filter(|value| !value.is_empty()) {
        if !known(value) {
            return Err(not_an_option(property, value));
        }
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Ok(values.join(";"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn property(type_name: &str, field_type: &str) -> Property {
        let mut property = Property::new("p", "P", type_name, field_type, "g");
        for value in ["a", "b", "c"] {
            property.options.push(super::super::property::PropertyOption {
                label: value.to_owned(),
                value: value.to_owned(),
                description: None,
                display_order: 0,
                hidden: false,
            });
        }
        property
    }

    #[test]
    fn values_are_stored_as_normalised_strings() {
        let cases = [
            ("number", "number", json!("12.50"), Some("12.5")),
            ("number", "number", json!(3), Some("3")),
            ("number", "number", json!("007"), Some("7")),
            ("number", "number", json!("-0.0"), Some("0")),
            ("bool", "booleancheckbox", json!(true), Some("true")),
            ("date", "date", json!("2026-11-20"), Some("2026-11-20")),
            ("date", "date", json!(1_795_132_800_000_i64), Some("2026-11-20")),
            (
                "datetime",
                "date",
                json!("2026-11-20T10:00:00Z"),
                Some("2026-11-20T10:00:00.000Z"),
            ),
            ("enumeration", "checkbox", json!("b;a;b"), Some("b;a")),
            ("string", "text", json!(" as is "), Some(" as is ")),
            ("string", "text", json!(""), None),
            ("number", "number", json!(null), None),
        ];
        for (type_name, field_type, value, stored) in cases {
            let got = normalised(&property(type_name, field_type), &value, None).unwrap();
            assert_eq!(got.as_deref(), stored, "{type_name} {value}");
        }
    }

    #[test]
    fn a_leading_semicolon_appends_to_a_multiple_choice() {
        let got = normalised(&property("enumeration", "checkbox"), &json!(";c"), Some("a;b")).unwrap();
        assert_eq!(got.as_deref(), Some("a;b;c"));
    }

    #[test]
    fn values_that_do_not_fit_are_refused_with_hubspots_codes() {
        let cases = [
            ("number", "number", json!("1,000"), "INVALID_LONG"),
            ("date", "date", json!(1_795_132_800_001_i64), "INVALID_DATE"),
            ("datetime", "date", json!("soon"), "INVALID_DATE"),
            ("enumeration", "select", json!("A"), "INVALID_OPTION"),
            ("bool", "booleancheckbox", json!("yes"), "INVALID_OPTION"),
        ];
        for (type_name, field_type, value, code) in cases {
            assert_eq!(
                normalised(&property(type_name, field_type), &value, None)
                    .unwrap_err()
                    .code,
                code
            );
        }
    }
}

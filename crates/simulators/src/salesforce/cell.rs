//! The value of one field of one record.

use std::borrow::Cow;

use jiff::civil::Date;
use serde_json::Value;

use super::id::RecordId;
use super::stamp::{write_date, write_datetime};

/// A stored value; an absent cell is null (or false, for a checkbox).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Box<str>),
    Id(RecordId),
    Date(Date),
    /// Seconds since 1970.
    DateTime(i64),
}

/// A value as read: stored, computed, or null.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum View<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Cow<'a, str>),
    Id(RecordId),
    Date(Date),
    DateTime(i64),
    /// A compound address, already as JSON.
    Json(Value),
}

impl Cell {
    pub(crate) fn view(&self) -> View<'_> {
        match self {
            Self::Bool(value) => View::Bool(*value),
            Self::Int(value) => View::Int(*value),
            Self::Double(value) => View::Double(*value),
            Self::Text(value) => View::Text(Cow::Borrowed(value)),
            Self::Id(value) => View::Id(*value),
            Self::Date(value) => View::Date(*value),
            Self::DateTime(value) => View::DateTime(*value),
        }
    }

    pub(crate) fn text(text: impl Into<Box<str>>) -> Self {
        Self::Text(text.into())
    }

    /// The text that an index finds it by.
    pub(crate) fn index_key(&self, case_sensitive: bool) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(index_key(text, case_sensitive)),
            Self::Id(id) => Some(Cow::Borrowed(id.as_str())),
            Self::Int(number) => Some(Cow::Owned(number.to_string())),
            Self::Double(number) => Some(Cow::Owned(java_double(*number))),
            _ => None,
        }
    }
}

/// The form in which an index holds `text`.
pub(crate) fn index_key(text: &str, case_sensitive: bool) -> Cow<'_, str> {
    if case_sensitive || !text.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

impl View<'_> {
    /// Appends the JSON that the service sends for it.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            View::Null => out.extend_from_slice(b"null"),
            View::Bool(true) => out.extend_from_slice(b"true"),
            View::Bool(false) => out.extend_from_slice(b"false"),
            View::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
            View::Double(value) => out.extend_from_slice(java_double(*value).as_bytes()),
            View::Text(value) => write_text(value, out),
            View::Id(value) => quoted(out, |out| out.extend_from_slice(value.as_str().as_bytes())),
            View::Date(value) => quoted(out, |out| write_date(*value, out)),
            View::DateTime(value) => quoted(out, |out| write_datetime(*value, out)),
            View::Json(value) => out.extend_from_slice(value.to_string().as_bytes()),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        match self {
            View::Null => Value::Null,
            View::Bool(value) => Value::Bool(*value),
            View::Int(value) => Value::from(*value),
            View::Double(value) => Value::from(*value),
            View::Text(value) => Value::from(value.as_ref()),
            View::Id(value) => Value::from(value.as_str()),
            View::Date(_) | View::DateTime(_) => {
                let mut out = Vec::with_capacity(30);
                self.write_json(&mut out);
                Value::from(String::from_utf8_lossy(&out).trim_matches('"'))
            }
            View::Json(value) => value.clone(),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, View::Null)
    }
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

/// Appends `text` as a JSON string.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        quoted(out, |out| out.extend_from_slice(text.as_bytes()));
    } else {
        out.extend_from_slice(Value::from(text).to_string().as_bytes());
    }
}

/// A number as the service, which runs on Java, writes it: `15000.0`, but `3.5E8`.
pub(crate) fn java_double(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        return format!("{number:?}");
    }
    let text = format!("{number:E}");
    match text.split_once('E') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0E{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::java_double;

    #[test]
    fn large_numbers_are_written_with_an_exponent() {
        assert_eq!(java_double(15_000.0), "15000.0");
        assert_eq!(java_double(350_000_000.0), "3.5E8");
        assert_eq!(java_double(1e8), "1.0E8");
        assert_eq!(java_double(0.5), "0.5");
    }
}

//! [`Value`]: one field's content, with a canonical encoding and a 128-bit content hash.
//!
//! Everything that decides (merge, echo suppression, "has it changed?") compares values by their canonical form, so
//! `1.50` and `1.5` are the same decimal, and two JSON objects with their keys in another order are equal.

mod check;
mod encoding;

use jiff::{Timestamp, civil};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use check::check_encoded;
pub(crate) use encoding::TAG_NULL;
#[cfg(feature = "model")]
pub(crate) use encoding::{TAG_DATE, TAG_DATETIME, TAG_DECIMAL, TAG_FALSE, TAG_FLOAT, TAG_INT, TAG_TEXT, TAG_TRUE};
pub use encoding::{
    content_hash, decode_all, encode_all, encode_datetime, encode_decimal, encode_int, encode_null, encode_text,
    put_signed, put_unsigned, take, take_signed, take_text, take_unsigned,
};

/// How finely an instant was given by whoever stored it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Precision {
    /// Whole minutes.
    Minute = 0,
    /// Whole seconds, as Salesforce stamps.
    Second = 1,
    /// Milliseconds, as HubSpot stamps.
    Millisecond = 2,
    /// Microseconds: the finest that is kept.
    Microsecond = 3,
}

impl Precision {
    /// The unit in microseconds.
    pub const fn microseconds(self) -> i64 {
        match self {
            Self::Minute => 60_000_000,
            Self::Second => 1_000_000,
            Self::Millisecond => 1_000,
            Self::Microsecond => 1,
        }
    }
}

/// A UTC instant and the precision it was read with. Two are equal when their instants are.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct DateTime {
    /// The instant, never finer than a microsecond.
    pub instant: Timestamp,
    /// How finely the source gave it.
    pub precision: Precision,
}

impl DateTime {
    /// An instant cut down to `precision`.
    ///
    /// ```
    /// use syncline_core::value::{DateTime, Precision};
    /// let read = DateTime::new("2026-11-20T10:00:00.750Z".parse()?, Precision::Second);
    /// assert_eq!(read.instant.to_string(), "2026-11-20T10:00:00Z");
    /// # Ok::<(), jiff::Error>(())
    /// ```
    pub fn new(instant: Timestamp, precision: Precision) -> Self {
        let unit = precision.microseconds();
        let micros = instant.as_microsecond().div_euclid(unit) * unit;
        Self {
            instant: Timestamp::from_microsecond(micros).unwrap_or(instant),
            precision,
        }
    }
}

impl PartialEq for DateTime {
    fn eq(&self, other: &Self) -> bool {
        self.instant == other.instant
    }
}

impl Eq for DateTime {}

/// One field's content, on any side.
///
/// ```
/// use syncline_core::value::Value;
/// assert_eq!(Value::from_json(serde_json::json!(1.50)), Value::from_json(serde_json::json!(1.5)));
/// assert!(Value::Text(String::new()).is_empty());
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Nothing is set.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// An exact decimal number.
    Decimal(Decimal),
    /// A binary floating-point number.
    Float(f64),
    /// Text.
    Text(String),
    /// A calendar day without a time zone.
    Date(civil::Date),
    /// An instant.
    DateTime(DateTime),
    /// Several values; order counts.
    List(Vec<Value>),
    /// Any JSON that has no better form.
    Json(serde_json::Value),
}

impl Value {
    /// Whether nothing is set: null, empty text, or an empty list.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(list) => list.is_empty(),
            _ => false,
        }
    }

    /// The text of a [`Value::Text`].
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// From text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// From plain JSON: whole numbers become [`Value::Int`], other numbers [`Value::Decimal`] where they fit exactly,
    /// arrays [`Value::List`], objects [`Value::Json`]. Text stays text: JSON has no dates.
    pub fn from_json(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(bool) => Self::Bool(bool),
            serde_json::Value::Number(number) => Self::from_number(&number.to_string()),
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Array(items) => Self::List(items.into_iter().map(Self::from_json).collect()),
            object @ serde_json::Value::Object(_) => Self::Json(object),
        }
    }

    /// From a number in JSON's notation; text that is no number stays text.
    pub fn from_number(text: &str) -> Self {
        if let Ok(int) = text.parse::<i64>() {
            return Self::Int(int);
        }
        if let Ok(decimal) = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)) {
            return Self::Decimal(decimal.normalize());
        }
        text.parse::<f64>()
            .map_or_else(|_| Self::Text(text.to_owned()), Self::Float)
    }

    /// As plain JSON, for people and for files: dates and instants in ISO 8601, decimals as text when a JSON number
    /// would lose digits.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(bool) => (*bool).into(),
            Self::Int(int) => (*int).into(),
            Self::Decimal(decimal) => {
                let text = decimal.normalize().to_string();
                match serde_json::from_str::<serde_json::Number>(&text) {
                    Ok(number) if number.to_string() == text => serde_json::Value::Number(number),
                    _ => text.into(),
                }
            }
            Self::Float(float) => (*float).into(),
            Self::Text(text) => text.as_str().into(),
            Self::Date(date) => date.to_string().into(),
            Self::DateTime(at) => at.instant.to_string().into(),
            Self::List(list) => list.iter().map(Self::to_json).collect(),
            Self::Json(json) => json.clone(),
        }
    }

    /// What people call this kind of value, for messages.
    pub const fn kind_name(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a truth value",
            Self::Int(_) => "a whole number",
            Self::Decimal(_) => "a decimal number",
            Self::Float(_) => "a floating-point number",
            Self::Text(_) => "text",
            Self::Date(_) => "a date",
            Self::DateTime(_) => "a date and time",
            Self::List(_) => "a list",
            Self::Json(_) => "JSON",
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Decimal(a), Self::Decimal(b)) => a == b,
            (Self::Int(a), Self::Decimal(b)) | (Self::Decimal(b), Self::Int(a)) => Decimal::from(*a) == *b,
            (Self::Float(a), Self::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Date(a), Self::Date(b)) => a == b,
            (Self::DateTime(a), Self::DateTime(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Json(a), Self::Json(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl std::fmt::Display for Value {
    /// As people read it: text bare, nothing as `(empty)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("(empty)"),
            Self::Text(text) => f.write_str(text),
            other => match other.to_json() {
                serde_json::Value::String(text) => f.write_str(&text),
                json => write!(f, "{json}"),
            },
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

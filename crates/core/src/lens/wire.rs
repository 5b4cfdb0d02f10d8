use jiff::tz::TimeZone;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::batch::ValueKind;
use crate::error::{Error, ErrorKind, Result};
use crate::glimpse::Glimpse;
use crate::lens::text::excerpt;
use crate::schema::FieldSchema;
use crate::value::{DateTime, Precision, Value};

/// The form in which a remote field wants its values.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    path: String,
    kind: ValueKind,
    scale: Option<u32>,
    length: Option<u32>,
}

impl Wire {
    pub(super) fn new(schema: &FieldSchema) -> Self {
        Self {
            path: schema.path.clone(),
            kind: schema.value_kind,
            scale: schema.scale.filter(|_| schema.value_kind == ValueKind::Number),
            length: schema.length.filter(|length| *length > 0),
        }
    }

    /// Whether numbers are taken as they are.
    pub(super) const fn is_unscaled(&self) -> bool {
        self.scale.is_none()
    }

    /// Whether [`Wire::convert`] certainly gives a value back that the field itself held.
    pub(super) fn keeps(&self, encoded: &[u8]) -> bool {
        match (self.kind, Glimpse::of(encoded)) {
            (_, Glimpse::Null)
            | (ValueKind::Bool, Glimpse::Bool)
            | (ValueKind::Number, Glimpse::Int)
            | (ValueKind::Date, Glimpse::Date)
            | (ValueKind::DateTime, Glimpse::DateTime) => true,
            (ValueKind::Text, Glimpse::Text(text)) => !text.is_empty(),
            (ValueKind::Number, Glimpse::Decimal) => self.is_unscaled(),
            _ => false,
        }
    }

    /// A value that was read, as the field tells it from others: rounded, choices as a set.
    pub(super) fn distinct(&self, value: &Value) -> Value {
        match (self.kind, value) {
            (ValueKind::Choices, Value::List(list)) => sorted(list.clone()),
            _ => self.rounded(value),
        }
    }

    fn rounded(&self, value: &Value) -> Value {
        let Some(scale) = self.scale else {
            return value.clone();
        };
        match value {
            Value::Decimal(_) | Value::Float(_) => as_decimal(value).map_or_else(
                || value.clone(),
                |number| whole_or_decimal(number.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero)),
            ),
            Value::Text(_) => match as_decimal(value) {
                Some(number) if number.scale() > scale => {
                    whole_or_decimal(number.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero))
                }
                _ => value.clone(),
            },
            _ => value.clone(),
        }
    }

    /// The value as the field takes it.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the field can't hold it or it is too long.
    pub(super) fn fit(&self, value: &Value, old: &Value) -> Result<Value> {
        let fitted = self.convert(value, old)?;
        if let (Value::Text(text), Some(length)) = (&fitted, self.length) {
            let count = text.chars().count();
            if count > length as usize {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!(
                        "`{}` holds at most {length} characters and this value has {count}; shorten it or add the \
                         `truncate` lens",
                        self.path
                    ),
                ));
            }
        }
        Ok(fitted)
    }

    /// As [`Wire::fit`], whatever the length.
    pub(super) fn convert(&self, value: &Value, old: &Value) -> Result<Value> {
        if value.is_empty() {
            return Ok(Value::Null);
        }
        if let (Value::List(list), false) = (value, matches!(self.kind, ValueKind::Choices | ValueKind::Json))
            && let [one] = list.as_slice()
        {
            return self.convert(one, old);
        }
        let fitted = match (self.kind, value) {
            (ValueKind::Text, Value::List(_)) => None,
            (ValueKind::Text, Value::Text(text)) => Some(Value::Text(text.clone())),
            (ValueKind::Text, Value::Float(_)) => Some(Value::Text(
                as_decimal(value).map_or_else(|| value.to_string(), |number| number.to_string()),
            )),
            (ValueKind::Text, other) => Some(Value::Text(other.to_string())),
            (ValueKind::Bool, other) => as_bool(other).map(Value::Bool),
            (ValueKind::Number, Value::Bool(bool)) => Some(Value::Int(i64::from(*bool))),
            (ValueKind::Number, Value::Int(int)) => Some(Value::Int(*int)),
            (ValueKind::Number, Value::Float(float)) => {
                Some(as_decimal(value).map_or(Value::Float(*float), |number| self.rounded(&whole_or_decimal(number))))
            }
            (ValueKind::Number, other) => as_decimal(other).map(|number| self.rounded(&whole_or_decimal(number))),
            (ValueKind::Date, other) => as_date(other).map(Value::Date),
            (ValueKind::DateTime, other) => as_instant(other).map(|at| {
                let precision = match old {
                    Value::DateTime(old) => old.precision,
                    _ => Precision::Millisecond,
                };
                Value::DateTime(DateTime::new(at.instant, precision))
            }),
            (ValueKind::Choices, Value::List(list)) => Some(sorted(list.clone())),
            (ValueKind::Choices, Value::Text(text)) => {
                let choices = text.split(';').map(str::trim).filter(|choice| !choice.is_empty());
                Some(sorted(choices.map(Value::text).collect()))
            }
            (ValueKind::Choices, Value::Json(_)) => None,
            (ValueKind::Choices, other) => Some(Value::List(vec![Value::Text(other.to_string())])),
            (ValueKind::Json, other) => Some(other.clone()),
        };
        fitted.ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                format!(
                    "`{}` is {} and can't be written to `{}`, which holds {}{}",
                    excerpt(value),
                    value.kind_name(),
                    self.path,
                    wanted(self.kind),
                    if matches!((self.kind, value), (ValueKind::Text, Value::List(_))) {
                        "; add the `choices` lens"
                    } else {
                        ""
                    }
                ),
            )
        })
    }
}

const fn wanted(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Text => "text",
        ValueKind::Bool => "true or false",
        ValueKind::Number => "a number",
        ValueKind::Date => "a date",
        ValueKind::DateTime => "a date and time",
        ValueKind::Choices => "choices",
        ValueKind::Json => "JSON",
    }
}

/// Choices in the order of their texts, each once.
pub(super) fn sorted(mut choices: Vec<Value>) -> Value {
    choices.sort_by_key(ToString::to_string);
    choices.dedup();
    if choices.is_empty() {
        Value::Null
    } else {
        Value::List(choices)
    }
}

/// A number, or a text that spells one, exactly.
pub(super) fn as_decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Int(int) => Some(Decimal::from(*int)),
        Value::Decimal(decimal) => Some(decimal.normalize()),
        Value::Float(float) => Decimal::from_str_exact(&float.to_string())
            .ok()
            .map(|number| number.normalize()),
        Value::Text(text) => Decimal::from_str_exact(text.trim())
            .or_else(|_| Decimal::from_scientific(text.trim()))
            .ok()
            .map(|number| number.normalize()),
        _ => None,
    }
}

/// A whole number as [`Value::Int`], any other as [`Value::Decimal`].
pub(crate) fn whole_or_decimal(number: Decimal) -> Value {
    let number = number.normalize();
    match i64::try_from(number) {
        Ok(int) if number.scale() == 0 => Value::Int(int),
        _ => Value::Decimal(number),
    }
}

fn as_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(bool) => Some(*bool),
        other => match other.to_string().trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" => Some(false),
            _ => None,
        },
    }
}

fn as_date(value: &Value) -> Option<jiff::civil::Date> {
    match value {
        Value::Date(date) => Some(*date),
        Value::DateTime(at) => Some(at.instant.to_zoned(TimeZone::UTC).date()),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// An instant; a day is its midnight in UTC.
pub(super) fn as_instant(value: &Value) -> Option<DateTime> {
    match value {
        Value::DateTime(at) => Some(*at),
        Value::Date(date) => {
            let midnight = date.to_zoned(TimeZone::UTC).ok()?;
            Some(DateTime::new(midnight.timestamp(), Precision::Minute))
        }
        Value::Text(text) => text
            .trim()
            .parse()
            .ok()
            .map(|instant| DateTime::new(instant, Precision::Microsecond)),
        _ => None,
    }
}

/// A text that is a date or an instant in ISO 8601, as the instant; a day is its midnight in UTC.
pub(crate) fn moment(text: &str) -> Option<jiff::Timestamp> {
    let bytes = text.as_bytes();
    let looks_right = bytes.len() >= 10 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[0].is_ascii_digit();
    if !looks_right {
        return None;
    }
    if bytes.len() == 10 {
        let date: jiff::civil::Date = text.parse().ok()?;
        return Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp());
    }
    text.parse().ok()
}

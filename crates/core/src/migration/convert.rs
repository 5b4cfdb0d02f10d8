//! Values of one type as those of another.

use crate::error::Result;
use crate::model::FieldType;
use crate::value::{DateTime, Precision, Value};

/// Brings a value of one type into another. Where less is kept (a day of an instant), what is lost is kept aside by who
/// asks.
///
/// # Errors
/// [`crate::ErrorKind::Invalid`] when there is no such value of that type.
pub(super) fn convert(value: &Value, from: &FieldType, to: &FieldType) -> Result<Value> {
    if value.is_empty() {
        return Ok(Value::Null);
    }
    let is_text = |kind: &FieldType| {
        matches!(
            kind,
            FieldType::Text | FieldType::LongText | FieldType::Email | FieldType::Phone | FieldType::Url
        )
    };
    let value = match (from, to, value) {
        (_, FieldType::DateTime, Value::Date(date)) => {
            let midnight = date.to_zoned(jiff::tz::TimeZone::UTC);
            return midnight
                .map(|at| Value::DateTime(DateTime::new(at.timestamp(), Precision::Minute)))
                .or_else(|_| to.coerce(value.clone()));
        }
        (_, FieldType::Integer | FieldType::Decimal | FieldType::Float, Value::Bool(bool)) => {
            Value::Int(i64::from(*bool))
        }
        // An amount without its currency.
        (FieldType::Money, FieldType::Integer | FieldType::Decimal | FieldType::Float, Value::List(list)) => {
            list.first().cloned().unwrap_or_default()
        }
        (FieldType::Money, kind, Value::List(list)) if is_text(kind) => spelled(list, " "),
        (_, FieldType::Choice { .. }, Value::List(list)) if list.len() == 1 => list[0].clone(),
        (_, kind, Value::List(list)) if is_text(kind) => spelled(list, ", "),
        (kind, FieldType::MultiChoice { .. } | FieldType::List, Value::Text(text)) if is_text(kind) => Value::List(
            text.split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(Value::text)
                .collect(),
        ),
        (_, kind, Value::Json(json)) if is_text(kind) => Value::text(json.to_string()),
        (kind, FieldType::Json, Value::Text(text)) if is_text(kind) => {
            serde_json::from_str(text).map_or_else(|_| value.clone(), Value::from_json)
        }
        (_, FieldType::Json, Value::Date(_) | Value::DateTime(_) | Value::List(_)) => Value::from_json(value.to_json()),
        _ => value.clone(),
    };
    to.coerce(value)
}

fn spelled(list: &[Value], between: &str) -> Value {
    let parts: Vec<String> = list
        .iter()
        .filter(|item| !item.is_empty())
        .map(ToString::to_string)
        .collect();
    Value::Text(parts.join(between))
}

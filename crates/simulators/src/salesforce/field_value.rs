//! One JSON value for one field: type, length, choices, ranges.

use serde_json::Value;

use super::cell::Cell;
use super::error::ApiError;
use super::id::RecordId;
use super::schema::{Field, FieldKind};
use super::stamp::{parse_date, parse_datetime};

fn cannot_read(kind: &str, value: &Value) -> ApiError {
    let (token, text) = match value {
        Value::String(text) => ("VALUE_STRING", text.clone()),
        Value::Bool(flag) => (if *flag { "VALUE_TRUE" } else { "VALUE_FALSE" }, flag.to_string()),
        Value::Number(number) if number.is_f64() => ("VALUE_NUMBER_FLOAT", number.to_string()),
        Value::Number(number) => ("VALUE_NUMBER_INT", number.to_string()),
        Value::Array(_) => ("START_ARRAY", "[".to_owned()),
        other => ("VALUE_NULL", other.to_string()),
    };
    ApiError::json_parser(format!(
        "Cannot deserialize instance of {kind} from {token} value {text} or request may be missing a required field \
         at [line:1, column:2]"
    ))
}

/// Reads one JSON value for one field.
pub(crate) fn read_value(field: &Field, value: &Value, trim_harder: bool) -> Result<Option<Cell>, ApiError> {
    if value.is_null() {
        return match field.kind {
            FieldKind::Boolean => Err(cannot_read("boolean", value)),
            _ => Ok(None),
        };
    }
    let wrong = |kind: &str| cannot_read(kind, value);
    match field.kind {
        FieldKind::Text | FieldKind::Email | FieldKind::Picklist | FieldKind::MultiPicklist => {
            let text = value.as_str().ok_or_else(|| wrong("string"))?;
            read_text(field, text, trim_harder)
        }
        FieldKind::Boolean => match value {
            Value::Bool(flag) => Ok(Some(Cell::Bool(*flag))),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(Some(Cell::Bool(true))),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(Some(Cell::Bool(false))),
            _ => Err(wrong("boolean")),
        },
        FieldKind::Int | FieldKind::Double => {
            if value.as_str().is_some_and(|text| text.trim().is_empty()) {
                return Ok(None);
            }
            let number = value
                .as_f64()
                .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
                .filter(|number| number.is_finite())
                .ok_or_else(|| wrong(if field.kind == FieldKind::Int { "int" } else { "double" }))?;
            read_number(field, number, value)
        }
        FieldKind::Date => {
            let text = value.as_str().ok_or_else(|| wrong("date"))?;
            if text.is_empty() {
                return Ok(None);
            }
            let day = text
                .get(..10)
                .filter(|_| text.len() == 10 || parse_datetime(text).is_some());
            let date = day.and_then(parse_date).ok_or_else(|| wrong("date"))?;
            Ok(Some(Cell::Date(date)))
        }
        FieldKind::DateTime => {
            let text = value.as_str().ok_or_else(|| wrong("datetime"))?;
            if text.is_empty() {
                return Ok(None);
            }
            parse_datetime(text)
                .map(|stamp| Some(Cell::DateTime(stamp)))
                .ok_or_else(|| wrong("datetime"))
        }
        FieldKind::Reference => {
            let text = value.as_str().ok_or_else(|| wrong("reference"))?;
            if text.is_empty() {
                return Ok(None);
            }
            RecordId::parse(text).map(|id| Some(Cell::Id(id))).ok_or_else(|| {
                ApiError::row(
                    "MALFORMED_ID",
                    format!("{}: id value of incorrect type: {text}", field.label),
                    &[&field.name],
                )
            })
        }
        FieldKind::Address => Err(wrong("address")),
    }
}

fn read_text(field: &Field, text: &str, trim_harder: bool) -> Result<Option<Cell>, ApiError> {
    let trimmed = text.trim();
    let collapsed;
    let text = if trim_harder {
        collapsed = trimmed.split_whitespace().collect::<Vec<_>>().join(" ");
        collapsed.as_str()
    } else {
        trimmed
    };
    if text.is_empty() {
        return Ok(None);
    }
    if field.length > 0 && text.chars().count() > field.length {
        return Err(ApiError::row(
            "STRING_TOO_LONG",
            format!(
                "{}: data value too large: {text} (max length={})",
                field.label, field.length
            ),
            &[&field.name],
        ));
    }
    match field.kind {
        FieldKind::Email if !looks_like_email(text) => Err(ApiError::row(
            "INVALID_EMAIL_ADDRESS",
            format!("{}: invalid email address: {text}", field.label),
            &[&field.name],
        )),
        FieldKind::Picklist if field.restricted && !field.picklist.is_empty() => {
            // The stored value takes the case of the picklist's own.
            match field.picklist.iter().find(|known| known.eq_ignore_ascii_case(text)) {
                Some(known) => Ok(Some(Cell::text(known.as_str()))),
                None => Err(bad_choice(field, text)),
            }
        }
        FieldKind::MultiPicklist => {
            let chosen: Vec<&str> = text
                .split(';')
                .map(str::trim)
                .filter(|choice| !choice.is_empty())
                .collect();
            if field.restricted
                && let Some(unknown) = chosen
                    .iter()
                    .find(|choice| !field.picklist.iter().any(|known| known == *choice))
            {
                return Err(bad_choice(field, unknown));
            }
            // The order is the picklist's, whatever the order of the request.
            let place = |choice: &str| {
                field
                    .picklist
                    .iter()
                    .position(|known| known == choice)
                    .unwrap_or(usize::MAX)
            };
            let mut ordered = chosen;
            ordered.sort_by_key(|choice| place(choice));
            ordered.dedup();
            Ok((!ordered.is_empty()).then(|| Cell::text(ordered.join(";"))))
        }
        _ => Ok(Some(Cell::text(text))),
    }
}

fn bad_choice(field: &Field, text: &str) -> ApiError {
    ApiError::row(
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        format!("{}: bad value for restricted picklist field: {text}", field.label),
        &[&field.name],
    )
}

fn looks_like_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    !local.is_empty()
        && !text.contains(char::is_whitespace)
        && !domain.contains('@')
        && domain.split('.').count() > 1
        && domain.split('.').all(|label| !label.is_empty())
}

fn read_number(field: &Field, number: f64, value: &Value) -> Result<Option<Cell>, ApiError> {
    let whole_digits = if field.kind == FieldKind::Int {
        if field.digits == 0 { 9 } else { field.digits }
    } else if field.precision == 0 {
        18
    } else {
        field.precision.saturating_sub(field.scale)
    };
    let limit = 10_f64.powi(i32::try_from(whole_digits).unwrap_or(18));
    if number.abs() >= limit {
        return Err(ApiError::row(
            "NUMBER_OUTSIDE_VALID_RANGE",
            format!(
                "{}: value outside of valid range on numeric field: {value}",
                field.label
            ),
            &[&field.name],
        ));
    }
    if field.kind == FieldKind::Int {
        if number.fract() != 0.0 {
            return Err(cannot_read("int", value));
        }
        #[allow(clippy::cast_possible_truncation, reason = "whole and below ten to the ninth")]
        return Ok(Some(Cell::Int(number as i64)));
    }
    let factor = 10_f64.powi(i32::try_from(field.scale.min(15)).unwrap_or(15));
    let scaled = number * factor;
    let rounded = if scaled.abs() < 9e15 {
        scaled.round() / factor
    } else {
        number
    };
    Ok(Some(Cell::Double(rounded)))
}

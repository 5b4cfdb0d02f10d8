//! Values on the wire: HubSpot's property values are all texts. The one place that reads and writes them.

use jiff::{Timestamp, civil, tz::TimeZone};
use syncline_core::batch::ValueKind;
use syncline_core::decode::ReadText;
use syncline_core::value::{DateTime, Precision, Value, encode_datetime, encode_null, encode_text};

/// Separates the choices of a multiple choice.
const SEPARATOR: char = ';';

/// Reads property texts. Empty text is null: that is how a property is cleared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wire;

impl ReadText for Wire {
    fn read(&self, kind: ValueKind, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return encode_null(out);
        }
        match kind {
            ValueKind::Text => encode_text(text, out),
            ValueKind::DateTime => match read_instant(text) {
                Some(instant) => encode_datetime(DateTime::new(instant, Precision::Millisecond), out),
                None => encode_text(text, out),
            },
            kind => read_other(kind, text).unwrap_or_else(|| Value::text(text)).encode(out),
        }
    }
}

fn read_other(kind: ValueKind, text: &str) -> Option<Value> {
    match kind {
        ValueKind::Bool if text.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
        ValueKind::Bool if text.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
        // `inf` and `NaN` read as floating-point numbers, but no property holds them.
        ValueKind::Number if text.contains(|c: char| c.is_ascii_digit()) => Some(Value::from_number(text)),
        ValueKind::Date => read_date(text).map(Value::Date),
        ValueKind::Choices => Some(Value::List(
            text.split(SEPARATOR)
                .map(str::trim)
                .filter(|choice| !choice.is_empty())
                .map(Value::from)
                .collect(),
        )),
        ValueKind::Json => serde_json::from_str(text).ok().map(Value::Json),
        _ => None,
    }
}

/// Reads an instant: ISO 8601 with a zone, or milliseconds since 1970 as some calculated properties have it.
pub(crate) fn read_instant(text: &str) -> Option<Timestamp> {
    match text.parse::<i64>() {
        Ok(milliseconds) => Timestamp::from_millisecond(milliseconds).ok(),
        Err(_) => text.parse().ok(),
    }
}

fn read_date(text: &str) -> Option<civil::Date> {
    if let Ok(milliseconds) = text.parse::<i64>() {
        return Timestamp::from_millisecond(milliseconds)
            .ok()
            .map(|at| at.to_zoned(TimeZone::UTC).date());
    }
    if text.len() == "2026-11-20".len() {
        return text.parse().ok();
    }
    text.parse::<Timestamp>()
        .ok()
        .map(|at| at.to_zoned(TimeZone::UTC).date())
}

/// A value as a write carries it; null clears.
pub(crate) fn write(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(bool) => bool.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Decimal(decimal) => decimal.normalize().to_string(),
        Value::Float(float) => float.to_string(),
        Value::Text(text) => text.clone(),
        Value::Date(date) => date.to_string(),
        Value::DateTime(at) => write_instant(at.instant),
        Value::List(list) => list.iter().map(write).collect::<Vec<_>>().join(&SEPARATOR.to_string()),
        Value::Json(json) => json.to_string(),
    }
}

/// A value as a search filter carries it: instants and days as milliseconds, which every version understands.
pub(crate) fn write_filter(value: &Value) -> String {
    match value {
        Value::DateTime(at) => at.instant.as_millisecond().to_string(),
        Value::Date(date) => date.to_zoned(TimeZone::UTC).map_or_else(
            |_| date.to_string(),
            |midnight| midnight.timestamp().as_millisecond().to_string(),
        ),
        other => write(other),
    }
}

fn write_instant(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;

    fn read(kind: ValueKind, text: &str) -> Value {
        let mut out = Vec::new();
        Wire.read(kind, text, &mut out);
        Value::decode(&mut out.as_slice()).unwrap()
    }

    fn any_value() -> impl Strategy<Value = (ValueKind, Value)> {
        prop_oneof![
            any::<bool>().prop_map(|b| (ValueKind::Bool, Value::Bool(b))),
            any::<i64>().prop_map(|n| (ValueKind::Number, Value::Int(n))),
            (any::<i64>(), 0u32..18).prop_map(|(n, s)| (ValueKind::Number, Value::Decimal(Decimal::new(n, s)))),
            "[^\u{0}]{1,40}".prop_map(|t| (ValueKind::Text, Value::Text(t))),
            (-20_000i32..40_000).prop_map(|d| (
                ValueKind::Date,
                Value::Date(civil::date(1970, 1, 1) + jiff::Span::new().days(d))
            )),
            (-2_000_000_000_000i64..4_000_000_000_000).prop_map(|ms| (
                ValueKind::DateTime,
                Value::DateTime(DateTime::new(
                    Timestamp::from_millisecond(ms).unwrap(),
                    Precision::Millisecond
                ))
            )),
            prop::collection::vec("[a-z0-9_ ]{0,5}[a-z]", 1..5).prop_map(|list| (
                ValueKind::Choices,
                Value::List(list.iter().map(|choice| Value::text(choice.trim())).collect())
            )),
            Just((ValueKind::Text, Value::Null)),
            Just((ValueKind::Choices, Value::Null)),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_equal((kind, value) in any_value()) {
            prop_assert_eq!(read(kind, &write(&value)), value);
        }

        #[test]
        fn no_text_is_lost_or_panics(text in ".{0,30}") {
            for kind in [ValueKind::Bool, ValueKind::Date, ValueKind::DateTime, ValueKind::Json] {
                let value = read(kind, &text);
                prop_assert!(!text.is_empty() || value == Value::Null);
            }
        }
    }

    #[test]
    fn texts_are_read_as_their_kind_and_stay_text_otherwise() {
        assert_eq!(read(ValueKind::Number, "12"), Value::Int(12));
        assert_eq!(
            read(ValueKind::Number, "12.50"),
            Value::Decimal("12.5".parse().unwrap())
        );
        assert_eq!(read(ValueKind::Number, "NaN"), Value::text("NaN"));
        assert_eq!(read(ValueKind::Bool, "yes"), Value::text("yes"));
        assert_eq!(
            read(ValueKind::Choices, ";b; c"),
            Value::List(vec!["b".into(), "c".into()])
        );
        assert_eq!(
            read(ValueKind::DateTime, "1790000000001"),
            read(ValueKind::DateTime, "2026-09-21T14:13:20.001Z")
        );
        assert_eq!(
            read(ValueKind::Date, "1763596800000"),
            Value::Date(civil::date(2025, 11, 20))
        );
        assert_eq!(read(ValueKind::Date, "soon"), Value::text("soon"));
        assert_eq!(read(ValueKind::Text, ""), Value::Null);
    }

    #[test]
    fn filters_carry_milliseconds() {
        assert_eq!(write_filter(&Value::Date(civil::date(2025, 11, 20))), "1763596800000");
    }
}

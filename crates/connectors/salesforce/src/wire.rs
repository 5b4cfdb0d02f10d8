//! Values on the wire: how Salesforce's texts are read and how values are written, in one place.

use jiff::{Timestamp, civil};
use syncline_core::batch::ValueKind;
use syncline_core::decode::ReadText;
use syncline_core::value::{DateTime, Precision, Value, encode_datetime, encode_text};

/// Separates the choices of a multi-select picklist.
const CHOICE_SEPARATOR: char = ';';

/// An instant as Salesforce writes it: `2026-11-20T10:00:00.000+0000`.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    // RFC 3339 wants a colon in the offset, which Salesforce leaves out.
    let bytes = text.as_bytes();
    let (body, offset) = match bytes.iter().rposition(|byte| matches!(byte, b'+' | b'-' | b'Z')) {
        Some(at) if at > 10 => text.split_at(at),
        _ => return None,
    };
    let local: civil::DateTime = body.parse().ok()?;
    let minutes = match offset.as_bytes() {
        b"Z" | b"+0000" | b"+00:00" => 0,
        [sign, digits @ ..] => {
            let digits: String = digits
                .iter()
                .filter(|byte| **byte != b':')
                .map(|byte| char::from(*byte))
                .collect();
            let (hours, minutes) = digits.split_at_checked(2)?;
            let total = hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?;
            if *sign == b'-' { -total } else { total }
        }
        [] => return None,
    };
    jiff::tz::Offset::from_seconds(minutes.checked_mul(60)?)
        .ok()?
        .to_timestamp(local)
        .ok()
}

fn datetime(text: &str) -> Option<DateTime> {
    let instant = instant(text)?;
    let precision = match instant.subsec_nanosecond() {
        0 => Precision::Second,
        _ => Precision::Millisecond,
    };
    Some(DateTime::new(instant, precision))
}

/// Reads texts of the REST API by kind of field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RestText;

impl ReadText for RestText {
    fn read(&self, kind: ValueKind, text: &str, out: &mut Vec<u8>) {
        let typed = match kind {
            ValueKind::Text | ValueKind::Json => None,
            ValueKind::Bool => text.parse().ok().map(Value::Bool),
            ValueKind::Number => match Value::from_number(text) {
                Value::Text(_) => None,
                number => Some(number),
            },
            ValueKind::Date => text.parse().ok().map(Value::Date),
            ValueKind::DateTime => {
                return match datetime(text) {
                    Some(at) => encode_datetime(at, out),
                    None => encode_text(text, out),
                };
            }
            ValueKind::Choices => Some(Value::List(text.split(CHOICE_SEPARATOR).map(Value::text).collect())),
        };
        match typed {
            Some(value) => value.encode(out),
            None => encode_text(text, out),
        }
    }
}

/// Why a value can't be sent.
pub(crate) type Unwritable = &'static str;

/// Appends a value as the JSON that a write takes. Null clears, and so does anything empty.
pub(crate) fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    match value {
        empty if empty.is_empty() => out.extend_from_slice(b"null"),
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(bool) => out.extend_from_slice(bool.to_string().as_bytes()),
        Value::Int(int) => out.extend_from_slice(int.to_string().as_bytes()),
        // As digits, not through a binary number: money must not change on its way.
        Value::Decimal(decimal) => out.extend_from_slice(decimal.normalize().to_string().as_bytes()),
        Value::Float(float) if float.is_finite() => json(float, out)?,
        Value::Float(_) => return Err("the number is infinite or not a number"),
        Value::Text(text) => json(text, out)?,
        Value::Date(date) => json(&date.to_string(), out)?,
        Value::DateTime(at) => json(&at.instant.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(), out)?,
        Value::List(list) => json(&joined(list)?, out)?,
        Value::Json(value) => json(value, out)?,
    }
    Ok(())
}

/// Choices as one text.
pub(crate) fn joined(list: &[Value]) -> Result<String, Unwritable> {
    let mut out = String::new();
    for (index, value) in list.iter().enumerate() {
        let choice = value.to_string();
        if choice.contains(CHOICE_SEPARATOR) {
            return Err("a choice may not contain a semicolon");
        }
        if index > 0 {
            out.push(CHOICE_SEPARATOR);
        }
        out.push_str(&choice);
    }
    Ok(out)
}

fn json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    serde_json::to_writer(out, value).map_err(|_| "the value can't be written as JSON")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;
    use serde::de::DeserializeSeed;
    use syncline_core::batch::{Batch, Projection};
    use syncline_core::decode::{FieldTree, FieldsSeed};

    use super::*;

    fn any_value() -> impl Strategy<Value = (ValueKind, Value)> {
        prop_oneof![
            any::<bool>().prop_map(|bool| (ValueKind::Bool, Value::Bool(bool))),
            (-(1i64 << 53)..(1i64 << 53)).prop_map(|int| (ValueKind::Number, Value::Int(int))),
            // Fifteen digits: more than a Salesforce number keeps exactly is not promised by anyone.
            (-999_999_999_999_999i64..999_999_999_999_999, 0u32..16)
                .prop_map(|(digits, scale)| (ValueKind::Number, Value::Decimal(Decimal::new(digits, scale)))),
            ".+".prop_map(|text| (ValueKind::Text, Value::Text(text))),
            (-200_000i32..200_000).prop_map(|days| {
                (
                    ValueKind::Date,
                    Value::Date(civil::date(2000, 1, 1) + jiff::Span::new().days(days)),
                )
            }),
            (-10_000_000_000_000i64..10_000_000_000_000).prop_map(|ms| {
                let at = Timestamp::from_millisecond(ms).unwrap();
                (
                    ValueKind::DateTime,
                    Value::DateTime(DateTime::new(at, Precision::Millisecond)),
                )
            }),
            prop::collection::vec("[^;]+", 1..5).prop_map(|list| (
                ValueKind::Choices,
                Value::List(list.into_iter().map(Value::Text).collect())
            )),
            Just((ValueKind::Text, Value::Null)),
        ]
    }

    fn read_back(kind: ValueKind, json: &[u8]) -> Value {
        let record = [br#"{"F":"#, json, b"}"].concat();
        let tree = FieldTree::new(&Projection::new([("F", kind)]), true);
        let mut batch = Batch::new(1);
        let mut row = batch.row("1");
        let mut deserializer = serde_json::Deserializer::from_slice(&record);
        FieldsSeed {
            tree: &tree,
            row: &mut row,
            text: &RestText,
        }
        .deserialize(&mut deserializer)
        .unwrap();
        row.finish();
        batch.get(0).unwrap().value(0).unwrap().unwrap()
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same((kind, value) in any_value()) {
            let mut out = Vec::new();
            write(&value, &mut out).unwrap();
            prop_assert_eq!(read_back(kind, &out), value);
        }

        #[test]
        fn any_text_of_any_kind_is_read_without_loss_of_its_row(text in ".*") {
            let json = serde_json::to_vec(&text).unwrap();
            for kind in [ValueKind::Bool, ValueKind::Number, ValueKind::Date, ValueKind::DateTime, ValueKind::Choices] {
                read_back(kind, &json);
            }
        }
    }

    #[test]
    fn instants_are_read_in_every_form_that_salesforce_writes() {
        for text in [
            "2026-11-20T10:00:00.000+0000",
            "2026-11-20T10:00:00.000Z",
            "2026-11-20T11:00:00+01:00",
        ] {
            assert_eq!(instant(text).unwrap().to_string(), "2026-11-20T10:00:00Z", "{text}");
        }
        assert_eq!(
            instant("2026-11-20T04:30:00.250-0530").unwrap().to_string(),
            "2026-11-20T10:00:00.25Z"
        );
        for text in [
            "",
            "2026-11-20",
            "10:00:00.000Z",
            "2026-11-20T10:00:00",
            "2026-11-20T10:00:00+x",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_its_kind_stays_text() {
        for kind in [ValueKind::Bool, ValueKind::Number, ValueKind::Date, ValueKind::DateTime] {
            assert_eq!(read_back(kind, br#""n/a""#), Value::text("n/a"));
        }
    }

    #[test]
    fn empty_values_clear_and_impossible_ones_are_refused() {
        let written = |value: &Value| {
            let mut out = Vec::new();
            write(value, &mut out).map(|()| String::from_utf8(out).unwrap())
        };
        for empty in [Value::Null, Value::text(""), Value::List(Vec::new())] {
            assert_eq!(written(&empty).unwrap(), "null");
        }
        assert!(written(&Value::Float(f64::NAN)).is_err());
        assert!(written(&Value::List(vec![Value::text("a;b")])).is_err());
        assert_eq!(
            written(&Value::Decimal("1234567890123456.78".parse().unwrap())).unwrap(),
            "1234567890123456.78"
        );
    }
}

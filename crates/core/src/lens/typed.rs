//! The implicit last step of every rule: conversion by type.

use crate::error::Result;
use crate::glimpse::{Glimpse, is_plain_lower_case};
use crate::lens::normaliser::Normalise;
use crate::lens::wire::{Wire, as_decimal, as_instant, whole_or_decimal};
use crate::lens::{SharedLens, ValueLens, email, single};
use crate::model::FieldType;
use crate::schema::FieldSchema;
use crate::value::Value;

/// The lens between a field of a blueprint and what comes before it.
///
/// With `schema` it stands alone: raw values are those of that remote field, and are written as it wants them (a whole
/// number for a number, ISO text for a date in a text field), rounded to its `scale`. A text that is longer than its
/// `length` is refused, never cut. Without `schema` it follows other lenses and writes values in the field's own form;
/// [`for_remote`] then stands before those lenses.
///
/// Texts compare exactly; e-mail addresses without case and outer white space; numbers by value; several choices as a
/// set; instants at the precision of what the side holds.
///
/// ```
/// use syncline_core::{Value, lens::{NoLinks, typed}, model::FieldType};
/// let lens = typed::for_field(&FieldType::Email, None);
/// assert_eq!(lens.get(&[Value::text("Bob@X.com ")], &NoLinks)?, [Value::text("bob@x.com")]);
/// # Ok::<(), syncline_core::Error>(())
/// ```
pub fn for_field(field: &FieldType, schema: Option<&FieldSchema>) -> SharedLens {
    single(FieldStep {
        field: field.clone(),
        wire: schema.map(Wire::new),
    })
}

/// The first step before a chain of lenses: values in the form in which the remote field holds them, both ways, with
/// the same rounding and length check as [`for_field`].
pub fn for_remote(schema: &FieldSchema) -> SharedLens {
    #[derive(Debug)]
    struct RemoteStep(Wire);

    impl ValueLens for RemoteStep {
        fn get(&self, raw: &Value) -> Result<Value> {
            Ok(self.canon(raw))
        }

        fn put(&self, canonical: &Value, old: &Value) -> Result<Value> {
            self.0.fit(canonical, old)
        }

        fn canon(&self, raw: &Value) -> Value {
            self.0.convert(raw, raw).unwrap_or_else(|_| raw.clone())
        }

        fn keeps(&self, encoded: &[u8]) -> bool {
            self.0.keeps(encoded)
        }
    }

    single(RemoteStep(Wire::new(schema)))
}

#[derive(Debug)]
struct FieldStep {
    field: FieldType,
    wire: Option<Wire>,
}

impl FieldStep {
    /// The canonical value in the form for the remote field.
    fn outgoing(&self, canonical: &Value, old: &Value) -> Result<Value> {
        Ok(match (&self.field, canonical) {
            (FieldType::Email, value) => email::Email.normalise(value)?,
            // A remote amount beside a currency field of its own holds the number alone.
            (FieldType::Money, Value::List(pair)) => match (pair.as_slice(), old) {
                ([amount, _], _) if self.wire.is_some() => amount.clone(),
                ([amount, Value::Null], Value::Int(_) | Value::Decimal(_) | Value::Float(_)) => amount.clone(),
                _ => canonical.clone(),
            },
            (_, value) if value.is_empty() => Value::Null,
            (_, value) => value.clone(),
        })
    }
}

impl ValueLens for FieldStep {
    fn get(&self, raw: &Value) -> Result<Value> {
        let raw = self
            .wire
            .as_ref()
            .map_or_else(|| raw.clone(), |wire| wire.distinct(raw));
        // A whole number reads the same whatever form it came in.
        let raw = match &raw {
            Value::Float(_) if self.field != FieldType::Float => as_decimal(&raw).map_or(raw, whole_or_decimal),
            _ => raw,
        };
        let raw = match (&raw, &self.field) {
            (_, FieldType::Email) => email::Email.normalise(&raw)?,
            (Value::Date(_), FieldType::DateTime) => as_instant(&raw).map_or(raw, Value::DateTime),
            _ => raw,
        };
        self.field.coerce(raw)
    }

    fn put(&self, canonical: &Value, old: &Value) -> Result<Value> {
        let value = self.outgoing(canonical, old)?;
        match &self.wire {
            Some(wire) => wire.fit(&value, old),
            None => Ok(value),
        }
    }

    fn canon(&self, raw: &Value) -> Value {
        let Ok(canonical) = self.get(raw) else {
            return raw.clone();
        };
        match &self.wire {
            Some(wire) => self
                .outgoing(&canonical, raw)
                .and_then(|value| wire.convert(&value, raw))
                .unwrap_or_else(|_| raw.clone()),
            None => canonical,
        }
    }

    fn keeps(&self, encoded: &[u8]) -> bool {
        use FieldType as Type;
        let unscaled = self.wire.as_ref().is_none_or(Wire::is_unscaled);
        match (Glimpse::of(encoded), &self.field) {
            (Glimpse::Null, _) | (Glimpse::Bool, Type::Bool) | (Glimpse::Int, Type::Integer | Type::Decimal) => true,
            (Glimpse::Date, Type::Date) | (Glimpse::DateTime, Type::DateTime) => true,
            (Glimpse::Text(text), Type::Email) => unscaled && is_plain_lower_case(text),
            (Glimpse::Text(text), Type::Text | Type::LongText | Type::Phone | Type::Url | Type::Choice { .. }) => {
                unscaled && !text.is_empty()
            }
            (Glimpse::Decimal, Type::Decimal) => unscaled,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;
    use crate::batch::ValueKind;
    use crate::error::ErrorKind;
    use crate::lens::NoLinks;
    use crate::lens::laws::schema_of;
    use crate::value::{DateTime, Precision};

    fn get(lens: &SharedLens, raw: Value) -> Result<Value> {
        Ok(lens.get(&[raw], &NoLinks)?.remove(0))
    }

    fn put(lens: &SharedLens, canonical: Value, old: Value) -> Result<Value> {
        Ok(lens.put(&[canonical], &[old], &NoLinks)?.remove(0))
    }

    fn decimal(text: &str) -> Value {
        Value::Decimal(Decimal::from_str_exact(text).unwrap())
    }

    #[test]
    fn a_number_is_written_as_the_remote_field_wants_it() {
        let number = for_field(&FieldType::Decimal, Some(&schema_of(ValueKind::Number)));
        assert_eq!(put(&number, decimal("12.00"), Value::Null).unwrap(), Value::Int(12));
        let text = for_field(&FieldType::Decimal, Some(&schema_of(ValueKind::Text)));
        assert_eq!(put(&text, decimal("12.50"), Value::Null).unwrap(), Value::text("12.5"));
        assert_eq!(text.canon(&[Value::text("12.50")]), text.canon(&[Value::text("12.5")]));
    }

    #[test]
    fn a_number_is_rounded_to_the_scale_of_the_remote_field() {
        let mut schema = schema_of(ValueKind::Number);
        schema.scale = Some(2);
        let lens = for_field(&FieldType::Decimal, Some(&schema));
        assert_eq!(put(&lens, decimal("1.005"), Value::Null).unwrap(), decimal("1.01"));
        assert_eq!(lens.canon(&[decimal("1.005")]), [decimal("1.01")]);
        assert_eq!(put(&lens, decimal("1.999"), Value::Null).unwrap(), Value::Int(2));
    }

    #[test]
    fn a_text_that_is_too_long_is_refused_and_not_cut() {
        let mut schema = schema_of(ValueKind::Text);
        schema.length = Some(3);
        schema.path = "Name".into();
        let lens = for_field(&FieldType::Text, Some(&schema));
        assert_eq!(put(&lens, Value::text("äöü"), Value::Null).unwrap(), Value::text("äöü"));
        let error = put(&lens, Value::text("abcd"), Value::Null).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(
            error
                .message()
                .contains("`Name` holds at most 3 characters and this value has 4"),
            "{error}"
        );
    }

    #[test]
    fn an_instant_is_written_at_the_precision_that_the_side_keeps() {
        let lens = for_field(&FieldType::DateTime, Some(&schema_of(ValueKind::DateTime)));
        let at = |text: &str, precision| Value::DateTime(DateTime::new(text.parse().unwrap(), precision));
        let fine = at("2026-01-02T03:04:05.678912Z", Precision::Microsecond);
        let second = at("2026-01-01T00:00:00Z", Precision::Second);
        assert_eq!(
            put(&lens, fine.clone(), second).unwrap(),
            at("2026-01-02T03:04:05Z", Precision::Second)
        );
        assert_eq!(
            put(&lens, fine, Value::Null).unwrap(),
            at("2026-01-02T03:04:05.678Z", Precision::Millisecond)
        );
    }

    #[test]
    fn a_money_field_takes_a_bare_amount() {
        let lens = for_field(&FieldType::Money, Some(&schema_of(ValueKind::Number)));
        let money = get(&lens, decimal("9.50")).unwrap();
        assert_eq!(money, Value::List(vec![decimal("9.5"), Value::Null]));
        let euros = Value::List(vec![decimal("9.5"), Value::text("EUR")]);
        assert_eq!(put(&lens, euros, Value::Null).unwrap(), decimal("9.5"));
    }

    #[test]
    fn choices_are_a_set() {
        let field = FieldType::MultiChoice { choices: Vec::new() };
        let lens = for_field(&field, Some(&schema_of(ValueKind::Choices)));
        let raw = Value::List(vec!["b".into(), "a".into(), "b".into()]);
        let sorted = Value::List(vec!["a".into(), "b".into()]);
        assert_eq!(get(&lens, raw.clone()).unwrap(), sorted);
        assert_eq!(lens.canon(&[raw]), [sorted]);
    }

    #[test]
    fn several_choices_do_not_fit_a_text_field() {
        let field = FieldType::MultiChoice { choices: Vec::new() };
        let lens = for_field(&field, Some(&schema_of(ValueKind::Text)));
        let error = put(&lens, Value::List(vec!["a".into(), "b".into()]), Value::Null).unwrap_err();
        assert!(error.message().contains("add the `choices` lens"), "{error}");
    }

    #[test]
    fn a_bool_or_date_in_a_text_field_is_text() {
        let text = schema_of(ValueKind::Text);
        let lens = for_field(&FieldType::Bool, Some(&text));
        assert_eq!(put(&lens, Value::Bool(true), Value::Null).unwrap(), Value::text("true"));
        assert_eq!(
            put(&lens, Value::Bool(true), Value::text("Yes")).unwrap(),
            Value::text("Yes")
        );
        let lens = for_field(&FieldType::Date, Some(&text));
        let date = get(&lens, Value::text("2026-02-03")).unwrap();
        assert_eq!(date.kind_name(), "a date");
        assert_eq!(put(&lens, date, Value::Null).unwrap(), Value::text("2026-02-03"));
    }
}

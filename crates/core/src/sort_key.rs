//! Values as bytes whose order is that of the values, for indexes.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::value::Value;

/// Bytes of a text that count: texts that differ only beyond are in no order.
const TEXT: usize = 200;

const NOTHING: u8 = 1;
const BOOL: u8 = 2;
const INT: u8 = 3;
const DECIMAL: u8 = 4;
const FLOAT: u8 = 5;
const TIME: u8 = 6;
const LIST: u8 = 7;
const WORDS: u8 = 8;

/// The first sort key of a value that is set.
pub const SET: &[u8] = &[BOOL];

/// The sort key of a value. Nothing comes first, then values of one kind in their own order; texts by their bytes. A
/// long text is cut, so equal keys do not always mean equal values.
///
/// ```
/// use syncline_core::{Value, sort_key::sort_key};
/// let decimal = |text: &str| sort_key(&Value::from_number(text));
/// assert!(decimal("-10.5") < decimal("-9.25") && decimal("-0.5") < decimal("0.25") && decimal("9.5") < decimal("10.5"));
/// assert!(sort_key(&Value::Null) < sort_key(&Value::text("a")));
/// ```
pub fn sort_key(value: &Value) -> Vec<u8> {
    let mut key = Vec::with_capacity(24);
    write(value, &mut key);
    key
}

/// The least sort key above all that begin like this text's; with the text's own it bounds a prefix.
///
/// ```
/// use syncline_core::{Value, sort_key::{after_prefix, sort_key}};
/// let inside = sort_key(&Value::text("Graz"));
/// assert!(sort_key(&Value::text("Gr")) <= inside && inside < after_prefix("Gr"));
/// assert!(sort_key(&Value::text("Gs")) >= after_prefix("Gr"));
/// ```
pub fn after_prefix(prefix: &str) -> Vec<u8> {
    let mut key = sort_key(&Value::text(prefix));
    if prefix.is_empty() {
        return vec![WORDS + 1];
    }
    // No byte of UTF-8 is the largest, so this never overflows.
    if let Some(last) = key.last_mut() {
        *last = last.saturating_add(1);
    }
    key
}

/// The least sort key above this one.
pub fn after(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

fn write(value: &Value, key: &mut Vec<u8>) {
    match value {
        empty if empty.is_empty() => key.push(NOTHING),
        Value::Bool(bool) => key.extend([BOOL, u8::from(*bool)]),
        Value::Int(int) => {
            key.push(INT);
            key.extend(ordered(*int));
        }
        Value::Decimal(decimal) => {
            key.push(DECIMAL);
            write_decimal(*decimal, key);
        }
        Value::Float(float) => {
            key.push(FLOAT);
            // Bits of positive floats are in order; those of negative ones in the opposite.
            let bits = (*float + 0.0).to_bits();
            let bits = if bits >> 63 == 0 { bits | 1 << 63 } else { !bits };
            key.extend(bits.to_be_bytes());
        }
        Value::Date(date) => {
            key.push(TIME);
            let day = date.to_zoned(jiff::tz::TimeZone::UTC).map(|at| at.timestamp());
            key.extend(ordered(day.map_or(0, jiff::Timestamp::as_microsecond)));
        }
        Value::DateTime(at) => {
            key.push(TIME);
            key.extend(ordered(at.instant.as_microsecond()));
        }
        Value::List(list) => {
            key.push(LIST);
            for item in list {
                write(item, key);
                key.push(0);
            }
            key.truncate(TEXT);
        }
        Value::Text(text) => write_text(text, key),
        other => write_text(&other.to_string(), key),
    }
}

fn write_text(text: &str, key: &mut Vec<u8>) {
    key.push(WORDS);
    key.extend(text.as_bytes().iter().take(TEXT));
}

const fn ordered(int: i64) -> [u8; 8] {
    (int.cast_unsigned() ^ 1 << 63).to_be_bytes()
}

/// Sign, whole part of 12 bytes, fraction of 28 digits in 12 bytes; all bits flipped below zero.
fn write_decimal(decimal: Decimal, key: &mut Vec<u8>) {
    let size = decimal.abs();
    let whole = size.trunc();
    let fraction = size - whole;
    let places = 28 - fraction.scale().min(28);
    let fraction = fraction.mantissa().unsigned_abs() * 10u128.pow(places);
    let whole = whole.to_u128().unwrap_or(u128::MAX);
    let negative = decimal.is_sign_negative() && !decimal.is_zero();
    key.push(u8::from(!negative));
    let bytes = whole
        .to_be_bytes()
        .into_iter()
        .skip(4)
        .chain(fraction.to_be_bytes().into_iter().skip(4));
    key.extend(bytes.map(|byte| if negative { !byte } else { byte }));
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::value::{DateTime, Precision};

    fn order(a: Value, b: Value) -> Ordering {
        sort_key(&a).cmp(&sort_key(&b))
    }

    proptest! {
        #[test]
        fn whole_numbers_sort_as_numbers(a: i64, b: i64) {
            prop_assert_eq!(order(Value::Int(a), Value::Int(b)), a.cmp(&b));
        }

        #[test]
        fn decimals_sort_as_numbers(a: i64, b: i64, first in 0u32..28, second in 0u32..28) {
            let (a, b) = (Decimal::new(a, first), Decimal::new(b, second));
            prop_assert_eq!(order(Value::Decimal(a), Value::Decimal(b)), a.cmp(&b));
        }

        #[test]
        fn floats_sort_as_numbers(a in any::<f64>().prop_filter("a number", |a| !a.is_nan()), b in -1e300..1e300f64) {
            prop_assert_eq!(order(Value::Float(a), Value::Float(b)), (a + 0.0).total_cmp(&(b + 0.0)));
        }

        #[test]
        fn instants_sort_by_time(a in -9_000_000_000i64..9_000_000_000, b in -9_000_000_000i64..9_000_000_000) {
            let at = |second| DateTime::new(Timestamp::from_second(second).unwrap(), Precision::Second);
            prop_assert_eq!(order(Value::DateTime(at(a)), Value::DateTime(at(b))), a.cmp(&b));
        }

        #[test]
        fn texts_sort_by_their_bytes_and_prefixes_bound_them(a in ".{1,20}", b in ".{1,20}") {
            prop_assert_eq!(order(Value::text(a.as_str()), Value::text(b.as_str())), a.as_bytes().cmp(b.as_bytes()));
            let key = sort_key(&Value::text(b.as_str()));
            let inside = sort_key(&Value::text(a.as_str())) <= key && key < after_prefix(&a);
            prop_assert_eq!(inside, b.starts_with(&a));
        }
    }
}

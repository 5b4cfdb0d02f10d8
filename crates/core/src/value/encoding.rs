//! The canonical encoding of values: equal values give equal bytes, and damaged bytes an error.

use jiff::{Timestamp, civil};
use rust_decimal::Decimal;

use super::{DateTime, Precision, Value};
use crate::error::{Error, ErrorKind, Result};

impl Value {
    /// Appends the canonical encoding: equal values give equal bytes, but for the precision of an instant, which is
    /// kept so that it can be read back.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(TAG_NULL),
            Self::Bool(bool) => out.push(if *bool { TAG_TRUE } else { TAG_FALSE }),
            Self::Int(int) => encode_int(*int, out),
            Self::Decimal(decimal) => encode_decimal(*decimal, out),
            Self::Float(float) => {
                out.push(TAG_FLOAT);
                let float = if float.is_nan() { f64::NAN } else { *float + 0.0 };
                out.extend_from_slice(&float.to_bits().to_le_bytes());
            }
            Self::Text(text) => encode_text(text, out),
            Self::Date(date) => {
                out.push(TAG_DATE);
                put_signed(days(*date), out);
            }
            Self::DateTime(at) => encode_datetime(*at, out),
            Self::List(list) => {
                out.push(TAG_LIST);
                put_unsigned(list.len() as u64, out);
                for value in list {
                    value.encode(out);
                }
            }
            Self::Json(json) => {
                let mut text = String::new();
                canonical_json(json, &mut text);
                out.push(TAG_JSON);
                put_unsigned(text.len() as u64, out);
                out.extend_from_slice(text.as_bytes());
            }
        }
    }

    /// Reads one value from the front of `bytes` and moves `bytes` past it.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when the bytes are not what [`Value::encode`] writes.
    pub fn decode(bytes: &mut &[u8]) -> Result<Self> {
        let tag = take(bytes, 1)?[0];
        Ok(match tag {
            TAG_NULL => Self::Null,
            TAG_FALSE => Self::Bool(false),
            TAG_TRUE => Self::Bool(true),
            TAG_INT => Self::Int(take_signed(bytes)?),
            TAG_DECIMAL => {
                let mut raw = [0; 16];
                raw.copy_from_slice(take(bytes, 16)?);
                Self::Decimal(Decimal::deserialize(raw))
            }
            TAG_FLOAT => {
                let mut raw = [0; 8];
                raw.copy_from_slice(take(bytes, 8)?);
                Self::Float(f64::from_bits(u64::from_le_bytes(raw)))
            }
            TAG_TEXT => Self::Text(take_text(bytes)?.to_owned()),
            TAG_DATE => {
                let day = i32::try_from(take_signed(bytes)?).map_err(|_| corrupt("a date out of range"))?;
                Self::Date(
                    EPOCH
                        .checked_add(
                            jiff::Span::new()
                                .try_days(day)
                                .map_err(|_| corrupt("a date out of range"))?,
                        )
                        .map_err(|_| corrupt("a date out of range"))?,
                )
            }
            TAG_DATETIME => {
                let precision = match take(bytes, 1)?[0] {
                    0 => Precision::Minute,
                    1 => Precision::Second,
                    2 => Precision::Millisecond,
                    3 => Precision::Microsecond,
                    _ => return Err(corrupt("an unknown precision")),
                };
                let instant =
                    Timestamp::from_microsecond(take_signed(bytes)?).map_err(|_| corrupt("an instant out of range"))?;
                Self::DateTime(DateTime { instant, precision })
            }
            TAG_LIST => {
                let count = take_length(bytes)?;
                let mut list = Vec::with_capacity(count.min(bytes.len()));
                for _ in 0..count {
                    list.push(Self::decode(bytes)?);
                }
                Self::List(list)
            }
            TAG_JSON => Self::Json(serde_json::from_str(take_text(bytes)?).map_err(|_| corrupt("broken JSON"))?),
            _ => return Err(corrupt("an unknown value tag")),
        })
    }

    /// Moves `bytes` past one encoded value and returns its slice, without building it.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when the bytes are not what [`Value::encode`] writes.
    pub fn skip<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8]> {
        let start = *bytes;
        match take(bytes, 1)?[0] {
            TAG_NULL | TAG_FALSE | TAG_TRUE => {}
            TAG_INT | TAG_DATE => {
                take_signed(bytes)?;
            }
            TAG_DECIMAL => {
                take(bytes, 16)?;
            }
            TAG_FLOAT => {
                take(bytes, 8)?;
            }
            TAG_TEXT | TAG_JSON => {
                let length = take_length(bytes)?;
                take(bytes, length)?;
            }
            TAG_DATETIME => {
                take(bytes, 1)?;
                take_signed(bytes)?;
            }
            TAG_LIST => {
                for _ in 0..take_length(bytes)? {
                    Self::skip(bytes)?;
                }
            }
            _ => return Err(corrupt("an unknown value tag")),
        }
        Ok(&start[..start.len() - bytes.len()])
    }
}

/// A 128-bit content hash of canonically encoded values (XXH3).
///
/// It finds change, it is not a seal: who can edit a record can only hide their own edit with a collision.
pub fn content_hash(encoded: &[u8]) -> u128 {
    xxhash_rust::xxh3::xxh3_128(encoded)
}

/// Encodes values one after the other.
pub fn encode_all<'a>(values: impl IntoIterator<Item = &'a Value>) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        value.encode(&mut out);
    }
    out
}

/// Decodes all values of a buffer.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when the bytes are not what [`encode_all`] writes.
pub fn decode_all(mut bytes: &[u8]) -> Result<Vec<Value>> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        values.push(Value::decode(&mut bytes)?);
    }
    Ok(values)
}

/// Appends text in the canonical encoding without building a [`Value`].
pub fn encode_text(text: &str, out: &mut Vec<u8>) {
    out.push(TAG_TEXT);
    put_unsigned(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Appends a whole number in the canonical encoding.
pub fn encode_int(int: i64, out: &mut Vec<u8>) {
    out.push(TAG_INT);
    put_signed(int, out);
}

/// Appends a decimal in the canonical encoding; a whole one is written as a whole number, so that both are equal.
pub fn encode_decimal(decimal: Decimal, out: &mut Vec<u8>) {
    let decimal = decimal.normalize();
    if decimal.scale() == 0
        && let Ok(int) = i64::try_from(decimal)
    {
        return encode_int(int, out);
    }
    out.push(TAG_DECIMAL);
    out.extend_from_slice(&decimal.serialize());
}

/// Appends an instant in the canonical encoding.
pub fn encode_datetime(at: DateTime, out: &mut Vec<u8>) {
    out.push(TAG_DATETIME);
    out.push(at.precision as u8);
    put_signed(at.instant.as_microsecond(), out);
}

/// Appends null in the canonical encoding.
pub fn encode_null(out: &mut Vec<u8>) {
    out.push(TAG_NULL);
}

/// Appends a length or number in the variable-length form that the encodings of this crate share.
pub fn put_unsigned(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push((number as u8) | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a signed number in the variable-length form.
pub fn put_signed(number: i64, out: &mut Vec<u8>) {
    put_unsigned(((number << 1) ^ (number >> 63)).cast_unsigned(), out);
}

/// Takes a number written by [`put_unsigned`].
///
/// # Errors
/// [`ErrorKind::Corrupt`] at the end of the bytes or past 64 bits.
pub fn take_unsigned(bytes: &mut &[u8]) -> Result<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(corrupt("a number of more than 64 bits"))
}

/// Takes a number written by [`put_signed`].
///
/// # Errors
/// As [`take_unsigned`].
pub fn take_signed(bytes: &mut &[u8]) -> Result<i64> {
    let number = take_unsigned(bytes)?;
    Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
}

/// Takes `count` bytes.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when there are fewer.
pub fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
    if count > bytes.len() {
        return Err(corrupt("the bytes end too early"));
    }
    let (head, rest) = bytes.split_at(count);
    *bytes = rest;
    Ok(head)
}

/// Takes a length-prefixed text.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when it is cut short or not UTF-8.
pub fn take_text<'a>(bytes: &mut &'a [u8]) -> Result<&'a str> {
    let length = take_length(bytes)?;
    std::str::from_utf8(take(bytes, length)?).map_err(|_| corrupt("text that is not UTF-8"))
}

fn take_length(bytes: &mut &[u8]) -> Result<usize> {
    usize::try_from(take_unsigned(bytes)?).map_err(|_| corrupt("a length out of range"))
}

pub(crate) const TAG_NULL: u8 = 0;
pub(crate) const TAG_FALSE: u8 = 1;
pub(crate) const TAG_TRUE: u8 = 2;
pub(crate) const TAG_INT: u8 = 3;
pub(crate) const TAG_DECIMAL: u8 = 4;
pub(crate) const TAG_FLOAT: u8 = 5;
pub(crate) const TAG_TEXT: u8 = 6;
pub(crate) const TAG_DATE: u8 = 7;
pub(crate) const TAG_DATETIME: u8 = 8;
pub(super) const TAG_LIST: u8 = 9;
pub(super) const TAG_JSON: u8 = 10;

const EPOCH: civil::Date = civil::date(1970, 1, 1);

fn days(date: civil::Date) -> i64 {
    EPOCH.until(date).map_or(0, |span| i64::from(span.get_days()))
}

pub(super) fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("stored values are damaged: {what}"))
}

fn canonical_json(json: &serde_json::Value, out: &mut String) {
    match json {
        serde_json::Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::Value::from(key.as_str()).to_string());
                out.push(':');
                canonical_json(&map[key], out);
            }
            out.push('}');
        }
        serde_json::Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                canonical_json(item, out);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            (any::<i64>(), 0u32..18).prop_map(|(n, s)| Value::Decimal(Decimal::new(n, s))),
            any::<f64>().prop_map(Value::Float),
            ".*".prop_map(Value::Text),
            (-4_000i32..60_000).prop_map(|d| Value::Date(EPOCH + jiff::Span::new().days(d))),
            (0i64..4_000_000_000_000_000).prop_map(|micros| Value::DateTime(DateTime::new(
                Timestamp::from_microsecond(micros).unwrap(),
                Precision::Millisecond
            ))),
        ];
        leaf.prop_recursive(2, 8, 4, |inner| {
            prop::collection::vec(inner, 0..4).prop_map(Value::List)
        })
    }

    proptest! {
        #[test]
        fn a_value_survives_its_encoding(value in any_value()) {
            let encoded = encode_all([&value]);
            prop_assert_eq!(decode_all(&encoded).unwrap(), vec![value.clone()]);
            let mut rest = encoded.as_slice();
            prop_assert_eq!(Value::skip(&mut rest).unwrap(), encoded.as_slice());
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn equal_values_have_equal_encodings(a in any_value(), b in any_value()) {
            prop_assert_eq!(a == b, encode_all([&a]) == encode_all([&b]));
        }

        #[test]
        fn damaged_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = decode_all(&bytes);
        }
    }

    #[test]
    fn trailing_zeros_and_key_order_do_not_count() {
        let number = |text| encode_all([&Value::Decimal(Decimal::from_str_exact(text).unwrap())]);
        assert_eq!(number("1.50"), number("1.5"));
        assert_eq!(number("7.00"), encode_all([&Value::Int(7)]));
        let object = |text: &str| encode_all([&Value::Json(serde_json::from_str(text).unwrap())]);
        assert_eq!(object(r#"{"a":1,"b":2}"#), object(r#"{"b":2,"a":1}"#));
    }
}

//! Checking encoded values that come from outside, without building them where that can be helped.

use super::encoding::{
    TAG_DATE, TAG_DATETIME, TAG_DECIMAL, TAG_FALSE, TAG_FLOAT, TAG_INT, TAG_JSON, TAG_LIST, TAG_NULL, TAG_TEXT,
    TAG_TRUE, corrupt, take, take_signed, take_text, take_unsigned,
};
use super::{Value, encode_all};
use crate::error::Result;

/// Lists within lists: no provider nests deeper, and a checker that calls itself needs a bound.
const DEEPEST: usize = 16;

/// Moves `bytes` past one encoded value and returns its slice, provided that [`Value::encode`] would have written just
/// these bytes. So what is taken from outside can be compared and hashed like values of our own.
///
/// ```
/// use syncline_core::value::{Value, check_encoded, encode_all};
///
/// let encoded = encode_all([&Value::text("Ada")]);
/// assert_eq!(check_encoded(&mut encoded.as_slice())?, encoded.as_slice());
/// // Seven, written in two bytes where one is enough.
/// assert!(check_encoded(&mut [3, 0x8e, 0x00].as_slice()).is_err());
/// # Ok::<(), syncline_core::error::Error>(())
/// ```
///
/// # Errors
/// [`crate::error::ErrorKind::Corrupt`] when the bytes are no value, or not in their canonical form.
pub fn check_encoded<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8]> {
    check(bytes, DEEPEST)
}

fn check<'a>(bytes: &mut &'a [u8], depth: usize) -> Result<&'a [u8]> {
    let start = *bytes;
    let whole = |rest: &[u8]| &start[..start.len() - rest.len()];
    match take(bytes, 1)?[0] {
        TAG_NULL | TAG_FALSE | TAG_TRUE => {}
        TAG_INT => short_number(bytes)?,
        TAG_TEXT => {
            shortest(bytes)?;
            take_text(bytes)?;
        }
        TAG_LIST => {
            if depth == 0 {
                return Err(corrupt("lists within lists without end"));
            }
            shortest(bytes)?;
            for _ in 0..take_unsigned(bytes)? {
                check(bytes, depth - 1)?;
            }
        }
        tag @ (TAG_DECIMAL | TAG_FLOAT | TAG_DATE | TAG_DATETIME | TAG_JSON) => {
            if tag == TAG_JSON {
                shortest(bytes)?;
            }
            let mut rest = start;
            let value = Value::decode(&mut rest)?;
            *bytes = rest;
            if let Value::DateTime(at) = &value
                && at.instant.as_microsecond() % at.precision.microseconds() != 0
            {
                return Err(corrupt("an instant that is finer than its precision"));
            }
            if encode_all([&value]) != whole(rest) {
                return Err(corrupt("a value that is not in its canonical form"));
            }
        }
        _ => return Err(corrupt("an unknown value tag")),
    }
    Ok(whole(bytes))
}

fn short_number(bytes: &mut &[u8]) -> Result<()> {
    shortest(bytes)?;
    take_signed(bytes).map(drop)
}

/// Whether the number at the front has no bytes to spare.
fn shortest(bytes: &[u8]) -> Result<()> {
    let mut rest = bytes;
    take_unsigned(&mut rest)?;
    let used = &bytes[..bytes.len() - rest.len()];
    let spare = match used {
        [.., 0] => used.len() > 1,
        // The tenth byte has room for one bit.
        [.., last] => used.len() == 10 && *last != 1,
        [] => true,
    };
    if spare {
        return Err(corrupt("a number in more bytes than it needs"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{DateTime, Precision};

    fn accepts(bytes: &[u8]) -> bool {
        let mut rest = bytes;
        check_encoded(&mut rest).is_ok_and(|slice| slice == bytes) && rest.is_empty()
    }

    #[test]
    fn what_we_encode_is_accepted() {
        for value in [
            Value::Null,
            Value::Bool(true),
            Value::Int(0),
            Value::Int(i64::MIN),
            Value::Float(0.5),
            Value::Decimal(rust_decimal::Decimal::new(15, 1)),
            Value::text("Zoë"),
            Value::Date(jiff::civil::date(2026, 2, 28)),
            Value::DateTime(DateTime::new(jiff::Timestamp::UNIX_EPOCH, Precision::Second)),
            Value::List(vec![Value::Int(1), Value::List(vec![Value::text("a")])]),
            Value::Json(serde_json::json!({"b": 1, "a": [null]})),
        ] {
            assert!(accepts(&encode_all([&value])), "{value:?}");
        }
    }

    #[test]
    fn another_form_of_the_same_value_is_refused() {
        for (bytes, what) in [
            (&[TAG_INT, 0x80, 0][..], "a spare byte"),
            (
                &[TAG_INT, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 3],
                "more than 64 bits",
            ),
            (&[TAG_TEXT, 0x81, 0, b'a'], "a spare byte in a length"),
            (&[TAG_TEXT, 1, 0xff], "no UTF-8"),
            (&[TAG_TEXT, 9, b'a'], "a length past the end"),
            (&[TAG_FLOAT, 0, 0, 0, 0, 0, 0, 0, 0x80], "minus zero"),
            (&[TAG_DATETIME, 1, 2], "a microsecond in whole seconds"),
            (&[TAG_JSON, 8, b'{', b'"', b'a', b'"', b':', b' ', b'1', b'}'], "spaces"),
            (&[TAG_LIST, 2, TAG_NULL], "a list that ends too early"),
            (&[99], "no tag"),
        ] {
            assert!(!accepts(bytes), "{what}");
        }
        let mut whole = vec![TAG_DECIMAL];
        whole.extend_from_slice(&rust_decimal::Decimal::new(70, 1).serialize());
        assert!(!accepts(&whole), "a whole decimal");
        let mut nested = vec![TAG_LIST; 2 * (DEEPEST + 2)];
        nested.iter_mut().skip(1).step_by(2).for_each(|count| *count = 1);
        nested.push(TAG_NULL);
        assert!(!accepts(&nested), "lists within lists");
    }
}

//! Record ids: fifteen case-sensitive characters and a checksum of three.

use std::fmt;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECKSUM: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
/// Stands where a real id names its instance.
const INSTANCE: &[u8; 3] = b"Sy0";

/// The first three characters of an id, which tell its object.
pub(crate) type KeyPrefix = [u8; 3];

/// An id in its 18-character form. Ids of one object sort in the order of their creation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RecordId([u8; 18]);

impl RecordId {
    /// The id number `number` (from 1) of the object with this prefix.
    pub(crate) fn new(prefix: KeyPrefix, number: u64) -> Self {
        let mut id = [b'0'; 18];
        id[..3].copy_from_slice(&prefix);
        id[3..6].copy_from_slice(INSTANCE);
        let mut rest = number;
        for place in (6..15).rev() {
            id[place] = DIGITS[usize::try_from(rest % 62).unwrap_or(0)];
            rest /= 62;
        }
        Self(with_checksum(id))
    }

    /// Reads 15 or 18 characters; a wrong checksum is no id.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if !matches!(bytes.len(), 15 | 18) || !bytes.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let mut id = [0; 18];
        id[..15].copy_from_slice(&bytes[..15]);
        let id = with_checksum(id);
        (bytes.len() == 15 || id[15..] == bytes[15..]).then_some(Self(id))
    }

    pub(crate) fn prefix(&self) -> KeyPrefix {
        [self.0[0], self.0[1], self.0[2]]
    }

    /// The number it was made with, if it was made here.
    pub(crate) fn number(&self) -> Option<u64> {
        if self.0[3..6] != *INSTANCE {
            return None;
        }
        self.0[6..15].iter().try_fold(0_u64, |number, digit| {
            let value = DIGITS.iter().position(|known| known == digit)?;
            Some(number * 62 + u64::try_from(value).ok()?)
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        // Only ASCII letters and digits are ever stored.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The form that some messages of the service use.
    pub(crate) fn short(&self) -> &str {
        &self.as_str()[..15]
    }
}

fn with_checksum(mut id: [u8; 18]) -> [u8; 18] {
    for block in 0..3 {
        let bits = (0..5).fold(0_usize, |bits, place| {
            bits | (usize::from(id[block * 5 + place].is_ascii_uppercase()) << place)
        });
        id[15 + block] = CHECKSUM[bits];
    }
    id
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::RecordId;

    #[test]
    fn checksums_are_those_of_real_ids() {
        for (short, long) in [
            ("000000000000000", "000000000000000AAA"),
            ("001A0000006Vm9r", "001A0000006Vm9rIAC"),
            ("AAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAA555"),
        ] {
            assert_eq!(RecordId::parse(short).unwrap().as_str(), long);
            assert_eq!(RecordId::parse(long).unwrap().as_str(), long);
        }
        assert!(RecordId::parse("001A0000006Vm9rAAA").is_none());
    }

    #[test]
    fn numbers_survive_and_keep_their_order() {
        let mut last = RecordId::new(*b"003", 0);
        for number in [1, 61, 62, 63, 3_843, 3_844, 200_000, 99_999_999] {
            let id = RecordId::new(*b"003", number);
            assert_eq!(id.number(), Some(number));
            assert!(id > last);
            last = id;
        }
    }
}

//! The rows of a [`Batch`] as one byte string, which is how a page crosses the border of a plugin.
//!
//! Numbers are of variable length as elsewhere in this crate, `text` is a length and UTF-8:
//!
//! ```text
//! page := version (1 byte, 1)  class (1 byte: 0 weak, 1 strong)  width number  rows number  row*
//! row  := id text  state (1 byte)  flags (1 byte)
//!         [flag 2: stamp as signed seconds and signed nanoseconds]
//!         [flag 4: merged into, text]
//!         [flag 8: count number, then object text and id text of each record that it became]
//!         [flag 16: one bit per field that was not carried, lowest bit first, in width / 8 bytes, rounded up]
//!         values: their length in bytes as a number, then one encoded value per field
//! ```
//!
//! Flag 1 says that the record holds more than the row tells. States are numbered from 0 in the order live, deleted,
//! archived, missing, merged, converted. Outcomes and hints do not belong to it.

use jiff::Timestamp;

use super::{Batch, Became, ReadClass, RowHead, RowState};
use crate::error::{Error, ErrorKind, Result};
use crate::value::{TAG_NULL, check_encoded, put_signed, put_unsigned, take, take_signed, take_text, take_unsigned};

const VERSION: u8 = 1;
const PARTIAL: u8 = 1;
const STAMP: u8 = 2;
const MERGED: u8 = 4;
const BECAME: u8 = 8;
const ABSENT: u8 = 16;

const STATES: [RowState; 6] = [
    RowState::Live,
    RowState::Deleted,
    RowState::Archived,
    RowState::Missing,
    RowState::Merged,
    RowState::Converted,
];

impl Batch {
    /// The class and the rows as one byte string.
    ///
    /// ```
    /// use syncline_core::batch::Batch;
    /// use syncline_core::value::Value;
    ///
    /// let mut batch = Batch::new(1);
    /// let mut row = batch.row("003A");
    /// row.set(0, &Value::text("Ada"));
    /// row.finish();
    /// let mut copy = Batch::new(1);
    /// copy.unpack(&batch.pack())?;
    /// assert_eq!(copy.get(0).unwrap().value(0)?, Some(Value::text("Ada")));
    /// # Ok::<(), syncline_core::error::Error>(())
    /// ```
    pub fn pack(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.arena.len() + 16 * self.rows.len() + 16);
        out.extend_from_slice(&[VERSION, u8::from(self.class == ReadClass::Strong)]);
        put_unsigned(self.width as u64, &mut out);
        put_unsigned(self.rows.len() as u64, &mut out);
        for row in &self.rows {
            self.pack_row(row, &mut out);
        }
        out
    }

    fn pack_row(&self, row: &RowHead, out: &mut Vec<u8>) {
        put_bytes(&self.arena[row.id.clone()], out);
        let state = STATES.iter().position(|state| *state == row.state).unwrap_or_default();
        let flag = |flag, set: bool| if set { flag } else { 0 };
        out.push(u8::try_from(state).unwrap_or_default());
        out.push(
            flag(PARTIAL, row.partial)
                | flag(STAMP, row.stamp.is_some())
                | flag(MERGED, !row.merged_into.is_empty())
                | flag(BECAME, row.became.is_some())
                | flag(ABSENT, row.absent.is_some()),
        );
        if let Some(stamp) = row.stamp {
            put_signed(stamp.as_second(), out);
            put_signed(stamp.subsec_nanosecond().into(), out);
        }
        if !row.merged_into.is_empty() {
            put_bytes(&self.arena[row.merged_into.clone()], out);
        }
        if let Some(became) = &row.became {
            put_unsigned(became.len() as u64, out);
            for record in became {
                put_bytes(record.object.as_bytes(), out);
                put_bytes(record.id.as_bytes(), out);
            }
        }
        if let Some(absent) = &row.absent {
            let bytes = absent.iter().flat_map(|word| word.to_le_bytes());
            out.extend(bytes.take(self.width.div_ceil(8)));
        }
        put_bytes(&self.arena[row.values.clone()], out);
    }

    /// Takes the class, and adds the rows, of a byte string that [`Batch::pack`] made, or somebody else in its form.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are no page, its rows are of another width than this batch, or a value is not in its
    /// canonical form. No row is added then.
    pub fn unpack(&mut self, page: &[u8]) -> Result<()> {
        let (bytes, rows) = (self.arena.len(), self.rows.len());
        let taken = self.take_page(page);
        if taken.is_err() {
            self.arena.truncate(bytes);
            self.rows.truncate(rows);
        }
        taken
    }

    fn take_page(&mut self, mut page: &[u8]) -> Result<()> {
        let bytes = &mut page;
        if take(bytes, 1)?[0] != VERSION {
            return Err(corrupt("its version is not 1"));
        }
        self.class = match take(bytes, 1)?[0] {
            0 => ReadClass::Weak,
            1 => ReadClass::Strong,
            _ => return Err(corrupt("its class is neither 0 nor 1")),
        };
        let width = take_unsigned(bytes)?;
        let rows = take_unsigned(bytes)?;
        if rows > 0 && width != self.width as u64 {
            let message = format!("its rows hold {width} values where {} were asked for", self.width);
            return Err(corrupt(&message));
        }
        self.arena.reserve(bytes.len());
        for _ in 0..rows {
            let head = self.take_row(bytes)?;
            self.rows.push(head);
        }
        if bytes.is_empty() {
            Ok(())
        } else {
            Err(corrupt("something follows its last row"))
        }
    }

    fn take_row(&mut self, bytes: &mut &[u8]) -> Result<RowHead> {
        let id = take_text(bytes)?;
        if id.is_empty() {
            return Err(corrupt("a row has no id"));
        }
        let id = self.keep(id.as_bytes());
        let state = STATES.get(usize::from(take(bytes, 1)?[0])).copied();
        let flags = take(bytes, 1)?[0];
        if flags & !(PARTIAL | STAMP | MERGED | BECAME | ABSENT) != 0 || flags & (PARTIAL | ABSENT) == PARTIAL {
            return Err(corrupt("a row has flags that don't go together"));
        }
        let mut head = RowHead {
            id,
            merged_into: 0..0,
            values: 0..0,
            stamp: None,
            state: state.ok_or_else(|| corrupt("a row has an unknown state"))?,
            partial: flags & PARTIAL != 0,
            absent: None,
            became: None,
        };
        if flags & STAMP != 0 {
            head.stamp = Some(take_stamp(bytes)?);
        }
        if flags & MERGED != 0 {
            head.merged_into = self.keep(take_text(bytes)?.as_bytes());
        }
        if flags & BECAME != 0 {
            head.became = Some(take_became(bytes)?);
        }
        if flags & ABSENT != 0 {
            head.absent = Some(self.take_absent(bytes)?);
        }
        let length = usize::try_from(take_unsigned(bytes)?).map_err(|_| corrupt("a length out of range"))?;
        let values = take(bytes, length)?;
        self.check_values(values, head.absent.as_deref())?;
        head.values = self.keep(values);
        Ok(head)
    }

    fn keep(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        start..self.arena.len()
    }

    fn take_absent(&self, bytes: &mut &[u8]) -> Result<Box<[u64]>> {
        let mask = take(bytes, self.width.div_ceil(8))?;
        let words = mask.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        Ok(words.collect())
    }

    /// One canonical value per field, and null where the answer did not carry the field.
    fn check_values(&self, mut values: &[u8], absent: Option<&[u64]>) -> Result<()> {
        for field in 0..self.width {
            let value = check_encoded(&mut values)?;
            let carried = super::Carried(absent).has(field);
            if !carried && value != [TAG_NULL] {
                return Err(corrupt("a field that was not carried has a value"));
            }
        }
        if values.is_empty() {
            Ok(())
        } else {
            Err(corrupt("a row holds more values than fields"))
        }
    }
}

fn take_stamp(bytes: &mut &[u8]) -> Result<Timestamp> {
    let second = take_signed(bytes)?;
    let nanosecond = i32::try_from(take_signed(bytes)?).map_err(|_| corrupt("a stamp out of range"))?;
    Timestamp::new(second, nanosecond).map_err(|_| corrupt("a stamp out of range"))
}

fn take_became(bytes: &mut &[u8]) -> Result<Box<[Became]>> {
    let mut records = Vec::new();
    for _ in 0..take_unsigned(bytes)? {
        records.push(Became {
            object: take_text(bytes)?.to_owned(),
            id: take_text(bytes)?.to_owned(),
        });
    }
    Ok(records.into())
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_unsigned(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the page can't be read: {what}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::Value;

    fn page() -> Batch {
        let mut batch = Batch::new(3);
        batch.class = ReadClass::Strong;
        let mut row = batch.row("1");
        row.set(0, &Value::text("Ada"));
        row.set(1, &Value::Int(-7));
        row.set(2, &Value::Null);
        row.stamp("2026-11-20T10:00:00.000000001Z".parse().unwrap());
        row.finish();
        let mut row = batch.row("2");
        row.partial();
        row.set(2, &Value::Bool(true));
        row.state(RowState::Merged);
        row.merged_into("1");
        row.finish();
        let mut row = batch.row("3");
        row.state(RowState::Converted);
        row.became(vec![Became {
            object: "Contact".into(),
            id: "9".into(),
        }]);
        row.stamp("1969-12-31T23:59:59.5Z".parse().unwrap());
        row.finish();
        batch
    }

    #[test]
    fn a_page_comes_out_as_it_went_in() {
        let batch = page();
        let mut copy = Batch::new(3);
        copy.row("old").finish();
        copy.unpack(&batch.pack()).unwrap();
        assert_eq!((copy.class, copy.len()), (ReadClass::Strong, 4));
        for (row, copied) in batch.rows().zip(copy.rows().skip(1)) {
            assert_eq!(row.id(), copied.id());
            assert_eq!((row.stamp(), row.state()), (copied.stamp(), copied.state()));
            assert_eq!(row.merged_into(), copied.merged_into());
            assert_eq!(row.converted_into(), copied.converted_into());
            assert_eq!((row.encoded(), row.hash()), (copied.encoded(), copied.hash()));
            assert_eq!(row.is_complete(), copied.is_complete());
            for field in 0..3 {
                assert_eq!(row.carried().has(field), copied.carried().has(field));
                assert_eq!(row.value(field).unwrap(), copied.value(field).unwrap());
            }
        }
    }

    #[test]
    fn a_page_of_another_width_is_refused_and_leaves_no_row() {
        let mut copy = Batch::new(2);
        let error = copy.unpack(&page().pack()).unwrap_err();
        assert!(error.message().contains("3 values where 2"), "{error}");
        assert!(copy.is_empty());
    }

    proptest! {
        #[test]
        fn a_damaged_page_is_refused_or_read_without_a_panic(at in 0usize..120, byte: u8, cut in 0usize..120) {
            let mut bytes = page().pack();
            let at = at % bytes.len();
            bytes[at] = byte;
            let mut copy = Batch::new(3);
            if copy.unpack(&bytes).is_ok() {
                for row in copy.rows() {
                    prop_assert_eq!(crate::value::decode_all(row.encoded()).unwrap().len(), 3);
                }
            }
            let _ = copy.unpack(&bytes[..cut % bytes.len()]);
        }
    }
}

//! [`Batch`]: one packed page of rows, write outcomes and hints, as a connector hands them over.
//!
//! A row's values lie canonically encoded in one arena, in the order of the [`Projection`], so a page costs a few
//! allocations whatever its size, hashing a row is hashing a slice, and a batch crosses the plugin border as bytes.

mod outcome;
mod packed;

use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::value::{Value, content_hash, encode_null};

pub use outcome::{Outcome, OutcomeKind};

/// What a provider's field holds, which decides how its wire form is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// Text as it is.
    Text,
    /// True or false.
    Bool,
    /// A number.
    Number,
    /// A calendar day.
    Date,
    /// An instant.
    DateTime,
    /// Several choices, in one text with separators on the wire.
    Choices,
    /// Anything else, as JSON.
    Json,
}

/// One provider field that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectedField {
    /// The provider's name; dots walk relationships (`Account.Name`).
    pub path: String,
    /// What it holds.
    pub kind: ValueKind,
}

/// The fields that a read asks for and in whose order rows hold their values. The record id and its stamp are always
/// carried beside them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Projection {
    /// The fields, in order.
    pub fields: Vec<ProjectedField>,
}

impl Projection {
    /// A projection of these fields.
    pub fn new(fields: impl IntoIterator<Item = (impl Into<String>, ValueKind)>) -> Self {
        Self {
            fields: fields
                .into_iter()
                .map(|(path, kind)| ProjectedField {
                    path: path.into(),
                    kind,
                })
                .collect(),
        }
    }

    /// The place of a path.
    pub fn position(&self, path: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.path == path)
    }
}

/// How much a read proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadClass {
    /// Read by id from the primary store: sees every earlier write.
    Strong,
    /// Search, list, index or bulk: may lag.
    #[default]
    Weak,
}

/// Where a record stands at its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowState {
    /// It exists.
    #[default]
    Live,
    /// The provider says that it was deleted.
    Deleted,
    /// It was archived; the provider's recycle bin has it.
    Archived,
    /// A read by id did not find it: gone, or no longer visible to us.
    Missing,
    /// It was merged into the record named by [`RowRef::merged_into`].
    Merged,
    /// It was converted into the record named by [`RowRef::merged_into`] (a lead into a contact).
    Converted,
}

#[derive(Debug, Clone)]
struct RowHead {
    id: Range<usize>,
    merged_into: Range<usize>,
    values: Range<usize>,
    stamp: Option<Timestamp>,
    state: RowState,
    /// Whether the record holds more than the row tells.
    partial: bool,
    /// Bit per projected field that was never set; `None` when all were.
    absent: Option<Box<[u64]>>,
    became: Option<Box<[Became]>>,
}

/// Which projected fields a provider's answer carried, be it as null, and which it left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Carried<'a>(Option<&'a [u64]>);

impl Carried<'_> {
    /// Every field.
    pub const fn all() -> Self {
        Self(None)
    }

    /// Whether every field was.
    pub const fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a field was carried.
    pub fn has(&self, field: usize) -> bool {
        self.0.is_none_or(|absent| {
            absent
                .get(field / 64)
                .is_none_or(|bits| bits & (1 << (field % 64)) == 0)
        })
    }
}

/// A record that another one was converted into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Became {
    /// The provider's object.
    pub object: String,
    /// The record's id.
    pub id: String,
}

/// "This remote record may have changed": never applied as data, only a reason to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// The provider's object.
    pub object: String,
    /// The record, or `None` for "anything of this object".
    pub id: Option<String>,
}

/// A packed page. See the [module](self).
///
/// ```
/// use syncline_core::batch::Batch;
/// use syncline_core::value::Value;
///
/// let mut batch = Batch::new(2);
/// let mut row = batch.row("003A");
/// row.set(1, &Value::text("Ada"));
/// row.set(0, &Value::Bool(true));
/// row.finish();
/// let row = batch.get(0).unwrap();
/// assert_eq!((row.id(), row.value(1)?), ("003A", Some(Value::text("Ada"))));
/// # Ok::<(), syncline_core::error::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// How much these rows prove.
    pub class: ReadClass,
    /// One per write of a push job.
    pub outcomes: Vec<Outcome>,
    /// Records that may have changed.
    pub hints: Vec<Hint>,
    width: usize,
    arena: Vec<u8>,
    rows: Vec<RowHead>,
    scratch: Vec<u8>,
    slots: Vec<Range<usize>>,
}

impl Batch {
    /// An empty batch whose rows have `width` values (the length of the projection).
    pub fn new(width: usize) -> Self {
        Self {
            width,
            ..Self::default()
        }
    }

    /// Empties it for reuse, keeping its memory.
    pub fn clear(&mut self) {
        self.class = ReadClass::default();
        self.outcomes.clear();
        self.hints.clear();
        self.arena.clear();
        self.rows.clear();
    }

    /// Values per row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row. Outcomes and hints do not count.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Keeps only the rows that `keep` wants. Outcomes that name a row by its position no longer do.
    pub fn retain(&mut self, mut keep: impl FnMut(RowRef<'_>) -> bool) {
        let wanted: Vec<bool> = self.rows().map(&mut keep).collect();
        let mut wanted = wanted.into_iter();
        self.rows.retain(|_| wanted.next().unwrap_or_default());
    }

    /// Starts a row; it counts once [`RowBuilder::finish`] is called.
    pub fn row(&mut self, id: &str) -> RowBuilder<'_> {
        self.scratch.clear();
        self.slots.clear();
        self.slots.resize(self.width, 0..0);
        let start = self.arena.len();
        self.arena.extend_from_slice(id.as_bytes());
        let head = RowHead {
            id: start..self.arena.len(),
            merged_into: 0..0,
            values: 0..0,
            stamp: None,
            state: RowState::Live,
            partial: false,
            absent: None,
            became: None,
        };
        RowBuilder {
            batch: self,
            head,
            start,
            complete: true,
        }
    }

    /// A row by position.
    pub fn get(&self, index: usize) -> Option<RowRef<'_>> {
        self.rows.get(index).map(|head| RowRef { batch: self, head })
    }

    /// All rows, in the order in which they were read.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = RowRef<'_>> {
        self.rows.iter().map(|head| RowRef { batch: self, head })
    }
}

/// A row being filled. Values may come in any order; those never set are null, or absent if
/// [`RowBuilder::partial`] was called.
#[derive(Debug)]
pub struct RowBuilder<'a> {
    batch: &'a mut Batch,
    head: RowHead,
    start: usize,
    complete: bool,
}

impl RowBuilder<'_> {
    /// Replaces the record id given at the start, for decoders that meet it late.
    pub fn id(&mut self, id: &str) {
        let start = self.batch.arena.len();
        self.batch.arena.extend_from_slice(id.as_bytes());
        self.head.id = start..self.batch.arena.len();
    }

    /// The provider's version of the record, such as `SystemModstamp`.
    pub fn stamp(&mut self, stamp: Timestamp) {
        self.head.stamp = Some(stamp);
    }

    /// Where the record stands.
    pub fn state(&mut self, state: RowState) {
        self.head.state = state;
    }

    /// The record that this one was merged or converted into.
    pub fn merged_into(&mut self, id: &str) {
        let start = self.batch.arena.len();
        self.batch.arena.extend_from_slice(id.as_bytes());
        self.head.merged_into = start..self.batch.arena.len();
    }

    /// The records of other objects that this one was converted into, the one that carries on what it was first.
    pub fn became(&mut self, records: Vec<Became>) {
        self.head.became = (!records.is_empty()).then(|| records.into());
    }

    /// Says that fields never set are not null but unknown: a change event carries only part of a record.
    pub fn partial(&mut self) {
        self.complete = false;
    }

    /// Sets the value of a projected field.
    pub fn set(&mut self, field: usize, value: &Value) {
        self.encode(field, |out| value.encode(out));
    }

    /// Sets a value by writing its canonical encoding: exactly one value, as the functions of [`crate::value`] do.
    pub fn encode(&mut self, field: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.batch.scratch.len();
        write(&mut self.batch.scratch);
        if let Some(slot) = self.batch.slots.get_mut(field) {
            *slot = start..self.batch.scratch.len();
        }
    }

    /// Adds the row to the batch.
    pub fn finish(mut self) {
        let batch = &mut *self.batch;
        let start = batch.arena.len();
        for (field, slot) in batch.slots.iter().enumerate() {
            if slot.is_empty() {
                let words = batch.width.div_ceil(64);
                self.head.absent.get_or_insert_with(|| vec![0; words].into())[field / 64] |= 1 << (field % 64);
                self.head.partial |= !self.complete;
                encode_null(&mut batch.arena);
            } else {
                batch.arena.extend_from_slice(&batch.scratch[slot.clone()]);
            }
        }
        self.head.values = start..batch.arena.len();
        batch.rows.push(self.head);
    }

    /// Forgets the row.
    pub fn abandon(self) {
        self.batch.arena.truncate(self.start);
    }
}

/// A row of a [`Batch`].
#[derive(Debug, Clone, Copy)]
pub struct RowRef<'a> {
    batch: &'a Batch,
    head: &'a RowHead,
}

impl<'a> RowRef<'a> {
    /// The provider's record id.
    pub fn id(&self) -> &'a str {
        self.text(&self.head.id)
    }

    /// The provider's version of the record.
    pub fn stamp(&self) -> Option<Timestamp> {
        self.head.stamp
    }

    /// Where the record stands.
    pub fn state(&self) -> RowState {
        self.head.state
    }

    /// The record that this one was merged or converted into.
    pub fn merged_into(&self) -> Option<&'a str> {
        (!self.head.merged_into.is_empty()).then(|| self.text(&self.head.merged_into))
    }

    /// The records of other objects that this one was converted into, where the provider tells.
    pub fn converted_into(&self) -> &'a [Became] {
        self.head.became.as_deref().unwrap_or_default()
    }

    /// Whether every projected field is known.
    pub fn is_complete(&self) -> bool {
        !self.head.partial
    }

    /// Whether a projected field is known.
    pub fn is_present(&self, field: usize) -> bool {
        !self.head.partial || self.carried().has(field)
    }

    /// The projected fields that the answer carried, be it as null.
    pub fn carried(&self) -> Carried<'a> {
        Carried(self.head.absent.as_deref())
    }

    /// All values canonically encoded, one after the other.
    pub fn encoded(&self) -> &'a [u8] {
        &self.batch.arena[self.head.values.clone()]
    }

    /// The hash of the values, or `None` for a row that carries only part of the record.
    pub fn hash(&self) -> Option<u128> {
        self.is_complete().then(|| content_hash(self.encoded()))
    }

    /// One value, or `None` if it is absent.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when a decoder wrote something else than one value per field.
    pub fn value(&self, field: usize) -> Result<Option<Value>> {
        if field >= self.batch.width {
            return Err(Error::new(ErrorKind::Internal, format!("no projected field {field}")));
        }
        if !self.is_present(field) {
            return Ok(None);
        }
        let mut rest = self.encoded();
        for _ in 0..field {
            Value::skip(&mut rest)?;
        }
        Value::decode(&mut rest).map(Some)
    }

    fn text(&self, range: &Range<usize>) -> &'a str {
        std::str::from_utf8(&self.batch.arena[range.clone()]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_set_out_of_order_are_stored_in_projection_order() {
        let mut batch = Batch::new(3);
        let mut row = batch.row("1");
        row.set(2, &Value::Int(3));
        row.set(0, &Value::text("a"));
        row.set(0, &Value::text("b"));
        row.finish();
        let row = batch.get(0).unwrap();
        assert_eq!(
            crate::value::decode_all(row.encoded()).unwrap(),
            [Value::text("b"), Value::Null, Value::Int(3)]
        );
        assert!(row.is_complete() && row.hash().is_some());
    }

    #[test]
    fn a_partial_row_tells_null_from_unknown_and_has_no_hash() {
        let mut batch = Batch::new(2);
        let mut row = batch.row("1");
        row.partial();
        row.set(0, &Value::Null);
        row.finish();
        let row = batch.get(0).unwrap();
        assert_eq!(
            (row.value(0).unwrap(), row.value(1).unwrap()),
            (Some(Value::Null), None)
        );
        assert_eq!(row.hash(), None);
    }

    #[test]
    fn an_abandoned_row_leaves_nothing() {
        let mut batch = Batch::new(1);
        batch.row("gone").abandon();
        batch.row("kept").finish();
        assert_eq!(batch.rows().map(|row| row.id()).collect::<Vec<_>>(), ["kept"]);
    }
}

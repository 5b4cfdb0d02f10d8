//! The records of one object, with the indexes that keep queries as cheap as their page.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::cell::{Cell, View, index_key};
use super::id::RecordId;
use super::schema::{FieldKind, ObjectSchema, Source};

/// The place of a record in its table; ids count up with it.
pub(crate) type Slot = u32;

/// One record.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// By field, ascending; a field without a cell is null.
    cells: Vec<(u16, Cell)>,
    pub(crate) created: i64,
    pub(crate) created_by: RecordId,
    pub(crate) modified: i64,
    pub(crate) modified_by: RecordId,
    pub(crate) stamp: i64,
    /// When it was put into the recycle bin.
    pub(crate) deleted: Option<i64>,
    pub(crate) master: Option<RecordId>,
    /// Counts the writes, for the entity tag.
    pub(crate) version: u32,
    pub(crate) by_integration: bool,
}

impl Record {
    pub(crate) fn new(now: i64, author: RecordId, by_integration: bool) -> Self {
        Self {
            cells: Vec::new(),
            created: now,
            created_by: author,
            modified: now,
            modified_by: author,
            stamp: now,
            deleted: None,
            master: None,
            version: 1,
            by_integration,
        }
    }

    pub(crate) fn get(&self, field: u16) -> Option<&Cell> {
        self.cells
            .binary_search_by_key(&field, |(field, _)| *field)
            .ok()
            .map(|at| &self.cells[at].1)
    }

    pub(crate) fn set(&mut self, field: u16, cell: Option<Cell>) {
        match (self.cells.binary_search_by_key(&field, |(field, _)| *field), cell) {
            (Ok(at), Some(cell)) => self.cells[at].1 = cell,
            (Ok(at), None) => {
                self.cells.remove(at);
            }
            (Err(at), Some(cell)) => self.cells.insert(at, (field, cell)),
            (Err(_), None) => {}
        }
    }

    /// Marks a write by `author` at second `now`.
    pub(crate) fn touch(&mut self, now: i64, author: RecordId, by_integration: bool) {
        self.modified = now;
        self.stamp = now;
        self.modified_by = author;
        self.by_integration = by_integration;
        self.version += 1;
    }
}

#[derive(Debug)]
struct Index {
    field: u16,
    case_sensitive: bool,
    slots: HashMap<Box<str>, Vec<Slot>>,
}

/// The records of one object.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) schema: ObjectSchema,
    slots: Vec<Option<Record>>,
    by_stamp: BTreeSet<(i64, Slot)>,
    indexes: Vec<Index>,
    /// Soft deletes, by time.
    deletions: BTreeSet<(i64, Slot)>,
    /// Rows that left the recycle bin for good, by the time they were deleted.
    purged: BTreeSet<(i64, Slot)>,
    live: usize,
    /// The number in the id of the first record.
    first: u64,
    /// Whether the API's user is shown a mask for what encrypted fields hold.
    pub(crate) masked: bool,
    /// Records that are not shared with the API's user.
    unshared: BTreeSet<Slot>,
    /// Whether it is the API's user who looks.
    pub(crate) by_integration: bool,
}

impl Table {
    /// An empty table. Keys and lookups among `indexed_targets` get an index.
    pub(crate) fn new(schema: ObjectSchema, indexed_targets: &[String]) -> Self {
        let mut table = Self {
            schema,
            slots: Vec::new(),
            by_stamp: BTreeSet::new(),
            indexes: Vec::new(),
            deletions: BTreeSet::new(),
            purged: BTreeSet::new(),
            live: 0,
            first: 1,
            masked: true,
            unshared: BTreeSet::new(),
            by_integration: false,
        };
        for index in 0..table.schema.fields.len() {
            if let Ok(field) = u16::try_from(index) {
                table.add_index(field, indexed_targets);
            }
        }
        table
    }

    /// Adds an index for a field that needs one; the table must still be empty or the field new.
    pub(crate) fn add_index(&mut self, field: u16, indexed_targets: &[String]) {
        let schema = self.schema.field(field);
        let lookup = schema
            .reference_to
            .iter()
            .any(|target| !matches!(target.as_str(), "User" | "Group") && indexed_targets.contains(target));
        if schema.source == Source::Stored && (schema.is_key() || lookup) {
            self.indexes.push(Index {
                field,
                case_sensitive: schema.case_sensitive || schema.kind == FieldKind::Reference,
                slots: HashMap::new(),
            });
        }
    }

    pub(crate) fn id(&self, slot: Slot) -> RecordId {
        RecordId::new(self.schema.key_prefix, u64::from(slot) + self.first)
    }

    /// Gives the first record this id; the table must still be empty.
    pub(crate) fn start_at(&mut self, id: RecordId) {
        self.first = id.number().unwrap_or(1);
    }

    /// The slot that `id` has or would have.
    pub(crate) fn slot(&self, id: RecordId) -> Option<Slot> {
        if id.prefix() != self.schema.key_prefix {
            return None;
        }
        let slot = Slot::try_from(id.number()?.checked_sub(self.first)?).ok()?;
        (usize::try_from(slot).ok()? < self.slots.len()).then_some(slot)
    }

    /// The first slot whose id is not below `text` (or, if `after`, is above it).
    pub(crate) fn first_slot(&self, text: &str, after: bool) -> Slot {
        let id = RecordId::parse(text);
        let text = id.as_ref().map_or(text, RecordId::as_str);
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let id = self.id(middle);
            let below = if after { id.as_str() <= text } else { id.as_str() < text };
            if below {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// How many slots there are, used or not.
    pub(crate) fn len(&self) -> Slot {
        Slot::try_from(self.slots.len()).unwrap_or(Slot::MAX)
    }

    /// How many records are not deleted.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// A record, deleted or not, unless whoever looks may not see it.
    pub(crate) fn get(&self, slot: Slot) -> Option<&Record> {
        self.get_unshared(slot).filter(|_| self.is_shared(slot))
    }

    /// A record, deleted or not, whoever looks.
    pub(crate) fn get_unshared(&self, slot: Slot) -> Option<&Record> {
        self.slots.get(usize::try_from(slot).ok()?)?.as_ref()
    }

    /// Whether whoever looks may see a record.
    pub(crate) fn is_shared(&self, slot: Slot) -> bool {
        !self.by_integration || !self.unshared.contains(&slot)
    }

    /// Shares a record with the API's user, or no longer.
    pub(crate) fn share(&mut self, slot: Slot, shared: bool) {
        if shared {
            self.unshared.remove(&slot);
        } else {
            self.unshared.insert(slot);
        }
    }

    /// A record that is there and not deleted.
    pub(crate) fn get_live(&self, slot: Slot) -> Option<&Record> {
        self.get(slot).filter(|record| record.deleted.is_none())
    }

    /// A new, empty slot.
    pub(crate) fn reserve(&mut self) -> Slot {
        let slot = self.len();
        self.slots.push(None);
        slot
    }

    /// Puts a record in its slot, or clears the slot, and returns what was there.
    pub(crate) fn put(&mut self, slot: Slot, record: Option<Record>) -> Option<Record> {
        let Ok(at) = usize::try_from(slot) else { return None };
        let place = self.slots.get_mut(at)?;
        let previous = std::mem::replace(place, record);
        let now = self.slots[at].as_ref();
        let old_stamp = previous.as_ref().map(|record| record.stamp);
        let new_stamp = now.map(|record| record.stamp);
        if old_stamp != new_stamp {
            if let Some(stamp) = old_stamp {
                self.by_stamp.remove(&(stamp, slot));
            }
            if let Some(stamp) = new_stamp {
                self.by_stamp.insert((stamp, slot));
            }
        }
        let old_deleted = previous.as_ref().and_then(|record| record.deleted);
        let new_deleted = now.and_then(|record| record.deleted);
        if old_deleted != new_deleted {
            if let Some(when) = old_deleted {
                self.deletions.remove(&(when, slot));
            }
            if let Some(when) = new_deleted {
                self.deletions.insert((when, slot));
            }
        }
        let was_live = previous.as_ref().is_some_and(|record| record.deleted.is_none());
        let is_live = now.is_some_and(|record| record.deleted.is_none());
        self.live = self.live + usize::from(is_live) - usize::from(was_live);
        for index in &mut self.indexes {
            let old = previous.as_ref().and_then(|record| record.get(index.field));
            let new = now.and_then(|record| record.get(index.field));
            if old == new {
                continue;
            }
            if let Some(key) = old.and_then(|cell| cell.index_key(index.case_sensitive))
                && let Some(slots) = index.slots.get_mut(key.as_ref())
            {
                slots.retain(|known| *known != slot);
                if slots.is_empty() {
                    index.slots.remove(key.as_ref());
                }
            }
            if let Some(key) = new.and_then(|cell| cell.index_key(index.case_sensitive)) {
                index.slots.entry(key.into()).or_default().push(slot);
            }
        }
        previous
    }

    /// Appends a record that nothing else can see yet, for seeding; [`Table::index_stamps`] must follow.
    pub(crate) fn seed(&mut self, record: Record) -> RecordId {
        let slot = self.len();
        for index in &mut self.indexes {
            if let Some(key) = record
                .get(index.field)
                .and_then(|cell| cell.index_key(index.case_sensitive))
            {
                index.slots.entry(key.into()).or_default().push(slot);
            }
        }
        self.live += 1;
        self.slots.push(Some(record));
        self.id(slot)
    }

    /// Builds the order by stamp in one go.
    pub(crate) fn index_stamps(&mut self) {
        self.by_stamp = (0..self.len())
            .filter_map(|slot| Some((self.get(slot)?.stamp, slot)))
            .collect();
    }

    /// Removes a record for good; the delete log keeps it.
    pub(crate) fn purge(&mut self, slot: Slot, now: i64) {
        if let Some(previous) = self.put(slot, None) {
            self.purged.insert((previous.deleted.unwrap_or(now), slot));
        }
    }

    /// Slots of records, deleted ones too, whose (stamp, slot) lies within the bounds, in that order.
    pub(crate) fn by_stamp(&self, bounds: RangeInclusive<(i64, Slot)>) -> impl DoubleEndedIterator<Item = Slot> + '_ {
        let empty = bounds.start() > bounds.end();
        let bounds = if empty { (i64::MIN, 0)..=(i64::MIN, 0) } else { bounds };
        self.by_stamp.range(bounds).map(|(_, slot)| *slot)
    }

    /// Deletions, of purged rows too, with a time within `from..to`, in that order.
    pub(crate) fn deletions(&self, from: i64, to: i64) -> Vec<(i64, Slot)> {
        let mut all: Vec<(i64, Slot)> = self
            .deletions
            .range((from, 0)..(to, 0))
            .chain(self.purged.range((from, 0)..(to, 0)))
            .copied()
            .collect();
        all.sort_unstable();
        all
    }

    /// Whether lookups by this field need no scan.
    pub(crate) fn is_indexed(&self, field: u16) -> bool {
        self.indexes.iter().any(|index| index.field == field)
    }

    /// Slots, deleted ones too, of the records with this text in an indexed field.
    pub(crate) fn lookup(&self, field: u16, text: &str) -> &[Slot] {
        self.indexes
            .iter()
            .find(|index| index.field == field)
            .and_then(|index| index.slots.get(index_key(text, index.case_sensitive).as_ref()))
            .map_or(&[], Vec::as_slice)
    }

    /// The value of a field of a record.
    pub(crate) fn read<'a>(&self, slot: Slot, record: &'a Record, field: u16) -> View<'a> {
        match self.read_plain(slot, record, field) {
            View::Text(text) if self.masked && self.schema.field(field).type_name == "encryptedstring" => {
                View::Text(Cow::Owned("*".repeat(text.chars().count())))
            }
            view => view,
        }
    }

    /// The same for those who see what encrypted fields hold.
    pub(crate) fn read_plain<'a>(&self, slot: Slot, record: &'a Record, field: u16) -> View<'a> {
        let schema = self.schema.field(field);
        match schema.source {
            Source::Stored => match record.get(field) {
                Some(cell) => cell.view(),
                None if schema.kind == FieldKind::Boolean => View::Bool(false),
                None => View::Null,
            },
            Source::Id => View::Id(self.id(slot)),
            Source::IsDeleted => View::Bool(record.deleted.is_some()),
            Source::MasterRecordId => record.master.map_or(View::Null, View::Id),
            Source::CreatedDate => View::DateTime(record.created),
            Source::CreatedById => View::Id(record.created_by),
            Source::LastModifiedDate => View::DateTime(record.modified),
            Source::LastModifiedById => View::Id(record.modified_by),
            Source::SystemModstamp => View::DateTime(record.stamp),
            Source::PersonName => self.person_name(record),
            Source::Address => self.address(slot, record, &schema.name),
        }
    }

    fn person_name<'a>(&self, record: &'a Record) -> View<'a> {
        let part = |name: &str| match self.schema.find(name).and_then(|field| record.get(field)) {
            Some(Cell::Text(text)) => Some(text.as_ref()),
            _ => None,
        };
        match (part("FirstName"), part("LastName")) {
            (Some(first), Some(last)) => View::Text(Cow::Owned(format!("{first} {last}"))),
            (Some(one), None) | (None, Some(one)) => View::Text(Cow::Borrowed(one)),
            (None, None) => View::Null,
        }
    }

    fn address(&self, slot: Slot, record: &Record, compound: &str) -> View<'static> {
        let stem = compound.strip_suffix("Address").unwrap_or(compound);
        let mut parts = Map::new();
        for (key, suffix) in [
            ("city", "City"),
            ("country", "Country"),
            ("geocodeAccuracy", "GeocodeAccuracy"),
            ("latitude", "Latitude"),
            ("longitude", "Longitude"),
            ("postalCode", "PostalCode"),
            ("state", "State"),
            ("street", "Street"),
        ] {
            let value = self.schema.find(&format!("{stem}{suffix}"));
            let value = value.map_or(Value::Null, |field| self.read(slot, record, field).to_json());
            parts.insert(key.to_owned(), value);
        }
        if parts.values().all(Value::is_null) {
            View::Null
        } else {
            View::Json(Value::Object(parts))
        }
    }
}

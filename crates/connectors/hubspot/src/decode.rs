//! Pages of records, decoded from bytes straight into rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use syncline_core::batch::{Batch, Projection, RowBuilder, RowState, ValueKind};
use syncline_core::decode::ReadText;
use syncline_core::error::Result;
use syncline_core::value::{Value, encode_null};

use crate::associations::{Links, is_association};
use crate::error::unreadable;
use crate::manifest::BATCH;
use crate::object::ObjectName;
use crate::page::{IdText, Paging};
use crate::wire::Wire;

/// Begins the path of what a property held before.
const HISTORY: &str = "history.";
/// Records per call where history is asked for.
pub(crate) const HISTORY_BATCH: usize = 50;

/// One record that was merged into another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Merge {
    /// The id that is no longer used.
    pub(crate) old: String,
    /// The record that lives on.
    pub(crate) survivor: String,
}

/// Where the projected properties stand in a row.
#[derive(Debug)]
pub(crate) struct Decoder<'p> {
    slots: BTreeMap<&'p str, Vec<(usize, ValueKind)>>,
    /// Slots of what properties held before, by property.
    history: BTreeMap<&'p str, Vec<(usize, ValueKind)>>,
    merge_properties: &'static [&'static str],
    /// Whether only ids and stamps are read, so that values are unknown and not null.
    ids_only: bool,
}

impl<'p> Decoder<'p> {
    /// Reads ids and stamps, and no value.
    pub(crate) fn ids_only() -> Self {
        Self {
            slots: BTreeMap::new(),
            history: BTreeMap::new(),
            merge_properties: &[],
            ids_only: true,
        }
    }

    pub(crate) fn new(object: &str, projection: &'p Projection) -> Self {
        let mut slots: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        let mut history: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (index, field) in projection.fields.iter().enumerate() {
            if let Some(property) = field.path.strip_prefix(HISTORY) {
                history.entry(property).or_default().push((index, field.kind));
            } else if !is_association(&field.path) {
                slots.entry(&field.path).or_default().push((index, field.kind));
            }
        }
        Self {
            slots,
            history,
            merge_properties: ObjectName::new(object).merge_properties(),
            ids_only: false,
        }
    }

    /// The properties whose history is asked for.
    pub(crate) fn history(&self) -> Vec<&str> {
        self.history.keys().copied().collect()
    }

    /// The most records that one call gives.
    pub(crate) fn batch(&self) -> usize {
        if self.history.is_empty() { BATCH } else { HISTORY_BATCH }
    }

    /// The properties to ask for: those projected, and those that tell of merges.
    pub(crate) fn properties(&self) -> Vec<&str> {
        let merges = self
            .merge_properties
            .iter()
            .copied()
            .filter(|name| !self.slots.contains_key(name));
        self.slots.keys().copied().chain(merges).collect()
    }
}

/// What one page adds to, beside the rows.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Ids of the rows so far: a record that a batch read answers twice becomes one row.
    pub(crate) ids: BTreeSet<String>,
    /// Merges that the records tell of.
    pub(crate) merges: BTreeSet<Merge>,
}

/// Decodes a page (`{"results": [...]}`) into rows and returns the token of the next page.
///
/// # Errors
/// `Protocol` when the page can't be read; rows before the damage stay in the batch.
pub(crate) fn page(
    operation: &'static str,
    body: &[u8],
    decoder: &Decoder<'_>,
    links: &Links,
    found: &mut Found,
    batch: &mut Batch,
) -> Result<Option<String>> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let next = PageSeed(Rows {
        decoder,
        links,
        found,
        batch,
    })
    .deserialize(&mut json)
    .map_err(|cause| unreadable(operation, cause))?;
    json.end().map_err(|cause| unreadable(operation, cause))?;
    Ok(next)
}

/// Decodes an answer that is one record.
///
/// # Errors
/// As [`page`].
pub(crate) fn record(
    operation: &'static str,
    body: &[u8],
    decoder: &Decoder<'_>,
    links: &Links,
    found: &mut Found,
    batch: &mut Batch,
) -> Result<()> {
    let mut json = serde_json::Deserializer::from_slice(body);
    RecordSeed(&mut Rows {
        decoder,
        links,
        found,
        batch,
    })
    .deserialize(&mut json)
    .map_err(|cause| unreadable(operation, cause))
}

struct Rows<'a> {
    decoder: &'a Decoder<'a>,
    links: &'a Links,
    found: &'a mut Found,
    batch: &'a mut Batch,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum PageMember {
    Results,
    Paging,
    #[serde(other)]
    Other,
}

struct PageSeed<'a>(Rows<'a>);

impl<'de> DeserializeSeed<'de> for PageSeed<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PageSeed<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page of records")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut next = None;
        while let Some(member) = map.next_key()? {
            match member {
                PageMember::Results => map.next_value_seed(ResultsSeed(&mut self.0))?,
                PageMember::Paging => next = map.next_value::<Option<Paging>>()?.and_then(Paging::after),
                PageMember::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(next)
    }
}

struct ResultsSeed<'a, 'b>(&'a mut Rows<'b>);

impl<'de> DeserializeSeed<'de> for ResultsSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ResultsSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(RecordSeed(self.0))?.is_some() {}
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum RecordMember {
    Id,
    Properties,
    PropertiesWithHistory,
    UpdatedAt,
    ArchivedAt,
    Archived,
    #[serde(other)]
    Other,
}

struct RecordSeed<'a, 'b>(&'a mut Rows<'b>);

impl<'de> DeserializeSeed<'de> for RecordSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RecordSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Rows {
            decoder,
            links,
            found,
            batch,
        } = self.0;
        let mut row = batch.row("");
        if decoder.ids_only {
            row.partial();
        }
        let mut id = None;
        let mut merged = String::new();
        let (mut updated, mut archived_at) = (None, None);
        while let Some(member) = map.next_key()? {
            match member {
                RecordMember::Id => id = Some(map.next_value::<IdText>()?.0),
                RecordMember::Properties => {
                    map.next_value_seed(PropertiesSeed {
                        slots: &decoder.slots,
                        merge_properties: decoder.merge_properties,
                        row: &mut row,
                        merged: &mut merged,
                    })?;
                }
                RecordMember::PropertiesWithHistory => {
                    map.next_value_seed(PropertiesSeed {
                        slots: &decoder.history,
                        merge_properties: &[],
                        row: &mut row,
                        merged: &mut merged,
                    })?;
                }
                RecordMember::UpdatedAt => updated = map.next_value::<Option<Timestamp>>()?,
                RecordMember::ArchivedAt => archived_at = map.next_value::<Option<Timestamp>>()?,
                RecordMember::Archived => {
                    if map.next_value::<Option<bool>>()? == Some(true) {
                        row.state(RowState::Archived);
                    }
                }
                RecordMember::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let id = id.ok_or_else(|| serde::de::Error::missing_field("id"))?;
        for old in merged
            .split(';')
            .filter_map(|part| part.split(':').next())
            .map(str::trim)
        {
            if !old.is_empty() && old != id {
                found.merges.insert(Merge {
                    old: old.to_owned(),
                    survivor: id.clone(),
                });
            }
        }
        for (slot, linked) in *links {
            if let Some(to) = linked.get(&id) {
                row.set(*slot, to);
            }
        }
        if let Some(stamp) = archived_at.or(updated) {
            row.stamp(stamp);
        }
        row.id(&id);
        if found.ids.insert(id) {
            row.finish();
        } else {
            row.abandon();
        }
        Ok(())
    }
}

struct PropertiesSeed<'a, 'b> {
    slots: &'a BTreeMap<&'a str, Vec<(usize, ValueKind)>>,
    merge_properties: &'static [&'static str],
    row: &'a mut RowBuilder<'b>,
    merged: &'a mut String,
}

impl<'de> DeserializeSeed<'de> for PropertiesSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for PropertiesSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record's properties")
    }

    /// Null where none were asked for.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self {
            slots,
            merge_properties,
            row,
            merged,
        } = self;
        while let Some(Property { slots, tells_merges }) = map.next_key_seed(PropertySeed(slots, merge_properties))? {
            let merged = tells_merges.then_some(&mut *merged);
            map.next_value_seed(ValueSeed { slots, row, merged })?;
        }
        Ok(())
    }
}

/// What a property's name means to us.
struct Property<'a> {
    slots: &'a [(usize, ValueKind)],
    tells_merges: bool,
}

struct PropertySeed<'a>(&'a BTreeMap<&'a str, Vec<(usize, ValueKind)>>, &'static [&'static str]);

impl<'de, 'a> DeserializeSeed<'de> for PropertySeed<'a> {
    type Value = Property<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for PropertySeed<'a> {
    type Value = Property<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a property's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Property {
            slots: self.0.get(name).map(Vec::as_slice).unwrap_or_default(),
            tells_merges: self.1.contains(&name),
        })
    }
}

struct ValueSeed<'a, 'b> {
    slots: &'a [(usize, ValueKind)],
    row: &'a mut RowBuilder<'b>,
    merged: Option<&'a mut String>,
}

impl ValueSeed<'_, '_> {
    fn text(self, text: &str) {
        for (slot, kind) in self.slots {
            self.row.encode(*slot, |out| Wire.read(*kind, text, out));
        }
        if let Some(merged) = self.merged {
            merged.push(';');
            merged.push_str(text);
        }
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a property's value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        for (slot, _) in self.slots {
            self.row.encode(*slot, encode_null);
        }
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.text(text);
        Ok(())
    }

    // Properties are documented as texts; should a number or truth value come, it reads as the text would.
    fn visit_bool<E>(self, bool: bool) -> Result<(), E> {
        self.text(if bool { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, int: i64) -> Result<(), E> {
        self.text(&int.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, int: u64) -> Result<(), E> {
        self.text(&int.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, float: f64) -> Result<(), E> {
        self.text(&float.to_string());
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let json = Deserialize::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        for (slot, _) in self.slots {
            self.row.set(*slot, &Value::Json(serde_json::Value::clone(&json)));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        let json: serde_json::Value = Deserialize::deserialize(serde::de::value::SeqAccessDeserializer::new(seq))?;
        for (slot, _) in self.slots {
            self.row.set(*slot, &Value::from_json(json.clone()));
        }
        Ok(())
    }
}

//! Writing records as JSON straight from the store.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::portal::Portal;
use super::property::{PropertyTable, Source};
use super::record::Record;
use super::schema::ObjectType;
use super::store::ObjectStore;

/// One property that an answer shows.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    source: Source,
}

/// The properties to show for `names`, with those that are always there, sorted by name. Unknown names are left out.
pub(super) fn columns<'a>(object: &ObjectType, names: impl Iterator<Item = &'a str>) -> Vec<Column> {
    let always = ["hs_object_id", object.created_property, object.modified_property];
    let mut wanted: Vec<&str> = names.collect();
    if wanted.is_empty() {
        wanted.extend(object.defaults);
    }
    wanted.extend(always);
    let mut columns: Vec<Column> = wanted
        .into_iter()
        .filter_map(|name| {
            let property = object.properties.get(name)?;
            Some(Column {
                name: property.name.clone(),
                source: property.source,
            })
        })
        .collect();
    columns.sort_by(|one, other| one.name.cmp(&other.name));
    columns.dedup_by(|one, other| one.name == other.name);
    columns
}

/// How a list of records is shown.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) portal: u64,
    /// Whether a property that holds nothing is shown as null.
    pub(super) nulls: bool,
    pub(super) store: &'a ObjectStore,
    pub(super) columns: &'a [Column],
    /// Names of the properties whose history is asked for.
    pub(super) history: &'a [String],
}

/// One record as an answer shows it.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    pub(super) frame: &'a Frame<'a>,
    pub(super) record: &'a Record,
    pub(super) associations: Option<Value>,
    pub(super) trace: Option<&'a str>,
    /// Whether an upsert created it.
    pub(super) new: Option<bool>,
}

/// The properties of a record, and whether those that hold nothing are left out, as in the answer to an upsert.
struct Properties<'a>(&'a Record, &'a [Column], bool);

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for column in self.1 {
            match column.source {
                Source::Stored(number) if self.2 && self.0.stored(number).is_none() => {}
                Source::Stored(number) => map.serialize_entry(&column.name, &self.0.stored(number))?,
                Source::Id => map.serialize_entry(&column.name, &format_args!("{}", self.0.id))?,
                Source::Created => map.serialize_entry(&column.name, &self.0.created)?,
                Source::Modified => map.serialize_entry(&column.name, &self.0.modified)?,
            }
        }
        map.end()
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.record;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &format_args!("{}", record.id))?;
        map.serialize_entry(
            "properties",
            &Properties(record, self.frame.columns, self.new.is_some() || !self.frame.nulls),
        )?;
        if !self.frame.history.is_empty() {
            map.serialize_entry("propertiesWithHistory", &history(self.frame, record))?;
        }
        map.serialize_entry("createdAt", &record.created)?;
        map.serialize_entry("updatedAt", &record.modified)?;
        map.serialize_entry("archived", &record.archived_at.is_some())?;
        if let Some(archived_at) = &record.archived_at {
            map.serialize_entry("archivedAt", archived_at)?;
        }
        if let Some(new) = &self.new {
            map.serialize_entry("new", new)?;
        }
        if let Some(associations) = &self.associations {
            map.serialize_entry("associations", associations)?;
        }
        if let Some(trace) = self.trace {
            map.serialize_entry("objectWriteTraceId", trace)?;
        }
        let type_id = self.frame.store.object.type_id;
        map.serialize_entry(
            "url",
            &format_args!(
                "https://app.hubspot.com/contacts/{}/record/{type_id}/{}",
                self.frame.portal, record.id
            ),
        )?;
        map.end()
    }
}

fn history(frame: &Frame<'_>, record: &Record) -> Value {
    let mut shown = Map::new();
    for name in frame.history {
        let Some(property) = frame.store.object.properties.get(name) else {
            continue;
        };
        let mut versions: Vec<Value> = Vec::new();
        if let Source::Stored(number) = property.source {
            versions.extend(frame.store.versions(record.id, number).map(|version| {
                let mut shown = json!({
                    "value": version.value.as_ref(),
                    "timestamp": version.at.to_string(),
                    "sourceType": version.author.source,
                });
                if let Some(fields) = shown.as_object_mut() {
                    if !version.author.id.is_empty() {
                        fields.insert("sourceId".into(), version.author.id.as_ref().into());
                    }
                    if let Some(label) = &version.author.label {
                        fields.insert("sourceLabel".into(), label.as_ref().into());
                    }
                    if let Some(user) = version.author.user {
                        fields.insert("updatedByUserId".into(), user.into());
                    }
                }
                shown
            }));
        }
        // What was there before the simulator started has a history of one import.
        if versions.is_empty()
            && let Some(value) = record.read(property.source)
        {
            versions.push(json!({
                "value": value,
                "timestamp": record.created.to_string(),
                "sourceType": "IMPORT",
            }));
        }
        shown.insert(name.clone(), versions.into());
    }
    shown.into()
}

/// Every stored property that has a value, for answers to a create.
pub(super) fn all_columns(object: &ObjectType, record: &Record) -> Vec<Column> {
    let names: Vec<&str> = record
        .values()
        .filter_map(|(number, _)| object.properties.numbered(number))
        .map(|p| p.name.as_str())
        .collect();
    columns(object, names.into_iter())
}

/// The properties that an answer to an update shows: what was written, and where the record came from.
pub(super) fn written_columns<'a>(object: &ObjectType, names: impl Iterator<Item = &'a str>) -> Vec<Column> {
    let source = ["hs_object_source", "hs_object_source_id", "hs_object_source_label"];
    columns(object, names.chain(source))
}

/// A property's stored number by name, if clients can filter or sort by it.
pub(super) fn source_of(table: &PropertyTable, name: &str) -> Option<Source> {
    table.get(name).map(|property| property.source)
}

impl Portal {
    /// Inline associations of a GET: `{"companies":{"results":[{"id","type"}]}}`; `None` when there are none.
    pub(super) fn inline_associations(&self, object: usize, id: u64, wanted: &[usize]) -> Option<Value> {
        let mut shown = Map::new();
        for other in wanted {
            let pair = (object, *other);
            let mut results: Vec<Value> = Vec::new();
            for (linked, bits) in self.associations.links(pair, id, 0) {
                for link_type in self.associations.shown(pair, bits) {
                    results.push(json!({"id": linked.to_string(), "type": link_type.name}));
                }
            }
            if !results.is_empty() {
                shown.insert(self.store(*other).object.plural.to_owned(), json!({"results": results}));
            }
        }
        (!shown.is_empty()).then(|| shown.into())
    }
}

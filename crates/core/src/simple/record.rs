//! Records as a provider's JSON has them.

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::batch::{Batch, Projection, RowState, ValueKind};
use crate::error::{Error, ErrorKind, Result};
use crate::value::{DateTime, Precision, Value};

/// A record as the provider has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its id.
    pub id: String,
    /// When it was last changed there.
    pub stamp: Option<Timestamp>,
    /// Whether it was deleted, where a pull shows such.
    pub deleted: bool,
    /// Its values by the provider's names; a dot walks into an object.
    pub values: Json,
}

impl Record {
    /// A record whose id and stamp are among its values, under these names.
    ///
    /// ```
    /// use serde_json::json;
    /// use syncline_core::simple::Record;
    ///
    /// let record = Record::from_json(json!({ "id": 7, "name": "Ada", "updated": "2026-11-20T10:00:00Z" }), "id", "updated")?;
    /// assert_eq!((record.id.as_str(), record.stamp.is_some()), ("7", true));
    /// # Ok::<(), syncline_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] when it has no id, or a stamp that is no time.
    pub fn from_json(values: Json, id: &str, stamp: &str) -> Result<Self> {
        let unreadable = |what: &str| Error::new(ErrorKind::Protocol, format!("the provider gave a record {what}"));
        let id = match &values[id] {
            Json::String(text) if !text.is_empty() => text.clone(),
            Json::Number(number) => number.to_string(),
            _ => return Err(unreadable(&format!("without `{id}`"))),
        };
        let stamp = match &values[stamp] {
            Json::Null => None,
            Json::String(text) => Some(text.parse().map_err(|error| {
                unreadable(&format!("whose `{stamp}` is no time"))
                    .with("record", &id)
                    .because(error)
            })?),
            _ => return Err(unreadable(&format!("whose `{stamp}` is no time")).with("record", &id)),
        };
        Ok(Self {
            id,
            stamp,
            deleted: false,
            values,
        })
    }

    /// A list of such records.
    ///
    /// # Errors
    /// As [`Record::from_json`], and when it is no list.
    pub fn list_from_json(list: Json, id: &str, stamp: &str) -> Result<Vec<Self>> {
        let Json::Array(list) = list else {
            return Err(Error::new(
                ErrorKind::Protocol,
                "the provider gave something else than a list of records",
            ));
        };
        list.into_iter()
            .map(|values| Self::from_json(values, id, stamp))
            .collect()
    }

    fn value(&self, path: &str) -> Option<&Json> {
        match self.values.get(path) {
            None => path.split('.').try_fold(&self.values, |values, name| values.get(name)),
            found => found,
        }
    }

    pub(super) fn put(&self, batch: &mut Batch, projection: &Projection) {
        let mut row = batch.row(&self.id);
        if let Some(stamp) = self.stamp {
            row.stamp(stamp);
        }
        if self.deleted {
            row.state(RowState::Deleted);
        }
        for (place, field) in projection.fields.iter().enumerate() {
            let value = self.value(&field.path).cloned().unwrap_or_default();
            row.set(place, &read(field.kind, value));
        }
        row.finish();
    }
}

/// A value of a field of this kind. Text that does not fit the kind stays text.
fn read(kind: ValueKind, json: Json) -> Value {
    match (kind, json) {
        (_, Json::String(text)) if text.is_empty() => Value::Null,
        (ValueKind::Number, Json::String(text)) => Value::from_number(&text),
        (ValueKind::Date, Json::String(text)) => text.parse().map_or(Value::Text(text), Value::Date),
        (ValueKind::DateTime, Json::String(text)) => text.parse().map_or(Value::Text(text), |instant| {
            Value::DateTime(DateTime::new(instant, Precision::Microsecond))
        }),
        (ValueKind::Json, json @ (Json::Object(_) | Json::Array(_))) => Value::Json(json),
        (_, json) => Value::from_json(json),
    }
}

/// The fields of a write as plain JSON.
pub(super) fn written(fields: &[(String, Value)]) -> Map<String, Json> {
    fields
        .iter()
        .map(|(path, value)| (path.clone(), value.to_json()))
        .collect()
}

/// A page of records.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The records, in the provider's order.
    pub records: Vec<Record>,
    /// What leads to the next page, for [`super::PageRequest::page`]; none on the last.
    pub next: Option<String>,
}

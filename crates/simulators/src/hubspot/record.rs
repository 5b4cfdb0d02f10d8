//! One record: its stamps and its property values, which are all strings.

use std::sync::Arc;

use super::property::{PropertyTable, Source};
use super::stamp::Stamp;

/// One version of a record. The store and the search index share it; a write makes a new one.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) id: u64,
    pub(super) created: Stamp,
    pub(super) modified: Stamp,
    pub(super) archived_at: Option<Stamp>,
    /// Counts every write to the portal, so that a late index update can be told from a newer one.
    pub(super) revision: u64,
    /// Whether the last write came through the API of our own app.
    pub(super) by_integration: bool,
    /// Sorted by property number. An unset property is absent.
    values: Vec<(u32, Arc<str>)>,
}

impl Record {
    pub(super) fn new(id: u64, created: Stamp) -> Self {
        Self {
            id,
            created,
            modified: created,
            archived_at: None,
            revision: 0,
            by_integration: false,
            values: Vec::new(),
        }
    }

    /// The stored value of the property with this number.
    pub(super) fn stored(&self, property: u32) -> Option<&str> {
        let position = self
            .values
            .binary_search_by_key(&property, |(number, _)| *number)
            .ok()?;
        self.values.get(position).map(|(_, value)| &**value)
    }

    /// Sets a value, or clears it with `None`.
    pub(super) fn set(&mut self, property: u32, value: Option<Arc<str>>) {
        match (
            self.values.binary_search_by_key(&property, |(number, _)| *number),
            value,
        ) {
            (Ok(position), Some(value)) => {
                if let Some(slot) = self.values.get_mut(position) {
                    slot.1 = value;
                }
            }
            (Ok(position), None) => {
                self.values.remove(position);
            }
            (Err(position), Some(value)) => self.values.insert(position, (property, value)),
            (Err(_), None) => {}
        }
    }

    /// Every stored value by property number.
    pub(super) fn values(&self) -> impl Iterator<Item = (u32, &Arc<str>)> {
        self.values.iter().map(|(number, value)| (*number, value))
    }

    /// The value as a client reads it, computed properties included.
    pub(super) fn read(&self, source: Source) -> Option<std::borrow::Cow<'_, str>> {
        match source {
            Source::Id => Some(self.id.to_string().into()),
            Source::Created => Some(self.created.to_string().into()),
            Source::Modified => Some(self.modified.to_string().into()),
            Source::Stored(number) => self.stored(number).map(Into::into),
        }
    }

    /// The value of a property by its name.
    pub(super) fn read_named(&self, table: &PropertyTable, name: &str) -> Option<String> {
        self.read(table.get(name)?.source).map(std::borrow::Cow::into_owned)
    }
}

/// Who wrote, as property history and `hs_object_source` tell it.
#[derive(Clone, Debug)]
pub(super) struct Author {
    pub(super) source: &'static str,
    pub(super) id: Arc<str>,
    pub(super) label: Option<Arc<str>>,
    pub(super) user: Option<u64>,
    pub(super) by_integration: bool,
}

impl Author {
    /// A person at work in HubSpot's own pages.
    pub(super) fn person(user: u64) -> Self {
        Self {
            source: "CRM_UI",
            id: format!("userId:{user}").into(),
            label: None,
            user: Some(user),
            by_integration: false,
        }
    }

    /// Our app, through the API.
    pub(super) fn app(app_id: u64) -> Self {
        Self {
            source: "INTEGRATION",
            id: app_id.to_string().into(),
            label: Some("Syncline".into()),
            user: None,
            by_integration: true,
        }
    }

    /// HubSpot itself, for values that follow from others.
    pub(super) fn system(source: &'static str) -> Self {
        Self {
            source,
            id: "".into(),
            label: None,
            user: None,
            by_integration: false,
        }
    }
}

/// One entry of a property's history.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) property: u32,
    pub(super) value: Arc<str>,
    pub(super) at: Stamp,
    pub(super) author: Author,
}

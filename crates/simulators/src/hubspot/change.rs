//! What changed in the portal, as its journal and its webhooks tell it.

use serde_json::{Map, Value, json};

use super::portal::Portal;
use super::record::Author;
use super::stamp::Stamp;

/// One change of a record or a link.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) at: Stamp,
    pub(super) author: Author,
    pub(super) object: usize,
    pub(super) id: u64,
    pub(super) kind: ChangeKind,
}

/// What happened.
#[derive(Clone, Debug)]
pub(super) enum ChangeKind {
    /// A record was made, with these properties.
    Created(Vec<(String, String)>),
    /// Properties got these values; an empty text is a cleared one.
    Updated(Vec<(String, String)>),
    Deleted,
    Restored,
    /// Two records became the one that the change is about.
    Merged {
        primary: u64,
        others: Vec<u64>,
    },
    /// A person asked to be forgotten.
    Erased,
    /// A link to another record was made or removed.
    Linked {
        other: usize,
        to: u64,
        category: &'static str,
        type_id: u64,
        primary: bool,
        removed: bool,
    },
}

impl ChangeKind {
    /// As subscriptions of the journal name it.
    pub(super) fn action(&self) -> &'static str {
        match self {
            Self::Created(_) => "CREATE",
            Self::Updated(_) => "UPDATE",
            Self::Deleted => "DELETE",
            Self::Restored => "RESTORE",
            Self::Merged { .. } => "MERGE",
            Self::Erased => "GDPR_DELETE",
            Self::Linked { removed: false, .. } => "ASSOCIATION_ADDED",
            Self::Linked { removed: true, .. } => "ASSOCIATION_REMOVED",
        }
    }

    /// The type of a journal's subscription that tells of it.
    pub(super) fn subscription(&self) -> &'static str {
        match self {
            Self::Linked { .. } => "ASSOCIATION",
            Self::Erased => "GDPR_PRIVACY_DELETION",
            _ => "OBJECT",
        }
    }
}

impl Portal {
    /// Remembers a change, if anybody has subscribed to any.
    pub(super) fn changed(&mut self, object: usize, id: u64, author: &Author, at: Stamp, kind: ChangeKind) {
        if !self.journal.is_watched() && !self.webhooks.is_watched() {
            return;
        }
        let change = Change {
            at,
            author: author.clone(),
            object,
            id,
            kind,
        };
        self.webhooks.take(&change);
        self.journal.take(change);
    }

    /// Remembers that types of a link were set or cleared.
    pub(super) fn link_changed(&mut self, pair: (usize, usize), from: u64, to: u64, bits: (u64, u64), now: Stamp) {
        let (before, after) = bits;
        if before == after || !(self.journal.is_watched() || self.webhooks.is_watched()) {
            return;
        }
        let removed = after & !before == 0;
        let moved = if removed { before & !after } else { after & !before };
        let kinds: Vec<(&'static str, u64, bool)> = self
            .associations
            .types(pair)
            .iter()
            .enumerate()
            .filter(|(bit, _)| moved & (1 << bit) != 0)
            .map(|(_, kind)| (kind.category, kind.type_id, kind.primary))
            .collect();
        let author = Author::system("CRM_UI");
        for (category, type_id, primary) in kinds {
            let kind = ChangeKind::Linked {
                other: pair.1,
                to,
                category,
                type_id,
                primary,
                removed,
            };
            self.changed(pair.0, from, &author, now, kind);
        }
    }

    /// One entry of the journal's `journalEvents`.
    pub(super) fn journal_event(&self, change: &Change, properties: &[String]) -> Value {
        let type_id = self.store(change.object).object.type_id;
        let mut event = Map::new();
        let kind = match &change.kind {
            ChangeKind::Linked { .. } => "association",
            ChangeKind::Erased => "gdprPrivacyDeletion",
            _ => "crmObject",
        };
        event.insert("type".into(), kind.into());
        event.insert("portalId".into(), self.id.into());
        event.insert("occurredAt".into(), change.at.to_string().into());
        event.insert("action".into(), change.kind.action().into());
        match &change.kind {
            ChangeKind::Linked {
                other,
                to,
                category,
                type_id: link_type,
                ..
            } => {
                event.insert("fromObjectTypeId".into(), type_id.into());
                event.insert("fromObjectId".into(), change.id.into());
                event.insert("toObjectTypeId".into(), self.store(*other).object.type_id.into());
                event.insert("toObjectId".into(), (*to).into());
                event.insert("associationCategory".into(), (*category).into());
                event.insert("associationTypeId".into(), (*link_type).into());
            }
            kind => {
                event.insert("objectTypeId".into(), type_id.into());
                event.insert("objectId".into(), change.id.into());
                if let ChangeKind::Created(values) | ChangeKind::Updated(values) = kind {
                    let told = |name: &String| properties.is_empty() || properties.contains(name);
                    let values: Map<String, Value> = values
                        .iter()
                        .filter(|(name, _)| told(name))
                        .map(|(name, value)| (name.clone(), value.clone().into()))
                        .collect();
                    event.insert("propertyChanges".into(), values.into());
                }
                if let ChangeKind::Merged { primary, others } = kind {
                    event.insert("primaryObjectId".into(), (*primary).into());
                    event.insert("mergedObjectIds".into(), json!(others));
                    event.insert("newObjectId".into(), change.id.into());
                }
            }
        }
        Value::Object(event)
    }
}

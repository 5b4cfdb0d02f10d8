//! The webhooks journal: who has subscribed to what, and the entries that were published, for three days.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::change::{Change, ChangeKind};
use super::stamp::{DAY, Stamp};

/// How long entries are kept.
const KEPT: i64 = 3 * DAY;
/// The most events of one entry.
const EVENTS: usize = 100;

/// One subscription.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) id: u64,
    pub(super) kind: String,
    pub(super) type_id: Option<String>,
    /// The other side of an association.
    pub(super) other_type_ids: Vec<String>,
    pub(super) actions: Vec<String>,
    pub(super) properties: Vec<String>,
    pub(super) object_ids: Vec<u64>,
    pub(super) created: Stamp,
}

impl Subscription {
    pub(super) fn json(&self, portal: u64, app: u64) -> Value {
        json!({
            "id": self.id,
            "appId": app,
            "portalId": portal,
            "subscriptionType": self.kind,
            "objectTypeId": self.type_id,
            "associatedObjectTypeIds": self.other_type_ids,
            "actions": self.actions,
            "properties": self.properties,
            "objectIds": self.object_ids,
            "createdAt": self.created.to_string(),
            "updatedAt": self.created.to_string(),
        })
    }

    /// Whether it tells of a change; `type_ids` are those of the record and, of a link, of the other end.
    fn tells(&self, change: &Change, type_ids: (&str, Option<&str>)) -> bool {
        let of_type = self.type_id.as_deref().is_none_or(|wanted| wanted == type_ids.0);
        let other = match type_ids.1 {
            Some(other) => self.other_type_ids.is_empty() || self.other_type_ids.iter().any(|wanted| wanted == other),
            None => true,
        };
        let properties = match &change.kind {
            ChangeKind::Updated(values) if !self.properties.is_empty() => {
                values.iter().any(|(name, _)| self.properties.contains(name))
            }
            _ => true,
        };
        self.kind == change.kind.subscription()
            && of_type
            && other
            && properties
            && (self.actions.is_empty() || self.actions.iter().any(|action| action == change.kind.action()))
            && (self.object_ids.is_empty() || self.object_ids.contains(&change.id))
    }
}

/// One published entry.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) offset: String,
    pub(super) at: Stamp,
    pub(super) events: Vec<Value>,
}

/// The journal of one portal.
#[derive(Debug, Default)]
pub(super) struct Journal {
    pub(super) subscriptions: Vec<Subscription>,
    waiting: Vec<Change>,
    entries: VecDeque<Entry>,
    next_subscription: u64,
}

impl Journal {
    pub(super) fn is_watched(&self) -> bool {
        !self.subscriptions.is_empty()
    }

    pub(super) fn take(&mut self, change: Change) {
        if self.is_watched() {
            self.waiting.push(change);
        }
    }

    pub(super) fn subscribe(&mut self, mut subscription: Subscription) -> Subscription {
        self.next_subscription += 1;
        subscription.id = self.next_subscription;
        self.subscriptions.push(subscription.clone());
        subscription
    }

    /// Takes what waits to be published, with the properties that its subscription asks for.
    pub(super) fn waiting(&mut self, type_id: impl Fn(usize) -> &'static str) -> Vec<(Change, Vec<String>)> {
        let waiting = std::mem::take(&mut self.waiting);
        let told = |change: &Change| {
            let other = match &change.kind {
                ChangeKind::Linked { other, .. } => Some(type_id(*other)),
                _ => None,
            };
            let types = (type_id(change.object), other);
            let mut wanted = self.subscriptions.iter().filter(|one| one.tells(change, types));
            wanted.next().map(|first| first.properties.clone())
        };
        waiting
            .into_iter()
            .filter_map(|change| told(&change).map(|properties| (change, properties)))
            .collect()
    }

    /// Publishes events, as many to an entry as fit, and forgets what is too old.
    pub(super) fn publish(&mut self, events: &[Value], now: Stamp, mut offset: impl FnMut() -> String) {
        for events in events.chunks(EVENTS) {
            self.entries.push_back(Entry {
                offset: offset(),
                at: now,
                events: events.to_vec(),
            });
        }
        while self.entries.front().is_some_and(|entry| now.0 - entry.at.0 > KEPT) {
            self.entries.pop_front();
        }
    }

    pub(super) fn entry(&self, offset: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.offset == offset)
    }

    pub(super) fn latest(&self) -> Option<&Entry> {
        self.entries.back()
    }

    /// Entries behind an offset, or from the first one kept; `None` when the offset is not known (any more).
    pub(super) fn after(&self, offset: Option<&str>) -> Option<impl Iterator<Item = &Entry>> {
        let skipped = match offset {
            Some(offset) => self.entries.iter().position(|entry| entry.offset == offset)? + 1,
            None => 0,
        };
        Some(self.entries.iter().skip(skipped))
    }
}

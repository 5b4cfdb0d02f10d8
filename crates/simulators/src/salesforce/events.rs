//! Change Data Capture: the log of what happened to the records of the entities that an administrator selected.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::Salesforce;
use super::api::streaming::Session;
use super::cell::Cell;
use super::error::ApiError;
use super::id::RecordId;
use super::state::State;
use super::table::{Record, Slot};
use crate::record::HookError;

/// How long an event can be replayed.
const KEPT: SignedDuration = SignedDuration::from_hours(72);
/// Entities that may be selected without an add-on.
const MOST_ENTITIES: usize = 5;

/// One event, in the log of its channel.
#[derive(Clone, Debug)]
pub(crate) struct ChangeEvent {
    pub(crate) replay: u64,
    pub(crate) channel: String,
    at: Timestamp,
    pub(crate) payload: Value,
}

/// The log.
#[derive(Debug, Default)]
pub(crate) struct Events {
    selected: BTreeSet<usize>,
    log: VecDeque<ChangeEvent>,
    replay: u64,
    /// What the writer of the call under way calls itself.
    pub(crate) client: Option<String>,
    pub(crate) version: u32,
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) handshakes: u64,
}

impl Events {
    /// Whether an object's changes are told.
    pub(super) fn tells(&self, table: usize) -> bool {
        self.selected.contains(&table)
    }

    pub(super) fn len(&self) -> usize {
        self.log.len()
    }

    /// Forgets what a transaction that is rolled back told.
    pub(super) fn truncate(&mut self, length: usize) {
        self.log.truncate(length);
    }

    /// Forgets what is too old to be replayed.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while self
            .log
            .front()
            .is_some_and(|event| now.duration_since(event.at) > KEPT)
        {
            self.log.pop_front();
        }
    }

    /// Whether events can be replayed from behind this one.
    pub(crate) fn knows(&self, replay: u64) -> bool {
        self.log.iter().any(|event| event.replay == replay)
    }

    pub(crate) const fn newest(&self) -> u64 {
        self.replay
    }

    /// What a channel holds behind this event, oldest first.
    pub(crate) fn after<'a>(&'a self, channel: &'a str, replay: u64) -> impl Iterator<Item = &'a ChangeEvent> {
        self.log
            .iter()
            .filter(move |event| event.replay > replay && (channel == "/data/ChangeEvents" || event.channel == channel))
    }

    fn tell(&mut self, channel: String, at: Timestamp, payload: Value) {
        // Ids ascend, and are not contiguous.
        self.replay += 1 + self.replay % 3;
        let replay = self.replay;
        self.log.push_back(ChangeEvent {
            replay,
            channel,
            at,
            payload,
        });
    }
}

impl Salesforce {
    /// Selects an object for Change Data Capture, as an administrator does in Setup.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown object; `LIMIT_EXCEEDED` for a sixth.
    pub fn select_for_change_events(&self, object: &str) -> Result<(), HookError> {
        let mut state = self.state();
        let table = state.find(object).ok_or_else(ApiError::not_found)?;
        if state.events.selected.len() >= MOST_ENTITIES && !state.events.selected.contains(&table) {
            return Err(HookError::new(
                "LIMIT_EXCEEDED",
                format!("no more than {MOST_ENTITIES} entities can be selected"),
            ));
        }
        state.events.selected.insert(table);
        Ok(())
    }

    /// Tells that records changed without saying how, as for an event that grew too large (`GAP_UPDATE`), or, without an
    /// id, that a transaction changed more than can be told (`GAP_OVERFLOW`).
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown object.
    pub fn tell_gap(&self, object: &str, id: Option<&str>) -> Result<(), HookError> {
        let mut state = self.state();
        let table = state.find(object).ok_or_else(ApiError::not_found)?;
        let (kind, id) = id.map_or(("GAP_OVERFLOW", "000000000000000AAA"), |id| ("GAP_UPDATE", id));
        let now = state.clock.now();
        let object = state.tables[table].schema.name.clone();
        let user = state.people.first().copied().unwrap_or(state.integration_user);
        let header = state.header(&object, id, kind, "", user, now, &[], &[]);
        let payload = json!({ "ChangeEventHeader": header });
        state.events.tell(channel_of(&object), now, payload);
        Ok(())
    }

    /// Ends every streaming session, as a restart of the service does.
    pub fn end_streaming_sessions(&self) {
        self.state().events.sessions.clear();
    }
}

/// The channel of an object's events.
pub(crate) fn channel_of(object: &str) -> String {
    match object.strip_suffix("__c") {
        Some(stem) => format!("/data/{stem}__ChangeEvent"),
        None => format!("/data/{object}ChangeEvent"),
    }
}

impl State {
    /// Tells what a record's change was; `after` is absent where nothing is to be told.
    pub(super) fn tell_change(&mut self, table: usize, slot: Slot, before: Option<&Record>, after: Option<&Record>) {
        let Some(after) = after else { return };
        let kind = match (before.map(|record| record.deleted.is_some()), after.deleted.is_some()) {
            (None, _) => "CREATE",
            (Some(false), true) => "DELETE",
            (Some(true), false) => "UNDELETE",
            (Some(true), true) => return,
            (Some(false), false) => "UPDATE",
        };
        let schema = &self.tables[table].schema;
        let object = schema.name.clone();
        let whole = matches!(kind, "CREATE" | "UNDELETE");
        let mut fields = Map::new();
        let (mut changed, mut nulled) = (Vec::new(), Vec::new());
        for (index, field) in (0_u16..).zip(&schema.fields) {
            let cell = after.get(index);
            if kind == "DELETE" || (whole && cell.is_none()) {
                continue;
            }
            if !whole && before.and_then(|record| record.get(index)) == cell {
                continue;
            }
            let compound = field.describe.get("compoundFieldName").and_then(Value::as_str);
            let compound = compound.filter(|compound| *compound != field.name);
            let name = compound.map_or_else(
                || field.name.clone(),
                |compound| format!("{compound}.{}", part(compound, &field.name)),
            );
            if cell.is_none() {
                nulled.push(name.clone());
            }
            changed.push(name);
            let value = cell.map_or(Value::Null, event_value);
            match compound {
                Some(compound) => {
                    let parts = fields.entry(compound).or_insert_with(|| json!({}));
                    if let (Some(parts), false) = (parts.as_object_mut(), value.is_null()) {
                        parts.insert(part(compound, &field.name).to_owned(), value);
                    }
                }
                None => {
                    fields.insert(field.name.clone(), value);
                }
            }
        }
        if kind != "DELETE" {
            fields.insert("LastModifiedDate".into(), Value::from(after.modified * 1_000));
            changed.push("LastModifiedDate".into());
        }
        if whole {
            changed.clear();
        }
        let origin = match (&self.events.client, after.by_integration) {
            (client, true) => {
                let client = client
                    .as_ref()
                    .map(|client| format!(";client={client}"))
                    .unwrap_or_default();
                format!("com/salesforce/api/rest/{}.0{client}", self.events.version)
            }
            (_, false) => String::new(),
        };
        let now = self.clock.now();
        let id = self.tables[table].id(slot).to_string();
        let header = self.header(&object, &id, kind, &origin, after.modified_by, now, &changed, &nulled);
        let mut payload = Map::from_iter([("ChangeEventHeader".to_owned(), header)]);
        payload.extend(fields);
        self.events.tell(channel_of(&object), now, Value::Object(payload));
    }

    #[expect(clippy::too_many_arguments, reason = "a header has as many parts")]
    fn header(
        &self,
        object: &str,
        id: &str,
        kind: &str,
        origin: &str,
        user: RecordId,
        at: Timestamp,
        changed: &[String],
        nulled: &[String],
    ) -> Value {
        let number = self.events.replay + 1;
        json!({
            "entityName": object, "recordIds": [id], "changeType": kind, "changeOrigin": origin,
            "transactionKey": format!("{number:08x}-0000-4000-8000-000000000000"), "sequenceNumber": 1,
            "commitTimestamp": at.as_millisecond(), "commitNumber": 1_790_000_000_000_000_000_u64 + number,
            "commitUser": user.as_str(), "nulledFields": nulled, "diffFields": [], "changedFields": changed,
        })
    }
}

/// The name of a part inside its compound: `Street` in `MailingAddress` is the field `MailingStreet`.
fn part<'a>(compound: &str, field: &'a str) -> &'a str {
    match compound.strip_suffix("Address") {
        Some(prefix) if !prefix.is_empty() => field.strip_prefix(prefix).unwrap_or(field),
        _ => field,
    }
}

/// A value as events hold it: instants in milliseconds.
fn event_value(cell: &Cell) -> Value {
    match cell {
        Cell::DateTime(seconds) => Value::from(seconds * 1_000),
        cell => cell.view().to_json(),
    }
}

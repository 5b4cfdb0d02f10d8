//! Schema drift: what changed in a remote schema since it was last described, and what that does to mappings.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use syncline_core::error::{ErrorKind, Result};
use syncline_core::mapping::Rule;
use syncline_core::model::Blueprint;
use syncline_core::schema::{FieldSchema, ObjectSchema};
use syncline_core::store::{DocumentKind, DocumentQuery, Mode};

use crate::actor::{Action, Actor};
use crate::connection::Connection;
use crate::document;
use crate::engine::Engine;
use crate::event::EventKind;
use crate::run::{compile_sync, schema_of};
use crate::sync::{Sync, SyncStatus};

/// How a field changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FieldChange {
    /// It is new.
    Added,
    /// It is gone, or no longer visible to the connection's user.
    Removed,
    /// It holds something else.
    Retyped {
        /// The provider's word for the type before.
        before: String,
        /// The provider's word for the type now.
        after: String,
    },
    /// Its choices are others.
    Choices {
        /// Values that can be chosen now and could not be before.
        added: Vec<String>,
        /// Values that can't be chosen any more.
        removed: Vec<String>,
    },
    /// It can be read and no longer be written.
    NotWritable,
    /// It can be written again.
    Writable,
    /// Records now need it.
    Required,
    /// Its longest text became shorter, in characters.
    Shortened {
        /// The length before.
        before: u32,
        /// The length now.
        after: u32,
    },
}

/// A change of one field, and what it does to mappings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDrift {
    /// The provider's name of the field.
    pub field: String,
    /// What changed.
    #[serde(flatten)]
    pub change: FieldChange,
    /// What it does to the syncs that use the field, one sentence each.
    pub effects: Vec<String>,
}

impl FieldDrift {
    /// The change in words, with its effects.
    pub fn describe(&self) -> String {
        let field = &self.field;
        let change = match &self.change {
            FieldChange::Added => format!("`{field}` is new"),
            FieldChange::Removed => format!("`{field}` is gone, or no longer visible to the connection's user"),
            FieldChange::Retyped { before, after } => format!("`{field}` was {before} and is now {after}"),
            FieldChange::Choices { added, removed } => {
                let list = |what: &str, values: &[String]| match values {
                    [] => String::new(),
                    values => format!(" {what} {}", values.join(", ")),
                };
                format!("choices of `{field}` changed:{}{}", list("added", added), list("removed", removed))
            }
            FieldChange::NotWritable => format!("`{field}` can no longer be written"),
            FieldChange::Writable => format!("`{field}` can be written now"),
            FieldChange::Required => format!("`{field}` is now required"),
            FieldChange::Shortened { before, after } => {
                format!("`{field}` held {before} characters and now holds {after}")
            }
        };
        match self.effects.as_slice() {
            [] => change,
            effects => format!("{change}; {}", effects.join("; ")),
        }
    }
}

/// What changed in one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaDrift {
    /// The object.
    pub object: String,
    /// What changed, by field.
    pub fields: Vec<FieldDrift>,
    /// Syncs that can't run any more, each with the reason.
    pub broken: Vec<String>,
}

impl Engine {
    /// Describes every object that a connection's syncs are about, keeps the new descriptions, and returns what changed
    /// since the last ones. Each changed object is also told as an event.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; as [`Engine::describe`].
    pub async fn check_schema(&self, connection: &Connection, actor: &Actor) -> Result<Vec<SchemaDrift>> {
        let inner = &self.inner;
        inner.allow(actor, Action::ReadConnections)?;
        let (syncs, mut known) = {
            let mut tx = inner.store.begin(Mode::Read).await?;
            let query = DocumentQuery::new(DocumentKind::Sync).tenant(connection.tenant).scope(connection.id);
            let syncs: Vec<Sync> = document::find::<Sync>(tx.as_mut(), &query)
                .await?
                .into_iter()
                .map(|sync| sync.value)
                .filter(|sync| sync.status != SyncStatus::Deleted)
                .collect();
            let mut known = BTreeMap::new();
            for object in syncs.iter().map(|sync| &sync.mapping.object).collect::<BTreeSet<_>>() {
                match schema_of(tx.as_mut(), connection.id, object).await {
                    Ok(schema) => known.insert(object.clone(), schema),
                    Err(error) if error.kind() == ErrorKind::NotFound => None,
                    Err(error) => return Err(error),
                };
            }
            (syncs, known)
        };
        let mut drifts = Vec::new();
        let objects: BTreeSet<&str> = syncs.iter().map(|sync| sync.mapping.object.as_str()).collect();
        for object in objects {
            let now = self.describe(connection, object).await?;
            let Some(before) = known.remove(object) else { continue };
            let syncs: Vec<&Sync> = syncs.iter().filter(|sync| sync.mapping.object == object).collect();
            let fields = compare(&before, &now, &syncs);
            if fields.is_empty() {
                continue;
            }
            let broken = self.broken(&syncs, connection, &now).await?;
            let drift = SchemaDrift { object: object.to_owned(), fields, broken };
            self.tell(connection, &drift).await?;
            drifts.push(drift);
        }
        Ok(drifts)
    }

    /// Why each of these syncs can't run with a schema, for those that can't.
    async fn broken(&self, syncs: &[&Sync], connection: &Connection, schema: &ObjectSchema) -> Result<Vec<String>> {
        let mut tx = self.inner.store.begin(Mode::Read).await?;
        let mut broken = Vec::new();
        for sync in syncs {
            let blueprint = document::get::<Blueprint>(tx.as_mut(), u64::from(sync.blueprint)).await?;
            if let Err(error) = compile_sync(&self.inner, sync, &connection.provider, &blueprint, schema) {
                broken.push(error.message().to_owned());
            }
        }
        Ok(broken)
    }

    async fn tell(&self, connection: &Connection, drift: &SchemaDrift) -> Result<()> {
        let inner = &self.inner;
        let changes = drift.fields.iter().map(FieldDrift::describe).chain(drift.broken.iter().cloned()).collect();
        let event = EventKind::SchemaDrifted { connection: connection.id, object: drift.object.clone(), changes };
        let mut tx = inner.store.begin(Mode::Write).await?;
        inner.events.store(tx.as_mut(), inner, connection.tenant, event).await?;
        tx.commit().await?;
        inner.events.wake();
        Ok(())
    }
}

/// What changed from one description to the next, by field.
fn compare(before: &ObjectSchema, now: &ObjectSchema, syncs: &[&Sync]) -> Vec<FieldDrift> {
    let mut found: BTreeMap<&str, Vec<FieldChange>> = BTreeMap::new();
    for old in &before.fields {
        let changes = match now.field(&old.path) {
            None => vec![FieldChange::Removed],
            Some(new) => changes(old, new),
        };
        if !changes.is_empty() {
            found.insert(&old.path, changes);
        }
    }
    for new in now.fields.iter().filter(|new| before.field(&new.path).is_none()) {
        let required = (new.required && new.creatable).then_some(FieldChange::Required);
        found.insert(&new.path, std::iter::once(FieldChange::Added).chain(required).collect());
    }
    let drift = |field: &str, change: FieldChange| {
        let schema = before.field(field).or_else(|| now.field(field));
        FieldDrift { field: field.to_owned(), effects: effects(field, schema, &change, syncs), change }
    };
    found.into_iter().flat_map(|(field, changes)| changes.into_iter().map(move |change| drift(field, change))).collect()
}

fn changes(old: &FieldSchema, new: &FieldSchema) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    if (old.kind, old.value_kind) != (new.kind, new.value_kind) {
        let (before, after) = (old.provider_type.clone(), new.provider_type.clone());
        changes.push(FieldChange::Retyped { before, after });
    }
    let choices = |field: &FieldSchema| -> BTreeSet<String> {
        field.choices.iter().filter(|choice| choice.active).map(|choice| choice.value.clone()).collect()
    };
    let (had, has) = (choices(old), choices(new));
    if had != has {
        let added = has.difference(&had).cloned().collect();
        let removed = had.difference(&has).cloned().collect();
        changes.push(FieldChange::Choices { added, removed });
    }
    match (old.writable(), new.writable()) {
        (true, false) => changes.push(FieldChange::NotWritable),
        (false, true) => changes.push(FieldChange::Writable),
        _ => {}
    }
    if new.required && !old.required {
        changes.push(FieldChange::Required);
    }
    if let (Some(before), Some(after)) = (old.length, new.length)
        && after < before
    {
        changes.push(FieldChange::Shortened { before, after });
    }
    changes
}

/// What a change does to the syncs that use the field.
fn effects(field: &str, schema: Option<&FieldSchema>, change: &FieldChange, syncs: &[&Sync]) -> Vec<String> {
    let mut effects = Vec::new();
    for sync in syncs {
        let name = &sync.name;
        let rules: Vec<&Rule> = sync.mapping.rules.iter().filter(|rule| uses(rule, field, schema)).collect();
        if matches!(change, FieldChange::Required) && rules.is_empty() {
            effects.push(format!("sync `{name}` does not fill it, so its creates will be refused; map it"));
        }
        for rule in rules {
            let fields = rule.fields.join(", ");
            let writes = rule.direction.pushes();
            let effect = match change {
                FieldChange::Added | FieldChange::Writable => continue,
                FieldChange::Removed => format!("sync `{name}` can't run until the rule of `{fields}` is changed or removed"),
                FieldChange::Retyped { .. } => format!("check the rule of `{fields}` in sync `{name}`"),
                FieldChange::Choices { removed, .. } if !removed.is_empty() && writes => {
                    format!("sync `{name}` can't write the removed values of `{fields}` any more; extend its value table")
                }
                FieldChange::Choices { added, .. } if !added.is_empty() => {
                    format!("sync `{name}` may meet values of `{fields}` that its value table lacks")
                }
                FieldChange::NotWritable if writes => format!("sync `{name}` only reads `{fields}` from now on"),
                FieldChange::Shortened { .. } if writes => {
                    format!("longer texts of `{fields}` in sync `{name}` will be refused")
                }
                FieldChange::Required if writes => format!("records without `{fields}` in sync `{name}` will be refused"),
                _ => continue,
            };
            effects.push(effect);
        }
    }
    effects
}

/// Whether a rule reads or writes a field, also by walking its relationship.
fn uses(rule: &Rule, field: &str, schema: Option<&FieldSchema>) -> bool {
    let relationship = schema.and_then(|schema| schema.relationship.as_deref());
    rule.remote.iter().any(|path| {
        path == field || path.split_once('.').is_some_and(|(first, _)| Some(first) == relationship)
    })
}

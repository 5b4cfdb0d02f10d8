//! Schema drift: what changed in a remote schema since it was last described, and what that does to mappings.

mod compare;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use syncline_core::error::{ErrorKind, Result};
use syncline_core::model::Blueprint;
use syncline_core::schema::ObjectSchema;
use syncline_core::store::{DocumentKind, DocumentQuery, Mode};

use crate::actor::{Action, Actor};
use crate::connection::Connection;
use crate::document;
use crate::engine::Engine;
use crate::event::EventKind;
use crate::run::{compile_sync, schema_of};
use crate::sync::{Sync, SyncStatus};
use compare::compare;

/// How a field changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FieldChange {
    /// It is new.
    Added,
    /// It is gone, or no longer visible to the connection's user.
    Removed,
    /// It is there and can't be synced any more.
    LeftOut {
        /// Why, in words that follow the name.
        reason: String,
    },
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
            FieldChange::LeftOut { reason } => format!("`{field}` {reason}"),
            FieldChange::Retyped { before, after } => format!("`{field}` was {before} and is now {after}"),
            FieldChange::Choices { added, removed } => {
                let list = |what: &str, values: &[String]| match values {
                    [] => String::new(),
                    values => format!(" {what} {}", values.join(", ")),
                };
                format!(
                    "choices of `{field}` changed:{}{}",
                    list("added", added),
                    list("removed", removed)
                )
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
        inner.allow_in(actor, connection.tenant, Action::ReadConnections)?;
        let (syncs, mut known) = {
            let mut tx = inner.store.begin(Mode::Read).await?;
            let query = DocumentQuery::new(DocumentKind::Sync)
                .tenant(connection.tenant)
                .scope(connection.id);
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
            let now = self.describe_anew(connection, object).await?;
            let Some(before) = known.remove(object) else { continue };
            let syncs: Vec<&Sync> = syncs.iter().filter(|sync| sync.mapping.object == object).collect();
            let fields = compare(&before, &now, &syncs);
            if fields.is_empty() {
                continue;
            }
            let broken = self.broken(&syncs, connection, &now).await?;
            let drift = SchemaDrift {
                object: object.to_owned(),
                fields,
                broken,
            };
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
        let changes = drift
            .fields
            .iter()
            .map(FieldDrift::describe)
            .chain(drift.broken.iter().cloned())
            .collect();
        let event = EventKind::SchemaDrifted {
            connection: connection.id,
            object: drift.object.clone(),
            changes,
        };
        let mut tx = inner.store.begin(Mode::Write).await?;
        inner.events.store(tx.as_mut(), inner, connection.tenant, event).await?;
        tx.commit().await?;
        inner.events.wake();
        Ok(())
    }
}

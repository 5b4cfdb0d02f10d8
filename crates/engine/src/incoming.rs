//! Where the host has a say in changes that come from a CRM.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value as Json};
use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::Blueprint;
use syncline_core::plan::ReadPoint;
use syncline_core::state::{Entity, EntityId};
use syncline_core::value::Value;
use uuid::Uuid;

use crate::actor::Actor;
use crate::engine::Inner;
use crate::entity::{EntityTransaction, Findings, patch_of};
use crate::run::Page;

/// A change of an entity that comes from a CRM and is about to be applied.
#[derive(Debug, Clone, PartialEq)]
pub struct IncomingChange {
    /// Name of the blueprint.
    pub blueprint: String,
    /// The entity; of one that is new, the id that it is going to have.
    pub uid: Uuid,
    /// Where the change comes from, such as `salesforce Contact`.
    pub origin: String,
    /// Its values by field as they are; `None` for a new one.
    pub before: Option<Map<String, Json>>,
    /// Its values by field as they are going to be.
    pub after: Map<String, Json>,
    /// The fields that change.
    pub changed: Vec<String>,
}

/// What a hook says of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It is applied as it is.
    Apply,
    /// The record is left as it was. It is a failure of the run with this reason, and tried again like any other.
    Veto {
        /// Why, for people.
        reason: String,
    },
    /// It is applied, and at once edited: these values are the app's, and the next write brings them to the CRM.
    Amend {
        /// Values by field.
        values: Map<String, Json>,
        /// Why, for people: the audit has it.
        reason: String,
    },
}

/// The host's say in changes that come from a CRM, added by
/// [`EngineBuilder::change_hook`](crate::EngineBuilder::change_hook). It is asked about new records and about values that
/// change; deletes, and the first link of records that are on both sides, are the mapping's policy.
pub trait ChangeHook: Send + Sync + fmt::Debug {
    /// What its amendments are audited as.
    fn name(&self) -> &str;

    /// Before a change is applied. It is asked within the transaction of a whole page: it should answer at once, from what
    /// it is given, and must not call the engine.
    ///
    /// # Errors
    /// As [`Verdict::Veto`], with the error's message as the reason.
    fn before(&self, change: &IncomingChange) -> Result<Verdict>;
}

/// An amendment that is to be carried out.
#[derive(Debug)]
struct Amendment {
    entity: EntityId,
    values: Map<String, Json>,
    reason: String,
    by: String,
}

/// The host's hooks, asked about the records of one page.
#[derive(Debug)]
pub(crate) struct Hooks {
    hooks: Vec<Arc<dyn ChangeHook>>,
    origin: String,
    amended: Mutex<Vec<Amendment>>,
}

impl Hooks {
    /// Those of the engine; `None` where there are none.
    pub(crate) fn of(inner: &Inner, origin: &str) -> Option<Arc<Self>> {
        (!inner.change_hooks.is_empty()).then(|| {
            Arc::new(Self {
                hooks: inner.change_hooks.clone(),
                origin: origin.to_owned(),
                amended: Mutex::default(),
            })
        })
    }

    /// Asks about a record that is to be taken in.
    ///
    /// # Errors
    /// `Refused` with the reason of whoever vetoes it.
    pub(crate) fn ask(&self, blueprint: &Blueprint, before: Option<&Entity>, after: &Entity) -> Result<()> {
        let before = before.filter(|before| !before.deleted);
        if after.deleted || before.is_some_and(|before| before.values == after.values) {
            return Ok(());
        }
        let shown = |values: &[Value]| -> Map<String, Json> {
            let fields = blueprint.live_fields();
            fields
                .map(|(place, field)| (field.name.clone(), values.get(place).map_or(Json::Null, Value::to_json)))
                .collect()
        };
        let (was, is) = (before.map(|before| shown(&before.values)), shown(&after.values));
        let is_new = |name: &&String| was.as_ref().is_none_or(|was| was.get(*name) != is.get(*name));
        let change = IncomingChange {
            blueprint: blueprint.name.clone(),
            uid: after.uid,
            origin: self.origin.clone(),
            changed: is.keys().filter(is_new).cloned().collect(),
            before: was,
            after: is,
        };
        for hook in &self.hooks {
            let verdict = catch_unwind(AssertUnwindSafe(|| hook.before(&change)));
            let vetoed = |reason: &str| Error::new(ErrorKind::Refused, format!("{}: {reason}", hook.name()));
            match verdict {
                Ok(Ok(Verdict::Apply)) => {}
                Ok(Ok(Verdict::Veto { reason })) => return Err(vetoed(&reason)),
                Ok(Ok(Verdict::Amend { values, reason })) => {
                    let mut amended = self.amended.lock().unwrap_or_else(PoisonError::into_inner);
                    amended.push(Amendment {
                        entity: after.id,
                        values,
                        reason,
                        by: hook.name().to_owned(),
                    });
                }
                Ok(Err(error)) => return Err(vetoed(error.message()).because(error)),
                Err(_) => return Err(vetoed("the host's own check of it panicked")),
            }
        }
        Ok(())
    }

    /// Carries the amendments out, as edits of the app in the transaction of `page`, which is given back. One that can't be
    /// made is told in the audit, and what came from the CRM stays.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn carry_out(&self, inner: &Inner, mut page: Page, blueprint: &Blueprint) -> Result<Page> {
        let amended = std::mem::take(&mut *self.amended.lock().unwrap_or_else(PoisonError::into_inner));
        for Amendment {
            entity,
            values,
            reason,
            by,
        } in amended
        {
            let mut actor = Actor::system();
            actor.name = format!("{by}: {reason}");
            let mut work = EntityTransaction::open(inner, page, blueprint.clone(), &actor).await?;
            if let Some(linked) = work.page.load(inner, &[entity]).await?.pop() {
                let mut findings = Findings::default();
                let patch = patch_of(&work.blueprint, &values, &mut findings);
                work.prepare(&[&patch], &[&linked.entity]).await?;
                match work.edit(&linked, patch, &ReadPoint::Blind, findings).await {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::Store => return Err(error),
                    Err(error) => {
                        let entry = AuditEntry::new(AuditKind::NotWritten, linked.entity.uid, 0, None);
                        let note = format!("{}: not amended: {}", actor.name, error.message());
                        work.page.audit.push(entry.note(note));
                    }
                }
            }
            page = work.hand_over().await?;
        }
        Ok(page)
    }
}

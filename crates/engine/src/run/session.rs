//! The transactions of a run: committed one by one, to the store or, when the run is dry, to an overlay that is dropped
//! in the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use syncline_core::audit::{AuditEntries, AuditEntry, AuditKind, seal_block};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::io::Mark;
use syncline_core::model::{Blueprint, BlueprintId, TenantId};
use syncline_core::plan::{Effects, ReviewChange};
use syncline_core::state::{EntityId, Linked, Side, SideFlags, SideId};
use syncline_core::store::{Mode, Store, Transaction};

use super::context::SyncContext;
use super::lease::Lease;
use super::model::{Failure, PlannedChange, Run};
use crate::conflict::{close_settled, open_review};
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::entity::keep_history;
use crate::event::EventKind;
use crate::overlay::OverlayStore;
use crate::sync::Sync;

/// A dry run shows at most this many changes and counts the rest.
const SHOWN_CHANGES: usize = 10_000;

/// A run's access to the store.
pub(crate) struct Session<'a> {
    inner: &'a Inner,
    /// What it reads and writes.
    store: Arc<dyn Store>,
    is_dry: bool,
    lease: Lease,
    /// The lease for matching, while it is matching.
    matching: Option<Lease>,
    /// Sides of which this run has read everything that was to be read, with the mark at which that began.
    known: BTreeMap<SideId, Mark>,
}

/// A transaction of a [`Session`], with what is to be written down in it.
pub(crate) struct Page {
    tx: Option<Box<dyn Transaction>>,
    pub(crate) audit: AuditEntries,
    pub(crate) events: Vec<EventKind>,
    /// As the session knows it.
    pub(crate) known: BTreeMap<SideId, Mark>,
    /// The current versions of the blueprints that were looked up.
    pub(crate) current: BTreeMap<BlueprintId, u32>,
}

impl Page {
    /// The transaction.
    pub(crate) fn tx(&mut self) -> Result<&mut dyn Transaction> {
        match &mut self.tx {
            Some(tx) => Ok(tx.as_mut()),
            None => Err(Error::new(ErrorKind::Internal, "the transaction is over")),
        }
    }

    /// These entities with all their sides, brought to the current version of their blueprint where they can be: what is
    /// to be edited or planned for.
    pub(crate) async fn load(&mut self, inner: &Inner, entities: &[EntityId]) -> Result<Vec<Linked>> {
        let mut loaded = self.tx()?.load(entities).await?;
        crate::blueprint::settle(inner, self, &mut loaded).await?;
        Ok(loaded)
    }

    /// The transaction for somebody who goes on with it and gives it back; until then there is none here.
    pub(crate) fn lend(&mut self) -> Self {
        Self {
            tx: self.tx.take(),
            audit: std::mem::take(&mut self.audit),
            events: std::mem::take(&mut self.events),
            known: self.known.clone(),
            current: std::mem::take(&mut self.current),
        }
    }

    /// Begins a transaction outside of any run: an edit by the app, or a person's decision.
    pub(crate) async fn begin(inner: &Inner, tenant: TenantId) -> Result<Self> {
        Ok(Self {
            tx: Some(inner.store.begin_for(tenant, Mode::Write).await?),
            audit: AuditEntries::default(),
            events: Vec::new(),
            known: BTreeMap::new(),
            current: BTreeMap::new(),
        })
    }

    /// Writes the audit down, as of no run, and commits.
    pub(crate) async fn finish(mut self, inner: &Inner, tenant: TenantId) -> Result<()> {
        let Some(mut tx) = self.tx.take() else {
            return Err(Error::new(ErrorKind::Internal, "the transaction is over"));
        };
        append_audit(inner, tx.as_mut(), tenant, 0, &self.audit).await?;
        for kind in self.events {
            inner.events.store(tx.as_mut(), inner, tenant, kind).await?;
        }
        tx.commit().await?;
        inner.events.wake();
        inner.runner.edited.notify_one();
        inner.wake(None).await;
        Ok(())
    }
}

impl<'a> Session<'a> {
    pub(crate) fn new(inner: &'a Inner, is_dry: bool, lease: Lease) -> Self {
        let store = Arc::clone(&inner.store);
        Self {
            inner,
            store: if is_dry {
                Arc::new(OverlayStore::new(store, inner.settings.dry_run_records))
            } else {
                store
            },
            is_dry,
            lease,
            matching: None,
            known: BTreeMap::new(),
        }
    }

    /// Says that everything of a side was read that was there at this mark.
    pub(crate) fn know(&mut self, side: SideId, began: Mark) {
        self.known.insert(side, began);
    }

    /// Whether everything of a side was read in this run.
    pub(crate) fn knows(&self, side: SideId) -> bool {
        self.known.contains_key(&side)
    }

    pub(crate) const fn is_dry(&self) -> bool {
        self.is_dry
    }

    /// Puts the commits from now on under this lease as well, or no longer.
    pub(crate) fn fence(&mut self, matching: Option<Lease>) {
        self.matching = matching;
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&mut self) -> Result<Page> {
        Ok(Page {
            tx: Some(self.store.begin_for(self.lease.tenant(), Mode::Write).await?),
            audit: AuditEntries::default(),
            events: Vec::new(),
            known: self.known.clone(),
            current: BTreeMap::new(),
        })
    }

    /// Writes the audit and the run down and commits. Of a dry run neither is kept: what it came to is stored with its
    /// end.
    pub(crate) async fn commit(&mut self, mut page: Page, run: &mut Versioned<Run>) -> Result<()> {
        let Some(mut tx) = page.tx.take() else {
            return Err(Error::new(ErrorKind::Internal, "the transaction is over"));
        };
        if self.is_dry {
            self.lease.check_apart(self.inner).await?;
            return tx.commit().await;
        }
        self.lease.check(self.inner, tx.as_mut()).await?;
        if let Some(matching) = &self.matching {
            matching.check(self.inner, tx.as_mut()).await?;
        }
        append_audit(self.inner, tx.as_mut(), run.tenant, run.id, &page.audit).await?;
        for kind in page.events {
            self.inner
                .events
                .store(tx.as_mut(), self.inner, run.tenant, kind)
                .await?;
        }
        document::put(tx.as_mut(), run).await?;
        tx.commit().await?;
        self.inner.events.wake();
        Ok(())
    }
}

/// Appends entries to a tenant's audit chain.
pub(crate) async fn append_audit(
    inner: &Inner,
    tx: &mut dyn Transaction,
    tenant: TenantId,
    run: u64,
    entries: &AuditEntries,
) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut salt = [0; 16];
    inner.random.fill(&mut salt);
    let head = tx.audit_head(tenant).await?;
    tx.append_audit(&seal_block(tenant, run, inner.clock.now(), head, entries, salt))
        .await?;
    keep_history(tx, tenant, head.0 + 1, entries).await
}

#[expect(
    clippy::too_many_arguments,
    reason = "a step is settled with exactly these, and each has another owner"
)]
/// Carries out what a planning step asks for beside the record itself: review items, failures, audit.
pub(crate) async fn settle(
    inner: &Inner,
    page: &mut Page,
    run: &mut Run,
    context: &SyncContext,
    linked: &mut Linked,
    index: usize,
    direction: &'static str,
    had_failed: bool,
    effects: Effects,
) -> Result<Settled> {
    let (sync, blueprint) = (&context.sync, &context.blueprint);
    let mut settled = Settled {
        conflicted: false,
        failed: !effects.failures.is_empty(),
        waiting: effects.waiting,
    };
    plan_of_dry_run(run, blueprint, linked, &effects.audit);
    page.audit.extend(effects.audit);
    for ReviewChange { group, reason } in effects.reviews {
        let Some(reason) = reason else {
            close_settled(inner, page, linked, group, "the sides agree again").await?;
            continue;
        };
        settled.conflicted = true;
        let why = effects.explanations.iter().find(|(explained, _)| *explained == group);
        let why = why.map_or("", |(_, why)| why.as_str());
        let review = open_review(inner, page, run.id, context, linked, group, reason, why).await?;
        if let Some(frozen) = linked.entity.frozen.iter_mut().find(|(frozen, _)| *frozen == group) {
            frozen.1 = review;
        }
    }
    if settled.failed {
        let fields = effects
            .failures
            .iter()
            .map(|(group, _)| blueprint.group_name(*group))
            .collect();
        let text: Vec<&str> = effects.failures.iter().map(|(_, error)| error.message()).collect();
        let record = linked.sides.get(index).and_then(|side| side.ext.clone());
        let note = FailureNote {
            record,
            entity: Some(linked.entity.id),
            fields,
            message: text.join("; "),
            detail: None,
        };
        record_failure(inner, page, run.id, sync, direction, note).await?;
    } else if let Some(side) = linked.sides.get_mut(index)
        && had_failed
    {
        clear_failure(page, sync, direction, side).await?;
        if direction == "pull" && is_failing(page, sync, "push", side).await? {
            // Reading went well, but what could not be written still has not been.
            side.flags.set(SideFlags::FAILED);
        }
    }
    Ok(settled)
}

/// What [`settle`] found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settled {
    pub(crate) conflicted: bool,
    pub(crate) failed: bool,
    pub(crate) waiting: bool,
}

/// What failed, of which record.
pub(crate) struct FailureNote {
    pub(crate) record: Option<String>,
    pub(crate) entity: Option<i64>,
    pub(crate) fields: Vec<String>,
    pub(crate) message: String,
    /// What the provider said.
    pub(crate) detail: Option<String>,
}

/// Makes a record's failure visible, with the time of its next try.
pub(crate) async fn record_failure(
    inner: &Inner,
    page: &mut Page,
    run: u64,
    sync: &Sync,
    direction: &'static str,
    note: FailureNote,
) -> Result<()> {
    let now = inner.clock.now();
    let fresh = Failure {
        id: 0,
        tenant: sync.tenant,
        sync: sync.id,
        run,
        direction: direction.to_owned(),
        record: note.record,
        entity: note.entity,
        fields: note.fields,
        message: note.message,
        detail: note.detail,
        attempts: 0,
        retry_at: now,
        since: now,
        dismissed: false,
    };
    let key = crate::document::Stored::columns(&fresh).key.unwrap_or_default();
    let mut failure = match document::by_key::<Failure>(page.tx()?, sync.tenant, sync.id, &key).await? {
        Some(mut known) => {
            known.message = fresh.message;
            known.detail = fresh.detail;
            known.fields = fresh.fields;
            known.run = run;
            known
        }
        None => {
            page.events.push(EventKind::RecordFailed {
                sync: sync.name.clone(),
                record: fresh.record.clone().unwrap_or_default(),
                message: fresh.message.clone(),
            });
            Versioned {
                value: fresh,
                version: 0,
            }
        }
    };
    failure.attempts += 1;
    let wait = inner
        .settings
        .failure_retry
        .saturating_mul(1 << failure.attempts.min(16).saturating_sub(1));
    let wait = wait.min(inner.settings.failure_retry_longest);
    failure.retry_at = now.saturating_add(wait).unwrap_or(now);
    document::put(page.tx()?, &mut failure).await
}

/// Says anew what is wrong with a record that failed before, without counting that as another try.
pub(crate) async fn restate_failure(
    page: &mut Page,
    sync: &Sync,
    direction: &'static str,
    side: &Side,
    fields: &[String],
    message: &str,
) -> Result<()> {
    for key in failure_keys(side, direction) {
        let known = document::by_key::<Failure>(page.tx()?, sync.tenant, sync.id, &key).await?;
        if let Some(mut failure) = known.filter(|failure| failure.fields != fields || failure.message != message) {
            failure.fields = fields.to_vec();
            message.clone_into(&mut failure.message);
            document::put(page.tx()?, &mut failure).await?;
        }
    }
    Ok(())
}

/// The keys under which the failures of a record may be kept.
fn failure_keys(side: &Side, direction: &'static str) -> impl Iterator<Item = String> {
    [side.ext.clone(), Some(side.key.entity.to_string())]
        .into_iter()
        .flatten()
        .map(move |key| format!("{direction}:{key}"))
}

async fn is_failing(page: &mut Page, sync: &Sync, direction: &'static str, side: &Side) -> Result<bool> {
    for key in failure_keys(side, direction) {
        let failure = document::by_key::<Failure>(page.tx()?, sync.tenant, sync.id, &key).await?;
        if failure.is_some_and(|failure| !failure.dismissed) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Forgets a record's failure after it succeeded.
pub(crate) async fn clear_failure(page: &mut Page, sync: &Sync, direction: &'static str, side: &Side) -> Result<()> {
    for key in failure_keys(side, direction) {
        if let Some(failure) = document::by_key::<Failure>(page.tx()?, sync.tenant, sync.id, &key).await? {
            page.tx()?
                .delete_document(syncline_core::store::DocumentKind::Failure, failure.id)
                .await?;
        }
    }
    Ok(())
}

/// Shows in a dry run's plan what a step would change.
fn plan_of_dry_run(run: &mut Run, blueprint: &Blueprint, linked: &Linked, audit: &[AuditEntry]) {
    if !run.parameters.dry_run {
        return;
    }
    for entry in audit {
        let action = match entry.kind {
            AuditKind::Created => "create",
            AuditKind::Decided => "update",
            AuditKind::Deleted => "delete",
            AuditKind::ConflictOpened => "review",
            AuditKind::Linked => "link",
            _ => continue,
        };
        let names = |group| {
            blueprint
                .fields_of(group)
                .into_iter()
                .map(|field| blueprint.fields[field].name.clone())
        };
        let names: Vec<String> = if entry.kind == AuditKind::Created {
            blueprint.fields.iter().map(|field| field.name.clone()).collect()
        } else {
            names(entry.group).collect()
        };
        for (place, name) in names.into_iter().enumerate() {
            let value = |values: &[syncline_core::Value]| {
                values
                    .get(place)
                    .map_or(serde_json::Value::Null, syncline_core::Value::to_json)
            };
            let (before, after) = (value(&entry.before), value(&entry.after));
            if before == after {
                continue;
            }
            run.planned += 1;
            if run.plan.len() < SHOWN_CHANGES {
                run.plan.push(PlannedChange {
                    target: "app".to_owned(),
                    record: if entry.ext.is_empty() {
                        linked.entity.uid.to_string()
                    } else {
                        entry.ext.clone()
                    },
                    action: action.to_owned(),
                    field: name,
                    before,
                    after,
                });
            }
        }
    }
}

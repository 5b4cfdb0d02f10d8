//! Saving a sync: made, changed or reactivated, with what has to be read because of it.

use jiff::Timestamp;
use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::expression::Filter;
use syncline_core::manifest::Role;
use syncline_core::model::{Blueprint, Severity, Tenant};
use syncline_core::schema::ObjectSchema;
use syncline_core::state::SideId;
use syncline_core::store::{Mode, Sequence, Transaction};
use uuid::Uuid;

use super::blueprint::extend;
use super::change::{SyncChange, compare};
use super::service::{NewSync, SavedSync, Syncs, load_connection, show_next_run, siblings};
use super::{Sync, SyncStatus};
use crate::actor::{Action, Actor};
use crate::connection::Connection;
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::http::StopFlag;
use crate::run::{RunParameters, RunRequest, RunScope, append_audit};

/// So many earlier versions of a mapping are kept: a record that was not read since before them is read as if anew.
const EARLIER_MAPPINGS: usize = 8;

impl Syncs<'_> {
    /// Makes a sync, or changes the one of this name on the connection; a deleted one is reactivated. What an edit
    /// widens is read by the next run, what it narrows costs no reading; see [`SyncChange`].
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::Invalid`] when the mapping has errors, all of which are in the
    /// message; as [`Engine::describe`](crate::Engine::describe); as [`Runs::start`](crate::run::Runs::start) where a run
    /// is to be started, with the sync saved.
    pub async fn save(&self, new: NewSync, actor: &Actor) -> Result<SavedSync> {
        let inner = &self.0.inner;
        inner.allow(actor, Action::ManageSyncs)?;
        crate::schedule::check(&new.schedule)?;
        crate::schedule::check_sweep(new.sweep)?;
        let connection = load_connection(inner, new.connection, actor).await?;
        let schema = self.0.describe_anew(&connection, &new.mapping.object).await?;
        let mut tx = inner.store.begin(Mode::Write).await?;
        let blueprint = extend(
            tx.as_mut(),
            connection.tenant,
            &new.mapping.blueprint,
            &new.fields,
            &new.groups,
            (inner.clock.now(), &actor.name),
        )
        .await?;
        let findings = self.findings(tx.as_mut(), &new, &blueprint, &schema).await?;
        let errors: Vec<String> = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| format!("{}: {}", finding.place, finding.message))
            .collect();
        if !errors.is_empty() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the mapping of sync `{}` can't be saved: {}",
                    new.name,
                    errors.join("; ")
                ),
            ));
        }
        let now = inner.clock.now();
        let start = new.start;
        let known = document::by_key::<Sync>(tx.as_mut(), connection.tenant, connection.id, &new.name).await?;
        let (mut sync, change) = match known {
            Some(known) => change_known(inner, known, new, &blueprint, &schema)?,
            None => {
                let role = inner.connector(&connection.provider)?.manifest().role;
                let made = make(tx.as_mut(), (&connection, role), new, &blueprint, actor, now).await?;
                (made, SyncChange::Created)
            }
        };
        let tenant = document::get::<Tenant>(tx.as_mut(), u64::from(sync.tenant)).await?;
        sync.value.next_run_at = crate::schedule::next(&sync.schedule, now, &tenant.time_zone);
        document::put(tx.as_mut(), &mut sync).await?;
        show_next_run(tx.as_mut(), sync.tenant, sync.connection).await?;
        let entry = AuditEntry::new(AuditKind::Configured, Uuid::nil(), sync.side, None)
            .note(format!("{} saved sync `{}`", actor.name, sync.name));
        append_audit(inner, tx.as_mut(), sync.tenant, 0, &[entry].into_iter().collect()).await?;
        tx.commit().await?;
        let mut saved = SavedSync {
            sync: sync.value,
            findings,
            change,
            estimate: None,
            run: None,
        };
        if change.reads() {
            saved.estimate = self.estimate(&connection, &saved.sync).await;
            if saved.estimate.is_some() {
                let mut tx = inner.store.begin(Mode::Write).await?;
                let mut sync = document::get::<Sync>(tx.as_mut(), saved.sync.id).await?;
                sync.estimate = saved.estimate;
                document::put(tx.as_mut(), &mut sync).await?;
                tx.commit().await?;
                saved.sync = sync.value;
            }
            if start {
                let request = RunRequest {
                    tenant: connection.tenant,
                    scope: RunScope::Sync(saved.sync.id),
                    parameters: RunParameters::default(),
                };
                saved.run = self.0.runs().start(request, actor).await?.pop();
            }
        }
        Ok(saved)
    }

    /// About how many records there are to read. Not to know is no reason to fail.
    async fn estimate(&self, connection: &Connection, sync: &Sync) -> Option<u64> {
        let inner = &self.0.inner;
        let count = async {
            let connector = inner.connector(&connection.provider)?;
            let io = inner.connections.io_for_work(connection, StopFlag::new()).await?;
            let filter = sync.mapping.filter.as_deref().map(Filter::compile).transpose()?;
            let conditions = filter.map(|filter| filter.conditions()).unwrap_or_default();
            let config = connection.config();
            connector
                .count(io.as_ref(), &config, &sync.mapping.object, &conditions)
                .await
        };
        count.await.unwrap_or_else(|error: Error| {
            tracing::debug!(sync = %sync.name, %error, "its records could not be counted");
            None
        })
    }
}

async fn make(
    tx: &mut dyn Transaction,
    (connection, role): (&Connection, Role),
    new: NewSync,
    blueprint: &Blueprint,
    actor: &Actor,
    now: Timestamp,
) -> Result<Versioned<Sync>> {
    let side = SideId::try_from(tx.reserve(Sequence::Side, 1).await?).unwrap_or(SideId::MAX);
    let others = siblings(tx, connection.tenant, blueprint.id).await?;
    let slot = (0..=u8::MAX).find(|slot| others.iter().all(|other| other.slot != *slot));
    let slot = slot.ok_or_else(|| {
        Error::new(
            ErrorKind::Invalid,
            format!("`{}` is in 256 syncs, which is the most", blueprint.name),
        )
    })?;
    Ok(Versioned {
        value: Sync {
            id: 0,
            tenant: connection.tenant,
            connection: connection.id,
            name: new.name,
            blueprint: blueprint.id,
            mapping: new.mapping,
            earlier: Vec::new(),
            side,
            slot,
            rank: i32::MAX - i32::try_from(side).unwrap_or(i32::MAX),
            role,
            schedule: new.schedule,
            sweep: new.sweep,
            files: new.files,
            status: SyncStatus::Active,
            paused_because: None,
            backfill: false,
            refile: false,
            hold_deletes: false,
            unproven_links: false,
            dirty_since: None,
            estimate: None,
            created_by: actor.name.clone(),
            created_at: now,
            last_run_at: None,
            next_run_at: None,
        },
        version: 0,
    })
}

fn change_known(
    inner: &Inner,
    mut known: Versioned<Sync>,
    new: NewSync,
    blueprint: &Blueprint,
    schema: &ObjectSchema,
) -> Result<(Versioned<Sync>, SyncChange)> {
    if known.mapping.object != new.mapping.object || known.mapping.blueprint != new.mapping.blueprint {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "sync `{}` joins {} and {}; another object or blueprint is another sync",
                new.name, known.mapping.blueprint, known.mapping.object
            ),
        ));
    }
    let is_active = known.status == SyncStatus::Active;
    let same = known.schedule == new.schedule && known.sweep == new.sweep && known.files == new.files;
    let mut change = if is_active && same {
        SyncChange::Unchanged
    } else {
        SyncChange::Settings
    };
    let mut mapping = new.mapping;
    mapping.version = known.mapping.version;
    if mapping != known.mapping {
        let effect = compare(inner, &known, &mapping, blueprint, schema);
        change = match effect {
            effect if effect.reads => SyncChange::Widened,
            effect if effect.is_version => SyncChange::Narrowed,
            _ => SyncChange::Settings,
        };
        known.value.backfill |= effect.reads;
        known.value.refile |= effect.refiles;
        if effect.is_version {
            mapping.version += 1;
            let before = std::mem::replace(&mut known.value.mapping, mapping);
            known.value.earlier.push(before);
            let surplus = known.value.earlier.len().saturating_sub(EARLIER_MAPPINGS);
            known.value.earlier.drain(..surplus);
        } else {
            known.value.mapping = mapping;
        }
    }
    known.value.schedule = new.schedule;
    known.value.sweep = new.sweep;
    known.value.files = new.files;
    known.value.status = SyncStatus::Active;
    known.value.paused_because = None;
    Ok((known, change))
}

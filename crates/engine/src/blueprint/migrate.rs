//! Migrations: all entities of a blueprint brought to its current version, a page per transaction.

use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{Blueprint, TenantId};
use syncline_core::state::{EntityId, Linked};
use syncline_core::store::{DocumentKind, DocumentQuery, EntityQuery, Mode, Transaction};
use uuid::Uuid;

use super::cross::{Crosser, cross_all};
use super::job::{FailedEntity, MigrationJob, MigrationStatus};
use crate::actor::{Action, Actor};
use crate::document::{self, Versioned};
use crate::engine::{Engine, Inner};
use crate::entity::blueprint_by_name;
use crate::event::{EventKind, ProgressEvent};
use crate::run::{Ledger, Page};

/// Failures listed at once.
const LISTED: usize = 1_000;

/// The migrations of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Migrations<'a>(pub(crate) &'a Engine);

impl Engine {
    /// The migrations of entities to other versions of their blueprints.
    pub const fn migrations(&self) -> Migrations<'_> {
        Migrations(self)
    }
}

impl Migrations<'_> {
    /// Starts to bring all entities of a blueprint to its current version, in the background. One that was stopped, or
    /// whose process ended, goes on where it was. Syncs and edits go on meanwhile: what they touch is brought over at
    /// once.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint.
    pub async fn start(&self, tenant: TenantId, blueprint: &str, actor: &Actor) -> Result<MigrationJob> {
        let job = self.open(tenant, blueprint, actor).await?;
        let (inner, id) = (self.0.inner.clone(), job.id);
        tokio::spawn(async move {
            if let Err(error) = drive(&inner, id).await {
                tracing::warn!(migration = id, %error, "a migration broke off; it can be resumed");
            }
        });
        Ok(job)
    }

    /// As [`Migrations::start`], and waits until it is over or stopped.
    ///
    /// # Errors
    /// As [`Migrations::start`]; [`ErrorKind::Store`] when the store fails. What was done is kept.
    pub async fn run(&self, tenant: TenantId, blueprint: &str, actor: &Actor) -> Result<MigrationJob> {
        let job = self.open(tenant, blueprint, actor).await?;
        drive(&self.0.inner, job.id).await
    }

    /// Makes the job, or finds the one that can go on.
    pub(super) async fn open(&self, tenant: TenantId, blueprint: &str, actor: &Actor) -> Result<MigrationJob> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ManageMappings)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
        let blueprint = blueprint_by_name(tx.as_mut(), tenant, blueprint).await?;
        blueprint.check_not_trashed()?;
        let query = jobs_of(&blueprint).status("running").status("stopped");
        for mut known in document::find::<MigrationJob>(tx.as_mut(), &query).await? {
            if known.to == blueprint.version {
                known.value.status = MigrationStatus::Running;
                document::put(tx.as_mut(), &mut known).await?;
                tx.commit().await?;
                return Ok(known.value);
            }
            known.value.status = MigrationStatus::Superseded;
            known.value.finished_at = Some(inner.clock.now());
            document::put(tx.as_mut(), &mut known).await?;
        }
        let total = tx.count_entities(&all(&blueprint, 0, 1)).await?;
        let job = MigrationJob {
            id: 0,
            tenant,
            blueprint: blueprint.id,
            name: blueprint.name,
            to: blueprint.version,
            status: MigrationStatus::Running,
            after: 0,
            total,
            read: 0,
            migrated: 0,
            unchanged: 0,
            failed: 0,
            started_by: actor.name.clone(),
            started_at: inner.clock.now(),
            finished_at: None,
        };
        let job = document::insert(tx.as_mut(), job).await?;
        tx.commit().await?;
        Ok(job.value)
    }

    /// Stops a migration after the page that it is at. It can be resumed by starting it again.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`]; [`ErrorKind::Refused`] when it is over.
    pub async fn stop(&self, id: u64, actor: &Actor) -> Result<MigrationJob> {
        let inner = &self.0.inner;
        inner.allow(actor, Action::ManageMappings)?;
        let mut tx = inner.store.begin(Mode::Write).await?;
        let mut job = document::get_for::<MigrationJob>(tx.as_mut(), id, actor).await?;
        if job.status != MigrationStatus::Running {
            let message = format!("migration {id} is {}", job.status.name());
            return Err(Error::new(ErrorKind::Refused, message));
        }
        job.value.status = MigrationStatus::Stopped;
        document::put(tx.as_mut(), &mut job).await?;
        tx.commit().await?;
        Ok(job.value)
    }

    /// A migration by its number.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`].
    pub async fn get(&self, id: u64, actor: &Actor) -> Result<MigrationJob> {
        let inner = &self.0.inner;
        inner.allow(actor, Action::ReadMappings)?;
        let mut tx = inner.store.begin(Mode::Read).await?;
        Ok(document::get_for::<MigrationJob>(tx.as_mut(), id, actor).await?.value)
    }

    /// The migrations of a blueprint, newest first.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint.
    pub async fn list(&self, tenant: TenantId, blueprint: &str, actor: &Actor) -> Result<Vec<MigrationJob>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadMappings)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let blueprint = blueprint_by_name(tx.as_mut(), tenant, blueprint).await?;
        let jobs = document::find::<MigrationJob>(tx.as_mut(), &jobs_of(&blueprint)).await?;
        Ok(jobs.into_iter().map(|job| job.value).collect())
    }

    /// The entities of a blueprint that a migration left in place, up to 1,000, with all that is wrong with each.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint.
    pub async fn failures(&self, tenant: TenantId, blueprint: &str, actor: &Actor) -> Result<Vec<FailedEntity>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadEntities)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let blueprint = blueprint_by_name(tx.as_mut(), tenant, blueprint).await?;
        let query = DocumentQuery::new(DocumentKind::MigrationFailure)
            .tenant(tenant)
            .scope(u64::from(blueprint.id))
            .limit(LISTED);
        let failed = document::find::<FailedEntity>(tx.as_mut(), &query).await?;
        Ok(failed.into_iter().rev().map(|failed| failed.value).collect())
    }

    /// Goes on with the migrations of all tenants that were under way when their process ended.
    pub(crate) async fn go_on(&self) -> Result<()> {
        let inner = &self.0.inner;
        let mut tx = inner.store.begin(Mode::Read).await?;
        let query = DocumentQuery::new(DocumentKind::MigrationJob).status("running");
        let jobs = document::find::<MigrationJob>(tx.as_mut(), &query).await?;
        drop(tx);
        for job in jobs {
            let (inner, id) = (inner.clone(), job.id);
            tokio::spawn(async move {
                if let Err(error) = drive(&inner, id).await {
                    tracing::warn!(migration = id, %error, "a migration broke off; it can be resumed");
                }
            });
        }
        Ok(())
    }
}

fn jobs_of(blueprint: &Blueprint) -> DocumentQuery {
    DocumentQuery::new(DocumentKind::MigrationJob)
        .tenant(blueprint.tenant)
        .scope(u64::from(blueprint.id))
}

/// All entities of a blueprint, live or deleted: one that is restored later is read like the others.
pub(super) const fn all(blueprint: &Blueprint, after: EntityId, limit: usize) -> EntityQuery {
    EntityQuery {
        tenant: blueprint.tenant,
        blueprint: blueprint.id,
        after,
        deleted: None,
        limit,
    }
}

/// Carries a migration out until it is over or stopped. Several processes may do so at once: each page is one
/// transaction that moves the cursor, so none is done twice.
pub(super) async fn drive(inner: &Inner, id: u64) -> Result<MigrationJob> {
    loop {
        let job = step(inner, id).await?;
        inner.events.progress(ProgressEvent {
            tenant: job.tenant,
            run: 0,
            sync: String::new(),
            object: job.name.clone(),
            stage: "migrate".to_owned(),
            ledger: Ledger {
                read: job.read,
                updated: job.migrated,
                unchanged: job.unchanged,
                failed: job.failed,
                ..Ledger::default()
            },
            total: Some(job.total),
            rate: 0.0,
            seconds_left: None,
        });
        if job.status != MigrationStatus::Running {
            return Ok(job);
        }
    }
}

/// One page of a migration.
pub(super) async fn step(inner: &Inner, id: u64) -> Result<MigrationJob> {
    let tenant = {
        let mut tx = inner.store.begin(Mode::Read).await?;
        document::get::<MigrationJob>(tx.as_mut(), id).await?.tenant
    };
    let mut page = Page::begin(inner, tenant).await?;
    let mut job = document::get::<MigrationJob>(page.tx()?, id).await?;
    if job.status != MigrationStatus::Running {
        return Ok(job.value);
    }
    let blueprint = document::get::<Blueprint>(page.tx()?, u64::from(job.blueprint))
        .await?
        .value;
    let entities = page
        .tx()?
        .entities(&all(&blueprint, job.after, inner.settings.page_rows))
        .await?;
    let last = entities.last().map(|entity| entity.id);
    if blueprint.version != job.to || last.is_none() {
        job.value.status = if last.is_none() {
            MigrationStatus::Completed
        } else {
            MigrationStatus::Superseded
        };
        job.value.finished_at = Some(inner.clock.now());
        page.events.push(EventKind::MigrationFinished {
            migration: id,
            blueprint: blueprint.name.clone(),
            status: job.status.name().to_owned(),
            migrated: job.migrated,
            failed: job.failed,
        });
    } else {
        let crosser = Crosser::open(inner, page.tx()?, &blueprint).await?;
        let ids: Vec<EntityId> = entities
            .iter()
            .filter(|entity| crosser.is_elsewhere(entity))
            .map(|entity| entity.id)
            .collect();
        job.value.read += entities.len() as u64;
        job.value.unchanged += (entities.len() - ids.len()) as u64;
        job.value.after = last.unwrap_or(job.after);
        let mut loaded = page.tx()?.load(&ids).await?;
        let actor = job.started_by.clone();
        let answers = cross_all(inner, &mut page, &crosser, &mut loaded, &actor).await?;
        for (linked, answer) in loaded.iter().zip(answers) {
            match answer {
                Ok(_) => job.value.migrated += 1,
                Err(failures) => {
                    job.value.failed += 1;
                    let failed = FailedEntity {
                        id: 0,
                        tenant,
                        blueprint: blueprint.id,
                        uid: linked.entity.uid,
                        version: linked.entity.blueprint_version,
                        to: job.to,
                        failures,
                        at: inner.clock.now(),
                    };
                    note_failure(page.tx()?, failed).await?;
                }
            }
        }
        forget_failures(page.tx()?, &blueprint, &loaded).await?;
    }
    document::put(page.tx()?, &mut job).await?;
    page.finish(inner, tenant).await?;
    Ok(job.value)
}

async fn note_failure(tx: &mut dyn Transaction, failed: FailedEntity) -> Result<()> {
    let key = failed.uid.to_string();
    let known = document::by_key::<FailedEntity>(tx, failed.tenant, u64::from(failed.blueprint), &key).await?;
    let mut stored = Versioned {
        version: known.as_ref().map_or(0, |known| known.version),
        value: failed,
    };
    stored.value.id = known.map_or(0, |known| known.id);
    document::put(tx, &mut stored).await
}

/// Forgets what was wrong with entities that have come over since.
async fn forget_failures(tx: &mut dyn Transaction, blueprint: &Blueprint, loaded: &[Linked]) -> Result<()> {
    let query = DocumentQuery::new(DocumentKind::MigrationFailure)
        .tenant(blueprint.tenant)
        .scope(u64::from(blueprint.id));
    if tx.count_documents(&query).await? == 0 {
        return Ok(());
    }
    for linked in loaded {
        if linked.entity.blueprint_version == blueprint.version {
            forget_failure(tx, blueprint, linked.entity.uid).await?;
        }
    }
    Ok(())
}

/// Forgets what was wrong with an entity.
pub(crate) async fn forget_failure(tx: &mut dyn Transaction, blueprint: &Blueprint, uid: Uuid) -> Result<()> {
    let key = uid.to_string();
    let known = document::by_key::<FailedEntity>(tx, blueprint.tenant, u64::from(blueprint.id), &key).await?;
    match known {
        Some(known) => tx.delete_document(DocumentKind::MigrationFailure, known.id).await,
        None => Ok(()),
    }
}

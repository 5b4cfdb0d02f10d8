//! Rolling a run back (section 11): a run of its own that takes back, in reverse order, what the other one did and what
//! nothing has happened to since. What it decides is audited under its own number, so it can be rolled back as well;
//! what is undone already is left alone, so it can be repeated.

mod block;
mod created;
mod record;
mod scan;
mod written;

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{Blueprint, BlueprintId, GroupId, PRESENCE};
use syncline_core::plan::ReviewReason;
use syncline_core::state::{Cause, Linked, SideId, Stamp};
use syncline_core::value::Value;
use uuid::Uuid;

use super::lease::Lease;
use super::manager::Runs;
use super::model::{Ledger, PlannedChange, RollbackRelease, Run, RunParameters, RunStatus};
use super::reporter::Reporter;
use super::session::{Page, Session};
use crate::actor::{Action, Actor};
use crate::conflict::{ConflictQuery, FieldChoice, Resolution};
use crate::connection::Connection;
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::entity::EntitySides;
use crate::http::StopFlag;
use scan::Scan;

/// The direction under which a rollback's ledgers are kept.
const LEDGER: &str = "rollback";
/// A dry run shows at most this many changes and counts the rest.
const SHOWN_CHANGES: usize = 10_000;

impl Runs<'_> {
    /// Takes back what a run did, as a run of its own, and returns that one when it is over. Fields get the values from
    /// before the run, records that it created in the app are deleted, those that it deleted come back, and what it
    /// wrote to the CRM is written back, each only if nothing has happened to it since; the rest is in
    /// [`Run::diverged`]. `release` says what becomes of the value at the side that it came from. Merges can't be undone.
    ///
    /// What other CRMs received of the run's changes follows with their next runs. A rollback that broke off is simply
    /// asked for again; a rollback can itself be rolled back.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`], [`ErrorKind::Refused`] for a run that is not over or
    /// was dry. How the rollback ended is in its status: failed when the audit or journal of the run is no longer kept.
    pub async fn rollback(&self, run: u64, release: RollbackRelease, dry_run: bool, actor: &Actor) -> Result<Run> {
        let inner = &self.0.inner;
        inner.allow(actor, Action::RollBack)?;
        let mut tx = inner.store.begin(syncline_core::store::Mode::Write).await?;
        let undone = document::get_for::<Run>(tx.as_mut(), run, actor).await?.value;
        if !undone.status.is_over() {
            let now = inner.clock.now();
            let message = if undone.status == RunStatus::Running
                && !Lease::is_held(tx.as_mut(), undone.connection, now).await?
            {
                format!(
                    "run {run} was interrupted; let the connection run once, which settles it, and roll it back then"
                )
            } else {
                format!("run {run} is not over; stop it or wait for it first")
            };
            return Err(Error::new(ErrorKind::Refused, message));
        }
        if undone.parameters.dry_run {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("run {run} was a dry run and changed nothing"),
            ));
        }
        let fresh = Run {
            id: 0,
            parameters: RunParameters {
                dry_run,
                ..RunParameters::default()
            },
            initiator: actor.name.clone(),
            status: RunStatus::Queued,
            requested_at: inner.clock.now(),
            started_at: None,
            finished_at: None,
            ledgers: BTreeMap::new(),
            error: None,
            timeline: Vec::new(),
            plan: Vec::new(),
            planned: 0,
            rolls_back: Some(run),
            release: Some(release),
            diverged: Vec::new(),
            diverged_count: 0,
            ..undone
        };
        let id = document::insert(tx.as_mut(), fresh).await?.id;
        tx.commit().await?;
        super::perform::perform(inner, id).await
    }

    /// Releases what a rollback holds: with [`RollbackRelease::AcceptSourceNext`] the app takes the value of the side
    /// that it came from after all, with [`RollbackRelease::Everywhere`] that side gets the app's. Returns how many
    /// fields were released. Those about a record as a whole stay, to be decided one by one.
    ///
    /// # Errors
    /// As [`Conflicts::resolve`](crate::conflict::Conflicts::resolve); [`ErrorKind::Invalid`] for
    /// [`RollbackRelease::Hold`], and for a run that rolled nothing back.
    pub async fn release_rollback(&self, rollback: u64, release: RollbackRelease, actor: &Actor) -> Result<u64> {
        let choice = match release {
            RollbackRelease::Hold => {
                let message = format!(
                    "what run {rollback} holds is held already; say whether what the CRM holds is accepted, or the \
                     app's value is written everywhere"
                );
                return Err(Error::new(ErrorKind::Invalid, message));
            }
            RollbackRelease::AcceptSourceNext => FieldChoice::Crm,
            RollbackRelease::Everywhere => FieldChoice::App,
        };
        let run = self.get(rollback, actor).await?;
        let tenant = run.tenant;
        if run.rolls_back.is_none() {
            let message =
                format!("run {rollback} is no rollback, so it holds nothing; name the run that rolled one back");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let mut query = ConflictQuery {
            limit: 1_000,
            ..ConflictQuery::pending()
        };
        let mut released = 0;
        loop {
            let page = self.0.conflicts().list(tenant, &query, actor).await?;
            let Some(last) = page.last() else { return Ok(released) };
            query.before = Some(last.id);
            for held in page.iter().filter(|held| {
                held.run == rollback && held.reason == ReviewReason::RollbackHold && held.group != PRESENCE
            }) {
                let resolution = Resolution::every(held, &choice);
                self.0
                    .conflicts()
                    .resolve(tenant, held.id, held.version, &resolution, actor)
                    .await?;
                released += 1;
            }
        }
    }
}

/// A rollback under way.
struct Rollback<'a> {
    inner: &'a Inner,
    /// The run that is undone.
    undone: Run,
    release: RollbackRelease,
    blueprints: BTreeMap<BlueprintId, (Blueprint, EntitySides)>,
    /// Links that the run made: their sides had never agreed before it.
    linked: BTreeSet<(Uuid, SideId)>,
}

/// Carries a rollback out.
pub(crate) async fn carry_out(
    inner: &Inner,
    run: &mut Versioned<Run>,
    undone: u64,
    connection: &Connection,
    lease: &Lease,
    reporter: &Reporter,
    stop: &StopFlag,
) -> Result<()> {
    let mut session = Session::new(inner, run.parameters.dry_run, lease.clone());
    let (undone, blueprints) = load(inner, &mut session, run, undone).await?;
    let Scan {
        blocks,
        created,
        linked,
        confirmed,
    } = scan::scan(&mut session, run, &undone).await?;
    let release = run.release.unwrap_or_default();
    let rollback = Rollback {
        inner,
        undone,
        release,
        blueprints,
        linked,
    };
    for block in blocks.into_iter().rev() {
        reporter.check_stop()?;
        rollback.undo_block(&mut session, run, block).await?;
    }
    rollback
        .undo_writes(&mut session, run, connection, confirmed, reporter, stop)
        .await?;
    rollback.undo_created(&mut session, run, created, reporter).await?;
    let mut page = session.begin().await?;
    page.audit.push(
        AuditEntry::new(AuditKind::RolledBack, Uuid::nil(), 0, None).note(format!(
            "{}: run {} was rolled back, {} left as they are",
            run.initiator, rollback.undone.id, run.diverged_count
        )),
    );
    session.commit(page, run).await
}

async fn load(
    inner: &Inner,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    undone: u64,
) -> Result<(Run, BTreeMap<BlueprintId, (Blueprint, EntitySides)>)> {
    use syncline_core::store::{DocumentKind, DocumentQuery};
    let mut page = session.begin().await?;
    let undone = document::get::<Run>(page.tx()?, undone).await?.value;
    let query = DocumentQuery::new(DocumentKind::Blueprint).tenant(undone.tenant);
    let mut blueprints = BTreeMap::new();
    for blueprint in document::find::<Blueprint>(page.tx()?, &query).await? {
        let sides = EntitySides::load(inner, page.tx()?, &blueprint).await?;
        blueprints.insert(blueprint.id, (blueprint.value, sides));
    }
    session.commit(page, run).await?;
    Ok((undone, blueprints))
}

/// What became of one thing to be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Undone {
    /// It is undone.
    Restored,
    /// The record is deleted.
    Deleted,
    /// It was undone before.
    Already,
    /// Something has happened to it since.
    Diverged,
}

impl Rollback<'_> {
    /// Counts what became of one thing in the ledger of the sync that it came through.
    fn count(&self, run: &mut Run, blueprint: BlueprintId, side: SideId, undone: Undone) {
        let syncs = self
            .blueprints
            .get(&blueprint)
            .map(|(_, sides)| sides.syncs.as_slice())
            .unwrap_or_default();
        let sync = syncs.iter().find(|sync| sync.side == side);
        let sync = sync.or_else(|| syncs.iter().find(|sync| sync.connection == self.undone.connection));
        let name = sync.map_or_else(|| "app".to_owned(), |sync| sync.name.clone());
        let ledger: &mut Ledger = run.ledger(&name, LEDGER);
        ledger.read += 1;
        match undone {
            Undone::Restored => ledger.updated += 1,
            Undone::Deleted => ledger.deleted += 1,
            Undone::Already => ledger.unchanged += 1,
            Undone::Diverged => ledger.conflicted += 1,
        }
    }

    /// When a decision of this rollback is taken: after everything that the entity knows.
    fn stamp(&self, linked: &Linked) -> Stamp {
        let now = self.inner.clock.now().as_microsecond();
        let last = linked.entity.decisions.iter().map(|decision| decision.stamp.at).max();
        Stamp {
            at: now.max(last.unwrap_or(i64::MIN).saturating_add(1)),
            source: now,
            rank: i32::MAX,
        }
    }

    /// Decides a group, and says so in the audit. Returns the revision.
    fn decide(
        &self,
        page: &mut Page,
        run: &mut Run,
        blueprint: &Blueprint,
        linked: &mut Linked,
        group: GroupId,
        values: Vec<Value>,
    ) -> u64 {
        let now = self.inner.clock.now();
        let rev = linked.entity.rev + 1;
        let header = (rev, self.inner.marks.next(now).0, Cause::Rollback, self.stamp(linked));
        let before = linked.entity.group_values(blueprint, group);
        show(run, blueprint, linked, group, &before, &values);
        linked.entity.decide(blueprint, group, values.clone(), header);
        linked.entity.updated_at = now;
        run.initiator.clone_into(&mut linked.entity.updated_by.0);
        let kind = match (group, values.first()) {
            (PRESENCE, Some(Value::Bool(false))) => AuditKind::Deleted,
            (PRESENCE, _) => AuditKind::Restored,
            _ => AuditKind::Decided,
        };
        page.audit.push(
            AuditEntry::new(kind, linked.entity.uid, 0, None)
                .values(group, rev, before, values)
                .note(format!("{}: rolls run {} back", run.initiator, self.undone.id)),
        );
        rev
    }
}

/// Shows in a dry run's plan what a decision would change.
fn show(run: &mut Run, blueprint: &Blueprint, linked: &Linked, group: GroupId, before: &[Value], after: &[Value]) {
    if !run.parameters.dry_run {
        return;
    }
    let names: Vec<String> = match group {
        PRESENCE => vec!["(the record)".to_owned()],
        _ => blueprint
            .fields_of(group)
            .into_iter()
            .map(|field| blueprint.fields[field].name.clone())
            .collect(),
    };
    let action = match (group, after.first()) {
        (PRESENCE, Some(Value::Bool(false))) => "delete",
        (PRESENCE, _) => "create",
        _ => "update",
    };
    for (name, (before, after)) in names.into_iter().zip(before.iter().zip(after)) {
        if before == after {
            continue;
        }
        run.planned += 1;
        if run.plan.len() < SHOWN_CHANGES {
            run.plan.push(PlannedChange {
                target: "app".to_owned(),
                record: linked.entity.uid.to_string(),
                action: action.to_owned(),
                field: name,
                before: before.to_json(),
                after: after.to_json(),
            });
        }
    }
}

/// What people call a group of fields.
fn name_of(blueprint: &Blueprint, group: GroupId) -> String {
    if group == PRESENCE {
        "(the record)".to_owned()
    } else {
        blueprint.group_name(group)
    }
}

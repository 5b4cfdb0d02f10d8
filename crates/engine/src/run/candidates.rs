//! Which sides need a write, as far as is known before the guard read; and new entities, which every side needs.

use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::Result;
use syncline_core::plan;
use syncline_core::state::{EntityId, Linked, OperationVerb, Presence, Side, SideFlags, SideKey};

use super::brake;
use super::chosen::is_meant;
use super::context::SyncContext;
use super::cursor::is_known;
use super::links::Links;
use super::model::{Ledger, Run};
use super::outcome;
use super::page::store;
use super::push::{fail_plan, links_for};
use super::session::{Page, Session, clear_failure, settle};
use crate::document::Versioned;
use crate::engine::Inner;

/// Entities that are new to this CRM get a side to be created.
pub(super) async fn prepare_creates(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
) -> Result<()> {
    // What is there already has to be known first, or it would be created once more.
    let is_over_chosen = !run.parameters.records.is_empty();
    if is_over_chosen || !context.mapping.create_in_crm || !context.writes() || !is_known(context, session, run).await?
    {
        return Ok(());
    }
    loop {
        let mut page = session.begin().await?;
        let tx = page.tx()?;
        let ids = tx
            .without_side(context.sync.blueprint, context.side(), 0, inner.settings.page_rows)
            .await?;
        let sides: Vec<Side> = ids
            .iter()
            .map(|&entity| {
                let mut side = Side::new(SideKey {
                    entity,
                    side: context.side(),
                    slot: context.mapping.slot,
                });
                side.flags.set(SideFlags::PUSH);
                side
            })
            .collect();
        tx.put_sides(&sides.iter().collect::<Vec<_>>()).await?;
        session.commit(page, run).await?;
        if ids.is_empty() {
            return Ok(());
        }
    }
}

/// A side that needs a write, as far as is known before the guard read.
pub(super) struct Candidate {
    pub(super) entity: EntityId,
    pub(super) verb: OperationVerb,
    pub(super) ext: Option<String>,
}

/// Looks at one page of flagged sides; those with nothing to do lose their flag.
pub(super) async fn candidates(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    after: EntityId,
    size: usize,
) -> Result<(Vec<Candidate>, Option<EntityId>)> {
    let mut page = session.begin().await?;
    let ids = page.tx()?.flagged(context.side(), SideFlags::PUSH, after, size).await?;
    let Some(&last) = ids.last() else {
        session.commit(page, run).await?;
        return Ok((Vec::new(), None));
    };
    let mut loaded = page.load(inner, &ids).await?;
    let links = links_for(context, &mut page, &loaded).await?;
    let nothing = Links::default();
    let scene = context.scene(inner, &links, &nothing);
    let mut candidates = Vec::new();
    let mut idle = Vec::new();
    let mut ledger = Ledger::default();
    for mut linked in loaded.drain(..) {
        let Some(index) = linked.side_index(context.side()) else {
            continue;
        };
        if !is_meant(run, linked.sides[index].ext.as_deref()) {
            continue;
        }
        if linked.sides[index].flags.has(SideFlags::HELD) {
            // It may be there already: a person is asked before it is created.
            ledger.read += 1;
            ledger.conflicted += 1;
            linked.sides[index].flags.clear(SideFlags::PUSH);
            idle.push(linked);
            continue;
        }
        let side = &linked.sides[index];
        let is_kept_otherwise = !side.obs.is_empty() && side.mapping_version != context.mapping.version;
        if is_kept_otherwise && side.presence.is_live() && !side.flags.has(SideFlags::IN_FLIGHT) {
            // As an earlier mapping read it: read it again before anything is decided over it.
            candidates.push(Candidate {
                entity: linked.entity.id,
                verb: OperationVerb::Update,
                ext: side.ext.clone(),
            });
            continue;
        }
        let plan = plan::plan_push(&linked, index, &scene)?;
        if plan.delete_is_asked {
            linked.sides[index].flags.clear(SideFlags::PUSH);
            let effects = plan::ask_before_delete(&mut linked, index, &scene);
            settle(
                inner,
                &mut page,
                run,
                context,
                &mut linked,
                index,
                "push",
                false,
                effects,
            )
            .await?;
            ledger.read += 1;
            ledger.conflicted += 1;
            idle.push(linked);
        } else if plan.is_idle() {
            ledger.read += 1;
            if !plan.failures.is_empty() {
                fail_plan(inner, context, &mut page, run.id, &linked, index, &plan).await?;
                ledger.failed += 1;
                linked.sides[index].flags.set(SideFlags::FAILED);
            } else if plan.waiting || linked.sides[index].flags.has(SideFlags::IN_FLIGHT) {
                ledger.deferred += 1;
                if plan.waiting && linked.sides[index].presence == Presence::NeverSeen {
                    // The next time it is created without what it refers to.
                    linked.sides[index].flags.set(SideFlags::WAITING);
                    idle.push(linked);
                }
                continue;
            } else {
                ledger.unchanged += 1;
                if plan::lags(&linked.entity, &linked.sides[index], &context.mapping) {
                    outcome::dirty(inner, &mut linked, index);
                }
                let flags = linked.sides[index].flags;
                // What is quarantined is not written, which does not mean that it need not be.
                if flags.has(SideFlags::FAILED) && !flags.has(SideFlags::QUARANTINED) {
                    clear_failure(&mut page, &context.sync, "push", &linked.sides[index]).await?;
                }
            }
            linked.sides[index].flags.clear(SideFlags::PUSH);
            idle.push(linked);
        } else if plan.unlink {
            ledger.read += 1;
            ledger.deleted += 1;
            unlink(context, &mut page, &mut linked, index);
            idle.push(linked);
        } else {
            let side = &linked.sides[index];
            candidates.push(Candidate {
                entity: linked.entity.id,
                verb: plan.verb.unwrap_or(OperationVerb::Update),
                ext: side.ext.clone(),
            });
        }
    }
    brake::writing(inner, context, &mut page, run, &ledger).await?;
    store(page.tx()?, &idle).await?;
    run.ledger(&context.sync.name, "push").add(&ledger);
    session.commit(page, run).await?;
    Ok((candidates, Some(last)))
}

fn unlink(context: &SyncContext, page: &mut Page, linked: &mut Linked, index: usize) {
    let side = &mut linked.sides[index];
    page.audit.push(
        AuditEntry::new(
            AuditKind::Unlinked,
            linked.entity.uid,
            context.side(),
            side.ext.as_deref(),
        )
        .note("deleted in the app; the CRM keeps its record"),
    );
    // The tombstone on both sides: the side stays, and its record is never made an entity again.
    side.presence = Presence::Unlinked;
    side.flags = SideFlags::default();
}

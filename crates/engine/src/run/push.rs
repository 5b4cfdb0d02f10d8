//! Writing: what every side is behind on, by the durable write protocol (section 7): intent durable, remote write,
//! confirm durable.

use syncline_core::audit::AuditKind;
use syncline_core::batch::Batch;
use syncline_core::error::Result;
use syncline_core::io::Mark;
use syncline_core::manifest::CompareAndSet;
use syncline_core::plan::{self, PushPlan};
use syncline_core::state::{EntityId, Linked, Operation, OperationState, OperationVerb, SideFlags};

use super::brake;
use super::candidates::{Candidate, candidates, prepare_creates};
use super::context::SyncContext;
use super::links::Links;
use super::model::{Ledger, PlannedChange, Run};
use super::page::{store, uid};
use super::pull::fetch;
use super::reporter::Reporter;
use super::send::send;
use super::session::{FailureNote, Page, Session, record_failure};
use crate::document::Versioned;
use crate::engine::Inner;

/// What a pass of writing came to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pushed {
    /// Writes sent.
    pub(crate) sent: u64,
}

/// Brings one side to the hub's values.
pub(crate) async fn push(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    reporter: &Reporter,
) -> Result<Pushed> {
    let mut pushed = Pushed::default();
    super::resolve::resolve_unknown(inner, context, session, run, reporter).await?;
    prepare_creates(inner, context, session, run).await?;
    // A page of creates is a few of the provider's largest batches, so that several can be in flight at once.
    let size = (inner.settings.page_rows / 2).max(1);
    let mut after: EntityId = 0;
    loop {
        reporter.check_stop()?;
        let (mut candidates, last) = candidates(inner, context, session, run, after, size).await?;
        let Some(last) = last else { return Ok(pushed) };
        after = last;
        gather_creates(inner, context, session, run, &mut candidates, &mut after, size).await?;
        if candidates.is_empty() {
            reporter.progress(context, "push", run);
            continue;
        }
        let (count, sent_before) = (candidates.len(), pushed.sent);
        let (guarded, free): (Vec<_>, Vec<_>) = candidates
            .into_iter()
            .partition(|candidate| is_guarded(context, candidate));
        if !free.is_empty() {
            let operations = intend(inner, context, session, run, &free, None).await?;
            pushed.sent += operations.len() as u64;
            send(inner, context, session, run, operations, &[], reporter).await?;
        }
        let mut guards = None;
        // A dry run writes nothing that could race.
        let size = match session.is_dry() {
            true => context.connector.manifest().capabilities.read.fetch_size.max(1),
            false => batch_size(context),
        };
        let mut batches = guarded.chunks(size).peekable();
        while let Some(batch) = batches.next() {
            reporter.check_stop()?;
            // What was read after the batch before serves as this one's guard.
            let guard = match guards.take() {
                Some(guard) => guard,
                None => fetch(inner, context, ids(batch)).await?,
            };
            let operations = intend(inner, context, session, run, batch, Some(&guard)).await?;
            pushed.sent += operations.len() as u64;
            let next = batches.peek().map(|next| ids(next)).unwrap_or_default();
            guards = send(inner, context, session, run, operations, &next, reporter).await?;
        }
        let writes = pushed.sent - sent_before;
        reporter.detail(run, || {
            format!("to {}: {count} candidates, {writes} writes", context.mapping.label)
        });
        reporter.progress(context, "push", run);
    }
}

/// Adds further pages to one that is full of creates, up to what a job of the provider takes well. Updates are never
/// gathered: the race before a guarded write would be as long as the job.
async fn gather_creates(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    found: &mut Vec<Candidate>,
    after: &mut EntityId,
    size: usize,
) -> Result<()> {
    let Some(most) = context.connector.manifest().capabilities.create.job_size else {
        return Ok(());
    };
    let mut page = found.len();
    while page == size
        && found.len() + size <= most
        && found[found.len() - page..]
            .iter()
            .all(|candidate| candidate.verb == OperationVerb::Create)
    {
        let (more, last) = candidates(inner, context, session, run, *after, size).await?;
        let Some(last) = last else { break };
        *after = last;
        page = more.len();
        found.extend(more);
    }
    Ok(())
}

/// Records per guarded write: the race before a write is as long as its batch takes, so it is one call's worth.
fn batch_size(context: &SyncContext) -> usize {
    let capabilities = &context.connector.manifest().capabilities;
    capabilities
        .update
        .batch_size
        .min(capabilities.delete.batch_size)
        .min(capabilities.read.fetch_size)
        .max(1)
}

fn ids(candidates: &[Candidate]) -> Vec<String> {
    candidates
        .iter()
        .filter_map(|candidate| candidate.ext.clone())
        .collect()
}

/// Whether the record is read strongly directly before it is written: without that, edits made since the last poll would
/// be overwritten.
fn is_guarded(context: &SyncContext, candidate: &Candidate) -> bool {
    let capabilities = &context.connector.manifest().capabilities;
    candidate.ext.is_some()
        && match candidate.verb {
            OperationVerb::Create => false,
            OperationVerb::Update => capabilities.update.compare_and_set != CompareAndSet::Strong,
            OperationVerb::Delete => capabilities.delete.compare_and_set != CompareAndSet::Strong,
        }
}

pub(crate) async fn links_for(context: &SyncContext, page: &mut Page, loaded: &[Linked]) -> Result<Links> {
    let rows = loaded
        .iter()
        .flat_map(|linked| &linked.sides)
        .filter(|side| side.key.side == context.side())
        .map(|side| side.obs.as_slice());
    let entities = loaded.iter().map(|linked| &linked.entity);
    Links::load(
        page.tx()?,
        &context.mapping,
        &context.objects,
        rows,
        entities,
        context.sync.tenant,
    )
    .await
}

/// First transaction: takes the guard read in, plans anew, and journals what will be sent.
async fn intend(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    candidates: &[Candidate],
    guards: Option<&(Batch, Mark)>,
) -> Result<Vec<Operation>> {
    let mut page = session.begin().await?;
    if let Some((batch, mark)) = guards {
        // What the guard read found is ingested like any other read, ledger and all, before the plan is made anew.
        let tally = super::page::take_page(inner, context, &mut page, run, batch, batch.len(), *mark).await?;
        if tally.ledger.updated + tally.ledger.deleted + tally.ledger.conflicted + tally.ledger.failed > 0 {
            run.ledger(&context.sync.name, "pull").add(&tally.ledger);
        }
    }
    let ids: Vec<EntityId> = candidates.iter().map(|candidate| candidate.entity).collect();
    let mut loaded = page.load(inner, &ids).await?;
    let links = links_for(context, &mut page, &loaded).await?;
    let nothing = Links::default();
    let scene = context.scene(inner, &links, &nothing);
    let mut operations = Vec::new();
    let mut ledger = Ledger::default();
    for linked in &mut loaded {
        ledger.read += 1;
        let Some(index) = linked.side_index(context.side()) else {
            ledger.unchanged += 1;
            continue;
        };
        if linked.sides[index].flags.has(SideFlags::READ) {
            ledger.deferred += 1;
            continue;
        }
        let plan = plan::plan_push(linked, index, &scene)?;
        if !plan.failures.is_empty() {
            fail_plan(inner, context, &mut page, run.id, linked, index, &plan).await?;
            linked.sides[index].flags.set(SideFlags::FAILED);
        }
        let Some(verb) = plan.verb else {
            if plan.failures.is_empty() {
                ledger.deferred += u64::from(plan.waiting || plan.undecided);
                ledger.unchanged += u64::from(!(plan.waiting || plan.undecided));
            } else {
                ledger.failed += 1;
            }
            continue;
        };
        match verb {
            OperationVerb::Create => ledger.created += 1,
            OperationVerb::Update => ledger.updated += 1,
            OperationVerb::Delete => ledger.deleted += 1,
        }
        show_planned(run, context, linked, index, &plan);
        let operation = operation(inner, context, run.id, linked, index, verb, plan);
        page.audit.push(plan::written(
            AuditKind::Intended,
            linked.entity.uid,
            linked.sides[index].ext.as_deref(),
            &operation,
            &context.mapping,
            &context.blueprint,
        ));
        linked.sides[index].flags.set(SideFlags::IN_FLIGHT);
        linked.sides[index].flags.clear(SideFlags::PUSH);
        operations.push(operation);
    }
    brake::writing(inner, context, &mut page, run, &ledger).await?;
    if session.is_dry() {
        run.ledger(&context.sync.name, "push").add(&ledger);
        session.commit(page, run).await?;
        return Ok(Vec::new());
    }
    store(page.tx()?, &loaded).await?;
    page.tx()?
        .put_operations(&operations.iter().collect::<Vec<_>>())
        .await?;
    run.ledger(&context.sync.name, "push").add(&ledger);
    session.commit(page, run).await?;
    Ok(operations)
}

pub(super) async fn fail_plan(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: u64,
    linked: &Linked,
    index: usize,
    plan: &PushPlan,
) -> Result<()> {
    let note = FailureNote {
        record: linked.sides[index].ext.clone(),
        entity: Some(linked.entity.id),
        fields: plan
            .failures
            .iter()
            .map(|(group, _)| context.blueprint.group_name(*group))
            .collect(),
        message: plan
            .failures
            .iter()
            .map(|(_, error)| error.message())
            .collect::<Vec<_>>()
            .join("; "),
        detail: None,
    };
    record_failure(inner, page, run, &context.sync, "push", note).await
}

fn operation(
    inner: &Inner,
    context: &SyncContext,
    run: u64,
    linked: &Linked,
    index: usize,
    verb: OperationVerb,
    plan: PushPlan,
) -> Operation {
    let now = inner.clock.now();
    let marker = match verb {
        OperationVerb::Create => context
            .mapping
            .marker
            .clone()
            .map(|field| (field, linked.entity.uid.to_string())),
        _ => None,
    };
    Operation {
        id: uid(inner),
        tenant: context.sync.tenant,
        key: linked.sides[index].key,
        run,
        verb,
        state: OperationState::Sent,
        attempts: 1,
        rev: linked.entity.rev,
        mapping_version: context.mapping.version,
        groups: plan.groups,
        target: plan.target,
        expected: plan.expected,
        marker,
        not_before: None,
        sent_at: Some(now),
        created_at: now,
        error: None,
    }
}

fn show_planned(run: &mut Run, context: &SyncContext, linked: &Linked, index: usize, plan: &PushPlan) {
    if !run.parameters.dry_run {
        return;
    }
    let record = linked.sides[index]
        .ext
        .clone()
        .unwrap_or_else(|| linked.entity.uid.to_string());
    if plan.verb == Some(OperationVerb::Delete) {
        run.planned += 1;
        run.plan.push(PlannedChange {
            target: context.sync.name.clone(),
            record: record.clone(),
            action: "delete".to_owned(),
            field: "(the record)".to_owned(),
            before: serde_json::Value::Null,
            after: serde_json::Value::Null,
        });
    }
    for (place, (path, value)) in plan.target.iter().enumerate() {
        run.planned += 1;
        if run.plan.len() < 10_000 {
            let field = context.mapping.projection.fields.get(usize::from(*path));
            run.plan.push(PlannedChange {
                target: context.sync.name.clone(),
                record: record.clone(),
                action: if plan.verb == Some(OperationVerb::Create) {
                    "create"
                } else {
                    "update"
                }
                .to_owned(),
                field: field.map(|field| field.path.clone()).unwrap_or_default(),
                before: plan
                    .expected
                    .get(place)
                    .map_or(serde_json::Value::Null, |(_, value)| value.to_json()),
                after: value.to_json(),
            });
        }
    }
}

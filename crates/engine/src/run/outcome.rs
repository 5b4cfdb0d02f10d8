//! What each kind of answer to a write means for the record (section 7).

use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::batch::{Outcome, OutcomeKind, RowRef};
use syncline_core::error::Result;
use syncline_core::io::Mark;
use syncline_core::model::{GroupId, PRESENCE};
use syncline_core::plan::{self, Effects, Scene};
use syncline_core::state::{
    Base, Ghost, Linked, Operation, OperationState, OperationVerb, Presence, Quarantine, Side, SideFlags,
};
use syncline_core::value::{Value, content_hash, encode_all};

use super::context::SyncContext;
use super::model::Run;
use super::send::readback;
use super::session::{FailureNote, Page, record_failure};
use crate::engine::Inner;

/// One answer, with the record as it was read afterwards.
pub(crate) struct Answer<'a> {
    pub(crate) outcome: &'a Outcome,
    pub(crate) row: Option<RowRef<'a>>,
    pub(crate) finished: Mark,
    /// Whether the record that it names belongs to another entity.
    pub(crate) is_foreign: bool,
}

/// Takes an answer in and closes the operation, or leaves it open when its outcome is unknown.
#[expect(
    clippy::too_many_arguments,
    reason = "an answer is taken in with exactly these, and each has another owner"
)]
pub(crate) async fn take(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &mut Run,
    linked: &mut Linked,
    index: usize,
    operation: &mut Operation,
    answer: &Answer<'_>,
    scene: &Scene<'_>,
) -> Result<Effects> {
    let outcome = answer.outcome;
    operation.error.clone_from(&outcome.message);
    let verb = operation.verb;
    match &outcome.kind {
        OutcomeKind::Applied { .. } if verb == OperationVerb::Delete => {
            operation.state = OperationState::Confirmed;
            deleted(context, page, linked, index, answer.finished);
            Ok(Effects::default())
        }
        OutcomeKind::Applied { .. } if answer.is_foreign => {
            // The CRM took two of ours for one and the same.
            operation.state = OperationState::Rejected;
            let existing = outcome.id.clone().unwrap_or_default();
            taken(inner, context, page, run, linked, index, operation, &existing).await?;
            Ok(Effects::default())
        }
        OutcomeKind::Applied { .. } => {
            operation.state = OperationState::Confirmed;
            let new = answer.row.as_ref().map(RowRef::id).or(outcome.id.as_deref());
            stands_for(context, page, linked, index, new).await?;
            let side = &linked.sides[index];
            // What a row leaves out is as it was read before, which has to be in the same order.
            let is_known = verb == OperationVerb::Create
                || side.mapping_version == operation.mapping_version && !side.obs.is_empty();
            if let Some(row) = answer.row.as_ref().filter(|row| row.is_complete() || is_known) {
                return plan::confirm(
                    linked,
                    index,
                    operation,
                    &readback(row, outcome),
                    answer.finished,
                    scene,
                );
            }
            applied_unseen(context, linked, index, operation, answer);
            Ok(Effects::default())
        }
        OutcomeKind::NotApplied { .. } | OutcomeKind::Conflict => {
            operation.state = OperationState::Superseded;
            defer(context, run, verb);
            let side = &mut linked.sides[index];
            side.flags.clear(SideFlags::IN_FLIGHT);
            side.flags.set(SideFlags::PUSH);
            if outcome.kind == OutcomeKind::Conflict {
                dirty(inner, linked, index);
            }
            Ok(Effects::default())
        }
        OutcomeKind::Gone => {
            operation.state = OperationState::Superseded;
            defer(context, run, verb);
            linked.sides[index].flags.clear(SideFlags::IN_FLIGHT);
            if verb == OperationVerb::Delete {
                deleted(context, page, linked, index, answer.finished);
            } else {
                dirty(inner, linked, index);
            }
            Ok(Effects::default())
        }
        OutcomeKind::Duplicate { existing } => {
            operation.state = OperationState::Superseded;
            // An update has its record: whoever else holds the unique value is another one.
            if answer.is_foreign || verb != OperationVerb::Create {
                taken(inner, context, page, run, linked, index, operation, existing).await?;
            } else {
                defer(context, run, verb);
                stands_for(context, page, linked, index, Some(existing)).await?;
                adopt(inner, context, page, linked, index, existing);
            }
            Ok(Effects::default())
        }
        OutcomeKind::Rejected { fields } => {
            operation.state = OperationState::Rejected;
            reject(
                inner, context, page, run, linked, index, operation, fields, outcome, None,
            )
            .await?;
            Ok(Effects::default())
        }
        OutcomeKind::Unknown => {
            operation.state = OperationState::Unknown;
            defer(context, run, verb);
            haunt(inner, context, linked, index, operation);
            page.audit.push(
                AuditEntry::new(
                    AuditKind::UnknownOutcome,
                    linked.entity.uid,
                    context.side(),
                    outcome.id.as_deref(),
                )
                .note(format!(
                    "{}: {}",
                    operation.id,
                    outcome.message.as_deref().unwrap_or("no answer")
                )),
            );
            Ok(Effects::default())
        }
    }
}

/// A record that was deleted and is created anew: its old id stands for the new one from now on.
async fn stands_for(
    context: &SyncContext,
    page: &mut Page,
    linked: &mut Linked,
    index: usize,
    new: Option<&str>,
) -> Result<()> {
    let side = &mut linked.sides[index];
    if side.presence != Presence::NeverSeen {
        return Ok(());
    }
    if let (Some(new), Some(old)) = (new, side.ext.take_if(|old| new != Some(old))) {
        page.tx()?.put_alias(context.side(), &old, new).await?;
    }
    Ok(())
}

/// Moves a write of the ledger from done to deferred.
fn defer(context: &SyncContext, run: &mut Run, verb: OperationVerb) {
    let ledger = run.ledger(&context.sync.name, "push");
    let done = match verb {
        OperationVerb::Create => &mut ledger.created,
        OperationVerb::Update => &mut ledger.updated,
        OperationVerb::Delete => &mut ledger.deleted,
    };
    if *done > 0 {
        *done -= 1;
        ledger.deferred += 1;
    }
}

pub(super) fn dirty(inner: &Inner, linked: &mut Linked, index: usize) {
    let side = &mut linked.sides[index];
    side.flags.set(SideFlags::READ);
    side.dirty_seq = inner.marks.next(inner.clock.now()).0;
}

fn deleted(context: &SyncContext, page: &mut Page, linked: &mut Linked, index: usize, finished: Mark) {
    let uid = linked.entity.uid;
    let side = &mut linked.sides[index];
    page.audit
        .push(AuditEntry::new(AuditKind::Deleted, uid, context.side(), side.ext.as_deref()).note(plan::DELETED_BY_US));
    side.presence = Presence::Deleted(plan::DELETED_BY_US.to_owned());
    side.write_seq = finished.0;
    side.flags = SideFlags::default();
}

/// A definite success whose record could not be read: what was sent is its base, and it is read as soon as possible.
/// Without the base, our own write would come back as an edit and undo what the app decided meanwhile.
fn applied_unseen(
    context: &SyncContext,
    linked: &mut Linked,
    index: usize,
    operation: &Operation,
    answer: &Answer<'_>,
) {
    let sent = sent_values(context, linked, index, operation);
    let side = &mut linked.sides[index];
    side.ext = side.ext.take().or_else(|| answer.outcome.id.clone());
    side.presence = Presence::Live;
    side.write_seq = answer.finished.0;
    side.dirty_seq = answer.finished.0;
    side.mapping_version = operation.mapping_version;
    side.flags.clear(SideFlags::IN_FLIGHT);
    side.flags.set(SideFlags::READ);
    if let Some((_, marker)) = &operation.marker {
        side.marker = Some(marker.clone());
    }
    for (group, values) in sent {
        let state = side.group_mut(group);
        state.base = Base::Held(values);
        state.base_rev = Some(operation.rev);
    }
}

/// The raw values of an operation's groups as they were sent: what the side held, overlaid with the targets.
fn sent_values(
    context: &SyncContext,
    linked: &Linked,
    index: usize,
    operation: &Operation,
) -> Vec<(GroupId, Vec<Value>)> {
    let row = syncline_core::value::decode_all(&linked.sides[index].obs).unwrap_or_default();
    let value = |path: usize| {
        let target = operation
            .target
            .iter()
            .find(|(position, _)| usize::from(*position) == path);
        target
            .map(|(_, value)| value.clone())
            .or_else(|| row.get(path).cloned())
            .unwrap_or_default()
    };
    context
        .mapping
        .groups
        .iter()
        .filter(|group| operation.groups.contains(&group.group))
        .map(|group| (group.group, group.paths.iter().map(|&path| value(path)).collect()))
        .collect()
}

/// Until this write can no longer land, a value that equals it is nobody's edit.
pub(super) fn haunt(inner: &Inner, context: &SyncContext, linked: &mut Linked, index: usize, operation: &Operation) {
    let now = inner.clock.now();
    let until = now.saturating_add(inner.settings.late_write_horizon).unwrap_or(now);
    for (group, values) in sent_values(context, linked, index, operation) {
        linked.sides[index]
            .group_mut(group)
            .ghosts
            .push(Ghost { values, until });
    }
}

/// The CRM has a record with our key or a unique value, which is nobody's: it is the one meant.
fn adopt(inner: &Inner, context: &SyncContext, page: &mut Page, linked: &mut Linked, index: usize, existing: &str) {
    let uid = linked.entity.uid;
    let side = &mut linked.sides[index];
    side.flags.clear(SideFlags::IN_FLIGHT);
    side.ext = Some(existing.to_owned());
    side.presence = Presence::Live;
    for group in &context.mapping.groups {
        side.group_mut(group.group).base = Base::Never;
    }
    page.audit.push(
        AuditEntry::new(AuditKind::Linked, uid, context.side(), Some(existing))
            .note("the CRM had a record with the same unique value"),
    );
    dirty(inner, linked, index);
}

/// A unique value of ours is another record's: nothing is written until it changes, and a person can see why.
#[expect(
    clippy::too_many_arguments,
    reason = "a refusal is taken in with exactly these, and each has another owner"
)]
pub(super) async fn taken(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &mut Run,
    linked: &mut Linked,
    index: usize,
    operation: &Operation,
    existing: &str,
) -> Result<()> {
    let message = format!(
        "{} has another record with the same unique value ({existing}); merge the two, or change the value",
        context.mapping.label
    );
    let outcome = Outcome::new(0, OutcomeKind::Rejected { fields: Vec::new() });
    let because = Some(message);
    reject(
        inner,
        context,
        page,
        run,
        linked,
        index,
        operation,
        &[],
        &outcome,
        because,
    )
    .await
}

#[expect(
    clippy::too_many_arguments,
    reason = "a refusal is taken in with exactly these, and each has another owner"
)]
async fn reject(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &mut Run,
    linked: &mut Linked,
    index: usize,
    operation: &Operation,
    fields: &[String],
    outcome: &Outcome,
    because: Option<String>,
) -> Result<()> {
    let blamed: Vec<GroupId> = context
        .mapping
        .groups
        .iter()
        .filter(|group| operation.groups.contains(&group.group))
        .filter(|group| {
            let names = group
                .paths
                .iter()
                .map(|&path| &context.mapping.projection.fields[path].path);
            fields.is_empty() || names.into_iter().any(|name| fields.contains(name))
        })
        .map(|group| group.group)
        .collect();
    let names: Vec<String> = blamed
        .iter()
        .map(|group| context.blueprint.group_name(*group))
        .collect();
    let message = because.unwrap_or_else(|| refusal(context, fields, &names));
    let hash_of = |paths: Option<&[usize]>| {
        let values = operation
            .target
            .iter()
            .filter(|(path, _)| paths.is_none_or(|paths| paths.contains(&usize::from(*path))))
            .map(|(_, value)| value);
        content_hash(&encode_all(values))
    };
    let side = &mut linked.sides[index];
    side.flags.clear(SideFlags::IN_FLIGHT);
    side.flags.set(SideFlags::QUARANTINED);
    side.flags.set(SideFlags::FAILED);
    let all = blamed.is_empty() || operation.verb != OperationVerb::Update;
    if all {
        let input_hash = hash_of(None);
        side.group_mut(PRESENCE).quarantine = Some(Quarantine {
            error: message.clone(),
            input_hash,
        });
    }
    for group in context
        .mapping
        .groups
        .iter()
        .filter(|group| blamed.contains(&group.group))
    {
        let input_hash = hash_of(Some(&group.paths));
        side.group_mut(group.group).quarantine = Some(Quarantine {
            error: message.clone(),
            input_hash,
        });
    }
    if blamed.len() < operation.groups.len() && operation.verb == OperationVerb::Update && !blamed.is_empty() {
        // The rest of the record was not at fault and is written without the blamed fields.
        side.flags.set(SideFlags::PUSH);
    }
    page.audit.push(
        AuditEntry::new(
            AuditKind::NotWritten,
            linked.entity.uid,
            context.side(),
            outcome.id.as_deref(),
        )
        .note(format!(
            "{}: {}",
            operation.id,
            outcome.message.as_ref().unwrap_or(&message)
        )),
    );
    let ledger = run.ledger(&context.sync.name, "push");
    let done = match operation.verb {
        OperationVerb::Create => &mut ledger.created,
        OperationVerb::Update => &mut ledger.updated,
        OperationVerb::Delete => &mut ledger.deleted,
    };
    if *done > 0 {
        *done -= 1;
        ledger.failed += 1;
    }
    // Together with what was refused of it before.
    let (fields, told) = told(context, refusals(context, &linked.sides[index]));
    let note = FailureNote {
        record: linked.sides[index].ext.clone(),
        entity: Some(linked.entity.id),
        message: if fields.is_empty() { message } else { told },
        fields,
        detail: outcome.message.clone(),
    };
    record_failure(inner, page, run.id, &context.sync, "push", note).await
}

/// The groups of a side that the CRM refused, each with the reason, in the order of the mapping.
pub(super) fn refusals<'a>(context: &'a SyncContext, side: &'a Side) -> impl Iterator<Item = (GroupId, &'a str)> {
    context.mapping.groups.iter().filter_map(|group| {
        let quarantine = side.groups.get(&group.group)?.quarantine.as_ref()?;
        Some((group.group, quarantine.error.as_str()))
    })
}

/// Names of fields, and what is wrong with them, each reason once.
pub(super) fn told<'a>(context: &SyncContext, what: impl Iterator<Item = (GroupId, &'a str)>) -> (Vec<String>, String) {
    let (mut names, mut reasons) = (Vec::new(), Vec::new());
    for (group, reason) in what {
        names.push(context.blueprint.group_name(group));
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    (names, reasons.join("; "))
}

/// What a refusal means, for people: the provider's own words are for those who may read them.
fn refusal(context: &SyncContext, blamed: &[String], names: &[String]) -> String {
    let label = &context.mapping.label;
    if blamed.is_empty() || names.is_empty() {
        return format!(
            "{label} refused the record; correct it, or the rule or permission there that stands against it"
        );
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!(
        "{label} refused the value of {}; correct it, or the rule or permission there that stands against it",
        names.join(", ")
    )
}

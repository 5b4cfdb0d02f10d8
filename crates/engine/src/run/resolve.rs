//! Writes whose outcome is not known: found out by reading, never sent again blindly (section 7).

use syncline_core::batch::{Outcome, OutcomeKind, ReadClass, RowRef, RowState};
use syncline_core::error::Result;
use syncline_core::model::PRESENCE;
use syncline_core::plan::{self, Effects, ReviewReason};
use syncline_core::state::{EntityId, Linked, Operation, OperationState, OperationVerb, SideFlags};
use syncline_core::store::{InboxEntry, SideHead};
use syncline_core::value::{Value, decode_all};

use super::context::SyncContext;
use super::links::Links;
use super::model::Run;
use super::outcome::Answer;
use super::page::store;
use super::push::links_for;
use super::read_back::{ReadBack, read};
use super::reporter::Reporter;
use super::send::strong;
use super::session::{Page, Session, settle};
use crate::conflict::open_review;
use crate::document::Versioned;
use crate::engine::Inner;

/// Resolves what may be resolved by now; the rest stays open.
pub(crate) async fn resolve_unknown(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    reporter: &Reporter,
) -> Result<()> {
    let size = context
        .connector
        .manifest()
        .capabilities
        .read
        .fetch_size
        .clamp(1, inner.settings.page_rows);
    loop {
        reporter.check_stop()?;
        let mut page = session.begin().await?;
        let open = page
            .tx()?
            .operations(context.side(), &[OperationState::Sent, OperationState::Unknown], size)
            .await?;
        session.commit(page, run).await?;
        let now = inner.clock.now();
        let due: Vec<Operation> = open
            .into_iter()
            .filter(|operation| {
                let sent = operation.sent_at.unwrap_or(operation.created_at);
                sent.saturating_add(inner.settings.ambiguity_horizon)
                    .is_ok_and(|until| until <= now)
            })
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        reporter.stage(context, "resolve");
        resolve(inner, context, session, run, due).await?;
    }
}

async fn resolve(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    operations: Vec<Operation>,
) -> Result<()> {
    let mark = inner.marks.next(inner.clock.now());
    let read = read(inner, context, session, run, &operations).await?;
    let mut page = session.begin().await?;
    let ids: Vec<EntityId> = operations.iter().map(|operation| operation.key.entity).collect();
    let mut loaded = page.load(inner, &ids).await?;
    let links = links_for(context, &mut page, &loaded).await?;
    let nothing = Links::default();
    let mut closed = Vec::new();
    for mut operation in operations {
        let landed = std::mem::replace(&mut operation.state, OperationState::Superseded);
        let place = loaded
            .iter_mut()
            .find(|linked| linked.entity.id == operation.key.entity);
        let found = place.and_then(|linked| Some((linked.side_index(context.side())?, linked)));
        let Some((index, linked)) = found else {
            // The record that it was for is no longer kept.
            closed.push(operation);
            continue;
        };
        let scene = context.scene(inner, &links, &nothing);
        linked.sides[index].flags.clear(SideFlags::IN_FLIGHT);
        if landed == OperationState::Sent {
            // Nobody was there to see it go wrong, but it may land late like any other.
            super::outcome::haunt(inner, context, linked, index, &operation);
        }
        let found = match operation.verb {
            OperationVerb::Create => created(context, &mut page, linked, &operation, &read).await?,
            _ => Created::of(linked.sides[index].ext.as_deref().and_then(|ext| read.by_id(ext))),
        };
        let outcome = Outcome::new(
            0,
            OutcomeKind::Applied {
                created: operation.verb == OperationVerb::Create,
            },
        );
        let effects = match found {
            Created::No => {
                // Nothing of it is there: it is planned anew, and a create goes by the same unique key.
                linked.sides[index].flags.set(SideFlags::PUSH);
                let held_back = look_alikes(&mut page, context, &operation, &read).await?;
                read_again(inner, context, &mut page, &held_back).await?;
                Effects::default()
            }
            Created::Taken(ext) => {
                super::outcome::taken(inner, context, &mut page, run, linked, index, &operation, &ext).await?;
                Effects::default()
            }
            Created::Several(exts) => {
                ask(inner, context, &mut page, run, linked, &exts).await?;
                Effects::default()
            }
            Created::Yes(row) if row.state() != RowState::Live => {
                let class = ReadClass::Strong;
                super::gone::take(inner, context, &mut page, linked, index, &row, class, mark, &scene)?
                    .unwrap_or_default()
            }
            Created::Yes(row) if operation.verb == OperationVerb::Delete => {
                linked.sides[index].flags.set(SideFlags::PUSH);
                plan::observe(linked, index, &strong(&row, mark), &scene)?
            }
            Created::Yes(row)
                if operation.verb == OperationVerb::Create || applied(context, &operation, row.encoded())? =>
            {
                let answer = Answer {
                    outcome: &outcome,
                    row: Some(row),
                    finished: mark,
                    is_foreign: false,
                };
                super::outcome::take(
                    inner,
                    context,
                    &mut page,
                    run,
                    linked,
                    index,
                    &mut operation,
                    &answer,
                    &scene,
                )
                .await?
            }
            Created::Yes(row) => {
                // Not applied, or somebody wrote since: what is there is taken in, and the push planned anew.
                linked.sides[index].flags.set(SideFlags::PUSH);
                plan::observe(linked, index, &strong(&row, mark), &scene)?
            }
        };
        let direction = super::send::failing_direction(&effects);
        settle(inner, &mut page, run, context, linked, index, direction, true, effects).await?;
        closed.push(operation);
    }
    store(page.tx()?, &loaded).await?;
    page.tx()?.put_operations(&closed.iter().collect::<Vec<_>>()).await?;
    session.commit(page, run).await
}

/// What became of a write, as far as reading can tell.
enum Created<'a> {
    /// Nothing of it is there.
    No,
    /// This is the record.
    Yes(RowRef<'a>),
    /// The record belongs to another entity.
    Taken(String),
    /// Each of these may be the one that was created.
    Several(Vec<String>),
}

impl<'a> Created<'a> {
    fn of(row: Option<RowRef<'a>>) -> Self {
        row.map_or(Self::No, Self::Yes)
    }
}

/// The record that a create made: the one with our key, or without such a key the only unlinked one that holds
/// everything that was written.
async fn created<'a>(
    context: &SyncContext,
    page: &mut Page,
    linked: &Linked,
    operation: &Operation,
    read: &'a ReadBack,
) -> Result<Created<'a>> {
    let mut rows = Vec::new();
    for row in read.by_key(operation) {
        let is_it = match &operation.marker {
            Some((field, marker)) => {
                let place = context.mapping.projection.position(field);
                let value = place.map(|place| row.value(place)).transpose()?.flatten();
                value.is_some_and(|value| value.to_string() == *marker)
            }
            None => applied(context, operation, row.encoded())?,
        };
        if is_it && row.state() == RowState::Live {
            rows.push(row);
        }
    }
    let exts: Vec<&str> = rows.iter().map(RowRef::id).collect();
    let heads = page.tx()?.heads(context.side(), &exts).await?;
    let foreign = |head: &SideHead| head.key.entity != linked.entity.id;
    let mut free = Vec::new();
    let mut taken = None;
    for (row, head) in rows.into_iter().zip(heads) {
        match head.filter(foreign) {
            None => free.push(row),
            Some(head) if head.flags.has(SideFlags::STAGED) => {
                // It came in before anybody knew whose it is, and nobody has seen it yet.
                page.tx()?.delete_sides(&[head.key]).await?;
                page.tx()?.delete_entities(&[head.key.entity]).await?;
                free.push(row);
            }
            Some(_) => taken = Some(row.id().to_owned()),
        }
    }
    Ok(match (free.as_slice(), taken) {
        ([], Some(ext)) if operation.marker.is_some() => Created::Taken(ext),
        ([], _) => Created::No,
        ([row], _) => Created::Yes(*row),
        (several, _) => Created::Several(several.iter().map(|row| row.id().to_owned()).collect()),
    })
}

/// A person says whether the record is to be created: several look as if it had been.
async fn ask(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &mut Run,
    linked: &mut Linked,
    exts: &[String],
) -> Result<()> {
    linked.entity.frozen.push((PRESENCE, 0));
    let review = open_review(
        inner,
        page,
        run.id,
        context,
        linked,
        PRESENCE,
        ReviewReason::AmbiguousCreate,
        "",
    )
    .await?;
    if let Some(frozen) = linked.entity.frozen.last_mut() {
        frozen.1 = review;
    }
    read_again(inner, context, page, exts).await
}

/// Records without a link that hold what a create without our key was looked for by. While it was open they were left
/// alone, so that what it made, and a user has edited since, is not taken for a stranger's.
async fn look_alikes(
    page: &mut Page,
    context: &SyncContext,
    operation: &Operation,
    read: &ReadBack,
) -> Result<Vec<String>> {
    if operation.verb != OperationVerb::Create || operation.marker.is_some() {
        return Ok(Vec::new());
    }
    let rows: Vec<RowRef<'_>> = read
        .by_key(operation)
        .filter(|row| row.state() == RowState::Live)
        .collect();
    let exts: Vec<&str> = rows.iter().map(RowRef::id).collect();
    let heads = page.tx()?.heads(context.side(), &exts).await?;
    let unlinked = exts.iter().zip(heads).filter(|(_, head)| head.is_none());
    Ok(unlinked.map(|(ext, _)| (*ext).to_owned()).collect())
}

/// Records that were left alone while a create was open are read now.
async fn read_again(inner: &Inner, context: &SyncContext, page: &mut Page, exts: &[String]) -> Result<()> {
    let seq = inner.marks.next(inner.clock.now()).0;
    let hint = |ext: &String| InboxEntry {
        side: context.side(),
        ext: ext.clone(),
        seq,
    };
    page.tx()?.put_hints(&exts.iter().map(hint).collect::<Vec<_>>()).await
}

/// Whether the record holds what the operation was to write.
pub(super) fn applied(context: &SyncContext, operation: &Operation, encoded: &[u8]) -> Result<bool> {
    let row = decode_all(encoded)?;
    Ok(context
        .mapping
        .groups
        .iter()
        .filter(|group| operation.groups.contains(&group.group))
        .all(|group| {
            let now: Vec<Value> = group
                .paths
                .iter()
                .map(|&path| row.get(path).cloned().unwrap_or_default())
                .collect();
            let sent: Vec<Value> = group
                .paths
                .iter()
                .zip(&now)
                .map(|(&path, now)| {
                    let target = operation
                        .target
                        .iter()
                        .find(|(position, _)| usize::from(*position) == path);
                    target.map_or_else(|| now.clone(), |(_, value)| value.clone())
                })
                .collect();
            group.canon(&now) == group.canon(&sent)
        }))
}

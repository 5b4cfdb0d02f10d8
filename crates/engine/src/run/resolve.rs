//! Writes whose outcome is not known: found out by reading, never sent again blindly (section 7).

use syncline_core::batch::{Batch, Outcome, OutcomeKind, ReadClass, RowState};
use syncline_core::error::Result;
use syncline_core::job::{Fetch, FetchBy};
use syncline_core::model::PRESENCE;
use syncline_core::plan::{self, Effects, Gone, ReviewChange, ReviewReason};
use syncline_core::state::{EntityId, Linked, Operation, OperationState, OperationVerb, SideFlags};
use syncline_core::value::{Value, decode_all};

use super::context::SyncContext;
use super::links::Links;
use super::model::Run;
use super::outcome::Answer;
use super::pull::store;
use super::push::{links_for, strong};
use super::reporter::Reporter;
use super::session::{Session, settle};
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
    if session.is_dry() {
        return Ok(());
    }
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
    let (by_id, by_marker) = read(inner, context, session, run, &operations).await?;
    let mark = inner.marks.next(inner.clock.now());
    let mut page = session.begin().await?;
    let ids: Vec<EntityId> = operations.iter().map(|operation| operation.key.entity).collect();
    let mut loaded = page.tx()?.load(&ids).await?;
    let links = links_for(context, &mut page, &loaded).await?;
    let nothing = Links::default();
    let mut closed = Vec::new();
    for mut operation in operations {
        let Some(linked) = loaded
            .iter_mut()
            .find(|linked| linked.entity.id == operation.key.entity)
        else {
            continue;
        };
        let Some(index) = linked.side_index(context.side()) else {
            continue;
        };
        let scene = context.scene(inner, &links, &nothing);
        let row = match (&operation.verb, &operation.marker) {
            (OperationVerb::Create, Some((_, marker))) => {
                let place = context
                    .mapping
                    .marker
                    .as_ref()
                    .and_then(|field| context.mapping.projection.position(field));
                by_marker.rows().find(|row| {
                    place.is_some_and(|place| {
                        row.value(place)
                            .ok()
                            .flatten()
                            .is_some_and(|value| value.to_string() == *marker)
                    })
                })
            }
            (OperationVerb::Create, None) => None,
            _ => {
                let ext = linked.sides[index].ext.clone();
                by_id.rows().find(|row| Some(row.id()) == ext.as_deref())
            }
        };
        linked.sides[index].flags.clear(SideFlags::IN_FLIGHT);
        operation.state = OperationState::Superseded;
        let outcome = Outcome::new(
            0,
            OutcomeKind::Applied {
                created: operation.verb == OperationVerb::Create,
            },
        );
        let effects = match row {
            None if operation.verb == OperationVerb::Create && operation.marker.is_none() => {
                // It may have made a record that carries no key of ours: making another blindly could double it.
                linked.entity.frozen.push((PRESENCE, 0));
                let mut asked = Effects::default();
                asked.reviews.push(ReviewChange {
                    group: PRESENCE,
                    reason: Some(ReviewReason::AmbiguousCreate),
                });
                asked
            }
            None => {
                // Nothing of it is there: it is planned anew, and a create goes by the same unique key.
                linked.sides[index].flags.set(SideFlags::PUSH);
                Effects::default()
            }
            Some(row) if row.state() != RowState::Live => {
                let how = match row.state() {
                    RowState::Missing => Gone::Inaccessible,
                    RowState::Archived => Gone::Archived,
                    _ => Gone::Deleted,
                };
                plan::gone(linked, index, how, row.stamp(), &scene)?
            }
            Some(row) if operation.verb == OperationVerb::Delete => {
                linked.sides[index].flags.set(SideFlags::PUSH);
                plan::observe(linked, index, &strong(&row, mark), &scene)?
            }
            Some(row) if operation.verb == OperationVerb::Create || applied(context, &operation, row.encoded())? => {
                let answer = Answer {
                    outcome: &outcome,
                    row: Some(row),
                    finished: mark,
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
            Some(row) => {
                // Not applied, or somebody wrote since: what is there is taken in, and the push planned anew.
                linked.sides[index].flags.set(SideFlags::PUSH);
                plan::observe(linked, index, &strong(&row, mark), &scene)?
            }
        };
        settle(inner, &mut page, run, context, linked, index, "push", true, effects).await?;
        closed.push(operation);
    }
    store(page.tx()?, &loaded).await?;
    page.tx()?.put_operations(&closed.iter().collect::<Vec<_>>()).await?;
    session.commit(page, run).await
}

/// Reads the records of updates and deletes by id, and those of creates by our key.
async fn read(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    operations: &[Operation],
) -> Result<(Batch, Batch)> {
    let mut page = session.begin().await?;
    let ids: Vec<EntityId> = operations
        .iter()
        .filter(|operation| operation.verb != OperationVerb::Create)
        .map(|operation| operation.key.entity)
        .collect();
    let exts: Vec<String> = page
        .tx()?
        .load(&ids)
        .await?
        .iter()
        .filter_map(|linked| ext(context, linked))
        .collect();
    session.commit(page, run).await?;
    let by_id = if exts.is_empty() {
        Batch::default()
    } else {
        super::pull::fetch(inner, context, exts).await?.0
    };
    let mut by_marker = Batch::new(context.mapping.projection.fields.len());
    let markers: Vec<String> = operations
        .iter()
        .filter_map(|operation| operation.marker.as_ref().map(|(_, value)| value.clone()))
        .collect();
    if let (Some(field), false) = (&context.mapping.marker, markers.is_empty()) {
        let fetch = Fetch {
            object: context.mapping.object.clone(),
            projection: context.mapping.projection.clone(),
            by: FetchBy::Key {
                field: field.clone(),
                values: markers,
            },
        };
        context
            .connector
            .fetch(context.io.as_ref(), &context.config, &fetch, &mut by_marker)
            .await?;
        by_marker.class = ReadClass::Strong;
    }
    Ok((by_id, by_marker))
}

fn ext(context: &SyncContext, linked: &Linked) -> Option<String> {
    linked
        .side_index(context.side())
        .and_then(|index| linked.sides[index].ext.clone())
}

/// Whether the record holds what the operation was to write.
fn applied(context: &SyncContext, operation: &Operation, encoded: &[u8]) -> Result<bool> {
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

//! Records that are read for the first time: outside the filter, not to be created, or new entities.

use syncline_core::batch::{ReadClass, RowRef};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::io::Mark;
use syncline_core::plan::{self, Observation};
use syncline_core::state::{Actor, CreatedPage, Entity, EntityId, Linked, Side, SideKey};
use syncline_core::store::Sequence;

use super::context::SyncContext;
use super::links::Links;
use super::model::Run;
use super::page::{PageTally, in_filter, uid};
use super::session::{FailureNote, Page, record_failure, settle};
use crate::engine::Inner;

/// Records without a link: outside the filter, not to be created, or new entities.
#[expect(
    clippy::too_many_arguments,
    reason = "rows are planned from exactly these, and each has another owner"
)]
pub(super) async fn take_fresh<'b>(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &mut Run,
    fresh: &[RowRef<'b>],
    class: ReadClass,
    mark: Mark,
    links: &Links,
    tally: &mut PageTally,
) -> Result<Fresh<'b>> {
    let mut made = Vec::new();
    if fresh.is_empty() {
        return Ok(Fresh { made, created: None });
    }
    let mut inside = Vec::with_capacity(fresh.len());
    let stages = super::first_link::stages(context, page.tx()?).await?;
    // Where nothing is created in the app, records are only looked at to link what is there.
    let only_matches = !context.mapping.create_in_app;
    for row in fresh {
        if only_matches && !stages || !row.is_complete() {
            tally.ledger.filtered += 1;
        } else {
            match in_filter(context, row) {
                Ok(true) => inside.push(*row),
                Ok(false) => tally.ledger.filtered += 1,
                Err(error) => {
                    fail_row(inner, context, page, run.id, row, &error).await?;
                    tally.ledger.failed += 1;
                }
            }
        }
    }
    if inside.is_empty() {
        return Ok(Fresh { made, created: None });
    }
    let first = page.tx()?.reserve(Sequence::Entity, inside.len() as u64).await?;
    let now = inner.clock.now();
    let nothing = Links::default();
    let mut scene = context.scene(inner, links, &nothing);
    if stages || only_matches {
        // It may well be the record that has the value.
        scene.unique = None;
    }
    let first = EntityId::try_from(first).unwrap_or(EntityId::MAX);
    let numbered: Vec<(EntityId, RowRef<'b>)> = (first..).zip(inside).collect();
    let last = numbered.last().map(|(id, _)| *id);
    let (created, rest) = if stages || only_matches || run.parameters.dry_run || links.asks() {
        (None, numbered)
    } else {
        super::creations::create(inner, context, &scene, numbered, class, mark, now)
    };
    tally.ledger.created += created.as_ref().map_or(0, CreatedPage::len) as u64;
    for (id, row) in rest {
        let mut entity = Entity::new(
            uid(inner),
            &context.blueprint,
            now,
            Actor(context.mapping.label.clone()),
        );
        entity.id = id;
        let mut side = Side::new(SideKey {
            entity: id,
            side: context.side(),
            slot: context.mapping.slot,
        });
        side.ext = Some(row.id().to_owned());
        let mut linked = Linked {
            entity,
            sides: vec![side],
        };
        let observation = Observation {
            mark,
            class,
            stamp: row.stamp(),
            encoded: row.encoded(),
            carried: row.carried(),
        };
        let effects = plan::observe(&mut linked, 0, &observation, &scene)?;
        if only_matches {
            super::first_link::stage(&mut linked);
            tally.ledger.filtered += 1;
            made.push(linked);
            continue;
        }
        let missing = required_but_missing(context, &linked.entity);
        if let Some(error) = effects.failures.first().map(|(_, error)| error).or(missing.as_ref()) {
            // The record as a whole is not taken in while a part of it can't be: nothing half is made.
            let error = Error::new(error.kind(), error.message());
            fail_row(inner, context, page, run.id, &row, &error).await?;
            tally.ledger.failed += 1;
            continue;
        }
        if stages {
            super::first_link::stage(&mut linked);
        } else if let Err(error) = links.take(&context.blueprint, None, &linked.entity) {
            fail_row(inner, context, page, run.id, &row, &error).await?;
            tally.ledger.failed += 1;
            continue;
        }
        let settled = settle(inner, page, run, context, &mut linked, 0, "pull", false, effects).await?;
        let _ = settled;
        tally.ledger.created += 1;
        made.push(linked);
    }
    if let (false, Some(last)) = (stages, last) {
        super::first_link::no_need_to_stage_up_to(context, last);
    }
    Ok(Fresh { made, created })
}

/// What came of records without a link.
pub(super) struct Fresh<'b> {
    pub(super) made: Vec<Linked>,
    /// Those about which there was nothing more to say.
    pub(super) created: Option<CreatedPage<'b>>,
}

fn required_but_missing(context: &SyncContext, entity: &Entity) -> Option<Error> {
    context
        .blueprint
        .fields
        .iter()
        .enumerate()
        .find(|(position, field)| field.required && field.default.is_none() && entity.value(*position).is_empty())
        .map(|(_, field)| {
            Error::new(
                ErrorKind::Invalid,
                format!("`{}` is required and the record has none", field.name),
            )
        })
}

pub(super) async fn fail_row(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: u64,
    row: &RowRef<'_>,
    error: &Error,
) -> Result<()> {
    let fields = error
        .context()
        .filter(|(key, _)| *key == "field")
        .map(|(_, field)| field.to_owned())
        .collect();
    let note = FailureNote {
        record: Some(row.id().to_owned()),
        entity: None,
        fields,
        message: error.message().to_owned(),
        detail: None,
    };
    record_failure(inner, page, run, &context.sync, "pull", note).await
}

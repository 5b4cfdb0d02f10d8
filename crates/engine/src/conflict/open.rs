//! Opening and refreshing review items, in the transaction of what caused them.

use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::Result;
use syncline_core::lens::NoLinks;
use syncline_core::mapping::SideMapping;
use syncline_core::model::{Blueprint, GroupId, PRESENCE};
use syncline_core::plan::{ReviewReason, raw_groups};
use syncline_core::state::{Base, EntityId, Linked};
use syncline_core::store::{DocumentKind, DocumentQuery};
use syncline_core::value::Value;

use super::model::{Review, ReviewSide, ReviewStatus};
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::event::EventKind;
use crate::run::{Page, SyncContext};
use crate::sync::Sync;

/// What an item belongs to.
pub(crate) struct ReviewPlace<'a> {
    /// The sync under which it is listed.
    pub(crate) sync: &'a Sync,
    pub(crate) blueprint: &'a Blueprint,
    /// The mappings of all sides that it shows.
    pub(crate) mappings: Vec<&'a SideMapping>,
    /// What there is to say beside the reason.
    pub(crate) explanation: &'a str,
}

/// Opens an item for a group, or refreshes the one that is open, and returns its number.
#[expect(
    clippy::too_many_arguments,
    reason = "an item shows exactly these, and each has another owner"
)]
pub(crate) async fn open_review(
    inner: &Inner,
    page: &mut Page,
    run: u64,
    context: &SyncContext,
    linked: &Linked,
    group: GroupId,
    reason: ReviewReason,
    explanation: &str,
) -> Result<u64> {
    let mappings = std::iter::once(&context.mapping).chain(&context.siblings).collect();
    let place = ReviewPlace {
        sync: &context.sync,
        blueprint: &context.blueprint,
        mappings,
        explanation,
    };
    open_review_at(inner, page, run, &place, linked, group, reason).await
}

/// As [`open_review`], also outside of a run.
pub(crate) async fn open_review_at(
    inner: &Inner,
    page: &mut Page,
    run: u64,
    place: &ReviewPlace<'_>,
    linked: &Linked,
    group: GroupId,
    reason: ReviewReason,
) -> Result<u64> {
    let now = inner.clock.now();
    let (sync, blueprint) = (place.sync, place.blueprint);
    let names = blueprint
        .fields_of(group)
        .into_iter()
        .map(|field| blueprint.fields[field].name.clone())
        .collect();
    let review = Review {
        id: 0,
        version: 0,
        tenant: sync.tenant,
        sync: sync.id,
        connection: sync.connection,
        object: sync.mapping.object.clone(),
        reason,
        entity: linked.entity.id,
        uid: linked.entity.uid,
        group,
        fields: if group == PRESENCE {
            vec!["(the record)".to_owned()]
        } else {
            names
        },
        app: json(&linked.entity.group_values(blueprint, group)),
        rev: linked.entity.rev,
        sides: sides(&place.mappings, linked, group),
        candidates: Vec::new(),
        explanation: place.explanation.to_owned(),
        status: ReviewStatus::Pending,
        run,
        opened_at: now,
        refreshed_at: now,
        resolved_by: None,
        resolved_at: None,
        resolution: None,
    };
    let frozen = linked.entity.frozen_by(group).filter(|&review| review != 0);
    put(page, review, frozen).await
}

/// Closes the item on a group, where there is nothing left to ask.
pub(crate) async fn close_settled(
    inner: &Inner,
    page: &mut Page,
    linked: &Linked,
    group: GroupId,
    why: &str,
) -> Result<()> {
    let query = DocumentQuery::new(DocumentKind::Review)
        .tenant(linked.entity.tenant)
        .key(format!("{}:{group}", linked.entity.id));
    for mut item in document::find::<Review>(page.tx()?, &query).await? {
        item.status = ReviewStatus::Resolved;
        item.resolution = Some(why.to_owned());
        item.resolved_at = Some(inner.clock.now());
        document::put(page.tx()?, &mut item).await?;
        page.audit.push(
            AuditEntry::new(AuditKind::ConflictResolved, linked.entity.uid, 0, None)
                .values(group, linked.entity.rev, Vec::new(), Vec::new())
                .note(why),
        );
    }
    Ok(())
}

/// Opens an item about records that may be the same.
#[expect(
    clippy::too_many_arguments,
    reason = "an item shows exactly these, and each has another owner"
)]
pub(crate) async fn open_match_review(
    inner: &Inner,
    page: &mut Page,
    run: u64,
    context: &SyncContext,
    lefts: &[EntityId],
    rights: &[EntityId],
    why: &str,
    reason: ReviewReason,
) -> Result<()> {
    let now = inner.clock.now();
    let loaded = page.tx()?.load(lefts).await?;
    for linked in loaded {
        let review = Review {
            id: 0,
            version: 0,
            tenant: context.sync.tenant,
            sync: context.sync.id,
            connection: context.sync.connection,
            object: context.mapping.object.clone(),
            reason,
            entity: linked.entity.id,
            uid: linked.entity.uid,
            group: PRESENCE,
            fields: context
                .blueprint
                .fields
                .iter()
                .map(|field| field.name.clone())
                .collect(),
            app: json(&linked.entity.values),
            rev: linked.entity.rev,
            sides: sides(&[&context.mapping], &linked, PRESENCE),
            candidates: rights.to_vec(),
            explanation: why.to_owned(),
            status: ReviewStatus::Pending,
            run,
            opened_at: now,
            refreshed_at: now,
            resolved_by: None,
            resolved_at: None,
            resolution: None,
        };
        put(page, review, None).await?;
    }
    Ok(())
}

/// Stores an item, as the newest state of the one that is open. `frozen` is the item that froze the group: several
/// syncs share it, since at most one is open per record and group.
async fn put(page: &mut Page, review: Review, frozen: Option<u64>) -> Result<u64> {
    let by_frozen = match frozen {
        Some(id) => page
            .tx()?
            .document(DocumentKind::Review, id)
            .await?
            .map(document::read::<Review>)
            .transpose()?,
        None => None,
    };
    let by_frozen = by_frozen.filter(|open| open.status != ReviewStatus::Resolved);
    let was_frozen = by_frozen.is_some();
    let open = match by_frozen {
        Some(open) => Some(open),
        None => {
            let key = format!("{}:{}", review.entity, review.group);
            document::by_key::<Review>(page.tx()?, review.tenant, review.sync, &key).await?
        }
    };
    let mut review = review;
    if let Some(open) = open.as_ref().filter(|_| was_frozen && review.explanation.is_empty()) {
        // What refreshes it knows only that it is still asked.
        review.explanation.clone_from(&open.explanation);
    }
    let (mut item, is_news) = match open {
        // Who looked at it has seen all there is: a new version would only make their decision stale. An ignored one
        // stays ignored until something changes.
        Some(open) if shows_the_same(&open, &review) => return Ok(open.id),
        Some(open) => {
            let Versioned { value: known, version } = open;
            let is_news = known.status == ReviewStatus::Ignored;
            let reason = if was_frozen { known.reason } else { review.reason };
            let Review {
                id,
                sync,
                connection,
                object,
                run,
                opened_at,
                ..
            } = known;
            let value = Review {
                id,
                sync,
                connection,
                object,
                run,
                opened_at,
                reason,
                ..review
            };
            (Versioned { value, version }, is_news)
        }
        None => (
            Versioned {
                value: review,
                version: 0,
            },
            true,
        ),
    };
    document::put(page.tx()?, &mut item).await?;
    if is_news {
        let sync = document::get::<Sync>(page.tx()?, item.sync).await?;
        page.events.push(EventKind::ConflictOpened {
            conflict: item.id,
            sync: sync.value.name,
        });
    }
    Ok(item.id)
}

/// Whether an item would show a person nothing new.
fn shows_the_same(open: &Review, fresh: &Review) -> bool {
    // A stamp alone is no news: it moves with every field of the record.
    let same_side = |(a, b): (&ReviewSide, &ReviewSide)| {
        (a.side, &a.record, &a.values, &a.base) == (b.side, &b.record, &b.values, &b.base)
    };
    open.app == fresh.app
        && open.candidates == fresh.candidates
        && open.explanation == fresh.explanation
        && open.sides.len() == fresh.sides.len()
        && open.sides.iter().zip(&fresh.sides).all(same_side)
}

fn sides(mappings: &[&SideMapping], linked: &Linked, group: GroupId) -> Vec<ReviewSide> {
    linked
        .sides
        .iter()
        .filter_map(|side| {
            let mapping = mappings.iter().find(|mapping| mapping.side == side.key.side)?;
            let place = mapping.groups.iter().position(|candidate| candidate.group == group);
            let raw = raw_groups(side, &mapping.groups).ok()?;
            let canonical = |raw: &[Value]| {
                place
                    .and_then(|place| mapping.groups[place].get(raw, &[], &NoLinks).ok())
                    .unwrap_or_default()
            };
            let now = place.map(|place| raw[place].clone()).unwrap_or_default();
            let base = match side.groups.get(&group).map(|state| &state.base) {
                Some(Base::Never) => Vec::new(),
                Some(Base::Held(values)) => canonical(values),
                _ => canonical(&now),
            };
            let values = if group == PRESENCE {
                vec![Value::Bool(side.presence.is_live())]
            } else {
                canonical(&now)
            };
            Some(ReviewSide {
                side: side.key.side,
                label: mapping.label.clone(),
                record: side.ext.clone(),
                values: json(&values),
                base: json(&base),
                changed_at: side.stamp,
            })
        })
        .collect()
}

fn json(values: &[Value]) -> Vec<serde_json::Value> {
    values.iter().map(Value::to_json).collect()
}

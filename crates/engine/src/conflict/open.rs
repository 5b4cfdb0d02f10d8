//! Opening and refreshing review items, in the transaction of what caused them.

use syncline_core::error::Result;
use syncline_core::lens::NoLinks;
use syncline_core::model::{GroupId, PRESENCE};
use syncline_core::plan::{ReviewReason, raw_groups};
use syncline_core::state::{Base, EntityId, Linked};
use syncline_core::value::Value;

use super::model::{Review, ReviewSide, ReviewStatus};
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::event::EventKind;
use crate::run::{Page, SyncContext};

/// Opens an item for a group, or refreshes the one that is open, and returns its number.
pub(crate) async fn open_review(
    inner: &Inner,
    page: &mut Page,
    run: u64,
    context: &SyncContext,
    linked: &Linked,
    group: GroupId,
    reason: ReviewReason,
) -> Result<u64> {
    let now = inner.clock.now();
    let (sync, blueprint) = (&context.sync, &context.blueprint);
    let mappings: Vec<_> = std::iter::once(&context.mapping).chain(&context.siblings).collect();
    let names = blueprint.fields_of(group).into_iter().map(|field| blueprint.fields[field].name.clone()).collect();
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
        fields: if group == PRESENCE { vec!["(the record)".to_owned()] } else { names },
        app: json(&linked.entity.group_values(blueprint, group)),
        rev: linked.entity.rev,
        sides: sides(&mappings, linked, group),
        candidates: Vec::new(),
        explanation: String::new(),
        status: ReviewStatus::Pending,
        run,
        opened_at: now,
        refreshed_at: now,
        resolved_by: None,
        resolved_at: None,
        resolution: None,
    };
    put(page, review).await
}

/// Opens an item about records that may be the same.
#[expect(clippy::too_many_arguments, reason = "an item shows exactly these, and each has another owner")]
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
            fields: context.blueprint.fields.iter().map(|field| field.name.clone()).collect(),
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
        put(page, review).await?;
    }
    Ok(())
}

async fn put(page: &mut Page, review: Review) -> Result<u64> {
    let key = format!("{}:{}", review.entity, review.group);
    let open = document::by_key::<Review>(page.tx()?, review.tenant, review.sync, &key).await?;
    let sync = review.object.clone();
    let mut item = match open {
        Some(open) => {
            let (id, version) = (open.value.id, open.version);
            let opened_at = open.value.opened_at;
            Versioned { value: Review { id, opened_at, run: open.value.run, ..review }, version }
        }
        None => Versioned { value: review, version: 0 },
    };
    let is_new = item.version == 0;
    document::put(page.tx()?, &mut item).await?;
    if is_new {
        page.events.push(EventKind::ConflictOpened { conflict: item.id, sync });
    }
    Ok(item.id)
}

fn sides(mappings: &[&syncline_core::mapping::SideMapping], linked: &Linked, group: GroupId) -> Vec<ReviewSide> {
    linked
        .sides
        .iter()
        .filter_map(|side| {
            let mapping = mappings.iter().find(|mapping| mapping.side == side.key.side)?;
            let place = mapping.groups.iter().position(|candidate| candidate.group == group);
            let raw = raw_groups(side, &mapping.groups).ok()?;
            let canonical = |raw: &[Value]| {
                place.and_then(|place| mapping.groups[place].get(raw, &[], &NoLinks).ok()).unwrap_or_default()
            };
            let now = place.map(|place| raw[place].clone()).unwrap_or_default();
            let base = match side.groups.get(&group).map(|state| &state.base) {
                Some(Base::Never) => Vec::new(),
                Some(Base::Held(values)) => canonical(values),
                _ => canonical(&now),
            };
            let values = if group == PRESENCE { vec![Value::Bool(side.presence.is_live())] } else { canonical(&now) };
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

//! Conflicts that nobody attends to: decided after a while where the mapping says so, and too many of them pause the sync.

use jiff::{SignedDuration, Timestamp};
use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::{ErrorKind, Result};
use syncline_core::mapping::OverdueWinner;
use syncline_core::model::PRESENCE;
use syncline_core::plan::ReviewReason;
use syncline_core::store::{DocumentKind, DocumentQuery, Mode, Transaction};
use uuid::Uuid;

use super::model::{Review, ReviewStatus};
use super::resolution::{FieldChoice, Resolution};
use super::service::{open_item, resolve_in};
use crate::actor::Actor;
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::event::EventKind;
use crate::run::{Page, append_audit};
use crate::sync::{Sync, SyncStatus};

/// Decides the conflicts on fields of a sync that have waited for longer than its mapping lets them. Each is audited like
/// a person's decision, with the rule as its reason. Questions about records as a whole stay open.
pub(crate) async fn decide_overdue(inner: &Inner, sync: &Sync) -> Result<u64> {
    let Some(overdue) = sync.mapping.overdue_conflicts else {
        return Ok(0);
    };
    let now = inner.clock.now();
    let limit = now.saturating_sub(SignedDuration::from_hours(i64::from(overdue.hours)));
    let found = waiting(inner, sync, Some(limit.unwrap_or(Timestamp::MIN))).await?;
    let choice = match overdue.winner {
        OverdueWinner::AppWins => FieldChoice::App,
        OverdueWinner::CrmWins => FieldChoice::Crm,
    };
    let actor = Actor {
        name: format!("nobody decided, so {overdue}"),
        ..Actor::system()
    };
    let mut decided = 0;
    for (id, version) in found {
        let Some((page, item)) = opened(inner, sync, id, version).await? else {
            continue;
        };
        let resolution = Resolution::every(&item, &choice);
        decided += u64::from(settle(inner, page, &item, &resolution, &actor).await?);
    }
    Ok(decided)
}

/// The conflicts on fields of a sync that wait for somebody, with the versions in which they were seen, the oldest first;
/// only those that were opened until a time, if one is given.
pub(super) async fn waiting(inner: &Inner, sync: &Sync, until: Option<Timestamp>) -> Result<Vec<(u64, u64)>> {
    let mut query = pending(sync);
    query.until = until;
    let mut found = Vec::new();
    let mut tx = inner.store.begin_for(sync.tenant, Mode::Read).await?;
    loop {
        let page = document::find::<Review>(tx.as_mut(), &query).await?;
        query.before = page.last().map(|item| item.id);
        let is_last = query.before.is_none();
        let asked = |item: &Versioned<Review>| item.reason == ReviewReason::Conflict && item.group != PRESENCE;
        found.extend(page.into_iter().filter(asked).map(|item| (item.id, item.version)));
        if is_last {
            break;
        }
    }
    found.reverse();
    Ok(found)
}

/// A conflict as it was seen, or nothing if somebody was faster.
pub(super) async fn opened(
    inner: &Inner,
    sync: &Sync,
    id: u64,
    version: u64,
) -> Result<Option<(Page, Versioned<Review>)>> {
    let mut page = Page::begin(inner, sync.tenant).await?;
    match open_item(page.tx()?, sync.tenant, id, version).await {
        Ok(item) => Ok(Some((page, item))),
        Err(error) if matches!(error.kind(), ErrorKind::Stale | ErrorKind::Refused) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Decides a conflict. A value that can't be taken stays a person's to decide.
pub(super) async fn settle(
    inner: &Inner,
    page: Page,
    item: &Versioned<Review>,
    resolution: &Resolution,
    actor: &Actor,
) -> Result<bool> {
    match resolve_in(inner, page, item.tenant, item.id, item.version, resolution, actor).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::Store => Err(error),
        Err(error) => {
            tracing::warn!(conflict = item.id, by = %actor.name, %error, "a conflict could not be decided");
            Ok(false)
        }
    }
}

/// Pauses a sync with more open questions than it may have: something is wrong with its mapping or its policy, and every
/// further run would ask more. Tells the host.
pub(crate) async fn pause_where_flooded(
    inner: &Inner,
    tx: &mut dyn Transaction,
    sync: &mut Versioned<Sync>,
) -> Result<()> {
    let most = sync
        .mapping
        .pause_above_conflicts
        .unwrap_or(inner.settings.open_conflicts);
    if sync.status != SyncStatus::Active || most == 0 {
        return Ok(());
    }
    let open = tx.count_documents(&pending(sync)).await?;
    if open <= most {
        return Ok(());
    }
    let reason = format!("{open} conflicts wait for a person, and it may have {most}; settle them first");
    sync.status = SyncStatus::Paused;
    sync.paused_because = Some(reason.clone());
    let entry = AuditEntry::new(AuditKind::Configured, Uuid::nil(), sync.side, None)
        .note(format!("system: sync `{}` is paused: {reason}", sync.name));
    append_audit(inner, tx, sync.tenant, 0, &[entry].into_iter().collect()).await?;
    let event = EventKind::ConnectionNeedsAttention {
        connection: sync.connection,
        message: format!("sync `{}` is paused: {reason}", sync.name),
    };
    inner.events.store(tx, inner, sync.tenant, event).await
}

fn pending(sync: &Sync) -> DocumentQuery {
    DocumentQuery::new(DocumentKind::Review)
        .tenant(sync.tenant)
        .scope(sync.id)
        .status(ReviewStatus::Pending.name())
}

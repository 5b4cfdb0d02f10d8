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
    let mut query = pending(sync);
    query.until = Some(limit.unwrap_or(Timestamp::MIN));
    let mut found = Vec::new();
    {
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
    }
    let choice = match overdue.winner {
        OverdueWinner::AppWins => FieldChoice::App,
        OverdueWinner::CrmWins => FieldChoice::Crm,
    };
    let actor = Actor {
        name: format!("nobody decided, so {overdue}"),
        ..Actor::system()
    };
    let mut decided = 0;
    for (id, version) in found.into_iter().rev() {
        let mut page = Page::begin(inner, sync.tenant).await?;
        let item = match open_item(page.tx()?, sync.tenant, id, version).await {
            Ok(item) => item,
            // Somebody was faster.
            Err(error) if matches!(error.kind(), ErrorKind::Stale | ErrorKind::Refused) => continue,
            Err(error) => return Err(error),
        };
        let resolution = Resolution::every(&item, &choice);
        match resolve_in(inner, page, sync.tenant, id, version, &resolution, &actor).await {
            Ok(_) => decided += 1,
            Err(error) if error.kind() == ErrorKind::Store => return Err(error),
            // A value that can't be taken stays a person's to decide.
            Err(error) => tracing::warn!(conflict = id, %error, "an overdue conflict could not be decided"),
        }
    }
    Ok(decided)
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

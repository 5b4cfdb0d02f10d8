//! Which records have files that changed: told by the other CRM, and kept until each was looked at.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use syncline_core::error::{ErrorKind, Result};
use syncline_core::state::{EntityId, Linked, Presence, SideId};
use syncline_core::store::{DocumentKind, DocumentQuery};

use super::{Pair, Source};
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::file::FileHint;
use crate::ports::after;
use crate::run::context::SyncContext;
use crate::run::cursor;
use crate::run::model::Run;
use crate::run::reporter::Reporter;
use crate::run::session::Session;

/// Hints looked at in one transaction.
const HINTS: usize = 500;

/// Notes the records of the other side whose files changed, with how far that was looked at.
pub(super) async fn find(
    inner: &Inner,
    context: &SyncContext,
    source: &Source,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    reporter: &Reporter,
) -> Result<()> {
    let name = format!("files:{}", source.sync.side);
    let object = &source.sync.mapping.object;
    let fingerprint = cursor::of_files(&source.account, object);
    let mut page = session.begin().await?;
    let known = cursor::known(context, &mut page, &name, &fingerprint).await?;
    session.commit(page, run).await?;
    let mut at: Option<Bytes> = known.filter(|_| !run.parameters.full);
    loop {
        reporter.check_stop()?;
        let (io, config) = (source.io.as_ref(), &source.config);
        let found = match source.connector.file_changes(io, config, object, at.as_ref()).await {
            Err(error) if error.kind() == ErrorKind::CursorExpired && at.is_some() => {
                at = None;
                continue;
            }
            found => found?,
        };
        let mut page = session.begin().await?;
        for ext in found.records {
            let hint = FileHint {
                id: 0,
                tenant: context.sync.tenant,
                sync: context.sync.id,
                side: source.sync.side,
                ext,
                attempts: 0,
                due: inner.clock.now(),
            };
            FileHint::note(page.tx()?, hint).await?;
        }
        cursor::keep(inner, context, &mut page, &name, &fingerprint, &found.cursor).await?;
        session.commit(page, run).await?;
        if !found.more {
            return Ok(());
        }
        at = Some(found.cursor);
    }
}

/// The hints of a page whose records are live on both sides, and where the next page begins. The others stay: their
/// records may be linked one day.
pub(super) async fn linked_pairs(
    inner: &Inner,
    context: &SyncContext,
    source: &Source,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    before: Option<u64>,
) -> Result<(Vec<Pair>, Option<u64>)> {
    let mut query = DocumentQuery::new(DocumentKind::FileHint)
        .tenant(context.sync.tenant)
        .scope(context.sync.id)
        .limit(HINTS);
    query.before = before;
    query.until = Some(after(inner.clock.now(), Duration::from_millis(1)));
    let mut page = session.begin().await?;
    let hints = document::find::<FileHint>(page.tx()?, &query).await?;
    let last = hints.last().map(|hint| hint.id).filter(|_| hints.len() == HINTS);
    let hints: Vec<_> = hints.into_iter().filter(|hint| hint.side == source.sync.side).collect();
    let exts: Vec<&str> = hints.iter().map(|hint| hint.ext.as_str()).collect();
    let heads = page.tx()?.heads(source.sync.side, &exts).await?;
    let entities: Vec<Option<EntityId>> = heads.iter().map(|head| Some(head.as_ref()?.key.entity)).collect();
    let ids: Vec<EntityId> = entities.iter().flatten().copied().collect();
    let loaded = page.tx()?.load(&ids).await?;
    session.commit(page, run).await?;
    let known: BTreeMap<EntityId, Linked> = loaded.into_iter().map(|linked| (linked.entity.id, linked)).collect();
    let pairs = hints.into_iter().zip(entities).filter_map(|(hint, entity)| {
        let linked = known.get(&entity?)?.clone();
        if linked.entity.deleted {
            return None;
        }
        let from = live(&linked, source.sync.side)?;
        let to = live(&linked, context.side())?;
        Some(Pair { hint, linked, from, to })
    });
    Ok((pairs.collect(), last))
}

fn live(linked: &Linked, side: SideId) -> Option<String> {
    let side = &linked.sides[linked.side_index(side)?];
    side.ext.clone().filter(|_| side.presence == Presence::Live)
}

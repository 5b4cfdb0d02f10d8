//! Which syncs a run is over, and why some may not run.

use std::collections::BTreeMap;

use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::store::{DocumentKind, DocumentQuery, Mode};

use super::manager::RunRequest;
use super::model::{Run, RunScope};
use crate::connection::Connection;
use crate::document;
use crate::engine::Inner;
use crate::sync::{Sync, SyncStatus};

/// The runnable syncs of a scope by connection; says why if there is none.
pub(super) async fn chosen(inner: &Inner, request: &RunRequest) -> Result<BTreeMap<u64, Vec<Sync>>> {
    let mut tx = inner.store.begin(Mode::Read).await?;
    let query = DocumentQuery::new(DocumentKind::Sync).tenant(request.tenant);
    let syncs: Vec<Sync> = document::find::<Sync>(tx.as_mut(), &query)
        .await?
        .into_iter()
        .map(|sync| sync.value)
        .collect();
    let query = DocumentQuery::new(DocumentKind::Connection).tenant(request.tenant);
    let connections: BTreeMap<u64, Connection> = document::find::<Connection>(tx.as_mut(), &query)
        .await?
        .into_iter()
        .map(|connection| (connection.id, connection.value))
        .collect();
    let mut refusal = None;
    let mut chosen: BTreeMap<u64, Vec<Sync>> = BTreeMap::new();
    for sync in syncs {
        let Some(connection) = connections.get(&sync.connection) else {
            continue;
        };
        let within = match &request.scope {
            RunScope::Sync(id) => sync.id == *id,
            RunScope::Connection(id) => connection.id == *id,
            RunScope::Provider(provider) => connection.provider == *provider,
            RunScope::Tenant => true,
        };
        let objects = &request.parameters.objects;
        if !within || !(objects.is_empty() || objects.contains(&sync.mapping.object)) {
            continue;
        }
        match why_not(&sync, connection) {
            Some(reason) => refusal = Some(reason),
            None => chosen.entry(connection.id).or_default().push(sync),
        }
    }
    match (chosen.is_empty(), refusal) {
        (false, _) => Ok(chosen),
        (true, Some(reason)) => Err(Error::new(ErrorKind::Refused, reason)),
        (true, None) => Err(Error::new(
            ErrorKind::NotFound,
            "there is no sync here; make one with `map auto`, or name another",
        )),
    }
}

/// Why a sync may not run, in words for people.
pub(crate) fn why_not(sync: &Sync, connection: &Connection) -> Option<String> {
    match sync.status {
        SyncStatus::Deleted => {
            return Some(format!(
                "sync `{}` is deleted; save it again to reactivate it",
                sync.name
            ));
        }
        SyncStatus::Paused => {
            let because = sync.paused_because.as_deref().unwrap_or("no reason was given");
            return Some(format!("sync `{}` is paused ({because}); resume it first", sync.name));
        }
        SyncStatus::Active => {}
    }
    connection.check_usable().err().map(|error| error.message().to_owned())
}

/// The syncs that a run is over, those that others refer to first.
pub(crate) async fn syncs_of(inner: &Inner, run: &Run) -> Result<Vec<Sync>> {
    let mut tx = inner.store.begin(Mode::Read).await?;
    let query = DocumentQuery::new(DocumentKind::Sync)
        .tenant(run.tenant)
        .scope(run.connection);
    let mut syncs: Vec<Sync> = document::find::<Sync>(tx.as_mut(), &query)
        .await?
        .into_iter()
        .map(|sync| sync.value)
        .filter(|sync| match run.scope {
            RunScope::Sync(id) => sync.id == id,
            _ => true,
        })
        .filter(|sync| run.parameters.objects.is_empty() || run.parameters.objects.contains(&sync.mapping.object))
        .filter(|sync| sync.status == SyncStatus::Active)
        .collect();
    syncs.sort_by_key(|sync| sync.id);
    Ok(syncs)
}

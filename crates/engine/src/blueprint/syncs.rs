//! What another version of a blueprint means for the syncs of it.

use std::collections::BTreeMap;

use syncline_core::error::Result;
use syncline_core::mapping::{Mapping, MatchKey};
use syncline_core::model::{Blueprint, Finding, Severity};
use syncline_core::store::Transaction;

use crate::connection::Connection;
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::run::{compile_sync, schema_of};
use crate::sync::{Sync, SyncStatus, siblings};

/// A sync as it would be, and what there is to say about it.
pub(super) struct AdaptedSync {
    pub(super) sync: Versioned<Sync>,
    pub(super) findings: Vec<Finding>,
}

/// What becomes of the syncs of a blueprint: their mappings take new names over by themselves; what they read or write
/// must still be there and have a type that they can carry.
pub(super) async fn adapted(
    inner: &Inner,
    tx: &mut dyn Transaction,
    before: &Blueprint,
    after: &Blueprint,
) -> Result<Vec<AdaptedSync>> {
    let names = names(before, after);
    let mut all = Vec::new();
    for sync in siblings(tx, before.tenant, before.id).await? {
        let mut sync = document::get::<Sync>(tx, sync.id).await?;
        let mut findings = Vec::new();
        let is_deleted = sync.status == SyncStatus::Deleted;
        let old = sync.value.mapping.clone();
        let gone = rename(&mut sync.value.mapping, &names);
        if sync.value.mapping != old && !is_deleted {
            findings.push(Finding::notice(
                format!("sync `{}`", sync.name),
                "its mapping takes the new names over; write them into your own files, too",
            ));
        }
        for earlier in &mut sync.value.earlier {
            rename(earlier, &names);
        }
        for name in gone.into_iter().filter(|_| !is_deleted) {
            findings.push(Finding::error(
                format!("sync `{}`", sync.name),
                format!(
                    "it uses `{name}`, which this version gives up; take it out of the mapping first, and map what \
                     takes its place afterwards"
                ),
            ));
        }
        let is_wrong = findings.iter().any(|finding| finding.severity == Severity::Error);
        if !is_wrong && !is_deleted {
            let connection = document::get::<Connection>(tx, sync.connection).await?;
            if let Ok(schema) = schema_of(tx, sync.connection, &sync.mapping.object).await {
                let ran = compile_sync(
                    inner,
                    &document::get::<Sync>(tx, sync.id).await?.value,
                    &connection.provider,
                    before,
                    &schema,
                );
                let runs = compile_sync(inner, &sync, &connection.provider, after, &schema);
                if let (Ok(_), Err(error)) = (ran, runs) {
                    findings.push(Finding::error(
                        format!("sync `{}`", sync.name),
                        format!("{}; change the mapping first", error.message()),
                    ));
                }
            }
        }
        all.push(AdaptedSync { sync, findings });
    }
    Ok(all)
}

/// What each field is called in the other version; `None` for those that it has no more.
fn names(before: &Blueprint, after: &Blueprint) -> BTreeMap<String, Option<String>> {
    let named = |place: usize| {
        after
            .fields
            .get(place)
            .filter(|field| !field.retired)
            .map(|field| field.name.clone())
    };
    before
        .live_fields()
        .map(|(place, field)| (field.name.clone(), named(place)))
        .collect()
}

/// Puts new names in place of old ones and returns the names of fields that are gone.
fn rename(mapping: &mut Mapping, names: &BTreeMap<String, Option<String>>) -> Vec<String> {
    let mut gone = Vec::new();
    let mut take = |name: &mut String| match names.get(name) {
        Some(Some(new)) => name.clone_from(new),
        Some(None) => gone.push(name.clone()),
        None => {}
    };
    mapping
        .rules
        .iter_mut()
        .flat_map(|rule| &mut rule.fields)
        .for_each(&mut take);
    for key in &mut mapping.match_keys {
        match key {
            MatchKey::Exact { parts } => parts.iter_mut().for_each(|part| take(&mut part.field)),
            MatchKey::Fuzzy { parts, .. } => {
                for part in parts {
                    take(&mut part.field);
                    part.swapped_with.iter_mut().for_each(&mut take);
                }
            }
        }
    }
    gone.sort_unstable();
    gone.dedup();
    gone
}

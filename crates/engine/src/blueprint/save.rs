//! Making a version current.

use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::Result;
use syncline_core::migration::{BlueprintVersion, History};
use syncline_core::model::{Blueprint, Finding, Severity};
use syncline_core::store::Transaction;
use uuid::Uuid;

use super::history::record;
use super::syncs::adapted;
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::entity::forget_moved;
use crate::flow::flows_of;
use crate::run::append_audit;

/// What to do with a version.
pub(super) enum Switch {
    /// It is new.
    New(Box<BlueprintVersion>),
    /// It is gone back to.
    Back(u32),
}

/// Makes a version the current one, with the syncs that adapt to it. Returns what was found; nothing is written where
/// one of it is an error.
pub(super) async fn switch(
    inner: &Inner,
    tx: &mut dyn Transaction,
    mut known: Versioned<Blueprint>,
    mut history: History,
    switch: Switch,
    actor: &str,
    is_dry: bool,
) -> Result<(Blueprint, Vec<Finding>)> {
    known.check_not_trashed()?;
    let before = known.value.clone();
    let number = match &switch {
        Switch::New(version) => {
            history.push(version.as_ref().clone());
            version.blueprint.version
        }
        Switch::Back(number) => *number,
    };
    // With a place for every field of any version.
    let mut after = history.blueprint(number).unwrap_or_else(|| before.clone());
    (after.id, after.tenant) = (before.id, before.tenant);
    (after.name, after.label) = (before.name.clone(), before.label.clone());
    let syncs = adapted(inner, tx, &before, &after).await?;
    let mut findings: Vec<Finding> = syncs.iter().flat_map(|sync| sync.findings.clone()).collect();
    for stored in flows_of(tx, before.tenant, before.id).await? {
        let flow = &stored.current.flow;
        let known = flow.check(&before);
        let new = flow
            .check(&after)
            .into_iter()
            .filter(|finding| !known.contains(finding));
        findings.extend(
            new.filter(|finding| finding.severity == Severity::Error)
                .map(|finding| {
                    let message = format!(
                        "it takes no part until it is saved anew; {}: {}",
                        finding.place, finding.message
                    );
                    Finding::notice(format!("flow `{}`", flow.name), message)
                }),
        );
    }
    if is_dry || findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Ok((after, findings));
    }
    for mut sync in syncs {
        if document::get::<crate::sync::Sync>(tx, sync.sync.id).await?.value != sync.sync.value {
            document::put(tx, &mut sync.sync).await?;
        }
    }
    known.value = after.clone();
    document::put(tx, &mut known).await?;
    let note = match switch {
        Switch::New(version) => {
            let parent = version.parent;
            record(tx, Some(&before), *version, (inner.clock.now(), actor)).await?;
            format!(
                "{actor} made version {number} of blueprint `{}` from version {parent}",
                after.name
            )
        }
        Switch::Back(_) => {
            format!(
                "{actor} went from version {} of blueprint `{}` back to {number}",
                before.version, after.name
            )
        }
    };
    forget_moved(tx, &before, &after).await?;
    let entry = AuditEntry::new(AuditKind::Configured, Uuid::nil(), 0, None).note(note);
    append_audit(inner, tx, after.tenant, 0, &[entry].into_iter().collect()).await?;
    Ok((after, findings))
}

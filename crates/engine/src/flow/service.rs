//! Saving, listing and removing flows.

use serde::{Deserialize, Serialize};
use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::flow::{Breach, Flow};
use syncline_core::mapping::Strategy;
use syncline_core::model::{Blueprint, Finding, Severity, TenantId};
use syncline_core::store::{DocumentKind, DocumentQuery, Mode, Transaction};
use uuid::Uuid;

use super::stored::{FlowVersion, StoredFlow};
use crate::actor::{Action, Actor};
use crate::document::{self, Versioned};
use crate::engine::Engine;
use crate::entity::blueprint_by_name;
use crate::run::append_audit;
use crate::sync::{Sync, SyncStatus};

/// The flows of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Flows<'a>(pub(crate) &'a Engine);

impl Engine {
    /// The flows.
    pub const fn flows(&self) -> Flows<'_> {
        Flows(self)
    }
}

/// A saved flow, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedFlow {
    /// The flow, with its version.
    pub flow: Flow,
    /// What is worth knowing about it.
    pub findings: Vec<Finding>,
}

impl Flows<'_> {
    /// Everything to say about a flow before it is saved.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint.
    pub async fn check(&self, tenant: TenantId, flow: &Flow, actor: &Actor) -> Result<Vec<Finding>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadFlows)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let blueprint = blueprint_by_name(tx.as_mut(), tenant, &flow.blueprint).await?;
        findings(tx.as_mut(), flow, &blueprint).await
    }

    /// Saves a flow: a new one, or a new version of the one of this name. Entities stay where they are; from now on this
    /// version says what may be taken. Saving what is saved already changes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint; [`ErrorKind::Invalid`] with
    /// everything that is wrong with it.
    pub async fn save(&self, tenant: TenantId, flow: &Flow, actor: &Actor) -> Result<SavedFlow> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ManageFlows)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
        let blueprint = blueprint_by_name(tx.as_mut(), tenant, &flow.blueprint).await?;
        let findings = findings(tx.as_mut(), flow, &blueprint).await?;
        let wrong: Vec<String> = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| format!("{}: {}", finding.place, finding.message))
            .collect();
        if !wrong.is_empty() {
            let message = format!("the flow `{}` can't be saved: {}", flow.name, wrong.join("; "));
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let known = by_name(tx.as_mut(), tenant, &flow.name).await?;
        let mut fresh = FlowVersion {
            flow: flow.clone(),
            saved_at: inner.clock.now(),
            saved_by: actor.name.clone(),
        };
        let mut stored = match known {
            Some(mut known) => {
                fresh.flow.version = known.current.flow.version;
                if known.current.flow == fresh.flow && !known.removed {
                    return Ok(SavedFlow {
                        flow: fresh.flow,
                        findings,
                    });
                }
                fresh.flow.version += 1;
                let before = std::mem::replace(&mut known.value.current, fresh);
                known.value.earlier.push(before);
                known.value.removed = false;
                known.value.blueprint = blueprint.id;
                known
            }
            None => {
                fresh.flow.version = 1;
                Versioned {
                    value: StoredFlow {
                        id: 0,
                        tenant,
                        blueprint: blueprint.id,
                        current: fresh,
                        earlier: Vec::new(),
                        removed: false,
                    },
                    version: 0,
                }
            }
        };
        document::put(tx.as_mut(), &mut stored).await?;
        let saved = stored.value.current.flow;
        let note = format!(
            "{} saved version {} of flow `{}`",
            actor.name, saved.version, saved.name
        );
        let entry = AuditEntry::new(AuditKind::Configured, Uuid::nil(), 0, None).note(note);
        append_audit(inner, tx.as_mut(), tenant, 0, &[entry].into_iter().collect()).await?;
        tx.commit().await?;
        Ok(SavedFlow { flow: saved, findings })
    }

    /// The flows of a tenant, by name.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy.
    pub async fn list(&self, tenant: TenantId, actor: &Actor) -> Result<Vec<Flow>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadFlows)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let query = DocumentQuery::new(DocumentKind::Flow).tenant(tenant).status("active");
        let found = document::find::<StoredFlow>(tx.as_mut(), &query).await?;
        let mut flows: Vec<Flow> = found.into_iter().map(|found| found.value.current.flow).collect();
        flows.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(flows)
    }

    /// A flow by its name.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`].
    pub async fn get(&self, tenant: TenantId, name: &str, actor: &Actor) -> Result<Flow> {
        let mut versions = self.versions(tenant, name, actor).await?;
        let newest = versions.pop().map(|version| version.flow);
        newest.ok_or_else(|| Error::new(ErrorKind::Internal, "a flow has no version"))
    }

    /// All versions of a flow, oldest first.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`].
    pub async fn versions(&self, tenant: TenantId, name: &str, actor: &Actor) -> Result<Vec<FlowVersion>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadFlows)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let stored = existing(tx.as_mut(), tenant, name).await?.value;
        let mut versions = stored.earlier;
        versions.push(stored.current);
        Ok(versions)
    }

    /// Removes a flow. Entities keep their states and the history of them, and change them freely; saved again, the flow
    /// goes on with its next version.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`].
    pub async fn remove(&self, tenant: TenantId, name: &str, actor: &Actor) -> Result<()> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ManageFlows)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
        let mut stored = existing(tx.as_mut(), tenant, name).await?;
        stored.value.removed = true;
        document::put(tx.as_mut(), &mut stored).await?;
        let entry = AuditEntry::new(AuditKind::Configured, Uuid::nil(), 0, None)
            .note(format!("{} removed flow `{name}`", actor.name));
        append_audit(inner, tx.as_mut(), tenant, 0, &[entry].into_iter().collect()).await?;
        tx.commit().await
    }
}

async fn by_name(tx: &mut dyn Transaction, tenant: TenantId, name: &str) -> Result<Option<Versioned<StoredFlow>>> {
    let query = DocumentQuery::new(DocumentKind::Flow).tenant(tenant).key(name);
    let found = document::find::<StoredFlow>(tx, &query).await?;
    Ok(found.into_iter().next())
}

/// A flow that was not removed.
async fn existing(tx: &mut dyn Transaction, tenant: TenantId, name: &str) -> Result<Versioned<StoredFlow>> {
    if let Some(found) = by_name(tx, tenant, name).await?
        && !found.removed
    {
        return Ok(found);
    }
    let query = DocumentQuery::new(DocumentKind::Flow).tenant(tenant).status("active");
    let mut names: Vec<String> = document::find::<StoredFlow>(tx, &query)
        .await?
        .into_iter()
        .map(|found| found.value.current.flow.name)
        .collect();
    names.sort();
    let known = if names.is_empty() {
        "there is none yet".to_owned()
    } else {
        format!("there are: {}", names.join(", "))
    };
    Err(Error::new(
        ErrorKind::NotFound,
        format!("there is no flow `{name}`; {known}"),
    ))
}

async fn findings(tx: &mut dyn Transaction, flow: &Flow, blueprint: &Blueprint) -> Result<Vec<Finding>> {
    let mut findings = flow.check(blueprint);
    let query = DocumentQuery::new(DocumentKind::Flow)
        .tenant(blueprint.tenant)
        .scope(u64::from(blueprint.id))
        .status("active");
    for other in document::find::<StoredFlow>(tx, &query).await? {
        let other = &other.current.flow;
        if other.name != flow.name && other.field == flow.field {
            findings.push(Finding::error(
                "field",
                format!(
                    "flow `{}` moves `{}` already; a field has one flow",
                    other.name, flow.field
                ),
            ));
        }
    }
    let syncs = document::find::<Sync>(tx, &DocumentQuery::new(DocumentKind::Sync).tenant(blueprint.tenant)).await?;
    for sync in syncs
        .iter()
        .filter(|sync| sync.blueprint == blueprint.id && sync.status != SyncStatus::Deleted)
    {
        by_sync(flow, sync, &mut findings);
    }
    Ok(findings)
}

/// What a sync keeps a flow from doing.
fn by_sync(flow: &Flow, sync: &Sync, findings: &mut Vec<Finding>) {
    let written = |field: &String| {
        let updates = flow.transitions.iter().flat_map(|transition| &transition.updates);
        let inputs = flow
            .transitions
            .iter()
            .flat_map(|known| known.inputs.iter().chain(&known.optional));
        *field == flow.field
            || updates
                .map(|update| &update.field)
                .chain(inputs)
                .any(|known| known == field)
    };
    for rule in &sync.mapping.rules {
        for field in rule.fields.iter().filter(|field| written(field)) {
            let place = format!("sync {}", sync.name);
            if rule.strategy.unwrap_or(sync.mapping.strategy) == Strategy::CrmAuthoritative {
                findings.push(Finding::notice(
                    &place,
                    format!("the CRM is authoritative for `{field}`: a transition that changes it is refused"),
                ));
            }
            let pushes = rule.direction.pushes() && sync.mapping.direction.pushes();
            if *field == flow.field && !pushes && flow.inbound == Breach::Refuse {
                findings.push(Finding::notice(
                    &place,
                    format!("`{field}` is never written there: a change that is refused stays in the CRM"),
                ));
            }
        }
    }
}

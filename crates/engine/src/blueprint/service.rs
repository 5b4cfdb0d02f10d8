//! Versions of blueprints, for hosts.

use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::migration::{
    BlueprintVersion, Difference, History, Migration, Proposal, differences, propose, propose_between,
};
use syncline_core::model::{Blueprint, Field, Finding, Severity, TenantId};
use syncline_core::store::{Mode, Transaction};

use super::history::history_of;
use super::save::{Switch, switch};
use crate::actor::{Action, Actor};
use crate::document::{self, Versioned};
use crate::engine::Engine;
use crate::entity::{blueprint_by_name, fill_declared};

/// The versions of an engine's blueprints.
#[derive(Debug, Clone, Copy)]
pub struct Versions<'a>(pub(crate) &'a Engine);

impl Engine {
    /// The versions of blueprints.
    pub const fn versions(&self) -> Versions<'_> {
        Versions(self)
    }
}

/// The errors among findings, in one line.
pub(super) fn all_wrong(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let lines: Vec<String> = errors
        .map(|finding| format!("{}: {}", finding.place, finding.message))
        .collect();
    lines.join("; ")
}

pub(super) fn invalid(blueprint: &str, wrong: &str) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!("`{blueprint}` can't be changed like this: {wrong}"),
    )
}

async fn known(tx: &mut dyn Transaction, tenant: TenantId, name: &str) -> Result<(Versioned<Blueprint>, History)> {
    let found = blueprint_by_name(tx, tenant, name).await?;
    let known = document::get::<Blueprint>(tx, u64::from(found.id)).await?;
    let history = history_of(tx, &known).await?;
    Ok((known, history))
}

fn missing(name: &str, version: u32, history: &History) -> Error {
    let numbers: Vec<String> = history
        .versions()
        .map(|version| version.blueprint.version.to_string())
        .collect();
    let message = format!(
        "there is no version {version} of `{name}`; there are {}",
        numbers.join(", ")
    );
    Error::new(ErrorKind::NotFound, message)
}

fn as_of(history: &History, name: &str, version: u32) -> Result<Blueprint> {
    let found = history.blueprint(version).filter(|found| found.version == version);
    found.ok_or_else(|| missing(name, version, history))
}

impl Versions<'_> {
    /// All versions of a blueprint, oldest first, with what made each.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint.
    pub async fn list(&self, tenant: TenantId, blueprint: &str, actor: &Actor) -> Result<Vec<BlueprintVersion>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadMappings)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let (_, history) = known(tx.as_mut(), tenant, blueprint).await?;
        Ok(history.versions().cloned().collect())
    }

    /// What is different between two versions of a blueprint.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint or version.
    pub async fn diff(
        &self,
        tenant: TenantId,
        blueprint: &str,
        (from, to): (u32, u32),
        actor: &Actor,
    ) -> Result<Vec<Difference>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadMappings)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let (_, history) = known(tx.as_mut(), tenant, blueprint).await?;
        let (from, to) = (as_of(&history, blueprint, from)?, as_of(&history, blueprint, to)?);
        Ok(differences(&from, &to))
    }

    /// The migration from one version of a blueprint to another: the one that made it, where it was made from it.
    ///
    /// # Errors
    /// As [`Versions::diff`].
    pub async fn propose_between(
        &self,
        tenant: TenantId,
        blueprint: &str,
        (from, to): (u32, u32),
        actor: &Actor,
    ) -> Result<Proposal> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadMappings)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let (_, history) = known(tx.as_mut(), tenant, blueprint).await?;
        let (before, after) = (as_of(&history, blueprint, from)?, as_of(&history, blueprint, to)?);
        let made = history.version(to).filter(|version| version.parent == from);
        Ok(made.map_or_else(
            || propose_between(&before, &after),
            |version| Proposal {
                migration: version.migration.clone(),
                findings: Vec::new(),
            },
        ))
    }

    /// The migration that gives a blueprint these fields and atomic groups.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint.
    pub async fn propose(
        &self,
        tenant: TenantId,
        blueprint: &str,
        fields: &[Field],
        groups: &[Vec<String>],
        actor: &Actor,
    ) -> Result<Proposal> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadMappings)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let (known, _) = known(tx.as_mut(), tenant, blueprint).await?;
        Ok(propose(&known, fields, groups))
    }

    /// Everything that is wrong with a migration of the current version, and with the syncs under the version that it
    /// would make.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint.
    pub async fn check(
        &self,
        tenant: TenantId,
        blueprint: &str,
        migration: &Migration,
        actor: &Actor,
    ) -> Result<Vec<Finding>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadMappings)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let (known, history) = known(tx.as_mut(), tenant, blueprint).await?;
        let version = match history.derive(known.value.version, migration) {
            Ok(version) => version,
            Err(findings) => return Ok(findings),
        };
        let (_, findings) = switch(
            inner,
            tx.as_mut(),
            known,
            history,
            Switch::New(Box::new(version)),
            &actor.name,
            true,
        )
        .await?;
        Ok(findings)
    }

    /// Makes a new version of a blueprint. No entity changes: [`Migrations::start`](super::Migrations::start) brings
    /// them over, and until then each is read by the version that it was written with. Mappings take new names over.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint; [`ErrorKind::Invalid`]
    /// with everything that is wrong, syncs that use what is given up among it.
    pub async fn save(
        &self,
        tenant: TenantId,
        blueprint: &str,
        migration: &Migration,
        actor: &Actor,
    ) -> Result<Blueprint> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ManageMappings)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
        let (known, history) = known(tx.as_mut(), tenant, blueprint).await?;
        if migration.rules.is_empty() {
            return Ok(known.value);
        }
        let version = history.derive(known.value.version, migration);
        let version = version.map_err(|findings| invalid(blueprint, &all_wrong(&findings)))?;
        self.switch(tx, known, history, Switch::New(Box::new(version)), actor)
            .await
    }

    /// Makes an earlier version current again. Entities follow when they are migrated: what was kept aside of them is
    /// restored.
    ///
    /// # Errors
    /// As [`Versions::save`]; [`ErrorKind::NotFound`] for an unknown version.
    pub async fn go_back(&self, tenant: TenantId, blueprint: &str, version: u32, actor: &Actor) -> Result<Blueprint> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ManageMappings)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
        let (known, history) = known(tx.as_mut(), tenant, blueprint).await?;
        as_of(&history, blueprint, version)?;
        if known.value.version == version {
            return Ok(known.value);
        }
        self.switch(tx, known, history, Switch::Back(version), actor).await
    }

    async fn switch(
        &self,
        mut tx: Box<dyn Transaction>,
        known: Versioned<Blueprint>,
        history: History,
        to: Switch,
        actor: &Actor,
    ) -> Result<Blueprint> {
        let inner = &self.0.inner;
        let (after, findings) = switch(inner, tx.as_mut(), known, history, to, &actor.name, false).await?;
        let wrong = all_wrong(&findings);
        if !wrong.is_empty() {
            return Err(invalid(&after.name, &wrong));
        }
        tx.commit().await?;
        fill_declared(inner, &after).await?;
        Ok(after)
    }
}

//! Who does something, and whether they may.

use std::fmt;

use serde::{Deserialize, Serialize};
use syncline_core::model::TenantId;
use syncline_core::{Error, ErrorKind, Result};

/// Who does something. Every call of the facade carries one; the audit records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Name or id in the host application.
    pub name: String,
    /// What they may do by [`DefaultPolicy`].
    pub role: Role,
    /// The tenant that they belong to: everything of another one is to them as if it were not there, whatever number
    /// they name. `None` for the host itself, which acts for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
}

impl Actor {
    /// Somebody who manages connections, mappings and syncs.
    pub fn admin(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            role: Role::Admin,
            tenant: None,
        }
    }

    /// Somebody who reads runs and resolves conflicts.
    pub fn member(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            role: Role::Member,
            tenant: None,
        }
    }

    /// Syncline itself: schedules, hints and maintenance.
    pub fn system() -> Self {
        Self {
            name: "system".to_owned(),
            role: Role::System,
            tenant: None,
        }
    }

    /// The same one, who belongs to a tenant and reaches nothing of another.
    ///
    /// ```
    /// use syncline_engine::actor::Actor;
    ///
    /// let ada = Actor::member("ada").of(1);
    /// assert!(ada.reaches(1) && !ada.reaches(2));
    /// assert!(Actor::admin("the host").reaches(2));
    /// ```
    #[must_use]
    pub const fn of(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// Whether what a tenant owns exists for them.
    pub fn reaches(&self, tenant: TenantId) -> bool {
        self.tenant.is_none_or(|own| own == tenant)
    }

    /// Lets those pass for whom the tenant exists.
    ///
    /// # Errors
    /// `NotFound` when they belong to another one, in the words for one that does not exist.
    pub(crate) fn check_reaches(&self, tenant: TenantId) -> Result<()> {
        if self.reaches(tenant) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NotFound, format!("there is no tenant {tenant}")))
    }

    /// Lets those pass who act for all tenants, to do what concerns all of them.
    ///
    /// # Errors
    /// `Forbidden` when they belong to one.
    pub(crate) fn check_unbound(&self, action: Action) -> Result<()> {
        if self.tenant.is_none() {
            return Ok(());
        }
        let message = format!("{self} belongs to one tenant and may not {} of all", action.label());
        Err(Error::new(ErrorKind::Forbidden, message))
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// What an actor is to Syncline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Manages connections, mappings and syncs.
    Admin,
    /// Reads runs and resolves conflicts.
    Member,
    /// Syncline itself.
    System,
}

impl Role {
    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::System => "system",
        }
    }
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// List and look at connections.
    ReadConnections,
    /// Authorise, pause, resume, disconnect and delete connections.
    ManageConnections,
    /// Look at blueprints and mappings.
    ReadMappings,
    /// Save blueprints and mappings.
    ManageMappings,
    /// Look at syncs and runs, with their errors.
    ReadRuns,
    /// Create, edit and delete syncs and their schedules.
    ManageSyncs,
    /// Start and stop runs.
    RunSyncs,
    /// Undo a run.
    RollBack,
    /// Look at conflicts.
    ReadConflicts,
    /// Resolve conflicts.
    ResolveConflicts,
    /// Look at the app's records.
    ReadEntities,
    /// Create, change and delete the app's records.
    EditEntities,
    /// Look at flows, at what may be taken and at what was.
    ReadFlows,
    /// Save and remove flows.
    ManageFlows,
    /// Take transitions. Those that name no role are for who may edit entities.
    TakeTransitions,
    /// Read and export the audit.
    ReadAudit,
    /// Read what providers answered, redacted, in the details of errors.
    ReadDetails,
    /// Change tenants and settings.
    ManageSettings,
}

impl Action {
    /// The action in words that follow "may not".
    pub const fn label(self) -> &'static str {
        match self {
            Self::ReadConnections => "see connections",
            Self::ManageConnections => "manage connections",
            Self::ReadMappings => "see mappings",
            Self::ManageMappings => "manage mappings",
            Self::ReadRuns => "see runs",
            Self::ManageSyncs => "manage syncs",
            Self::RunSyncs => "start or stop runs",
            Self::RollBack => "roll back runs",
            Self::ReadConflicts => "see conflicts",
            Self::ResolveConflicts => "resolve conflicts",
            Self::ReadEntities => "see records",
            Self::EditEntities => "edit records",
            Self::ReadFlows => "see flows",
            Self::ManageFlows => "manage flows",
            Self::TakeTransitions => "take transitions",
            Self::ReadAudit => "read the audit",
            Self::ReadDetails => "see what providers answered",
            Self::ManageSettings => "change settings",
        }
    }
}

/// Decides who may do what. The host can bring its own.
pub trait Policy: Send + Sync + fmt::Debug {
    /// Lets an action pass.
    ///
    /// # Errors
    /// `Forbidden` when the actor may not do it.
    fn allows(&self, actor: &Actor, action: Action) -> Result<()>;

    /// The roles of an actor, as flows name them, the most telling first. By default their role here: `admin`, `member` or
    /// `system`.
    fn roles(&self, actor: &Actor) -> Vec<String> {
        vec![actor.role.name().to_owned()]
    }
}

/// Admins and the system do everything; members read, resolve conflicts, and take the transitions that are for their role.
#[derive(Debug, Clone, Copy, Default)]
pub struct DefaultPolicy;

impl Policy for DefaultPolicy {
    fn allows(&self, actor: &Actor, action: Action) -> Result<()> {
        let allowed = match actor.role {
            Role::Admin | Role::System => true,
            Role::Member => matches!(
                action,
                Action::ReadConnections
                    | Action::ReadMappings
                    | Action::ReadRuns
                    | Action::ReadConflicts
                    | Action::ResolveConflicts
                    | Action::ReadEntities
                    | Action::ReadFlows
                    | Action::TakeTransitions
            ),
        };
        if allowed {
            return Ok(());
        }
        let message = format!("{actor} may not {}; ask an administrator", action.label());
        Err(Error::new(ErrorKind::Forbidden, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_read_runs_and_resolve_conflicts_but_manage_nothing() {
        let member = Actor::member("ada");
        for action in [Action::ReadRuns, Action::ResolveConflicts] {
            DefaultPolicy.allows(&member, action).unwrap();
        }
        for action in [
            Action::ManageConnections,
            Action::ManageMappings,
            Action::ManageSyncs,
            Action::ReadAudit,
        ] {
            let refused = DefaultPolicy.allows(&member, action).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Forbidden);
            assert!(refused.to_string().starts_with("ada may not "), "{refused}");
        }
    }
}

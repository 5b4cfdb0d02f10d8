//! What is stored of a migration: how far it has come, and what it left in place.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::migration::StepFailure;
use syncline_core::model::{BlueprintId, TenantId};
use syncline_core::state::EntityId;
use syncline_core::store::DocumentKind;
use uuid::Uuid;

use crate::document::{Columns, Stored};

/// Where a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationStatus {
    /// It is under way, or was when its process ended; then it goes on when it is resumed.
    Running,
    /// It was stopped, and can be resumed.
    Stopped,
    /// It has been everywhere.
    Completed,
    /// Another version was made current meanwhile; what it did stays.
    Superseded,
}

impl MigrationStatus {
    /// Its name in listings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Completed => "completed",
            Self::Superseded => "superseded",
        }
    }
}

/// A migration of the entities of a blueprint to one version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MigrationJob {
    /// Its number.
    #[serde(default)]
    pub id: u64,
    /// The tenant.
    pub tenant: TenantId,
    /// The blueprint.
    pub blueprint: BlueprintId,
    /// Its name.
    pub name: String,
    /// The version that entities are brought to.
    pub to: u32,
    /// Where it stands.
    pub status: MigrationStatus,
    /// The last entity that it has come by.
    pub after: EntityId,
    /// How many entities there were when it began, deleted ones among them.
    pub total: u64,
    /// How many it has looked at.
    pub read: u64,
    /// How many it brought over.
    pub migrated: u64,
    /// How many were of the version already.
    pub unchanged: u64,
    /// How many stayed as they were, with a reason: see [`FailedEntity`].
    pub failed: u64,
    /// Who started it.
    pub started_by: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl Stored for MigrationJob {
    const KIND: DocumentKind = DocumentKind::MigrationJob;
    const NOUN: &'static str = "migration";

    fn id(&self) -> u64 {
        self.id
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    fn columns(&self) -> Columns {
        Columns {
            tenant: self.tenant,
            scope: u64::from(self.blueprint),
            key: None,
            status: self.status.name().to_owned(),
            at: self.started_at,
        }
    }
}

/// An entity that could not be brought to a version, and stays as it is until what is wrong with it is mended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedEntity {
    #[serde(skip)]
    pub(super) id: u64,
    /// The tenant.
    pub tenant: TenantId,
    /// The blueprint.
    pub blueprint: BlueprintId,
    /// The entity.
    pub uid: Uuid,
    /// The version that it is of.
    pub version: u32,
    /// The version that it was to be brought to.
    pub to: u32,
    /// What is wrong, all of it.
    pub failures: Vec<StepFailure>,
    /// When it was last tried.
    pub at: Timestamp,
}

impl Stored for FailedEntity {
    const KIND: DocumentKind = DocumentKind::MigrationFailure;
    const NOUN: &'static str = "failure of a migration";

    fn id(&self) -> u64 {
        self.id
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    fn columns(&self) -> Columns {
        Columns {
            tenant: self.tenant,
            scope: u64::from(self.blueprint),
            key: Some(self.uid.to_string()),
            status: "failed".to_owned(),
            at: self.at,
        }
    }
}

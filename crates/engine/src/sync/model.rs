use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::manifest::Role;
use syncline_core::mapping::Mapping;
use syncline_core::model::{BlueprintId, TenantId};
use syncline_core::state::SideId;
use syncline_core::store::DocumentKind;

use crate::document::{Columns, Stored};

/// Whether a sync runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncStatus {
    /// It runs.
    Active,
    /// It does not run until it is resumed.
    Paused,
    /// It was removed; it can be reactivated.
    Deleted,
}

impl SyncStatus {
    /// Its name in listings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Deleted => "deleted",
        }
    }
}

/// When a sync runs by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "every", rename_all = "snake_case")]
pub enum Schedule {
    /// Only when asked.
    Manual,
    /// Every so many minutes.
    Minutes {
        /// How many.
        minutes: u32,
    },
    /// Every hour.
    #[default]
    Hour,
    /// Once a day, in the tenant's time zone.
    Day {
        /// Time of day, such as `06:30`.
        at: String,
    },
    /// By a cron expression, in the tenant's time zone.
    Cron {
        /// The expression, five or six fields.
        expression: String,
    },
}

/// How often a sync is swept by itself: by the first of its runs after that time, whoever started it. A sweep compares the
/// ids and stamps of all remote records with those known here, and so finds what polls can't: records deleted for good,
/// links that moved no stamp, changes that were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepInterval {
    /// As [`Settings::sweep_interval`](crate::settings::Settings::sweep_interval) says.
    #[default]
    Usual,
    /// Only when asked.
    Never,
    /// Every so many hours.
    Hours(u32),
}

/// A mapping on a connection, with its schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sync {
    /// Its number.
    #[serde(skip)]
    pub id: u64,
    /// The tenant.
    pub tenant: TenantId,
    /// The connection.
    pub connection: u64,
    /// Its name, unique within the tenant.
    pub name: String,
    /// The blueprint.
    pub blueprint: BlueprintId,
    /// The field rules.
    pub mapping: Mapping,
    /// The versions of the mapping before, newest last: records are still known as they were read under one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Mapping>,
    /// Number of its side.
    pub side: SideId,
    /// Slot of its side among those of the blueprint.
    pub slot: u8,
    /// Larger wins among CRMs; the earliest created connection is largest.
    pub rank: i32,
    /// What its records are to the hub, as the connector says.
    #[serde(default)]
    pub role: Role,
    /// When it runs by itself.
    #[serde(default)]
    pub schedule: Schedule,
    /// How often it is swept by itself.
    #[serde(default)]
    pub sweep: SweepInterval,
    /// Whether files are carried between its records and those of other syncs of its blueprint that say so, too.
    #[serde(default)]
    pub files: bool,
    /// Whether it runs.
    pub status: SyncStatus,
    /// Why it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_because: Option<String>,
    /// Whether the next run reads everything, since the mapping was widened or the cursor lost.
    #[serde(default)]
    pub backfill: bool,
    /// Whether the next run brings its records to the mapping as they are kept, since rules were removed.
    #[serde(default)]
    pub refile: bool,
    /// Whether a person is asked before anything is deleted because of it: its account was replaced by another one, or it
    /// did not run for longer than deletes are remembered. Until [`Engine::confirm_restored`](crate::Engine::confirm_restored).
    #[serde(default)]
    pub hold_deletes: bool,
    /// Whether its links are those of an account that was replaced by another one, where the same id may be another
    /// record: what is linked is neither overwritten nor deleted until a person releases the brake.
    #[serde(default)]
    pub unproven_links: bool,
    /// When the last of more hints came than are kept one by one. The next poll that begins after it answers them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty_since: Option<Timestamp>,
    /// How many records the CRM had, about, when it was last asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<u64>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last finished a run.
    #[serde(default)]
    pub last_run_at: Option<Timestamp>,
    /// When it runs next by itself.
    #[serde(default)]
    pub next_run_at: Option<Timestamp>,
}

impl Stored for Sync {
    const KIND: DocumentKind = DocumentKind::Sync;
    const NOUN: &'static str = "sync";

    fn id(&self) -> u64 {
        self.id
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    fn columns(&self) -> Columns {
        Columns {
            tenant: self.tenant,
            scope: self.connection,
            key: Some(self.name.clone()),
            status: self.status.name().to_owned(),
            at: self.created_at,
        }
    }
}

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::model::{GroupId, TenantId};
use syncline_core::plan::ReviewReason;
use syncline_core::state::{EntityId, SideId};
use syncline_core::store::DocumentKind;
use uuid::Uuid;

use crate::document::{Columns, Stored};

/// Where a conflict stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewStatus {
    /// It waits for a person.
    Pending,
    /// It was decided.
    Resolved,
    /// A person chose to leave it.
    Ignored,
}

impl ReviewStatus {
    /// Its name in listings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Resolved => "resolved",
            Self::Ignored => "ignored",
        }
    }
}

/// What one side held when the item was last refreshed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewSide {
    /// The side.
    pub side: SideId,
    /// Its name for people.
    pub label: String,
    /// The remote record.
    pub record: Option<String>,
    /// Its values, one per field of the group, in the blueprint's terms.
    pub values: Vec<serde_json::Value>,
    /// What it held when it last agreed, in the blueprint's terms; empty if it never did.
    pub base: Vec<serde_json::Value>,
    /// When it was last changed there.
    pub changed_at: Option<Timestamp>,
}

/// Something for a person to decide. Only its group of fields is frozen; everything else goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// Its number.
    #[serde(default, skip_deserializing)]
    pub id: u64,
    /// Goes up with each refresh: a resolution names the one that was looked at.
    #[serde(default, skip_deserializing)]
    pub version: u64,
    /// The tenant.
    pub tenant: TenantId,
    /// The sync.
    pub sync: u64,
    /// The connection.
    pub connection: u64,
    /// The remote object.
    pub object: String,
    /// Why a person is asked.
    pub reason: ReviewReason,
    /// The entity.
    pub entity: EntityId,
    /// Its id for the world.
    pub uid: Uuid,
    /// The group of fields; 0 for the record as a whole.
    pub group: GroupId,
    /// The fields' names.
    pub fields: Vec<String>,
    /// What the app holds, one per field.
    pub app: Vec<serde_json::Value>,
    /// The entity's revision when the item was last refreshed.
    pub rev: u64,
    /// What the sides hold.
    pub sides: Vec<ReviewSide>,
    /// Other entities that it may be the same as.
    #[serde(default)]
    pub candidates: Vec<EntityId>,
    /// In words, where there is more to say.
    #[serde(default)]
    pub explanation: String,
    /// Where it stands.
    pub status: ReviewStatus,
    /// The run that opened it.
    pub run: u64,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was last refreshed.
    pub refreshed_at: Timestamp,
    /// Who decided.
    #[serde(default)]
    pub resolved_by: Option<String>,
    /// When it was decided.
    #[serde(default)]
    pub resolved_at: Option<Timestamp>,
    /// What was decided, in words.
    #[serde(default)]
    pub resolution: Option<String>,
}

impl Stored for Review {
    const KIND: DocumentKind = DocumentKind::Review;
    const NOUN: &'static str = "conflict";

    fn id(&self) -> u64 {
        self.id
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    fn columns(&self) -> Columns {
        Columns {
            tenant: self.tenant,
            scope: self.sync,
            // Decided items give their key free, so that at most one is open per record and group. An ignored one keeps
            // it: it is opened again when a side changes.
            key: (self.status != ReviewStatus::Resolved).then(|| format!("{}:{}", self.entity, self.group)),
            status: self.status.name().to_owned(),
            at: self.opened_at,
        }
    }
}

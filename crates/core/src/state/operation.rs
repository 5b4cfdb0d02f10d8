use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::SideKey;
use crate::model::{GroupId, TenantId};
use crate::value::Value;

/// What an operation does to the remote record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationVerb {
    /// Make it.
    Create,
    /// Change fields.
    Update,
    /// Delete or archive it.
    Delete,
}

/// How far an operation has come. Section 7 of the algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum OperationState {
    /// It is intended; nothing remote has happened.
    Intent = 0,
    /// It was sent, or may have been.
    Sent = 1,
    /// It may or may not have been applied.
    Unknown = 2,
    /// It is done.
    Confirmed = 3,
    /// Somebody else changed the record first; planned anew.
    Superseded = 4,
    /// The provider refused it for good.
    Rejected = 5,
}

impl OperationState {
    /// Whether it may still have an effect.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Intent | Self::Sent | Self::Unknown)
    }
}

/// One intended remote write, journaled before it happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its id: constant over the attempts of one operation, new for each new decision.
    pub id: Uuid,
    /// The tenant.
    pub tenant: TenantId,
    /// The remote record that it is for.
    pub key: SideKey,
    /// The run that planned it.
    pub run: u64,
    /// What it does.
    pub verb: OperationVerb,
    /// How far it has come.
    pub state: OperationState,
    /// How often it was sent.
    pub attempts: u32,
    /// The hub revision that it carries over.
    pub rev: u64,
    /// Version of the mapping that it was planned under.
    pub mapping_version: u32,
    /// The groups that it writes.
    pub groups: Vec<GroupId>,
    /// What it writes: position in the projection, and raw value.
    pub target: Vec<(u16, Value)>,
    /// What those fields held when it was planned, for the guard.
    pub expected: Vec<(u16, Value)>,
    /// Our unique key, for creates.
    pub marker: Option<(String, String)>,
    /// Not to be sent before this time.
    pub not_before: Option<Timestamp>,
    /// When the last attempt was sent.
    pub sent_at: Option<Timestamp>,
    /// When it was planned.
    pub created_at: Timestamp,
    /// What the provider said when it refused, for people.
    pub error: Option<String>,
}

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use syncline_core::state::{EntityId, Presence, SideId};
use uuid::Uuid;

/// An entity as the app sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityView {
    /// Its id for the world.
    pub uid: Uuid,
    /// Its number within the store, ascending with creation: what lists go on by.
    pub number: EntityId,
    /// Name of its blueprint.
    pub blueprint: String,
    /// Version of the blueprint under which it was last written.
    pub version: u32,
    /// Its revision: pass it back with an edit, so that what was decided meanwhile is noticed.
    pub rev: u64,
    /// Whether it is deleted.
    pub deleted: bool,
    /// Its values by field name, in the blueprint's order.
    pub values: Map<String, Json>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who last changed it: a person, or the side that a value came from.
    pub updated_by: String,
    /// Fields that wait for a person, and keep their values on all sides until then.
    #[serde(default)]
    pub conflicts: Vec<EntityConflict>,
    /// Its records elsewhere.
    #[serde(default)]
    pub links: Vec<EntityLink>,
    /// What is wrong with it by itself: fields that can't be computed, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
}

/// Fields of an entity that wait for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityConflict {
    /// The conflict.
    pub conflict: u64,
    /// The fields; empty when it is about the record as a whole.
    pub fields: Vec<String>,
}

/// One connection's record of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityLink {
    /// The sync.
    pub sync: u64,
    /// The sync's name.
    pub sync_name: String,
    /// The sync's side, as conflicts name it.
    pub side: SideId,
    /// The connection.
    pub connection: u64,
    /// The remote object.
    pub object: String,
    /// The remote record's id, once there is one.
    pub record: Option<String>,
    /// Where the remote record stands.
    pub presence: Presence,
    /// The provider's version of it, as last seen.
    pub changed_at: Option<Timestamp>,
    /// Whether the next run looks at what it has to write there.
    pub push_due: bool,
    /// Whether the next run reads it anew, since what is known may be stale.
    pub read_due: bool,
    /// Whether it may be the same as another record, and a person is asked before one is created.
    pub held: bool,
    /// Whether its last processing failed; the failures of the sync say why.
    pub failed: bool,
    /// Fields that the provider refused, with what it said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, String>,
}

/// What the app had read before it edited an entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityRead {
    /// The entity at this revision.
    Rev(u64),
    /// These values by field name, for hosts whose reads are older than what is kept.
    Values(Map<String, Json>),
    /// Nothing: the edit overwrites whatever is there, and what it overrules is audited.
    Blind,
}

/// What an edit came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edited {
    /// The entity as it is now.
    pub entity: EntityView,
    /// Fields that the edit changed.
    pub changed: Vec<String>,
    /// Fields where a CRM's edit made meanwhile won by policy; the value that was to be set is in the audit.
    pub overruled: Vec<String>,
    /// Conflicts that the edit opened or touched.
    pub conflicts: Vec<u64>,
}

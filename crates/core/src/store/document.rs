//! Documents: the few durable things, each a JSON body with a handful of columns to find it by.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[cfg(doc)]
use super::Transaction;
use crate::model::TenantId;

/// Kinds of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum DocumentKind {
    /// A tenant.
    Tenant = 1,
    /// A blueprint; scope is 0, key its name.
    Blueprint = 2,
    /// A connection; key is its name.
    Connection = 3,
    /// Sealed credentials of a connection; the same number as the connection.
    Credential = 4,
    /// A sync with its mapping; scope is the connection, key its name.
    Sync = 5,
    /// A run; scope is the sync or 0, status its status.
    Run = 6,
    /// A conflict or another thing for a person; scope is the sync, key its entity and group.
    Review = 7,
    /// A record that failed; scope is the sync, key its remote id or entity.
    Failure = 8,
    /// A cursor or checkpoint; scope is the sync, key says which.
    Cursor = 9,
    /// A lease; key is what it is on.
    Lease = 10,
    /// A pending OAuth authorisation; key is its state.
    Authorisation = 11,
    /// A remote schema as last described; scope is the connection, key the object.
    Schema = 12,
    /// Setting or fact of the engine itself; key is its name.
    Setting = 13,
    /// An event for the host.
    Event = 14,
    /// A tombstone of a pair that was unlinked or deleted; scope is the sync, key the remote id.
    Tombstone = 15,
    /// What a space of keys or of an index holds; its number is the space's, scope the blueprint, key its definition.
    Space = 16,
    /// A version of a blueprint; scope is the blueprint, key its number.
    BlueprintVersion = 20,
    /// A migration of entities to another version of their blueprint, which is its scope.
    MigrationJob = 21,
    /// An entity that a migration left in place; scope is the blueprint, key the entity's id.
    MigrationFailure = 22,
    /// A flow with its versions; scope is the blueprint, key its name.
    Flow = 40,
    /// A change of an entity's state; scope is the entity, status the flow.
    StateChange = 41,
    /// A remote record whose files a sync has still to look at; scope is the sync, key its side and id.
    FileHint = 50,
    /// Which files of an entity's records are the same; scope is the entity.
    EntityFiles = 51,
}

impl DocumentKind {
    /// The kind with the largest number.
    pub const LAST: Self = Self::EntityFiles;
    /// All kinds: deleting a tenant removes those that it has, so one that is missing here would outlive it.
    pub const ALL: [Self; 23] = [
        Self::Tenant,
        Self::Blueprint,
        Self::Connection,
        Self::Credential,
        Self::Sync,
        Self::Run,
        Self::Review,
        Self::Failure,
        Self::Cursor,
        Self::Lease,
        Self::Authorisation,
        Self::Schema,
        Self::Setting,
        Self::Event,
        Self::Tombstone,
        Self::Space,
        Self::BlueprintVersion,
        Self::MigrationJob,
        Self::MigrationFailure,
        Self::Flow,
        Self::StateChange,
        Self::FileHint,
        Self::EntityFiles,
    ];
}

/// A small durable thing. See the [module](crate::store).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Its kind.
    pub kind: DocumentKind,
    /// Its number, unique within its kind; 0 asks [`Transaction::put_document`] for a new one.
    pub id: u64,
    /// The tenant; 0 for what belongs to none.
    pub tenant: TenantId,
    /// What it belongs to, by kind; 0 for nothing.
    pub scope: u64,
    /// A name that is unique among the documents of its kind, tenant and scope.
    pub key: Option<String>,
    /// Where it stands, for finding.
    pub status: String,
    /// When it happened or is due, for finding.
    pub at: Timestamp,
    /// Goes up by one with each write; 0 before the first.
    pub version: u64,
    /// Everything else.
    pub body: serde_json::Value,
}

/// Which documents to find, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentQuery {
    /// Of this kind.
    pub kind: DocumentKind,
    /// Of this tenant only.
    pub tenant: Option<TenantId>,
    /// Of this scope only.
    pub scope: Option<u64>,
    /// With exactly this key.
    pub key: Option<String>,
    /// With one of these; empty for any.
    pub status: Vec<String>,
    /// At or after.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Only numbers below this: where the page before ended.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: usize,
}

impl DocumentQuery {
    /// All documents of a kind, up to 1,000.
    pub const fn new(kind: DocumentKind) -> Self {
        Self {
            kind,
            tenant: None,
            scope: None,
            key: None,
            status: Vec::new(),
            since: None,
            until: None,
            before: None,
            limit: 1_000,
        }
    }

    /// Of this tenant only.
    #[must_use]
    pub const fn tenant(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// Of this scope only.
    #[must_use]
    pub const fn scope(mut self, scope: u64) -> Self {
        self.scope = Some(scope);
        self
    }

    /// With exactly this key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// With this status; may be called several times for any of them.
    #[must_use]
    pub fn status(mut self, status: impl Into<String>) -> Self {
        self.status.push(status.into());
        self
    }

    /// At most this many.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

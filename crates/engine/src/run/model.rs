use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::mapping::Direction;
use syncline_core::model::TenantId;
use syncline_core::store::DocumentKind;

use crate::document::{Columns, Stored};

/// Which syncs a run is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunScope {
    /// One sync.
    Sync(u64),
    /// All syncs of a connection.
    Connection(u64),
    /// All syncs of a provider.
    Provider(String),
    /// All syncs of the tenant.
    Tenant,
}

/// What a run is asked to do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunParameters {
    /// Read everything instead of what changed.
    pub full: bool,
    /// Read what changed since this time instead of since the last run. The cursor stays where it is.
    pub since: Option<Timestamp>,
    /// The source side wins this run: the CRM unless `direction` is `push`. Losers are audited.
    pub force: bool,
    /// Plan everything and write nothing.
    pub dry_run: bool,
    /// Read at most so many records of each object. The cursor stays where it is.
    pub max_records: Option<u64>,
    /// Records per page, where the provider lets us choose.
    pub batch_size: Option<usize>,
    /// Only syncs of these remote objects.
    pub objects: Vec<String>,
    /// Which way values flow, beside what sync and fields say.
    pub direction: Option<Direction>,
    /// Only these remote records.
    pub records: Vec<String>,
    /// Goes on although the mass-change brake tripped.
    pub release_brake: bool,
    /// Logs verbosely: what each step did, in the log and in the run's timeline, with names and counts and never a value
    /// or a secret.
    pub debug: bool,
    /// Reads only the records that hints name, or that are known to be stale. Neither the cursor nor the schedule moves.
    pub hints: bool,
    /// Compares the ids and stamps of all remote records with those known here, whatever that costs.
    pub sweep: bool,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It waits for another run of the connection.
    Queued,
    /// It runs.
    Running,
    /// The process that carried it out is gone, or has been silent for as long as a lease lasts; or it waited, and whoever
    /// asked for it let its turn go by for that long. The next run of the connection goes on from where it was, and ends
    /// this one as stopped. This is found out when a run is looked at.
    Interrupted,
    /// Everything was done.
    Completed,
    /// It was done, but for some records.
    Partial,
    /// It broke off.
    Failed,
    /// It was stopped on request, or by the brake.
    Stopped,
}

impl RunStatus {
    /// Its name in listings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Completed => "completed",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// Whether it is over.
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Running | Self::Interrupted)
    }
}

/// The ledger of one object in one direction: everything that was read is accounted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Records looked at.
    pub read: u64,
    /// New ones made.
    pub created: u64,
    /// Changed.
    pub updated: u64,
    /// Deleted or unlinked.
    pub deleted: u64,
    /// Nothing to do.
    pub unchanged: u64,
    /// Outside the filter.
    pub filtered: u64,
    /// Put before a person.
    pub conflicted: u64,
    /// Left for a later run: a reference or an outcome is open.
    pub deferred: u64,
    /// Failed, visible with their reason.
    pub failed: u64,
}

impl Ledger {
    /// Whether everything read is accounted for.
    pub const fn balances(&self) -> bool {
        self.read
            == self.created
                + self.updated
                + self.deleted
                + self.unchanged
                + self.filtered
                + self.conflicted
                + self.deferred
                + self.failed
    }

    /// Takes out what was deferred and was looked at again before the run ended: it is accounted for there.
    pub(crate) const fn settle_deferred(&mut self) {
        self.read -= self.deferred;
        self.deferred = 0;
    }

    /// Adds another ledger.
    pub const fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.created += other.created;
        self.updated += other.updated;
        self.deleted += other.deleted;
        self.unchanged += other.unchanged;
        self.filtered += other.filtered;
        self.conflicted += other.conflicted;
        self.deferred += other.deferred;
        self.failed += other.failed;
    }
}

impl std::fmt::Display for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} read", self.read)?;
        for (count, what) in [
            (self.created, "created"),
            (self.updated, "updated"),
            (self.deleted, "deleted"),
            (self.unchanged, "unchanged"),
            (self.filtered, "filtered"),
            (self.conflicted, "conflicted"),
            (self.deferred, "deferred"),
            (self.failed, "failed"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// A moment of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub what: String,
}

/// One field that a dry run would change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedChange {
    /// Where: `app`, or the sync's name.
    pub target: String,
    /// The record: remote id, or the entity's unique id.
    pub record: String,
    /// `create`, `update`, `delete`, `link`, `review`, or `file` for one that would be carried.
    pub action: String,
    /// The field.
    pub field: String,
    /// The value before.
    pub before: serde_json::Value,
    /// The value afterwards.
    pub after: serde_json::Value,
}

/// What happens to a change at the side that it came from, once a rollback has taken it back in the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollbackRelease {
    /// It stays there, and nothing is read from or written to these fields until a person decides.
    #[default]
    Hold,
    /// The next run reads the side anew, and takes what it holds then.
    AcceptSourceNext,
    /// The value from before the run is written there, as everywhere else.
    Everywhere,
}

/// Something that a rollback left as it is, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// The record: remote id, or the entity's unique id.
    pub record: String,
    /// The fields; `(the record)` for the record as a whole.
    pub field: String,
    /// Why it was left alone.
    pub reason: String,
}

/// One execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its number.
    #[serde(skip)]
    pub id: u64,
    /// The tenant.
    pub tenant: TenantId,
    /// What it is over.
    pub scope: RunScope,
    /// The connection, where it is over one.
    #[serde(default)]
    pub connection: u64,
    /// What it was asked to do.
    pub parameters: RunParameters,
    /// Who started it.
    pub initiator: String,
    /// Where it stands.
    pub status: RunStatus,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it began.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it was over.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// Ledgers by sync name and direction (`pull`, `push`, or `files` where files are carried).
    #[serde(default)]
    pub ledgers: BTreeMap<String, BTreeMap<String, Ledger>>,
    /// Why it failed or stopped.
    #[serde(default)]
    pub error: Option<String>,
    /// Where the mass-change brake would stop the run that a dry one plans, what it would say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brake: Option<String>,
    /// What happened when.
    #[serde(default)]
    pub timeline: Vec<Moment>,
    /// What a dry run would change, at most 10,000 fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<PlannedChange>,
    /// How many fields a dry run would change in all.
    #[serde(default)]
    pub planned: u64,
    /// The run that this one rolls back.
    #[serde(default)]
    pub rolls_back: Option<u64>,
    /// What a rollback does with the side that its changes came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<RollbackRelease>,
    /// What a rollback could not undo, at most 10,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diverged: Vec<Divergence>,
    /// How much a rollback could not undo in all.
    #[serde(default)]
    pub diverged_count: u64,
}

impl Run {
    /// The ledger of a sync in a direction.
    pub fn ledger(&mut self, sync: &str, direction: &str) -> &mut Ledger {
        self.ledgers
            .entry(sync.to_owned())
            .or_default()
            .entry(direction.to_owned())
            .or_default()
    }

    /// All ledgers of a direction added up.
    pub fn total(&self, direction: &str) -> Ledger {
        let mut total = Ledger::default();
        for ledger in self
            .ledgers
            .values()
            .filter_map(|by_direction| by_direction.get(direction))
        {
            total.add(ledger);
        }
        total
    }

    /// Notes something that a rollback leaves as it is.
    pub(crate) fn diverge(&mut self, record: String, field: String, reason: impl Into<String>) {
        const SHOWN: usize = 10_000;
        self.diverged_count += 1;
        if self.diverged.len() < SHOWN {
            self.diverged.push(Divergence {
                record,
                field,
                reason: reason.into(),
            });
        }
    }

    /// Whether every ledger balances. A run that does not is a failed run.
    pub fn balances(&self) -> bool {
        self.ledgers.values().flat_map(BTreeMap::values).all(Ledger::balances)
    }
}

impl Stored for Run {
    const KIND: DocumentKind = DocumentKind::Run;
    const NOUN: &'static str = "run";

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
            key: None,
            status: self.status.name().to_owned(),
            at: self.requested_at,
        }
    }
}

/// A record that could not be processed. It stays visible until it succeeds or is dismissed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its number.
    #[serde(skip)]
    pub id: u64,
    /// The tenant.
    pub tenant: TenantId,
    /// The sync.
    pub sync: u64,
    /// The run in which it last failed.
    pub run: u64,
    /// `pull`, `push` or `files`.
    pub direction: String,
    /// The remote record, where there is one.
    pub record: Option<String>,
    /// The entity, where there is one.
    pub entity: Option<i64>,
    /// The fields concerned, by name.
    pub fields: Vec<String>,
    /// What is wrong and what to do.
    pub message: String,
    /// What the provider said, where it did, for those who may read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How often it failed.
    pub attempts: u32,
    /// When it is tried again.
    pub retry_at: Timestamp,
    /// When it first failed.
    pub since: Timestamp,
    /// Whether a person dismissed it.
    pub dismissed: bool,
}

impl Stored for Failure {
    const KIND: DocumentKind = DocumentKind::Failure;
    const NOUN: &'static str = "failed record";

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
            key: Some(format!(
                "{}:{}",
                self.direction,
                self.record
                    .clone()
                    .or_else(|| self.entity.map(|entity| entity.to_string()))
                    .unwrap_or_default()
            )),
            status: if self.dismissed { "dismissed" } else { "open" }.to_owned(),
            at: self.retry_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_that_loses_a_record_does_not_balance() {
        let mut ledger = Ledger {
            read: 3,
            created: 1,
            unchanged: 1,
            ..Ledger::default()
        };
        assert!(!ledger.balances());
        ledger.failed = 1;
        assert!(ledger.balances());
    }
}

//! Everything the simulated organisation holds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::api::async_jobs::AsyncJobs;
use super::api::jobs::{self, Jobs};
use super::cell::Cell;
use super::error::ApiError;
use super::events::Events;
use super::id::{KeyPrefix, RecordId};
use super::schema::ObjectSchema;
use super::soql::Cursors;
use super::stamp::{later, seconds, whole_minute};
use super::table::{Record, Slot, Table};
use crate::clock::Clock;
use crate::fault::Faults;

/// New values by field; `None` clears.
pub(crate) type Changes = Vec<(u16, Option<Cell>)>;

/// Who writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Author {
    pub(crate) user: RecordId,
    /// Through the API with the integration's token, not by hand.
    pub(crate) integration: bool,
}

/// A user's transaction that has not committed: others cannot see it, and its stamp is already old.
#[derive(Debug)]
pub(crate) struct OpenTransaction {
    pub(crate) due: Timestamp,
    pub(crate) started: i64,
    pub(crate) table: usize,
    pub(crate) slot: Slot,
    pub(crate) work: Work,
}

/// New records that hold the same in this field as another are duplicates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DuplicateRule {
    pub(crate) table: usize,
    pub(crate) field: u16,
    /// Whether a caller may save them all the same.
    pub(crate) only_warns: bool,
}

#[derive(Debug)]
pub(crate) enum Work {
    Insert(Box<Record>),
    Update(Changes, Author),
}

/// The organisation.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) tables: Vec<Table>,
    by_name: HashMap<String, usize>,
    by_prefix: HashMap<KeyPrefix, usize>,
    pub(crate) organization: RecordId,
    /// The user that the API acts as.
    pub(crate) integration_user: RecordId,
    /// The users that act by hand.
    pub(crate) people: Vec<RecordId>,
    pub(crate) cursors: Cursors,
    pub(crate) jobs: Jobs,
    /// The bodies of versions of files, and of attachments.
    pub(crate) bodies: BTreeMap<RecordId, Bytes>,
    pub(crate) events: Events,
    pub(crate) async_jobs: AsyncJobs,
    pub(crate) duplicate_rules: Vec<DuplicateRule>,
    /// Whether the call under way passes duplicate rules that only warn.
    pub(crate) saves_duplicates: bool,
    /// The API versions served, and up to which of them a warning comes with answers.
    pub(crate) newest_version: u32,
    pub(crate) deprecated_version: u32,
    pub(crate) open: Vec<OpenTransaction>,
    /// How long the next edit by hand stays uncommitted.
    pub(crate) next_commit_late: Option<SignedDuration>,
    /// What to put back if a transaction under way is rolled back, oldest first, and how many change events there were.
    undo: Vec<(usize, Slot, Option<Record>, usize)>,
    /// How many transactions are under way, each inside the one before.
    transactions: usize,
    /// Lookups that a delete cleared, so that an undelete can set them again.
    pub(crate) unlinked: BTreeMap<RecordId, Vec<(usize, Slot, u16)>>,
    /// The log of deleted records was cleared of what is older than this second.
    pub(crate) delete_log_from: i64,
    pub(crate) api_requests: u64,
    pub(crate) daily_api_requests: u64,
    pub(crate) delete_clears_lookups: bool,
    pub(crate) cleared_lookup_moves_stamp: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) faults: Faults,
}

impl State {
    pub(crate) fn new(schemas: Vec<ObjectSchema>, options: &crate::options::Options) -> Self {
        let names: Vec<String> = schemas.iter().map(|schema| schema.name.clone()).collect();
        let tables: Vec<Table> = schemas.into_iter().map(|schema| Table::new(schema, &names)).collect();
        let by_name = tables
            .iter()
            .enumerate()
            .map(|(at, table)| (table.schema.name.to_ascii_lowercase(), at))
            .collect();
        let by_prefix = tables
            .iter()
            .enumerate()
            .map(|(at, table)| (table.schema.key_prefix, at))
            .collect();
        Self {
            tables,
            by_name,
            by_prefix,
            organization: RecordId::new(*b"00D", 1 + options.seed.wrapping_add(options.account) % 100_000),
            integration_user: RecordId::new(*b"005", 1),
            people: Vec::new(),
            cursors: Cursors::default(),
            async_jobs: AsyncJobs::default(),
            bodies: BTreeMap::new(),
            duplicate_rules: Vec::new(),
            saves_duplicates: false,
            events: Events::default(),
            jobs: Jobs::new(options.bulk_job_time, options.daily_bulk_query_jobs),
            newest_version: options.newest_api_version,
            deprecated_version: options.deprecated_api_version,
            open: Vec::new(),
            next_commit_late: None,
            undo: Vec::new(),
            transactions: 0,
            unlinked: BTreeMap::new(),
            delete_log_from: 0,
            api_requests: 0,
            daily_api_requests: options.daily_api_requests,
            delete_clears_lookups: options.delete_clears_lookups,
            cleared_lookup_moves_stamp: options.cleared_lookup_moves_stamp,
            clock: Arc::clone(&options.clock),
            faults: options.faults.clone(),
        }
    }

    /// The table and the lookup of a relationship to children, by its name in any case.
    pub(crate) fn child_relationship(&self, table: usize, name: &str) -> Option<(usize, u16)> {
        let children = self.tables[table]
            .schema
            .describe
            .get("childRelationships")?
            .as_array()?;
        let text = |child: &serde_json::Value, key: &str| child.get(key)?.as_str().map(str::to_owned);
        let child = children
            .iter()
            .find(|child| text(child, "relationshipName").is_some_and(|known| known.eq_ignore_ascii_case(name)))?;
        let table = self.find(&text(child, "childSObject")?)?;
        Some((table, self.tables[table].schema.find(&text(child, "field")?)?))
    }

    /// The current second.
    pub(crate) fn now(&self) -> i64 {
        seconds(self.clock.now())
    }

    pub(crate) fn find(&self, object: &str) -> Option<usize> {
        self.by_name.get(&object.to_ascii_lowercase()).copied()
    }

    pub(crate) fn find_by_prefix(&self, id: RecordId) -> Option<usize> {
        self.by_prefix.get(&id.prefix()).copied()
    }

    /// The record with this id, deleted or not.
    pub(crate) fn record(&self, id: RecordId) -> Option<(usize, Slot, &Record)> {
        let table = self.find_by_prefix(id)?;
        let slot = self.tables[table].slot(id)?;
        Some((table, slot, self.tables[table].get(slot)?))
    }

    /// The one way in which a record changes.
    pub(crate) fn put(&mut self, table: usize, slot: Slot, record: Option<Record>) {
        let events = self.events.len();
        let previous = self.tables[table].put(slot, record);
        let now = self
            .events
            .tells(table)
            .then(|| self.tables[table].get(slot).cloned())
            .flatten();
        self.tell_change(table, slot, previous.as_ref(), now.as_ref());
        if self.transactions > 0 {
            self.undo.push((table, slot, previous, events));
        }
    }

    /// Starts a transaction; the answer is what [`State::roll_back`] goes back to.
    pub(crate) fn begin(&mut self) -> usize {
        self.transactions += 1;
        self.undo.len()
    }

    /// Ends a transaction and keeps what it did, as far as the transactions around it allow.
    pub(crate) fn commit(&mut self) {
        self.transactions = self.transactions.saturating_sub(1);
        if self.transactions == 0 {
            self.undo.clear();
        }
    }

    /// Ends a transaction and undoes everything since it began.
    pub(crate) fn roll_back(&mut self, savepoint: usize) {
        while self.undo.len() > savepoint {
            if let Some((table, slot, previous, events)) = self.undo.pop() {
                self.events.truncate(events);
                self.tables[table].put(slot, previous);
            }
        }
        self.commit();
    }

    /// Works off the bulk jobs and commits the late transactions that are due.
    pub(crate) fn settle(&mut self) {
        jobs::settle(self);
        if self.transactions == 0 {
            self.events.expire(self.clock.now());
        }
        if self.open.is_empty() {
            return;
        }
        let now = self.clock.now();
        let due: Vec<OpenTransaction> = self.open.extract_if(.., |open| open.due <= now).collect();
        for transaction in due {
            self.commit_late(transaction);
        }
    }

    /// Commits what is open on one record, as the wait for its lock would.
    pub(crate) fn wait_for(&mut self, table: usize, slot: Slot) {
        let waited: Vec<OpenTransaction> = self
            .open
            .extract_if(.., |open| open.table == table && open.slot == slot)
            .collect();
        for transaction in waited {
            self.commit_late(transaction);
        }
    }

    /// Commits every open transaction now.
    pub(crate) fn wait_for_all(&mut self) {
        for transaction in std::mem::take(&mut self.open) {
            self.commit_late(transaction);
        }
    }

    fn commit_late(&mut self, transaction: OpenTransaction) {
        let OpenTransaction {
            started,
            table,
            slot,
            work,
            ..
        } = transaction;
        match work {
            Work::Insert(record) => self.put(table, slot, Some(*record)),
            Work::Update(changes, author) => self.apply(table, slot, changes, author, started),
        }
    }

    /// Keeps work back until `delay` from now.
    pub(crate) fn hold(&mut self, delay: SignedDuration, table: usize, slot: Slot, work: Work) {
        let now = self.clock.now();
        self.open.push(OpenTransaction {
            due: later(now, delay),
            started: seconds(now),
            table,
            slot,
            work,
        });
    }

    /// Whether an open transaction holds the record's lock.
    pub(crate) fn is_locked(&self, table: usize, slot: Slot) -> bool {
        self.open.iter().any(|open| open.table == table && open.slot == slot)
    }

    /// Up to when all changes are visible: a whole minute, held back by the oldest open transaction.
    pub(crate) fn covered(&self, end: i64) -> i64 {
        let oldest = self.open.iter().map(|open| open.started).min().unwrap_or(i64::MAX);
        whole_minute(end.min(self.now()).min(oldest))
    }

    /// The table of an object that can be written.
    pub(crate) fn writable(&self, object: &str) -> Result<usize, ApiError> {
        let table = self.find(object).ok_or_else(ApiError::not_found)?;
        if self.tables[table].schema.writable {
            Ok(table)
        } else {
            Err(ApiError::row(
                "INSUFFICIENT_ACCESS_OR_READONLY",
                format!("entity type {object} does not support this operation in the simulator"),
                &[],
            ))
        }
    }
}

//! What a connector is asked to do: strong reads, and jobs that take long and therefore return step by step.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::batch::Projection;
use crate::value::Value;

/// A strong read.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetch {
    /// The provider's object.
    pub object: String,
    /// The fields wanted.
    pub projection: Projection,
    /// Which records.
    pub by: FetchBy,
}

/// Which records a strong read wants.
#[derive(Debug, Clone, PartialEq)]
pub enum FetchBy {
    /// These ids. Each gives one row: [`crate::batch::RowState::Missing`] if it is not found, `Deleted` or `Archived`
    /// if the provider says so, `Merged` with the survivor (and the survivor's own row beside it).
    Ids(Vec<String>),
    /// Records whose field holds one of these texts; none for those that no record holds. Used with the marker field
    /// and with natural keys.
    Key {
        /// The provider's field.
        field: String,
        /// The texts looked for.
        values: Vec<String>,
    },
}

/// Where a pull starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Start {
    /// Every record; deletes are not reported.
    Beginning,
    /// What changed since the cursor that an earlier pull of the same object returned, less the overlap.
    Cursor(Bytes),
    /// What changed since this time.
    Since(Timestamp),
}

/// A condition that a provider can evaluate itself, always a superset of the mapping's own filter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// The provider's field.
    pub field: String,
    /// How it compares.
    pub comparison: Comparison,
    /// What it is compared with.
    pub value: Value,
}

/// Comparisons that every provider understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// The same.
    Equal,
    /// Not the same.
    NotEqual,
    /// Less.
    Less,
    /// Less or the same.
    LessOrEqual,
    /// More.
    Greater,
    /// More or the same.
    GreaterOrEqual,
}

/// Reading all or the changed records of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Pull {
    /// The provider's object.
    pub object: String,
    /// The fields wanted.
    pub projection: Projection,
    /// Where to start.
    pub start: Start,
    /// Conditions for the provider, all of which must hold. Only on a pull from the beginning: a record that leaves a
    /// filter would never be seen.
    pub conditions: Vec<Condition>,
    /// Records per page, where the provider lets us choose; its largest otherwise.
    pub page_size: Option<usize>,
}

/// What a write does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Make a record. With a marker it is an upsert by that unique field, so sending it twice makes one record.
    Create {
        /// Our unique key: field and value.
        marker: Option<(String, String)>,
    },
    /// Change fields of a record.
    Update {
        /// The record.
        id: String,
        /// The stamp that the guard read saw, for providers that can make the write conditional.
        expected_stamp: Option<Timestamp>,
    },
    /// Delete or archive a record.
    Delete {
        /// The record.
        id: String,
    },
}

/// One intended remote write.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// Our operation's id: constant over the retries of one operation.
    pub operation: uuid::Uuid,
    /// What to do.
    pub verb: Verb,
    /// The fields to set: the provider's path and the raw value. Null clears.
    pub fields: Vec<(String, Value)>,
}

/// Writing records of one object. All writes name different records.
#[derive(Debug, Clone, PartialEq)]
pub struct Push {
    /// The provider's object.
    pub object: String,
    /// The projection in which rows of the answers are given back.
    pub projection: Projection,
    /// The writes. The task groups them into the provider's largest batches.
    pub writes: Vec<Write>,
}

/// One object whose changes are of interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedObject {
    /// The provider's object, as hints are to name it.
    pub object: String,
    /// The fields whose changes matter.
    pub fields: Vec<String>,
}

/// Reading what the provider tells of changes by itself, in its own order, as hints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Where an earlier feed of the same connection ended; from now on without one.
    pub cursor: Option<Bytes>,
    /// What is of interest. It may differ from what the earlier feed was asked for.
    pub objects: Vec<FeedObject>,
}

/// A job for [`crate::connector::Connector::open`].
#[derive(Debug, Clone, PartialEq)]
pub enum Job {
    /// Read records.
    Pull(Pull),
    /// Write records.
    Push(Push),
    /// Take in what the provider tells of changes, as [hints](crate::batch::Batch::hints) and nothing else. It is done
    /// when everything was told that there is to tell now. What a feed can't tell any more, because its cursor is too
    /// old or it has none, it replaces by one hint at "anything" of each object.
    Feed(Feed),
    /// Enumerate the ids and stamps of all live records of an object, to find lost changes and hard deletes.
    ///
    /// Where that costs no more calls, a row is complete: so a change that moves no stamp, such as that of a link or a
    /// calculated value, is found as well. Any other row is [partial](crate::batch::RowBuilder::partial).
    Sweep {
        /// The provider's object.
        object: String,
        /// The fields of a row that is complete.
        projection: Projection,
    },
}

/// How far a task has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do. The checkpoint, when stored with this step's rows, lets a new task go on from here.
    More {
        /// Where a new task would go on.
        checkpoint: Option<Bytes>,
        /// Records that the whole job will read, where the provider says.
        total: Option<u64>,
    },
    /// Nothing to do before this time.
    Wait {
        /// Where a new task would go on.
        checkpoint: Bytes,
        /// When to call again.
        until: Timestamp,
    },
    /// All done. For a pull: the cursor from which the next pull starts.
    Done {
        /// The cursor of the next pull or feed; empty for other jobs.
        cursor: Bytes,
    },
}

/// How much one step may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Most rows to return from one step; a page that is larger by the provider's nature is returned whole.
    pub rows: usize,
    /// Most calls to make in one step.
    pub calls: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { rows: 2_000, calls: 25 }
    }
}

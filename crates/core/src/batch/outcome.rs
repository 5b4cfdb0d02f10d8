//! What became of writes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What became of one write. See [`Outcome`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// It is done.
    Applied {
        /// Whether it made a new record.
        created: bool,
    },
    /// It was certainly not done, and may be sent again at this time or later.
    NotApplied {
        /// Earliest time to send it again.
        not_before: Option<Timestamp>,
    },
    /// The provider refused this record for good.
    Rejected {
        /// Fields that the provider blames.
        fields: Vec<String>,
    },
    /// The guard failed: somebody changed the record since it was read.
    Conflict,
    /// The record no longer exists.
    Gone,
    /// A record with this key exists already, and this is its id.
    Duplicate {
        /// Id of the existing record.
        existing: String,
    },
    /// It may or may not have been done.
    Unknown,
}

/// The result of one [`crate::job::Write`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Position of the write in its push job.
    pub index: usize,
    /// What became of it.
    pub kind: OutcomeKind,
    /// Id of the record written, where known.
    pub id: Option<String>,
    /// The record's stamp after the write, where the answer tells.
    pub stamp: Option<Timestamp>,
    /// The provider's code and message when it was not applied.
    pub message: Option<String>,
    /// Row of the same batch that holds what the record held after the write, where the answer tells. A
    /// [partial](super::RowBuilder::partial) one tells at least every field that was written.
    pub row: Option<usize>,
}

impl Outcome {
    /// An outcome with nothing but its kind.
    pub const fn new(index: usize, kind: OutcomeKind) -> Self {
        Self {
            index,
            kind,
            id: None,
            stamp: None,
            message: None,
            row: None,
        }
    }
}

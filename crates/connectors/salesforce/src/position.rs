//! How far a pull has come, as it is stored between steps and between pulls.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::{Error, ErrorKind, Result};

use crate::bulk_query::BulkRead;
use crate::system::SystemColumns;

/// Where the next pull of the object starts.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cursor {
    pub(crate) object: String,
    /// The server's time when the last pull began.
    pub(crate) since: Timestamp,
    /// What the replication feeds said last.
    #[serde(default)]
    pub(crate) coverage: Option<Coverage>,
}

/// Up to when nothing can become visible any more, as the replication feeds know it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Coverage {
    /// Whatever is stamped before this was visible when the feeds were asked, and was read after that.
    pub(crate) covered: Timestamp,
    /// When they were asked, by the host's clock.
    pub(crate) asked: Timestamp,
    /// How many seconds Salesforce's clock was ahead of the host's.
    pub(crate) ahead: i64,
}

/// How far a pull has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) object: String,
    pub(crate) walk: Walk,
    /// The server's time when the pull began: end of its window and start of the next.
    pub(crate) began: Option<Timestamp>,
    pub(crate) total: Option<u64>,
    pub(crate) columns: SystemColumns,
    pub(crate) described: bool,
    /// Records per query, once it had to be lowered.
    pub(crate) limit: Option<usize>,
    /// Whether conditions were refused by Salesforce and are left out.
    pub(crate) unconditional: bool,
    /// The bulk job that reads what is left, where one does.
    #[serde(default)]
    pub(crate) bulk: Option<BulkRead>,
    /// Whether a bulk job was tried and can't be used.
    #[serde(default)]
    pub(crate) without_bulk: bool,
    /// What the replication feeds said last.
    #[serde(default)]
    pub(crate) coverage: Option<Coverage>,
    /// How many seconds Salesforce's clock is ahead of the host's, once an answer told.
    #[serde(default)]
    pub(crate) ahead: i64,
    /// Whether this pull has asked the feeds, or need not.
    #[serde(default)]
    pub(crate) coverage_settled: bool,
}

/// In which order records are read, and behind which one to go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Walk {
    /// Everything live, by id.
    Everything { after: Option<String> },
    /// What was stamped from `from` on, by stamp and id.
    Window {
        from: Timestamp,
        after: Option<(Timestamp, String)>,
        /// End of the part of the window that is read now, if reading it at once took too long.
        until: Option<Timestamp>,
    },
}

pub(crate) fn stored<T: Serialize>(value: &T) -> Result<Bytes> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|error| {
        Error::new(ErrorKind::Internal, "a position in Salesforce can't be written down").because(error)
    })
}

pub(crate) fn restored<T: for<'de> Deserialize<'de>>(bytes: &[u8], object: &str) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| expired(object).because(error))
}

pub(crate) fn expired(object: &str) -> Error {
    Error::new(
        ErrorKind::CursorExpired,
        "the stored position does not belong to this object; it is read anew",
    )
    .with("object", object)
}

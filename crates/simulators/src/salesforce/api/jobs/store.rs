//! The bulk jobs of the organisation and how they age.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::csv_form::CsvForm;
use crate::salesforce::id::RecordId;
use crate::salesforce::stamp::later;

/// Jobs that are over are forgotten after this long, in seconds.
const KEPT: i64 = 7 * 24 * 3600;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobKind {
    Query,
    Ingest,
}

impl JobKind {
    /// The last step of its path.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Ingest => "ingest",
        }
    }
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stage {
    /// Waits for its data.
    Open,
    /// Its work is done at `due`.
    Working {
        since: Timestamp,
        due: Timestamp,
    },
    Aborted,
    Failed(String),
    Complete,
}

/// Rendered rows of a result, without the header.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(super) header: Vec<u8>,
    pub(super) text: Vec<u8>,
    /// Where each row ends in `text`.
    pub(super) ends: Vec<usize>,
}

impl Rows {
    /// The rows `from..to` with the header before them.
    pub(super) fn page(&self, from: usize, to: usize) -> Vec<u8> {
        let end = |row: usize| {
            row.checked_sub(1)
                .map_or(0, |row| self.ends.get(row).copied().unwrap_or(self.text.len()))
        };
        let mut page = self.header.clone();
        page.extend_from_slice(&self.text[end(from)..end(to)]);
        page
    }

    pub(super) fn end_row(&mut self) {
        self.ends.push(self.text.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
}

/// One job.
#[derive(Debug)]
pub(crate) struct Job {
    pub(super) id: RecordId,
    pub(super) kind: JobKind,
    pub(super) operation: String,
    pub(super) object: String,
    /// The query of a query job.
    pub(super) query: String,
    pub(super) external_key: Option<String>,
    pub(super) form: CsvForm,
    pub(super) version: u32,
    pub(super) created: i64,
    /// When its stage changed last.
    pub(super) changed: i64,
    pub(super) stage: Stage,
    pub(super) data: Bytes,
    /// Rows of a query; successes of an ingest.
    pub(super) rows: Rows,
    pub(super) failed: Rows,
    pub(super) unprocessed: Rows,
}

impl Job {
    /// The state as the service names it.
    pub(super) fn state(&self, now: Timestamp) -> &'static str {
        match &self.stage {
            Stage::Open => "Open",
            Stage::Working { since, due } => {
                let half = due.duration_since(*since) / 2;
                if now < later(*since, half) {
                    "UploadComplete"
                } else {
                    "InProgress"
                }
            }
            Stage::Aborted => "Aborted",
            Stage::Failed(_) => "Failed",
            Stage::Complete => "JobComplete",
        }
    }

    /// Whether nothing will happen to it any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Aborted | Stage::Failed(_) | Stage::Complete)
    }
}

/// All jobs.
#[derive(Debug)]
pub(crate) struct Jobs {
    next: u64,
    pub(super) all: Vec<Job>,
    /// How long a job takes.
    pub(super) takes: SignedDuration,
    /// Query jobs allowed in 24 hours.
    pub(super) daily_queries: u64,
    /// After how many rows the next ingest job breaks off.
    pub(crate) break_next_after: Option<usize>,
}

impl Jobs {
    pub(crate) fn new(takes: SignedDuration, daily_queries: u64) -> Self {
        Self {
            next: 0,
            all: Vec::new(),
            takes,
            daily_queries,
            break_next_after: None,
        }
    }

    pub(super) fn new_id(&mut self) -> RecordId {
        self.next += 1;
        RecordId::new(*b"750", self.next)
    }

    pub(super) fn find(&self, id: &str, kind: JobKind) -> Option<&Job> {
        let id = RecordId::parse(id)?;
        self.all.iter().find(|job| job.id == id && job.kind == kind)
    }

    pub(super) fn find_mut(&mut self, id: &str, kind: JobKind) -> Option<&mut Job> {
        let id = RecordId::parse(id)?;
        self.all.iter_mut().find(|job| job.id == id && job.kind == kind)
    }

    /// Whether a job's work is due.
    pub(crate) fn any_due(&self, now: Timestamp) -> bool {
        self.all
            .iter()
            .any(|job| matches!(job.stage, Stage::Working { due, .. } if due <= now))
    }

    /// Query jobs of the last 24 hours.
    pub(crate) fn queries_today(&self, now: i64) -> u64 {
        self.all
            .iter()
            .filter(|job| job.kind == JobKind::Query && job.created > now - 24 * 3600)
            .count() as u64
    }

    /// Query jobs that may still be made within 24 hours.
    pub(crate) fn queries_left(&self, now: i64) -> u64 {
        self.daily_queries.saturating_sub(self.queries_today(now))
    }

    /// Query jobs allowed in 24 hours.
    pub(crate) fn daily_queries(&self) -> u64 {
        self.daily_queries
    }

    pub(super) fn forget_old(&mut self, now: i64) {
        self.all.retain(|job| !job.is_over() || job.changed > now - KEPT);
    }
}

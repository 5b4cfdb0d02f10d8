//! [`OverlayStore`]: what a dry run writes to. Reads fall through to the store below, writes stay in memory, and both
//! are gone with it.
//!
//! Nothing is locked below: each transaction reads at one consistent point of its own, so edits by the app, other runs
//! and refreshed tokens go on while it is open. Records that the overlay has written to hide those below.

mod documents;
mod inbox;
mod journal;
mod kept;
mod keys;
mod names;
mod records;
mod transaction;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::TenantId;
use syncline_core::store::{DocumentKind, Mode, Sequence, Store, Transaction};

use transaction::OverlayTransaction;

/// The next numbers that an overlay gives. Without an entry they begin far above those of any store, so that what the
/// store below gives meanwhile is never mistaken for something of the overlay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// By sequence.
    pub sequences: BTreeMap<Sequence, u64>,
    /// By kind of document.
    pub documents: BTreeMap<DocumentKind, u64>,
}

impl Numbers {
    fn of_sequence(&self, sequence: Sequence) -> u64 {
        // Entity numbers stay below 2^55, numbers of sides below 2^32.
        let far = match sequence {
            Sequence::Mark => 1 << 62,
            Sequence::Entity => 1 << 54,
            Sequence::Side => 1 << 31,
        };
        self.sequences.get(&sequence).copied().unwrap_or(far)
    }

    fn of_documents(&self, kind: DocumentKind) -> u64 {
        self.documents.get(&kind).copied().unwrap_or(1 << 52)
    }
}

/// A store that keeps what is written to it in memory, over another one that it only reads. Clones share their content.
///
/// Two of the port's calls are not supported, since nothing that plans needs them: removing old operations, and removing
/// old bodies of the audit.
#[derive(Debug, Clone)]
pub struct OverlayStore {
    base: Arc<dyn Store>,
    numbers: Arc<Numbers>,
    limit: usize,
    committed: Arc<Mutex<Delta>>,
    writer: Arc<tokio::sync::Mutex<()>>,
}

/// Everything written. A clone costs a pointer per map and shares the rest.
#[derive(Clone, Default)]
struct Delta {
    sequences: BTreeMap<Sequence, u64>,
    documents: documents::Documents,
    records: records::Records,
    names: names::Names,
    keys: keys::Keys,
    journal: journal::Journal,
    inbox: inbox::Inbox,
}

impl std::fmt::Debug for Delta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delta")
            .field("held", &self.held())
            .finish_non_exhaustive()
    }
}

impl Delta {
    /// Records, documents and operations held.
    fn held(&self) -> usize {
        self.records.len() + self.documents.len() + self.journal.len()
    }
}

impl OverlayStore {
    /// An overlay that holds at most `limit` records, documents and operations.
    pub fn new(base: Arc<dyn Store>, limit: usize) -> Self {
        Self {
            base,
            numbers: Arc::default(),
            limit,
            committed: Arc::default(),
            writer: Arc::default(),
        }
    }

    /// Goes on with these numbers, for comparing an overlay with another store.
    #[must_use]
    pub fn numbered_from(mut self, numbers: Numbers) -> Self {
        self.numbers = Arc::new(numbers);
        self
    }

    fn commit(&self, delta: Delta) -> Result<()> {
        if delta.held() > self.limit {
            return Err(Error::new(
                ErrorKind::Stopped,
                format!(
                    "a dry run keeps what it plans in memory, at most {} records; this one needs more, so its plan ends \
                     here: choose fewer records by sync, object, record id or largest number",
                    self.limit
                ),
            ));
        }
        *self.committed.lock().unwrap_or_else(PoisonError::into_inner) = delta;
        Ok(())
    }
}

#[async_trait]
impl Store for OverlayStore {
    async fn begin(&self, mode: Mode) -> Result<Box<dyn Transaction>> {
        self.begin_for(0, mode).await
    }

    async fn begin_for(&self, tenant: TenantId, mode: Mode) -> Result<Box<dyn Transaction>> {
        let writer = match mode {
            Mode::Read => None,
            Mode::Write | Mode::WriteDurable => Some(Arc::clone(&self.writer).lock_owned().await),
        };
        let base = self.base.begin_for(tenant, Mode::Read).await?;
        let delta = self.committed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Box::new(OverlayTransaction::new(self.clone(), base, delta, writer)))
    }

    fn label(&self) -> String {
        format!("memory over {}", self.base.label())
    }
}

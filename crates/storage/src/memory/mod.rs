//! [`MemoryStore`]: everything in persistent maps, so that a snapshot, an undo and a crash are each one pointer.

mod audit;
mod document;
mod entity;
mod inbox;
mod index;
mod key;
mod operation;
mod sequence;
mod side;
mod transaction;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::lock::Mutex as AsyncMutex;
use syncline_core::Result;
use syncline_core::store::{Generation, Mode, Noted, Store, Transaction};

use crate::refusal;
use transaction::MemoryTransaction;

/// A store in memory, for tests, simulations and trying things out. Clones share their content.
///
/// It is deterministic, needs no runtime, and knows what a crash is: what was not committed when
/// [`MemoryStore::crash`] is called never happened.
///
/// ```
/// use syncline_core::store::{Mode, Sequence, Store};
/// use syncline_storage::MemoryStore;
///
/// # futures::executor::block_on(async {
/// let store = MemoryStore::new();
/// let mut transaction = store.begin(Mode::Write).await?;
/// assert_eq!(transaction.reserve(Sequence::Entity, 10).await?, 1);
/// transaction.commit().await?;
/// # Ok::<(), syncline_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    current: Arc<Mutex<Current>>,
}

/// What is committed, and who may commit next.
#[derive(Default)]
struct Current {
    committed: State,
    /// Number of crashes: transactions of an earlier life are void.
    life: u64,
    writer: Arc<AsyncMutex<()>>,
    /// Not part of what a backup holds.
    noted: Option<Generation>,
}

/// What a [`MemoryStore`] held at some moment.
#[derive(Clone)]
pub struct MemoryBackup(State);

impl fmt::Debug for MemoryBackup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBackup").finish_non_exhaustive()
    }
}

/// Everything stored. A clone costs a pointer per map and shares the rest.
#[derive(Clone, Default)]
struct State {
    sequences: sequence::Sequences,
    documents: document::Documents,
    entities: entity::Entities,
    sides: side::Sides,
    keys: key::Keys,
    index: index::Index,
    operations: operation::Operations,
    inbox: inbox::Inbox,
    audit: audit::Audit,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Does what a crash of the process does: only committed state survives, and every open transaction, whoever
    /// holds it, fails from now on and keeps nobody waiting.
    pub fn crash(&self) {
        let mut current = self.lock();
        current.life += 1;
        current.writer = Arc::default();
    }

    /// A copy of what is committed.
    pub fn backup(&self) -> MemoryBackup {
        MemoryBackup(self.lock().committed.clone())
    }

    /// Puts a copy back, as somebody who restores a database does; open transactions fail from now on.
    pub fn restore(&self, backup: MemoryBackup) {
        self.crash();
        self.lock().committed = backup.0;
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn noted_generation(&self) -> Result<Noted> {
        Ok(self.lock().noted.map_or(Noted::Nothing, Noted::Generation))
    }

    async fn note_generation(&self, generation: Generation) -> Result<()> {
        self.lock().noted = Some(generation);
        Ok(())
    }

    async fn begin(&self, mode: Mode) -> Result<Box<dyn Transaction>> {
        let (life, writer) = {
            let current = self.lock();
            (current.life, Arc::clone(&current.writer))
        };
        let writer = match mode {
            Mode::Read => None,
            Mode::Write | Mode::WriteDurable => Some(writer.lock_owned().await),
        };
        let state = {
            let current = self.lock();
            if current.life != life {
                return Err(refusal::crashed());
            }
            current.committed.clone()
        };
        Ok(Box::new(MemoryTransaction::new(self.clone(), life, state, writer)))
    }

    fn label(&self) -> String {
        "memory".to_owned()
    }
}

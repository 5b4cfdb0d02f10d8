//! [`Memory`]: says no to what would take an instance past its limits, and remembers that it did.

use wasmtime::ResourceLimiter;

use crate::limits::Limits;

/// Memories of one instance. A component may have several small modules beside the one that matters.
const MEMORIES: usize = 4;
/// Tables and core instances, likewise.
const TABLES: usize = 16;

/// Says no to what would take an instance past its limits. A module that is told no usually ends itself, so what it was
/// refused is remembered: it says more than the crash.
#[derive(Debug)]
pub(crate) struct Memory {
    most_bytes: usize,
    most_entries: usize,
    /// What was refused last.
    pub(crate) refused: Option<String>,
}

impl Memory {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            most_bytes: limits.memory_bytes,
            most_entries: limits.table_entries,
            refused: None,
        }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.most_bytes;
        if !fits {
            self.refused = Some(format!(
                "the plugin asked for more memory than the {} MiB that it may have",
                self.most_bytes >> 20
            ));
        }
        Ok(fits)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.most_entries;
        if !fits {
            self.refused = Some(format!(
                "the plugin asked for a table of more than the {} entries that it may have",
                self.most_entries
            ));
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        TABLES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

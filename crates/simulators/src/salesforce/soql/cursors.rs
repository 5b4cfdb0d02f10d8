//! Open queries, whose further pages a locator names.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compiled::Compiled;
use crate::salesforce::id::RecordId;
use crate::salesforce::table::Slot;

/// How many queries one user can have open before the one used longest ago is closed.
const OPEN: usize = 10;
/// How long an unused query stays open, in seconds.
const LIFE: i64 = 2 * 24 * 3600;

/// A snapshot of ids; the values are read when a page is asked for.
#[derive(Clone, Debug)]
pub(super) struct Cursor {
    pub(super) query: Arc<Compiled>,
    pub(super) slots: Arc<Vec<Slot>>,
    pub(super) total: usize,
    pub(super) all_rows: bool,
    pub(super) batch: usize,
    used: i64,
    turn: u64,
}

/// The open queries.
#[derive(Debug, Default)]
pub(crate) struct Cursors {
    next: u64,
    open: BTreeMap<u64, Cursor>,
}

impl Cursors {
    /// Opens a query and gives the first part of its locators.
    pub(super) fn open(
        &mut self,
        query: Arc<Compiled>,
        slots: Arc<Vec<Slot>>,
        total: usize,
        all_rows: bool,
        batch: usize,
        now: i64,
    ) -> String {
        self.next += 1;
        let cursor = Cursor {
            query,
            slots,
            total,
            all_rows,
            batch,
            used: now,
            turn: self.next,
        };
        self.open.insert(self.next, cursor);
        if self.open.len() > OPEN
            && let Some(oldest) = self
                .open
                .iter()
                .min_by_key(|(_, cursor)| cursor.turn)
                .map(|(id, _)| *id)
        {
            self.open.remove(&oldest);
        }
        // A name rather than a counter would survive being guessed; nothing here depends on it.
        RecordId::new(*b"0r8", self.next).to_string()
    }

    /// The query and the offset that a locator names.
    pub(super) fn find(&mut self, locator: &str, now: i64) -> Option<(Cursor, usize)> {
        let (id, offset) = locator.split_once('-')?;
        let offset = offset.parse().ok()?;
        let number = RecordId::parse(id).filter(|id| id.prefix() == *b"0r8")?.number()?;
        self.next += 1;
        let turn = self.next;
        let cursor = self.open.get_mut(&number)?;
        if now - cursor.used > LIFE {
            self.open.remove(&number);
            return None;
        }
        cursor.used = now;
        cursor.turn = turn;
        Some((cursor.clone(), offset))
    }

    /// Forgets every open query, as a restart of the service may.
    pub(crate) fn close_all(&mut self) {
        self.open.clear();
    }
}

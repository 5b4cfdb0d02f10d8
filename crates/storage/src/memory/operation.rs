use std::ops::Bound;

use jiff::Timestamp;
use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};
use syncline_core::Result;
use syncline_core::state::{Operation, OperationState, SideId};
use uuid::Uuid;

use crate::packed::{PackedOperation, micros};

#[derive(Clone, Default)]
pub(super) struct Operations {
    rows: RedBlackTreeMapSync<Uuid, PackedOperation>,
    by_state: RedBlackTreeSetSync<(SideId, OperationState, i64, Uuid)>,
    by_run: RedBlackTreeSetSync<(u64, Uuid)>,
}

impl Operations {
    pub(super) fn put(&mut self, operations: &[&Operation]) -> Result<()> {
        for operation in operations {
            let row = PackedOperation::pack(operation)?;
            self.remove(row.id);
            self.by_state.insert_mut((row.side, row.state, row.created, row.id));
            self.by_run.insert_mut((row.run, row.id));
            self.rows.insert_mut(row.id, row);
        }
        Ok(())
    }

    pub(super) fn of_side(&self, side: SideId, states: &[OperationState], limit: usize) -> Result<Vec<Operation>> {
        let mut states = states.to_vec();
        states.sort_unstable();
        states.dedup();
        let mut found: Vec<(i64, Uuid)> = states
            .into_iter()
            .flat_map(|state| {
                let all = (side, state, i64::MIN, Uuid::nil())..=(side, state, i64::MAX, Uuid::max());
                self.by_state.range(all).take(limit)
            })
            .map(|(_, _, created, id)| (*created, *id))
            .collect();
        found.sort_unstable();
        self.unpack(found.into_iter().map(|(_, id)| id).take(limit))
    }

    pub(super) fn of_run(&self, run: u64, after: Option<Uuid>, limit: usize) -> Result<Vec<Operation>> {
        let start = after.map_or(Bound::Included((run, Uuid::nil())), |after| {
            Bound::Excluded((run, after))
        });
        let found = self.by_run.range((start, Bound::Included((run, Uuid::max()))));
        self.unpack(found.map(|(_, id)| *id).take(limit))
    }

    pub(super) fn purge(&mut self, before: Timestamp) -> u64 {
        let old: Vec<Uuid> = self
            .rows
            .values()
            .filter(|row| !row.state.is_open() && row.created < micros(before))
            .map(|row| row.id)
            .collect();
        for id in &old {
            self.remove(*id);
        }
        old.len() as u64
    }

    /// All operations of a side.
    pub(super) fn forget(&mut self, side: SideId) {
        let own: Vec<Uuid> = self
            .rows
            .values()
            .filter(|row| row.side == side)
            .map(|row| row.id)
            .collect();
        for id in own {
            self.remove(id);
        }
    }

    fn unpack(&self, ids: impl Iterator<Item = Uuid>) -> Result<Vec<Operation>> {
        ids.filter_map(|id| self.rows.get(&id))
            .map(|row| PackedOperation::unpack(row.id, &row.body, &row.vals))
            .collect()
    }

    fn remove(&mut self, id: Uuid) {
        let Some(row) = self.rows.get(&id) else { return };
        self.by_state.remove_mut(&(row.side, row.state, row.created, id));
        self.by_run.remove_mut(&(row.run, id));
        self.rows.remove_mut(&id);
    }
}

//! What runs now in this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use syncline_core::model::BlueprintId;

use crate::http::StopFlag;

/// What runs now in this process.
#[derive(Debug, Default)]
pub(crate) struct Runner {
    /// One lock per connection: the queue of this process.
    lanes: Mutex<BTreeMap<u64, Arc<tokio::sync::Mutex<()>>>>,
    pub(super) stops: Mutex<BTreeMap<u64, StopFlag>>,
    /// Rung when something became due.
    pub(crate) bell: tokio::sync::Notify,
    /// Rung when the app or a person has changed something that a run may have to write.
    pub(crate) edited: tokio::sync::Notify,
    /// Held while new records are matched: two connections that matched at once would each find nobody, and make the
    /// same person twice.
    pub(crate) linking: tokio::sync::Mutex<()>,
    /// One lock per blueprint: two runs of this process that carried the same file at once would each make one.
    carrying: Mutex<BTreeMap<BlueprintId, Arc<tokio::sync::Mutex<()>>>>,
}

impl Runner {
    pub(crate) fn lane(&self, connection: u64) -> Arc<tokio::sync::Mutex<()>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.entry(connection).or_default().clone()
    }

    pub(super) fn carrying(&self, blueprint: BlueprintId) -> Arc<tokio::sync::Mutex<()>> {
        let mut carrying = self.carrying.lock().unwrap_or_else(PoisonError::into_inner);
        carrying.entry(blueprint).or_default().clone()
    }

    pub(crate) fn stop_flag(&self, run: u64) -> StopFlag {
        self.stops
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(run)
            .or_default()
            .clone()
    }

    pub(crate) fn forget(&self, run: u64) {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
    }
}

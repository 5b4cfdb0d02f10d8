//! A store that can't be written now and then.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use syncline_core::store::{Mode, Store, Transaction};
use syncline_core::{Error, ErrorKind, Result};

/// Fails the writes that the script says fail; writes after its end work.
#[derive(Debug, Clone)]
pub(crate) struct FlakyStore {
    inner: Arc<dyn Store>,
    works: Arc<Mutex<VecDeque<bool>>>,
}

impl FlakyStore {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            works: Arc::default(),
        }
    }

    /// Whether each of the next writes works.
    pub(crate) fn script(&self, works: &[bool]) {
        self.works.lock().unwrap().extend(works);
    }
}

#[async_trait]
impl Store for FlakyStore {
    async fn begin(&self, mode: Mode) -> Result<Box<dyn Transaction>> {
        if mode != Mode::Read && self.works.lock().unwrap().pop_front() == Some(false) {
            return Err(Error::new(ErrorKind::Store, "the disk is full"));
        }
        self.inner.begin(mode).await
    }

    fn label(&self) -> String {
        "flaky".to_owned()
    }
}

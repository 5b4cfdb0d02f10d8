//! What every [`Store`] has to do: each sentence of the port's documentation as a case.
//!
//! ```no_run
//! # async fn example(fresh: impl Fn() -> syncline_storage::MemoryStore) -> syncline_core::Result<()> {
//! for case in syncline_testkit::store::cases() {
//!     let store = fresh();
//!     case.run(&store).await?;
//! }
//! # Ok(())
//! # }
//! ```

/// The cases of one topic, named as their functions are.
macro_rules! topic {
    ($($name:ident),+ $(,)?) => {
        /// The cases of this topic.
        pub(super) fn cases() -> Vec<$crate::store::Case> {
            vec![$($crate::store::Case {
                name: stringify!($name),
                check: |store| Box::pin($name(store)),
            }),+]
        }
    };
}

mod alias;
mod audit;
mod differential;
mod document;
mod entity;
mod flag;
mod generation;
mod inbox;
mod index;
mod key;
mod operation;
mod page;
mod sample;
mod sequence;
mod side;
mod transaction;

use futures::future::BoxFuture;
use syncline_core::Result;
use syncline_core::store::Store;

pub use differential::{compare, compare_overlay};

/// One thing that a store has to do.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The behaviour, as a sentence.
    pub name: &'static str,
    check: Check,
}

type Check = for<'a> fn(&'a dyn Store) -> BoxFuture<'a, Result<()>>;

impl Case {
    /// Checks it on an empty store. Panics where the store does otherwise.
    ///
    /// # Errors
    /// The store's own, where it fails at what it should do.
    pub async fn run(&self, store: &dyn Store) -> Result<()> {
        (self.check)(store).await
    }
}

/// All cases; each wants a fresh store.
pub fn cases() -> Vec<Case> {
    [
        transaction::cases(),
        sequence::cases(),
        document::cases(),
        entity::cases(),
        side::cases(),
        page::cases(),
        flag::cases(),
        alias::cases(),
        key::cases(),
        index::cases(),
        generation::cases(),
        operation::cases(),
        inbox::cases(),
        audit::cases(),
    ]
    .concat()
}

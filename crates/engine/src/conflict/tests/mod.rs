mod fields;
mod records;

use syncline_core::store::Transaction;

use crate::actor::Actor;
use crate::engine::Inner;
use crate::run::SyncContext;

/// A sync as matching sees it.
pub(crate) async fn context_for_tests(
    inner: &Inner,
    tx: &mut dyn Transaction,
    sync: u64,
    actor: &Actor,
) -> SyncContext {
    super::offline::context_of(inner, tx, sync, actor).await.unwrap()
}

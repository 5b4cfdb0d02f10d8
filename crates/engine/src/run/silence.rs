//! Fields that an answer leaves out: empty, or no longer there? Some providers leave out what is empty, and all that we know
//! leave out without a word what was archived or may no longer be seen. Taking the second for the first would empty the
//! field everywhere.

use std::sync::atomic::Ordering;

use syncline_core::batch::{Batch, RowRef, RowState};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::schema::Described;
use syncline_core::store::Mode;

use super::context::{SyncContext, compile_sync};
use crate::connection::Connection;
use crate::document;
use crate::engine::Inner;
use crate::sync::put_schema;

/// Asks once per run whether the mapped fields are still there, before any that is left out is taken for an empty one.
/// Costs nothing where answers name empty fields.
///
/// # Errors
/// [`ErrorKind::Refused`] with what is gone; as [`syncline_core::connector::Connector::describe`].
pub(crate) async fn check(inner: &Inner, context: &SyncContext, batch: &Batch) -> Result<()> {
    if context.fields_are_there.load(Ordering::Relaxed) || !batch.rows().any(|row| is_silent(context, &row)) {
        return Ok(());
    }
    let object = &context.mapping.object;
    let described = context
        .connector
        .describe(context.io.as_ref(), &context.config, object, None);
    if let Described::Schema(schema) = described.await? {
        let mut tx = inner.store.begin(Mode::Write).await?;
        let connection = document::get::<Connection>(tx.as_mut(), context.sync.connection).await?;
        // From now on only what maps it can't run.
        put_schema(tx.as_mut(), &connection, object, &schema, inner.clock.now()).await?;
        tx.commit().await?;
        let provider = &connection.provider;
        compile_sync(inner, &context.sync, provider, &context.blueprint, &schema).map_err(|error| {
            Error::new(
                ErrorKind::Refused,
                format!(
                    "{}; it was archived or is out of sight since, so nothing that is missing was taken for emptied. Correct the \
                     mapping, or bring it back there",
                    error.message()
                ),
            )
        })?;
    }
    context.fields_are_there.store(true, Ordering::Relaxed);
    Ok(())
}

/// Whether a row that should tell everything leaves out a field of the record itself. Those of other records
/// (`Account.Name`, an association) are left out where there is no such record.
fn is_silent(context: &SyncContext, row: &RowRef<'_>) -> bool {
    let carried = row.carried();
    if carried.is_all() || !row.is_complete() || row.state() != RowState::Live {
        return false;
    }
    let fields = context.mapping.projection.fields.iter().enumerate();
    let mut own = fields.filter(|(_, field)| !field.path.contains('.'));
    own.any(|(place, _)| !carried.has(place))
}

//! The note "beside" the database: how far the last run came, and in which place that was.
//!
//! No file is in reach of all processes. But a database that was put back from a dump is made of new tables, in another
//! cluster or another database or under other numbers; and one that was put back to an earlier moment, or whose standby
//! took over, is on another timeline. So the note holds the place as well, and counts for nothing in another one. A copy
//! of the cluster's files that is put back while the server is down can't be told from the original.

use sqlx::PgPool;
use syncline_core::Result;
use syncline_core::store::{Generation, Noted};
use uuid::Uuid;

use super::error::{column, failed, unsigned};

/// Cluster, timeline, database and table.
macro_rules! place {
    () => {
        "concat_ws('/', (SELECT system_identifier FROM pg_control_system()), \
         (SELECT timeline_id FROM pg_control_checkpoint()), \
         (SELECT oid FROM pg_database WHERE datname = current_database()), 'document'::regclass::oid)"
    };
}

const READ: &str = concat!("SELECT store, number, place = ", place!(), " FROM generation");
const WRITE: &str = concat!(
    "INSERT INTO generation (place, store, number) VALUES (",
    place!(),
    ", $1, $2) ON CONFLICT (one) DO UPDATE SET place = excluded.place, store = excluded.store, number = excluded.number"
);

pub(super) async fn read(pool: &PgPool) -> Result<Noted> {
    let row = sqlx::query(READ).fetch_optional(pool).await.map_err(failed)?;
    let Some(row) = row.filter(|row| column(row, 2).unwrap_or(false)) else {
        return Ok(Noted::Nothing);
    };
    Ok(Noted::Generation(Generation {
        store: column::<Uuid>(&row, 0)?,
        number: unsigned(&row, 1)?,
    }))
}

pub(super) async fn write(pool: &PgPool, generation: Generation) -> Result<()> {
    sqlx::query(WRITE)
        .bind(generation.store)
        .bind(generation.number.cast_signed())
        .execute(pool)
        .await
        .map_err(failed)?;
    Ok(())
}

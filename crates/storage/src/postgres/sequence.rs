use sqlx::PgConnection;
use syncline_core::Result;
use syncline_core::store::Sequence;

use super::error::failed;

// The rows stand from the beginning, and are locked in one order: see `locks`.
const RESERVE: &str = "UPDATE sequence SET last = last + $2 WHERE number = $1 RETURNING last";

pub(super) async fn reserve(connection: &mut PgConnection, sequence: Sequence, count: u64) -> Result<u64> {
    let last: i64 = sqlx::query_scalar(RESERVE)
        .bind(sequence as i16)
        .bind(count.cast_signed())
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    Ok(last.cast_unsigned() - count + 1)
}

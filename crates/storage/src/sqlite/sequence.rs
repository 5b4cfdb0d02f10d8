use sqlx::SqliteConnection;
use syncline_core::Result;
use syncline_core::store::Sequence;

use super::error::failed;

const RESERVE: &str = "INSERT INTO sequence (number, last) VALUES (?1, ?2) \
    ON CONFLICT (number) DO UPDATE SET last = last + excluded.last RETURNING last";

pub(super) async fn reserve(connection: &mut SqliteConnection, sequence: Sequence, count: u64) -> Result<u64> {
    let last: i64 = sqlx::query_scalar(RESERVE)
        .bind(sequence as u8)
        .bind(count.cast_signed())
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    Ok(last.cast_unsigned() - count + 1)
}

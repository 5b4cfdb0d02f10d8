use sqlx::SqliteConnection;
use syncline_core::Result;
use syncline_core::state::SideId;
use syncline_core::store::InboxEntry;

use super::error::{column, failed, unsigned};
use super::rows::{Rows, json, limit};

pub(super) static PUT: Rows = Rows::new(
    "INSERT INTO inbox (side, ext, seq) VALUES ",
    3,
    " ON CONFLICT (side, ext) DO UPDATE SET seq = max(seq, excluded.seq)",
);
pub(super) const FIND: &str = "SELECT ext, seq FROM inbox WHERE side = ? ORDER BY seq, ext LIMIT ?";
pub(super) const CLEAR: &str =
    "DELETE FROM inbox WHERE side = ?1 AND ext IN (SELECT value FROM json_each(?2)) AND seq < ?3";

pub(super) async fn put(connection: &mut SqliteConnection, hints: &[InboxEntry]) -> Result<()> {
    PUT.execute(connection, hints, |hint, row| {
        row.add(hint.side)?
            .add(hint.ext.as_str())?
            .add(hint.seq.cast_signed())?;
        Ok(())
    })
    .await
    .map_err(failed)
}

pub(super) async fn find(connection: &mut SqliteConnection, side: SideId, most: usize) -> Result<Vec<InboxEntry>> {
    let rows = sqlx::query(FIND)
        .bind(side)
        .bind(limit(most))
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter()
        .map(|row| {
            Ok(InboxEntry {
                side,
                ext: column(row, 0)?,
                seq: unsigned(row, 1)?,
            })
        })
        .collect()
}

pub(super) async fn clear(connection: &mut SqliteConnection, side: SideId, exts: &[&str], mark: u64) -> Result<()> {
    sqlx::query(CLEAR)
        .bind(side)
        .bind(json(exts))
        .bind(i64::try_from(mark).unwrap_or(i64::MAX))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

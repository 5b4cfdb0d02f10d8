use std::collections::BTreeMap;

use sqlx::PgConnection;
use syncline_core::Result;
use syncline_core::state::SideId;
use syncline_core::store::InboxEntry;

use super::error::{column, failed, unsigned};
use super::rows::limit;

pub(super) const PUT: &str = "INSERT INTO inbox (side, ext, seq) SELECT * FROM unnest($1::bigint[], $2::text[], \
    $3::bigint[]) ON CONFLICT (side, ext) DO UPDATE SET seq = greatest(inbox.seq, excluded.seq)";
pub(super) const FIND: &str = "SELECT ext, seq FROM inbox WHERE side = $1 ORDER BY seq, ext LIMIT $2";
pub(super) const CLEAR: &str = "DELETE FROM inbox WHERE side = $1 AND ext = ANY($2) AND seq < $3";

pub(super) async fn put(connection: &mut PgConnection, hints: &[InboxEntry]) -> Result<()> {
    // One row per record: a statement can't write one twice. And in one order, so that who hints the same records at
    // once waits, and never for each other.
    let mut latest: BTreeMap<(SideId, &str), u64> = BTreeMap::new();
    for hint in hints {
        let seq = latest.entry((hint.side, &hint.ext)).or_default();
        *seq = hint.seq.max(*seq);
    }
    if latest.is_empty() {
        return Ok(());
    }
    let sides: Vec<i64> = latest.keys().map(|(side, _)| i64::from(*side)).collect();
    let exts: Vec<&str> = latest.keys().map(|(_, ext)| *ext).collect();
    let seqs: Vec<i64> = latest.values().map(|seq| seq.cast_signed()).collect();
    sqlx::query(PUT)
        .bind(sides)
        .bind(exts)
        .bind(seqs)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

pub(super) async fn find(connection: &mut PgConnection, side: SideId, most: usize) -> Result<Vec<InboxEntry>> {
    let rows = sqlx::query(FIND)
        .bind(i64::from(side))
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

pub(super) async fn clear(connection: &mut PgConnection, side: SideId, exts: &[&str], mark: u64) -> Result<()> {
    if exts.is_empty() {
        return Ok(());
    }
    sqlx::query(CLEAR)
        .bind(i64::from(side))
        .bind(exts)
        .bind(i64::try_from(mark).unwrap_or(i64::MAX))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

use jiff::Timestamp;
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use syncline_core::Result;
use syncline_core::model::TenantId;
use syncline_core::store::AuditBlock;

use super::error::{bytes, column, failed, small, unsigned};
use super::rows::limit;
use crate::packed::{instant, micros};
use crate::refusal;

pub(super) const HEAD: &str = "SELECT seq, root FROM audit WHERE tenant = $1 ORDER BY seq DESC LIMIT 1";
pub(super) const APPEND: &str = "INSERT INTO audit (tenant, seq, run, at, entries, previous, root, body) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
pub(super) const FIND: &str = "SELECT tenant, seq, run, at, entries, previous, root, body FROM audit \
    WHERE tenant = $1 AND seq > $2 ORDER BY seq LIMIT $3";
pub(super) const FIND_RUN: &str = "SELECT tenant, seq, run, at, entries, previous, root, body FROM audit \
    WHERE tenant = $1 AND seq > $2 AND run = $4 ORDER BY seq LIMIT $3";
pub(super) const PURGE: &str = "UPDATE audit SET body = '' WHERE tenant = $1 AND at < $2 AND body <> ''";

pub(super) async fn head(connection: &mut PgConnection, tenant: TenantId) -> Result<(u64, [u8; 32])> {
    let row = sqlx::query(HEAD)
        .bind(i64::from(tenant))
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    row.map_or(Ok((0, [0; 32])), |row| Ok((unsigned(&row, 0)?, bytes(&row, 1)?)))
}

pub(super) async fn append(connection: &mut PgConnection, block: &AuditBlock) -> Result<()> {
    let (last, _) = head(&mut *connection, block.tenant).await?;
    if block.seq != last + 1 {
        return Err(refusal::stale_audit(block.tenant, last, block.seq));
    }
    sqlx::query(APPEND)
        .bind(i64::from(block.tenant))
        .bind(block.seq.cast_signed())
        .bind(block.run.cast_signed())
        .bind(micros(block.at))
        .bind(i64::from(block.count))
        .bind(&block.previous[..])
        .bind(&block.root[..])
        .bind(block.body.as_slice())
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

pub(super) async fn find(
    connection: &mut PgConnection,
    tenant: TenantId,
    run: Option<u64>,
    after: u64,
    most: usize,
) -> Result<Vec<AuditBlock>> {
    let mut query = sqlx::query(if run.is_some() { FIND_RUN } else { FIND })
        .bind(i64::from(tenant))
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(limit(most));
    if let Some(run) = run {
        query = query.bind(run.cast_signed());
    }
    let rows = query.fetch_all(connection).await.map_err(failed)?;
    rows.iter().map(block).collect()
}

pub(super) async fn purge(connection: &mut PgConnection, tenant: TenantId, before: Timestamp) -> Result<u64> {
    let done = sqlx::query(PURGE)
        .bind(i64::from(tenant))
        .bind(micros(before))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(done.rows_affected())
}

fn block(row: &PgRow) -> Result<AuditBlock> {
    Ok(AuditBlock {
        tenant: small(row, 0)?,
        seq: unsigned(row, 1)?,
        run: unsigned(row, 2)?,
        at: instant(column(row, 3)?)?,
        count: small(row, 4)?,
        previous: bytes(row, 5)?,
        root: bytes(row, 6)?,
        body: column(row, 7)?,
    })
}

use jiff::Timestamp;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use syncline_core::Result;
use syncline_core::state::{Operation, OperationState, SideId};
use uuid::Uuid;

use super::error::{bytes, column, failed};
use super::rows::{Rows, json, limit};
use crate::packed::{PackedOperation, micros};

pub(super) static PUT: Rows = Rows::new(
    "INSERT INTO operation (id, side, state, run, created, body, vals) VALUES ",
    7,
    " ON CONFLICT (id) DO UPDATE SET side = excluded.side, state = excluded.state, run = excluded.run, \
     created = excluded.created, body = excluded.body, vals = excluded.vals",
);
pub(super) const OF_SIDE: &str = "SELECT id, body, vals FROM operation \
    WHERE side = ?1 AND state IN (SELECT value FROM json_each(?2)) ORDER BY created, id LIMIT ?3";
pub(super) const OF_RUN: &str = "SELECT id, body, vals FROM operation WHERE run = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
pub(super) const PURGE: &str =
    "DELETE FROM operation WHERE state NOT IN (SELECT value FROM json_each(?1)) AND created < ?2";

const OPEN: [OperationState; 3] = [OperationState::Intent, OperationState::Sent, OperationState::Unknown];

pub(super) async fn put(connection: &mut SqliteConnection, operations: &[&Operation]) -> Result<()> {
    let packed: Vec<PackedOperation> = operations
        .iter()
        .map(|operation| PackedOperation::pack(operation))
        .collect::<Result<_>>()?;
    PUT.execute(connection, &packed, |packed, row| {
        row.add(&packed.id.as_bytes()[..])?
            .add(packed.side)?
            .add(packed.state as u8)?
            .add(packed.run.cast_signed())?
            .add(packed.created)?
            .add(packed.body.as_str())?
            .add(packed.vals.as_slice())?;
        Ok(())
    })
    .await
    .map_err(failed)
}

pub(super) async fn of_side(
    connection: &mut SqliteConnection,
    side: SideId,
    states: &[OperationState],
    most: usize,
) -> Result<Vec<Operation>> {
    let rows = sqlx::query(OF_SIDE)
        .bind(side)
        .bind(codes(states))
        .bind(limit(most))
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter().map(operation).collect()
}

pub(super) async fn of_run(
    connection: &mut SqliteConnection,
    run: u64,
    after: Option<Uuid>,
    most: usize,
) -> Result<Vec<Operation>> {
    let after = after.map_or_else(Vec::new, |after| after.as_bytes().to_vec());
    let rows = sqlx::query(OF_RUN)
        .bind(run.cast_signed())
        .bind(after)
        .bind(limit(most))
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter().map(operation).collect()
}

pub(super) async fn purge(connection: &mut SqliteConnection, before: Timestamp) -> Result<u64> {
    let done = sqlx::query(PURGE)
        .bind(codes(&OPEN))
        .bind(micros(before))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(done.rows_affected())
}

fn codes(states: &[OperationState]) -> String {
    let codes: Vec<u8> = states.iter().map(|state| *state as u8).collect();
    json(&codes)
}

fn operation(row: &SqliteRow) -> Result<Operation> {
    PackedOperation::unpack(Uuid::from_bytes(bytes(row, 0)?), column(row, 1)?, column(row, 2)?)
}

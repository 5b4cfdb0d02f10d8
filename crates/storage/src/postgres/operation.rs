use jiff::Timestamp;
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use syncline_core::Result;
use syncline_core::state::{Operation, OperationState, SideId};
use uuid::Uuid;

use super::error::{column, failed};
use super::rows::{limit, without_repeats};
use crate::packed::{PackedOperation, micros};

pub(super) const PUT: &str = "INSERT INTO operation (id, side, state, run, created, body, vals) SELECT * FROM unnest(\
    $1::uuid[], $2::bigint[], $3::smallint[], $4::bigint[], $5::bigint[], $6::text[], $7::bytea[]) \
    ON CONFLICT (id) DO UPDATE SET side = excluded.side, state = excluded.state, run = excluded.run, \
    created = excluded.created, body = excluded.body, vals = excluded.vals";
pub(super) const OF_SIDE: &str = "SELECT id, body, vals FROM operation \
    WHERE side = $1 AND state = ANY($2) ORDER BY created, id LIMIT $3";
pub(super) const OF_RUN: &str = "SELECT id, body, vals FROM operation \
    WHERE run = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3";
pub(super) const PURGE: &str = "DELETE FROM operation WHERE state <> ALL($1) AND created < $2";

const OPEN: [OperationState; 3] = [OperationState::Intent, OperationState::Sent, OperationState::Unknown];

pub(super) async fn put(connection: &mut PgConnection, operations: &[&Operation]) -> Result<()> {
    let packed: Vec<PackedOperation> = operations
        .iter()
        .map(|operation| PackedOperation::pack(operation))
        .collect::<Result<_>>()?;
    for part in without_repeats(&packed, |packed| packed.id) {
        let ids: Vec<Uuid> = part.iter().map(|packed| packed.id).collect();
        let sides: Vec<i64> = part.iter().map(|packed| i64::from(packed.side)).collect();
        let states: Vec<i16> = part.iter().map(|packed| packed.state as i16).collect();
        let runs: Vec<i64> = part.iter().map(|packed| packed.run.cast_signed()).collect();
        let created: Vec<i64> = part.iter().map(|packed| packed.created).collect();
        let bodies: Vec<&str> = part.iter().map(|packed| packed.body.as_str()).collect();
        let vals: Vec<&[u8]> = part.iter().map(|packed| packed.vals.as_slice()).collect();
        sqlx::query(PUT)
            .bind(ids)
            .bind(sides)
            .bind(states)
            .bind(runs)
            .bind(created)
            .bind(bodies)
            .bind(vals)
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

pub(super) async fn of_side(
    connection: &mut PgConnection,
    side: SideId,
    states: &[OperationState],
    most: usize,
) -> Result<Vec<Operation>> {
    let rows = sqlx::query(OF_SIDE)
        .bind(i64::from(side))
        .bind(codes(states))
        .bind(limit(most))
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter().map(operation).collect()
}

pub(super) async fn of_run(
    connection: &mut PgConnection,
    run: u64,
    after: Option<Uuid>,
    most: usize,
) -> Result<Vec<Operation>> {
    let rows = sqlx::query(OF_RUN)
        .bind(run.cast_signed())
        .bind(after)
        .bind(limit(most))
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter().map(operation).collect()
}

pub(super) async fn purge(connection: &mut PgConnection, before: Timestamp) -> Result<u64> {
    let done = sqlx::query(PURGE)
        .bind(codes(&OPEN))
        .bind(micros(before))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(done.rows_affected())
}

fn codes(states: &[OperationState]) -> Vec<i16> {
    states.iter().map(|state| *state as i16).collect()
}

fn operation(row: &PgRow) -> Result<Operation> {
    PackedOperation::unpack(column(row, 0)?, column(row, 1)?, column(row, 2)?)
}

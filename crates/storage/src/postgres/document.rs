use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use syncline_core::store::{Document, DocumentKind, DocumentQuery};
use syncline_core::{Error, ErrorKind, Result};

use super::error::{column, failed, is_duplicate, small, unsigned};
use super::rows::limit;
use crate::packed::{damaged, instant, micros};
use crate::refusal;

pub(super) const GET: &str =
    "SELECT id, tenant, scope, key, status, at, version, body FROM document WHERE kind = $1 AND id = $2";
// Locked, so that of two who write what belongs to no tenant the second one sees what the first one wrote.
pub(super) const VERSION: &str = "SELECT version FROM document WHERE kind = $1 AND id = $2 FOR UPDATE";
pub(super) const DELETE: &str = "DELETE FROM document WHERE kind = $1 AND id = $2";
// The rows stand from the beginning, and are locked in one order: see `locks`.
pub(super) const NEXT: &str = "UPDATE document_number SET last = last + 1 WHERE kind = $1 RETURNING last";
pub(super) const AT_LEAST: &str = "UPDATE document_number SET last = greatest(last, $2) WHERE kind = $1";
pub(super) const PUT: &str = "INSERT INTO document (kind, id, tenant, scope, key, status, at, version, body) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
    ON CONFLICT (kind, id) DO UPDATE SET tenant = excluded.tenant, scope = excluded.scope, key = excluded.key, \
    status = excluded.status, at = excluded.at, version = excluded.version, body = excluded.body";

pub(super) async fn get(connection: &mut PgConnection, kind: DocumentKind, id: u64) -> Result<Option<Document>> {
    let row = sqlx::query(GET)
        .bind(kind as i16)
        .bind(id.cast_signed())
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    row.map(|row| document(&row, kind)).transpose()
}

pub(super) async fn find(connection: &mut PgConnection, query: &DocumentQuery) -> Result<Vec<Document>> {
    let mut select = select("SELECT id, tenant, scope, key, status, at, version, body", query);
    select.push(" ORDER BY id DESC LIMIT ").push_bind(limit(query.limit));
    let rows = select.build().fetch_all(connection).await.map_err(failed)?;
    rows.iter().map(|row| document(row, query.kind)).collect()
}

pub(super) async fn count(connection: &mut PgConnection, query: &DocumentQuery) -> Result<u64> {
    let mut select = select("SELECT count(*)", query);
    let row = select.build().fetch_one(connection).await.map_err(failed)?;
    unsigned(&row, 0)
}

/// The query with only the conditions that are asked for, so that an index fits them.
fn select(columns: &str, query: &DocumentQuery) -> QueryBuilder<Postgres> {
    let mut select = QueryBuilder::new(columns);
    select.push(" FROM document WHERE kind = ").push_bind(query.kind as i16);
    if let Some(tenant) = query.tenant {
        select.push(" AND tenant = ").push_bind(i64::from(tenant));
    }
    if let Some(scope) = query.scope {
        select.push(" AND scope = ").push_bind(scope.cast_signed());
    }
    if let Some(key) = &query.key {
        select.push(" AND key = ").push_bind(key.clone());
    }
    if !query.status.is_empty() {
        select
            .push(" AND status = ANY(")
            .push_bind(query.status.clone())
            .push(")");
    }
    if let Some(since) = query.since {
        select.push(" AND at >= ").push_bind(micros(since));
    }
    if let Some(until) = query.until {
        select.push(" AND at < ").push_bind(micros(until));
    }
    if let Some(before) = query.before {
        select
            .push(" AND id < ")
            .push_bind(i64::try_from(before).unwrap_or(i64::MAX));
    }
    select
}

pub(super) async fn put(connection: &mut PgConnection, document: &Document) -> Result<u64> {
    let kind = document.kind as i16;
    let stored: Option<i64> = sqlx::query_scalar(VERSION)
        .bind(kind)
        .bind(document.id.cast_signed())
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed)?;
    let stored = stored.map(i64::cast_unsigned);
    if stored.unwrap_or(0) != document.version {
        return Err(refusal::stale_document(document, stored));
    }
    let id = if document.id == 0 {
        let next: i64 = sqlx::query_scalar(NEXT)
            .bind(kind)
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        next.cast_unsigned()
    } else {
        if stored.is_none() {
            sqlx::query(AT_LEAST)
                .bind(kind)
                .bind(document.id.cast_signed())
                .execute(&mut *connection)
                .await
                .map_err(failed)?;
        }
        document.id
    };
    let body = serde_json::to_string(&document.body)
        .map_err(|error| Error::new(ErrorKind::Internal, "the document can't be written as JSON").because(error))?;
    let written = sqlx::query(PUT)
        .bind(kind)
        .bind(id.cast_signed())
        .bind(i64::from(document.tenant))
        .bind(document.scope.cast_signed())
        .bind(document.key.as_deref())
        .bind(document.status.as_str())
        .bind(micros(document.at))
        .bind((document.version + 1).cast_signed())
        .bind(body)
        .execute(connection)
        .await;
    match written {
        Ok(_) => Ok(id),
        Err(error) if is_duplicate(&error) => Err(refusal::document_exists(document)),
        Err(error) => Err(failed(error)),
    }
}

pub(super) async fn delete(connection: &mut PgConnection, kind: DocumentKind, id: u64) -> Result<()> {
    sqlx::query(DELETE)
        .bind(kind as i16)
        .bind(id.cast_signed())
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

fn document(row: &PgRow, kind: DocumentKind) -> Result<Document> {
    let id = unsigned(row, 0)?;
    let body = serde_json::from_str(column(row, 7)?).map_err(|error| {
        damaged("a document that can't be read")
            .with("number", id)
            .because(error)
    })?;
    Ok(Document {
        kind,
        id,
        tenant: small(row, 1)?,
        scope: unsigned(row, 2)?,
        key: column(row, 3)?,
        status: column(row, 4)?,
        at: instant(column(row, 5)?)?,
        version: unsigned(row, 6)?,
        body,
    })
}

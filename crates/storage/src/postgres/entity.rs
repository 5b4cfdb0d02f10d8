use sqlx::postgres::PgRow;
use sqlx::{Connection, PgConnection};
use syncline_core::Result;
use syncline_core::model::{BlueprintId, TenantId};
use syncline_core::state::{Entity, EntityId, SideId};
use syncline_core::store::EntityQuery;
use uuid::Uuid;

use super::error::{column, failed, is_duplicate, small, unsigned};
use super::rows::{limit, without_repeats};
use crate::packed::PackedEntity;
use crate::refusal;

/// The columns of an entity as [`entity`] reads them.
macro_rules! columns {
    () => {
        "id, uid, tenant, blueprint, blueprint_version, rev, deleted, created, updated, updated_by, vals, dec"
    };
}

pub(super) const PUT: &str = concat!(
    "INSERT INTO entity (",
    columns!(),
    ") SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], \
     $7::boolean[], $8::bigint[], $9::bigint[], $10::text[], $11::bytea[], $12::bytea[]) \
     ON CONFLICT (id) DO UPDATE SET uid = excluded.uid, tenant = excluded.tenant, blueprint = excluded.blueprint, \
     blueprint_version = excluded.blueprint_version, rev = excluded.rev, deleted = excluded.deleted, \
     created = excluded.created, updated = excluded.updated, updated_by = excluded.updated_by, \
     vals = excluded.vals, dec = excluded.dec"
);
pub(super) const LOAD: &str = concat!("SELECT ", columns!(), " FROM entity WHERE id = ANY($1) ORDER BY id");
pub(super) const FIND_UIDS: &str = "SELECT wanted.place, entity.id FROM unnest($1::uuid[]) WITH ORDINALITY \
    AS wanted (uid, place) JOIN entity ON entity.uid = wanted.uid AND entity.tenant = $2";
pub(super) const FIND: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM entity WHERE blueprint = $1 AND tenant = $2 AND id > $3 AND ($4::boolean IS NULL OR deleted = $4) \
     ORDER BY id LIMIT $5"
);
pub(super) const FIND_AFTER: &str = "SELECT id FROM entity WHERE blueprint = $1 AND tenant = $2 AND id > $3 \
    AND ($4::boolean IS NULL OR deleted = $4) ORDER BY id LIMIT 1 OFFSET $5";
pub(super) const COUNT: &str =
    "SELECT count(*) FROM entity WHERE blueprint = $1 AND tenant = $2 AND ($3::boolean IS NULL OR deleted = $3)";
pub(super) const WITHOUT_SIDE: &str = "SELECT id FROM entity WHERE blueprint = $1 AND NOT deleted AND id > $3 \
    AND NOT EXISTS (SELECT 1 FROM side WHERE side.entity = entity.id AND side.side = $2) ORDER BY id LIMIT $4";
pub(super) const DELETE: &str = "DELETE FROM entity WHERE id = ANY($1)";

/// By ascending number.
pub(super) async fn load(connection: &mut PgConnection, wanted: &[EntityId]) -> Result<Vec<Entity>> {
    let rows = sqlx::query(LOAD)
        .bind(wanted)
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter().map(entity).collect()
}

pub(super) async fn find_uids(
    connection: &mut PgConnection,
    tenant: TenantId,
    uids: &[Uuid],
) -> Result<Vec<Option<EntityId>>> {
    let rows = sqlx::query(FIND_UIDS)
        .bind(uids)
        .bind(i64::from(tenant))
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    let mut found = vec![None; uids.len()];
    for row in &rows {
        // Places are counted from 1.
        if let Some(found) = found.get_mut(small(row, 0)? as usize - 1) {
            *found = Some(column(row, 1)?);
        }
    }
    Ok(found)
}

pub(super) async fn find(connection: &mut PgConnection, query: &EntityQuery) -> Result<Vec<Entity>> {
    let rows = sqlx::query(FIND)
        .bind(i64::from(query.blueprint))
        .bind(i64::from(query.tenant))
        .bind(query.after)
        .bind(query.deleted)
        .bind(limit(query.limit))
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter().map(entity).collect()
}

pub(super) async fn find_after(
    connection: &mut PgConnection,
    query: &EntityQuery,
    skip: u64,
) -> Result<Option<EntityId>> {
    sqlx::query_scalar(FIND_AFTER)
        .bind(i64::from(query.blueprint))
        .bind(i64::from(query.tenant))
        .bind(query.after)
        .bind(query.deleted)
        .bind(i64::try_from(skip).unwrap_or(i64::MAX))
        .fetch_optional(connection)
        .await
        .map_err(failed)
}

pub(super) async fn count(connection: &mut PgConnection, query: &EntityQuery) -> Result<u64> {
    let row = sqlx::query(COUNT)
        .bind(i64::from(query.blueprint))
        .bind(i64::from(query.tenant))
        .bind(query.deleted)
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    unsigned(&row, 0)
}

pub(super) async fn without_side(
    connection: &mut PgConnection,
    blueprint: BlueprintId,
    side: SideId,
    after: EntityId,
    most: usize,
) -> Result<Vec<EntityId>> {
    sqlx::query_scalar(WITHOUT_SIDE)
        .bind(i64::from(blueprint))
        .bind(i64::from(side))
        .bind(after)
        .bind(limit(most))
        .fetch_all(connection)
        .await
        .map_err(failed)
}

pub(super) async fn put(connection: &mut PgConnection, entities: &[&Entity]) -> Result<()> {
    for entity in entities {
        refusal::check_entity_number(entity.id)?;
    }
    if entities.is_empty() {
        return Ok(());
    }
    // What fails takes only itself back, so that it can still be asked what was in the way.
    let mut part = connection.begin().await.map_err(failed)?;
    match insert(&mut part, entities).await {
        Ok(()) => part.commit().await.map_err(failed),
        Err(error) if is_duplicate(&error) => {
            part.rollback().await.map_err(failed)?;
            Err(duplicate(connection, entities).await?)
        }
        Err(error) => Err(failed(error)),
    }
}

async fn insert(connection: &mut PgConnection, entities: &[&Entity]) -> Result<(), sqlx::Error> {
    let packed: Vec<PackedEntity> = entities.iter().map(|entity| PackedEntity::pack(entity)).collect();
    for part in without_repeats(&packed, |packed| packed.id) {
        let numbers = |number: fn(&PackedEntity) -> i64| -> Vec<i64> { part.iter().map(number).collect() };
        let uids: Vec<Uuid> = part.iter().map(|packed| packed.uid).collect();
        let deleted: Vec<bool> = part.iter().map(|packed| packed.deleted).collect();
        let updated_by: Vec<&str> = part.iter().map(|packed| packed.updated_by.as_str()).collect();
        let vals: Vec<&[u8]> = part.iter().map(|packed| packed.vals.as_slice()).collect();
        let decisions: Vec<&[u8]> = part.iter().map(|packed| packed.dec.as_slice()).collect();
        sqlx::query(PUT)
            .bind(numbers(|packed| packed.id))
            .bind(uids)
            .bind(numbers(|packed| packed.tenant.into()))
            .bind(numbers(|packed| packed.blueprint.into()))
            .bind(numbers(|packed| packed.blueprint_version.into()))
            .bind(numbers(|packed| packed.rev.cast_signed()))
            .bind(deleted)
            .bind(numbers(|packed| packed.created))
            .bind(numbers(|packed| packed.updated))
            .bind(updated_by)
            .bind(vals)
            .bind(decisions)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn delete(connection: &mut PgConnection, entities: &[EntityId]) -> Result<()> {
    sqlx::query(DELETE)
        .bind(entities)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Names the entity whose uid is taken.
async fn duplicate(connection: &mut PgConnection, entities: &[&Entity]) -> Result<syncline_core::Error> {
    let mut seen = std::collections::BTreeMap::new();
    for entity in entities {
        let first = *seen.entry((entity.tenant, entity.uid)).or_insert(entity.id);
        let stored = find_uids(&mut *connection, entity.tenant, &[entity.uid]).await?[0];
        if first != entity.id || stored.is_some_and(|stored| stored != entity.id) {
            return Ok(refusal::entity_exists(entity.tenant, Some(entity.uid)));
        }
    }
    Ok(refusal::entity_exists(0, None))
}

fn entity(row: &PgRow) -> Result<Entity> {
    PackedEntity {
        id: column(row, 0)?,
        uid: column(row, 1)?,
        tenant: small(row, 2)?,
        blueprint: small(row, 3)?,
        blueprint_version: small(row, 4)?,
        rev: unsigned(row, 5)?,
        deleted: column(row, 6)?,
        created: column(row, 7)?,
        updated: column(row, 8)?,
        updated_by: column(row, 9)?,
        vals: column(row, 10)?,
        dec: column(row, 11)?,
    }
    .unpack()
}

use sqlx::SqliteConnection;
use syncline_core::Result;
use syncline_core::model::{BlueprintId, TenantId};
use syncline_core::state::{Entity, EntityId};
use syncline_core::store::EntityQuery;
use uuid::Uuid;

use super::error::{column, failed, is_duplicate, unsigned};
use super::packed_rows::{self, Blob};
use super::rows::{Rows, hex, json, limit};
use crate::packed::PackedEntity;
use crate::refusal;

/// The columns of an entity as [`Columns`] reads them.
macro_rules! columns {
    () => {
        "json_group_array(json_array(id, hex(uid), tenant, blueprint, blueprint_version, rev, deleted, created, \
         updated, updated_by, hex(vals), hex(dec)))"
    };
}

pub(super) static PUT: Rows = Rows::new(
    "INSERT INTO entity (id, uid, tenant, blueprint, blueprint_version, rev, deleted, created, updated, updated_by, \
     vals, dec) VALUES ",
    12,
    " ON CONFLICT (id) DO UPDATE SET uid = excluded.uid, tenant = excluded.tenant, blueprint = excluded.blueprint, \
     blueprint_version = excluded.blueprint_version, rev = excluded.rev, deleted = excluded.deleted, \
     created = excluded.created, updated = excluded.updated, updated_by = excluded.updated_by, \
     vals = excluded.vals, dec = excluded.dec",
);
// CROSS JOIN fixes the order: the list outside, the table looked up inside.
pub(super) const LOAD: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM (SELECT value AS wanted FROM json_each(?1)) CROSS JOIN entity ON entity.id = wanted"
);
pub(super) const FIND_UIDS: &str = "SELECT key, entity.id FROM json_each(?) CROSS JOIN entity \
    ON entity.uid = unhex(value) AND entity.tenant = ?";
pub(super) const FIND: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM (SELECT * FROM entity WHERE blueprint = ?1 AND tenant = ?2 AND id > ?3 AND (?4 IS NULL OR deleted = ?4) \
     ORDER BY id LIMIT ?5)"
);
pub(super) const FIND_AFTER: &str = "SELECT id FROM entity WHERE blueprint = ?1 AND tenant = ?2 AND id > ?3 \
    AND (?4 IS NULL OR deleted = ?4) ORDER BY id LIMIT 1 OFFSET ?5";
pub(super) const COUNT: &str =
    "SELECT count(*) FROM entity WHERE blueprint = ?1 AND tenant = ?2 AND (?3 IS NULL OR deleted = ?3)";
// Without NOT INDEXED the planner would look through all records of the side for each entity.
pub(super) const WITHOUT_SIDE: &str = "SELECT id FROM entity WHERE blueprint = ?1 AND deleted = 0 AND id > ?3 AND NOT EXISTS \
    (SELECT 1 FROM side NOT INDEXED WHERE side.id BETWEEN entity.id << 8 AND entity.id << 8 | 255 AND side.side = ?2) \
    ORDER BY id LIMIT ?4";

pub(super) const DELETE: &str = "DELETE FROM entity WHERE id IN (SELECT value FROM json_each(?))";

/// By ascending number.
pub(super) async fn load(connection: &mut SqliteConnection, wanted: &[EntityId]) -> Result<Vec<Entity>> {
    let rows = packed_rows::fetch(connection, LOAD, json(wanted), 0).await?;
    unpacked(rows)
}

pub(super) async fn find_uids(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    uids: &[Uuid],
) -> Result<Vec<Option<EntityId>>> {
    let wanted: Vec<String> = uids.iter().map(|uid| hex(uid.as_bytes())).collect();
    let rows = sqlx::query(FIND_UIDS)
        .bind(json(&wanted))
        .bind(tenant)
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    let mut found = vec![None; uids.len()];
    for row in &rows {
        let place: u32 = column(row, 0)?;
        found[place as usize] = Some(column(row, 1)?);
    }
    Ok(found)
}

pub(super) async fn find(connection: &mut SqliteConnection, query: &EntityQuery) -> Result<Vec<Entity>> {
    let row = sqlx::query(FIND)
        .bind(query.blueprint)
        .bind(query.tenant)
        .bind(query.after)
        .bind(query.deleted)
        .bind(limit(query.limit))
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    unpacked(packed_rows::read(&row)?)
}

pub(super) async fn find_after(
    connection: &mut SqliteConnection,
    query: &EntityQuery,
    skip: u64,
) -> Result<Option<EntityId>> {
    sqlx::query_scalar(FIND_AFTER)
        .bind(query.blueprint)
        .bind(query.tenant)
        .bind(query.after)
        .bind(query.deleted)
        .bind(i64::try_from(skip).unwrap_or(i64::MAX))
        .fetch_optional(connection)
        .await
        .map_err(failed)
}

pub(super) async fn count(connection: &mut SqliteConnection, query: &EntityQuery) -> Result<u64> {
    let row = sqlx::query(COUNT)
        .bind(query.blueprint)
        .bind(query.tenant)
        .bind(query.deleted)
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    unsigned(&row, 0)
}

pub(super) async fn without_side(
    connection: &mut SqliteConnection,
    blueprint: BlueprintId,
    side: u32,
    after: EntityId,
    most: usize,
) -> Result<Vec<EntityId>> {
    sqlx::query_scalar(WITHOUT_SIDE)
        .bind(blueprint)
        .bind(side)
        .bind(after)
        .bind(limit(most))
        .fetch_all(connection)
        .await
        .map_err(failed)
}

pub(super) async fn put(connection: &mut SqliteConnection, entities: &[&Entity]) -> Result<()> {
    for entity in entities {
        refusal::check_entity_number(entity.id)?;
    }
    let put = PUT.execute(&mut *connection, entities, |entity, row| {
        let packed = PackedEntity::pack(entity);
        row.add(packed.id)?
            .add(&packed.uid.as_bytes()[..])?
            .add(packed.tenant)?
            .add(packed.blueprint)?
            .add(packed.blueprint_version)?
            .add(packed.rev.cast_signed())?
            .add(packed.deleted)?
            .add(packed.created)?
            .add(packed.updated)?
            .add(packed.updated_by)?
            .add(packed.vals)?
            .add(packed.dec)?;
        Ok(())
    });
    match put.await {
        Ok(()) => Ok(()),
        Err(error) if is_duplicate(&error) => Err(duplicate(connection, entities).await?),
        Err(error) => Err(failed(error)),
    }
}

pub(super) async fn delete(connection: &mut SqliteConnection, entities: &[EntityId]) -> Result<()> {
    sqlx::query(DELETE)
        .bind(json(entities))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Names the entity whose uid is taken.
async fn duplicate(connection: &mut SqliteConnection, entities: &[&Entity]) -> Result<syncline_core::Error> {
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

/// What [`columns!`] names.
type Columns = (
    EntityId,
    Blob,
    TenantId,
    BlueprintId,
    u32,
    i64,
    u8,
    i64,
    i64,
    String,
    Blob,
    Blob,
);

fn unpacked(rows: Vec<Columns>) -> Result<Vec<Entity>> {
    let mut entities = rows.into_iter().map(entity).collect::<Result<Vec<Entity>>>()?;
    entities.sort_unstable_by_key(|entity| entity.id);
    Ok(entities)
}

fn entity(columns: Columns) -> Result<Entity> {
    let (id, uid, tenant, blueprint, blueprint_version, rev, deleted, created, updated, updated_by, vals, dec) =
        columns;
    PackedEntity {
        id,
        uid: Uuid::from_bytes(uid.array()?),
        tenant,
        blueprint,
        blueprint_version,
        rev: rev.cast_unsigned(),
        deleted: deleted != 0,
        created,
        updated,
        updated_by,
        vals: vals.0,
        dec: dec.0,
    }
    .unpack()
}

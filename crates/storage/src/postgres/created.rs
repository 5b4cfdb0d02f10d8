//! New entities with the side that they were read from: what a first pull writes, page after page.
//!
//! What a page's records share is one parameter for all of them.

use sqlx::{Connection, PgConnection};
use syncline_core::Result;
use syncline_core::state::{CreatedPage, CreatedRecord};
use uuid::Uuid;

use super::error::{failed, is_duplicate};
use super::{entity, side};
use crate::packed::micros;
use crate::refusal;

pub(super) const ENTITIES: &str = "INSERT INTO entity (tenant, blueprint, blueprint_version, rev, deleted, created, \
    updated, updated_by, id, uid, vals, dec) SELECT $1, $2, $3, 1, false, $4, $5, $6, made.* \
    FROM unnest($7::bigint[], $8::uuid[], $9::bytea[], $10::bytea[]) AS made";
pub(super) const SIDES: &str = "INSERT INTO side (side, slot, presence, flags, obs_seq, write_seq, dirty_seq, \
    mapping_version, base_rev, entity, stamp, hash, ext, obs) SELECT $1, $2, 1, 0, $3, 0, 0, $4, 1, made.* \
    FROM unnest($5::bigint[], $6::bigint[], $7::bytea[], $8::text[], $9::bytea[]) AS made";

pub(super) async fn put(connection: &mut PgConnection, page: &CreatedPage<'_>) -> Result<()> {
    let records: Vec<CreatedRecord<'_>> = page.records().collect();
    for record in &records {
        refusal::check_entity_number(record.id)?;
    }
    let mut part = connection.begin().await.map_err(failed)?;
    match insert(&mut part, page, &records).await {
        Ok(()) => part.commit().await.map_err(failed),
        // Perhaps a remote id that moves, or a number that is taken: the general way knows, and names it.
        Err(error) if is_duplicate(&error) => {
            part.rollback().await.map_err(failed)?;
            let linked = page.linked()?;
            let entities: Vec<_> = linked.iter().map(|linked| &linked.entity).collect();
            entity::put(&mut *connection, &entities).await?;
            let sides: Vec<_> = linked.iter().flat_map(|linked| &linked.sides).collect();
            side::put(connection, &sides).await
        }
        Err(error) => Err(failed(error)),
    }
}

async fn insert(
    connection: &mut PgConnection,
    page: &CreatedPage<'_>,
    records: &[CreatedRecord<'_>],
) -> Result<(), sqlx::Error> {
    let ids: Vec<i64> = records.iter().map(|record| record.id).collect();
    let uids: Vec<Uuid> = records.iter().map(|record| record.uid).collect();
    let values: Vec<&[u8]> = records.iter().map(|record| record.values).collect();
    let decisions: Vec<&[u8]> = records.iter().map(|record| record.decisions).collect();
    sqlx::query(ENTITIES)
        .bind(i64::from(page.tenant))
        .bind(i64::from(page.blueprint))
        .bind(i64::from(page.blueprint_version))
        .bind(micros(page.created_at))
        .bind(micros(page.updated_at))
        .bind(page.updated_by.0.as_str())
        .bind(&ids)
        .bind(uids)
        .bind(values)
        .bind(decisions)
        .execute(&mut *connection)
        .await?;
    let stamps: Vec<Option<i64>> = records.iter().map(|record| record.stamp.map(micros)).collect();
    let hashes: Vec<[u8; 16]> = records.iter().map(|record| record.hash.to_be_bytes()).collect();
    let hashes: Vec<&[u8]> = hashes.iter().map(|hash| &hash[..]).collect();
    let exts: Vec<&str> = records.iter().map(|record| record.ext).collect();
    let observed: Vec<&[u8]> = records.iter().map(|record| record.obs).collect();
    sqlx::query(SIDES)
        .bind(i64::from(page.side))
        .bind(i16::from(page.slot))
        .bind(page.obs_seq.cast_signed())
        .bind(page.mapping_version.cast_signed())
        .bind(&ids)
        .bind(stamps)
        .bind(hashes)
        .bind(exts)
        .bind(observed)
        .execute(connection)
        .await?;
    Ok(())
}

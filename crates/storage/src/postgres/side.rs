use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{Connection, PgConnection};
use syncline_core::Result;
use syncline_core::state::{EntityId, Side, SideFlags, SideId, SideKey};
use syncline_core::store::{SideCounts, SideHead, Touch};

use super::error::{bytes, column, failed, is_duplicate, small, unsigned};
use super::rows::{limit, without_repeats};
use crate::packed::{LIVE, PackedHead, PackedSide, damaged, instant, micros, row_of};
use crate::refusal;

/// The columns of a side's head, as [`packed_head`] reads them.
macro_rules! head_columns {
    () => {
        "side.entity, side.slot, side.side, presence, detail, flags, stamp, obs_seq, write_seq, dirty_seq, \
         mapping_version, hash"
    };
}
/// How many they are.
const HEAD: usize = 12;

pub(super) const PUT: &str = "INSERT INTO side (entity, slot, side, presence, detail, flags, stamp, obs_seq, write_seq, \
    dirty_seq, mapping_version, hash, ext, marker, base_rev, obs, diff) SELECT * FROM unnest($1::bigint[], \
    $2::smallint[], $3::bigint[], $4::smallint[], $5::text[], $6::integer[], $7::bigint[], $8::bigint[], $9::bigint[], \
    $10::bigint[], $11::integer[], $12::bytea[], $13::text[], $14::text[], $15::bigint[], $16::bytea[], $17::bytea[]) \
    ON CONFLICT (entity, slot) DO UPDATE SET side = excluded.side, presence = excluded.presence, \
    detail = excluded.detail, flags = excluded.flags, stamp = excluded.stamp, obs_seq = excluded.obs_seq, \
    write_seq = excluded.write_seq, dirty_seq = excluded.dirty_seq, mapping_version = excluded.mapping_version, \
    hash = excluded.hash, ext = excluded.ext, marker = excluded.marker, base_rev = excluded.base_rev, \
    obs = excluded.obs, diff = excluded.diff";
pub(super) const TOUCH: &str = "UPDATE side SET stamp = touched.stamp, obs_seq = touched.obs_seq, \
    dirty_seq = CASE WHEN touched.clean THEN 0 ELSE side.dirty_seq END, \
    flags = CASE WHEN touched.clean THEN side.flags & ~2 ELSE side.flags END \
    FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::boolean[]) \
    AS touched (entity, slot, side, stamp, obs_seq, clean) \
    WHERE side.entity = touched.entity AND side.slot = touched.slot AND side.side = touched.side";
pub(super) const HEADS: &str = concat!(
    "SELECT ",
    head_columns!(),
    ", wanted.place FROM unnest($1::text[]) WITH ORDINALITY AS wanted (ext, place) \
     LEFT JOIN alias ON alias.side = $2 AND alias.old = wanted.ext \
     JOIN side ON side.side = $2 AND side.ext = CASE WHEN alias.old IS NULL THEN wanted.ext ELSE alias.current END"
);
pub(super) const OF_ENTITIES: &str = concat!(
    "SELECT ",
    head_columns!(),
    ", ext, marker, base_rev, obs, diff FROM side WHERE entity = ANY($1) ORDER BY entity, slot"
);
pub(super) const ANY: &str = "SELECT entity FROM side WHERE entity = ANY($1) LIMIT 1";
pub(super) const FLAG: &str = "UPDATE side SET flags = flags | $2 \
    WHERE entity = ANY($1) AND presence = 1 AND side <> $3 AND flags & $2 <> $2";
pub(super) const FLAGGED: &str = "SELECT entity FROM side WHERE side = $1 AND flags <> 0 AND flags & $2 <> 0 \
    AND entity > $3 ORDER BY entity LIMIT $4";
pub(super) const DELETE: &str = "DELETE FROM side USING unnest($1::bigint[], $2::smallint[], $3::bigint[]) \
    AS gone (entity, slot, side) WHERE side.entity = gone.entity AND side.slot = gone.slot AND side.side = gone.side";
pub(super) const FREE: &str = "UPDATE side SET ext = NULL FROM unnest($1::bigint[], $2::smallint[]) \
    AS freed (entity, slot) WHERE side.entity = freed.entity AND side.slot = freed.slot";
pub(super) const TAKEN: &str = "SELECT side.ext, side.side FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], \
    $4::text[]) AS wanted (entity, slot, side, ext) JOIN side ON side.side = wanted.side AND side.ext = wanted.ext \
    WHERE (side.entity, side.slot) <> (wanted.entity, wanted.slot) LIMIT 1";
pub(super) const LIVE_SIDES: &str = "SELECT entity, slot, ext, stamp FROM side \
    WHERE entity > $2 AND side = $1 AND presence = 1 AND ext IS NOT NULL ORDER BY entity, slot LIMIT $3";
// The live ones are all that have a remote id but the few that are gone.
pub(super) const COUNTS: &str = "SELECT \
    (SELECT count(*) FROM side WHERE side = $1 AND ext IS NOT NULL) \
    - (SELECT count(*) FROM side WHERE side = $1 AND presence <> 1 AND ext IS NOT NULL), \
    (SELECT count(*) FROM side WHERE side = $1 AND flags <> 0 AND flags & 1 <> 0), \
    (SELECT count(*) FROM side WHERE side = $1 AND flags <> 0 AND flags & 2 <> 0)";

pub(super) const ALIAS: &str = "SELECT current FROM alias WHERE side = $1 AND old = $2";
pub(super) const REPOINT: &str = "UPDATE alias SET current = $3 WHERE side = $1 AND current = $2";
pub(super) const PUT_ALIAS: &str = "INSERT INTO alias (side, old, current) VALUES ($1, $2, $3) \
    ON CONFLICT (side, old) DO UPDATE SET current = excluded.current";
pub(super) const DELETE_ALIAS: &str = "DELETE FROM alias WHERE side = $1 AND old = $2";

// What the statements above spell out.
const _: () = assert!(LIVE == 1 && SideFlags::PUSH.0 == 1 && SideFlags::READ.0 == 2);

pub(super) async fn heads(connection: &mut PgConnection, side: SideId, exts: &[&str]) -> Result<Vec<Option<SideHead>>> {
    let rows = sqlx::query(HEADS)
        .bind(exts)
        .bind(i64::from(side))
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    let mut heads = vec![None; exts.len()];
    for row in &rows {
        // Places are counted from 1.
        if let Some(head) = heads.get_mut(small(row, HEAD)? as usize - 1) {
            *head = Some(packed_head(row)?.unpack()?);
        }
    }
    Ok(heads)
}

/// The sides of these entities, by entity and slot.
pub(super) async fn of_entities(connection: &mut PgConnection, entities: &[EntityId]) -> Result<Vec<Side>> {
    let rows = sqlx::query(OF_ENTITIES)
        .bind(entities)
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter().map(side).collect()
}

/// An entity of these that has a side.
pub(super) async fn any(connection: &mut PgConnection, entities: &[EntityId]) -> Result<Option<EntityId>> {
    sqlx::query_scalar(ANY)
        .bind(entities)
        .fetch_optional(connection)
        .await
        .map_err(failed)
}

pub(super) async fn put(connection: &mut PgConnection, sides: &[&Side]) -> Result<()> {
    for side in sides {
        refusal::check_entity_number(side.key.entity)?;
    }
    if sides.is_empty() {
        return Ok(());
    }
    // What fails takes only itself back, so that it can still be asked what was in the way.
    let mut part = connection.begin().await.map_err(failed)?;
    match insert_all(&mut part, sides).await {
        Ok(()) => part.commit().await.map_err(failed),
        Err(error) if is_duplicate(&error) => {
            part.rollback().await.map_err(failed)?;
            Err(duplicate(connection, sides).await?)
        }
        Err(error) => Err(failed(error)),
    }
}

async fn insert_all(connection: &mut PgConnection, sides: &[&Side]) -> Result<(), sqlx::Error> {
    if without_repeats(sides, |side| row_of(side.key)).len() == 1 {
        return insert(connection, sides).await;
    }
    // All let go of their remote ids first, so that their order counts for no more than which one is the last.
    let (entities, slots) = places(sides);
    sqlx::query(FREE)
        .bind(entities)
        .bind(slots)
        .execute(&mut *connection)
        .await?;
    for side in sides {
        insert(&mut *connection, &[side]).await?;
    }
    Ok(())
}

fn places(sides: &[&Side]) -> (Vec<i64>, Vec<i16>) {
    sides
        .iter()
        .map(|side| (side.key.entity, i16::from(side.key.slot)))
        .unzip()
}

async fn insert(connection: &mut PgConnection, sides: &[&Side]) -> Result<(), sqlx::Error> {
    let packed: Vec<PackedSide> = sides.iter().map(|side| PackedSide::pack(side)).collect();
    let numbers = |number: fn(&PackedSide) -> i64| -> Vec<i64> { packed.iter().map(number).collect() };
    let (entities, slots) = places(sides);
    let presences: Vec<i16> = packed.iter().map(|side| side.head.presence.into()).collect();
    let details: Vec<Option<&str>> = packed.iter().map(|side| side.head.detail.as_deref()).collect();
    let flags: Vec<i32> = packed.iter().map(|side| side.head.flags.cast_signed()).collect();
    let stamps: Vec<Option<i64>> = packed.iter().map(|side| side.head.stamp).collect();
    let versions: Vec<i32> = packed
        .iter()
        .map(|side| side.head.mapping_version.cast_signed())
        .collect();
    let hashes: Vec<[u8; 16]> = packed.iter().map(|side| side.head.hash.to_be_bytes()).collect();
    let hashes: Vec<&[u8]> = hashes.iter().map(|hash| &hash[..]).collect();
    let exts: Vec<Option<&str>> = packed.iter().map(|side| side.ext.as_deref()).collect();
    let markers: Vec<Option<&str>> = packed.iter().map(|side| side.marker.as_deref()).collect();
    let observed: Vec<&[u8]> = packed.iter().map(|side| side.obs.as_slice()).collect();
    let special: Vec<Option<&[u8]>> = packed.iter().map(|side| side.diff.as_deref()).collect();
    sqlx::query(PUT)
        .bind(entities)
        .bind(slots)
        .bind(numbers(|side| side.head.side.into()))
        .bind(presences)
        .bind(details)
        .bind(flags)
        .bind(stamps)
        .bind(numbers(|side| side.head.obs_seq.cast_signed()))
        .bind(numbers(|side| side.head.write_seq.cast_signed()))
        .bind(numbers(|side| side.head.dirty_seq.cast_signed()))
        .bind(versions)
        .bind(hashes)
        .bind(exts)
        .bind(markers)
        .bind(numbers(|side| side.base_rev.cast_signed()))
        .bind(observed)
        .bind(special)
        .execute(connection)
        .await?;
    Ok(())
}

/// Names the remote id that is taken.
async fn duplicate(connection: &mut PgConnection, sides: &[&Side]) -> Result<syncline_core::Error> {
    let (entities, slots) = places(sides);
    let numbers: Vec<i64> = sides.iter().map(|side| side.key.side.into()).collect();
    let exts: Vec<Option<&str>> = sides.iter().map(|side| side.ext.as_deref()).collect();
    let taken = sqlx::query(TAKEN)
        .bind(entities)
        .bind(slots)
        .bind(numbers)
        .bind(exts)
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    Ok(match taken {
        Some(row) => refusal::side_exists(small(&row, 1)?, column(&row, 0)?),
        None => refusal::side_exists(sides[0].key.side, None),
    })
}

pub(super) async fn touch(connection: &mut PgConnection, touches: &[Touch]) -> Result<()> {
    // One row per side: what an update does with several is not defined.
    let mut merged: BTreeMap<SideKey, Touch> = BTreeMap::new();
    for touch in touches {
        let entry = merged.entry(touch.key).or_insert(*touch);
        *entry = Touch {
            clean: entry.clean || touch.clean,
            ..*touch
        };
    }
    if merged.is_empty() {
        return Ok(());
    }
    let entities: Vec<i64> = merged.keys().map(|key| key.entity).collect();
    let slots: Vec<i16> = merged.keys().map(|key| key.slot.into()).collect();
    let sides: Vec<i64> = merged.keys().map(|key| key.side.into()).collect();
    let stamps: Vec<Option<i64>> = merged.values().map(|touch| touch.stamp.map(micros)).collect();
    let marks: Vec<i64> = merged.values().map(|touch| touch.obs_seq.cast_signed()).collect();
    let clean: Vec<bool> = merged.values().map(|touch| touch.clean).collect();
    sqlx::query(TOUCH)
        .bind(entities)
        .bind(slots)
        .bind(sides)
        .bind(stamps)
        .bind(marks)
        .bind(clean)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

pub(super) async fn flag(
    connection: &mut PgConnection,
    entities: &[EntityId],
    flags: SideFlags,
    but: SideId,
) -> Result<()> {
    if entities.is_empty() {
        return Ok(());
    }
    sqlx::query(FLAG)
        .bind(entities)
        .bind(flags.0.cast_signed())
        .bind(i64::from(but))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

pub(super) async fn flagged(
    connection: &mut PgConnection,
    side: SideId,
    flags: SideFlags,
    after: EntityId,
    most: usize,
) -> Result<Vec<EntityId>> {
    sqlx::query_scalar(FLAGGED)
        .bind(i64::from(side))
        .bind(flags.0.cast_signed())
        .bind(after)
        .bind(limit(most))
        .fetch_all(connection)
        .await
        .map_err(failed)
}

pub(super) async fn delete(connection: &mut PgConnection, keys: &[SideKey]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let entities: Vec<i64> = keys.iter().map(|key| key.entity).collect();
    let slots: Vec<i16> = keys.iter().map(|key| key.slot.into()).collect();
    let sides: Vec<i64> = keys.iter().map(|key| key.side.into()).collect();
    sqlx::query(DELETE)
        .bind(entities)
        .bind(slots)
        .bind(sides)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

pub(super) async fn live(
    connection: &mut PgConnection,
    side: SideId,
    after: EntityId,
    most: usize,
) -> Result<Vec<(SideKey, String, Option<Timestamp>)>> {
    let rows = sqlx::query(LIVE_SIDES)
        .bind(i64::from(side))
        .bind(after)
        .bind(limit(most))
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter()
        .map(|row| {
            let key = SideKey {
                entity: column(row, 0)?,
                side,
                slot: slot(row, 1)?,
            };
            let stamp: Option<i64> = column(row, 3)?;
            Ok((key, column(row, 2)?, stamp.map(instant).transpose()?))
        })
        .collect()
}

pub(super) async fn counts(connection: &mut PgConnection, side: SideId) -> Result<SideCounts> {
    let row = sqlx::query(COUNTS)
        .bind(i64::from(side))
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    Ok(SideCounts {
        linked: unsigned(&row, 0)?,
        push: unsigned(&row, 1)?,
        read: unsigned(&row, 2)?,
    })
}

/// Chains are kept flat: every alias names the record where it ends. Where the new one closes a circle, the record it
/// names is current again.
pub(super) async fn put_alias(connection: &mut PgConnection, side: SideId, old: &str, current: &str) -> Result<()> {
    let end = match resolve_alias(&mut *connection, side, current).await? {
        end if end == old => current.to_owned(),
        end => end,
    };
    for statement in [REPOINT, PUT_ALIAS] {
        sqlx::query(statement)
            .bind(i64::from(side))
            .bind(old)
            .bind(end.as_str())
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
    }
    sqlx::query(DELETE_ALIAS)
        .bind(i64::from(side))
        .bind(end)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

pub(super) async fn resolve_alias(connection: &mut PgConnection, side: SideId, ext: &str) -> Result<String> {
    let current: Option<String> = sqlx::query_scalar(ALIAS)
        .bind(i64::from(side))
        .bind(ext)
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    Ok(current.unwrap_or_else(|| ext.to_owned()))
}

fn slot(row: &PgRow, index: usize) -> Result<u8> {
    u8::try_from(column::<i16>(row, index)?).map_err(|_| damaged("a slot out of range"))
}

/// What [`head_columns!`] names, in the first columns of a row.
pub(super) fn packed_head(row: &PgRow) -> Result<PackedHead> {
    let key = SideKey {
        entity: column(row, 0)?,
        side: small(row, 2)?,
        slot: slot(row, 1)?,
    };
    Ok(PackedHead {
        row: row_of(key),
        side: key.side,
        presence: u8::try_from(column::<i16>(row, 3)?).map_err(|_| damaged("an unknown presence"))?,
        detail: column(row, 4)?,
        flags: column::<i32>(row, 5)?.cast_unsigned(),
        stamp: column(row, 6)?,
        obs_seq: unsigned(row, 7)?,
        write_seq: unsigned(row, 8)?,
        dirty_seq: unsigned(row, 9)?,
        mapping_version: column::<i32>(row, 10)?.cast_unsigned(),
        hash: u128::from_be_bytes(bytes(row, 11)?),
    })
}

fn side(row: &PgRow) -> Result<Side> {
    PackedSide {
        head: packed_head(row)?,
        ext: column(row, HEAD)?,
        marker: column(row, HEAD + 1)?,
        base_rev: unsigned(row, HEAD + 2)?,
        obs: column(row, HEAD + 3)?,
        diff: column(row, HEAD + 4)?,
    }
    .unpack()
}

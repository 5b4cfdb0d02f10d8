use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::SqliteConnection;
use syncline_core::Result;
use syncline_core::state::{EntityId, Side, SideFlags, SideId, SideKey};
use syncline_core::store::{SideCounts, SideHead, Touch};

use super::error::{column, failed, is_duplicate, unsigned};
use super::packed_rows::{self, Blob};
use super::rows::{Rows, json, limit};
use crate::packed::{LIVE, PackedHead, PackedSide, entity_of, instant, key_of, micros, past_entity, row_of};
use crate::refusal;

/// The columns of a side's head, as statements name them and [`Head`] reads them.
macro_rules! head_columns {
    () => {
        "side.id, side.side, presence, detail, flags, stamp, obs_seq, write_seq, dirty_seq, mapping_version, hex(hash)"
    };
}

pub(super) use head_columns;

pub(super) static PUT: Rows = Rows::new(
    "INSERT INTO side (id, side, presence, detail, flags, stamp, obs_seq, write_seq, dirty_seq, mapping_version, \
     hash, ext, marker, base_rev, obs, diff) VALUES ",
    16,
    " ON CONFLICT (id) DO UPDATE SET side = excluded.side, presence = excluded.presence, detail = excluded.detail, \
     flags = excluded.flags, stamp = excluded.stamp, obs_seq = excluded.obs_seq, write_seq = excluded.write_seq, \
     dirty_seq = excluded.dirty_seq, mapping_version = excluded.mapping_version, hash = excluded.hash, \
     ext = excluded.ext, marker = excluded.marker, base_rev = excluded.base_rev, obs = excluded.obs, \
     diff = excluded.diff",
);
pub(super) static TOUCH: Rows = Rows::new(
    "WITH touched (id, side, stamp, obs_seq, clean) AS (VALUES ",
    5,
    ") UPDATE side SET stamp = touched.stamp, obs_seq = touched.obs_seq, \
     dirty_seq = iif(touched.clean, 0, side.dirty_seq), flags = iif(touched.clean, side.flags & ~2, side.flags) \
     FROM touched WHERE side.id = touched.id AND side.side = touched.side",
);
// In all of these CROSS JOIN fixes the order: the list outside, the tables looked up inside. Left to itself the
// planner may scan the whole table once per element.
pub(super) const HEADS: &str = concat!(
    "SELECT json_group_array(json_array(wanted.key, json_array(",
    head_columns!(),
    "))) FROM json_each(?1) AS wanted \
    LEFT JOIN alias ON alias.side = ?2 AND alias.old = wanted.value \
    CROSS JOIN side ON side.side = ?2 AND side.ext = coalesce(alias.current, wanted.value)"
);
pub(super) const OF_ENTITIES: &str = concat!(
    "SELECT json_group_array(json_array(json_array(",
    head_columns!(),
    "), ext, marker, base_rev, hex(obs), iif(diff IS NULL, NULL, hex(diff)))) FROM json_each(?1) AS wanted \
    CROSS JOIN side ON side.id BETWEEN wanted.value << 8 AND wanted.value << 8 | 255"
);
pub(super) const ANY: &str = "SELECT side.id FROM json_each(?) AS wanted CROSS JOIN side NOT INDEXED \
    ON side.id BETWEEN wanted.value << 8 AND wanted.value << 8 | 255 LIMIT 1";
pub(super) const FLAG: &str = "UPDATE side SET flags = flags | ?2 WHERE id IN \
    (SELECT side.id FROM json_each(?1) AS wanted CROSS JOIN side NOT INDEXED \
    ON side.id BETWEEN wanted.value << 8 AND wanted.value << 8 | 255 \
    WHERE side.presence = 1 AND side.side <> ?3 AND side.flags & ?2 <> ?2)";
pub(super) const FLAGGED: &str = "SELECT id >> 8 FROM side WHERE side = ?1 AND flags <> 0 AND flags & ?2 <> 0 AND id > ?3 \
    ORDER BY id LIMIT ?4";
pub(super) const DELETE: &str = "DELETE FROM side WHERE id IN (SELECT side.id FROM json_each(?) AS wanted \
    CROSS JOIN side ON side.id = wanted.value ->> 0 AND side.side = wanted.value ->> 1)";
pub(super) const FREE: &str = "UPDATE side SET ext = NULL WHERE id IN (SELECT value FROM json_each(?))";
pub(super) const TAKEN: &str = "SELECT side.side, side.ext FROM json_each(?) AS wanted CROSS JOIN side \
    ON side.side = wanted.value ->> 0 AND side.ext = wanted.value ->> 1 WHERE side.id <> wanted.value ->> 2 LIMIT 1";
// By number, not by index: the indexes have the sides in another order.
pub(super) const LIVE_SIDES: &str = "SELECT id, ext, stamp FROM side NOT INDEXED \
    WHERE id > ?2 AND side = ?1 AND presence = 1 AND ext IS NOT NULL ORDER BY id LIMIT ?3";
// Each count runs over an index alone: the live ones are all that have a remote id but the few that are gone.
pub(super) const COUNTS: &str = "SELECT \
    (SELECT count(*) FROM side WHERE side = ?1 AND ext IS NOT NULL) \
    - (SELECT count(*) FROM side INDEXED BY side_gone WHERE side = ?1 AND presence <> 1 AND ext IS NOT NULL), \
    (SELECT count(*) FROM side WHERE side = ?1 AND flags <> 0 AND flags & 1 <> 0), \
    (SELECT count(*) FROM side WHERE side = ?1 AND flags <> 0 AND flags & 2 <> 0)";

pub(super) const ALIAS: &str = "SELECT current FROM alias WHERE side = ? AND old = ?";
pub(super) const REPOINT: &str = "UPDATE alias SET current = ?3 WHERE side = ?1 AND current = ?2";
pub(super) const PUT_ALIAS: &str = "INSERT INTO alias (side, old, current) VALUES (?1, ?2, ?3) \
    ON CONFLICT (side, old) DO UPDATE SET current = excluded.current";
pub(super) const DELETE_ALIAS: &str = "DELETE FROM alias WHERE side = ? AND old = ?";

// What the statements above spell out.
const _: () = assert!(LIVE == 1 && SideFlags::PUSH.0 == 1 && SideFlags::READ.0 == 2);

pub(super) async fn heads(
    connection: &mut SqliteConnection,
    side: SideId,
    exts: &[&str],
) -> Result<Vec<Option<SideHead>>> {
    let found: Vec<(usize, Head)> = packed_rows::fetch(connection, HEADS, json(exts), side).await?;
    let mut heads = vec![None; exts.len()];
    for (place, head) in found {
        heads[place] = Some(packed_head(head)?.unpack()?);
    }
    Ok(heads)
}

/// The sides of these entities, by entity and slot.
pub(super) async fn of_entities(connection: &mut SqliteConnection, entities: &[EntityId]) -> Result<Vec<Side>> {
    let rows: Vec<Columns> = packed_rows::fetch(connection, OF_ENTITIES, json(entities), 0).await?;
    let mut sides = rows.into_iter().map(side).collect::<Result<Vec<Side>>>()?;
    sides.sort_unstable_by_key(|side| row_of(side.key));
    Ok(sides)
}

/// An entity of these that has a side.
pub(super) async fn any(connection: &mut SqliteConnection, entities: &[EntityId]) -> Result<Option<EntityId>> {
    let row: Option<i64> = sqlx::query_scalar(ANY)
        .bind(json(&possible(entities)))
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    Ok(row.map(entity_of))
}

/// Those that can be entities' numbers: a larger one would lose its upper bits in a row's number and mean another.
fn possible(entities: &[EntityId]) -> Vec<EntityId> {
    let possible = |entity: &EntityId| refusal::check_entity_number(*entity).is_ok();
    entities.iter().copied().filter(possible).collect()
}

pub(super) async fn put(connection: &mut SqliteConnection, sides: &[&Side]) -> Result<()> {
    for side in sides {
        refusal::check_entity_number(side.key.entity)?;
    }
    match insert(&mut *connection, sides).await {
        Err(error) if is_duplicate(&error) => {}
        result => return result.map_err(failed),
    }
    // Perhaps only an id that moves from one of these sides to another: let go of all, and try again.
    let rows: Vec<i64> = sides.iter().map(|side| row_of(side.key)).collect();
    sqlx::query(FREE)
        .bind(json(&rows))
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    match insert(&mut *connection, sides).await {
        Err(error) if is_duplicate(&error) => Err(duplicate(connection, sides).await?),
        result => result.map_err(failed),
    }
}

async fn insert(connection: &mut SqliteConnection, sides: &[&Side]) -> Result<(), sqlx::Error> {
    PUT.execute(connection, sides, |side, row| {
        let PackedSide {
            head,
            ext,
            marker,
            base_rev,
            obs,
            diff,
        } = PackedSide::pack(side);
        row.add(head.row)?
            .add(head.side)?
            .add(head.presence)?
            .add(head.detail)?
            .add(head.flags)?
            .add(head.stamp)?
            .add(head.obs_seq.cast_signed())?
            .add(head.write_seq.cast_signed())?
            .add(head.dirty_seq.cast_signed())?
            .add(head.mapping_version)?
            .add(&head.hash.to_be_bytes()[..])?
            .add(ext)?
            .add(marker)?
            .add(base_rev.cast_signed())?
            .add(obs)?
            .add(diff)?;
        Ok(())
    })
    .await
}

/// Names the remote id that is taken.
async fn duplicate(connection: &mut SqliteConnection, sides: &[&Side]) -> Result<syncline_core::Error> {
    let wanted: Vec<(SideId, &Option<String>, i64)> = sides
        .iter()
        .map(|side| (side.key.side, &side.ext, row_of(side.key)))
        .collect();
    let taken = sqlx::query(TAKEN)
        .bind(json(&wanted))
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    Ok(match taken {
        Some(row) => refusal::side_exists(column(&row, 0)?, column(&row, 1)?),
        None => refusal::side_exists(sides[0].key.side, None),
    })
}

pub(super) async fn touch(connection: &mut SqliteConnection, touches: &[Touch]) -> Result<()> {
    // One row per side: what an update does with several is not defined.
    let mut merged: BTreeMap<SideKey, Touch> = BTreeMap::new();
    for touch in touches {
        let entry = merged.entry(touch.key).or_insert(*touch);
        *entry = Touch {
            clean: entry.clean || touch.clean,
            ..*touch
        };
    }
    let touches: Vec<Touch> = merged.into_values().collect();
    TOUCH
        .execute(connection, &touches, |touch, row| {
            row.add(row_of(touch.key))?
                .add(touch.key.side)?
                .add(touch.stamp.map(micros))?
                .add(touch.obs_seq.cast_signed())?
                .add(touch.clean)?;
            Ok(())
        })
        .await
        .map_err(failed)
}

pub(super) async fn flag(
    connection: &mut SqliteConnection,
    entities: &[EntityId],
    flags: SideFlags,
    but: SideId,
) -> Result<()> {
    sqlx::query(FLAG)
        .bind(json(&possible(entities)))
        .bind(flags.0)
        .bind(but)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

pub(super) async fn flagged(
    connection: &mut SqliteConnection,
    side: SideId,
    flags: SideFlags,
    after: EntityId,
    most: usize,
) -> Result<Vec<EntityId>> {
    sqlx::query_scalar(FLAGGED)
        .bind(side)
        .bind(flags.0)
        .bind(past_entity(after))
        .bind(limit(most))
        .fetch_all(connection)
        .await
        .map_err(failed)
}

pub(super) async fn delete(connection: &mut SqliteConnection, keys: &[SideKey]) -> Result<()> {
    let wanted: Vec<(i64, SideId)> = keys.iter().map(|key| (row_of(*key), key.side)).collect();
    sqlx::query(DELETE)
        .bind(json(&wanted))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

pub(super) async fn live(
    connection: &mut SqliteConnection,
    side: SideId,
    after: EntityId,
    most: usize,
) -> Result<Vec<(SideKey, String, Option<Timestamp>)>> {
    let rows = sqlx::query(LIVE_SIDES)
        .bind(side)
        .bind(past_entity(after))
        .bind(limit(most))
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter()
        .map(|row| {
            let stamp: Option<i64> = column(row, 2)?;
            Ok((
                key_of(column(row, 0)?, side),
                column(row, 1)?,
                stamp.map(instant).transpose()?,
            ))
        })
        .collect()
}

pub(super) async fn counts(connection: &mut SqliteConnection, side: SideId) -> Result<SideCounts> {
    let row = sqlx::query(COUNTS)
        .bind(side)
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
pub(super) async fn put_alias(connection: &mut SqliteConnection, side: SideId, old: &str, current: &str) -> Result<()> {
    let end = match resolve_alias(&mut *connection, side, current).await? {
        end if end == old => current.to_owned(),
        end => end,
    };
    for statement in [REPOINT, PUT_ALIAS] {
        sqlx::query(statement)
            .bind(side)
            .bind(old)
            .bind(end.as_str())
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
    }
    sqlx::query(DELETE_ALIAS)
        .bind(side)
        .bind(end)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

pub(super) async fn resolve_alias(connection: &mut SqliteConnection, side: SideId, ext: &str) -> Result<String> {
    let current: Option<String> = sqlx::query_scalar(ALIAS)
        .bind(side)
        .bind(ext)
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    Ok(current.unwrap_or_else(|| ext.to_owned()))
}

/// What [`head!`] names.
pub(super) type Head = (
    i64,
    SideId,
    u8,
    Option<String>,
    u32,
    Option<i64>,
    i64,
    i64,
    i64,
    u32,
    Blob,
);
/// A head, remote id, marker, base revision, observation and special groups.
type Columns = (Head, Option<String>, Option<String>, i64, Blob, Option<Blob>);

pub(super) fn packed_head(head: Head) -> Result<PackedHead> {
    let (row, side, presence, detail, flags, stamp, obs_seq, write_seq, dirty_seq, mapping_version, hash) = head;
    Ok(PackedHead {
        row,
        side,
        presence,
        detail,
        flags,
        stamp,
        obs_seq: obs_seq.cast_unsigned(),
        write_seq: write_seq.cast_unsigned(),
        dirty_seq: dirty_seq.cast_unsigned(),
        mapping_version,
        hash: u128::from_be_bytes(hash.array()?),
    })
}

fn side((head, ext, marker, base_rev, obs, diff): Columns) -> Result<Side> {
    PackedSide {
        head: packed_head(head)?,
        ext,
        marker,
        base_rev: base_rev.cast_unsigned(),
        obs: obs.0,
        diff: diff.map(|diff| diff.0),
    }
    .unpack()
}

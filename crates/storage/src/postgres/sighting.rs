//! Comparing a page with what is stored, within Postgres: of the records without news, which are most, only their places
//! come back.

use jiff::Timestamp;
use sqlx::PgConnection;
use syncline_core::Result;
use syncline_core::sighting::{Known, Sighting};
use syncline_core::state::{SideFlags, SideId};

use super::error::{column, failed};
use super::side;
use crate::packed::{LIVE, instant, micros};

/// The places are counted from 1. A hash that is null is the same as none.
pub(super) const COMPARE: &str = "SELECT array_agg(place) FILTER (WHERE same), max(known) FILTER (WHERE same), \
    array_agg(place) FILTER (WHERE NOT same) FROM (SELECT wanted.place, greatest(obs_seq, write_seq) AS known, \
    coalesce(side.hash = wanted.hash AND side.stamp IS NOT DISTINCT FROM wanted.stamp AND presence = 1 \
    AND flags & 50 = 0 AND mapping_version = $5, false) AS same \
    FROM unnest($1::text[], $2::bytea[], $3::bigint[]) WITH ORDINALITY AS wanted (ext, hash, stamp, place) \
    LEFT JOIN alias ON alias.side = $4 AND alias.old = wanted.ext \
    JOIN side ON side.side = $4 AND side.ext = CASE WHEN alias.old IS NULL THEN wanted.ext ELSE alias.current END) AS compared";

// What the statement spells out.
const _: () = assert!(LIVE == 1 && SideFlags::READ.0 | SideFlags::FAILED.0 | SideFlags::WAITING.0 == 50);

pub(super) async fn compare(
    connection: &mut PgConnection,
    number: SideId,
    sightings: &[Sighting<'_>],
    mapping_version: u32,
) -> Result<Vec<Known>> {
    let exts: Vec<&str> = sightings.iter().map(|sighting| sighting.ext).collect();
    let hashes: Vec<Option<[u8; 16]>> = sightings.iter().map(hash).collect();
    let hashes: Vec<Option<&[u8]>> = hashes.iter().map(|hash| hash.as_ref().map(|hash| &hash[..])).collect();
    let stamps: Vec<Option<i64>> = sightings.iter().map(|sighting| sighting.stamp.map(micros)).collect();
    let row = sqlx::query(COMPARE)
        .bind(&exts)
        .bind(hashes)
        .bind(stamps)
        .bind(i64::from(number))
        .bind(mapping_version.cast_signed())
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    let mut known = vec![Known::Unknown; sightings.len()];
    let same: Vec<i64> = column::<Option<Vec<i64>>>(&row, 0)?.unwrap_or_default();
    let mark = column::<Option<i64>>(&row, 1)?.unwrap_or_default().cast_unsigned();
    for place in same.into_iter().map(index) {
        known[place] = Known::Same(mark);
    }
    let others: Vec<i64> = column::<Option<Vec<i64>>>(&row, 2)?.unwrap_or_default();
    let others: Vec<usize> = others.into_iter().map(index).collect();
    if others.is_empty() {
        return Ok(known);
    }
    let wanted: Vec<&str> = others.iter().map(|place| exts[*place]).collect();
    let heads = side::heads(connection, number, &wanted).await?;
    for (place, head) in others.into_iter().zip(heads) {
        known[place] = head.map_or(Known::Unknown, Known::Side);
    }
    Ok(known)
}

fn index(place: i64) -> usize {
    usize::try_from(place - 1).unwrap_or_default()
}

/// The hash to compare with; none where the stamp is finer than what is kept, since that would never be the same.
fn hash(sighting: &Sighting<'_>) -> Option<[u8; 16]> {
    let kept_whole = |stamp: Timestamp| instant(micros(stamp)).is_ok_and(|kept| kept == stamp);
    let hash = sighting.hash.filter(|_| sighting.stamp.is_none_or(kept_whole));
    hash.map(u128::to_be_bytes)
}

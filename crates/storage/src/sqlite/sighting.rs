//! Comparing a page with what is stored, within SQLite: of the records without news, which are most, only their places
//! come back.

use std::fmt::Write as _;

use jiff::Timestamp;
use sqlx::SqliteConnection;
use syncline_core::Result;
use syncline_core::sighting::{Known, Sighting};
use syncline_core::state::{SideFlags, SideId};

use super::error::{column, failed, unsigned};
use super::rows::json;
use super::side::{Head, head_columns, packed_head};
use crate::packed::{LIVE, damaged, instant, micros};

/// Each sighting is one text: 32 hexadecimal digits of the hash, the stamp in 20 places, the remote id.
///
/// As in all statements over a list, CROSS JOIN fixes the order: the list outside, the tables looked up inside.
pub(super) const COMPARE: &str = concat!(
    "SELECT json_group_array(place) FILTER (WHERE same), max(known) FILTER (WHERE same), \
     json_group_array(json_array(place, json_array(",
    head_columns!(),
    "))) FILTER (WHERE NOT same) FROM (SELECT wanted.key AS place, max(obs_seq, write_seq) AS known, side.*, \
     hex(hash) = substr(wanted.value, 1, 32) \
     AND stamp IS nullif(CAST(substr(wanted.value, 33, 20) AS INTEGER), -9223372036854775807) \
     AND presence = 1 AND flags & 50 = 0 AND mapping_version = ?3 AS same \
     FROM json_each(?1) AS wanted \
     LEFT JOIN alias ON alias.side = ?2 AND alias.old = substr(wanted.value, 53) \
     CROSS JOIN side ON side.side = ?2 AND side.ext = coalesce(alias.current, substr(wanted.value, 53))) AS side"
);

/// A stamp that is not there.
const NO_STAMP: i64 = -i64::MAX;

// What the statement spells out.
const _: () = assert!(
    LIVE == 1
        && SideFlags::READ.0 | SideFlags::FAILED.0 | SideFlags::WAITING.0 == 50
        && NO_STAMP == -9_223_372_036_854_775_807
);

/// Whether anything is known between two remote ids. The page of a first read mostly lies where nothing is, and is then
/// answered at once.
pub(super) const ANY_BETWEEN: &str = "SELECT EXISTS (SELECT 1 FROM side WHERE side = ?1 AND ext BETWEEN ?2 AND ?3) \
     OR EXISTS (SELECT 1 FROM alias WHERE side = ?1 AND old BETWEEN ?2 AND ?3)";

async fn is_all_unknown(connection: &mut SqliteConnection, side: SideId, sightings: &[Sighting<'_>]) -> Result<bool> {
    let exts = sightings.iter().map(|sighting| sighting.ext);
    let (Some(least), Some(greatest)) = (exts.clone().min(), exts.max()) else {
        return Ok(true);
    };
    let found: bool = sqlx::query_scalar(ANY_BETWEEN)
        .bind(side)
        .bind(least)
        .bind(greatest)
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    Ok(!found)
}

pub(super) async fn compare(
    connection: &mut SqliteConnection,
    side: SideId,
    sightings: &[Sighting<'_>],
    mapping_version: u32,
) -> Result<Vec<Known>> {
    if is_all_unknown(&mut *connection, side, sightings).await? {
        return Ok(vec![Known::Unknown; sightings.len()]);
    }
    let list: Vec<String> = sightings.iter().map(text).collect();
    let row = sqlx::query(COMPARE)
        .bind(json(&list))
        .bind(side)
        .bind(mapping_version)
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    let unreadable = |error| damaged("a column of an unexpected type").because(error);
    let same: Vec<usize> = serde_json::from_str(column(&row, 0)?).map_err(unreadable)?;
    let others: Vec<(usize, Head)> = serde_json::from_str(column(&row, 2)?).map_err(unreadable)?;
    let mut known = vec![Known::Unknown; sightings.len()];
    if !same.is_empty() {
        let mark = unsigned(&row, 1)?;
        for place in same {
            known[place] = Known::Same(mark);
        }
    }
    for (place, head) in others {
        known[place] = Known::Side(packed_head(head)?.unpack()?);
    }
    Ok(known)
}

fn text(sighting: &Sighting<'_>) -> String {
    let mut text = String::with_capacity(sighting.ext.len() + 52);
    let stamp = sighting.stamp.map_or(NO_STAMP, micros);
    let written = match sighting.hash.filter(|_| is_kept_whole(sighting.stamp)) {
        Some(hash) => write!(text, "{hash:032X}{stamp:>20}{}", sighting.ext),
        // No hash is the same as this one.
        None => write!(text, "{:32}{stamp:>20}{}", "", sighting.ext),
    };
    // Writing to a text does not fail.
    let _ = written;
    text
}

/// Whether a stamp is no finer than what is kept.
fn is_kept_whole(stamp: Option<Timestamp>) -> bool {
    stamp.is_none_or(|stamp| instant(micros(stamp)).is_ok_and(|kept| kept == stamp))
}

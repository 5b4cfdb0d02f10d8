use std::borrow::Cow;
use std::ops::RangeInclusive;

use syncline_core::Result;
use syncline_core::state::{
    EntityId, Presence, Side, SideFlags, SideId, SideKey, decode_side_groups, encode_side_groups,
};
use syncline_core::store::SideHead;

use super::{damaged, instant, micros};

/// The presence code of a record that exists.
pub(crate) const LIVE: u8 = 1;

/// The number of a side's row: the entity's number, then eight bits of slot, so that an entity's sides lie together
/// and no index on the entity is needed.
pub(crate) const fn row_of(key: SideKey) -> i64 {
    key.entity << 8 | key.slot as i64
}

/// All rows that an entity's sides can have; none for what is no entity number.
pub(crate) const fn rows_of(entity: EntityId) -> RangeInclusive<i64> {
    if entity >= 1 && entity < 1 << 55 {
        entity << 8..=(entity << 8 | 0xff)
    } else {
        0..=0
    }
}

/// The entity to which a side's row belongs.
pub(crate) const fn entity_of(row: i64) -> EntityId {
    row >> 8
}

/// The side's key, from its row.
pub(crate) const fn key_of(row: i64, side: SideId) -> SideKey {
    SideKey {
        entity: entity_of(row),
        side,
        slot: (row & 0xff) as u8,
    }
}

/// The greatest row that a side of this entity can have: pages go on above it.
pub(crate) const fn past_entity(entity: EntityId) -> i64 {
    if entity >= 1 << 55 {
        i64::MAX
    } else {
        entity << 8 | 0xff
    }
}

/// The part of a side that tells whether a row brings anything new.
#[derive(Debug, Clone)]
pub(crate) struct PackedHead {
    pub(crate) row: i64,
    pub(crate) side: SideId,
    /// See [`LIVE`].
    pub(crate) presence: u8,
    /// The text that goes with some presences.
    pub(crate) detail: Option<String>,
    pub(crate) flags: u32,
    pub(crate) stamp: Option<i64>,
    pub(crate) obs_seq: u64,
    pub(crate) write_seq: u64,
    pub(crate) dirty_seq: u64,
    pub(crate) mapping_version: u32,
    pub(crate) hash: u128,
}

impl PackedHead {
    pub(crate) fn unpack(self) -> Result<SideHead> {
        let key = key_of(self.row, self.side);
        self.open(key).map_err(|error| name(error, key))
    }

    fn open(self, key: SideKey) -> Result<SideHead> {
        Ok(SideHead {
            key,
            presence: presence(self.presence, self.detail)?,
            flags: SideFlags(self.flags),
            stamp: self.stamp.map(instant).transpose()?,
            obs_seq: self.obs_seq,
            write_seq: self.write_seq,
            dirty_seq: self.dirty_seq,
            mapping_version: self.mapping_version,
            hash: self.hash,
        })
    }
}

/// A side as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct PackedSide {
    pub(crate) head: PackedHead,
    pub(crate) ext: Option<String>,
    pub(crate) marker: Option<String>,
    pub(crate) base_rev: u64,
    pub(crate) obs: Vec<u8>,
    /// Groups about which something is special.
    pub(crate) diff: Option<Vec<u8>>,
}

impl PackedSide {
    pub(crate) fn pack(side: &Side) -> Self {
        let (presence, detail) = presence_code(&side.presence);
        Self {
            head: PackedHead {
                row: row_of(side.key),
                side: side.key.side,
                presence,
                detail: detail.map(Cow::into_owned),
                flags: side.flags.0,
                stamp: side.stamp.map(micros),
                obs_seq: side.obs_seq,
                write_seq: side.write_seq,
                dirty_seq: side.dirty_seq,
                mapping_version: side.mapping_version,
                hash: side.hash,
            },
            ext: side.ext.clone(),
            marker: side.marker.clone(),
            base_rev: side.base_rev,
            obs: side.obs.clone(),
            diff: encode_side_groups(&side.groups),
        }
    }

    /// The side; fails with `Corrupt`, naming it, when a column can't be read.
    pub(crate) fn unpack(self) -> Result<Side> {
        let key = key_of(self.head.row, self.head.side);
        self.open(key).map_err(|error| name(error, key))
    }

    fn open(self, key: SideKey) -> Result<Side> {
        let head = self.head.open(key)?;
        Ok(Side {
            key,
            ext: self.ext,
            presence: head.presence,
            flags: head.flags,
            stamp: head.stamp,
            obs_seq: head.obs_seq,
            write_seq: head.write_seq,
            dirty_seq: head.dirty_seq,
            base_rev: self.base_rev,
            mapping_version: head.mapping_version,
            marker: self.marker,
            hash: head.hash,
            obs: self.obs,
            groups: decode_side_groups(self.diff.as_deref())?,
        })
    }
}

fn presence_code(presence: &Presence) -> (u8, Option<Cow<'_, str>>) {
    match presence {
        Presence::NeverSeen => (0, None),
        Presence::Live => (LIVE, None),
        Presence::Deleted(evidence) => (2, Some(Cow::from(evidence))),
        Presence::MergedInto(ext) => (3, Some(Cow::from(ext))),
        Presence::Converted(ext) => (4, Some(Cow::from(ext))),
        Presence::Inaccessible => (5, None),
        Presence::Archived => (6, None),
        Presence::Unlinked => (7, None),
        Presence::ReportedDeleted(until) => (8, Some(Cow::from(micros(*until).to_string()))),
    }
}

fn presence(code: u8, detail: Option<String>) -> Result<Presence> {
    let detail = detail.unwrap_or_default();
    Ok(match code {
        0 => Presence::NeverSeen,
        LIVE => Presence::Live,
        2 => Presence::Deleted(detail),
        3 => Presence::MergedInto(detail),
        4 => Presence::Converted(detail),
        5 => Presence::Inaccessible,
        6 => Presence::Archived,
        7 => Presence::Unlinked,
        8 => {
            let until = detail.parse().map_err(|_| damaged("a time"))?;
            Presence::ReportedDeleted(instant(until)?)
        }
        _ => return Err(damaged("an unknown presence")),
    })
}

fn name(error: syncline_core::Error, key: SideKey) -> syncline_core::Error {
    error.with("entity", key.entity).with("side", key.side)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_its_entity_and_slot() {
        let key = SideKey {
            entity: (1 << 55) - 1,
            side: 9,
            slot: 255,
        };
        assert_eq!(key_of(row_of(key), 9), key);
        assert_eq!(past_entity(key.entity), row_of(key));
    }

    #[test]
    fn every_presence_survives_its_code() {
        for state in [
            Presence::NeverSeen,
            Presence::Live,
            Presence::Deleted("feed".into()),
            Presence::MergedInto("7".into()),
            Presence::Converted("8".into()),
            Presence::Inaccessible,
            Presence::Archived,
            Presence::Unlinked,
            Presence::ReportedDeleted(jiff::Timestamp::from_second(7).unwrap()),
        ] {
            let (code, detail) = presence_code(&state);
            assert_eq!(presence(code, detail.map(Cow::into_owned)).unwrap(), state);
        }
    }
}

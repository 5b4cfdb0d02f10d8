use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::EntityId;
use crate::model::GroupId;
use crate::value::Value;

/// Number of a sync's side: one blueprint joined to one object of one connection. Unique within a store.
pub type SideId = u32;

/// Which remote record of which entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SideKey {
    /// The entity.
    pub entity: EntityId,
    /// The sync's side.
    pub side: SideId,
    /// The side's slot among the sides of its blueprint, so that an entity's sides lie together in the store.
    pub slot: u8,
}

/// Where the remote record stands, as far as we know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// No remote record yet.
    #[default]
    NeverSeen,
    /// It exists.
    Live,
    /// It was deleted, and this is how we know.
    Deleted(String),
    /// It was merged into this record.
    MergedInto(String),
    /// It was converted into this record.
    Converted(String),
    /// We may no longer see it, which is not a delete.
    Inaccessible,
    /// The provider's recycle bin has it.
    Archived,
    /// The link was cut on purpose; the record is kept on both sides, and never created again from here.
    Unlinked,
    /// The provider says that it was deleted. From this time on that is believed, if it is still said then.
    ReportedDeleted(Timestamp),
}

impl Presence {
    /// Whether the provider said that it was deleted.
    pub const fn is_deleted(&self) -> bool {
        matches!(self, Self::Deleted(_) | Self::Archived | Self::ReportedDeleted(_))
    }

    /// Whether there is a record to write to.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Live)
    }
}

/// What has to be done about a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SideFlags(pub u32);

impl SideFlags {
    /// The hub may hold something that this side does not: plan a push.
    pub const PUSH: Self = Self(1);
    /// What we know may be stale: read it strongly.
    pub const READ: Self = Self(2);
    /// An operation on it is sent or its outcome unknown.
    pub const IN_FLIGHT: Self = Self(4);
    /// A group of it is quarantined.
    pub const QUARANTINED: Self = Self(8);
    /// Its last processing failed; the failure record says why.
    pub const FAILED: Self = Self(16);
    /// A reference of it could not be resolved yet.
    pub const WAITING: Self = Self(32);
    /// It is not in the filter.
    pub const FILTERED: Self = Self(64);
    /// It was read for the first time and waits to be matched; its entity is provisional and not shown.
    pub const STAGED: Self = Self(128);
    /// It may be the same as a record that waits for a person's decision: nothing is created until then.
    pub const HELD: Self = Self(256);

    /// Whether all of these are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Sets these.
    pub const fn set(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Clears these.
    pub const fn clear(&mut self, other: Self) {
        self.0 &= !other.0;
    }
}

/// What a side held for a group when it last agreed with the hub.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Base {
    /// The same as is observed now: the usual case, stored once.
    #[default]
    AsObserved,
    /// It never agreed.
    Never,
    /// These raw values, in the order of the group's paths.
    Held(Vec<Value>),
}

/// A write of ours that may still land late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ghost {
    /// The raw values that it sets.
    pub values: Vec<Value>,
    /// Until when it may land.
    pub until: Timestamp,
}

/// Why a group of a side is not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// What the provider said, for people.
    pub error: String,
    /// Hash of what was to be written: another value is tried again.
    pub input_hash: u128,
}

/// What is special about one group of one side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupState {
    /// What the side held when it last agreed.
    pub base: Base,
    /// Hub revision it is known to have agreed with, where this is not the side's.
    pub base_rev: Option<u64>,
    /// Targets of writes that may still land late.
    pub ghosts: Vec<Ghost>,
    /// Why it is not written.
    pub quarantine: Option<Quarantine>,
    /// Of the last confirmed write, if it was read back as another value: what was sent and what was found, as a hash.
    pub not_kept: Option<u128>,
}

impl GroupState {
    /// Whether nothing is special, so that it needs no storage.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// One connection's record of an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// Which one.
    pub key: SideKey,
    /// The provider's record id; `None` before the record is created.
    pub ext: Option<String>,
    /// Where it stands.
    pub presence: Presence,
    /// What has to be done about it.
    pub flags: SideFlags,
    /// The provider's version as last observed.
    pub stamp: Option<Timestamp>,
    /// Mark of the read that produced `obs`.
    pub obs_seq: u64,
    /// Mark at which our last write to it finished.
    pub write_seq: u64,
    /// Mark at which it became dirty; 0 when it is not.
    pub dirty_seq: u64,
    /// Hub revision that all groups without an entry in `groups` are known to have agreed with.
    pub base_rev: u64,
    /// Version of the mapping under which `obs` was read.
    pub mapping_version: u32,
    /// Our unique key written in the CRM.
    pub marker: Option<String>,
    /// Content hash of `obs`.
    pub hash: u128,
    /// The raw values last observed, canonically encoded in the order of the projection; empty before.
    pub obs: Vec<u8>,
    /// Groups about which something is special.
    pub groups: BTreeMap<GroupId, GroupState>,
}

impl Side {
    /// A side without a remote record yet.
    pub fn new(key: SideKey) -> Self {
        Self {
            key,
            ext: None,
            presence: Presence::NeverSeen,
            flags: SideFlags::default(),
            stamp: None,
            obs_seq: 0,
            write_seq: 0,
            dirty_seq: 0,
            base_rev: 0,
            mapping_version: 0,
            marker: None,
            hash: 0,
            obs: Vec::new(),
            groups: BTreeMap::new(),
        }
    }

    /// Makes it ready to be created anew where its record is gone for good. The old id stays until there is a new one,
    /// which then is what it stands for.
    pub fn forget_record(&mut self) {
        *self = Self {
            ext: self.ext.take(),
            ..Self::new(self.key)
        };
        self.flags.set(SideFlags::PUSH);
    }

    /// The hub revision that a group is known to have agreed with.
    pub fn base_rev(&self, group: GroupId) -> u64 {
        self.groups
            .get(&group)
            .and_then(|state| state.base_rev)
            .unwrap_or(self.base_rev)
    }

    /// A group's special state, made if there is none.
    pub fn group_mut(&mut self, group: GroupId) -> &mut GroupState {
        self.groups.entry(group).or_default()
    }

    /// Drops entries that say nothing.
    pub fn tidy(&mut self) {
        let base_rev = self.base_rev;
        for state in self.groups.values_mut() {
            if state.base_rev == Some(base_rev) {
                state.base_rev = None;
            }
        }
        self.groups.retain(|_, state| !state.is_default());
    }
}

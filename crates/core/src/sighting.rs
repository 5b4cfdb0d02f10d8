//! Comparing what a read saw with what is stored, so that a record without news costs a comparison and nothing else.

use jiff::Timestamp;

use crate::state::{Presence, SideFlags};
use crate::store::SideHead;

/// What a read saw of a record, as far as that tells whether it is news.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sighting<'a> {
    /// The provider's record id.
    pub ext: &'a str,
    /// Content hash of all its values; `None` asks for the side whatever it holds.
    pub hash: Option<u128>,
    /// The provider's version.
    pub stamp: Option<Timestamp>,
}

/// What a store knows of a record that was seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// No side is linked to it.
    Unknown,
    /// Its side is settled and holds the same, as [`SideHead::holds`] says. The mark is that up to which the side is
    /// known: of its last read or the end of our last write.
    Same(u64),
    /// Its side holds something else, or there is something to do about it.
    Side(SideHead),
}

impl Known {
    /// What a sighting comes to, given the head of its side.
    pub fn of(sighting: &Sighting<'_>, head: Option<SideHead>, mapping_version: u32) -> Self {
        match head {
            None => Self::Unknown,
            Some(head)
                if sighting
                    .hash
                    .is_some_and(|hash| head.holds(hash, sighting.stamp, mapping_version)) =>
            {
                Self::Same(head.obs_seq.max(head.write_seq))
            }
            Some(head) => Self::Side(head),
        }
    }
}

impl SideHead {
    /// Whether a live record with this content and stamp is what was observed last, under the same mapping, and nothing
    /// is left to do about it.
    pub fn holds(&self, hash: u128, stamp: Option<Timestamp>, mapping_version: u32) -> bool {
        hash == self.hash
            && stamp == self.stamp
            && mapping_version == self.mapping_version
            && self.presence == Presence::Live
            && self.flags.0 & UNSETTLED == 0
    }
}

/// Flags of a side whose record is looked at again though it did not change.
pub(crate) const UNSETTLED: u32 = SideFlags::READ.0 | SideFlags::WAITING.0 | SideFlags::FAILED.0;

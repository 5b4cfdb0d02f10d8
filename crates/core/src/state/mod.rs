//! What the engine remembers of every record: the entity with its decisions, and per side what was observed there and
//! what that side held when it last agreed. Sections 1 and 2 of the synchronisation algorithm.

mod codec;
mod created;
mod entity;
mod operation;
mod side;

pub(crate) use codec::put_lone_decision;
pub use codec::{Frozen, decode_decisions, decode_side_groups, encode_decisions, encode_side_groups};
pub use created::{CreatedPage, CreatedRecord};
pub use entity::{Actor, Cause, Decision, Entity, EntityId, Stamp};
pub use operation::{Operation, OperationState, OperationVerb};
pub use side::{Base, Ghost, GroupState, Presence, Quarantine, Side, SideFlags, SideId, SideKey};

/// An entity with all its sides: what a decision is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Linked {
    /// The app's record.
    pub entity: Entity,
    /// The remote records linked to it, by ascending slot.
    pub sides: Vec<Side>,
}

impl Linked {
    /// The place of a sync's side.
    pub fn side_index(&self, side: SideId) -> Option<usize> {
        self.sides.iter().position(|candidate| candidate.key.side == side)
    }
}

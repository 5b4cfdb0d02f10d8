//! The invariants of the algorithm's section 12, each a check with a name.

mod always;
mod convergence;
mod edits;
mod invariant;
mod knowledge;
mod records;
mod rows;
mod trail;

pub(super) use always::Watermarks;
pub use invariant::{Checked, Invariant, Violation};
pub(super) use knowledge::Knowledge;

use super::world::World;

/// What must hold in every state, also under faults.
pub(super) fn safe(world: &World, known: &Knowledge) {
    records::identity(world, known);
    records::base_soundness(world, known);
    records::delete_safety(world, known);
    records::isolation(world, known);
    trail::fold(world, known);
    rows::cover(world, known);
}

/// What must hold once faults and edits are over and everything was run.
pub(super) fn settled(world: &World, known: &Knowledge) {
    convergence::sides_agree(world, known);
    convergence::everybody_is_everywhere(world, known);
    convergence::references_agree(world, known);
    convergence::nothing_is_stale(world, known);
    edits::no_lost_update(world, known);
    records::no_invention(world, known);
    records::one_create(world, known);
}

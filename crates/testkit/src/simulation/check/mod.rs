//! The invariants of the algorithm's section 12, each a check with a name.

mod always;
mod convergence;
mod edits;
mod knowledge;
mod records;
mod trail;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(super) use always::Watermarks;
pub(super) use knowledge::Knowledge;

use super::world::World;

/// An invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Invariant {
    /// I1: each user's edit is visible everywhere, knowingly overwritten, or named as a loser.
    NoLostUpdate,
    /// I2: every value on a side was set by somebody.
    NoInvention,
    /// I3: without faults and edits all sides agree within a few cycles.
    Convergence,
    /// I4: then nothing is written any more.
    Silence,
    /// I5: what is read again changes nothing.
    IdempotentIngest,
    /// I7: a record is made once.
    OneCreate,
    /// I8: each effect has an earlier committed intent.
    IntentBeforeEffect,
    /// I10: a base was really held by its side.
    BaseSoundness,
    /// I11: revisions, marks and epochs never go back.
    Monotonicity,
    /// I12: nothing is deleted without evidence.
    DeleteSafety,
    /// I13: a remote record belongs to one entity.
    Identity,
    /// I14: one write of a record is under way at a time.
    Serialisation,
    /// I19: nothing is written to a frozen group, and stale decisions are refused.
    Freeze,
    /// I21: the audit tells how every value came about, in an unbroken chain.
    AuditCompleteness,
    /// I22: nothing crosses tenants or connections.
    Isolation,
    /// I25: the same seed gives the same trace.
    Determinism,
    /// I26: everything ends.
    Termination,
}

impl Invariant {
    /// Every one of them, in the order of their numbers.
    pub const ALL: [Self; 17] = [
        Self::NoLostUpdate,
        Self::NoInvention,
        Self::Convergence,
        Self::Silence,
        Self::IdempotentIngest,
        Self::OneCreate,
        Self::IntentBeforeEffect,
        Self::BaseSoundness,
        Self::Monotonicity,
        Self::DeleteSafety,
        Self::Identity,
        Self::Serialisation,
        Self::Freeze,
        Self::AuditCompleteness,
        Self::Isolation,
        Self::Determinism,
        Self::Termination,
    ];

    /// Its number and name in the specification.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoLostUpdate => "I1 no lost update",
            Self::NoInvention => "I2 no invention",
            Self::Convergence => "I3 convergence",
            Self::Silence => "I4 silence",
            Self::IdempotentIngest => "I5 idempotent ingest",
            Self::OneCreate => "I7 one create",
            Self::IntentBeforeEffect => "I8 intent before effect",
            Self::BaseSoundness => "I10 base soundness",
            Self::Monotonicity => "I11 monotonicity",
            Self::DeleteSafety => "I12 delete safety",
            Self::Identity => "I13 identity",
            Self::Serialisation => "I14 serialisation",
            Self::Freeze => "I19 freeze",
            Self::AuditCompleteness => "I21 audit completeness",
            Self::Isolation => "I22 isolation",
            Self::Determinism => "I25 determinism",
            Self::Termination => "I26 termination",
        }
    }
}

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// What was found, with the records by name.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant.name(), self.what)
    }
}

/// What must hold in every state, also under faults.
pub(super) fn safe(world: &World, known: &Knowledge) {
    records::identity(world, known);
    records::base_soundness(world, known);
    records::delete_safety(world, known);
    records::isolation(world, known);
    trail::fold(world, known);
    trail::cover(world, known);
}

/// What must hold once faults and edits are over and everything was run.
pub(super) fn settled(world: &World, known: &Knowledge) {
    convergence::sides_agree(world, known);
    convergence::everybody_is_everywhere(world, known);
    convergence::references_agree(world, known);
    edits::no_lost_update(world, known);
    records::no_invention(world, known);
    records::one_create(world, known);
}

//! The invariants of the algorithm's section 12, and where each is checked.

use std::fmt;

use serde::{Deserialize, Serialize};

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
    /// I6: who dies at any moment ends where the others end.
    CrashEquivalence,
    /// I7: a record is made once.
    OneCreate,
    /// I8: each effect has an earlier committed intent.
    IntentBeforeEffect,
    /// I9: what may have been applied is read before it is sent again.
    NoBlindResend,
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
    /// I15: a group of fields is never half written.
    GroupAtomicity,
    /// I16: no more calls than the provider allows, and some are kept for people.
    Budget,
    /// I17: every tenant and every connection has its turn.
    Fairness,
    /// I18: what is kept in memory has a limit.
    BoundedMemory,
    /// I19: nothing is written to a frozen group, and stale decisions are refused.
    Freeze,
    /// I20: a rollback takes back what its run did, and nothing else.
    RollbackExactness,
    /// I21: the audit tells how every value came about, in an unbroken chain.
    AuditCompleteness,
    /// I22: nothing crosses tenants or connections.
    Isolation,
    /// I23: what changed at a source is known after the next read of it.
    BoundedStaleness,
    /// I24: lenses obey their laws.
    LensLaws,
    /// I25: the same seed gives the same trace.
    Determinism,
    /// I26: everything ends.
    Termination,
}

/// Where an invariant is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// With each request or after each step of every history.
    Always,
    /// At the end of every history, whatever goes on.
    InEveryState,
    /// At the end of a history, once faults and edits have stopped.
    AtRest,
    /// Over several histories.
    OverHistories,
    /// Not by the simulation but by these tests.
    ByTests(&'static [&'static str]),
}

impl Invariant {
    /// Every one of them, in the order of their numbers.
    pub const ALL: [Self; 26] = [
        Self::NoLostUpdate,
        Self::NoInvention,
        Self::Convergence,
        Self::Silence,
        Self::IdempotentIngest,
        Self::CrashEquivalence,
        Self::OneCreate,
        Self::IntentBeforeEffect,
        Self::NoBlindResend,
        Self::BaseSoundness,
        Self::Monotonicity,
        Self::DeleteSafety,
        Self::Identity,
        Self::Serialisation,
        Self::GroupAtomicity,
        Self::Budget,
        Self::Fairness,
        Self::BoundedMemory,
        Self::Freeze,
        Self::RollbackExactness,
        Self::AuditCompleteness,
        Self::Isolation,
        Self::BoundedStaleness,
        Self::LensLaws,
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
            Self::CrashEquivalence => "I6 crash equivalence",
            Self::OneCreate => "I7 one create",
            Self::IntentBeforeEffect => "I8 intent before effect",
            Self::NoBlindResend => "I9 no blind resend",
            Self::BaseSoundness => "I10 base soundness",
            Self::Monotonicity => "I11 monotonicity",
            Self::DeleteSafety => "I12 delete safety",
            Self::Identity => "I13 identity",
            Self::Serialisation => "I14 serialisation",
            Self::GroupAtomicity => "I15 group atomicity",
            Self::Budget => "I16 budget",
            Self::Fairness => "I17 fairness",
            Self::BoundedMemory => "I18 bounded memory",
            Self::Freeze => "I19 freeze",
            Self::RollbackExactness => "I20 rollback exactness",
            Self::AuditCompleteness => "I21 audit completeness",
            Self::Isolation => "I22 isolation",
            Self::BoundedStaleness => "I23 bounded staleness",
            Self::LensLaws => "I24 lens laws",
            Self::Determinism => "I25 determinism",
            Self::Termination => "I26 termination",
        }
    }

    /// Where it is checked.
    #[must_use]
    pub const fn checked(self) -> Checked {
        match self {
            Self::IntentBeforeEffect
            | Self::NoBlindResend
            | Self::Monotonicity
            | Self::Serialisation
            | Self::Freeze
            | Self::Termination => Checked::Always,
            Self::BaseSoundness | Self::DeleteSafety | Self::Identity | Self::AuditCompleteness | Self::Isolation => {
                Checked::InEveryState
            }
            Self::NoLostUpdate
            | Self::NoInvention
            | Self::Convergence
            | Self::Silence
            | Self::IdempotentIngest
            | Self::OneCreate
            | Self::BoundedStaleness => Checked::AtRest,
            Self::Determinism => Checked::OverHistories,
            // Every other invariant is checked in histories with crashes, too.
            Self::CrashEquivalence => Checked::ByTests(&[
                "a_crash_at_any_moment_loses_and_doubles_nothing",
                "dying_after_any_request_was_applied_loses_nothing_and_doubles_nothing",
            ]),
            Self::GroupAtomicity => Checked::ByTests(&["a_group_is_decided_and_written_whole_or_not_at_all"]),
            Self::Budget => Checked::ByTests(&[
                "no_rolling_window_ever_holds_more_calls_than_allowed",
                "the_reserve_is_for_interactive_calls",
                "the_limit_of_the_manifest_is_kept_and_a_part_of_it_is_for_people",
            ]),
            Self::Fairness => {
                Checked::ByTests(&["equal_runs_take_turns", "who_makes_expensive_runs_gets_fewer_of_them"])
            }
            Self::BoundedMemory => Checked::ByTests(&[
                "it_ends_where_it_would_hold_too_much",
                "no_more_than_eight_requests_are_in_flight",
                "the_size_of_a_page_changes_nothing_but_the_number_of_requests",
            ]),
            Self::RollbackExactness => Checked::ByTests(&[
                "a_first_import_is_undone_whole",
                "what_was_changed_since_is_left_alone_and_listed",
                "a_rollback_rolled_back_leaves_everything_as_the_run_had_it",
            ]),
            Self::LensLaws => Checked::ByTests(&["every_registered_lens_obeys_the_laws", "chains_obey_the_laws"]),
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

//! Which field of a blueprint is which field of a remote object, and how they differ.
//!
//! A [`Mapping`] is what people write. [`check`] finds everything wrong with it, [`compile`] makes it ready to run,
//! [`propose`] writes a first one and [`preview`] shows what it does to sample records.

mod auto;
mod builtin;
mod check;
mod check_choices;
mod check_keys;
mod closed_list;
mod compatible;
mod compile;
mod compiled;
mod evidence;
mod likely_pair;
mod match_keys;
mod names;
mod overdue;
mod preview;
mod proposal;
mod resolve;
mod rule;
mod rule_lens;
mod sample;
mod standard;
mod steps;
mod suggest;
#[cfg(test)]
mod tests;

pub use auto::propose;
pub use check::{MAX_REMOTE_FIELDS, check, check_together};
pub use compile::{SidePlace, compile};
pub use compiled::{CompiledRule, Role, SideGroup, SideMapping};
pub use overdue::{OverdueConflicts, OverdueWinner};
pub use preview::{PreviewField, PreviewRecord, preview, unfilled_required};
pub use proposal::{LeftOut, Proposal, ProposedRule};
pub use rule::{
    DeleteConflictPolicy, DeletePolicy, Direction, EmptyPolicy, FuzzyPart, FuzzyRole, LensSpec, Mapping, MatchKey,
    MatchPart, Normalisation, Rule, Strategy, Transform,
};
pub use sample::RowSample;
pub use standard::{standard_blueprint, standard_name};
pub(crate) use suggest::{did_you_mean, likeness_of};

//! Which field of a blueprint is which field of a remote object, and how they differ.

mod compiled;
mod rule;

pub use compiled::{CompiledRule, Role, SideGroup, SideMapping};
pub use rule::{
    DeletePolicy, Direction, EmptyPolicy, FuzzyPart, FuzzyRole, LensSpec, Mapping, MatchKey, MatchPart, Normalisation,
    Rule, Strategy, Transform,
};

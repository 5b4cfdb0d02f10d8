//! Conflicts and other things that a person decides (section 10 of the algorithm).

mod always;
mod fields;
mod matches;
mod model;
mod offline;
mod open;
mod resolution;
mod rule;
mod service;
mod unattended;

pub use always::{Always, AlwaysResolved};
pub use model::{Review, ReviewSide, ReviewStatus};
pub use resolution::{FieldChoice, Resolution};
pub use rule::ConflictRule;
pub use service::{ConflictQuery, Conflicts};

pub(crate) use rule::decide_by_rules;
pub(crate) use unattended::{decide_overdue, pause_where_flooded};

pub(crate) use open::{ReviewPlace, close_settled, open_match_review, open_review, open_review_at};

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::context_for_tests;

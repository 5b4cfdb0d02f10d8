//! Conflicts and other things that a person decides (section 10 of the algorithm).

mod model;
mod open;

pub use model::{Review, ReviewSide, ReviewStatus};
pub(crate) use open::{open_match_review, open_review};

//! What entities are found by beside their number: unique fields, indexed fields, searched words, match keys.
//!
//! Each has a *space* of its own in the store. It is filled when it is first needed, so that a first import pays
//! nothing for it, and kept in step with every entity that is written from then on.

mod definition;
mod fill;
mod history;
mod keep;
mod space;
mod words;

pub(crate) use definition::{Definition, is_sorted};
pub(crate) use fill::{fill_all, fill_declared, fill_within};
pub(crate) use history::{blocks_of, fill_history, keep_history};
pub(crate) use keep::{keep_created, keep_written};
pub(crate) use space::{forget_moved, forget_spaces, space_of};
pub(crate) use words::fill_words;

mod bulk;
mod edits;
mod indexes;
mod lists;
mod presence;
pub(crate) mod stage;
mod uniqueness;

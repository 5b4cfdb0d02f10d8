mod bulk;
mod edits;
mod lists;
mod presence;
pub(crate) mod stage;
mod uniqueness;

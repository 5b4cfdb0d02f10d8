//! Entities: the app's own records, which every side is reconciled with.
//!
//! An edit by the app takes part in the sync like any other: it is decided in one transaction together with the state
//! that it is decided on, marks the sides that are now behind, and is written down in the audit. Provisional entities
//! (records that wait to be matched) are not there for anybody yet.

mod findings;
mod index;
mod input;
mod list;
mod list_filter;
mod model;
mod presence;
mod references;
mod service;
mod sides;
mod transaction;
mod unique;
mod upsert;
mod view;

pub use list::{EntityListQuery, EntityPage};
pub use model::{Edited, EntityConflict, EntityLink, EntityRead, EntityView};
pub use service::Entities;
pub use upsert::{Upserted, UpsertedAs};

pub(crate) use findings::Findings;
pub(crate) use index::{Definition, fill_all, fill_declared, fill_within, keep_created, keep_written, space_of};
pub(crate) use presence::{delete_by, recreate};
pub(crate) use sides::EntitySides;
pub(crate) use transaction::{EntityTransaction, blueprint_by_id, is_provisional, spare_held, witness};
pub(crate) use unique::UniqueFields;
pub(crate) use view::EntityNames;

#[cfg(test)]
pub(crate) mod tests;

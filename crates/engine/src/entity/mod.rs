//! Entities: the app's own records, which every side is reconciled with.
//!
//! An edit by the app takes part in the sync like any other: it is decided in one transaction together with the state
//! that it is decided on, marks the sides that are now behind, and is written down in the audit. Provisional entities
//! (records that wait to be matched) are not there for anybody yet.

mod aggregate;
mod bulk;
mod consequences;
mod export;
mod findings;
mod flows;
mod history;
mod import;
mod import_checkpoint;
mod import_form;
mod import_page;
mod index;
mod input;
mod list;
mod list_filter;
mod list_order;
mod list_page;
mod model;
mod presence;
mod references;
mod selection;
mod service;
mod sides;
mod transaction;
mod unique;
mod upsert;
mod view;

pub use aggregate::{EntityAggregate, EntityAggregateQuery, EntityGroup};
pub use bulk::{EntityBulkChange, EntityBulkExample, EntityBulkFailure, EntityBulkOutcome, EntityBulkPreview};
pub use history::EntityHistory;
pub use import::{ImportFailure, ImportFailures, ImportKey, ImportOutcome, ImportPreview, ImportRequest};
pub use list::{EntityListQuery, EntityPage};
pub use list_order::EntitySort;
pub use model::{Edited, EntityConflict, EntityLink, EntityRead, EntityView};
pub use selection::EntitySelection;
pub use service::Entities;
pub use upsert::{Upserted, UpsertedAs};

pub(crate) use consequences::Consequences;
pub(crate) use findings::Findings;
pub(crate) use index::{
    Definition, fill_all, fill_declared, fill_within, forget_moved, forget_spaces, keep_created, keep_history,
    keep_written, space_of,
};
pub(crate) use input::patch_of;
pub(crate) use presence::{delete_by, recreate};
pub(crate) use selection::Selection;
pub(crate) use sides::{EntitySides, syncs_of};
pub(crate) use transaction::{
    EntityTransaction, blueprint_by_id, blueprint_by_name, is_provisional, spare_held, stored_entity, witness,
};
pub(crate) use unique::UniqueFields;
pub(crate) use view::EntityNames;

#[cfg(test)]
pub(crate) mod tests;

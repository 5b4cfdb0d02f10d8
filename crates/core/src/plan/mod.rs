//! The decisions: pure functions from link state, observations and policies to new state and work.
//!
//! This is sections 4 to 7 of the synchronisation algorithm. Three sentences carry it: persist observations, derive
//! work. Changed means differs from the base *of that same side*. A read that overlaps our own write proves nothing.
//!
//! - [`accept`] says whether a row may be applied at all (the staleness filter).
//! - [`observe`] takes an accepted row in and decides group by group.
//! - [`Creations`] does the same for a whole page of records that nobody knows yet.
//! - [`reconcile`] decides again over what was observed before, after a failure or a new link.
//! - [`app_edit`] takes an edit by the app in.
//! - [`plan_push`] says what has to be written to a side.
//! - [`confirm`] takes the outcome of a write in.
//! - [`gone`] and [`restored`] take deletes and undeletes in.
//! - [`resolve`] takes a person's decision in.
//! - [`refile`] brings a record to a narrower mapping without reading it again.

mod app_edit;
mod compare;
mod confirm;
mod contest;
mod creation;
mod decide;
mod decision;
mod delete_conflict;
mod observe;
mod presence;
mod push;
mod rebase;
mod refile;
mod review;
mod scene;
mod states;
mod thaw;
mod unresolved;
mod written;

pub use app_edit::{Patch, ReadPoint, app_edit};
pub use compare::{behind, lags, raw_groups};
pub use confirm::{Readback, confirm};
pub use creation::Creations;
pub use decide::reconcile;
pub use delete_conflict::{ask_before_delete, restored};
pub use observe::{Acceptance, Observation, accept, observe};
pub use presence::{DELETED_BY_US, Gone, gone, presence_agreed, reported_deleted};
pub use push::{PushPlan, plan_push};
pub use rebase::EarlierMapping;
pub use refile::refile;
pub use review::{Choice, resolve};
pub use scene::{Effects, Force, Oscillation, ReviewChange, ReviewReason, Scene, SceneSide, UniqueValues};
pub use written::written;

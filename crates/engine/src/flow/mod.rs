//! Flows: saving them, taking their transitions, and the history of what was taken.
//!
//! [`Flows::take`] moves one entity in one transaction: its state is read, the guard asked, the entity edited and the
//! history written, so that of two who take the same transition at once one is told that the other was faster. A change
//! of the state that is made in another way, by an edit or in a CRM, is held against the flow too, which says what
//! becomes of one that breaks it.

mod history;
mod hook;
mod many;
mod service;
mod stored;
mod taking;
#[cfg(test)]
mod tests;

pub use history::{Moved, StateChange, StateHistory, StateTime, Stay};
pub use hook::{Taking, TransitionHook};
pub use many::{Selection, TakenMany, TakenOne};
pub use service::{Flows, SavedFlow};
pub use stored::FlowVersion;
pub use taking::{TakeRequest, Taken};

pub(crate) use history::{Judged, forget, note_changes};
pub(crate) use stored::{StoredFlow, compiled, flows_of};
pub(crate) use taking::taker;

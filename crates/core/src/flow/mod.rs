//! Flows: state machines over blueprints.
//!
//! The states are the choices of a choice field. A [`Flow`] names the transitions between them, each with a guard, the
//! inputs that whoever takes it gives, and the updates that it makes to fields. Everything here is pure: what may be
//! taken ([`CompiledFlow::available`]), what taking it changes ([`CompiledFlow::take`]), whether a change that was made
//! elsewhere follows the flow ([`CompiledFlow::judge`]), and what it looks like ([`Flow::to_mermaid`],
//! [`Flow::to_dot`]). What is wrong with a flow is told when it is saved ([`Flow::check`]), all at once.
//!
//! # What expressions know
//!
//! | name | what it is |
//! |---|---|
//! | `weight`, `entity.weight` | a field, with the inputs in place; the field of the states holds the state that is left |
//! | `before.weight` | a field as it was before the inputs |
//! | `inputs.weight` | what the taker gives |
//! | `actor.name`, `actor.role`, `actor.roles` | who takes it; of a change that comes from a CRM the role is `crm` |
//! | `now`, `now()` | the time |

mod available;
mod check;
mod compiled;
mod draw;
mod expressions;
mod judge;
mod model;
mod reach;
mod take;
#[cfg(test)]
mod tests;

pub use available::{Offer, Standing};
pub use compiled::{CRM_ROLE, CompiledFlow, Taker};
pub use judge::Judgement;
pub use model::{Breach, Flow, Transition, Update};
pub use take::Inputs;

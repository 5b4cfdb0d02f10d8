//! Which transitions can be taken, and why the others can't.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::compiled::{CompiledFlow, CompiledTransition, Taker};
use crate::plan::Patch;
use crate::value::Value;

/// Where an entity stands in a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The flow.
    pub flow: String,
    /// The state; `None` if the entity has none.
    pub state: Option<String>,
    /// Whether it may rest here for good.
    pub is_final: bool,
    /// The transitions that can be taken, in the flow's order.
    pub available: Vec<Offer>,
    /// The others, each with why it can't.
    pub unavailable: Vec<Offer>,
}

/// A transition, and whether it can be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Its name.
    pub transition: String,
    /// Its name for people.
    pub label: String,
    /// Where it leads.
    pub to: String,
    /// Fields that whoever takes it must give.
    pub inputs: Vec<String>,
    /// Fields that may be given as well.
    pub optional: Vec<String>,
    /// Whether its guard has the last word once the inputs are given.
    pub depends_on_inputs: bool,
    /// Why it can't be taken; `None` where it can.
    pub why_not: Option<String>,
}

impl CompiledFlow {
    /// Which transitions `taker` can take on an entity with these values, and why the others can't be taken. A guard that
    /// reads what is yet to be given counts as held until then.
    pub fn available(&self, values: &[Value], taker: &Taker, now: Timestamp) -> Standing {
        let state = self.state_of(values);
        let offers = self.transitions.iter().map(|transition| {
            let depends_on_inputs = transition.waits_for_inputs(&self.blueprint);
            Offer {
                transition: transition.transition.name.clone(),
                label: transition.transition.title().to_owned(),
                to: transition.transition.to.clone(),
                inputs: transition.transition.inputs.clone(),
                optional: transition.transition.optional.clone(),
                depends_on_inputs,
                why_not: self.why_not(transition, values, taker, now, depends_on_inputs),
            }
        });
        let (available, unavailable) = offers.partition(|offer| offer.why_not.is_none());
        Standing {
            flow: self.flow.name.clone(),
            state: state.map(str::to_owned),
            is_final: state.is_some_and(|state| self.flow.is_final(state)),
            available,
            unavailable,
        }
    }

    fn why_not(
        &self,
        transition: &CompiledTransition,
        values: &[Value],
        taker: &Taker,
        now: Timestamp,
        depends_on_inputs: bool,
    ) -> Option<String> {
        if let Some(why) = self.elsewhere(transition, values) {
            return Some(why);
        }
        if let Some(why) = forbidden(transition, taker) {
            return Some(why);
        }
        if depends_on_inputs {
            return None;
        }
        let nothing = Patch::new();
        let entity = self.in_place(values, &nothing);
        transition.refused(&self.situation(values, &entity, &nothing, taker, now))
    }

    /// Says that a transition starts elsewhere than the entity is.
    pub(super) fn elsewhere(&self, transition: &CompiledTransition, values: &[Value]) -> Option<String> {
        let state = self.state_of(values);
        if transition.leaves(state) {
            return None;
        }
        let from = transition.transition.from.join(" or ");
        Some(match state {
            Some(state) => format!("it leads from {from}, and the record is {state}"),
            None => format!(
                "it leads from {from}, and the record has no state; give `{}` one of {} first",
                self.flow.field,
                self.flow.initial.join(", ")
            ),
        })
    }
}

/// Says that somebody may not take a transition.
pub(super) fn forbidden(transition: &CompiledTransition, taker: &Taker) -> Option<String> {
    if transition.lets(taker) {
        return None;
    }
    let roles = &transition.transition.roles;
    let name = if taker.name.is_empty() { "nobody" } else { &taker.name };
    Some(if roles.is_empty() {
        format!("{name} may not edit records")
    } else {
        let has = if taker.roles.is_empty() {
            "has none".to_owned()
        } else {
            format!("is {}", taker.roles.join(", "))
        };
        format!("it is for the role {}, and {name} {has}", roles.join(" or "))
    })
}

//! Which states can be reached, and where entities get stuck.

use std::collections::BTreeSet;

use super::model::Flow;
use crate::model::Finding;

/// Finds states that nothing leads to and states that nothing leads out of. `holds` says whether a transition, by its
/// place, can be taken at all.
pub(super) fn check(flow: &Flow, choices: &[&str], holds: &dyn Fn(usize) -> bool, findings: &mut Vec<Finding>) {
    let taken: Vec<_> = flow
        .transitions
        .iter()
        .enumerate()
        .filter(|(place, _)| holds(*place))
        .map(|(_, transition)| transition)
        .collect();
    let mut reached: BTreeSet<&str> = flow.initial.iter().map(String::as_str).collect();
    loop {
        let before = reached.len();
        for transition in &taken {
            if transition.from.iter().any(|from| reached.contains(from.as_str())) {
                reached.insert(&transition.to);
            }
        }
        if reached.len() == before {
            break;
        }
    }
    let states: Vec<&str> = flow
        .states()
        .into_iter()
        .filter(|state| choices.contains(state))
        .collect();
    for state in &states {
        if !reached.contains(state) && !flow.initial.is_empty() {
            findings.push(Finding::error(
                *state,
                format!(
                    "no transition leads from {} to {state}; add one, or take {state} out",
                    flow.initial.join(" or ")
                ),
            ));
        }
        let leaves = |transition: &&super::Transition| {
            transition.from.iter().any(|from| from == state) && transition.to != *state
        };
        match (flow.is_final(state), taken.iter().copied().find(leaves)) {
            (false, None) => findings.push(Finding::error(
                *state,
                format!("nothing leads out of {state}; add a transition, or list it under `final`"),
            )),
            (true, Some(transition)) => findings.push(Finding::notice(
                *state,
                format!(
                    "{state} is final, and `{}` leads out of it all the same",
                    transition.name
                ),
            )),
            _ => {}
        }
    }
    for choice in choices.iter().filter(|choice| !states.contains(choice)) {
        findings.push(Finding::notice(
            *choice,
            format!(
                "`{}` can be {choice}, which the flow never names: such a record can't be moved by it",
                flow.field
            ),
        ));
    }
    stuck(flow, &taken, &reached, findings);
}

/// Finds states from which no final one can be reached, where there are final ones.
fn stuck(flow: &Flow, taken: &[&super::Transition], reached: &BTreeSet<&str>, findings: &mut Vec<Finding>) {
    let mut ends: BTreeSet<&str> = flow.finals.iter().map(String::as_str).collect();
    if ends.is_empty() {
        return;
    }
    loop {
        let before = ends.len();
        for transition in taken {
            if ends.contains(transition.to.as_str()) {
                ends.extend(transition.from.iter().map(String::as_str));
            }
        }
        if ends.len() == before {
            break;
        }
    }
    for state in reached.iter().filter(|state| !ends.contains(*state)) {
        let has_way = taken
            .iter()
            .any(|transition| transition.from.iter().any(|from| from == state) && transition.to != **state);
        if has_way {
            findings.push(Finding::notice(
                *state,
                format!("from {state} no final state can be reached"),
            ));
        }
    }
}

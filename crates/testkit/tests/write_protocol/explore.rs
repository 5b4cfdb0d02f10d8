//! Every state that can be reached, breadth first, so that what goes wrong is told by the shortest way to it.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::protocol::{Action, Limits, State};

/// What there is.
pub(crate) struct Explored {
    pub(crate) states: usize,
    pub(crate) reached: BTreeSet<&'static str>,
    /// What went wrong first, and how it came to that.
    pub(crate) problem: Option<(String, Vec<Action>)>,
}

fn fingerprint(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

/// Looks at every state within these limits.
pub(crate) fn explore(limits: Limits) -> Explored {
    let beginning = limits.beginning();
    let mut explored = Explored {
        states: 0,
        reached: BTreeSet::new(),
        problem: None,
    };
    let mut known = HashSet::from([fingerprint(&beginning)]);
    // By number: where a state came from, and by what.
    let mut came_by: Vec<Option<(usize, Action)>> = vec![None];
    let mut open = VecDeque::from([(beginning, 0)]);
    while let Some((state, number)) = open.pop_front() {
        explored.states += 1;
        explored.reached.extend(state.shows());
        if let Some(problem) = state.problem() {
            let mut path = Vec::new();
            let mut at = number;
            while let Some((before, action)) = came_by[at] {
                path.push(action);
                at = before;
            }
            path.reverse();
            explored.problem = Some((problem, path));
            break;
        }
        for action in state.actions() {
            let Some(next) = state.after(action, limits) else {
                continue;
            };
            if known.insert(fingerprint(&next)) {
                came_by.push(Some((number, action)));
                open.push_back((next, came_by.len() - 1));
            }
        }
    }
    explored
}

//! The durable write protocol, every interleaving of it: one record with one field, a CRM without compare-and-set, the
//! app and a user of the CRM who edit, and two workers who take the connection over from each other, stand still and
//! die. What the planner does is the real planner; what lies between the store and the CRM is modelled here: requests
//! that arrive late or never, answers that are lost, leases that a zombie still believes in.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test has no public interface, may panic, and tells how much it has looked at"
)]

mod explore;
mod protocol;
mod record;
mod rest;

use explore::explore;
use protocol::Limits;

/// Every state that these limits allow comes to agreement with nothing lost, and everything that should be reached is.
fn holds(limits: Limits) {
    let explored = explore(limits);
    println!("{} states of {limits:?}", explored.states);
    if let Some((problem, path)) = explored.problem {
        let path: Vec<String> = path.iter().map(|action| format!("{action:?}")).collect();
        panic!("{problem}\n  {}", path.join("\n  "));
    }
    let missed: Vec<_> = limits
        .reaches()
        .filter(|what| !explored.reached.contains(what))
        .collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
}

#[test]
fn a_lost_answer_and_a_lost_lease_lose_no_edit_and_undo_none() {
    holds(Limits {
        app: 1,
        user: 1,
        takeovers: 1,
        crashes: 0,
        lost: 1,
        writes: 2,
    });
}

#[test]
fn two_workers_who_stall_and_die_lose_no_edit_and_undo_none() {
    holds(Limits {
        app: 1,
        user: 1,
        takeovers: 1,
        crashes: 1,
        lost: 0,
        writes: 2,
    });
}

#[test]
fn writes_that_land_late_revert_nothing_that_came_after_them() {
    holds(Limits {
        app: 2,
        user: 0,
        takeovers: 0,
        crashes: 0,
        lost: 1,
        writes: 2,
    });
}

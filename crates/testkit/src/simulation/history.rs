//! The steps of a history: what users, the schedule and the world do, drawn from a seed.
//!
//! A step names records by position among those that are there when it is its turn, so that a history from which steps
//! were taken out is a history still.

use std::fmt;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use syncline_simulators::Fault;

use super::crm::Object;
use super::scenario::{Provider, Scenario};

/// What a value is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum New {
    /// A text that nobody used before.
    Unique,
    /// What the field held before its last change by a user there: x, y, x.
    Again,
    /// What another side shows at this moment.
    SameAsOther,
    /// Nothing.
    Empty,
    /// The same text with blanks around it, or in capitals.
    Padded,
    /// A text that puts the record outside of a filter.
    Outside,
}

/// What an app has read before it edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reading {
    /// The record as it is now.
    Fresh,
    /// The record as it was when an earlier edit was made.
    Old,
    /// The values of the record as they were then, and all fields are sent back, as forms do.
    WholeForm,
    /// Nothing.
    Blind,
}

/// How a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Verdict {
    /// The app's value, or the record stays.
    App,
    /// The CRM's value, or the record goes.
    Crm,
    /// A value of their own.
    Own,
    /// It is left as it is.
    Ignore,
}

/// How a run is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// What changed since the last one.
    Usual,
    /// Everything.
    Full,
    /// Everything, and what is gone.
    Sweep,
    /// Only what hints name.
    Hints,
    /// Planned, not done.
    Dry,
    /// Reading only.
    PullOnly,
    /// Writing only.
    PushOnly,
}

/// Where a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Moment {
    /// Before a request is sent.
    Request,
    /// After a request was answered, before the answer is read.
    Answer,
    /// Before a transaction begins, which is after the one before it.
    Transaction,
}

/// How the store fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum StoreFault {
    /// It can't be reached.
    Unreachable,
    /// A commit is refused, as by a full disk or a serialisation failure.
    Refused,
    /// A commit is kept, and said to have failed.
    Unknown,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Act {
    /// Nothing happens.
    Wait,
    /// Users in a CRM.
    Create {
        crm: usize,
        person: u32,
        company: bool,
    },
    Edit {
        crm: usize,
        record: u32,
        field: u32,
        new: New,
        late: bool,
    },
    EditTwo {
        crm: usize,
        record: u32,
        field: u32,
    },
    EditCompany {
        crm: usize,
        record: u32,
        field: u32,
    },
    Employ {
        crm: usize,
        record: u32,
        company: u32,
    },
    Delete {
        crm: usize,
        record: u32,
        hard: bool,
    },
    Undelete {
        crm: usize,
        record: u32,
    },
    Merge {
        crm: usize,
        winner: u32,
        loser: u32,
    },
    TouchAll {
        crm: usize,
    },
    /// Users in the app.
    AppCreate {
        tenant: usize,
        person: u32,
        company: bool,
    },
    AppEdit {
        tenant: usize,
        record: u32,
        field: u32,
        new: New,
        reading: Reading,
    },
    AppDelete {
        tenant: usize,
        record: u32,
    },
    AppUndelete {
        tenant: usize,
        record: u32,
    },
    /// A person decides; `late` after having looked away.
    Decide {
        tenant: usize,
        item: u32,
        verdict: Verdict,
        late: bool,
    },
    /// Administrators.
    Pause {
        crm: usize,
    },
    Resume {
        crm: usize,
    },
    Remap {
        crm: usize,
        change: u32,
    },
    Rollback {
        crm: usize,
        run: u32,
        everywhere: u32,
    },
    Retry {
        tenant: usize,
    },
    /// The provider says that something changed.
    Hint {
        crm: usize,
        record: u32,
        twice: bool,
    },
    /// Runs; in the background the next step does not wait for it.
    Run {
        crm: usize,
        kind: Kind,
        background: bool,
    },
    /// The process dies after so many requests or transactions.
    Crash {
        moment: Moment,
        after: u32,
    },
    /// The process stands still for so many seconds, and another takes over meanwhile.
    Stall {
        seconds: u32,
    },
    /// The store fails one of the transactions of a run, after so many others.
    Store {
        fault: StoreFault,
        after: u32,
    },
    /// An automation of a CRM changes what the engine writes, so many times.
    Automate {
        crm: usize,
        times: u32,
    },
    /// The answer to the next refresh of tokens is lost.
    LoseRefresh {
        crm: usize,
    },
    /// The clock of this machine jumps.
    Jump {
        seconds: i32,
    },
    /// The next requests of a CRM meet a fault.
    Strike {
        crm: usize,
        fault: usize,
        count: u32,
    },
    /// So many of a thousand requests of a CRM meet a fault from now on.
    Rate {
        crm: usize,
        fault: usize,
        permille: u32,
    },
    /// All tokens of a CRM run out.
    Expire {
        crm: usize,
    },
    /// No fault from now on.
    Calm {
        crm: usize,
    },
    /// An administrator takes a record out of the engine's sight, where the CRM can do that.
    Unshare {
        crm: usize,
        record: u32,
    },
    /// Everything is in sight again.
    Share {
        crm: usize,
    },
}

/// A step with its number, which its values are made of, and the time before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Step {
    pub(super) number: u32,
    /// Milliseconds that pass before it.
    pub(super) pause: u64,
    pub(super) act: Act,
}

impl Step {
    /// Whether it is a fault of the world rather than an action of somebody.
    pub(super) const fn is_fault(&self) -> bool {
        matches!(
            self.act,
            Act::Crash { .. }
                | Act::Stall { .. }
                | Act::Jump { .. }
                | Act::Store { .. }
                | Act::LoseRefresh { .. }
                | Act::Strike { .. }
                | Act::Rate { .. }
                | Act::Expire { .. }
        )
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {:?}", self.number, self.act)
    }
}

/// The faults that requests and records can meet, by position in [`Fault::ALL`].
pub(super) fn fault(position: usize) -> Fault {
    Fault::ALL[position % Fault::ALL.len()]
}

/// Draws a history.
pub(super) fn draw(dice: &mut ChaCha8Rng, scenario: &Scenario) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut push = |dice: &mut ChaCha8Rng, act: Act| {
        let pause = match dice.random_range(0..10) {
            0 => dice.random_range(0..20),
            1..=4 => dice.random_range(0..1_000),
            5..=7 => dice.random_range(1_000..10_000),
            8 => dice.random_range(10_000..120_000),
            _ => dice.random_range(60_000..3_600_000),
        };
        steps.push(Step {
            number: steps.len() as u32,
            pause,
            act,
        });
    };
    // Somebody is there before the first run, often the same people on several sides.
    for crm in 0..scenario.crms.len() {
        for _ in 0..dice.random_range(0..4) {
            let person = dice.random_range(0..5);
            push(
                dice,
                Act::Create {
                    crm,
                    person,
                    company: false,
                },
            );
        }
        if scenario.companies && dice.random_bool(0.7) {
            let (person, record, company) = (dice.random_range(0..2), dice.random_range(0..4), 0);
            push(
                dice,
                Act::Create {
                    crm,
                    person,
                    company: true,
                },
            );
            push(dice, Act::Employ { crm, record, company });
        }
    }
    if dice.random_bool(0.8) {
        for crm in 0..scenario.crms.len() {
            push(
                dice,
                Act::Run {
                    crm,
                    kind: Kind::Usual,
                    background: false,
                },
            );
        }
    }
    // Swarm testing: each history knows only some of the acts, so that some have many of few.
    let users: Vec<u32> = (0..USERS).filter(|_| dice.random_bool(0.6)).collect();
    let world: Vec<u32> = (0..WORLD).filter(|_| dice.random_bool(0.35)).collect();
    let faults: Vec<usize> = (0..Fault::ALL.len()).filter(|_| dice.random_bool(0.4)).collect();
    let count = dice.random_range(4..40);
    for _ in 0..count {
        let crm = dice.random_range(0..scenario.crms.len());
        let tenant = dice.random_range(0..scenario.tenants);
        let act = match dice.random_range(0..12) {
            0..=4 => {
                let which = if users.is_empty() {
                    0
                } else {
                    users[dice.random_range(0..users.len())]
                };
                user(dice, crm, tenant, which)
            }
            5..=6 if !world.is_empty() => {
                let which = world[dice.random_range(0..world.len())];
                nature(dice, crm, tenant, which, &faults)
            }
            5..=6 => Act::Wait,
            _ => Act::Run {
                crm,
                kind: kind(dice),
                background: dice.random_bool(0.4),
            },
        };
        push(dice, act);
    }
    for (at, act) in sharing(dice, scenario, steps.len()) {
        let number = steps.len() as u32;
        steps.insert(at, Step { number, pause: 20, act });
    }
    steps
}

/// What is taken out of sight and given back, and before which step; drawn apart from all else.
fn sharing(dice: &ChaCha8Rng, scenario: &Scenario, steps: usize) -> Vec<(usize, Act)> {
    let mut dice = dice.clone();
    dice.set_stream(1);
    let mut acts = Vec::new();
    let can = |crm: &usize| scenario.crms[*crm].provider == Provider::Salesforce;
    for crm in (0..scenario.crms.len()).filter(can) {
        if !dice.random_bool(0.15) {
            continue;
        }
        for _ in 0..dice.random_range(1..4) {
            let record = dice.random_range(0..8);
            acts.push((dice.random_range(0..=steps), Act::Unshare { crm, record }));
        }
        if dice.random_bool(0.7) {
            acts.push((dice.random_range(0..=steps), Act::Share { crm }));
        }
    }
    acts
}

fn kind(dice: &mut ChaCha8Rng) -> Kind {
    match dice.random_range(0..20) {
        0 => Kind::Full,
        1 => Kind::Sweep,
        2 => Kind::Hints,
        3 => Kind::Dry,
        4 => Kind::PullOnly,
        5 => Kind::PushOnly,
        _ => Kind::Usual,
    }
}

/// How many kinds of acts users have.
const USERS: u32 = 18;

fn user(dice: &mut ChaCha8Rng, crm: usize, tenant: usize, which: u32) -> Act {
    let record = dice.random_range(0..8);
    let field = dice.random_range(0..6);
    match which {
        0..=3 => {
            let new = match dice.random_range(0..12) {
                0 => New::Again,
                1 => New::SameAsOther,
                2 => New::Empty,
                3 => New::Padded,
                4 => New::Outside,
                _ => New::Unique,
            };
            Act::Edit {
                crm,
                record,
                field,
                new,
                late: dice.random_bool(0.05),
            }
        }
        4 => Act::EditTwo { crm, record, field },
        5 => Act::Create {
            crm,
            person: dice.random_range(0..7),
            company: dice.random_bool(0.1),
        },
        6 => Act::Delete {
            crm,
            record,
            hard: dice.random_bool(0.2),
        },
        7 => Act::Undelete { crm, record },
        8 => Act::Merge {
            crm,
            winner: record,
            loser: dice.random_range(0..8),
        },
        9 => Act::AppCreate {
            tenant,
            person: dice.random_range(0..7),
            company: dice.random_bool(0.1),
        },
        10..=12 => {
            let new = match dice.random_range(0..10) {
                0 => New::Again,
                1 => New::SameAsOther,
                2 => New::Empty,
                3 => New::Padded,
                _ => New::Unique,
            };
            let reading = match dice.random_range(0..6) {
                0 => Reading::Old,
                1 => Reading::WholeForm,
                2 => Reading::Blind,
                _ => Reading::Fresh,
            };
            Act::AppEdit {
                tenant,
                record,
                field,
                new,
                reading,
            }
        }
        13 => Act::AppDelete { tenant, record },
        14 => Act::AppUndelete { tenant, record },
        15 => {
            let verdict = match dice.random_range(0..8) {
                0..=2 => Verdict::App,
                3..=5 => Verdict::Crm,
                6 => Verdict::Own,
                _ => Verdict::Ignore,
            };
            Act::Decide {
                tenant,
                item: record,
                verdict,
                late: dice.random_bool(0.2),
            }
        }
        16 => Act::EditCompany { crm, record, field },
        _ => Act::Employ {
            crm,
            record,
            company: dice.random_range(0..3),
        },
    }
}

/// How many kinds of acts administrators and the world have.
const WORLD: u32 = 22;

fn nature(dice: &mut ChaCha8Rng, crm: usize, tenant: usize, which: u32, faults: &[usize]) -> Act {
    let one_of = |dice: &mut ChaCha8Rng| {
        if faults.is_empty() {
            0
        } else {
            faults[dice.random_range(0..faults.len())]
        }
    };
    match which {
        0..=2 => {
            let moment = match dice.random_range(0..3) {
                0 => Moment::Request,
                1 => Moment::Answer,
                _ => Moment::Transaction,
            };
            Act::Crash {
                moment,
                after: dice.random_range(0..25),
            }
        }
        3 | 18..=20 => Act::Strike {
            crm,
            fault: one_of(dice),
            count: dice.random_range(1..4),
        },
        4 => Act::Rate {
            crm,
            fault: one_of(dice),
            permille: dice.random_range(10..300),
        },
        5 => Act::Expire { crm },
        6 => Act::Jump {
            seconds: dice.random_range(-90..90),
        },
        7 => Act::Stall {
            seconds: dice.random_range(1..90),
        },
        8 => Act::Pause { crm },
        9 => Act::Resume { crm },
        10 => Act::Remap {
            crm,
            change: dice.random_range(0..8),
        },
        11 => Act::Rollback {
            crm,
            run: dice.random_range(0..3),
            everywhere: dice.random_range(0..3),
        },
        12 => Act::Hint {
            crm,
            record: dice.random_range(0..8),
            twice: dice.random_bool(0.3),
        },
        13..=14 => Act::Store {
            fault: [StoreFault::Unreachable, StoreFault::Refused, StoreFault::Unknown][dice.random_range(0..3)],
            after: dice.random_range(0..25),
        },
        15 => Act::LoseRefresh { crm },
        16 => Act::Automate {
            crm,
            times: dice.random_range(1..4),
        },
        _ => match dice.random_range(0..3) {
            0 => Act::Retry { tenant },
            1 => Act::TouchAll { crm },
            _ => Act::Calm { crm },
        },
    }
}

/// The object of an act on records of either kind.
pub(super) const fn object(company: bool) -> Object {
    if company { Object::Company } else { Object::Person }
}

//! Who can do what next.

use crate::record::{Record, Seen, Write};

/// How often each thing happens at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) app: u8,
    pub(crate) user: u8,
    pub(crate) takeovers: u8,
    pub(crate) crashes: u8,
    pub(crate) lost: u8,
    pub(crate) writes: u8,
}

/// What a worker is about.
#[derive(Debug, Clone, PartialEq, Hash)]
pub(crate) enum Doing {
    Nothing,
    /// It has read the record and is about to journal a write.
    Guarded(Seen),
    /// The intent is durable, nothing was sent.
    Journaled(Write),
    /// Sent, and no answer yet.
    Waiting(Write),
    /// The CRM has answered that it applied the write.
    Answered(Write),
    /// It was read back.
    ReadBack(Write, Seen),
    /// No answer came.
    Unanswered(Write),
    /// What became of the open write was read.
    Resolving(Seen),
}

#[derive(Debug, Clone, PartialEq, Hash)]
pub(crate) struct Worker {
    /// Of the lease that it believes to hold.
    pub(crate) epoch: u8,
    pub(crate) doing: Doing,
}

/// A request on its way to the CRM.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Letter {
    pub(crate) write: Write,
    /// Who waits for the answer.
    pub(crate) sender: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Hash)]
pub(crate) struct State {
    pub(crate) record: Record,
    pub(crate) workers: [Worker; 2],
    /// The epoch of the lease.
    pub(crate) epoch: u8,
    pub(crate) letters: Vec<Letter>,
    left: [u8; 5],
    /// What was reached.
    fenced: bool,
    landed_late: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    AppEdits,
    UserEdits,
    TakesOver(usize),
    Dies(usize),
    /// The next step of what a worker is about.
    Goes(usize),
    /// A worker finds out what became of the open write.
    LooksForOpen(usize),
    /// The CRM applies a request.
    Arrives(usize),
    /// Nobody will ever get the answer; the request itself may be on its way still.
    AnswerLost(usize),
    /// A request that nobody waits for never arrives.
    Vanishes(usize),
}

const APP: usize = 0;
const USER: usize = 1;
const TAKEOVERS: usize = 2;
const CRASHES: usize = 3;
const LOST: usize = 4;

impl State {
    /// Spends one of what is limited.
    fn spend(&mut self, what: usize) -> Option<()> {
        self.left[what] = self.left[what].checked_sub(1)?;
        Some(())
    }

    fn holds_lease(&self, worker: usize) -> bool {
        self.workers[worker].epoch == self.epoch
    }

    /// What a transaction does, if the lease is still held.
    fn fenced(&mut self, worker: usize, transaction: impl FnOnce(&mut Record) -> Doing) -> Doing {
        if self.holds_lease(worker) {
            transaction(&mut self.record)
        } else {
            self.fenced = true;
            Doing::Nothing
        }
    }

    fn go(&mut self, worker: usize) -> Option<()> {
        let doing = std::mem::replace(&mut self.workers[worker].doing, Doing::Nothing);
        self.workers[worker].doing = match doing {
            Doing::Nothing if self.holds_lease(worker) && self.record.open.is_none() => {
                Doing::Guarded(self.record.read())
            }
            Doing::Nothing | Doing::Waiting(_) => return None,
            Doing::Guarded(seen) => self.fenced(worker, |record| {
                record.intend(&seen).map_or(Doing::Nothing, Doing::Journaled)
            }),
            // Nothing keeps who has lost the lease from sending what was journaled.
            Doing::Journaled(write) => {
                self.letters.push(Letter {
                    write: write.clone(),
                    sender: Some(worker),
                });
                Doing::Waiting(write)
            }
            Doing::Answered(write) => Doing::ReadBack(write, self.record.read()),
            Doing::ReadBack(write, seen) => self.fenced(worker, |record| {
                record.confirm(&write, &seen);
                Doing::Nothing
            }),
            Doing::Unanswered(write) => self.fenced(worker, |record| {
                record.lose(&write);
                Doing::Nothing
            }),
            Doing::Resolving(seen) => self.fenced(worker, |record| {
                record.resolve(&seen);
                Doing::Nothing
            }),
        };
        Some(())
    }

    fn act(&mut self, action: Action) -> Option<()> {
        match action {
            Action::AppEdits => {
                self.spend(APP)?;
                self.record.app_edit();
            }
            Action::UserEdits => {
                self.spend(USER)?;
                self.record.user_edit();
            }
            Action::TakesOver(worker) => {
                if self.holds_lease(worker) || self.workers[worker].doing != Doing::Nothing {
                    return None;
                }
                self.spend(TAKEOVERS)?;
                self.epoch += 1;
                self.workers[worker].epoch = self.epoch;
            }
            Action::Dies(worker) => {
                if self.workers[worker].doing == Doing::Nothing {
                    return None;
                }
                self.spend(CRASHES)?;
                self.workers[worker].doing = Doing::Nothing;
                self.letters
                    .iter_mut()
                    .filter(|letter| letter.sender == Some(worker))
                    .for_each(|letter| letter.sender = None);
            }
            Action::Goes(worker) => self.go(worker)?,
            Action::LooksForOpen(worker) => {
                let is_free = self.workers[worker].doing == Doing::Nothing;
                if !is_free || !self.holds_lease(worker) || self.record.open.is_none() {
                    return None;
                }
                self.workers[worker].doing = Doing::Resolving(self.record.read());
            }
            Action::Arrives(letter) => {
                let letter = self.letters.remove(letter);
                self.record.apply(&letter.write);
                match letter.sender {
                    Some(sender) => self.workers[sender].doing = Doing::Answered(letter.write),
                    None => self.landed_late = true,
                }
            }
            Action::AnswerLost(worker) => {
                let write = match &self.workers[worker].doing {
                    Doing::Waiting(write) | Doing::Answered(write) => write.clone(),
                    _ => return None,
                };
                self.spend(LOST)?;
                self.letters
                    .iter_mut()
                    .filter(|letter| letter.sender == Some(worker))
                    .for_each(|letter| letter.sender = None);
                self.workers[worker].doing = Doing::Unanswered(write);
            }
            Action::Vanishes(letter) => {
                if self.letters[letter].sender.is_some() {
                    return None;
                }
                self.letters.remove(letter);
            }
        }
        Some(())
    }

    /// The same state, told by the order of its marks alone.
    fn renumber(&mut self) {
        self.letters.sort();
        let mut seen = Vec::new();
        for worker in &mut self.workers {
            if let Doing::Guarded(read) | Doing::ReadBack(_, read) | Doing::Resolving(read) = &mut worker.doing {
                seen.push(read);
            }
        }
        self.record.renumber(&mut seen);
    }
}

impl Limits {
    /// What some state has to show.
    pub(crate) fn reaches(self) -> impl Iterator<Item = &'static str> {
        let wanted = [
            (self.user > 0, "a user's edit loses and the audit says so"),
            (self.user > 0, "a write meets what nobody has read"),
            (self.takeovers > 0, "who lost the lease keeps nothing"),
            (self.lost > 0, "a write lands late"),
            (self.app > 1, "a late write is recognised"),
        ];
        wanted.into_iter().filter(|(wanted, _)| *wanted).map(|(_, what)| what)
    }

    pub(crate) fn beginning(self) -> State {
        let worker = |epoch| Worker {
            epoch,
            doing: Doing::Nothing,
        };
        State {
            record: Record::agreed(),
            workers: [worker(1), worker(0)],
            epoch: 1,
            letters: Vec::new(),
            left: [self.app, self.user, self.takeovers, self.crashes, self.lost],
            fenced: false,
            landed_late: false,
        }
    }
}

impl State {
    /// Everything that may happen next; some of it does not apply.
    pub(crate) fn actions(&self) -> Vec<Action> {
        let mut actions = vec![Action::AppEdits, Action::UserEdits];
        for worker in 0..2 {
            actions.extend([
                Action::TakesOver(worker),
                Action::Dies(worker),
                Action::Goes(worker),
                Action::LooksForOpen(worker),
                Action::AnswerLost(worker),
            ]);
        }
        for letter in 0..self.letters.len() {
            actions.extend([Action::Arrives(letter), Action::Vanishes(letter)]);
        }
        actions
    }

    /// The state after an action; `None` where it does not apply.
    pub(crate) fn after(&self, action: Action, limits: Limits) -> Option<Self> {
        let mut next = self.clone();
        next.act(action)?;
        next.renumber();
        (next.record.writes <= limits.writes).then_some(next)
    }

    /// What this state shows.
    pub(crate) fn shows(&self) -> impl Iterator<Item = &'static str> {
        let record = &self.record;
        let shown = [
            (
                record.losers.iter().any(|value| value.starts_with('u')),
                "a user's edit loses and the audit says so",
            ),
            (!record.unseen.is_empty(), "a write meets what nobody has read"),
            (self.fenced, "who lost the lease keeps nothing"),
            (self.landed_late, "a write lands late"),
            (record.recognised, "a late write is recognised"),
        ];
        shown.into_iter().filter(|(shown, _)| *shown).map(|(_, what)| what)
    }
}

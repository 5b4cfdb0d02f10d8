//! What a state comes to when faults and edits stop: it must agree, and everybody's edit must be accounted for.

use crate::protocol::State;
use crate::record::Record;

impl State {
    /// What is wrong with where this state ends, whether the requests under way still arrive or not. Whoever is in the
    /// middle of something never goes on.
    pub(crate) fn problem(&self) -> Option<String> {
        let arrives = |arrives: bool| {
            let mut record = self.record.clone();
            // Before it is looked for, or after: a late one may find the field written anew.
            for letter in self.letters.iter().filter(|_| arrives) {
                record.apply(&letter.write);
            }
            rests(record)
        };
        let after = || {
            if self.letters.is_empty() {
                return None;
            }
            let mut record = self.record.clone();
            settle(&mut record)?;
            for letter in &self.letters {
                record.apply(&letter.write);
            }
            rests(record)
        };
        arrives(false)
            .or_else(|| arrives(!self.letters.is_empty()))
            .or_else(after)
    }
}

/// Runs without faults until nothing is written any more.
fn settle(record: &mut Record) -> Option<()> {
    for _ in 0..6 {
        if record.open.is_some() {
            let seen = record.read();
            record.resolve(&seen);
            continue;
        }
        let guard = record.read();
        let Some(write) = record.intend(&guard) else {
            if record.remote.0 == record.hub() {
                return Some(());
            }
            continue;
        };
        record.apply(&write);
        let seen = record.read();
        record.confirm(&write, &seen);
    }
    None
}

fn rests(mut record: Record) -> Option<String> {
    if settle(&mut record).is_none() {
        return Some(format!(
            "the CRM holds {} and the app {}, for ever: {:?}",
            record.remote.0,
            record.hub(),
            record.linked
        ));
    }
    let hub = record.hub();
    if record.unseen.is_empty() && record.replaced.contains(&hub) {
        return Some(format!("{hub} was replaced by somebody who saw it, and is back"));
    }
    let lost = record.edits.iter().find(|value| {
        **value != hub
            && !record.replaced.contains(*value)
            && !record.losers.contains(*value)
            && !record.unseen.contains(*value)
    });
    lost.map(|value| format!("{value} is lost: all hold {hub}, and nothing tells of it"))
}

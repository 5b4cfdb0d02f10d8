//! What really happened, which no part of the engine can see: every edit of a user, and every change of a remote
//! record with who made it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::crm::{Object, Shown};

/// Who changed a remote record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// A user, in this step.
    User(u32),
    /// A request of the engine, in this life of its process.
    Engine(u64),
    /// A write of the engine that landed after its answer was given up.
    Late,
    /// Nobody in particular: a user's commit that shows late, or the CRM's own doing.
    Itself,
}

/// One field of one remote record changed, or the record as a whole.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// Position among all that happened.
    pub(super) seq: u64,
    pub(super) crm: usize,
    pub(super) object: Object,
    pub(super) ext: String,
    /// `None` for the record as a whole, which then was made (`after` is `live`) or deleted (`before` is).
    pub(super) field: Option<&'static str>,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) who: Who,
    /// Whether no answer that arrived has shown the value before: what is overwritten then, nobody has read.
    pub(super) unread: bool,
}

/// Where a user edited.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The app, by the entity's id for the world.
    App(String),
    /// A record of a CRM.
    Crm(usize, String),
}

/// A value that a user set.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    pub(super) seq: u64,
    pub(super) step: u32,
    pub(super) at: Timestamp,
    pub(super) tenant: usize,
    pub(super) place: Place,
    pub(super) object: Object,
    pub(super) field: &'static str,
    pub(super) before: String,
    pub(super) after: String,
}

/// A value that a user saw and replaced, by an edit, a delete or a merge.
#[derive(Debug, Clone)]
pub(super) struct Replaced {
    pub(super) seq: u64,
    pub(super) tenant: usize,
    pub(super) object: Object,
    pub(super) value: String,
}

/// Everything that happened.
#[derive(Debug, Default)]
pub(super) struct Ghost {
    seq: u64,
    pub(super) records: BTreeMap<(usize, Object), BTreeMap<String, Shown>>,
    pub(super) changes: Vec<Change>,
    pub(super) edits: Vec<Edit>,
    pub(super) replaced: Vec<Replaced>,
    /// Values that an answer of a CRM has shown to the engine, and when it last did.
    pub(super) shown: BTreeMap<(usize, String), u64>,
    /// Records that an answer of a CRM has shown to the engine, and when it last did.
    pub(super) read: BTreeMap<(usize, String), u64>,
    /// When a field of a record last changed.
    pub(super) set: BTreeMap<(usize, Object, String, &'static str), u64>,
    /// Every value that a field of a record ever held.
    pub(super) held: BTreeMap<(usize, Object, String, &'static str), BTreeSet<String>>,
    /// Entities that a user of the app deleted or brought back, and records that a user of a CRM deleted or brought
    /// back, with the step.
    pub(super) presence: Vec<(u64, u32, Place, bool)>,
}

/// Values as they are compared: no CRM tells blanks at the ends or the case of letters apart in what is mapped here.
pub(super) fn canonical(text: &str) -> String {
    text.trim().to_lowercase()
}

impl Ghost {
    pub(super) fn next(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// The ids of all records of a CRM.
    pub(super) fn exts(&self, crm: usize) -> BTreeSet<String> {
        let of_crm = self.records.iter().filter(|((at, _), _)| *at == crm);
        of_crm.flat_map(|(_, records)| records.keys().cloned()).collect()
    }

    /// Compares an object's records with those seen before, and keeps what changed.
    pub(super) fn look(&mut self, crm: usize, object: Object, now: BTreeMap<String, Shown>, who: Who) -> Vec<Change> {
        let before = self.records.insert((crm, object), now.clone()).unwrap_or_default();
        let mut found = Vec::new();
        let nothing = Shown {
            deleted: true,
            ..Shown::default()
        };
        let mut ids: BTreeSet<&String> = now.keys().collect();
        ids.extend(before.keys());
        for ext in ids {
            let (old, new) = (before.get(ext).unwrap_or(&nothing), now.get(ext).unwrap_or(&nothing));
            if old == new {
                continue;
            }
            let mut change = |field: Option<&'static str>, before: &str, after: &str| {
                self.seq += 1;
                let set = field.and_then(|field| self.set.insert((crm, object, ext.clone(), field), self.seq));
                // Of nothing one can't tell which answer showed it: any that showed the record did.
                let shown = if before.is_empty() {
                    self.read.get(&(crm, ext.clone()))
                } else {
                    self.shown.get(&(crm, canonical(before)))
                };
                found.push(Change {
                    seq: self.seq,
                    crm,
                    object,
                    ext: ext.clone(),
                    field,
                    before: before.to_owned(),
                    after: after.to_owned(),
                    who,
                    unread: shown.is_none_or(|shown| set.is_some_and(|set| set > *shown)),
                });
            };
            match (old.deleted, new.deleted) {
                (true, false) => change(None, "", "live"),
                (false, true) => change(None, "live", ""),
                _ => {}
            }
            if new.deleted {
                continue;
            }
            for field in object.fields() {
                if old.value(field) != new.value(field) {
                    change(Some(field), old.value(field), new.value(field));
                }
            }
            for field in object.fields() {
                let key = (crm, object, ext.clone(), field);
                self.held.entry(key).or_default().insert(new.value(field).to_owned());
            }
        }
        self.changes.extend(found.iter().cloned());
        found
    }

    /// The engine got an answer of a CRM.
    pub(super) fn show(&mut self, crm: usize, answer: &str) {
        let seq = self.next();
        let read: Vec<String> = self.exts(crm).into_iter().filter(|ext| answer.contains(ext)).collect();
        self.read.extend(read.into_iter().map(|ext| ((crm, ext), seq)));
        let answer = answer.to_lowercase();
        let values = self.edits.iter().map(|edit| canonical(&edit.after));
        let found: Vec<String> = values.filter(|value| answer.contains(value.as_str())).collect();
        self.shown.extend(found.into_iter().map(|value| ((crm, value), seq)));
    }

    /// A user saw these values and replaced them.
    pub(super) fn replace(&mut self, tenant: usize, object: Object, values: impl IntoIterator<Item = String>) {
        for value in values {
            let value = canonical(&value);
            if !value.is_empty() {
                let seq = self.next();
                self.replaced.push(Replaced {
                    seq,
                    tenant,
                    object,
                    value,
                });
            }
        }
    }

    /// A user set a value.
    #[expect(clippy::too_many_arguments, reason = "an edit is exactly this")]
    pub(super) fn edit(
        &mut self,
        step: u32,
        at: Timestamp,
        tenant: usize,
        place: Place,
        object: Object,
        field: &'static str,
        before: &str,
        after: &str,
    ) {
        if before == after {
            return;
        }
        self.replace(tenant, object, [before.to_owned()]);
        let seq = self.next();
        self.edits.push(Edit {
            seq,
            step,
            at,
            tenant,
            place,
            object,
            field,
            before: before.to_owned(),
            after: after.to_owned(),
        });
    }
}

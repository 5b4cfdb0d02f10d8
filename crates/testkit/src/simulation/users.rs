//! Users of a CRM, who know nothing of a sync.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::crm::{Object, Shown};
use super::ghost::{Place, Who, canonical};
use super::history::{Act, New, Step, object};
use super::play::Play;

/// A text that nobody used before, in a form that the field takes.
pub(super) fn unique(field: &str, number: u32) -> String {
    match field {
        "email" => format!("v{number}@example.com"),
        "phone" => format!("+4144668{number:04}"),
        // Longer than what a CRM with a short field keeps.
        "title" => format!("v{number} a long title"),
        _ => format!("v{number}"),
    }
}

impl Play {
    pub(super) fn live(&self, crm: usize, object: Object) -> Vec<(String, Shown)> {
        let shown = self.world.crms[crm].shown(object);
        shown
            .into_iter()
            .filter(|(_, shown)| !shown.deleted && shown.merged_into.is_none())
            .collect()
    }

    pub(super) fn live_one(&self, crm: usize, object: Object, position: u32) -> Option<(String, Shown)> {
        let live = self.live(crm, object);
        (!live.is_empty()).then(|| live[position as usize % live.len()].clone())
    }

    /// A user of a CRM acts.
    pub(super) fn crm_user(&mut self, step: &Step) {
        match step.act {
            Act::Create { crm, person, company } => self.crm_create(step.number, crm, person, object(company)),
            Act::Edit {
                crm,
                record,
                field,
                new,
                late,
            } => self.crm_edit(step.number, crm, record, field, new, late),
            Act::EditTwo { crm, record, field } => self.crm_edit_two(step.number, crm, record, field),
            Act::EditCompany { crm, record, field } => {
                let fields: Vec<&str> = Object::Company.fields().collect();
                let field = fields[field as usize % fields.len()];
                if let Some((ext, shown)) = self.live_one(crm, Object::Company, record) {
                    let value = unique(field, step.number);
                    self.crm_set(step.number, crm, Object::Company, &ext, &shown, &[(field, value)]);
                }
            }
            Act::Employ { crm, record, company } => {
                let (person, company) = (
                    self.live_one(crm, Object::Person, record),
                    self.live_one(crm, Object::Company, company),
                );
                if let (Some((person, _)), Some((company, _))) = (person, company) {
                    let done = self.world.crms[crm].employ(&person, &company);
                    self.world
                        .story(|| format!("    crm{crm}: {person} works at {company} {done:?}"));
                    self.world.look(crm, Who::User(step.number));
                }
            }
            Act::Delete { crm, record, hard } => self.crm_delete(step.number, crm, record, hard),
            Act::Undelete { crm, record } => self.crm_undelete(step.number, crm, record),
            Act::Merge { crm, winner, loser } => self.crm_merge(step.number, crm, winner, loser),
            Act::TouchAll { crm } => self.world.crms[crm].touch_all(Object::Person),
            _ => {}
        }
    }

    fn tenant_of(&self, crm: usize) -> usize {
        self.world.scenario.crms[crm].tenant
    }

    fn crm_create(&mut self, step: u32, crm: usize, person: u32, object: Object) {
        let mut values: BTreeMap<&'static str, String> = BTreeMap::new();
        match object {
            Object::Person => {
                values.insert("email", format!("p{person}@example.com"));
                values.insert("last_name", format!("person{person}"));
                values.insert("title", unique("title", step));
            }
            Object::Company => {
                values.insert("name", format!("company{person}"));
                values.insert("city", unique("city", step));
            }
        }
        let given: Vec<(&str, &str)> = values.iter().map(|(field, value)| (*field, value.as_str())).collect();
        match self.world.crms[crm].create(object, &given) {
            Ok(ext) => {
                let (at, tenant) = (self.world.clock.time(), self.tenant_of(crm));
                let mut ghost = self.world.ghost();
                for (field, value) in &values {
                    let place = Place::Crm(crm, ext.clone());
                    ghost.edit(step, at, tenant, place, object, field, "", value);
                }
                ghost.presence.push((0, step, Place::Crm(crm, ext), true));
                drop(ghost);
                self.world.look(crm, Who::User(step));
            }
            Err(error) => self.world.story(|| format!("    refused: {error}")),
        }
    }

    fn crm_edit(&mut self, step: u32, crm: usize, record: u32, field: u32, new: New, late: bool) {
        let fields: Vec<&'static str> = Object::Person.fields().collect();
        let mut field = fields[field as usize % fields.len()];
        let Some((ext, shown)) = self.live_one(crm, Object::Person, record) else {
            return;
        };
        let now = shown.value(field).to_owned();
        let value = match new {
            New::Unique => unique(field, step),
            New::Empty => String::new(),
            New::Padded => format!("{now} "),
            New::Outside => {
                field = "city";
                format!("x{step}")
            }
            New::Again => {
                let ghost = self.world.ghost();
                let place = Place::Crm(crm, ext.clone());
                let last = ghost
                    .edits
                    .iter()
                    .rev()
                    .find(|edit| edit.place == place && edit.field == field);
                last.map_or_else(|| unique(field, step), |edit| edit.before.clone())
            }
            New::SameAsOther => {
                let others = (0..self.world.crms.len()).filter(|other| *other != crm);
                let same = others
                    .flat_map(|other| self.live(other, Object::Person))
                    .find(|(_, other)| canonical(other.value("last_name")) == canonical(shown.value("last_name")));
                same.map_or_else(|| unique(field, step), |(_, other)| other.value(field).to_owned())
            }
        };
        if late {
            self.world.late.store(true, std::sync::atomic::Ordering::Relaxed);
            self.world.crms[crm].next_commit_late(SignedDuration::from_secs(40));
        }
        self.crm_set(step, crm, Object::Person, &ext, &shown, &[(field, value)]);
    }

    fn crm_edit_two(&mut self, step: u32, crm: usize, record: u32, field: u32) {
        let fields: Vec<&'static str> = Object::Person.fields().collect();
        let Some((ext, shown)) = self.live_one(crm, Object::Person, record) else {
            return;
        };
        let (one, two) = (
            fields[field as usize % fields.len()],
            fields[(field as usize + 2) % fields.len()],
        );
        let values = [(one, unique(one, step)), (two, unique(two, step))];
        self.crm_set(step, crm, Object::Person, &ext, &shown, &values);
    }

    fn crm_set(
        &mut self,
        step: u32,
        crm: usize,
        object: Object,
        ext: &str,
        shown: &Shown,
        values: &[(&'static str, String)],
    ) {
        let given: Vec<(&str, &str)> = values.iter().map(|(field, value)| (*field, value.as_str())).collect();
        match self.world.crms[crm].update(object, ext, &given) {
            Ok(()) => {
                let (at, tenant) = (self.world.clock.time(), self.tenant_of(crm));
                for (field, value) in values {
                    let place = Place::Crm(crm, ext.to_owned());
                    let before = shown.value(field);
                    if canonical(before) != canonical(value) {
                        let mut ghost = self.world.ghost();
                        ghost.edit(step, at, tenant, place, object, field, before, value);
                    }
                }
                self.world.look(crm, Who::User(step));
            }
            Err(error) => self.world.story(|| format!("    refused: {error}")),
        }
    }

    fn crm_delete(&mut self, step: u32, crm: usize, record: u32, hard: bool) {
        let Some((ext, shown)) = self.live_one(crm, Object::Person, record) else {
            return;
        };
        let done = if hard {
            self.world.crms[crm].hard_delete(Object::Person, &ext)
        } else {
            self.world.crms[crm].delete(Object::Person, &ext)
        };
        self.world.story(|| format!("    crm{crm}: {ext} {done:?}"));
        if done.is_ok() {
            let tenant = self.tenant_of(crm);
            let mut ghost = self.world.ghost();
            ghost.replace(tenant, Object::Person, shown.values.into_values());
            let seq = ghost.next();
            ghost.presence.push((seq, step, Place::Crm(crm, ext), false));
            drop(ghost);
            self.world.look(crm, Who::User(step));
        }
    }

    fn crm_undelete(&mut self, step: u32, crm: usize, record: u32) {
        let shown = self.world.crms[crm].shown(Object::Person);
        let gone: Vec<String> = shown
            .into_iter()
            .filter(|(_, shown)| shown.deleted && shown.merged_into.is_none())
            .map(|(ext, _)| ext)
            .collect();
        if gone.is_empty() {
            return;
        }
        let ext = &gone[record as usize % gone.len()];
        let done = self.world.crms[crm].undelete(Object::Person, ext);
        self.world.story(|| format!("    crm{crm}: {ext} {done:?}"));
        if done.is_ok() {
            let mut ghost = self.world.ghost();
            let seq = ghost.next();
            ghost.presence.push((seq, step, Place::Crm(crm, ext.clone()), true));
            drop(ghost);
            self.world.look(crm, Who::User(step));
        }
    }

    fn crm_merge(&mut self, step: u32, crm: usize, winner: u32, loser: u32) {
        let (Some((winner, _)), Some((loser, shown))) = (
            self.live_one(crm, Object::Person, winner),
            self.live_one(crm, Object::Person, loser),
        ) else {
            return;
        };
        if winner == loser {
            return;
        }
        let done = self.world.crms[crm].merge(Object::Person, &winner, &loser);
        self.world
            .story(|| format!("    crm{crm}: {loser} into {winner} {done:?}"));
        if done.is_ok() {
            self.world.cover("merge in a CRM");
            let tenant = self.tenant_of(crm);
            let mut ghost = self.world.ghost();
            ghost.replace(tenant, Object::Person, shown.values.into_values());
            let seq = ghost.next();
            ghost.presence.push((seq, step, Place::Crm(crm, loser), false));
            drop(ghost);
            self.world.look(crm, Who::User(step));
        }
    }
}

//! A blueprint while rules are applied to it.

use serde_json::Value as Json;

use super::change::fitting;
use super::convert::convert;
use super::history::BlueprintVersion;
use super::rule::{Migration, MigrationRule};
use super::step::{Step, Transform};
use crate::mapping::did_you_mean;
use crate::model::{Blueprint, Field, FieldType, Finding, is_name};
use crate::value::Value;

/// A blueprint while rules are applied to it, with all that is wrong so far.
pub(super) struct Draft {
    blueprint: Blueprint,
    /// Atomic groups by places, since names change.
    groups: Vec<Vec<usize>>,
    steps: Vec<Step>,
    findings: Vec<Finding>,
    /// The rule that is being applied, for findings.
    place: String,
}

impl Draft {
    pub(super) fn new(parent: &Blueprint) -> Self {
        let groups = parent.groups.iter();
        Self {
            groups: groups
                .map(|names| names.iter().filter_map(|name| parent.position(name)).collect())
                .collect(),
            blueprint: parent.clone(),
            steps: Vec::new(),
            findings: Vec::new(),
            place: String::new(),
        }
    }

    /// Goes on to the next rule.
    pub(super) fn begin(&mut self, index: usize, rule: &MigrationRule) {
        self.place = format!("rule {}, {}", index + 1, rule.label());
    }

    /// Notes what is wrong with the rule.
    pub(super) fn wrong<T>(&mut self, message: impl Into<String>) -> Option<T> {
        self.findings.push(Finding::error(self.place.clone(), message));
        None
    }

    /// The place of a field.
    pub(super) fn find(&mut self, name: &str) -> Option<usize> {
        match self.blueprint.position(name) {
            Some(place) => Some(place),
            None => {
                let near = did_you_mean(name, self.blueprint.field_names());
                self.wrong(format!("there is no field `{name}`{near}"))
            }
        }
    }

    /// The field at a place.
    pub(super) fn field(&mut self, place: usize) -> &mut Field {
        &mut self.blueprint.fields[place]
    }

    /// Makes sure that a field can be called so.
    pub(super) fn free_name(&mut self, name: &str) -> Option<()> {
        if !is_name(name) {
            return self.wrong(format!(
                "`{name}` is no name: a lower-case letter followed by lower-case letters, digits and underscores"
            ));
        }
        if self.blueprint.position(name).is_some() {
            return self.wrong(format!("there is a field `{name}` already"));
        }
        Some(())
    }

    /// Adds a field and returns its place.
    pub(super) fn append(&mut self, field: &Field) -> Option<usize> {
        self.free_name(&field.name)?;
        let mut field = field.clone();
        field.retired = false;
        if let Some(default) = field.default.take() {
            match field.kind.coerce(default) {
                Ok(default) => field.default = Some(default),
                Err(error) => {
                    let message = format!("the default of `{}` does not fit: {}", field.name, error.message());
                    return self.wrong(message);
                }
            }
        }
        self.blueprint.fields.push(field);
        Some(self.blueprint.fields.len() - 1)
    }

    /// Gives a field up.
    pub(super) fn retire(&mut self, place: usize) {
        self.blueprint.fields[place].retire();
    }

    /// Notes a step.
    pub(super) fn step(&mut self, reads: &[usize], takes: &[usize], writes: &[usize], how: Transform) {
        self.steps.push(Step {
            reads: reads.to_vec(),
            takes: takes.to_vec(),
            writes: writes.to_vec(),
            how,
        });
    }

    /// A default as the field at a place stores it.
    pub(super) fn value(&mut self, place: usize, json: &Json) -> Option<Value> {
        match fitting(&self.blueprint.fields[place], json) {
            Ok(value) if value.is_empty() => self.wrong("an empty default is none"),
            Ok(value) => Some(value),
            Err(message) => self.wrong(message),
        }
    }

    /// Brings the default of a field whose type has changed to the new type, or drops it where that has no such value.
    pub(super) fn keep_default(&mut self, place: usize) {
        let field = &mut self.blueprint.fields[place];
        if let Some(default) = field.default.take() {
            let fits = convert(&default, &field.kind, &field.kind).ok();
            field.default = fits.filter(|value| is_choice(&field.kind, value));
        }
    }

    /// Makes an atomic group.
    pub(super) fn group(&mut self, places: Vec<usize>) -> Option<()> {
        if places.len() < 2 {
            return self.wrong("a group has at least two fields");
        }
        if places
            .iter()
            .any(|place| self.groups.iter().any(|group| group.contains(place)))
        {
            return self.wrong("one of the fields is in an atomic group already, and a group never changes");
        }
        self.groups.push(places);
        Some(())
    }

    /// The version, or all that is wrong.
    pub(super) fn finish(mut self, migration: &Migration) -> Result<BlueprintVersion, Vec<Finding>> {
        let mut names = Vec::new();
        for group in std::mem::take(&mut self.groups) {
            let (gone, left): (Vec<usize>, Vec<usize>) = group
                .into_iter()
                .partition(|&place| self.blueprint.fields[place].retired);
            let named = |places: &[usize]| -> Vec<String> {
                places
                    .iter()
                    .map(|&place| self.blueprint.fields[place].name.clone())
                    .collect()
            };
            match (gone.as_slice(), left.as_slice()) {
                (_, []) => {}
                ([], left) => names.push(named(left)),
                (gone, left) => self.findings.push(Finding::error(
                    named(gone).join(", "),
                    format!(
                        "it only ever changes together with {}; give up all of them or none",
                        named(left).join(", ")
                    ),
                )),
            }
        }
        self.blueprint.groups = names;
        if !self.findings.is_empty() {
            return Err(self.findings);
        }
        let kept = (!self.steps.is_empty()).then(|| {
            let mut field = Field::new("kept", FieldType::List);
            field.retire();
            self.blueprint.fields.push(field);
            self.blueprint.fields.len() - 1
        });
        Ok(BlueprintVersion {
            blueprint: self.blueprint,
            parent: 0,
            migration: migration.clone(),
            steps: self.steps,
            kept,
            saved_at: jiff::Timestamp::UNIX_EPOCH,
            saved_by: String::new(),
        })
    }
}

fn is_choice(kind: &FieldType, value: &Value) -> bool {
    match (kind, value) {
        (FieldType::Choice { choices }, Value::Text(text)) => {
            choices.is_empty() || choices.iter().any(|choice| &choice.value == text)
        }
        _ => true,
    }
}

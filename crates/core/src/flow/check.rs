//! Everything wrong with a flow, told at once.

mod guard;
mod updates;

use std::collections::BTreeSet;

use super::expressions::kind_at;
use super::model::{Breach, Flow, Transition};
use super::reach;
use crate::expression::{Expression, ExpressionKind};
use crate::model::{Blueprint, Field, FieldType, Finding, is_name};

impl Flow {
    /// Everything wrong with the flow over its blueprint, and what is worth knowing: names, states, transitions that
    /// nothing leads to or out of, guards that can't hold, updates that can't be made. With an error among it the flow
    /// can't be saved.
    pub fn check(&self, blueprint: &Blueprint) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !is_name(&self.name) {
            findings.push(Finding::error(
                &self.name,
                "a flow's name is a lower-case letter followed by lower-case letters, digits and underscores",
            ));
        }
        if self.edits == Breach::Review {
            findings.push(Finding::error(
                "edits",
                "an edit in the app is applied or refused: whoever makes it is there to be told",
            ));
        }
        let Some(field) = field_of(blueprint, &self.field) else {
            let known: Vec<&str> = blueprint.field_names().collect();
            findings.push(Finding::error(
                "field",
                format!(
                    "a {} has no field `{}`; it has {}",
                    blueprint.name,
                    self.field,
                    known.join(", ")
                ),
            ));
            return findings;
        };
        let choices: Vec<&str> = match &field.kind {
            FieldType::Choice { choices } if !choices.is_empty() => {
                choices.iter().map(|choice| choice.value.as_str()).collect()
            }
            FieldType::Choice { .. } => {
                findings.push(Finding::error(
                    "field",
                    format!(
                        "`{}` accepts any text; list its choices, which are the states",
                        self.field
                    ),
                ));
                return findings;
            }
            other => {
                findings.push(Finding::error(
                    "field",
                    format!(
                        "`{}` is {}; states are the choices of a choice field",
                        self.field,
                        other.label()
                    ),
                ));
                return findings;
            }
        };
        if let Some(why) = read_only(field) {
            findings.push(Finding::error("field", why));
        }
        self.check_states(field, &choices, &mut findings);
        let mut names = BTreeSet::new();
        let mut dead = BTreeSet::new();
        for (place, transition) in self.transitions.iter().enumerate() {
            if !is_name(&transition.name) {
                findings.push(Finding::error(
                    format!("transitions.{}", transition.name),
                    "a transition's name is a lower-case letter followed by lower-case letters, digits and underscores",
                ));
            }
            if !names.insert(transition.name.as_str()) {
                findings.push(Finding::error(
                    format!("transitions.{}", transition.name),
                    "two transitions have this name; rename one",
                ));
            }
            let check = Check {
                flow: self,
                blueprint,
                transition,
                choices: &choices,
            };
            check.ends(&mut findings);
            check.fields(&mut findings);
            check.updates(&mut findings);
            if !check.guard(&mut findings) {
                dead.insert(place);
            }
        }
        reach::check(self, &choices, &|place| !dead.contains(&place), &mut findings);
        findings
    }

    fn check_states(&self, field: &Field, choices: &[&str], findings: &mut Vec<Finding>) {
        if self.initial.is_empty() {
            findings.push(Finding::error(
                "initial",
                "name the states in which an entity may begin",
            ));
        }
        for (place, states) in [("initial", &self.initial), ("final", &self.finals)] {
            for state in states {
                unknown_state(place, state, &self.field, choices, findings);
            }
        }
        match field.default.as_ref().map(ToString::to_string) {
            Some(default) if !self.initial.is_empty() && !self.initial.contains(&default) => {
                findings.push(Finding::error(
                    "initial",
                    format!(
                        "new records get `{}` {default} by default, which is none of {}",
                        self.field,
                        self.initial.join(", ")
                    ),
                ));
            }
            None if !field.required => findings.push(Finding::notice(
                "field",
                format!(
                    "`{0}` has no default, so a record made without it has no state",
                    self.field
                ),
            )),
            _ => {}
        }
    }
}

fn unknown_state(place: &str, state: &str, field: &str, choices: &[&str], findings: &mut Vec<Finding>) {
    if !choices.contains(&state) {
        findings.push(Finding::error(
            place,
            format!("`{state}` is none of the choices of `{field}`: {}", choices.join(", ")),
        ));
    }
}

/// Why nobody but its expression gives a field its value.
fn read_only(field: &Field) -> Option<String> {
    let expression = field.computed.as_ref()?;
    Some(format!(
        "`{}` is computed (`{expression}`), so nobody else sets it",
        field.name
    ))
}

/// The field of this name.
fn field_of<'b>(blueprint: &'b Blueprint, name: &str) -> Option<&'b Field> {
    blueprint
        .position(name)
        .and_then(|position| blueprint.fields.get(position))
}

/// One transition under check.
struct Check<'a> {
    flow: &'a Flow,
    blueprint: &'a Blueprint,
    transition: &'a Transition,
    choices: &'a [&'a str],
}

impl Check<'_> {
    fn place(&self, part: &str) -> String {
        format!("transitions.{}.{part}", self.transition.name)
    }

    /// From and to.
    fn ends(&self, findings: &mut Vec<Finding>) {
        if self.transition.from.is_empty() {
            findings.push(Finding::error(self.place("from"), "name the states that it leads from"));
        }
        let mut seen = BTreeSet::new();
        for state in &self.transition.from {
            unknown_state(&self.place("from"), state, &self.flow.field, self.choices, findings);
            if !seen.insert(state) {
                findings.push(Finding::error(self.place("from"), format!("{state} is listed twice")));
            }
        }
        unknown_state(
            &self.place("to"),
            &self.transition.to,
            &self.flow.field,
            self.choices,
            findings,
        );
        for role in self.transition.roles.iter().filter(|role| role.trim().is_empty()) {
            findings.push(Finding::error(self.place("roles"), format!("`{role}` is no role")));
        }
    }

    /// Inputs.
    fn fields(&self, findings: &mut Vec<Finding>) {
        let mut seen = BTreeSet::new();
        for (part, names) in [
            ("inputs", &self.transition.inputs),
            ("optional", &self.transition.optional),
        ] {
            for name in names {
                let wrong = match field_of(self.blueprint, name) {
                    None => Some(format!("there is no field `{name}`")),
                    Some(_) if *name == self.flow.field => {
                        Some(format!("`{name}` is the state, which the transition itself sets"))
                    }
                    Some(_) if !seen.insert(name) => Some(format!("`{name}` is listed twice")),
                    Some(field) => read_only(field),
                };
                findings.extend(wrong.map(|why| Finding::error(self.place(part), why)));
            }
        }
    }

    /// Finds unknown variables and mistakes in an expression, and says what it gives; `None` with an error.
    fn expression(&self, place: &str, expression: &Expression, findings: &mut Vec<Finding>) -> Option<ExpressionKind> {
        let inputs: Vec<&String> = self.transition.inputs.iter().chain(&self.transition.optional).collect();
        let before = findings.len();
        for path in expression.paths() {
            if let Err(why) = kind_at(self.blueprint, &inputs, &path) {
                findings.push(Finding::error(place, why));
            }
        }
        let (kind, mistakes) = expression.kind(&|path| kind_at(self.blueprint, &inputs, path).ok());
        findings.extend(mistakes.into_iter().map(|mistake| Finding::error(place, mistake)));
        (findings.len() == before).then_some(kind)
    }
}

//! What the expressions of a flow know, and their outcome as a value of a field.

use jiff::Timestamp;

use super::compiled::Taker;
use crate::error::Result;
use crate::expression::{Expression, ExpressionKind, Variables};
use crate::model::{Blueprint, Field, FieldType};
use crate::plan::Patch;
use crate::value::{DateTime, Precision, Value};

/// Names that mean something else than a field of this name.
pub(super) const RESERVED: [&str; 5] = ["entity", "before", "inputs", "actor", "now"];

/// What a transition's expressions are evaluated over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation<'a> {
    pub(super) blueprint: &'a Blueprint,
    /// The values before the inputs.
    pub(super) before: &'a [Value],
    /// The values with the inputs in place, but for the state, which is the one that is left.
    pub(super) entity: &'a [Value],
    /// What was given.
    pub(super) inputs: &'a Patch,
    pub(super) taker: &'a Taker,
    pub(super) now: Timestamp,
}

impl Situation<'_> {
    pub(super) fn variables(&self) -> Variables {
        static NULL: Value = Value::Null;
        let value = |values: &[Value], position: usize| values.get(position).cloned().unwrap_or_default();
        let mut variables = Variables::new();
        for (position, field) in self.blueprint.live_fields() {
            if !RESERVED.contains(&field.name.as_str()) {
                variables.set(&field.name, &value(self.entity, position));
            }
        }
        let named = |values: &'_ [Value]| -> Vec<(String, Value)> {
            let fields = self.blueprint.live_fields();
            fields
                .map(|(position, field)| (field.name.clone(), value(values, position)))
                .collect()
        };
        for (name, values) in [("entity", self.entity), ("before", self.before)] {
            let named = named(values);
            variables.record(name, named.iter().map(|(name, value)| (name.as_str(), value)));
        }
        let given = self.blueprint.live_fields().filter_map(|(position, field)| {
            let value = self.inputs.get(&position)?;
            Some((field.name.as_str(), value))
        });
        variables.record("inputs", given);
        let roles = Value::List(self.taker.roles.iter().map(Value::text).collect());
        let role = self.taker.roles.first().map_or(NULL.clone(), Value::text);
        let name = Value::text(&self.taker.name);
        variables.record("actor", [("name", &name), ("role", &role), ("roles", &roles)]);
        variables.set("now", &moment(self.now));
        variables
    }

    /// The value that an expression over this gives a field, checked.
    pub(super) fn outcome(&self, expression: &Expression, field: &Field, variables: &Variables) -> Result<Value> {
        // A value that is only copied keeps all of its digits.
        let copied = expression.single_path().and_then(|path| self.copied(&path));
        let value = match copied {
            Some(value) => value,
            None => expression.evaluate(variables)?,
        };
        fitting(self.blueprint, field, value)
    }

    fn copied(&self, path: &str) -> Option<Value> {
        let (values, name) = match path.split_once('.') {
            Some(("entity", name)) => (self.entity, name),
            Some(("before", name)) => (self.before, name),
            Some(("inputs", name)) => return self.inputs.get(&self.blueprint.position(name)?).cloned(),
            Some(_) => return None,
            None if path == "now" => return Some(moment(self.now)),
            None if RESERVED.contains(&path) => return None,
            None => (self.entity, path),
        };
        let position = self.blueprint.position(name)?;
        Some(values.get(position).cloned().unwrap_or_default())
    }
}

/// An outcome as a field stores it.
pub(super) fn fitting(blueprint: &Blueprint, field: &Field, value: Value) -> Result<Value> {
    let value = match (&field.kind, &value) {
        // Expressions know instants as texts; of one that goes into a date field its day in UTC is meant.
        (FieldType::Date, Value::Text(text)) => text.parse().map_or(value, moment),
        _ => value,
    };
    blueprint.check_value(field, value)
}

fn moment(at: Timestamp) -> Value {
    Value::DateTime(DateTime::new(at, Precision::Microsecond))
}

/// Of what kind the variable at a path is; `Err` says why there is none.
pub(super) fn kind_at(blueprint: &Blueprint, inputs: &[&String], path: &str) -> Result<ExpressionKind, String> {
    let field = |path: &str| -> Result<ExpressionKind, String> {
        let (name, within) = path.split_once('.').map_or((path, false), |(name, _)| (name, true));
        match blueprint.position(name) {
            // What lies within a value shows only in a record.
            Some(_) if within => Ok(ExpressionKind::Any),
            Some(position) => Ok(ExpressionKind::of(&blueprint.fields[position].kind)),
            None => {
                let known: Vec<&str> = blueprint.field_names().collect();
                Err(format!(
                    "there is no field `{name}`; a {} has {}",
                    blueprint.name,
                    known.join(", ")
                ))
            }
        }
    };
    match path.split_once('.') {
        None if path == "now" => Ok(ExpressionKind::Moment),
        None if RESERVED.contains(&path) => Ok(ExpressionKind::Map),
        None => field(path),
        Some(("entity" | "before", name)) => field(name),
        Some(("inputs", path)) => {
            let name = path.split('.').next().unwrap_or(path);
            if inputs.iter().any(|input| *input == name) {
                field(path)
            } else {
                Err(format!(
                    "`inputs.{name}` is none of the transition's inputs; list it under `inputs`"
                ))
            }
        }
        Some(("actor", "name" | "role")) => Ok(ExpressionKind::Text),
        Some(("actor", "roles")) => Ok(ExpressionKind::List),
        Some(("actor", other)) => Err(format!(
            "there is no `actor.{other}`; an actor has name, role and roles"
        )),
        Some(("now", _)) => Err("`now` has no fields".to_owned()),
        Some(_) => field(path),
    }
}

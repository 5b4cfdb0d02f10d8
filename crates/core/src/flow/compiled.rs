//! A flow made ready to decide.

use jiff::Timestamp;

use super::expressions::Situation;
use super::model::{Flow, Transition};
use crate::error::{Error, ErrorKind, Result};
use crate::expression::{Expression, Filter};
use crate::model::{Blueprint, Field};
use crate::plan::Patch;
use crate::value::Value;

/// The role of a change that comes from a CRM.
pub const CRM_ROLE: &str = "crm";

/// Who takes a transition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taker {
    /// Their name.
    pub name: String,
    /// Their roles, the most telling first.
    pub roles: Vec<String>,
    /// Whether they may edit entities, which is enough for transitions that name no role.
    pub may_edit: bool,
}

impl Taker {
    /// Somebody who may edit entities.
    pub fn new<S: Into<String>>(name: impl Into<String>, roles: impl IntoIterator<Item = S>) -> Self {
        Self {
            name: name.into(),
            roles: roles.into_iter().map(Into::into).collect(),
            may_edit: true,
        }
    }

    /// A CRM, by the label of its side.
    pub fn crm(label: impl Into<String>) -> Self {
        Self::new(label, [CRM_ROLE])
    }
}

/// A transition with its expressions and the positions of its fields.
#[derive(Debug, Clone)]
pub(super) struct CompiledTransition {
    pub(super) transition: Transition,
    pub(super) guard: Option<Filter>,
    pub(super) updates: Vec<(usize, Expression)>,
    pub(super) inputs: Vec<usize>,
    pub(super) optional: Vec<usize>,
}

/// A flow whose expressions are read, over the version of a blueprint.
#[derive(Debug, Clone)]
pub struct CompiledFlow {
    pub(super) flow: Flow,
    pub(super) blueprint: Blueprint,
    /// Position of the field of the states.
    pub(super) field: usize,
    pub(super) transitions: Vec<CompiledTransition>,
}

impl CompiledFlow {
    /// Reads a flow's expressions and finds its fields.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for the first expression that can't be read or field that there is not. [`Flow::check`]
    /// tells everything.
    pub fn compile(flow: &Flow, blueprint: &Blueprint) -> Result<Self> {
        let position = |place: &str, name: &str| {
            blueprint.position(name).ok_or_else(|| {
                Error::new(
                    ErrorKind::Invalid,
                    format!(
                        "flow `{}`: {place}: a {} has no field `{name}`",
                        flow.name, blueprint.name
                    ),
                )
            })
        };
        let at = |transition: &Transition, error: Error| {
            let message = format!("flow `{}`: {}: {}", flow.name, transition.name, error.message());
            Error::new(error.kind(), message)
        };
        let mut transitions = Vec::with_capacity(flow.transitions.len());
        for transition in &flow.transitions {
            let positions = |names: &[String]| -> Result<Vec<usize>> {
                names.iter().map(|name| position(&transition.name, name)).collect()
            };
            let guard = transition.guard.as_deref().map(Filter::compile).transpose();
            let updates = transition.updates.iter().map(|update| {
                let expression = Expression::compile(&update.value).map_err(|error| at(transition, error))?;
                Ok((position(&transition.name, &update.field)?, expression))
            });
            transitions.push(CompiledTransition {
                guard: guard.map_err(|error| at(transition, error))?,
                updates: updates.collect::<Result<_>>()?,
                inputs: positions(&transition.inputs)?,
                optional: positions(&transition.optional)?,
                transition: transition.clone(),
            });
        }
        Ok(Self {
            field: position("the field of the states", &flow.field)?,
            flow: flow.clone(),
            blueprint: blueprint.clone(),
            transitions,
        })
    }

    /// The flow.
    pub const fn flow(&self) -> &Flow {
        &self.flow
    }

    /// Position of the field of the states.
    pub const fn field(&self) -> usize {
        self.field
    }

    /// The state that these values are in; `None` if they have none.
    pub fn state_of<'v>(&self, values: &'v [Value]) -> Option<&'v str> {
        values
            .get(self.field)
            .and_then(Value::as_text)
            .filter(|state| !state.is_empty())
    }

    pub(super) fn transition(&self, name: &str) -> Result<&CompiledTransition> {
        let mut transitions = self.transitions.iter();
        transitions.find(|known| known.transition.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.flow.transitions.iter().map(|known| known.name.as_str()).collect();
            Error::new(
                ErrorKind::NotFound,
                format!(
                    "flow `{}` has no transition `{name}`; it has {}",
                    self.flow.name,
                    names.join(", ")
                ),
            )
        })
    }

    pub(super) fn field_at(&self, position: usize) -> Result<&Field> {
        let missing = || Error::new(ErrorKind::Internal, "a flow names a field that its blueprint lacks");
        self.blueprint.fields.get(position).ok_or_else(missing)
    }
}

impl CompiledTransition {
    pub(super) fn leaves(&self, state: Option<&str>) -> bool {
        state.is_some_and(|state| self.transition.from.iter().any(|from| from == state))
    }

    pub(super) fn lets(&self, taker: &Taker) -> bool {
        if self.transition.roles.is_empty() {
            return taker.may_edit;
        }
        self.transition.roles.iter().any(|role| taker.roles.contains(role))
    }

    /// Whether the guard reads what is only known once the inputs are given.
    pub(super) fn waits_for_inputs(&self, blueprint: &Blueprint) -> bool {
        let given: Vec<&str> = self
            .inputs
            .iter()
            .chain(&self.optional)
            .filter_map(|&position| blueprint.fields.get(position).map(|field| field.name.as_str()))
            .collect();
        self.guard.as_ref().is_some_and(|guard| {
            guard.paths().iter().any(|path| {
                let steps: Vec<&str> = path.split('.').collect();
                match steps.as_slice() {
                    ["inputs", ..] => true,
                    ["entity", name, ..] | [name, ..] => given.contains(name),
                    [] => false,
                }
            })
        })
    }

    /// Why the guard does not hold; `None` if it does.
    pub(super) fn refused(&self, situation: &Situation<'_>) -> Option<String> {
        let guard = self.guard.as_ref()?;
        match guard.matches(&situation.variables()) {
            Ok(true) => None,
            Ok(false) if self.transition.refusal.is_empty() => Some(format!("it asks that {}", guard.text())),
            Ok(false) => Some(self.transition.refusal.clone()),
            Err(error) => Some(error.message().to_owned()),
        }
    }
}

impl CompiledFlow {
    /// What a transition's updates come to, the new state included.
    pub(super) fn updates(&self, transition: &CompiledTransition, situation: &Situation<'_>) -> Result<Patch> {
        let variables = situation.variables();
        let mut patch = Patch::new();
        for (position, expression) in &transition.updates {
            let field = self.field_at(*position)?;
            let value = situation.outcome(expression, field, &variables).map_err(|error| {
                Error::new(
                    error.kind(),
                    format!("`{}` can't be updated: {}", field.name, error.message()),
                )
                .with("field", &field.name)
            })?;
            patch.insert(*position, value);
        }
        patch.insert(self.field, Value::text(transition.transition.to.as_str()));
        Ok(patch)
    }

    /// The values with the inputs in place, but for the state.
    pub(super) fn in_place(&self, before: &[Value], inputs: &Patch) -> Vec<Value> {
        let mut values = before.to_vec();
        values.resize(self.blueprint.fields.len().max(values.len()), Value::Null);
        for (&position, value) in inputs.iter().filter(|(position, _)| **position != self.field) {
            if let Some(place) = values.get_mut(position) {
                *place = value.clone();
            }
        }
        values
    }

    pub(super) fn situation<'a>(
        &'a self,
        before: &'a [Value],
        entity: &'a [Value],
        inputs: &'a Patch,
        taker: &'a Taker,
        now: Timestamp,
    ) -> Situation<'a> {
        Situation {
            blueprint: &self.blueprint,
            before,
            entity,
            inputs,
            taker,
            now,
        }
    }
}

//! A flow as people write it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// What happens to a change of the state that follows no transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Breach {
    /// It is applied like any other, and told in the history.
    Apply,
    /// It is refused: the entity keeps its state. One that came from a CRM is put back there.
    Refuse,
    /// A person is asked, and every side keeps what it holds until then.
    Review,
}

impl Breach {
    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Refuse => "refuse",
            Self::Review => "review",
        }
    }
}

/// Gives a field the outcome of an expression: `started_at = now()`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Update {
    /// The field.
    pub field: String,
    /// The expression, in CEL.
    pub value: String,
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.field, self.value)
    }
}

impl From<Update> for String {
    fn from(update: Update) -> Self {
        update.to_string()
    }
}

impl TryFrom<String> for Update {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl FromStr for Update {
    type Err = Error;

    /// Reads `field = expression`.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once('=') {
            Some((field, value)) if !field.trim().is_empty() && !value.trim().is_empty() && !value.starts_with('=') => {
                Ok(Self {
                    field: field.trim().to_owned(),
                    value: value.trim().to_owned(),
                })
            }
            _ => Err(Error::new(
                ErrorKind::Invalid,
                format!("`{text}` is no update; write a field and an expression, such as `started_at = now()`"),
            )),
        }
    }
}

/// A named step from one of several states to one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// Its name in code, unique within the flow: a lower-case letter, then letters, digits and underscores.
    pub name: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The states from which it can be taken.
    pub from: Vec<String>,
    /// The state to which it leads.
    pub to: String,
    /// What must be true, in CEL. See the [module](crate::flow) for what it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
    /// What people are told where the guard does not hold; the guard itself otherwise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub refusal: String,
    /// Fields that whoever takes it must give.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// Fields that may be given as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub optional: Vec<String>,
    /// What it does to fields. All of them see the entity as it was, with the inputs in place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub updates: Vec<Update>,
    /// The roles that may take it; whoever may edit entities where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
}

impl Transition {
    /// A transition without guard, inputs or updates.
    pub fn new<S: Into<String>>(
        name: impl Into<String>,
        from: impl IntoIterator<Item = S>,
        to: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            from: from.into_iter().map(Into::into).collect(),
            to: to.into(),
            ..Self::default()
        }
    }

    /// What must be true for it.
    #[must_use]
    pub fn guard(mut self, guard: impl Into<String>) -> Self {
        self.guard = Some(guard.into());
        self
    }

    /// A field that whoever takes it must give.
    #[must_use]
    pub fn input(mut self, field: impl Into<String>) -> Self {
        self.inputs.push(field.into());
        self
    }

    /// Gives a field the outcome of an expression.
    #[must_use]
    pub fn update(mut self, field: impl Into<String>, value: impl Into<String>) -> Self {
        self.updates.push(Update {
            field: field.into(),
            value: value.into(),
        });
        self
    }

    /// A role that may take it.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// Its name for people.
    pub fn title(&self) -> &str {
        if self.label.is_empty() { &self.name } else { &self.label }
    }
}

/// A state machine over a blueprint.
///
/// ```
/// use syncline_core::flow::{Flow, Transition};
/// let mut flow = Flow::new("delivery", "delivery", "status");
/// flow.initial = vec!["PENDING".into()];
/// flow.finals = vec!["DELIVERED".into()];
/// flow.transitions = vec![
///     Transition::new("start", ["PENDING"], "IN_PROGRESS").update("started_at", "now()"),
///     Transition::new("deliver", ["IN_PROGRESS"], "DELIVERED").update("delivered_at", "now()"),
/// ];
/// assert!(flow.to_mermaid().contains("PENDING --> IN_PROGRESS: start"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// Its name in code, unique within the tenant.
    pub name: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The blueprint whose entities it moves.
    pub blueprint: String,
    /// The choice field whose choices are the states.
    pub field: String,
    /// The states in which an entity may begin.
    pub initial: Vec<String>,
    /// The states in which it may rest for good.
    #[serde(default, rename = "final", skip_serializing_if = "Vec::is_empty")]
    pub finals: Vec<String>,
    /// What becomes of a change that comes from a CRM and follows no transition.
    #[serde(default = "review")]
    pub inbound: Breach,
    /// What becomes of an edit in the app that follows no transition. Nobody else is asked: it is applied or refused.
    #[serde(default = "refuse")]
    pub edits: Breach,
    /// The transitions.
    pub transitions: Vec<Transition>,
    /// Goes up by one with each saved change; 0 before the first.
    #[serde(default)]
    pub version: u32,
}

const fn review() -> Breach {
    Breach::Review
}

const fn refuse() -> Breach {
    Breach::Refuse
}

impl Flow {
    /// A flow over the choices of a field, without states or transitions yet. What breaks it is refused in the app and
    /// put before a person where it comes from a CRM.
    pub fn new(name: impl Into<String>, blueprint: impl Into<String>, field: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            label: String::new(),
            blueprint: blueprint.into(),
            field: field.into(),
            initial: Vec::new(),
            finals: Vec::new(),
            inbound: review(),
            edits: refuse(),
            transitions: Vec::new(),
            version: 0,
        }
    }

    /// The transition of this name.
    pub fn transition(&self, name: &str) -> Option<&Transition> {
        self.transitions.iter().find(|transition| transition.name == name)
    }

    /// Its name for people.
    pub fn title(&self) -> &str {
        if self.label.is_empty() { &self.name } else { &self.label }
    }

    /// Whether an entity may rest for good in a state.
    pub fn is_final(&self, state: &str) -> bool {
        self.finals.iter().any(|known| known == state)
    }
}

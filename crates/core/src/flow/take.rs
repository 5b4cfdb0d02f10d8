//! Taking a transition: from an entity and inputs to a patch.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::available::forbidden;
use super::compiled::{CompiledFlow, CompiledTransition, Taker};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Patch;
use crate::value::Value;

/// What whoever takes a transition gives, by field.
pub type Inputs = BTreeMap<String, Value>;

impl CompiledFlow {
    /// What taking a transition changes: the inputs, the updates and the state.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for an unknown transition; [`ErrorKind::Refused`] when it leads from another state or its
    /// guard does not hold; [`ErrorKind::Forbidden`] when it is for another role; [`ErrorKind::Invalid`] with everything
    /// that is wrong with the inputs, or when an update does not fit its field.
    pub fn take(
        &self,
        values: &[Value],
        transition: &str,
        inputs: &Inputs,
        taker: &Taker,
        now: Timestamp,
    ) -> Result<Patch> {
        let transition = self.transition(transition)?;
        let name = &transition.transition.name;
        let refuse = |kind, why: String| Err(Error::new(kind, format!("`{name}` can't be taken: {why}")));
        if let Some(why) = self.elsewhere(transition, values) {
            return refuse(ErrorKind::Refused, format!("{why}{}", self.instead(values, taker, now)));
        }
        if let Some(why) = forbidden(transition, taker) {
            return refuse(ErrorKind::Forbidden, why);
        }
        let inputs = self.given(transition, inputs)?;
        let entity = self.in_place(values, &inputs);
        let situation = self.situation(values, &entity, &inputs, taker, now);
        if let Some(why) = transition.refused(&situation) {
            return refuse(ErrorKind::Refused, why);
        }
        let mut patch = self.updates(transition, &situation)?;
        for (position, value) in inputs {
            patch.entry(position).or_insert(value);
        }
        Ok(patch)
    }

    /// Names of what can be taken, for who asked for something else.
    fn instead(&self, values: &[Value], taker: &Taker, now: Timestamp) -> String {
        let standing = self.available(values, taker, now);
        let names: Vec<&str> = standing
            .available
            .iter()
            .map(|offer| offer.transition.as_str())
            .collect();
        if names.is_empty() {
            String::new()
        } else {
            format!("; it can take {}", names.join(", "))
        }
    }

    /// The inputs by position, checked.
    fn given(&self, transition: &CompiledTransition, inputs: &Inputs) -> Result<Patch> {
        let mut wrong: Vec<(String, String)> = Vec::new();
        let mut given = Patch::new();
        for (name, value) in inputs {
            let position = self.blueprint.position(name);
            let takes =
                |position: &usize| transition.inputs.contains(position) || transition.optional.contains(position);
            let Some(position) = position.filter(takes) else {
                let known: Vec<&str> = transition
                    .transition
                    .inputs
                    .iter()
                    .chain(&transition.transition.optional)
                    .map(String::as_str)
                    .collect();
                let known = if known.is_empty() {
                    "nothing".to_owned()
                } else {
                    known.join(", ")
                };
                wrong.push((name.clone(), format!("it takes no `{name}`; it takes {known}")));
                continue;
            };
            match self.blueprint.check_value(self.field_at(position)?, value.clone()) {
                Ok(value) => {
                    given.insert(position, value);
                }
                Err(error) => wrong.push((name.clone(), error.message().to_owned())),
            }
        }
        for &position in &transition.inputs {
            let name = &self.field_at(position)?.name;
            if given.get(&position).is_none_or(Value::is_empty) && !wrong.iter().any(|(wrong, _)| wrong == name) {
                wrong.push((name.clone(), format!("`{name}` has to be given")));
            }
        }
        if wrong.is_empty() {
            return Ok(given);
        }
        let messages: Vec<&str> = wrong.iter().map(|(_, message)| message.as_str()).collect();
        let name = &transition.transition.name;
        let error = Error::new(
            ErrorKind::Invalid,
            format!("`{name}` can't be taken: {}", messages.join("; ")),
        );
        Err(wrong
            .into_iter()
            .fold(error, |error, (field, _)| error.with("field", field)))
    }
}

//! Whether a change that was made elsewhere follows the flow.

use jiff::Timestamp;

use super::available::forbidden;
use super::compiled::{CompiledFlow, CompiledTransition, Taker};
use crate::error::Result;
use crate::plan::Patch;
use crate::value::Value;

/// What a change is to a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// The state is as it was.
    Stays,
    /// It had no state, and takes one in which it may begin.
    Begins,
    /// It is what this transition does.
    Follows(String),
    /// It is no transition that could be taken; this is why.
    Breaks(String),
}

impl CompiledFlow {
    /// Judges a change from `before` (`None` for a new entity) to `after`. Where several transitions lead from the one
    /// state to the other, the first that could have been taken counts. What it takes as inputs has to be there
    /// afterwards.
    pub fn judge(&self, before: Option<&[Value]>, after: &[Value], taker: &Taker, now: Timestamp) -> Judgement {
        let (was, is) = (before.and_then(|before| self.state_of(before)), self.state_of(after));
        if was == is {
            return Judgement::Stays;
        }
        let field = &self.flow.field;
        let Some(is) = is else {
            return Judgement::Breaks(format!(
                "`{field}` is {}, and no transition clears it",
                was.unwrap_or_default()
            ));
        };
        let (Some(was), Some(before)) = (was, before) else {
            return if self.flow.initial.iter().any(|initial| initial == is) {
                Judgement::Begins
            } else {
                Judgement::Breaks(format!(
                    "`{field}` begins with {}, not with {is}",
                    self.flow.initial.join(" or ")
                ))
            };
        };
        let candidates = self
            .transitions
            .iter()
            .filter(|known| known.leaves(Some(was)) && known.transition.to == is);
        let mut why = Vec::new();
        for candidate in candidates {
            match self.broken(candidate, before, after, taker, now) {
                None => return Judgement::Follows(candidate.transition.name.clone()),
                Some(reason) => why.push(format!("`{}`: {reason}", candidate.transition.name)),
            }
        }
        Judgement::Breaks(if why.is_empty() {
            format!("no transition leads from {was} to {is}")
        } else {
            format!("from {was} to {is}: {}", why.join("; "))
        })
    }

    /// What a transition that was taken elsewhere does beside changing the state.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] for an unknown transition; [`crate::ErrorKind::Invalid`] when an update can't be
    /// evaluated or does not fit its field.
    pub fn follow_up(
        &self,
        transition: &str,
        before: &[Value],
        after: &[Value],
        taker: &Taker,
        now: Timestamp,
    ) -> Result<Patch> {
        let transition = self.transition(transition)?;
        let (entity, inputs) = self.as_taken(transition, before, after);
        let mut patch = self.updates(transition, &self.situation(before, &entity, &inputs, taker, now))?;
        patch.remove(&self.field);
        Ok(patch)
    }

    fn broken(
        &self,
        candidate: &CompiledTransition,
        before: &[Value],
        after: &[Value],
        taker: &Taker,
        now: Timestamp,
    ) -> Option<String> {
        if let Some(why) = forbidden(candidate, taker) {
            return Some(why);
        }
        let missing = candidate
            .inputs
            .iter()
            .filter(|&&position| after.get(position).is_none_or(Value::is_empty))
            .filter_map(|&position| self.blueprint.fields.get(position))
            .map(|field| format!("`{}`", field.name))
            .collect::<Vec<_>>();
        if !missing.is_empty() {
            return Some(format!("{} is missing", missing.join(" and ")));
        }
        let (entity, inputs) = self.as_taken(candidate, before, after);
        let situation = self.situation(before, &entity, &inputs, taker, now);
        candidate.refused(&situation).or_else(|| {
            self.updates(candidate, &situation)
                .err()
                .map(|error| error.message().to_owned())
        })
    }

    /// A change as if its transition had been taken: everything as it is afterwards but for the state, and the inputs.
    fn as_taken(&self, transition: &CompiledTransition, before: &[Value], after: &[Value]) -> (Vec<Value>, Patch) {
        let mut entity = after.to_vec();
        entity.resize(self.blueprint.fields.len().max(entity.len()), Value::Null);
        if let Some(state) = entity.get_mut(self.field) {
            *state = before.get(self.field).cloned().unwrap_or_default();
        }
        let inputs = transition
            .inputs
            .iter()
            .chain(&transition.optional)
            .filter_map(|&position| Some((position, after.get(position)?.clone())))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        (entity, inputs)
    }
}

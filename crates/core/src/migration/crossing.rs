//! An entity's values on their way from one version to the next, and back.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::history::BlueprintVersion;
use super::step::Step;
use crate::model::Blueprint;
use crate::value::{Value, content_hash, encode_all};

/// Why an entity can't be brought to another version: one of its steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFailure {
    /// The version that it could not cross to.
    pub version: u32,
    /// The fields concerned.
    pub fields: Vec<String>,
    /// What is wrong, and what to do.
    pub reason: String,
}

/// What one step keeps of the other side: a hash of what is on this side now, and the values of the other.
struct Kept {
    here: u128,
    there: Vec<Value>,
}

impl Kept {
    fn of(here: &[Value], there: Vec<Value>) -> Value {
        let hash = content_hash(&encode_all(here));
        let bits = |bits: u128| Value::Int(i64::from_ne_bytes((bits as u64).to_ne_bytes()));
        Value::List(vec![bits(hash >> 64), bits(hash), Value::List(there)])
    }

    fn read(value: &Value) -> Option<Self> {
        let Value::List(parts) = value else { return None };
        let [Value::Int(high), Value::Int(low), Value::List(there)] = parts.as_slice() else {
            return None;
        };
        let bits = |part: i64| u128::from(u64::from_ne_bytes(part.to_ne_bytes()));
        Some(Self {
            here: bits(*high) << 64 | bits(*low),
            there: there.clone(),
        })
    }

    /// What is kept, if nobody has touched this side since.
    fn if_untouched(self, here: &[Value]) -> Option<Vec<Value>> {
        (self.here == content_hash(&encode_all(here))).then_some(self.there)
    }
}

fn at(values: &[Value], places: &[usize]) -> Vec<Value> {
    places
        .iter()
        .map(|&place| values.get(place).cloned().unwrap_or_default())
        .collect()
}

fn set(values: &mut Vec<Value>, places: &[usize], new: impl IntoIterator<Item = Value>) {
    for (&place, value) in places.iter().zip(new) {
        if values.len() <= place {
            values.resize(place + 1, Value::Null);
        }
        values[place] = value;
    }
}

fn kept_by(version: &BlueprintVersion, values: &[Value]) -> Vec<Value> {
    match version.kept.and_then(|place| values.get(place)) {
        Some(Value::List(kept)) => kept.clone(),
        _ => Vec::new(),
    }
}

/// Brings values from the parent of `version` to it. Values stay as they are when it fails.
pub(super) fn forward(version: &BlueprintVersion, parent: &Blueprint, values: &mut Vec<Value>) -> Vec<StepFailure> {
    let mut new = values.clone();
    let kept = kept_by(version, values);
    let mut keeps = Vec::with_capacity(version.steps.len());
    let mut failures = Vec::new();
    let mut made = BTreeSet::new();
    for (place, step) in version.steps.iter().enumerate() {
        let read = at(&new, &step.reads);
        let known = kept
            .get(place)
            .and_then(Kept::read)
            .and_then(|kept| kept.if_untouched(&read));
        if known.is_none() {
            made.extend(&step.writes);
        }
        let written = match known.map_or_else(|| step.how.forward(&read), Ok) {
            Ok(written) => written,
            Err(error) => {
                // The other steps are tried as well, so that all that is wrong is told at once.
                failures.push(failure(version, &version.blueprint, parent, step, error.message()));
                vec![Value::Null; step.writes.len()]
            }
        };
        let taken = at(&new, &step.takes);
        set(
            &mut new,
            &step.takes,
            std::iter::repeat_n(Value::Null, step.takes.len()),
        );
        keeps.push(Kept::of(&written, taken));
        set(&mut new, &step.writes, written);
    }
    if failures.is_empty() {
        // What is demanded from now on is asked of fields that no step touches, too.
        let required = |blueprint: &Blueprint, place: usize| blueprint.fields.get(place).is_some_and(|f| f.required);
        let places = 0..version.blueprint.fields.len();
        made.extend(places.filter(|&place| required(&version.blueprint, place) && !required(parent, place)));
        check(version, &version.blueprint, &made, &new, &mut failures);
    }
    keep(version, &mut new, keeps);
    settle(values, new, &failures);
    failures
}

/// Brings values from `version` to its parent. Values stay as they are when it fails.
pub(super) fn back(version: &BlueprintVersion, parent: &Blueprint, values: &mut Vec<Value>) -> Vec<StepFailure> {
    let mut new = values.clone();
    let kept = kept_by(version, values);
    let mut keeps = vec![Value::Null; version.steps.len()];
    let mut failures = Vec::new();
    let mut made = BTreeSet::new();
    for (place, step) in version.steps.iter().enumerate().rev() {
        let written = at(&new, &step.writes);
        let known = kept.get(place).and_then(Kept::read);
        let before = known
            .as_ref()
            .map_or_else(|| vec![Value::Null; step.takes.len()], |kept| kept.there.clone());
        let known = known.and_then(|kept| kept.if_untouched(&written));
        if known.is_none() {
            made.extend(&step.takes);
        }
        let taken = match known.map_or_else(|| step.how.back(&written, &before), Ok) {
            Ok(taken) => taken,
            Err(error) => {
                failures.push(failure(version, parent, &version.blueprint, step, error.message()));
                vec![Value::Null; step.takes.len()]
            }
        };
        set(
            &mut new,
            &step.writes,
            std::iter::repeat_n(Value::Null, step.writes.len()),
        );
        set(&mut new, &step.takes, taken);
        keeps[place] = Kept::of(&at(&new, &step.reads), written);
    }
    if failures.is_empty() {
        check(version, parent, &made, &new, &mut failures);
    }
    keep(version, &mut new, keeps);
    settle(values, new, &failures);
    failures
}

fn keep(version: &BlueprintVersion, new: &mut Vec<Value>, keeps: Vec<Value>) {
    if let Some(place) = version.kept {
        set(new, &[place], [Value::List(keeps)]);
    }
}

fn settle(values: &mut Vec<Value>, new: Vec<Value>, failures: &[StepFailure]) {
    if failures.is_empty() {
        *values = new;
    }
}

/// What was computed has to fit. What was kept aside is given back as it was, whatever it is.
fn check(
    version: &BlueprintVersion,
    target: &Blueprint,
    made: &BTreeSet<usize>,
    after: &[Value],
    failures: &mut Vec<StepFailure>,
) {
    for (place, field) in target.live_fields().filter(|(place, _)| made.contains(place)) {
        let held = after.get(place).cloned().unwrap_or_default();
        let problem = if held.is_empty() {
            let message = || format!("`{}` is required; give it a value or a default", field.name);
            field.required.then(message)
        } else {
            target
                .check_value(field, held)
                .err()
                .map(|error| error.message().to_owned())
        };
        failures.extend(problem.map(|reason| StepFailure {
            version: version.blueprint.version,
            fields: vec![field.name.clone()],
            reason,
        }));
    }
}

fn failure(version: &BlueprintVersion, to: &Blueprint, from: &Blueprint, step: &Step, reason: &str) -> StepFailure {
    let places = step.reads.iter().chain(&step.writes);
    let mut fields: Vec<String> = Vec::new();
    for &place in places {
        let named = [from, to]
            .into_iter()
            .filter_map(|blueprint| blueprint.fields.get(place))
            .find(|field| !field.retired);
        if let Some(field) = named
            && !fields.contains(&field.name)
        {
            fields.push(field.name.clone());
        }
    }
    StepFailure {
        version: version.blueprint.version,
        fields,
        reason: reason.to_owned(),
    }
}

//! Guards that can't hold.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Check, field_of};
use crate::expression::{Certainty, Expression, ExpressionKind, FieldTest, Filter, Variables};
use crate::job::Comparison;
use crate::lens::moment;
use crate::model::{FieldType, Finding};
use crate::value::Value;

impl Check<'_> {
    /// Finds what is wrong with the guard; `false` where it can never hold.
    pub(super) fn guard(&self, findings: &mut Vec<Finding>) -> bool {
        let Some(text) = &self.transition.guard else {
            return true;
        };
        let place = self.place("guard");
        let (expression, filter) = match (Expression::compile(text), Filter::compile(text)) {
            (Ok(expression), Ok(filter)) => (expression, filter),
            (Err(error), _) | (_, Err(error)) => {
                findings.push(Finding::error(&place, error.message()));
                return true;
            }
        };
        match self.expression(&place, &expression, findings) {
            None => return true,
            Some(ExpressionKind::Bool | ExpressionKind::Any) => {}
            Some(other) => {
                findings.push(Finding::error(
                    &place,
                    format!("a guard gives true or false; `{text}` gives {}", other.label()),
                ));
                return true;
            }
        }
        if let Some(why) = self.contradiction(&filter) {
            findings.push(Finding::error(&place, format!("`{text}` can't hold: {why}")));
            return false;
        }
        self.by_state(text, &expression, &place, findings)
    }

    /// Finds that the guard can't hold in the states that the transition leads from.
    fn by_state(&self, text: &str, expression: &Expression, place: &str, findings: &mut Vec<Finding>) -> bool {
        let mut never = Vec::new();
        let mut always = 0;
        for from in &self.transition.from {
            let mut known = Variables::new();
            for path in [
                self.flow.field.clone(),
                format!("entity.{}", self.flow.field),
                format!("before.{}", self.flow.field),
            ] {
                known.set(&path, &Value::text(from.as_str()));
            }
            match expression.certain(&known) {
                Certainty::Value(Value::Bool(true)) => always += 1,
                Certainty::Open => {}
                Certainty::Value(_) => never.push((from, String::new())),
                Certainty::Fails(why) => never.push((from, format!(": {why}"))),
            }
        }
        let all = self.transition.from.len();
        let holds = never.len() < all || all == 0;
        if let (false, Some((_, why))) = (holds, never.first()) {
            let reads_state = expression.paths().iter().any(|path| path.ends_with(&self.flow.field));
            let where_ = if reads_state {
                format!(
                    " in {}, where the transition leads from",
                    self.transition.from.join(" or ")
                )
            } else {
                String::new()
            };
            findings.push(Finding::error(place, format!("`{text}` can't hold{where_}{why}")));
        } else {
            for (from, why) in &never {
                findings.push(Finding::error(
                    self.place("from"),
                    format!("in {from} the guard `{text}` can't hold{why}; take {from} out of `from`"),
                ));
            }
        }
        if always == all && all > 0 {
            findings.push(Finding::notice(
                place,
                format!("`{text}` always holds; it can be left out"),
            ));
        }
        holds
    }

    /// Two demands on one field that exclude each other, or one on a choice that there is not.
    fn contradiction(&self, filter: &Filter) -> Option<String> {
        let mut by_field: BTreeMap<String, Vec<(Comparison, Value)>> = BTreeMap::new();
        for condition in filter.field_conditions("entity") {
            let FieldTest::Compares(comparison, value) = condition.test else {
                continue;
            };
            if condition.field == self.flow.field {
                continue;
            }
            let field = field_of(self.blueprint, &condition.field)?;
            if let (FieldType::Choice { choices }, Comparison::Equal, Value::Text(text)) =
                (&field.kind, comparison, &value)
                && !choices.is_empty()
                && !choices.iter().any(|choice| choice.value == *text)
            {
                return Some(format!("`{text}` is none of the choices of `{}`", field.name));
            }
            let earlier = by_field.entry(condition.field.clone()).or_default();
            for (other, bound) in earlier.iter() {
                if excludes((*other, bound), (comparison, &value)) {
                    return Some(format!(
                        "it asks two things of `{}` that exclude each other",
                        condition.field
                    ));
                }
            }
            earlier.push((comparison, value));
        }
        None
    }
}

/// Whether no value compares as both ask.
fn excludes(one: (Comparison, &Value), other: (Comparison, &Value)) -> bool {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let (one, other) = if other.1.is_empty() { (other, one) } else { (one, other) };
    if one.1.is_empty() {
        // Nothing is neither above nor below anything.
        return match (one.0, other.0) {
            (Equal, NotEqual) | (NotEqual, Equal) => other.1.is_empty(),
            (Equal, _) => !other.1.is_empty(),
            _ => false,
        };
    }
    let Some(order) = order(one.1, other.1) else {
        // Of different kinds: no value equals both.
        return one.0 == Equal && other.0 == Equal;
    };
    match (one.0, other.0) {
        (Equal, Equal) => order.is_ne(),
        (Equal, NotEqual) | (NotEqual, Equal) => order.is_eq(),
        // `x == one` and `x < other`.
        (Equal, Less) => order.is_ge(),
        (Equal, LessOrEqual) => order.is_gt(),
        (Equal, Greater) => order.is_le(),
        (Equal, GreaterOrEqual) => order.is_lt(),
        (Less | LessOrEqual | Greater | GreaterOrEqual, Equal) => excludes(other, one),
        // `x > one` and `x < other`.
        (Greater, Less | LessOrEqual) | (GreaterOrEqual, Less) => order.is_ge(),
        (GreaterOrEqual, LessOrEqual) => order.is_gt(),
        (Less | LessOrEqual, Greater | GreaterOrEqual) => excludes(other, one),
        _ => false,
    }
}

/// The order of two fixed values; `None` where they have none.
fn order(one: &Value, other: &Value) -> Option<Ordering> {
    let number = |value: &Value| match value {
        Value::Int(int) => Some(Decimal::from(*int)),
        Value::Decimal(decimal) => Some(*decimal),
        _ => None,
    };
    match (one, other) {
        (Value::Text(a), Value::Text(b)) => Some(match (moment(a), moment(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.cmp(b),
        }),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => Some(number(one)?.cmp(&number(other)?)),
    }
}

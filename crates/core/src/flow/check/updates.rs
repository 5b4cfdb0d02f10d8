//! Updates that can't be made.

use std::collections::BTreeSet;

use super::super::expressions::fitting;
use super::super::model::Update;
use super::{Check, field_of, read_only};
use crate::expression::{Certainty, Expression, ExpressionKind, Variables};
use crate::model::{Field, FieldType, Finding};
use crate::value::Value;

impl Check<'_> {
    /// Finds what is wrong with the updates.
    pub(super) fn updates(&self, findings: &mut Vec<Finding>) {
        let mut seen = BTreeSet::new();
        for update in &self.transition.updates {
            let place = self.place(&format!("updates.{}", update.field));
            let Some(field) = field_of(self.blueprint, &update.field) else {
                findings.push(Finding::error(&place, format!("there is no field `{}`", update.field)));
                continue;
            };
            if !seen.insert(update.field.as_str()) {
                findings.push(Finding::error(&place, "it is updated twice; only one can be meant"));
            }
            if let Some(why) = read_only(field) {
                findings.push(Finding::error(&place, why));
            }
            let is_given = |names: &[String]| names.contains(&update.field);
            if is_given(&self.transition.inputs) || is_given(&self.transition.optional) {
                findings.push(Finding::error(
                    &place,
                    format!(
                        "whoever takes it gives `{}`; leave the update or the input out",
                        update.field
                    ),
                ));
            }
            let expression = match Expression::compile(&update.value) {
                Ok(expression) => expression,
                Err(error) => {
                    findings.push(Finding::error(&place, error.message()));
                    continue;
                }
            };
            if let Some(kind) = self.expression(&place, &expression, findings) {
                self.update(&place, field, update, &expression, kind, findings);
            }
        }
    }

    fn update(
        &self,
        place: &str,
        field: &Field,
        update: &Update,
        expression: &Expression,
        kind: ExpressionKind,
        findings: &mut Vec<Finding>,
    ) {
        let mut wrong = |why: String| findings.push(Finding::error(place, why));
        let certain = expression.certain(&Variables::new());
        if field.name == self.flow.field {
            match certain {
                Certainty::Value(Value::Text(state)) if state == self.transition.to => {}
                Certainty::Value(value) => wrong(format!(
                    "it sets {value}, and the transition leads to {}",
                    self.transition.to
                )),
                Certainty::Fails(why) => wrong(why),
                Certainty::Open => wrong(format!(
                    "the transition leads to {}; leave the update of its state out",
                    self.transition.to
                )),
            }
            return;
        }
        match certain {
            Certainty::Value(value) if value.is_empty() && field.required => {
                wrong(format!("`{}` is required and would be cleared", field.name));
            }
            Certainty::Value(value) => {
                if let Err(error) = fitting(self.blueprint, field, value) {
                    wrong(error.message().to_owned());
                }
            }
            Certainty::Fails(why) => wrong(format!("`{}` can't be evaluated: {why}", update.value)),
            Certainty::Open if !fits(kind, &field.kind) => wrong(format!(
                "`{}` gives {}, and `{}` is {}",
                update.value,
                kind.label(),
                field.name,
                field.kind.label()
            )),
            Certainty::Open => {}
        }
    }
}

/// Whether what an expression gives can be brought into the form of a field.
const fn fits(kind: ExpressionKind, field: &FieldType) -> bool {
    use ExpressionKind::{Any, Bool, List, Map, Moment, Null, Number, Text};
    match (kind, field) {
        (Any | Null, _) | (_, FieldType::Json | FieldType::List) => true,
        (Text | Moment | Number | Bool, FieldType::Text | FieldType::LongText) => true,
        (
            Text,
            FieldType::Choice { .. }
            | FieldType::MultiChoice { .. }
            | FieldType::Email
            | FieldType::Phone
            | FieldType::Url
            | FieldType::Reference { .. }
            | FieldType::Date
            | FieldType::DateTime,
        ) => true,
        (Moment, FieldType::Date | FieldType::DateTime) => true,
        (Number, FieldType::Integer | FieldType::Decimal | FieldType::Float | FieldType::Money) => true,
        (Bool, FieldType::Bool) => true,
        (List, FieldType::MultiChoice { .. } | FieldType::Money) => true,
        (Text | Moment | Number | Bool | List | Map, _) => false,
    }
}

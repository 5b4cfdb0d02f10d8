//! Computed fields: what they hold follows from the entity's other fields, and from nothing else.

use std::collections::BTreeSet;

use super::{Blueprint, Finding};
use crate::expression::{Expression, Variables};
use crate::value::Value;

/// What computing an entity's fields came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Computed {
    /// Places of the fields whose value is another one now.
    pub changed: Vec<usize>,
    /// Places of the fields that could not be computed and are empty, with the reason.
    pub failed: Vec<(usize, String)>,
}

/// The computed fields of a blueprint, ready to be computed for many entities.
#[derive(Debug)]
pub struct Computation<'a> {
    blueprint: &'a Blueprint,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    place: usize,
    expression: Result<Expression, String>,
    /// The names that it reads, and where they are.
    reads: Vec<(String, Option<usize>)>,
}

impl Computation<'_> {
    /// As [`Blueprint::compute`].
    pub fn compute(&self, values: &mut Vec<Value>) -> Computed {
        let mut outcome = Computed::default();
        for step in &self.steps {
            let field = &self.blueprint.fields[step.place];
            let value = step.evaluate(values).and_then(|value| {
                let checked = self.blueprint.check_value(field, value);
                checked.map_err(|error| error.message().to_owned())
            });
            let value = value.unwrap_or_else(|reason| {
                outcome.failed.push((step.place, reason));
                Value::Null
            });
            if values.len() <= step.place {
                values.resize(step.place + 1, Value::Null);
            }
            if values[step.place] != value {
                values[step.place] = value;
                outcome.changed.push(step.place);
            }
        }
        outcome
    }
}

impl Step {
    fn evaluate(&self, values: &[Value]) -> Result<Value, String> {
        let expression = self.expression.as_ref().map_err(Clone::clone)?;
        let null = Value::Null;
        let mut variables = Variables::new();
        for (name, place) in &self.reads {
            variables.set(name, place.and_then(|place| values.get(place)).unwrap_or(&null));
        }
        expression
            .evaluate(&variables)
            .map_err(|error| error.message().to_owned())
    }
}

impl Blueprint {
    /// Whether any field is computed.
    pub fn has_computed(&self) -> bool {
        self.live_fields().any(|(_, field)| field.computed.is_some())
    }

    /// The computed fields, ready to be computed for many entities.
    pub fn computation(&self) -> Computation<'_> {
        let prepared = |place: usize| {
            let expression = Expression::compile(self.fields[place].computed.as_deref().unwrap_or_default());
            let names = expression.as_ref().map(Expression::variables).unwrap_or_default();
            let reads = names.into_iter().map(|name| (self.position(&name), name));
            Step {
                place,
                reads: reads.map(|(read, name)| (name, read)).collect(),
                expression: expression.map_err(|error| error.message().to_owned()),
            }
        };
        Computation {
            blueprint: self,
            steps: self.computed_order().into_iter().map(prepared).collect(),
        }
    }

    /// Computes all computed fields, each after those that it reads. One that can't be computed is empty.
    ///
    /// ```
    /// use syncline_core::Value;
    /// use syncline_core::model::{Blueprint, Field, FieldType};
    /// let mut total = Field::new("total", FieldType::Decimal);
    /// total.computed = Some("price * quantity".into());
    /// let fields = vec![total, Field::new("price", FieldType::Decimal), Field::new("quantity", FieldType::Integer)];
    /// let blueprint = Blueprint::new(1, 1, "item", fields);
    /// let mut values = vec![Value::Null, Value::from_number("2.5"), Value::Int(4)];
    /// assert_eq!(blueprint.compute(&mut values).changed, [0]);
    /// assert_eq!(values[0].to_json(), 10);
    /// ```
    pub fn compute(&self, values: &mut Vec<Value>) -> Computed {
        self.computation().compute(values)
    }

    /// Places of the computed fields that a computed field reads.
    fn reads(&self, place: usize) -> Vec<usize> {
        let text = self.fields[place].computed.as_deref().unwrap_or_default();
        let names = Expression::compile(text)
            .map(|expression| expression.variables())
            .unwrap_or_default();
        let places = names.iter().filter_map(|name| self.position(name));
        places.filter(|&read| self.fields[read].computed.is_some()).collect()
    }

    /// The computed fields in an order in which each comes after those that it reads; those in a circle are left out.
    fn computed_order(&self) -> Vec<usize> {
        let mut open: Vec<usize> = self
            .live_fields()
            .filter(|(_, field)| field.computed.is_some())
            .map(|(place, _)| place)
            .collect();
        let mut order = Vec::new();
        while let Some(index) = open
            .iter()
            .position(|&place| self.reads(place).iter().all(|read| order.contains(read)))
        {
            order.push(open.remove(index));
        }
        order
    }

    /// Finds what is wrong with computed fields.
    pub(super) fn check_computed(&self, findings: &mut Vec<Finding>) {
        let names: BTreeSet<&str> = self.field_names().collect();
        let order = self.computed_order();
        for (place, field) in self.live_fields() {
            let Some(text) = &field.computed else { continue };
            match Expression::compile(text) {
                Err(error) => findings.push(Finding::error(&field.name, error.message())),
                Ok(expression) => {
                    for unknown in expression
                        .variables()
                        .iter()
                        .filter(|name| !names.contains(name.as_str()))
                    {
                        let message = format!("it is computed from `{unknown}`, but there is no such field");
                        findings.push(Finding::error(&field.name, message));
                    }
                }
            }
            if !order.contains(&place) {
                findings.push(Finding::error(
                    &field.name,
                    "it is computed from itself, directly or in a circle",
                ));
            }
            if field.required || field.unique || field.default.is_some() {
                let message = "it is computed, so it can't be required or unique, nor have a default";
                findings.push(Finding::error(&field.name, message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Field, FieldType};

    fn computed(name: &str, kind: FieldType, text: &str) -> Field {
        let mut field = Field::new(name, kind);
        field.computed = Some(text.into());
        field
    }

    #[test]
    fn each_is_computed_after_what_it_reads_and_what_fails_is_empty_with_its_reason() {
        let blueprint = Blueprint::new(
            1,
            1,
            "item",
            vec![
                computed("label", FieldType::Text, "name + ': ' + string(total)"),
                computed("total", FieldType::Integer, "price * 2"),
                computed("share", FieldType::Integer, "100 / price"),
                Field::new("price", FieldType::Integer),
                Field::new("name", FieldType::Text),
            ],
        );
        assert_eq!(blueprint.check(), []);
        let mut values = vec![
            Value::Null,
            Value::Int(9),
            Value::Int(9),
            Value::Int(0),
            Value::text("a"),
        ];
        let outcome = blueprint.compute(&mut values);
        assert_eq!(values[..3], [Value::text("a: 0"), Value::Int(0), Value::Null]);
        assert_eq!(outcome.changed, [1, 0, 2]);
        assert_eq!(outcome.failed.len(), 1);
        assert!(
            blueprint.compute(&mut values).changed.is_empty(),
            "the same again changes nothing"
        );
    }

    #[test]
    fn circles_unknown_names_and_what_a_computed_field_cannot_be_are_found_at_once() {
        let mut blueprint = Blueprint::new(
            1,
            1,
            "item",
            vec![
                computed("a", FieldType::Text, "b"),
                computed("b", FieldType::Text, "a"),
                computed("c", FieldType::Text, "nowhere"),
                computed("d", FieldType::Text, "1 +"),
            ],
        );
        blueprint.fields[2].required = true;
        let places: Vec<String> = blueprint.check().into_iter().map(|finding| finding.place).collect();
        assert_eq!(places, ["a", "b", "c", "c", "d"]);
    }
}

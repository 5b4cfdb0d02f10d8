//! `GROUP BY`, `HAVING` and aggregates.

use super::ast::{Comparison, Expr, GroupingKind, Item, Literal, Name, Query, Term};
use super::compile::Compiler;
use super::compiled::{GroupFilter, GroupValue, Groups, Operand};
use super::error::malformed;
use super::function::{Aggregate, DatePart, Function};
use super::lexer::plain;
use crate::salesforce::error::ApiError;
use crate::salesforce::schema::{Field, FieldKind};

impl Compiler<'_> {
    /// What a grouped query answers with.
    pub(super) fn groups(&self, query: &Query) -> Result<Groups, ApiError> {
        let mut keys = Vec::new();
        let mut names = Vec::new();
        for term in query.group.iter().flat_map(|group| &group.terms) {
            let (path, field) = self.path(&term.field, false)?;
            let part = match term.function {
                None if groupable(field) => None,
                Some(Function::Part(part)) if matches!(field.kind, FieldKind::Date | FieldKind::DateTime) => Some(part),
                _ => {
                    let reason = format!("field '{}' can not be grouped in a query call", term.field.text);
                    return Err(malformed(self.text, term.field.at, &reason));
                }
            };
            keys.push((path, part));
            names.push(term.clone());
        }
        let mut output = Vec::new();
        let mut unnamed = 0;
        for item in &query.select {
            let Item::Term(term, alias) = item else {
                let reason = "Grouped query: only fields, aggregates and their aliases can be selected";
                return Err(malformed(self.text, query.object.at, reason));
            };
            let value = self.group_value(term, &names)?;
            let name = match (alias, term.function) {
                (Some(alias), _) => alias.text.clone(),
                // The name of the field itself, whatever path leads there.
                (None, None) => self.path(&term.field, false)?.1.name.clone(),
                (None, Some(_)) => {
                    unnamed += 1;
                    format!("expr{}", unnamed - 1)
                }
            };
            if output
                .iter()
                .any(|(known, _): &(String, GroupValue)| known.eq_ignore_ascii_case(&name))
            {
                let reason = format!("duplicate alias: {name}");
                return Err(malformed(self.text, term.field.at, &reason));
            }
            output.push((name, value));
        }
        if query.group.is_none() && (query.limit.is_some() || !query.order.is_empty()) {
            let reason = "Non-grouped query that uses overall aggregate functions cannot also use LIMIT";
            return Err(malformed(self.text, query.object.at, reason));
        }
        let having = query
            .having
            .as_ref()
            .map(|having| self.having(having, &names))
            .transpose()?;
        let order = query
            .order
            .iter()
            .map(|key| Ok((self.group_value(&key.term, &names)?, key.descending, key.nulls_last)))
            .collect::<Result<_, ApiError>>()?;
        Ok(Groups {
            keys,
            kind: query.group.as_ref().map_or(GroupingKind::Plain, |group| group.kind),
            output,
            having,
            order,
            limit: query.limit,
            offset: query.offset,
        })
    }

    fn group_value(&self, term: &Term, keys: &[Term]) -> Result<GroupValue, ApiError> {
        let same = |key: &Term| key.function == term.function && self.is_same_field(&key.field, &term.field);
        match term.function {
            Some(Function::Aggregate(aggregate)) => {
                let (path, field) = self.path(&term.field, false)?;
                self.check_aggregate(aggregate, field, &term.field)?;
                Ok(GroupValue::Aggregate(aggregate, path))
            }
            Some(Function::Grouping) => keys
                .iter()
                .position(|key| key.function.is_none() && self.is_same_field(&key.field, &term.field))
                .map(GroupValue::Grouping)
                .ok_or_else(|| self.ungrouped(&term.field)),
            _ => {
                let shown = Term {
                    function: term.function.filter(|function| !matches!(function, Function::Shown(_))),
                    field: term.field.clone(),
                };
                let found = keys.iter().position(|key| same(key) || *key == shown);
                // A name that is no field at all is told before one that is not grouped.
                self.path(&term.field, false)?;
                found.map(GroupValue::Key).ok_or_else(|| self.ungrouped(&term.field))
            }
        }
    }

    fn is_same_field(&self, one: &Name, other: &Name) -> bool {
        let field = |name: &Name| self.path(name, false).map(|(path, _)| format!("{path:?}")).ok();
        field(one).is_some() && field(one) == field(other)
    }

    fn ungrouped(&self, field: &Name) -> ApiError {
        let reason = format!("Field must be grouped or aggregated: {}", field.text);
        malformed(self.text, field.at, &reason)
    }

    fn check_aggregate(&self, aggregate: Aggregate, field: &Field, name: &Name) -> Result<(), ApiError> {
        let numeric = matches!(field.kind, FieldKind::Int | FieldKind::Double);
        let dated = matches!(field.kind, FieldKind::Date | FieldKind::DateTime);
        let allowed = match aggregate {
            Aggregate::Count | Aggregate::CountDistinct => field.kind != FieldKind::Address,
            Aggregate::Sum | Aggregate::Average => numeric,
            Aggregate::Least | Aggregate::Most => {
                numeric
                    || dated
                    || !matches!(
                        field.kind,
                        FieldKind::Boolean | FieldKind::MultiPicklist | FieldKind::Address
                    )
            }
        };
        if allowed && (field.filterable || numeric) {
            return Ok(());
        }
        let reason = format!(
            "field {} does not support aggregate operator {}",
            name.text,
            aggregate.name()
        );
        Err(malformed(self.text, name.at, &reason))
    }

    fn having(&self, expression: &Expr, keys: &[Term]) -> Result<GroupFilter, ApiError> {
        let all = |operands: &[Expr]| -> Result<Vec<GroupFilter>, ApiError> {
            operands.iter().map(|operand| self.having(operand, keys)).collect()
        };
        Ok(match expression {
            Expr::And(operands) => GroupFilter::And(all(operands)?),
            Expr::Or(operands) => GroupFilter::Or(all(operands)?),
            Expr::Not(operand) => GroupFilter::Not(Box::new(self.having(operand, keys)?)),
            Expr::Compare {
                term,
                comparison,
                value,
            } => {
                let operand = self.group_operand(term, value, *comparison)?;
                GroupFilter::Compare(self.group_value(term, keys)?, *comparison, operand)
            }
            Expr::In { field, negated, values } => {
                let term = Term {
                    function: None,
                    field: field.clone(),
                };
                let operands = values
                    .iter()
                    .map(|value| self.group_operand(&term, value, Comparison::Equal))
                    .collect::<Result<_, _>>()?;
                GroupFilter::OneOf(self.group_value(&term, keys)?, *negated, operands)
            }
            Expr::InQuery { field, .. } | Expr::Includes { field, .. } => {
                let reason = format!("the operator can not be used in HAVING: {}", field.text);
                return Err(malformed(self.text, field.at, &reason));
            }
        })
    }

    fn group_operand(&self, term: &Term, value: &Literal, comparison: Comparison) -> Result<Operand, ApiError> {
        let counts = matches!(
            term.function,
            Some(
                Function::Aggregate(Aggregate::Count | Aggregate::CountDistinct | Aggregate::Sum | Aggregate::Average)
                    | Function::Grouping
            )
        );
        let parts = matches!(term.function, Some(Function::Part(part)) if part != DatePart::DayOnly);
        match value {
            Literal::Null => Ok(Operand::Null),
            Literal::Number(number) if counts || parts => Ok(Operand::Number(*number)),
            _ if counts || parts => {
                let reason = format!(
                    "value of filter criterion for field '{}' must be of type double and should not be enclosed in \
                     quotes",
                    term.field.text
                );
                Err(malformed(self.text, term.field.at, &reason))
            }
            Literal::Text(text) if comparison == Comparison::Like => {
                Ok(Operand::Text(plain(text), text.to_lowercase()))
            }
            _ => {
                let (_, field) = self.path(&term.field, false)?;
                self.operand(&term.field, field, value)
            }
        }
    }
}

fn groupable(field: &Field) -> bool {
    field
        .describe
        .get("groupable")
        .and_then(serde_json::Value::as_bool)
        .unwrap_or(true)
}

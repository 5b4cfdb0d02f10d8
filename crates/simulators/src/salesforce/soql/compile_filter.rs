//! Conditions to filters, literals to operands of the field's own type.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::ast::{Comparison, Expr, Item, Literal, Name, Query};
use super::compile::{Compiler, compile};
use super::compiled::{Filter, Operand, Path};
use super::error::{at, malformed};
use super::function::{DatePart, Function};
use super::lexer::plain;
use crate::salesforce::cell::View;
use crate::salesforce::error::ApiError;
use crate::salesforce::id::RecordId;
use crate::salesforce::schema::{Field, FieldKind};
use crate::salesforce::stamp::seconds;

impl Compiler<'_> {
    pub(super) fn filter(&self, expression: &Expr) -> Result<Filter, ApiError> {
        let all = |operands: &[Expr]| {
            operands
                .iter()
                .map(|operand| self.filter(operand))
                .collect::<Result<Vec<_>, _>>()
        };
        match expression {
            Expr::And(operands) => Ok(Filter::And(all(operands)?)),
            Expr::Or(operands) => Ok(Filter::Or(all(operands)?)),
            Expr::Not(operand) => Ok(Filter::Not(Box::new(self.filter(operand)?))),
            Expr::Compare {
                term,
                comparison,
                value,
            } => {
                let field = &term.field;
                match term.function {
                    None | Some(Function::Shown(_)) => {}
                    Some(Function::Part(part)) => return self.date_part(field, part, *comparison, value),
                    Some(_) => {
                        let reason = "Aggregate functions are not allowed in WHERE clauses, use HAVING";
                        return Err(malformed(self.text, field.at, reason));
                    }
                }
                let (path, schema) = self.path(field, true)?;
                let texts = matches!(
                    schema.kind,
                    FieldKind::Text | FieldKind::Email | FieldKind::Picklist | FieldKind::MultiPicklist
                );
                if *comparison == Comparison::Like {
                    let Literal::Text(pattern) = value else {
                        return Err(self.wrong_type(field, schema));
                    };
                    if !texts {
                        let reason = format!("invalid operator on {} field", schema.type_name);
                        return Err(at(self.text, field.at, "INVALID_QUERY_FILTER_OPERATOR", &reason));
                    }
                    let operand = Operand::Text(pattern.clone(), pattern.to_lowercase());
                    return Ok(Filter::Compare(path, *comparison, operand));
                }
                let operand = self.operand(field, schema, value)?;
                Ok(Filter::Compare(path, *comparison, operand))
            }
            Expr::In { field, negated, values } => self.membership(field, *negated, values),
            Expr::InQuery { field, negated, query } => self.join(field, *negated, query),
            Expr::Includes { field, negated, values } => {
                let (path, schema) = self.path(field, true)?;
                if schema.kind != FieldKind::MultiPicklist {
                    let reason = format!("invalid operator on {} field", schema.type_name);
                    return Err(at(self.text, field.at, "INVALID_QUERY_FILTER_OPERATOR", &reason));
                }
                let set = |value: &Literal| match value {
                    Literal::Text(text) => Ok(plain(text)
                        .split(';')
                        .map(|choice| choice.trim().to_lowercase())
                        .collect()),
                    _ => Err(self.wrong_type(field, schema)),
                };
                let sets = values.iter().map(set).collect::<Result<_, _>>()?;
                Ok(Filter::Includes {
                    path,
                    negated: *negated,
                    sets,
                })
            }
        }
    }

    /// `CALENDAR_YEAR(CreatedDate) = 2026`.
    fn date_part(
        &self,
        field: &Name,
        part: DatePart,
        comparison: Comparison,
        value: &Literal,
    ) -> Result<Filter, ApiError> {
        let (path, schema) = self.path(field, true)?;
        if !matches!(schema.kind, FieldKind::Date | FieldKind::DateTime) {
            let reason = format!("field '{}' does not support date functions", field.text);
            return Err(malformed(self.text, field.at, &reason));
        }
        let operand = match (part, value) {
            (_, Literal::Null) => Operand::Null,
            (DatePart::DayOnly, Literal::Date(date)) => {
                Operand::Span(midnight(*date), midnight(date.tomorrow().unwrap_or(*date)))
            }
            (DatePart::DayOnly, Literal::Relative(relative, number)) => self.relative(field, relative, *number)?,
            (_, Literal::Number(number)) if part != DatePart::DayOnly => Operand::Number(*number),
            _ => return Err(self.wrong_type(field, schema)),
        };
        Ok(Filter::Computed(path, part, comparison, operand))
    }

    /// A semi-join or an anti-join: the ids that the inner query gives.
    fn join(&self, field: &Name, negated: bool, query: &Query) -> Result<Filter, ApiError> {
        let (path, schema) = self.path(field, true)?;
        if schema.kind != FieldKind::Reference {
            let reason = format!(
                "The left operand field in the where expression for outer query should be an id field, cannot use: '{}'",
                field.text
            );
            return Err(malformed(self.text, field.at, &reason));
        }
        let [Item::Term(term, None)] = query.select.as_slice() else {
            let reason = "The inner query of a semi-join must select exactly one id field";
            return Err(malformed(self.text, query.object.at, reason));
        };
        if !query.order.is_empty() || query.limit.is_some() || query.group.is_some() {
            let reason = "Semi join sub-selects are not allowed with ORDER BY, LIMIT or GROUP BY";
            return Err(malformed(self.text, query.object.at, reason));
        }
        let compiled = compile(self.state, self.text, query)?;
        let inner = Compiler {
            table: compiled.table,
            aliases: &query.aliases,
            ..*self
        };
        let (inner_path, inner_field) = inner.path(&term.field, false)?;
        if inner_field.kind != FieldKind::Reference || term.function.is_some() {
            let reason = format!(
                "Semi join sub-selects can only query id fields, cannot use: '{}'",
                term.field.text
            );
            return Err(malformed(self.text, term.field.at, &reason));
        }
        if compiled.table == self.table && matches!((&path, &inner_path), (Path::Own(a), Path::Own(b)) if a == b) {
            let reason = "The inner and outer selects should not be on the same object type";
            return Err(malformed(self.text, query.object.at, reason));
        }
        let table = &self.state.tables[compiled.table];
        let texts = self
            .state
            .matching(&compiled, false)
            .into_iter()
            .filter_map(|slot| {
                match self
                    .state
                    .read_path(compiled.table, slot, table.get(slot)?, &inner_path)
                {
                    View::Id(id) => Some(id.to_string()),
                    _ => None,
                }
            })
            .collect();
        Ok(Filter::In {
            path,
            negated,
            texts,
            null: false,
            case_sensitive: true,
        })
    }

    fn relative(&self, name: &Name, relative: &str, number: i64) -> Result<Operand, ApiError> {
        let today = TimeZone::UTC.to_datetime(self.state.clock.now()).date();
        let (first, after) = super::dates::span(relative, number, today)
            .ok_or_else(|| malformed(self.text, name.at, "the relative date is out of range"))?;
        Ok(Operand::Span(midnight(first), midnight(after)))
    }

    fn membership(&self, field: &Name, negated: bool, values: &[Literal]) -> Result<Filter, ApiError> {
        let (path, schema) = self.path(field, true)?;
        let operands: Vec<Operand> = values
            .iter()
            .map(|value| self.operand(field, schema, value))
            .collect::<Result<_, _>>()?;
        let case_sensitive = schema.case_sensitive || schema.kind == FieldKind::Reference;
        let mut texts = BTreeSet::new();
        let mut null = false;
        for operand in &operands {
            match operand {
                Operand::Null => null = true,
                Operand::Text(exact, _) if case_sensitive => {
                    texts.insert(exact.clone());
                }
                Operand::Text(_, lower) => {
                    texts.insert(lower.clone());
                }
                Operand::Id(id) => {
                    texts.insert(id.clone());
                }
                _ => {
                    return Ok(Filter::OneOf {
                        path,
                        negated,
                        operands,
                    });
                }
            }
        }
        Ok(Filter::In {
            path,
            negated,
            texts,
            null,
            case_sensitive,
        })
    }

    pub(super) fn operand(&self, name: &Name, field: &Field, value: &Literal) -> Result<Operand, ApiError> {
        match (field.kind, value) {
            (_, Literal::Null) => Ok(Operand::Null),
            (FieldKind::Boolean, Literal::Bool(flag)) => Ok(Operand::Bool(*flag)),
            (FieldKind::Int | FieldKind::Double, Literal::Number(number)) => Ok(Operand::Number(*number)),
            (FieldKind::DateTime, Literal::DateTime(stamp)) => Ok(Operand::Span(*stamp, stamp + 1)),
            (FieldKind::Date, Literal::Date(date)) => Ok(Operand::Span(
                midnight(*date),
                midnight(date.tomorrow().unwrap_or(*date)),
            )),
            (FieldKind::Date | FieldKind::DateTime, Literal::Relative(relative, number)) => {
                self.relative(name, relative, *number)
            }
            (FieldKind::Reference, Literal::Text(text)) => {
                let text = plain(text);
                match RecordId::parse(&text) {
                    Some(id) => Ok(Operand::Id(id.to_string())),
                    // An empty text is the common start of a walk by id.
                    None if text.is_empty() => Ok(Operand::Id(text)),
                    None => {
                        let reason = format!("invalid ID field: {text}");
                        Err(at(self.text, name.at, "INVALID_QUERY_FILTER_OPERATOR", &reason))
                    }
                }
            }
            (
                FieldKind::Text | FieldKind::Email | FieldKind::Picklist | FieldKind::MultiPicklist,
                Literal::Text(text),
            ) => {
                let text = plain(text);
                let lower = text.to_lowercase();
                Ok(Operand::Text(text, lower))
            }
            _ => Err(self.wrong_type(name, field)),
        }
    }

    fn wrong_type(&self, name: &Name, field: &Field) -> ApiError {
        let (kind, quotes) = match field.kind {
            FieldKind::Boolean => ("boolean", "should not"),
            FieldKind::Int => ("int", "should not"),
            FieldKind::Double => ("double", "should not"),
            FieldKind::Date => ("date", "should not"),
            FieldKind::DateTime => ("dateTime", "should not"),
            FieldKind::Reference => ("reference", "should"),
            _ => ("string", "should"),
        };
        let reason = format!(
            "value of filter criterion for field '{}' must be of type {kind} and {quotes} be enclosed in quotes",
            name.text
        );
        at(self.text, name.at, "INVALID_FIELD", &reason)
    }
}

pub(super) fn midnight(date: Date) -> i64 {
    date.to_zoned(TimeZone::UTC)
        .map_or(i64::MAX, |zoned| seconds(zoned.timestamp()))
}

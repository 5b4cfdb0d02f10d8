//! Names to fields, literals to operands of the field's own type.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::ast::{Comparison, Expr, FieldGroup, Item, Literal, Name, Query};
use super::compiled::{Compiled, Filter, Node, Operand, OrderKey, Output, Path};
use super::error::{at, malformed, no_such_column, no_such_object, no_such_relationship};
use super::lexer::plain;
use crate::salesforce::error::ApiError;
use crate::salesforce::id::RecordId;
use crate::salesforce::schema::{Field, FieldKind};
use crate::salesforce::stamp::seconds;
use crate::salesforce::state::State;

pub(super) fn compile(state: &State, text: &str, query: &Query) -> Result<Compiled, ApiError> {
    let object = &query.object;
    let table = state
        .find(&object.text)
        .ok_or_else(|| no_such_object(text, object.at, &object.text))?;
    let compiler = Compiler { state, text, table };
    let output = compiler.output(query)?;
    let filter = query
        .filter
        .as_ref()
        .map(|filter| compiler.filter(filter))
        .transpose()?;
    let mut order = Vec::with_capacity(query.order.len());
    for key in &query.order {
        let (path, field) = compiler.path(&key.field, false)?;
        if !field.sortable {
            let reason = format!("field '{}' can not be sorted in a query call", key.field.text);
            return Err(malformed(text, key.field.at, &reason));
        }
        order.push(OrderKey {
            path,
            descending: key.descending,
            nulls_last: key.nulls_last,
        });
    }
    if query.offset > 2_000 {
        return Err(ApiError::new(
            400,
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Maximum SOQL offset allowed is 2000",
        ));
    }
    Ok(Compiled {
        table,
        output,
        filter,
        order,
        limit: query.limit,
        offset: query.offset,
    })
}

struct Compiler<'a> {
    state: &'a State,
    text: &'a str,
    table: usize,
}

impl<'a> Compiler<'a> {
    fn output(&self, query: &Query) -> Result<Output, ApiError> {
        if query.select == [Item::CountRows] {
            return Ok(Output::CountRows);
        }
        let schema = &self.state.tables[self.table].schema;
        let mut nodes = Vec::new();
        let mut aggregates = Vec::new();
        for item in &query.select {
            match item {
                Item::Field(name) => {
                    let segments: Vec<&str> = name.text.split('.').collect();
                    // The object's own name may stand in front.
                    let own = segments.len() > 1
                        && segments[0].eq_ignore_ascii_case(&schema.name)
                        && schema.find_relationship(segments[0]).is_none();
                    self.add_node(&mut nodes, self.table, &segments[usize::from(own)..], name)?;
                }
                Item::Fields(group) => {
                    if *group != FieldGroup::Standard && query.limit.is_none_or(|limit| limit > 200) {
                        return Err(malformed(
                            self.text,
                            0,
                            "The SOQL FIELDS function must have a LIMIT of at most 200",
                        ));
                    }
                    let wanted = |field: &Field| match group {
                        FieldGroup::All => true,
                        FieldGroup::Standard => !field.custom,
                        FieldGroup::Custom => field.custom || field.name == "Id",
                    };
                    let fields = (0_u16..).zip(&schema.fields).filter(|(_, field)| wanted(field));
                    nodes.extend(fields.map(|(index, _)| Node::Field(index)));
                }
                Item::CountRows => {
                    return Err(malformed(
                        self.text,
                        0,
                        "COUNT() must be the only element in the SELECT clause",
                    ));
                }
                Item::Aggregate { function, field, alias } => {
                    let (path, _) = self.path(field, true)?;
                    let Path::Own(index) = path else {
                        return Err(malformed(
                            self.text,
                            field.at,
                            "aggregates over a relationship are not simulated",
                        ));
                    };
                    let name = alias.clone().unwrap_or_else(|| format!("expr{}", aggregates.len()));
                    aggregates.push((name, *function, index));
                }
            }
        }
        match (nodes.is_empty(), aggregates.is_empty()) {
            (_, true) => Ok(Output::Records(nodes)),
            (true, false) => Ok(Output::Aggregates(aggregates)),
            (false, false) => Err(malformed(self.text, 0, "Field must be grouped or aggregated")),
        }
    }

    fn add_node(&self, nodes: &mut Vec<Node>, table: usize, segments: &[&str], name: &Name) -> Result<(), ApiError> {
        let schema = &self.state.tables[table].schema;
        let [first, rest @ ..] = segments else {
            return Err(malformed(self.text, name.at, "empty field path"));
        };
        if rest.is_empty() {
            let index = schema
                .find(first)
                .ok_or_else(|| no_such_column(self.text, name.at, first, &schema.name))?;
            if nodes
                .iter()
                .any(|node| matches!(node, Node::Field(known) if *known == index))
            {
                return Err(malformed(
                    self.text,
                    name.at,
                    &format!("duplicate field selected: {first}"),
                ));
            }
            nodes.push(Node::Field(index));
            return Ok(());
        }
        let lookup = schema
            .find_relationship(first)
            .ok_or_else(|| no_such_relationship(self.text, name.at, first))?;
        let known = nodes
            .iter()
            .position(|node| matches!(node, Node::Parent(_, field, _) if *field == lookup));
        let place = match known {
            Some(place) => place,
            None => {
                let relationship = schema.field(lookup).relationship.clone().unwrap_or_default();
                let targets = self
                    .targets(lookup, table)
                    .into_iter()
                    .map(|target| (target, Vec::new()))
                    .collect();
                nodes.push(Node::Parent(relationship, lookup, targets));
                nodes.len() - 1
            }
        };
        let Some(Node::Parent(_, _, targets)) = nodes.get_mut(place) else {
            return Ok(());
        };
        let mut failure = no_such_relationship(self.text, name.at, first);
        let mut found = false;
        for (target, children) in targets {
            match self.add_node(children, *target, rest, name) {
                Ok(()) => found = true,
                Err(error) => failure = error,
            }
        }
        if found { Ok(()) } else { Err(failure) }
    }

    /// The simulated tables that a lookup can lead to.
    fn targets(&self, lookup: u16, table: usize) -> Vec<usize> {
        let field = self.state.tables[table].schema.field(lookup);
        field
            .reference_to
            .iter()
            .filter_map(|name| self.state.find(name))
            .collect()
    }

    fn path(&self, name: &Name, filtering: bool) -> Result<(Path, &'a Field), ApiError> {
        let schema = &self.state.tables[self.table].schema;
        let segments: Vec<&str> = name.text.split('.').collect();
        let own = segments.len() > 1
            && segments[0].eq_ignore_ascii_case(&schema.name)
            && schema.find_relationship(segments[0]).is_none();
        let (path, field) = self.path_from(self.table, &segments[usize::from(own)..], name)?;
        if filtering && (!field.filterable || field.kind == FieldKind::Address) {
            let reason = format!("field '{}' can not be filtered in a query call", name.text);
            return Err(at(self.text, name.at, "INVALID_FIELD", &reason));
        }
        Ok((path, field))
    }

    fn path_from(&self, table: usize, segments: &[&str], name: &Name) -> Result<(Path, &'a Field), ApiError> {
        let schema = &self.state.tables[table].schema;
        let [first, rest @ ..] = segments else {
            return Err(malformed(self.text, name.at, "empty field path"));
        };
        if rest.is_empty() {
            let index = schema
                .find(first)
                .ok_or_else(|| no_such_column(self.text, name.at, first, &schema.name))?;
            return Ok((Path::Own(index), schema.field(index)));
        }
        let lookup = schema
            .find_relationship(first)
            .ok_or_else(|| no_such_relationship(self.text, name.at, first))?;
        let mut failure = no_such_relationship(self.text, name.at, first);
        let mut found = Vec::new();
        let mut last = None;
        for target in self.targets(lookup, table) {
            match self.path_from(target, rest, name) {
                Ok((path, field)) => {
                    found.push((target, path));
                    last = Some(field);
                }
                Err(error) => failure = error,
            }
        }
        last.map(|field| (Path::Parent(lookup, found), field)).ok_or(failure)
    }

    fn filter(&self, expression: &Expr) -> Result<Filter, ApiError> {
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
                field,
                comparison,
                value,
            } => {
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

    fn operand(&self, name: &Name, field: &Field, value: &Literal) -> Result<Operand, ApiError> {
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
                let today = TimeZone::UTC.to_datetime(self.state.clock.now()).date();
                let (first, after) = super::dates::span(relative, *number, today)
                    .ok_or_else(|| malformed(self.text, name.at, "the relative date is out of range"))?;
                Ok(Operand::Span(midnight(first), midnight(after)))
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

//! Queries of bulk jobs: the same language with fewer clauses, answered as a table.

use super::ast::{Item, Query};
use super::compile::compile;
use super::compiled::{Node, Output};
use super::parser::parse;
use crate::salesforce::cell::View;
use crate::salesforce::error::ApiError;
use crate::salesforce::schema::FieldKind;
use crate::salesforce::state::State;
use crate::salesforce::table::{Record, Slot};

fn unsupported(what: &str) -> ApiError {
    ApiError::new(
        400,
        "API_ERROR",
        format!("{what} not supported in Bulk V2 Query with CSV content type"),
    )
}

impl State {
    /// The object of a query that a bulk job may run.
    pub(crate) fn bulk_query_object(&self, text: &str) -> Result<String, ApiError> {
        let query = parse(text)?;
        refuse(&query)?;
        let compiled = compile(self, text, &query)?;
        let Output::Records(nodes) = &compiled.output else {
            return Err(unsupported("Aggregate functions"));
        };
        if self.has_compound(compiled.table, nodes) {
            return Err(ApiError::new(
                400,
                "FUNCTIONALITY_NOT_ENABLED",
                "Selecting compound data not supported in Bulk Query",
            ));
        }
        Ok(self.tables[compiled.table].schema.name.clone())
    }

    fn has_compound(&self, table: usize, nodes: &[Node]) -> bool {
        nodes.iter().any(|node| match node {
            Node::Field(field) => self.tables[table].schema.field(*field).kind == FieldKind::Address,
            Node::Parent(_, _, targets) => targets.iter().any(|(target, nodes)| self.has_compound(*target, nodes)),
            Node::Kind | Node::Named(_) | Node::Lacking(_) | Node::Shown(..) | Node::Children(..) => false,
        })
    }

    /// Runs the query of a bulk job. The columns are told before the rows are returned.
    pub(crate) fn bulk_query(
        &self,
        text: &str,
        all_rows: bool,
        columns: &mut dyn FnMut(&[String]),
    ) -> Result<Vec<Vec<View<'_>>>, ApiError> {
        let query = parse(text)?;
        let compiled = compile(self, text, &query)?;
        let Output::Records(nodes) = &compiled.output else {
            return Err(unsupported("Aggregate functions"));
        };
        let mut names = Vec::new();
        self.column_names(compiled.table, nodes, "", &mut names);
        columns(&names);
        let mut slots = self.matching(&compiled, all_rows);
        if compiled.order.is_empty() {
            // Nothing promises an order, and the real service gives another one.
            let third = slots.len() / 3;
            slots.rotate_left(third);
        }
        let table = &self.tables[compiled.table];
        Ok(slots
            .into_iter()
            .filter_map(|slot| {
                let mut row = Vec::with_capacity(names.len());
                self.cells(compiled.table, Some((slot, table.get(slot)?)), nodes, &mut row);
                Some(row)
            })
            .collect())
    }

    fn column_names(&self, table: usize, nodes: &[Node], prefix: &str, out: &mut Vec<String>) {
        for node in nodes {
            match node {
                Node::Shown(key, ..) | Node::Lacking(key) => out.push(format!("{prefix}{key}")),
                Node::Kind => out.push(format!("{prefix}Type")),
                Node::Named(_) => out.push(format!("{prefix}Name")),
                // Refused when the job was made.
                Node::Children(..) => {}
                Node::Field(field) => {
                    out.push(format!("{prefix}{}", self.tables[table].schema.field(*field).name));
                }
                Node::Parent(name, _, targets) => {
                    if let Some((target, nodes)) = targets.iter().max_by_key(|(_, nodes)| nodes.len()) {
                        self.column_names(*target, nodes, &format!("{prefix}{name}."), out);
                    }
                }
            }
        }
    }

    fn cells<'a>(&'a self, table: usize, row: Option<(Slot, &'a Record)>, nodes: &[Node], out: &mut Vec<View<'a>>) {
        for node in nodes {
            match (node, row) {
                (Node::Field(field), Some((slot, record))) => out.push(self.tables[table].read(slot, record, *field)),
                (Node::Named(field), Some((slot, record))) => out.push(self.tables[table].read(slot, record, *field)),
                (Node::Field(_) | Node::Named(_) | Node::Shown(..) | Node::Kind, None) | (Node::Lacking(_), _) => {
                    out.push(View::Null);
                }
                (Node::Kind, Some(_)) => out.push(View::Text(self.tables[table].schema.name.as_str().into())),
                (Node::Shown(_, path, shown, type_name), Some((slot, record))) => {
                    out.push(shown.of(self.read_path(table, slot, record, path), type_name));
                }
                (Node::Children(..), _) => {}
                (Node::Parent(_, lookup, targets), row) => {
                    let parent = row.and_then(|(slot, record)| match self.tables[table].read(slot, record, *lookup) {
                        View::Id(id) => self.record(id),
                        _ => None,
                    });
                    let widest = targets.iter().max_by_key(|(_, nodes)| nodes.len());
                    let named = parent.and_then(|(at, slot, record)| {
                        let (_, nodes) = targets.iter().find(|(target, _)| *target == at)?;
                        Some((at, slot, record, nodes))
                    });
                    match (named, widest) {
                        (Some((at, slot, record, nodes)), _) => self.cells(at, Some((slot, record)), nodes, out),
                        (None, Some((target, nodes))) => self.cells(*target, None, nodes, out),
                        (None, None) => {}
                    }
                }
            }
        }
    }
}

fn refuse(query: &Query) -> Result<(), ApiError> {
    if query.offset > 0 {
        return Err(unsupported("OFFSET"));
    }
    if query.group.is_some() {
        return Err(unsupported("GROUP BY"));
    }
    for item in &query.select {
        match item {
            Item::Children(_) => return Err(unsupported("Aggregate Relationships")),
            Item::TypeOf { .. } => return Err(unsupported("TYPEOF")),
            Item::CountRows => return Err(unsupported("COUNT()")),
            Item::Term(..) | Item::Fields(_) => {}
        }
    }
    Ok(())
}

//! A query whose names are resolved to fields of tables.

use std::collections::BTreeSet;

use super::ast::{Comparison, Function};

/// A field of the record itself, or of a record that a lookup leads to.
#[derive(Clone, Debug)]
pub(super) enum Path {
    Own(u16),
    /// The lookup, and the rest of the path for each table it can lead to.
    Parent(u16, Vec<(usize, Path)>),
}

/// One key of an answered record.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Field(u16),
    /// Relationship name, lookup, and the keys for each table it can lead to.
    Parent(String, u16, Vec<(usize, Vec<Node>)>),
}

/// What a field is compared with.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Null,
    Bool(bool),
    Number(f64),
    /// As written, and in lower case.
    Text(String, String),
    /// An id in full length if it is one, else the text.
    Id(String),
    /// Seconds from the first to before the second.
    Span(i64, i64),
}

#[derive(Clone, Debug)]
pub(super) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Compare(Path, Comparison, Operand),
    /// Texts in the form the field compares them in; whether null is among them; whether the case counts.
    In {
        path: Path,
        negated: bool,
        texts: BTreeSet<String>,
        null: bool,
        case_sensitive: bool,
    },
    /// Operands of a field that is not text.
    OneOf {
        path: Path,
        negated: bool,
        operands: Vec<Operand>,
    },
    Includes {
        path: Path,
        negated: bool,
        sets: Vec<Vec<String>>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct OrderKey {
    pub(super) path: Path,
    pub(super) descending: bool,
    pub(super) nulls_last: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Output {
    Records(Vec<Node>),
    CountRows,
    Aggregates(Vec<(String, Function, u16)>),
}

#[derive(Clone, Debug)]
pub(super) struct Compiled {
    pub(super) table: usize,
    pub(super) output: Output,
    pub(super) filter: Option<Filter>,
    pub(super) order: Vec<OrderKey>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

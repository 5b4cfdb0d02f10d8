//! A query whose names are resolved to fields of tables.

use std::collections::BTreeSet;

use super::ast::{Comparison, GroupingKind};
use super::function::{Aggregate, DatePart, Shown};

/// A field of the record itself, or of a record that a lookup leads to.
#[derive(Clone, Debug)]
pub(super) enum Path {
    Own(u16),
    /// The object that the record is of; where a lookup may lead to several, it is a field of what it leads to.
    Kind,
    /// The lookup, and the rest of the path for each table it can lead to.
    Parent(u16, Vec<(usize, Path)>),
}

/// One key of an answered record.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Field(u16),
    /// The object that the record is of, as `Type`.
    Kind,
    /// The field that names a record, as `Name`, whatever it is called itself.
    Named(u16),
    /// A field that others have whom the same lookup may lead to, and this one lacks.
    Lacking(String),
    /// Relationship name, lookup, and the keys for each table it can lead to.
    Parent(String, u16, Vec<(usize, Vec<Node>)>),
    /// A value for people: its key, where it is, its form, and the field's type.
    Shown(String, Path, Shown, String),
    /// Records that point here: the relationship's name, their lookup, and the query of them.
    Children(String, u16, Box<Compiled>),
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
    /// A part of a date.
    Computed(Path, DatePart, Comparison, Operand),
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
    Groups(Groups),
}

/// `GROUP BY`, or aggregates over everything.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    pub(super) keys: Vec<(Path, Option<DatePart>)>,
    pub(super) kind: GroupingKind,
    /// By name.
    pub(super) output: Vec<(String, GroupValue)>,
    pub(super) having: Option<GroupFilter>,
    /// The value, whether descending, whether nulls come last.
    pub(super) order: Vec<(GroupValue, bool, bool)>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

/// A value of a group.
#[derive(Clone, Debug)]
pub(super) enum GroupValue {
    /// One of the keys, by place.
    Key(usize),
    Aggregate(Aggregate, Path),
    /// 1 in a row that sums over this key, else 0.
    Grouping(usize),
}

#[derive(Clone, Debug)]
pub(super) enum GroupFilter {
    And(Vec<GroupFilter>),
    Or(Vec<GroupFilter>),
    Not(Box<GroupFilter>),
    Compare(GroupValue, Comparison, Operand),
    OneOf(GroupValue, bool, Vec<Operand>),
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

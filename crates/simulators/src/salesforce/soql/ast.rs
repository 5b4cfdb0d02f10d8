//! The tree of a parsed query. Names keep their place in the text, for error messages.

use jiff::civil::Date;

/// A name as written, with its byte offset.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) at: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Query {
    pub(super) select: Vec<Item>,
    pub(super) object: Name,
    pub(super) filter: Option<Expr>,
    pub(super) order: Vec<Order>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldGroup {
    All,
    Standard,
    Custom,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Count,
    Min,
    Max,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Field(Name),
    Fields(FieldGroup),
    /// `COUNT()`.
    CountRows,
    Aggregate {
        function: Function,
        field: Name,
        alias: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Order {
    pub(super) field: Name,
    pub(super) descending: bool,
    pub(super) nulls_last: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Compare {
        field: Name,
        comparison: Comparison,
        value: Literal,
    },
    /// `IN`, `NOT IN`.
    In {
        field: Name,
        negated: bool,
        values: Vec<Literal>,
    },
    /// `INCLUDES`, `EXCLUDES`: any of the sets of choices.
    Includes {
        field: Name,
        negated: bool,
        values: Vec<Literal>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Number(f64),
    /// Escaped wildcards are marked, see the lexer.
    Text(String),
    Date(Date),
    /// Seconds since 1970.
    DateTime(i64),
    /// A relative date such as `LAST_N_DAYS:7`: its name in upper case and its number.
    Relative(String, i64),
}

//! The tree of a parsed query. Names keep their place in the text, for error messages.

use jiff::civil::Date;

use super::function::Function;

/// A name as written, with its byte offset.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) at: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Query {
    pub(super) select: Vec<Item>,
    /// An object, or in a query of children the name of their relationship.
    pub(super) object: Name,
    /// Short names, and the paths that they stand for; the object itself has none.
    pub(super) aliases: Vec<(String, Vec<String>)>,
    pub(super) filter: Option<Expr>,
    pub(super) group: Option<Grouping>,
    pub(super) having: Option<Expr>,
    pub(super) order: Vec<Order>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
    /// `ALL ROWS`.
    pub(super) all_rows: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldGroup {
    All,
    Standard,
    Custom,
}

/// A field, or a function of one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Term {
    pub(super) function: Option<Function>,
    pub(super) field: Name,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// A field or a function of one, and its alias.
    Term(Term, Option<Name>),
    Fields(FieldGroup),
    /// `COUNT()`.
    CountRows,
    /// `(SELECT … FROM relationship)`.
    Children(Box<Query>),
    /// `TYPEOF relationship WHEN type THEN fields … ELSE fields END`.
    TypeOf {
        relationship: Name,
        cases: Vec<(Name, Vec<Name>)>,
        otherwise: Vec<Name>,
    },
}

/// `GROUP BY`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grouping {
    pub(super) terms: Vec<Term>,
    pub(super) kind: GroupingKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupingKind {
    Plain,
    Rollup,
    Cube,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Order {
    pub(super) term: Term,
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
        term: Term,
        comparison: Comparison,
        value: Literal,
    },
    /// `IN`, `NOT IN`.
    In {
        field: Name,
        negated: bool,
        values: Vec<Literal>,
    },
    /// `IN (SELECT …)`, `NOT IN (SELECT …)`.
    InQuery {
        field: Name,
        negated: bool,
        query: Box<Query>,
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

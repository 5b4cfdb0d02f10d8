//! The query language: text to tokens to tree to a compiled query, which an index answers.

mod ast;
mod bulk;
mod compile;
mod compile_filter;
mod compile_group;
mod compiled;
mod cursors;
mod dates;
mod error;
mod evaluate;
mod execute;
mod function;
mod group;
mod lexer;
mod output;
mod parser;
mod parser_clause;
mod parser_condition;
mod plan;
mod restricted;

pub(crate) use cursors::Cursors;
pub(crate) use output::attributes;

//! Clauses to tree: short names, grouping, order, and fields by type.

use super::ast::{Grouping, GroupingKind, Item, Name, Order};
use super::error::malformed;
use super::lexer::Kind;
use super::parser::Parser;
use crate::salesforce::error::ApiError;

impl Parser<'_> {
    /// `FROM Contact c, c.Account a`: short names for the object and for what its lookups lead to.
    pub(super) fn aliases(&mut self, object: &Name) -> Result<Vec<(String, Vec<String>)>, ApiError> {
        let mut aliases: Vec<(String, Vec<String>)> = vec![(object.text.clone(), Vec::new())];
        let mut path = Vec::new();
        loop {
            self.take_word("AS");
            if matches!(self.peek(), Kind::Word(word) if !is_clause(word)) {
                aliases.push((self.name()?.text, path.clone()));
            }
            if !self.take_symbol(",") {
                return Ok(aliases);
            }
            let further = self.name()?;
            let mut steps = further.text.split('.');
            let first = steps.next().unwrap_or_default();
            let Some((_, start)) = aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(first)) else {
                return Err(malformed(self.query, further.at, &format!("unknown alias: {first}")));
            };
            path = start.iter().cloned().chain(steps.map(str::to_owned)).collect();
        }
    }

    /// What follows `WITH` restricts nothing here: the simulated user sees everything.
    pub(super) fn with(&mut self) -> Result<(), ApiError> {
        let name = self.name()?;
        match name.text.to_ascii_uppercase().as_str() {
            "SECURITY_ENFORCED" | "USER_MODE" | "SYSTEM_MODE" => Ok(()),
            _ => Err(malformed(
                self.query,
                name.at,
                &format!("unexpected token: '{}'", name.text),
            )),
        }
    }

    pub(super) fn type_of(&mut self) -> Result<Item, ApiError> {
        let relationship = self.name()?;
        let mut cases = Vec::new();
        let mut otherwise = Vec::new();
        while self.take_word("WHEN") {
            let kind = self.name()?;
            self.expect_word("THEN")?;
            cases.push((kind, self.names()?));
        }
        if self.take_word("ELSE") {
            otherwise = self.names()?;
        }
        self.expect_word("END")?;
        Ok(Item::TypeOf {
            relationship,
            cases,
            otherwise,
        })
    }

    pub(super) fn names(&mut self) -> Result<Vec<Name>, ApiError> {
        let mut names = vec![self.name()?];
        while self.take_symbol(",") {
            names.push(self.name()?);
        }
        Ok(names)
    }

    pub(super) fn grouping(&mut self) -> Result<Grouping, ApiError> {
        let opens = matches!(self.peek_second(), Kind::Symbol("("));
        let kind = if opens && self.take_word("ROLLUP") {
            GroupingKind::Rollup
        } else if opens && self.take_word("CUBE") {
            GroupingKind::Cube
        } else {
            GroupingKind::Plain
        };
        if kind != GroupingKind::Plain {
            self.expect_symbol("(")?;
        }
        let mut terms = vec![self.term()?];
        while self.take_symbol(",") {
            terms.push(self.term()?);
        }
        if kind != GroupingKind::Plain {
            self.expect_symbol(")")?;
        }
        Ok(Grouping { terms, kind })
    }

    pub(super) fn order(&mut self) -> Result<Order, ApiError> {
        let term = self.term()?;
        let descending = if self.take_word("DESC") {
            true
        } else {
            self.take_word("ASC");
            false
        };
        let mut nulls_last = false;
        if self.take_word("NULLS") {
            if self.take_word("LAST") {
                nulls_last = true;
            } else {
                self.expect_word("FIRST")?;
            }
        }
        Ok(Order {
            term,
            descending,
            nulls_last,
        })
    }
}

fn is_clause(word: &str) -> bool {
    [
        "WHERE", "ORDER", "LIMIT", "OFFSET", "GROUP", "HAVING", "FOR", "ALL", "USING", "WITH", "UPDATE",
    ]
    .iter()
    .any(|clause| word.eq_ignore_ascii_case(clause))
}

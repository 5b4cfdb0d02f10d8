//! Tokens to tree, by recursive descent.

use super::ast::{FieldGroup, Item, Name, Query, Term};
use super::error::malformed;
use super::function::Function;
use super::lexer::{Kind, Token, tokens};
use crate::salesforce::error::ApiError;

/// Parentheses deeper than this are refused, so that no query can exhaust the stack.
pub(super) const DEEPEST: usize = 100;

pub(super) fn parse(query: &str) -> Result<Query, ApiError> {
    let mut parser = Parser {
        query,
        tokens: tokens(query)?,
        next: 0,
        depth: 0,
    };
    let parsed = parser.query()?;
    match parser.peek() {
        Kind::End => Ok(parsed),
        _ => Err(parser.unexpected()),
    }
}

pub(super) struct Parser<'a> {
    pub(super) query: &'a str,
    pub(super) tokens: Vec<Token>,
    pub(super) next: usize,
    pub(super) depth: usize,
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> &Kind {
        self.tokens.get(self.next).map_or(&Kind::End, |token| &token.kind)
    }

    pub(super) fn peek_second(&self) -> &Kind {
        self.tokens.get(self.next + 1).map_or(&Kind::End, |token| &token.kind)
    }

    pub(super) fn place(&self) -> usize {
        self.tokens.get(self.next).map_or(self.query.len(), |token| token.at)
    }

    pub(super) fn unexpected(&self) -> ApiError {
        let shown = match self.peek() {
            Kind::End => "'<EOF>'".to_owned(),
            Kind::Symbol(symbol) => format!("'{symbol}'"),
            Kind::Word(word) => format!("'{word}'"),
            _ => {
                let end = self
                    .tokens
                    .get(self.next + 1)
                    .map_or(self.query.len(), |token| token.at);
                format!("'{}'", self.query[self.place()..end].trim())
            }
        };
        malformed(self.query, self.place(), &format!("unexpected token: {shown}"))
    }

    pub(super) fn is_word(&self, keyword: &str) -> bool {
        matches!(self.peek(), Kind::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    pub(super) fn take_word(&mut self, keyword: &str) -> bool {
        let found = self.is_word(keyword);
        self.next += usize::from(found);
        found
    }

    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Kind::Symbol(known) if *known == symbol);
        self.next += usize::from(found);
        found
    }

    pub(super) fn expect_word(&mut self, keyword: &str) -> Result<(), ApiError> {
        if self.take_word(keyword) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    pub(super) fn expect_symbol(&mut self, symbol: &str) -> Result<(), ApiError> {
        if self.take_symbol(symbol) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    pub(super) fn name(&mut self) -> Result<Name, ApiError> {
        match self.peek() {
            Kind::Word(word) => {
                let name = Name {
                    text: word.clone(),
                    at: self.place(),
                };
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    pub(super) fn query(&mut self) -> Result<Query, ApiError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(malformed(self.query, self.place(), "the query is nested too deeply"));
        }
        self.expect_word("SELECT")?;
        let mut select = vec![self.item()?];
        while self.take_symbol(",") {
            select.push(self.item()?);
        }
        self.expect_word("FROM")?;
        let object = self.name()?;
        let aliases = self.aliases(&object)?;
        if self.take_word("USING") {
            self.expect_word("SCOPE")?;
            self.name()?;
        }
        let filter = if self.take_word("WHERE") {
            Some(self.expression()?)
        } else {
            None
        };
        if self.take_word("WITH") {
            self.with()?;
        }
        let mut group = None;
        if self.take_word("GROUP") {
            self.expect_word("BY")?;
            group = Some(self.grouping()?);
        }
        let having = if self.take_word("HAVING") {
            Some(self.expression()?)
        } else {
            None
        };
        let mut order = Vec::new();
        if self.take_word("ORDER") {
            self.expect_word("BY")?;
            order.push(self.order()?);
            while self.take_symbol(",") {
                order.push(self.order()?);
            }
        }
        let limit = if self.take_word("LIMIT") {
            Some(self.count()?)
        } else {
            None
        };
        let offset = if self.take_word("OFFSET") { self.count()? } else { 0 };
        while self.take_word("FOR") || self.take_word("UPDATE") {
            self.name()?;
        }
        let all_rows = self.take_word("ALL");
        if all_rows {
            self.expect_word("ROWS")?;
        }
        self.depth -= 1;
        Ok(Query {
            select,
            object,
            aliases,
            filter,
            group,
            having,
            order,
            limit,
            offset,
            all_rows,
        })
    }

    fn item(&mut self) -> Result<Item, ApiError> {
        if self.take_symbol("(") {
            let children = self.query()?;
            self.expect_symbol(")")?;
            return Ok(Item::Children(Box::new(children)));
        }
        if self.is_word("TYPEOF") && matches!(self.peek_second(), Kind::Word(_)) {
            self.next += 1;
            return self.type_of();
        }
        if self.is_word("FROM") {
            return Err(self.unexpected());
        }
        let opens = matches!(self.peek_second(), Kind::Symbol("("));
        if opens && self.take_word("FIELDS") {
            self.expect_symbol("(")?;
            let group = self.name()?;
            let group = match group.text.to_ascii_uppercase().as_str() {
                "ALL" => FieldGroup::All,
                "STANDARD" => FieldGroup::Standard,
                "CUSTOM" => FieldGroup::Custom,
                _ => {
                    let reason = format!("unexpected token: '{}'", group.text);
                    return Err(malformed(self.query, group.at, &reason));
                }
            };
            self.expect_symbol(")")?;
            return Ok(Item::Fields(group));
        }
        let third = self.tokens.get(self.next + 2).map(|token| &token.kind);
        if opens && self.is_word("COUNT") && third == Some(&Kind::Symbol(")")) {
            self.next += 3;
            return Ok(Item::CountRows);
        }
        let term = self.term()?;
        // Behind a plain field only what ends the item makes a word its alias, and not a misspelt FROM.
        let ends = match self.peek_second() {
            Kind::Word(word) => word.eq_ignore_ascii_case("FROM"),
            Kind::Symbol(symbol) => *symbol == ",",
            _ => false,
        };
        let alias = match self.peek() {
            Kind::Word(word) if !word.eq_ignore_ascii_case("FROM") && (ends || term.function.is_some()) => {
                Some(self.name()?)
            }
            _ => None,
        };
        Ok(Item::Term(term, alias))
    }

    /// A field, or a function of one. What a function may be applied to is for the compiler to say.
    pub(super) fn term(&mut self) -> Result<Term, ApiError> {
        let name = self.name()?;
        if !self.take_symbol("(") {
            return Ok(Term {
                function: None,
                field: name,
            });
        }
        let Some(function) = Function::named(&name.text) else {
            let reason = format!("unexpected token: '('\nunknown function: {}", name.text);
            return Err(malformed(self.query, name.at, &reason));
        };
        // Everything is in UTC here, so converting a time zone changes nothing.
        let converts = self.is_word("convertTimezone") && matches!(self.peek_second(), Kind::Symbol("("));
        let inner = if converts {
            self.next += 2;
            let field = self.name()?;
            self.expect_symbol(")")?;
            Term { function: None, field }
        } else {
            self.term()?
        };
        self.expect_symbol(")")?;
        let function = match (function, inner.function) {
            (function, None) => function,
            // `FORMAT(MIN(CloseDate))`, `FORMAT(convertCurrency(Amount))`: the value inside counts.
            (Function::Shown(shown), Some(Function::Shown(_))) => Function::Shown(shown),
            (Function::Shown(_), Some(inner)) => inner,
            (_, Some(_)) => {
                return Err(malformed(self.query, name.at, "functions can not be nested this way"));
            }
        };
        Ok(Term {
            function: Some(function),
            field: inner.field,
        })
    }

    pub(super) fn count(&mut self) -> Result<usize, ApiError> {
        match self.peek() {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked to be whole and small"
            )]
            Kind::Number(number) if number.fract() == 0.0 && (0.0..1e9).contains(number) => {
                let count = *number as usize;
                self.next += 1;
                Ok(count)
            }
            _ => Err(self.unexpected()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ast::Expr;
    use super::*;

    #[test]
    fn the_keyset_query_parses() {
        let query = parse(
            "SELECT Id FROM Contact WHERE (SystemModstamp = 2026-11-20T10:00:00Z AND Id > '003') OR SystemModstamp > \
             2026-11-20T10:00:00.000+00:00 ORDER BY SystemModstamp, Id LIMIT 200",
        )
        .unwrap();
        assert!(matches!(query.filter, Some(Expr::Or(operands)) if operands.len() == 2));
        assert_eq!(query.limit, Some(200));
        assert_eq!(query.order.len(), 2);
    }

    #[test]
    fn mixed_operators_without_parentheses_are_refused() {
        let error = parse("SELECT Id FROM Contact WHERE Id > 'a' AND Id < 'b' OR Id = 'c'").unwrap_err();
        assert_eq!(error.code, "MALFORMED_QUERY");
        assert!(error.message.ends_with("unexpected token: 'OR'"), "{}", error.message);
    }

    #[test]
    fn errors_name_row_and_column() {
        let error = parse("SELECT Id FORM Account").unwrap_err();
        assert!(error.message.contains("ERROR at Row:1:Column:11"), "{}", error.message);
    }
}

//! Tokens to tree, by recursive descent.

use super::ast::{Comparison, Expr, FieldGroup, Function, Item, Literal, Name, Order, Query};
use super::error::malformed;
use super::lexer::{Kind, Token, tokens};
use crate::salesforce::error::ApiError;

/// Parentheses deeper than this are refused, so that no query can exhaust the stack.
const DEEPEST: usize = 100;

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

struct Parser<'a> {
    query: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> &Kind {
        self.tokens.get(self.next).map_or(&Kind::End, |token| &token.kind)
    }

    fn peek_second(&self) -> &Kind {
        self.tokens.get(self.next + 1).map_or(&Kind::End, |token| &token.kind)
    }

    fn place(&self) -> usize {
        self.tokens.get(self.next).map_or(self.query.len(), |token| token.at)
    }

    fn unexpected(&self) -> ApiError {
        let shown = match self.peek() {
            Kind::End => "<EOF>".to_owned(),
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

    fn is_word(&self, keyword: &str) -> bool {
        matches!(self.peek(), Kind::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn take_word(&mut self, keyword: &str) -> bool {
        let found = self.is_word(keyword);
        self.next += usize::from(found);
        found
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Kind::Symbol(known) if *known == symbol);
        self.next += usize::from(found);
        found
    }

    fn expect_word(&mut self, keyword: &str) -> Result<(), ApiError> {
        if self.take_word(keyword) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<(), ApiError> {
        if self.take_symbol(symbol) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn name(&mut self) -> Result<Name, ApiError> {
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

    fn query(&mut self) -> Result<Query, ApiError> {
        self.expect_word("SELECT")?;
        let mut select = vec![self.item()?];
        while self.take_symbol(",") {
            select.push(self.item()?);
        }
        self.expect_word("FROM")?;
        let object = self.name()?;
        // An alias is accepted and ignored, as nothing here needs one.
        if matches!(self.peek(), Kind::Word(word) if !is_clause(word)) {
            self.next += 1;
        }
        if self.take_word("USING") {
            self.expect_word("SCOPE")?;
            self.name()?;
        }
        let filter = if self.take_word("WHERE") {
            Some(self.expression()?)
        } else {
            None
        };
        if self.is_word("GROUP") || self.is_word("HAVING") {
            return Err(malformed(self.query, self.place(), "GROUP BY is not simulated"));
        }
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
        if self.take_word("FOR") {
            self.name()?;
        }
        if self.take_word("ALL") {
            self.expect_word("ROWS")?;
        }
        Ok(Query {
            select,
            object,
            filter,
            order,
            limit,
            offset,
        })
    }

    fn item(&mut self) -> Result<Item, ApiError> {
        if self.take_symbol("(") {
            return Err(malformed(
                self.query,
                self.place(),
                "child subqueries are not simulated",
            ));
        }
        if self.is_word("TYPEOF") {
            return Err(malformed(self.query, self.place(), "TYPEOF is not simulated"));
        }
        let name = self.name()?;
        if !self.take_symbol("(") {
            return Ok(Item::Field(name));
        }
        let function = name.text.to_ascii_uppercase();
        match function.as_str() {
            "FIELDS" => {
                let group = self.name()?;
                let group = match group.text.to_ascii_uppercase().as_str() {
                    "ALL" => FieldGroup::All,
                    "STANDARD" => FieldGroup::Standard,
                    "CUSTOM" => FieldGroup::Custom,
                    _ => return Err(malformed(self.query, group.at, "unknown FIELDS() argument")),
                };
                self.expect_symbol(")")?;
                Ok(Item::Fields(group))
            }
            "COUNT" if self.take_symbol(")") => Ok(Item::CountRows),
            "COUNT" | "MIN" | "MAX" => {
                let field = self.name()?;
                self.expect_symbol(")")?;
                let alias = match self.peek() {
                    Kind::Word(word) if !word.eq_ignore_ascii_case("FROM") => Some(self.name()?.text),
                    _ => None,
                };
                let function = match function.as_str() {
                    "MIN" => Function::Min,
                    "MAX" => Function::Max,
                    _ => Function::Count,
                };
                Ok(Item::Aggregate { function, field, alias })
            }
            _ => Err(malformed(
                self.query,
                name.at,
                &format!("unexpected token: '{}('", name.text),
            )),
        }
    }

    fn order(&mut self) -> Result<Order, ApiError> {
        let field = self.name()?;
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
            field,
            descending,
            nulls_last,
        })
    }

    fn count(&mut self) -> Result<usize, ApiError> {
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

    /// Operands of one operator; another operator needs parentheses, as in the real language.
    fn expression(&mut self) -> Result<Expr, ApiError> {
        let first = self.operand()?;
        let (keyword, other) = if self.is_word("AND") {
            ("AND", "OR")
        } else if self.is_word("OR") {
            ("OR", "AND")
        } else {
            return Ok(first);
        };
        let mut operands = vec![first];
        while self.take_word(keyword) {
            operands.push(self.operand()?);
        }
        if self.is_word(other) {
            return Err(self.unexpected());
        }
        Ok(if keyword == "AND" {
            Expr::And(operands)
        } else {
            Expr::Or(operands)
        })
    }

    fn operand(&mut self) -> Result<Expr, ApiError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(malformed(
                self.query,
                self.place(),
                "the condition is nested too deeply",
            ));
        }
        let operand = if self.take_word("NOT") {
            Expr::Not(Box::new(self.operand()?))
        } else if self.take_symbol("(") {
            let inner = self.expression()?;
            self.expect_symbol(")")?;
            inner
        } else {
            self.condition()?
        };
        self.depth -= 1;
        Ok(operand)
    }

    fn condition(&mut self) -> Result<Expr, ApiError> {
        let field = self.name()?;
        if self.is_word("NOT") && matches!(self.peek_second(), Kind::Word(word) if word.eq_ignore_ascii_case("IN")) {
            self.next += 2;
            return Ok(Expr::In {
                field,
                negated: true,
                values: self.values()?,
            });
        }
        if self.take_word("IN") {
            return Ok(Expr::In {
                field,
                negated: false,
                values: self.values()?,
            });
        }
        if self.take_word("INCLUDES") {
            return Ok(Expr::Includes {
                field,
                negated: false,
                values: self.values()?,
            });
        }
        if self.take_word("EXCLUDES") {
            return Ok(Expr::Includes {
                field,
                negated: true,
                values: self.values()?,
            });
        }
        let comparison = match self.peek() {
            Kind::Symbol("=") => Comparison::Equal,
            Kind::Symbol("!=") => Comparison::NotEqual,
            Kind::Symbol("<") => Comparison::Less,
            Kind::Symbol("<=") => Comparison::LessOrEqual,
            Kind::Symbol(">") => Comparison::Greater,
            Kind::Symbol(">=") => Comparison::GreaterOrEqual,
            Kind::Word(word) if word.eq_ignore_ascii_case("LIKE") => Comparison::Like,
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(Expr::Compare {
            field,
            comparison,
            value: self.literal()?,
        })
    }

    fn values(&mut self) -> Result<Vec<Literal>, ApiError> {
        self.expect_symbol("(")?;
        let mut values = vec![self.literal()?];
        while self.take_symbol(",") {
            values.push(self.literal()?);
        }
        self.expect_symbol(")")?;
        Ok(values)
    }

    fn literal(&mut self) -> Result<Literal, ApiError> {
        let literal = match self.peek() {
            Kind::Text(text) => Literal::Text(text.clone()),
            Kind::Number(number) => Literal::Number(*number),
            Kind::Date(date) => Literal::Date(*date),
            Kind::DateTime(stamp) => Literal::DateTime(*stamp),
            Kind::Word(word) => match word.to_ascii_uppercase().as_str() {
                "NULL" => Literal::Null,
                "TRUE" => Literal::Bool(true),
                "FALSE" => Literal::Bool(false),
                name if super::dates::is_relative(name) => {
                    let name = name.to_owned();
                    self.next += 1;
                    let number = if self.take_symbol(":") {
                        i64::try_from(self.count()?).unwrap_or(0)
                    } else {
                        0
                    };
                    return Ok(Literal::Relative(name, number));
                }
                _ => return Err(self.unexpected()),
            },
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(literal)
    }
}

fn is_clause(word: &str) -> bool {
    [
        "WHERE", "ORDER", "LIMIT", "OFFSET", "GROUP", "HAVING", "FOR", "ALL", "USING", "WITH",
    ]
    .iter()
    .any(|clause| word.eq_ignore_ascii_case(clause))
}

#[cfg(test)]
mod tests {
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

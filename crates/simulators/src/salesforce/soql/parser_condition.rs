//! Conditions to tree.

use super::ast::{Comparison, Expr, Literal, Name, Term};
use super::error::malformed;
use super::lexer::Kind;
use super::parser::{DEEPEST, Parser};
use crate::salesforce::error::ApiError;

impl Parser<'_> {
    /// Operands of one operator; another operator needs parentheses, as in the real language.
    pub(super) fn expression(&mut self) -> Result<Expr, ApiError> {
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
        let term = self.term()?;
        if term.function.is_some() {
            return self.comparison(term);
        }
        let field = term.field;
        if self.is_word("NOT") && matches!(self.peek_second(), Kind::Word(word) if word.eq_ignore_ascii_case("IN")) {
            self.next += 2;
            return self.membership(field, true);
        }
        if self.take_word("IN") {
            return self.membership(field, false);
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
        self.comparison(Term { function: None, field })
    }

    fn membership(&mut self, field: Name, negated: bool) -> Result<Expr, ApiError> {
        let selects = matches!(self.peek_second(), Kind::Word(word) if word.eq_ignore_ascii_case("SELECT"));
        if selects && self.take_symbol("(") {
            let query = Box::new(self.query()?);
            self.expect_symbol(")")?;
            return Ok(Expr::InQuery { field, negated, query });
        }
        Ok(Expr::In {
            field,
            negated,
            values: self.values()?,
        })
    }

    fn comparison(&mut self, term: Term) -> Result<Expr, ApiError> {
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
            term,
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
            Kind::Symbol(":") => {
                let reason = "Bind variables only allowed in Apex code";
                return Err(malformed(self.query, self.place(), reason));
            }
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

//! Text to tokens.

use jiff::civil::Date;

use super::error::malformed;
use crate::salesforce::error::ApiError;
use crate::salesforce::stamp::{parse_date, parse_datetime};

/// Stands for `\_` and `\%` inside a literal, which only a pattern tells apart from the plain letters.
pub(super) const ESCAPED_UNDERSCORE: char = '\u{f8f0}';
pub(super) const ESCAPED_PERCENT: char = '\u{f8f1}';

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A keyword, a name or a dotted path.
    Word(String),
    Text(String),
    Number(f64),
    Date(Date),
    DateTime(i64),
    Symbol(&'static str),
    End,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Byte offset.
    pub(super) at: usize,
}

const SYMBOLS: [&str; 11] = ["<=", ">=", "!=", "<>", "(", ")", ",", "=", "<", ">", ":"];

pub(super) fn tokens(query: &str) -> Result<Vec<Token>, ApiError> {
    let mut tokens = Vec::with_capacity(query.len() / 4);
    let mut at = 0;
    while let Some(letter) = query[at..].chars().next() {
        if letter.is_whitespace() {
            at += letter.len_utf8();
            continue;
        }
        let start = at;
        let kind = if letter.is_ascii_alphabetic() || letter == '_' {
            let word = take(query, at, |letter| {
                letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.')
            });
            at += word.len();
            Kind::Word(word.to_owned())
        } else if letter == '\'' {
            let (text, next) = text(query, at)?;
            at = next;
            Kind::Text(text)
        } else if letter.is_ascii_digit() || matches!(letter, '+' | '-' | '.') {
            let word = take(query, at, |letter| {
                letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.' | ':')
            });
            at += word.len();
            number_or_date(word).ok_or_else(|| malformed(query, start, &format!("unexpected token: '{word}'")))?
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| query[at..].starts_with(**symbol)) {
            at += symbol.len();
            Kind::Symbol(if *symbol == "<>" { "!=" } else { symbol })
        } else {
            return Err(malformed(query, at, &format!("unexpected token: '{letter}'")));
        };
        tokens.push(Token { kind, at: start });
    }
    tokens.push(Token {
        kind: Kind::End,
        at: query.len(),
    });
    Ok(tokens)
}

fn take(query: &str, at: usize, belongs: impl Fn(char) -> bool) -> &str {
    let rest = &query[at..];
    let end = rest.find(|letter| !belongs(letter)).unwrap_or(rest.len());
    &rest[..end]
}

fn number_or_date(word: &str) -> Option<Kind> {
    if let Some(date) = parse_date(word) {
        return Some(Kind::Date(date));
    }
    if word.contains('T') {
        return parse_datetime(word).map(Kind::DateTime);
    }
    word.parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
        .map(Kind::Number)
}

/// Reads a quoted literal from its opening quote; gives its text and the offset behind it.
fn text(query: &str, at: usize) -> Result<(String, usize), ApiError> {
    let mut text = String::new();
    let mut letters = query[at + 1..].char_indices();
    while let Some((offset, letter)) = letters.next() {
        match letter {
            '\'' => return Ok((text, at + 1 + offset + 1)),
            '\\' => match letters.next() {
                Some((_, 'n' | 'N')) => text.push('\n'),
                Some((_, 'r' | 'R')) => text.push('\r'),
                Some((_, 't' | 'T')) => text.push('\t'),
                Some((_, 'b' | 'B')) => text.push('\u{8}'),
                Some((_, 'f' | 'F')) => text.push('\u{c}'),
                Some((_, '_')) => text.push(ESCAPED_UNDERSCORE),
                Some((_, '%')) => text.push(ESCAPED_PERCENT),
                Some((_, quoted @ ('\'' | '"' | '\\'))) => text.push(quoted),
                Some((offset, other)) => {
                    let reason =
                        format!("Invalid string literal '{other}'. Illegal character sequence in string literal");
                    return Err(malformed(query, at + 1 + offset, &reason));
                }
                None => break,
            },
            other => text.push(other),
        }
    }
    Err(malformed(query, at, "unexpected token: '''"))
}

/// The literal as it is compared outside a pattern.
pub(super) fn plain(text: &str) -> String {
    text.replace(ESCAPED_UNDERSCORE, "_").replace(ESCAPED_PERCENT, "%")
}

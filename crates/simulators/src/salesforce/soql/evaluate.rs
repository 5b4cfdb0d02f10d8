//! Whether a record passes, and which of two comes first.

use std::cmp::Ordering;

use super::ast::Comparison;
use super::compile_filter::midnight;
use super::compiled::{Filter, Operand, OrderKey, Path};
use super::lexer::{ESCAPED_PERCENT, ESCAPED_UNDERSCORE};
use crate::salesforce::cell::View;
use crate::salesforce::state::State;
use crate::salesforce::table::{Record, Slot};

impl State {
    /// The value at the end of a path; null where a lookup on the way is empty.
    pub(super) fn read_path<'a>(&'a self, table: usize, slot: Slot, record: &'a Record, path: &Path) -> View<'a> {
        match path {
            Path::Own(field) => self.tables[table].read(slot, record, *field),
            Path::Kind => View::Text(self.tables[table].schema.name.as_str().into()),
            Path::Parent(lookup, targets) => {
                let View::Id(id) = self.tables[table].read(slot, record, *lookup) else {
                    return View::Null;
                };
                let Some((parent_table, parent_slot, parent)) = self.record(id) else {
                    return View::Null;
                };
                match targets.iter().find(|(target, _)| *target == parent_table) {
                    Some((_, rest)) => self.read_path(parent_table, parent_slot, parent, rest),
                    None => View::Null,
                }
            }
        }
    }

    pub(super) fn passes(&self, table: usize, slot: Slot, record: &Record, filter: &Filter) -> bool {
        match filter {
            Filter::And(operands) => operands.iter().all(|operand| self.passes(table, slot, record, operand)),
            Filter::Or(operands) => operands.iter().any(|operand| self.passes(table, slot, record, operand)),
            Filter::Not(operand) => !self.passes(table, slot, record, operand),
            Filter::Compare(path, comparison, operand) => {
                let value = self.read_path(table, slot, record, path);
                compare(&value, *comparison, operand, self.is_case_sensitive(table, path))
            }
            Filter::Computed(path, part, comparison, operand) => {
                let value = part.of(&self.read_path(table, slot, record, path));
                compare(&value, *comparison, operand, false)
            }
            Filter::In {
                path,
                negated,
                texts,
                null,
                case_sensitive,
            } => {
                let found = match self.read_path(table, slot, record, path) {
                    View::Null => *null,
                    View::Id(id) => texts.contains(id.as_str()),
                    View::Text(text) if *case_sensitive => texts.contains(text.as_ref()),
                    View::Text(text) => texts.contains(&text.to_lowercase()),
                    _ => false,
                };
                found != *negated
            }
            Filter::OneOf {
                path,
                negated,
                operands,
            } => {
                let value = self.read_path(table, slot, record, path);
                operands
                    .iter()
                    .any(|operand| compare(&value, Comparison::Equal, operand, false))
                    != *negated
            }
            Filter::Includes { path, negated, sets } => {
                let value = self.read_path(table, slot, record, path);
                let chosen: Vec<String> = match &value {
                    View::Text(text) => text.split(';').map(str::to_lowercase).collect(),
                    _ => Vec::new(),
                };
                sets.iter().any(|set| set.iter().all(|choice| chosen.contains(choice))) != *negated
            }
        }
    }

    fn is_case_sensitive(&self, table: usize, path: &Path) -> bool {
        match path {
            Path::Own(field) => self.tables[table].schema.field(*field).case_sensitive,
            Path::Kind => false,
            Path::Parent(_, targets) => targets
                .first()
                .is_some_and(|(target, rest)| self.is_case_sensitive(*target, rest)),
        }
    }

    /// The order of two records by the keys.
    pub(super) fn order(&self, table: usize, left: Slot, right: Slot, keys: &[OrderKey]) -> Ordering {
        let (Some(a), Some(b)) = (self.tables[table].get(left), self.tables[table].get(right)) else {
            return left.cmp(&right);
        };
        for key in keys {
            let first = self.read_path(table, left, a, &key.path);
            let second = self.read_path(table, right, b, &key.path);
            let order = match (first.is_null(), second.is_null()) {
                (true, true) => Ordering::Equal,
                (true, false) if key.nulls_last => Ordering::Greater,
                (true, false) => Ordering::Less,
                (false, true) if key.nulls_last => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) if key.descending => order_of(&second, &first),
                (false, false) => order_of(&first, &second),
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        left.cmp(&right)
    }
}

/// The order of two values of one field.
pub(super) fn order_of(left: &View<'_>, right: &View<'_>) -> Ordering {
    match (left, right) {
        (View::Text(left), View::Text(right)) => left
            .to_lowercase()
            .cmp(&right.to_lowercase())
            .then_with(|| left.cmp(right)),
        (View::Id(left), View::Id(right)) => left.cmp(right),
        (View::Bool(left), View::Bool(right)) => left.cmp(right),
        (View::Int(left), View::Int(right)) => left.cmp(right),
        (View::Double(left), View::Double(right)) => left.total_cmp(right),
        (View::Date(left), View::Date(right)) => left.cmp(right),
        (View::DateTime(left), View::DateTime(right)) => left.cmp(right),
        _ => Ordering::Equal,
    }
}

pub(super) fn compare(value: &View<'_>, comparison: Comparison, operand: &Operand, case_sensitive: bool) -> bool {
    let by = |order: Ordering| match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
        Comparison::Like => false,
    };
    match (value, operand) {
        (View::Null, Operand::Null) => matches!(comparison, Comparison::Equal),
        // Null differs from every value, and is neither below nor above one.
        (View::Null, _) | (_, Operand::Null) => matches!(comparison, Comparison::NotEqual),
        (View::Bool(value), Operand::Bool(operand)) => by(value.cmp(operand)),
        #[allow(clippy::cast_precision_loss, reason = "whole numbers have at most nine digits")]
        (View::Int(value), Operand::Number(operand)) => by((*value as f64).total_cmp(operand)),
        (View::Double(value), Operand::Number(operand)) => by(value.total_cmp(operand)),
        (View::DateTime(value), Operand::Span(first, after)) => within(*value, comparison, *first, *after),
        (View::Date(value), Operand::Span(first, after)) => within(midnight(*value), comparison, *first, *after),
        (View::Id(value), Operand::Id(operand)) => by(value.as_str().cmp(operand)),
        (View::Text(value), Operand::Text(_, pattern)) if comparison == Comparison::Like => {
            is_like(&value.to_lowercase(), pattern)
        }
        (View::Text(value), Operand::Text(exact, _)) if case_sensitive => by(value.as_ref().cmp(exact.as_str())),
        (View::Text(value), Operand::Text(_, lower)) => by(value.to_lowercase().as_str().cmp(lower)),
        _ => false,
    }
}

fn within(value: i64, comparison: Comparison, first: i64, after: i64) -> bool {
    match comparison {
        Comparison::Equal => first <= value && value < after,
        Comparison::NotEqual => value < first || value >= after,
        Comparison::Less => value < first,
        Comparison::LessOrEqual => value < after,
        Comparison::Greater => value >= after,
        Comparison::GreaterOrEqual => value >= first,
        Comparison::Like => false,
    }
}

/// Matches `%` against any text and `_` against one letter, without ever trying a text twice at the same place.
fn is_like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut at, mut next) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        let matches = match pattern.get(next) {
            Some('%') => {
                retry = Some((next + 1, at));
                next += 1;
                continue;
            }
            Some('_') => true,
            Some(&ESCAPED_UNDERSCORE) => text[at] == '_',
            Some(&ESCAPED_PERCENT) => text[at] == '%',
            Some(letter) => text[at] == *letter,
            None => false,
        };
        if matches {
            at += 1;
            next += 1;
        } else if let Some((pattern_place, text_place)) = retry {
            retry = Some((pattern_place, text_place + 1));
            next = pattern_place;
            at = text_place + 1;
        } else {
            return false;
        }
    }
    pattern[next..].iter().all(|letter| *letter == '%')
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn patterns_match_whole_texts() {
        assert!(is_like("hello world", "hello%"));
        assert!(is_like("hello world", "%wor_d"));
        assert!(is_like("abcabc", "%abc"));
        assert!(!is_like("hello", "hell"));
        assert!(!is_like("hello", "ello%"));
        assert!(is_like("", "%"));
    }
}

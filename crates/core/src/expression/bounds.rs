use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr};

use crate::error::{Error, ErrorKind, Result};

/// Longest expression, in bytes.
const LONGEST: usize = 4_096;

/// Most brackets within brackets.
const BRACKETS: usize = 24;

/// Most operators and steps of a path in a row without brackets: each is one level of the tree.
const CHAIN: usize = 120;

/// Most levels of the tree.
const LEVELS: usize = 160;

/// Most levels that are evaluated on the caller's stack.
pub(super) const SHALLOW: usize = 12;

/// Most loops (`map`, `filter`, `exists` and so on).
const LOOPS: usize = 8;

/// Most loops within each other.
const NESTED_LOOPS: usize = 2;

/// Refuses what the parser, which recurses, should not see.
pub(super) fn check_text(text: &str) -> Result<()> {
    if text.len() > LONGEST {
        return Err(too_much(&format!("longer than {LONGEST} bytes")));
    }
    if text.trim().is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "the expression is empty"));
    }
    let (mut depth, mut operators) = (0usize, 0usize);
    let mut quote = None;
    let mut escaped = false;
    for char in text.chars() {
        match (quote, char) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), char) if char == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(char),
            (None, '(' | '[' | '{') => {
                depth += 1;
                if depth > BRACKETS {
                    return Err(too_much(&format!("nested more than {BRACKETS} brackets deep")));
                }
            }
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') => operators = 0,
            (None, char) if char.is_ascii_punctuation() && char != '_' => {
                operators += 1;
                if operators > CHAIN {
                    return Err(too_much(&format!("a chain of more than {CHAIN} operators")));
                }
            }
            (None, _) => {}
        }
    }
    Ok(())
}

/// Refuses trees that evaluation, which recurses, should not see, and loops whose work could explode.
pub(super) fn check_tree(tree: &IdedExpr) -> Result<()> {
    let mut loops = 0;
    check(tree, 0, 0, &mut loops)
}

/// How deeply evaluation recurses.
pub(super) fn levels(tree: &IdedExpr) -> usize {
    1 + parts(tree).into_iter().map(levels).max().unwrap_or(0)
}

fn parts(tree: &IdedExpr) -> Vec<&IdedExpr> {
    match &tree.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).collect(),
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Map(map) => map.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect(),
        Expr::Struct(structure) => structure
            .entries
            .iter()
            .flat_map(|entry| entry_parts(&entry.expr))
            .collect(),
        Expr::Comprehension(looped) => vec![
            &looped.iter_range,
            &looped.accu_init,
            &looped.loop_cond,
            &looped.loop_step,
            &looped.result,
        ],
    }
}

fn entry_parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::MapEntry(pair) => vec![&pair.key, &pair.value],
        EntryExpr::StructField(field) => vec![&field.value],
    }
}

fn check(tree: &IdedExpr, level: usize, nested: usize, loops: &mut usize) -> Result<()> {
    if level > LEVELS {
        return Err(too_much(&format!("nested more than {LEVELS} levels deep")));
    }
    match &tree.expr {
        Expr::Unspecified => Err(Error::new(ErrorKind::Invalid, "the expression can't be read")),
        Expr::Struct(_) => Err(Error::new(
            ErrorKind::Invalid,
            "the expression makes a structure; only lists and maps can be made",
        )),
        Expr::Comprehension(looped) => {
            *loops += 1;
            if *loops > LOOPS {
                return Err(too_much(&format!("more than {LOOPS} loops")));
            }
            if nested == NESTED_LOOPS {
                return Err(too_much(&format!("more than {NESTED_LOOPS} loops within each other")));
            }
            check(&looped.iter_range, level + 1, nested, loops)?;
            [&looped.accu_init, &looped.loop_cond, &looped.loop_step, &looped.result]
                .into_iter()
                .try_for_each(|part| check(part, level + 1, nested + 1, loops))
        }
        _ => parts(tree)
            .into_iter()
            .try_for_each(|part| check(part, level + 1, nested, loops)),
    }
}

fn too_much(what: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("the expression is too large: {what}"))
}

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators as op};

/// Names that CEL itself gives a meaning.
const OF_THE_LANGUAGE: &[&str] = &[
    "bool",
    "bytes",
    "double",
    "dyn",
    "int",
    "list",
    "map",
    "null_type",
    "optional",
    "optional_type",
    "string",
    "type",
    "uint",
];

/// The time, which may be written like a function.
pub(super) const NOW: &str = "now";

/// Whether a call is `now()`.
pub(super) fn is_now(call: &CallExpr) -> bool {
    call.func_name == NOW && call.target.is_none() && call.args.is_empty()
}

/// The longest paths of variables that a tree refers to.
pub(super) fn paths(tree: &IdedExpr) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(tree, &mut Vec::new(), &mut found);
    found
}

/// The path that a tree spells: names with dots, or with texts in brackets.
pub(super) fn path_of(tree: &IdedExpr) -> Option<Vec<&str>> {
    match &tree.expr {
        Expr::Call(call) if is_now(call) => Some(vec![NOW]),
        Expr::Ident(name) => Some(vec![name.as_str()]),
        Expr::Select(select) => {
            let mut path = path_of(&select.operand)?;
            path.push(&select.field);
            Some(path)
        }
        Expr::Call(call) if matches!(call.func_name.as_str(), op::INDEX | op::OPT_INDEX | op::OPT_SELECT) => {
            let [of, index] = call.args.as_slice() else {
                return None;
            };
            let Expr::Literal(LiteralValue::String(field)) = &index.expr else {
                return None;
            };
            let mut path = path_of(of)?;
            path.push(field.inner());
            Some(path)
        }
        _ => None,
    }
}

fn collect(tree: &IdedExpr, bound: &mut Vec<String>, found: &mut BTreeSet<String>) {
    if let Some(path) = path_of(tree) {
        let is_variable = |root: &&str| {
            !root.starts_with('@') && !OF_THE_LANGUAGE.contains(root) && !bound.iter().any(|name| name == root)
        };
        if path.first().is_some_and(is_variable) {
            found.insert(path.join("."));
        }
        return;
    }
    match &tree.expr {
        Expr::Select(select) => collect(&select.operand, bound, found),
        Expr::Call(call) => {
            for part in call.target.iter().map(AsRef::as_ref).chain(&call.args) {
                collect(part, bound, found);
            }
        }
        Expr::List(list) => list.elements.iter().for_each(|element| collect(element, bound, found)),
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(pair) = &entry.expr {
                    collect(&pair.key, bound, found);
                    collect(&pair.value, bound, found);
                }
            }
        }
        Expr::Comprehension(looped) => {
            collect(&looped.iter_range, bound, found);
            let outer = bound.len();
            bound.push(looped.iter_var.clone());
            bound.extend(looped.iter_var2.clone());
            bound.push(looped.accu_var.clone());
            for part in [&looped.accu_init, &looped.loop_cond, &looped.loop_step, &looped.result] {
                collect(part, bound, found);
            }
            bound.truncate(outer);
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => {}
    }
}

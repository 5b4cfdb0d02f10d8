//! Fills the gaps of records: rewrites a tree so that missing fields and nulls behave as the module's documentation says.

use cel::IdedExpr;
use cel::common::ast::operators as op;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, ListExpr, LiteralValue, MapEntryExpr, MapExpr,
    SelectExpr,
};
use cel::common::types::CelString;

use super::functions::name;
use super::names;

/// What stands for a missing value in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// Null.
    Null,
    /// False, where a truth value is expected.
    False,
    /// An empty text.
    Text,
    /// An empty list.
    List,
}

impl Gap {
    fn filler(self, id: u64) -> IdedExpr {
        let expr = match self {
            Self::Null => Expr::Literal(LiteralValue::Null),
            Self::False => Expr::Literal(LiteralValue::Boolean(false.into())),
            Self::Text => text(""),
            Self::List => Expr::List(ListExpr::new(Vec::new())),
        };
        IdedExpr { id, expr }
    }
}

fn text(text: &str) -> Expr {
    Expr::Literal(LiteralValue::String(CelString::from(text.to_owned())))
}

fn call(id: u64, function: &str, args: Vec<IdedExpr>) -> IdedExpr {
    let call = CallExpr {
        func_name: function.to_owned(),
        target: None,
        args,
    };
    IdedExpr {
        id,
        expr: Expr::Call(call),
    }
}

/// Methods that read a text, for which an empty one stands in for null.
const TEXT_METHODS: &[&str] = &["contains", "startsWith", "endsWith", "matches", "size"];

/// Methods of optional values, which must see the optional itself.
const OPTIONAL_METHODS: &[&str] = &["orValue", "or", "hasValue", "value", "optMap", "optFlatMap"];

/// The tree with `gap` in place of a missing outcome.
pub(super) fn rewrite(tree: &IdedExpr, gap: Gap) -> IdedExpr {
    let id = tree.id;
    match &tree.expr {
        Expr::Select(select) if select.test => IdedExpr {
            id,
            expr: Expr::Select(SelectExpr {
                operand: Box::new(optional(&select.operand)),
                field: select.field.clone(),
                test: true,
            }),
        },
        _ if is_path(tree) => {
            let value = optional(tree);
            if holds_optional(tree) {
                return value;
            }
            // `@or` fills what a list holds as null, `orValue` what is not there.
            let value = IdedExpr {
                id,
                expr: Expr::Call(CallExpr {
                    func_name: "orValue".to_owned(),
                    target: Some(Box::new(value)),
                    args: vec![gap.filler(id)],
                }),
            };
            filled(value, gap)
        }
        Expr::Ident(_) => filled(tree.clone(), gap),
        Expr::Call(function) if names::is_now(function) => {
            let expr = Expr::Ident(names::NOW.to_owned());
            filled(IdedExpr { id, expr }, gap)
        }
        Expr::Call(function) => rewrite_call(id, function, gap),
        Expr::List(list) => IdedExpr {
            id,
            expr: Expr::List(ListExpr::new_with_optionals(
                list.elements
                    .iter()
                    .map(|element| rewrite(element, Gap::Null))
                    .collect(),
                list.optional_indices.clone(),
            )),
        },
        Expr::Map(map) => IdedExpr {
            id,
            expr: Expr::Map(MapExpr {
                entries: map.entries.iter().map(rewrite_entry).collect(),
            }),
        },
        Expr::Comprehension(looped) => IdedExpr {
            id,
            expr: Expr::Comprehension(Box::new(ComprehensionExpr {
                iter_range: call(id, name::ORDERED, vec![rewrite(&looped.iter_range, Gap::List)]),
                iter_var: looped.iter_var.clone(),
                iter_var2: looped.iter_var2.clone(),
                accu_var: looped.accu_var.clone(),
                accu_init: rewrite(&looped.accu_init, Gap::Null),
                loop_cond: rewrite(&looped.loop_cond, Gap::Null),
                loop_step: rewrite(&looped.loop_step, Gap::Null),
                result: rewrite(&looped.result, Gap::Null),
            })),
        },
        Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified | Expr::Select(_) => tree.clone(),
    }
}

fn filled(value: IdedExpr, gap: Gap) -> IdedExpr {
    match (&value.expr, gap) {
        (_, Gap::Null) => value,
        // The accumulator of a loop is never missing, and must stay recognisable.
        (Expr::Ident(name), _) if name.starts_with('@') => value,
        _ => {
            let id = value.id;
            call(id, name::OR, vec![value, gap.filler(id)])
        }
    }
}

fn rewrite_entry(entry: &IdedEntryExpr) -> IdedEntryExpr {
    let expr = match &entry.expr {
        EntryExpr::MapEntry(pair) => EntryExpr::MapEntry(MapEntryExpr {
            key: rewrite(&pair.key, Gap::Null),
            value: rewrite(&pair.value, Gap::Null),
            optional: pair.optional,
        }),
        other @ EntryExpr::StructField(_) => other.clone(),
    };
    IdedEntryExpr { id: entry.id, expr }
}

fn rewrite_call(id: u64, function: &CallExpr, gap: Gap) -> IdedExpr {
    // What a loop does with its accumulator is left alone: the interpreter knows these shapes.
    let folds =
        matches!(function.args.first(), Some(IdedExpr { expr: Expr::Ident(name), .. }) if name.starts_with('@'));
    let (function_name, gaps): (&str, [Gap; 3]) = match function.func_name.as_str() {
        op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT => (&function.func_name, [Gap::False; 3]),
        op::CONDITIONAL => (&function.func_name, [Gap::False, gap, gap]),
        op::IN => (op::IN, [Gap::Null, Gap::List, Gap::Null]),
        "size" => ("size", [Gap::Text; 3]),
        _ if folds => (&function.func_name, [Gap::Null; 3]),
        op::EQUALS => (name::EQUAL, [Gap::Null; 3]),
        op::NOT_EQUALS => (name::NOT_EQUAL, [Gap::Null; 3]),
        op::LESS => (name::LESS, [Gap::Null; 3]),
        op::LESS_EQUALS => (name::LESS_OR_EQUAL, [Gap::Null; 3]),
        op::GREATER => (name::GREATER, [Gap::Null; 3]),
        op::GREATER_EQUALS => (name::GREATER_OR_EQUAL, [Gap::Null; 3]),
        op::ADD => (name::ADD, [Gap::Null; 3]),
        op::SUBSTRACT => (name::SUBTRACT, [Gap::Null; 3]),
        op::MULTIPLY => (name::MULTIPLY, [Gap::Null; 3]),
        op::DIVIDE => (name::DIVIDE, [Gap::Null; 3]),
        other => (other, [Gap::Null; 3]),
    };
    let target = function.target.as_ref().map(|target| {
        Box::new(match function_name {
            method if TEXT_METHODS.contains(&method) => rewrite(target, Gap::Text),
            method if OPTIONAL_METHODS.contains(&method) && holds_optional(target) => optional(target),
            _ => rewrite(target, Gap::Null),
        })
    });
    let args = function.args.iter().enumerate();
    IdedExpr {
        id,
        expr: Expr::Call(CallExpr {
            func_name: function_name.to_owned(),
            target,
            args: args
                .map(|(index, arg)| rewrite(arg, gaps.get(index).copied().unwrap_or(Gap::Null)))
                .collect(),
        }),
    }
}

/// Whether a tree reads a field or an element of something.
fn is_path(tree: &IdedExpr) -> bool {
    match &tree.expr {
        Expr::Select(select) => !select.test,
        Expr::Call(call) => call.target.is_none() && call.func_name == op::INDEX && call.args.len() == 2,
        _ => false,
    }
}

/// Whether the path goes through CEL's own optional syntax (`a.?b`), whose outcome stays optional.
fn holds_optional(tree: &IdedExpr) -> bool {
    match &tree.expr {
        Expr::Select(select) => holds_optional(&select.operand),
        Expr::Call(call) => match call.func_name.as_str() {
            op::OPT_SELECT | op::OPT_INDEX => true,
            op::INDEX => call.args.first().is_some_and(holds_optional),
            _ => false,
        },
        _ => false,
    }
}

/// A path as an optional value: nothing when any step of it is missing or null.
fn optional(tree: &IdedExpr) -> IdedExpr {
    let id = tree.id;
    match &tree.expr {
        Expr::Select(select) if !select.test => {
            let field = IdedExpr {
                id,
                expr: text(&select.field),
            };
            call(id, op::OPT_SELECT, vec![optional(&select.operand), field])
        }
        Expr::Call(function) if is_path(tree) => {
            let [of, index] = function.args.as_slice() else {
                return tree.clone();
            };
            call(id, op::OPT_INDEX, vec![optional(of), rewrite(index, Gap::Null)])
        }
        Expr::Ident(_) => tree.clone(),
        _ => rewrite(tree, Gap::Null),
    }
}

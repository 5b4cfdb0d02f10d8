//! What kinds of values an expression's parts give, as far as it shows before any record is at hand.

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators as op};
use cel::{Context, ExecutionError, IdedExpr};

use super::{Expression, functions, names};
use crate::model::FieldType;

/// Kinds of values, as expressions tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpressionKind {
    /// It does not show, or it may be anything.
    Any,
    /// Nothing.
    Null,
    /// A truth value.
    Bool,
    /// A number, whole or not.
    Number,
    /// A text.
    Text,
    /// A date or an instant: a text in ISO 8601.
    Moment,
    /// A list.
    List,
    /// A map.
    Map,
}

impl ExpressionKind {
    /// What a field of this type is to an expression.
    pub const fn of(kind: &FieldType) -> Self {
        match kind {
            FieldType::Text
            | FieldType::LongText
            | FieldType::Choice { .. }
            | FieldType::Email
            | FieldType::Phone
            | FieldType::Url
            | FieldType::Reference { .. } => Self::Text,
            FieldType::Integer | FieldType::Decimal | FieldType::Float => Self::Number,
            FieldType::Bool => Self::Bool,
            FieldType::Date | FieldType::DateTime => Self::Moment,
            FieldType::MultiChoice { .. } | FieldType::List | FieldType::Money => Self::List,
            FieldType::Json => Self::Any,
        }
    }

    /// What people call it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Null => "nothing",
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "text",
            Self::Moment => "a date or time",
            Self::List => "a list",
            Self::Map => "a map",
        }
    }

    const fn is_open(self) -> bool {
        matches!(self, Self::Any | Self::Null)
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Moment)
    }

    /// Whether values of both kinds may be the same, or one the larger.
    fn compares_with(self, other: Self) -> bool {
        self.is_open() || other.is_open() || self == other || (self.is_text() && other.is_text())
    }

    fn joined(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Self::Null, other) => other,
            (one, Self::Null) => one,
            (one, other) if one.is_text() && other.is_text() => Self::Text,
            _ => Self::Any,
        }
    }
}

impl Expression {
    /// What the expression gives, with everything that shows to be a mistake whatever the variables hold: operators on
    /// kinds that have none, comparisons of kinds that are never equal, unknown functions. `variable` says of what kind
    /// the variable at a path is, `None` where it is unknown.
    ///
    /// ```
    /// use syncline_core::expression::{Expression, ExpressionKind};
    /// let number = |path: &str| (path == "weight").then_some(ExpressionKind::Number);
    /// let (kind, mistakes) = Expression::compile("weight + 1 > 3")?.kind(&number);
    /// assert_eq!((kind, mistakes.len()), (ExpressionKind::Bool, 0));
    /// let (_, mistakes) = Expression::compile("weight == 'heavy'")?.kind(&number);
    /// assert_eq!(mistakes, ["`==` compares a number with text, which are never equal"]);
    /// # Ok::<(), syncline_core::Error>(())
    /// ```
    pub fn kind(&self, variable: &dyn Fn(&str) -> Option<ExpressionKind>) -> (ExpressionKind, Vec<String>) {
        let mut checker = Checker {
            variable,
            bound: Vec::new(),
            mistakes: Vec::new(),
        };
        let kind = checker.kind(&self.tree);
        let mut mistakes = checker.mistakes;
        let mut seen = std::collections::BTreeSet::new();
        mistakes.retain(|mistake| seen.insert(mistake.clone()));
        (kind, mistakes)
    }
}

struct Checker<'a> {
    variable: &'a dyn Fn(&str) -> Option<ExpressionKind>,
    /// Names that loops give a meaning.
    bound: Vec<String>,
    mistakes: Vec<String>,
}

impl Checker<'_> {
    fn kind(&mut self, tree: &IdedExpr) -> ExpressionKind {
        if let Expr::Select(select) = &tree.expr
            && select.test
        {
            self.kind(&select.operand);
            return ExpressionKind::Bool;
        }
        if let Some(path) = names::path_of(tree) {
            return self.path(&path);
        }
        match &tree.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => ExpressionKind::Bool,
                LiteralValue::Double(_) | LiteralValue::Int(_) | LiteralValue::UInt(_) => ExpressionKind::Number,
                LiteralValue::String(_) => ExpressionKind::Text,
                LiteralValue::Null => ExpressionKind::Null,
                LiteralValue::Bytes(_) => ExpressionKind::Any,
            },
            Expr::List(list) => {
                list.elements.iter().for_each(|element| {
                    self.kind(element);
                });
                ExpressionKind::List
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(pair) = &entry.expr {
                        self.kind(&pair.value);
                    }
                }
                ExpressionKind::Map
            }
            Expr::Comprehension(looped) => self.looped(looped),
            Expr::Call(call) => self.call(call),
            Expr::Select(select) => {
                self.kind(&select.operand);
                ExpressionKind::Any
            }
            Expr::Ident(_) | Expr::Struct(_) | Expr::Unspecified => ExpressionKind::Any,
        }
    }

    fn path(&mut self, path: &[&str]) -> ExpressionKind {
        let root = path.first().copied().unwrap_or_default();
        if root.starts_with('@') || self.bound.iter().any(|name| name == root) {
            return ExpressionKind::Any;
        }
        (self.variable)(&path.join(".")).unwrap_or(ExpressionKind::Any)
    }

    fn looped(&mut self, looped: &ComprehensionExpr) -> ExpressionKind {
        let range = self.kind(&looped.iter_range);
        if matches!(range, ExpressionKind::Bool | ExpressionKind::Number) {
            self.mistakes
                .push(format!("a loop goes over a list, and is given {}", range.label()));
        }
        let begins = self.kind(&looped.accu_init);
        let outer = self.bound.len();
        self.bound.push(looped.iter_var.clone());
        self.bound.extend(looped.iter_var2.clone());
        self.bound.push(looped.accu_var.clone());
        self.kind(&looped.loop_step);
        let ends = self.kind(&looped.result);
        self.bound.truncate(outer);
        match (&looped.result.expr, ends) {
            (Expr::Ident(_), _) => begins,
            (_, ends) => ends,
        }
    }

    fn call(&mut self, call: &CallExpr) -> ExpressionKind {
        let target = call.target.as_ref().map(|target| self.kind(target));
        let args: Vec<ExpressionKind> = call.args.iter().map(|arg| self.kind(arg)).collect();
        match (call.func_name.as_str(), args.as_slice()) {
            (op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT, args) => {
                let sign = match call.func_name.as_str() {
                    op::LOGICAL_AND => "&&",
                    op::LOGICAL_OR => "||",
                    _ => "!",
                };
                args.iter().for_each(|&arg| self.truth(arg, sign));
                ExpressionKind::Bool
            }
            (op::CONDITIONAL, &[condition, yes, no]) => {
                self.truth(condition, "? :");
                yes.joined(no)
            }
            (op::EQUALS | op::NOT_EQUALS, &[left, right]) => {
                if !left.compares_with(right) {
                    let sign = if call.func_name == op::EQUALS { "==" } else { "!=" };
                    self.mistakes.push(format!(
                        "`{sign}` compares {} with {}, which are never equal",
                        left.label(),
                        right.label()
                    ));
                }
                ExpressionKind::Bool
            }
            (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, &[left, right]) => {
                let has_order = |kind: ExpressionKind| !matches!(kind, ExpressionKind::List | ExpressionKind::Map);
                if !left.compares_with(right) || !has_order(left) || !has_order(right) {
                    self.no_operator(&call.func_name, left, right);
                }
                ExpressionKind::Bool
            }
            (op::ADD, &[left, right]) => {
                if left.is_text() && right.is_text() {
                    return ExpressionKind::Text;
                }
                let adds = |kind: ExpressionKind| !matches!(kind, ExpressionKind::Bool | ExpressionKind::Map);
                if !left.compares_with(right) || !adds(left) || !adds(right) {
                    self.no_operator(op::ADD, left, right);
                }
                left.joined(right)
            }
            (op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO, &[left, right]) => {
                let counts = |kind: ExpressionKind| matches!(kind, ExpressionKind::Any | ExpressionKind::Number);
                if !counts(left) || !counts(right) {
                    self.no_operator(&call.func_name, left, right);
                }
                // What is no plain number (a duration) may be subtracted too.
                left.joined(right)
            }
            (op::NEGATE, &[_]) => ExpressionKind::Number,
            (op::IN, &[_, within]) => {
                let holds =
                    |kind: ExpressionKind| kind.is_open() || matches!(kind, ExpressionKind::List | ExpressionKind::Map);
                if !holds(within) {
                    self.mistakes
                        .push(format!("`in` looks into a list, and is given {}", within.label()));
                }
                ExpressionKind::Bool
            }
            (op::INDEX | op::OPT_INDEX | op::OPT_SELECT, _) => ExpressionKind::Any,
            (name, _) if name.starts_with('@') => ExpressionKind::Any,
            (name, args) => self.function(name, target, args),
        }
    }

    fn function(&mut self, name: &str, target: Option<ExpressionKind>, args: &[ExpressionKind]) -> ExpressionKind {
        if !is_function(name, target.is_some()) {
            self.mistakes.push(format!("there is no function `{name}`"));
            return ExpressionKind::Any;
        }
        match (name, target) {
            ("contains" | "startsWith" | "endsWith" | "matches", Some(target)) => {
                let texts = |kind: ExpressionKind| kind.is_open() || kind.is_text();
                if !texts(target) || !args.iter().copied().all(texts) {
                    let wrong = std::iter::once(target).chain(args.iter().copied());
                    let wrong = wrong.into_iter().find(|&kind| !texts(kind)).unwrap_or(target);
                    self.mistakes
                        .push(format!("`{name}` looks at text, and is given {}", wrong.label()));
                }
                ExpressionKind::Bool
            }
            ("size", _) => {
                let sized = target.or(args.first().copied()).unwrap_or(ExpressionKind::Any);
                if matches!(sized, ExpressionKind::Bool | ExpressionKind::Number) {
                    self.mistakes.push(format!(
                        "`size` counts characters or items, and is given {}",
                        sized.label()
                    ));
                }
                ExpressionKind::Number
            }
            ("string", None) => ExpressionKind::Text,
            ("int" | "uint" | "double", None) => ExpressionKind::Number,
            ("bool", None) => ExpressionKind::Bool,
            _ => ExpressionKind::Any,
        }
    }

    fn truth(&mut self, kind: ExpressionKind, sign: &str) {
        if !kind.is_open() && kind != ExpressionKind::Bool {
            self.mistakes
                .push(format!("`{sign}` takes true or false, and is given {}", kind.label()));
        }
    }

    fn no_operator(&mut self, operator: &str, left: ExpressionKind, right: ExpressionKind) {
        let sign = operator.trim_matches('_');
        let (left, right) = (left.label(), right.label());
        self.mistakes.push(format!("`{sign}` does not take {left} and {right}"));
    }
}

/// Whether the language knows a function or method of this name.
fn is_function(name: &str, is_method: bool) -> bool {
    let nothing = || IdedExpr {
        id: 0,
        expr: Expr::Literal(LiteralValue::Null),
    };
    let call = IdedExpr {
        id: 0,
        expr: Expr::Call(CallExpr {
            func_name: name.to_owned(),
            target: is_method.then(|| Box::new(nothing())),
            args: Vec::new(),
        }),
    };
    let context = Context::with_env(functions::environment());
    !matches!(
        cel::Value::resolve_val(&call, &context),
        Err(ExecutionError::UndeclaredReference(_))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str) -> (ExpressionKind, Vec<String>) {
        Expression::compile(text).unwrap().kind(&|path| match path {
            "weight" => Some(ExpressionKind::Number),
            "name" => Some(ExpressionKind::Text),
            "at" | "now" => Some(ExpressionKind::Moment),
            "tags" => Some(ExpressionKind::List),
            "done" => Some(ExpressionKind::Bool),
            _ => None,
        })
    }

    #[test]
    fn sound_expressions_have_a_kind_and_no_mistakes() {
        for (text, kind) in [
            ("weight * 2 + 1", ExpressionKind::Number),
            ("name + '!'", ExpressionKind::Text),
            ("name == null || weight > 1.5", ExpressionKind::Bool),
            ("at < now()", ExpressionKind::Bool),
            ("at < '2026-01-01'", ExpressionKind::Bool),
            ("now()", ExpressionKind::Moment),
            ("'a' in tags", ExpressionKind::Bool),
            ("tags.exists(tag, tag == 'a')", ExpressionKind::Bool),
            ("tags.map(tag, tag + '!')", ExpressionKind::List),
            ("has(entity.name)", ExpressionKind::Bool),
            ("size(name) > 3 && name.startsWith('A')", ExpressionKind::Bool),
            ("done ? 'yes' : 'no'", ExpressionKind::Text),
            ("string(weight)", ExpressionKind::Text),
            ("unknown.thing", ExpressionKind::Any),
        ] {
            assert_eq!(look(text), (kind, Vec::new()), "{text}");
        }
    }

    #[test]
    fn what_can_never_work_is_named() {
        for (text, mistake) in [
            (
                "weight == 'heavy'",
                "`==` compares a number with text, which are never equal",
            ),
            ("name - 1 > 2", "`-` does not take text and a number"),
            ("name > 3", "`>` does not take text and a number"),
            ("name && done", "`&&` takes true or false, and is given text"),
            ("name + 1 == 'a1'", "`+` does not take text and a number"),
            (
                "weight.startsWith('1')",
                "`startsWith` looks at text, and is given a number",
            ),
            ("'a' in name", "`in` looks into a list, and is given text"),
            ("wieght(name) > 1", "there is no function `wieght`"),
            ("name.shout() == 'A'", "there is no function `shout`"),
        ] {
            assert!(
                look(text).1.iter().any(|found| found == mistake),
                "{text}: {:?}",
                look(text).1
            );
        }
    }
}

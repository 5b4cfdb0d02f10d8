//! What an expression certainly gives while only some variables are known.

use cel::IdedExpr;
use cel::common::ast::{Expr, operators as op};

use super::lenient::{self, Gap};
use super::{Expression, Variables, names};
use crate::value::Value;

/// What is certain of an outcome.
#[derive(Debug, Clone, PartialEq)]
pub enum Certainty {
    /// It is this, whatever the other variables hold.
    Value(Value),
    /// It can't be evaluated, whatever the other variables hold; this is why.
    Fails(String),
    /// It depends on variables that are not known.
    Open,
}

impl Expression {
    /// What the outcome certainly is with these variables and any others: parts that read nothing else are evaluated,
    /// and truth follows through `&&`, `||`, `!` and `? :`.
    ///
    /// ```
    /// use syncline_core::Value;
    /// use syncline_core::expression::{Certainty, Expression, Variables};
    /// let mut known = Variables::new();
    /// known.set("status", &Value::text("PENDING"));
    /// let certain = |text: &str| Ok::<_, syncline_core::Error>(Expression::compile(text)?.certain(&known));
    /// assert_eq!(certain("status == 'DONE' && weight > 3")?, Certainty::Value(Value::Bool(false)));
    /// assert_eq!(certain("status == 'PENDING' && weight > 3")?, Certainty::Open);
    /// # Ok::<(), syncline_core::Error>(())
    /// ```
    pub fn certain(&self, known: &Variables) -> Certainty {
        certain(&self.tree, known)
    }

    /// The one variable that the expression is, if it is nothing else: `entity.weight`.
    pub fn single_path(&self) -> Option<String> {
        match &self.tree.expr {
            Expr::Select(select) if select.test => None,
            _ => names::path_of(&self.tree).map(|path| path.join(".")),
        }
    }
}

fn certain(tree: &IdedExpr, known: &Variables) -> Certainty {
    if names::paths(tree)
        .iter()
        .all(|path| known.get(&path.split('.').collect::<Vec<_>>()).is_some())
    {
        return evaluate(tree, known);
    }
    let Expr::Call(call) = &tree.expr else {
        return Certainty::Open;
    };
    match (call.func_name.as_str(), call.args.as_slice()) {
        (op::LOGICAL_AND, args) => junction(args, known, false),
        (op::LOGICAL_OR, args) => junction(args, known, true),
        (op::LOGICAL_NOT, [arg]) => match truth(certain(arg, known)) {
            Certainty::Value(Value::Bool(bool)) => Certainty::Value(Value::Bool(!bool)),
            other => other,
        },
        (op::CONDITIONAL, [condition, yes, no]) => match truth(certain(condition, known)) {
            Certainty::Value(Value::Bool(true)) => certain(yes, known),
            Certainty::Value(_) => certain(no, known),
            Certainty::Fails(why) => Certainty::Fails(why),
            Certainty::Open => match (certain(yes, known), certain(no, known)) {
                (Certainty::Value(yes), Certainty::Value(no)) if yes == no => Certainty::Value(yes),
                _ => Certainty::Open,
            },
        },
        _ => Certainty::Open,
    }
}

/// `&&` or `||`, which `decisive` settles whatever the other parts give.
fn junction(args: &[IdedExpr], known: &Variables, decisive: bool) -> Certainty {
    let parts: Vec<Certainty> = args.iter().map(|arg| truth(certain(arg, known))).collect();
    let is = |part: &Certainty, bool: bool| *part == Certainty::Value(Value::Bool(bool));
    if parts.iter().any(|part| is(part, decisive)) {
        return Certainty::Value(Value::Bool(decisive));
    }
    if parts.iter().all(|part| is(part, !decisive)) {
        return Certainty::Value(Value::Bool(!decisive));
    }
    // One part that fails is outvoted by a decisive one, which an open part may be.
    let is_open = parts.contains(&Certainty::Open);
    let failed = parts.into_iter().find(|part| matches!(part, Certainty::Fails(_)));
    failed.filter(|_| !is_open).unwrap_or(Certainty::Open)
}

/// Where a truth value is expected, nothing counts as false.
fn truth(certainty: Certainty) -> Certainty {
    match certainty {
        Certainty::Value(Value::Null) => Certainty::Value(Value::Bool(false)),
        Certainty::Value(Value::Bool(_)) | Certainty::Fails(_) => certainty,
        Certainty::Value(_) | Certainty::Open => Certainty::Open,
    }
}

fn evaluate(tree: &IdedExpr, known: &Variables) -> Certainty {
    let part = Expression {
        text: String::new(),
        lenient: lenient::rewrite(tree, Gap::Null),
        tree: tree.clone(),
        deep: true,
    };
    match part.evaluate(known) {
        Ok(value) => Certainty::Value(value),
        Err(error) => Certainty::Fails(
            error
                .message()
                .trim_start_matches("the expression `` can't be evaluated: ")
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certain_of(text: &str) -> Certainty {
        let mut known = Variables::new();
        known.set("status", &Value::text("PENDING"));
        Expression::compile(text).unwrap().certain(&known)
    }

    fn truth_of(text: &str) -> Option<bool> {
        match certain_of(text) {
            Certainty::Value(Value::Bool(bool)) => Some(bool),
            _ => None,
        }
    }

    #[test]
    fn what_the_known_variables_settle_is_certain_and_nothing_else() {
        assert_eq!(truth_of("status == 'PENDING'"), Some(true));
        assert_eq!(truth_of("status != 'PENDING' && weight > 1"), Some(false));
        assert_eq!(truth_of("weight > 1 || status == 'PENDING'"), Some(true));
        assert_eq!(truth_of("!(status == 'DONE')"), Some(true));
        assert_eq!(truth_of("weight > 1"), None);
        assert_eq!(truth_of("status == 'PENDING' && weight > 1"), None);
        assert_eq!(truth_of("status == 'PENDING' ? false : weight > 1"), Some(false));
        assert_eq!(truth_of("weight > 1 ? false : false"), Some(false));
        assert_eq!(truth_of("1 > 2"), Some(false));
    }

    #[test]
    fn what_can_never_be_evaluated_is_said_unless_another_part_decides() {
        assert!(matches!(certain_of("1 / 0 > 2"), Certainty::Fails(why) if why.contains("divides by zero")));
        assert_eq!(certain_of("1 / 0 > 2 && weight > 1"), Certainty::Open);
    }
}

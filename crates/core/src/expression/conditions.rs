use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, operators as op};
use jiff::civil;
use rust_decimal::Decimal;

use crate::batch::ValueKind;
use crate::expression::Variables;
use crate::expression::names::path_of;
use crate::job::{Comparison, Condition};
use crate::lens::whole_or_decimal;
use crate::value::{DateTime, Precision, Value};

/// The variable that holds the remote record.
const RECORD: &str = "remote";

/// The top-level comparisons of a tree, with values as `typed` gives them; what it leaves out is left out.
pub(super) fn of(
    tree: &IdedExpr,
    known: &Variables,
    typed: impl Fn(&str, Comparison, Value) -> Option<Value>,
) -> Vec<Condition> {
    let mut conjuncts = Vec::new();
    flatten(tree, &mut conjuncts);
    conjuncts
        .into_iter()
        .filter_map(|conjunct| {
            let (field, comparison, value) = comparison(conjunct, known, &remote_field)?;
            let value = typed(&field, comparison, value)?;
            Some(Condition {
                field,
                comparison,
                value,
            })
        })
        .collect()
}

/// What a filter demands of one field of the record that it is applied to.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldCondition {
    /// The field.
    pub field: String,
    /// What it must be.
    pub test: FieldTest,
}

/// See [`FieldCondition`].
#[derive(Debug, Clone, PartialEq)]
pub enum FieldTest {
    /// It compares like this with a fixed value.
    Compares(Comparison, Value),
    /// It is a text that begins like this.
    StartsWith(String),
}

/// The top-level demands of a tree on fields, named below `record` or alone.
pub(super) fn of_fields(tree: &IdedExpr, record: &str) -> Vec<FieldCondition> {
    let mut conjuncts = Vec::new();
    flatten(tree, &mut conjuncts);
    let field_of = |tree: &IdedExpr| match *path_of_field(tree)?.as_slice() {
        [field] => Some(field.to_owned()),
        [root, field] if root == record => Some(field.to_owned()),
        _ => None,
    };
    conjuncts
        .into_iter()
        .filter_map(|conjunct| {
            if let Some((field, prefix)) = prefix(conjunct, &field_of) {
                let test = FieldTest::StartsWith(prefix);
                return Some(FieldCondition { field, test });
            }
            let (field, comparison, value) = comparison(conjunct, &Variables::new(), &field_of)?;
            let test = FieldTest::Compares(comparison, value);
            Some(FieldCondition { field, test })
        })
        .collect()
}

fn prefix(tree: &IdedExpr, field_of: &dyn Fn(&IdedExpr) -> Option<String>) -> Option<(String, String)> {
    let Expr::Call(call) = &tree.expr else {
        return None;
    };
    let (target, [argument]) = (call.target.as_deref()?, call.args.as_slice()) else {
        return None;
    };
    match &argument.expr {
        Expr::Literal(LiteralValue::String(text)) if call.func_name == "startsWith" => {
            Some((field_of(target)?, text.inner().to_owned()))
        }
        _ => None,
    }
}

fn flatten<'t>(tree: &'t IdedExpr, conjuncts: &mut Vec<&'t IdedExpr>) {
    match &tree.expr {
        Expr::Call(call) if call.func_name == op::LOGICAL_AND && call.target.is_none() => {
            call.args.iter().for_each(|arg| flatten(arg, conjuncts));
        }
        _ => conjuncts.push(tree),
    }
}

fn comparison(
    tree: &IdedExpr,
    known: &Variables,
    field_of: &dyn Fn(&IdedExpr) -> Option<String>,
) -> Option<(String, Comparison, Value)> {
    if let Some(field) = field_of(tree) {
        return Some((field, Comparison::Equal, Value::Bool(true)));
    }
    let Expr::Call(call) = &tree.expr else {
        return None;
    };
    let comparison = match call.func_name.as_str() {
        op::EQUALS => Comparison::Equal,
        op::NOT_EQUALS => Comparison::NotEqual,
        op::LESS => Comparison::Less,
        op::LESS_EQUALS => Comparison::LessOrEqual,
        op::GREATER => Comparison::Greater,
        op::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    };
    let [left, right] = call.args.as_slice() else {
        return None;
    };
    match (field_of(left), field_of(right)) {
        (Some(field), None) => Some((field, comparison, fixed(right, known)?)),
        (None, Some(field)) => Some((field, flipped(comparison), fixed(left, known)?)),
        _ => None,
    }
}

const fn flipped(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same @ (Comparison::Equal | Comparison::NotEqual) => same,
    }
}

fn path_of_field(tree: &IdedExpr) -> Option<Vec<&str>> {
    if matches!(&tree.expr, Expr::Select(select) if select.test) {
        return None;
    }
    path_of(tree)
}

fn remote_field(tree: &IdedExpr) -> Option<String> {
    match path_of_field(tree)?.split_first()? {
        (&RECORD, path) if !path.is_empty() => Some(path.join(".")),
        _ => None,
    }
}

/// A literal, or a variable that is known.
fn fixed(tree: &IdedExpr, known: &Variables) -> Option<Value> {
    match &tree.expr {
        Expr::Literal(literal) => match literal {
            LiteralValue::Boolean(bool) => Some(Value::Bool(*bool.inner())),
            LiteralValue::Int(int) => Some(Value::Int(*int.inner())),
            LiteralValue::UInt(whole) => i64::try_from(*whole.inner()).ok().map(Value::Int),
            LiteralValue::Double(double) => Decimal::from_str_exact(&double.inner().to_string())
                .ok()
                .map(whole_or_decimal),
            LiteralValue::String(text) => Some(Value::text(text.inner())),
            LiteralValue::Null => Some(Value::Null),
            LiteralValue::Bytes(_) => None,
        },
        // An unknown or empty variable would make a condition that no one wrote.
        _ => known.get(&path_of(tree)?).filter(|value| !value.is_empty()).cloned(),
    }
}

fn date(text: &str) -> Option<Value> {
    (text.len() == 10)
        .then(|| text.parse::<civil::Date>().ok().map(Value::Date))
        .flatten()
}

fn instant(text: &str) -> Option<Value> {
    let instant = text.parse().ok()?;
    Some(Value::DateTime(DateTime::new(instant, Precision::Microsecond)))
}

/// Values by their look alone.
pub(super) fn by_look(_: &str, comparison: Comparison, value: Value) -> Option<Value> {
    let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    match value.as_text().and_then(|text| date(text).or_else(|| instant(text))) {
        Some(moment) => (!is_equality).then_some(moment),
        None => Some(value),
    }
}

/// Values as a field of that kind is compared with them.
pub(super) fn by_type(kind: ValueKind, comparison: Comparison, value: Value) -> Option<Value> {
    let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    match (kind, &value) {
        (ValueKind::Choices | ValueKind::Json, _) => None,
        (_, Value::Null) => is_equality.then_some(value),
        (ValueKind::Text, Value::Text(_)) | (ValueKind::Number, Value::Int(_) | Value::Decimal(_)) => Some(value),
        (ValueKind::Bool, Value::Bool(_)) => is_equality.then_some(value),
        (ValueKind::Date, Value::Date(_)) | (ValueKind::DateTime, Value::Date(_) | Value::DateTime(_)) => Some(value),
        (ValueKind::Date, Value::Text(text)) => date(text),
        (ValueKind::DateTime, Value::Text(text)) => date(text).or_else(|| instant(text)),
        _ => None,
    }
}

use cel::ExecutionError;
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelNull, CelOptional, CelString, CelUInt};
use cel::common::value::Val;
use rust_decimal::Decimal;

use crate::lens::whole_or_decimal;
use crate::value::Value;

/// What an expression gave, or why it can't be a value.
pub(super) fn value(outcome: &dyn Val) -> Result<Value, String> {
    if outcome.downcast_ref::<CelNull>().is_some() {
        return Ok(Value::Null);
    }
    if let Some(bool) = outcome.downcast_ref::<CelBool>() {
        return Ok(Value::Bool(*bool.inner()));
    }
    if let Some(int) = outcome.downcast_ref::<CelInt>() {
        return Ok(Value::Int(*int.inner()));
    }
    if let Some(whole) = outcome.downcast_ref::<CelUInt>() {
        return Ok(whole_or_decimal(Decimal::from(*whole.inner())));
    }
    if let Some(double) = outcome.downcast_ref::<CelDouble>() {
        return number(*double.inner());
    }
    if let Some(text) = outcome.downcast_ref::<CelString>() {
        return Ok(Value::text(text.inner()));
    }
    if let Some(list) = outcome.downcast_ref::<CelList>() {
        return Ok(Value::List(
            list.inner()
                .iter()
                .map(|item| value(item.as_ref()))
                .collect::<Result<_, _>>()?,
        ));
    }
    if let Some(map) = outcome.downcast_ref::<CelMap>() {
        let mut entries = Vec::with_capacity(map.inner().len());
        for (key, item) in map.inner() {
            entries.push((value(key.inner())?.to_string(), value(item.as_ref())?.to_json()));
        }
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        return Ok(Value::Json(entries.into_iter().collect()));
    }
    if let Some(optional) = outcome.downcast_ref::<CelOptional>() {
        return optional.inner().map_or(Ok(Value::Null), value);
    }
    Err(format!(
        "it gives {}, which is no value of a field",
        outcome.get_type().name()
    ))
}

fn number(double: f64) -> Result<Value, String> {
    if !double.is_finite() {
        return Err("it gives no finite number".to_owned());
    }
    let text = double.to_string();
    Ok(Decimal::from_str_exact(&text)
        .or_else(|_| Decimal::from_scientific(&format!("{double:e}")))
        .map_or(Value::Float(double), whole_or_decimal))
}

/// Why an evaluation failed, without the values concerned: they may be long, and personal.
pub(super) fn reason(error: &ExecutionError) -> String {
    match error {
        ExecutionError::UndeclaredReference(name) => format!("`{name}` is not known here"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "it divides by zero".to_owned(),
        ExecutionError::Overflow(operator, ..) => format!("a number grows too large in {operator}"),
        ExecutionError::ValuesNotComparable(..) => "two values of different types are compared".to_owned(),
        ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
            format!("{} and {} have no operator {operator}", left.type_of(), right.type_of())
        }
        ExecutionError::UnexpectedType { got, want } => format!("{want} was expected and {got} found"),
        ExecutionError::NoSuchKey(name) => format!("there is no field `{name}`"),
        ExecutionError::NoSuchOverload(overload) => format!(
            "`{}` does not take {}",
            overload.function().trim_matches(['_', '@']),
            overload.argument_types().join(" and ")
        ),
        ExecutionError::FunctionError { function, message } => format!("`{function}`: {message}"),
        ExecutionError::InvalidArgumentCount { expected, actual } => {
            format!("a function takes {expected} arguments and is given {actual}")
        }
        _ => "a value has a type that the expression does not expect".to_owned(),
    }
}

//! Expressions as people and configuration files write them.

use syncline_core::Value;
use syncline_core::expression::{Expression, Filter, Variables};

/// An expression, and a text to evaluate it with, on either side of a zero byte.
pub(super) fn expression(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (text, value) = text.split_once('\0').unwrap_or((text, "2026-11-20"));
    let mut variables = Variables::new();
    let record = [
        ("Name", Value::text(value)),
        ("Size", Value::Int(i64::MAX)),
        ("Rate", Value::from_number("0.1")),
        ("Tags", Value::List(vec![Value::text(value), Value::Null])),
        ("Account.Name", Value::Null),
    ];
    variables.record("remote", record.iter().map(|(path, value)| (*path, value)));
    variables.set("value", &Value::text(value));
    if let Ok(expression) = Expression::compile(text) {
        let first = expression.evaluate(&variables).ok();
        assert_eq!(first, expression.evaluate(&variables).ok(), "the same twice");
    }
    if let Ok(filter) = Filter::compile(text) {
        drop(filter.matches(&variables));
        drop(filter.conditions());
    }
}

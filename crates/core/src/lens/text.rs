use std::borrow::Cow;

use crate::value::Value;

/// Applies `change` to a text or to each text of a list. A text that becomes empty is nothing; other values stay.
pub(super) fn map_text(value: &Value, change: impl Fn(&str) -> String) -> Value {
    match value {
        Value::Text(text) => non_empty(change(text)),
        Value::List(list) if !list.is_empty() => Value::List(
            list.iter()
                .map(|item| match item {
                    Value::Text(text) => Value::Text(change(text)),
                    other => other.clone(),
                })
                .collect(),
        ),
        Value::List(_) => Value::Null,
        other => other.clone(),
    }
}

/// A text, or nothing for an empty one.
pub(super) fn non_empty(text: String) -> Value {
    if text.is_empty() {
        Value::Null
    } else {
        Value::Text(text)
    }
}

/// A scalar as the text that a person would write; `None` for nothing, lists and JSON.
pub(super) fn plain_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null | Value::List(_) | Value::Json(_) => None,
        Value::Text(text) => Some(Cow::Borrowed(text)),
        other => Some(Cow::Owned(other.to_string())),
    }
}

/// The beginning of a value, for messages.
pub(super) fn excerpt(value: &Value) -> String {
    const SHOWN: usize = 40;
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

//! `FIELD=VALUE` as people type it.

use std::str::FromStr;

use serde_json::{Map, Value};

/// A field and the value that it is to hold: `name=text`, `name=` to clear it, `name:=json` for anything else.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Assignment {
    /// The field.
    pub(crate) field: String,
    /// The value.
    pub(crate) value: Value,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((field, value)) = text.split_once('=') else {
            return Err(format!(
                "write FIELD=VALUE, such as `{text}=something`, or `{text}=` to clear it"
            ));
        };
        let (field, value) = match field.strip_suffix(':') {
            Some(field) => {
                let value = serde_json::from_str(value).map_err(|error| format!("`{value}` is no JSON: {error}"))?;
                (field, value)
            }
            None if value.is_empty() => (field, Value::Null),
            None => (field, Value::String(value.to_owned())),
        };
        if field.is_empty() {
            return Err(format!("`{text}` names no field; write FIELD=VALUE"));
        }
        Ok(Self {
            field: field.to_owned(),
            value,
        })
    }
}

/// All of them by field; the last one of a field counts.
pub(crate) fn values(assignments: Vec<Assignment>) -> Map<String, Value> {
    assignments
        .into_iter()
        .map(|assignment| (assignment.field, assignment.value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_nothing_and_json_are_told_apart() {
        let read = |text: &str| text.parse::<Assignment>().unwrap().value;
        assert_eq!(read("city=Graz=Nord"), Value::from("Graz=Nord"));
        assert_eq!(read("city="), Value::Null);
        assert_eq!(read("tags:=[\"a\"]"), serde_json::json!(["a"]));
        for wrong in ["city", "=x", "n:=nonsense"] {
            assert!(wrong.parse::<Assignment>().is_err(), "{wrong}");
        }
    }
}

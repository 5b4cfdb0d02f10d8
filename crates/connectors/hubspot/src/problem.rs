//! HubSpot's error envelope, read leniently: every key may be missing, and token answers have a shape of their own.

use serde_json::{Map, Value};

/// What HubSpot says went wrong, with a whole call or with one record of a batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Problem {
    /// `VALIDATION_ERROR`, `CONFLICT`, ...; empty where it says none.
    pub(crate) category: String,
    /// `error` on most answers; a code of its own (`BAD_REFRESH_TOKEN`) on token answers.
    pub(crate) status: String,
    /// OAuth's `error`.
    pub(crate) oauth: String,
    /// Which limit was passed.
    pub(crate) policy: String,
    /// The text for people.
    pub(crate) message: String,
    /// Properties that are blamed, with the code and text of each.
    pub(crate) blamed: Vec<Blame>,
    context: Map<String, Value>,
}

/// One property that HubSpot blames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blame {
    /// The property, empty if it names none.
    pub(crate) property: String,
    /// `INVALID_OPTION`, ...
    pub(crate) code: String,
    /// The text for people.
    pub(crate) message: String,
}

impl Problem {
    /// Reads an answer's body; what is not HubSpot's JSON gives an empty problem.
    pub(crate) fn read(body: &[u8]) -> Self {
        serde_json::from_slice::<Value>(body).map_or_else(|_| Self::default(), |json| Self::from_json(&json))
    }

    /// From one error of an answer.
    pub(crate) fn from_json(json: &Value) -> Self {
        let text = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut message = text("message");
        if message.is_empty() {
            message = text("error_description");
        }
        let mut blamed = Vec::new();
        for error in json.get("errors").and_then(Value::as_array).into_iter().flatten() {
            let part = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let names = error.pointer("/context/propertyName").map(texts).unwrap_or_default();
            for property in if names.is_empty() { vec![String::new()] } else { names } {
                blamed.push(Blame {
                    property,
                    code: part("code"),
                    message: part("message"),
                });
            }
        }
        if blamed.is_empty() {
            blamed = blame_in_message(&message);
        }
        blamed.dedup();
        Self {
            category: text("category"),
            status: text("status"),
            oauth: text("error"),
            policy: text("policyName"),
            message,
            blamed,
            context: json
                .get("context")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
        }
    }

    /// The texts under a key of the context.
    pub(crate) fn context(&self, key: &str) -> Vec<String> {
        self.context.get(key).map(texts).unwrap_or_default()
    }

    /// The same problem with only those blamed properties that a record carries, if it carries any.
    pub(crate) fn of_record(&self, carries: impl Fn(&str) -> bool) -> Self {
        let mut problem = self.clone();
        problem.blamed.retain(|blame| carries(&blame.property));
        if problem.blamed.is_empty() {
            problem.blamed.clone_from(&self.blamed);
        }
        problem
    }

    /// Whether any part of the context is this id.
    pub(crate) fn mentions(&self, id: &str) -> bool {
        self.context.values().flat_map(texts).any(|text| text == id)
    }

    /// Names of the properties that are blamed, without duplicates.
    pub(crate) fn properties(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .blamed
            .iter()
            .map(|blame| blame.property.clone())
            .filter(|name| !name.is_empty())
            .collect();
        names.extend(self.context("propertyName"));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Id of the record that holds the contested value already.
    pub(crate) fn existing_id(&self) -> Option<String> {
        let named = self.context("existingId").into_iter().next();
        named.or_else(|| {
            let (_, rest) = self.message.split_once("Existing ID:")?;
            let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
            (!digits.is_empty()).then_some(digits)
        })
    }

    /// The code that names the cause best.
    pub(crate) fn code(&self) -> &str {
        let blame = self.blamed.first().map(|blame| blame.code.as_str()).unwrap_or_default();
        [blame, &self.category, &self.oauth, &self.status]
            .into_iter()
            .find(|code| !code.is_empty())
            .unwrap_or_default()
    }

    /// One sentence for people: what is said of the single properties, or else of the whole.
    pub(crate) fn text(&self) -> String {
        let mut parts: Vec<&str> = Vec::new();
        for blame in &self.blamed {
            if !blame.message.is_empty() && !parts.contains(&blame.message.as_str()) {
                parts.push(&blame.message);
            }
        }
        if parts.is_empty() {
            self.message.clone()
        } else {
            parts.join("; ")
        }
    }

    /// Code and text, for an outcome's message.
    pub(crate) fn code_and_text(&self) -> String {
        match (self.code(), self.text()) {
            ("", text) => text,
            (code, text) if text.is_empty() => code.to_owned(),
            (code, text) => format!("{code}: {text}"),
        }
    }
}

fn texts(json: &Value) -> Vec<String> {
    let one = |json: &Value| match json {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match json {
        Value::Array(items) => items.iter().filter_map(one).collect(),
        other => one(other).into_iter().collect(),
    }
}

/// Older answers name the properties only in a list of JSON behind the message.
fn blame_in_message(message: &str) -> Vec<Blame> {
    let Some(start) = message.find(": [") else {
        return Vec::new();
    };
    let Ok(Value::Array(items)) = serde_json::from_str(&message[start + 2..]) else {
        return Vec::new();
    };
    let part = |item: &Value, key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    items
        .iter()
        .filter(|item| item.get("name").is_some())
        .map(|item| Blame {
            property: part(item, "name"),
            code: part(item, "error"),
            message: part(item, "message"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_found_in_the_errors_and_in_the_message() {
        let named = Problem::read(
            br#"{"category":"VALIDATION_ERROR","message":"m","errors":[{"message":"no","code":"INVALID_OPTION","context":{"propertyName":["a"]}}]}"#,
        );
        assert_eq!(
            (named.properties(), named.code()),
            (vec!["a".to_owned()], "INVALID_OPTION")
        );
        assert_eq!(named.code_and_text(), "INVALID_OPTION: no");
        let hidden = Problem::read(
            br#"{"message":"Property values were not valid: [{\"isValid\":false,\"message\":\"bad\",\"error\":\"INVALID_EMAIL\",\"name\":\"email\"}]","category":"VALIDATION_ERROR"}"#,
        );
        assert_eq!(
            (hidden.properties(), hidden.text()),
            (vec!["email".to_owned()], "bad".to_owned())
        );
    }

    #[test]
    fn the_existing_id_is_found_in_the_context_and_in_the_message() {
        let context = Problem::read(br#"{"context":{"existingId":["501"]}}"#);
        let message = Problem::read(br#"{"message":"Contact already exists. Existing ID: 502"}"#);
        assert_eq!(context.existing_id().as_deref(), Some("501"));
        assert_eq!(message.existing_id().as_deref(), Some("502"));
        assert_eq!(Problem::read(b"<html>").existing_id(), None);
    }
}

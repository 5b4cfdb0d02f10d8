//! Schemas: OpenAPI 3.0 writes "may be null" in its own way; the rest is JSON Schema.

use serde_json::{Map, Value as Json, json};

/// A document whose schemas are JSON Schema.
pub(super) fn converted(document: Json) -> Json {
    match document {
        Json::Array(items) => Json::Array(items.into_iter().map(converted).collect()),
        Json::Object(members) => {
            let mut members: Map<String, Json> = members
                .into_iter()
                .map(|(name, member)| (name, converted(member)))
                .collect();
            let nullable = members.get("nullable") == Some(&Json::Bool(true));
            if nullable {
                members.shift_remove("nullable");
                return json!({"anyOf": [Json::Object(members), {"type": "null"}]});
            }
            Json::Object(members)
        }
        other => other,
    }
}

/// A validator of a schema that refers to the components of its document.
///
/// # Errors
/// When the schema is none, as a text.
pub(super) fn compile(schema: &Json, document: &Json) -> Result<jsonschema::Validator, String> {
    let whole = json!({"allOf": [converted(schema.clone())], "components": document["components"]});
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft7)
        .should_validate_formats(true)
        .build(&whole)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_null_may_be_null_and_nothing_else() {
        let document = converted(json!({"components": {"schemas": {"A": {"type": "string", "nullable": true}}}}));
        let validator = compile(&json!({"$ref": "#/components/schemas/A"}), &document).unwrap();
        assert!(validator.is_valid(&json!(null)) && validator.is_valid(&json!("x")));
        assert!(!validator.is_valid(&json!(1)));
    }
}

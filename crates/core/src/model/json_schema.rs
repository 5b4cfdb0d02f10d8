//! A blueprint as JSON Schema (2020-12), out and in: for forms, for validators, and for people who have one already.
//!
//! What JSON Schema has no word for is in keywords that begin with `x-syncline-`; a schema without them is read by what
//! it says in standard words.

use serde_json::{Map, Value as Json, json};

use super::{Blueprint, Field, FieldChoice, FieldType, Finding};
use crate::value::Value;

/// What a file says of a blueprint.
#[derive(Debug, Clone, PartialEq)]
pub struct BlueprintForm {
    /// Its name, if it says so.
    pub name: Option<String>,
    /// Its name for people, if it says so.
    pub label: Option<String>,
    /// The fields.
    pub fields: Vec<Field>,
    /// Fields that only change together.
    pub groups: Vec<Vec<String>>,
}

/// The JSON Schema of a blueprint's entities, as their values are written in JSON.
///
/// ```
/// use syncline_core::model::{Blueprint, Field, FieldType, from_json_schema, to_json_schema};
/// let blueprint = Blueprint::new(1, 1, "delivery", vec![Field::new("weight", FieldType::Decimal)]);
/// let schema = to_json_schema(&blueprint);
/// assert_eq!(schema["properties"]["weight"]["type"][0], "number");
/// assert_eq!(from_json_schema(&schema).unwrap().fields, blueprint.fields);
/// ```
pub fn to_json_schema(blueprint: &Blueprint) -> Json {
    let mut properties = Map::new();
    for (_, field) in blueprint.live_fields() {
        properties.insert(field.name.clone(), property(field));
    }
    let required: Vec<&str> = blueprint
        .live_fields()
        .filter(|(_, field)| field.required)
        .map(|(_, field)| field.name.as_str())
        .collect();
    let order: Vec<&str> = blueprint.field_names().collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": blueprint.label,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
        "x-syncline-blueprint": blueprint.name,
        "x-syncline-version": blueprint.version,
        "x-syncline-order": order,
        "x-syncline-groups": blueprint.groups,
    })
}

fn property(field: &Field) -> Json {
    let mut schema = Map::new();
    let kind = match &field.kind {
        FieldType::Integer => json!("integer"),
        FieldType::Float => json!("number"),
        // A decimal that JSON's numbers would not keep is written as text.
        FieldType::Decimal => json!(["number", "string"]),
        FieldType::Bool => json!("boolean"),
        FieldType::MultiChoice { .. } | FieldType::Money | FieldType::List => json!("array"),
        FieldType::Json => Json::Null,
        _ => json!("string"),
    };
    if !kind.is_null() {
        let mut kinds = kind.as_array().cloned().unwrap_or_else(|| vec![kind.clone()]);
        if !field.required {
            kinds.push(json!("null"));
        }
        let kind = if kinds.len() == 1 {
            kinds.remove(0)
        } else {
            Json::Array(kinds)
        };
        schema.insert("type".into(), kind);
    }
    schema.insert("title".into(), json!(field.label));
    schema.insert("x-syncline-type".into(), json!(tag(&field.kind)));
    let format = match &field.kind {
        FieldType::Email => Some("email"),
        FieldType::Url => Some("uri"),
        FieldType::Date => Some("date"),
        FieldType::DateTime => Some("date-time"),
        FieldType::Reference { .. } => Some("uuid"),
        _ => None,
    };
    if let Some(format) = format {
        schema.insert("format".into(), json!(format));
    }
    match &field.kind {
        FieldType::Choice { choices } if !choices.is_empty() => {
            let mut values: Vec<Json> = choices.iter().map(|choice| json!(choice.value)).collect();
            if !field.required {
                values.push(Json::Null);
            }
            schema.insert("enum".into(), json!(values));
            schema.insert("x-syncline-labels".into(), labels(choices));
        }
        FieldType::MultiChoice { choices } => {
            schema.insert("uniqueItems".into(), json!(true));
            let values: Vec<&str> = choices.iter().map(|choice| choice.value.as_str()).collect();
            let items = if values.is_empty() {
                json!({"type": "string"})
            } else {
                json!({"type": "string", "enum": values})
            };
            schema.insert("items".into(), items);
            schema.insert("x-syncline-labels".into(), labels(choices));
        }
        FieldType::Money => {
            let items = json!([{"type": ["number", "string", "null"]}, {"type": ["string", "null"]}]);
            schema.insert("prefixItems".into(), items);
        }
        FieldType::Reference { blueprint } => {
            schema.insert("x-syncline-reference".into(), json!(blueprint));
        }
        _ => {}
    }
    if let Some(default) = &field.default {
        schema.insert("default".into(), default.to_json());
    }
    if !field.description.is_empty() {
        schema.insert("description".into(), json!(field.description));
    }
    if !field.on_delete.keeps() {
        schema.insert("x-syncline-on-delete".into(), json!(field.on_delete));
    }
    if let Some(computed) = &field.computed {
        schema.insert("readOnly".into(), json!(true));
        schema.insert("x-syncline-computed".into(), json!(computed));
    }
    for (name, is_set) in [
        ("x-syncline-unique", field.unique),
        ("x-syncline-indexed", field.indexed),
        ("x-syncline-searchable", field.searchable),
    ] {
        if is_set {
            schema.insert(name.into(), json!(true));
        }
    }
    Json::Object(schema)
}

fn tag(kind: &FieldType) -> String {
    let json = serde_json::to_value(kind).unwrap_or_default();
    json.get("type").and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn labels(choices: &[FieldChoice]) -> Json {
    choices
        .iter()
        .map(|choice| (choice.value.clone(), json!(choice.label)))
        .collect::<Map<_, _>>()
        .into()
}

/// What a JSON Schema says of a blueprint.
///
/// # Errors
/// Everything in it that no blueprint can hold.
pub fn from_json_schema(schema: &Json) -> Result<BlueprintForm, Vec<Finding>> {
    let mut findings = Vec::new();
    let Some(properties) = schema.get("properties").and_then(Json::as_object) else {
        return Err(vec![Finding::error(
            "properties",
            "the schema of an object with properties is needed",
        )]);
    };
    let listed = |name: &str| -> Vec<String> {
        let list = schema.get(name).and_then(Json::as_array).into_iter().flatten();
        list.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let (required, order) = (listed("required"), listed("x-syncline-order"));
    let place = |name: &String| order.iter().position(|other| other == name).unwrap_or(usize::MAX);
    let mut names: Vec<&String> = properties.keys().collect();
    names.sort_by_key(|name| place(name));
    let mut fields = Vec::new();
    for name in names {
        match field(name, &properties[name]) {
            Ok(mut field) => {
                field.required = required.contains(name);
                fields.push(field);
            }
            Err(message) => findings.push(Finding::error(name, message)),
        }
    }
    for name in required.iter().filter(|name| !properties.contains_key(*name)) {
        findings.push(Finding::error(name, "it is required, but there is no such property"));
    }
    let groups = schema.get("x-syncline-groups").cloned().unwrap_or_else(|| json!([]));
    let groups = serde_json::from_value(groups).unwrap_or_else(|_| {
        findings.push(Finding::error(
            "x-syncline-groups",
            "a list of lists of names is needed",
        ));
        Vec::new()
    });
    if !findings.is_empty() {
        return Err(findings);
    }
    let text = |name: &str| schema.get(name).and_then(Json::as_str).map(str::to_owned);
    Ok(BlueprintForm {
        name: text("x-syncline-blueprint"),
        label: text("title"),
        fields,
        groups,
    })
}

fn field(name: &str, schema: &Json) -> Result<Field, String> {
    let text = |key: &str| schema.get(key).and_then(Json::as_str);
    let mut field = Field::new(name, kind(schema)?);
    if let Some(title) = text("title") {
        title.clone_into(&mut field.label);
    }
    text("description")
        .unwrap_or_default()
        .clone_into(&mut field.description);
    let flag = |key: &str| schema.get(key).and_then(Json::as_bool).unwrap_or_default();
    field.unique = flag("x-syncline-unique");
    field.indexed = flag("x-syncline-indexed");
    field.searchable = flag("x-syncline-searchable");
    field.computed = text("x-syncline-computed").map(str::to_owned);
    if let Some(rule) = schema.get("x-syncline-on-delete") {
        field.on_delete = serde_json::from_value(rule.clone())
            .map_err(|_| format!("`x-syncline-on-delete` is keep, restrict, clear or cascade, not {rule}"))?;
    }
    if let Some(default) = schema.get("default").filter(|default| !default.is_null()) {
        let value = field.kind.coerce(Value::from_json(default.clone()));
        let value = value.map_err(|error| format!("the default does not fit: {}", error.message()))?;
        field.default = Some(value).filter(|value| !value.is_empty());
    }
    Ok(field)
}

fn kind(schema: &Json) -> Result<FieldType, String> {
    let labels = schema.get("x-syncline-labels");
    let choices = |list: Option<&Json>| -> Vec<FieldChoice> {
        let list = list
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(Json::as_str);
        list.map(|value| FieldChoice {
            value: value.to_owned(),
            label: labels
                .and_then(|labels| labels.get(value))
                .and_then(Json::as_str)
                .unwrap_or(value)
                .to_owned(),
        })
        .collect()
    };
    let one_of = || choices(schema.get("enum"));
    let several_of = || choices(schema.get("items").and_then(|items| items.get("enum")));
    if let Some(tag) = schema.get("x-syncline-type").and_then(Json::as_str) {
        return match tag {
            "choice" => Ok(FieldType::Choice { choices: one_of() }),
            "multi_choice" => Ok(FieldType::MultiChoice { choices: several_of() }),
            "reference" => match schema.get("x-syncline-reference").and_then(Json::as_str) {
                Some(blueprint) => Ok(FieldType::Reference {
                    blueprint: blueprint.to_owned(),
                }),
                None => Err("`x-syncline-reference` has to name the blueprint that it refers to".to_owned()),
            },
            tag => serde_json::from_value(json!({ "type": tag })).map_err(|_| format!("there is no type `{tag}`")),
        };
    }
    let kinds: Vec<&str> = match schema.get("type") {
        Some(Json::String(kind)) => vec![kind.as_str()],
        Some(Json::Array(kinds)) => kinds
            .iter()
            .filter_map(Json::as_str)
            .filter(|kind| *kind != "null")
            .collect(),
        _ => Vec::new(),
    };
    if !one_of().is_empty() {
        return Ok(FieldType::Choice { choices: one_of() });
    }
    Ok(match (kinds.as_slice(), schema.get("format").and_then(Json::as_str)) {
        (["string"], Some("email")) => FieldType::Email,
        (["string"], Some("uri" | "url")) => FieldType::Url,
        (["string"], Some("date")) => FieldType::Date,
        (["string"], Some("date-time")) => FieldType::DateTime,
        (["string"], _) => FieldType::Text,
        (["integer"], _) => FieldType::Integer,
        (["number"] | ["number", "string"], _) => FieldType::Decimal,
        (["boolean"], _) => FieldType::Bool,
        (["array"], _) if !several_of().is_empty() => FieldType::MultiChoice { choices: several_of() },
        (["array"], _) => FieldType::List,
        (["object"] | [], _) => FieldType::Json,
        (kinds, _) => return Err(format!("no field holds {}", kinds.join(" or "))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices() -> Vec<FieldChoice> {
        vec![FieldChoice {
            value: "a".into(),
            label: "The first".into(),
        }]
    }

    #[test]
    fn every_type_comes_back_from_its_schema() {
        let kinds = [
            FieldType::Text,
            FieldType::LongText,
            FieldType::Integer,
            FieldType::Decimal,
            FieldType::Float,
            FieldType::Bool,
            FieldType::Date,
            FieldType::DateTime,
            FieldType::Choice { choices: choices() },
            FieldType::Choice { choices: Vec::new() },
            FieldType::MultiChoice { choices: choices() },
            FieldType::Email,
            FieldType::Phone,
            FieldType::Url,
            FieldType::Money,
            FieldType::Reference {
                blueprint: "person".into(),
            },
            FieldType::List,
            FieldType::Json,
        ];
        let mut fields: Vec<Field> = kinds
            .into_iter()
            .enumerate()
            .map(|(n, kind)| Field::new(format!("z{}", 99 - n), kind))
            .collect();
        fields[0].required = true;
        fields[1].unique = true;
        fields[2].default = Some(Value::Int(3));
        fields[3].indexed = true;
        fields[0].searchable = true;
        fields[4].description = "how much".into();
        fields[5].computed = Some("z97 > 3".into());
        fields[15].on_delete = crate::model::DeleteRule::Cascade;
        let mut blueprint = Blueprint::new(1, 1, "thing", fields);
        blueprint.groups = vec![vec!["z99".into(), "z98".into()]];
        let form = from_json_schema(&to_json_schema(&blueprint)).unwrap();
        assert_eq!(form.fields, blueprint.fields);
        assert_eq!((form.name.as_deref(), form.groups), (Some("thing"), blueprint.groups));
    }

    #[test]
    fn a_schema_from_elsewhere_is_read_by_its_standard_words_and_all_that_is_wrong_is_told() {
        let form = from_json_schema(&json!({"type": "object", "required": ["sku"], "properties": {
            "sku": {"type": "string"}, "mail": {"type": ["string", "null"], "format": "email"},
            "size": {"enum": ["s", "m"]}, "meta": {"type": "object"}}}))
        .unwrap();
        let kinds: Vec<&str> = form.fields.iter().map(|field| field.kind.label()).collect();
        let mut wanted = vec!["text", "e-mail address", "choice", "JSON"];
        let mut kinds = kinds;
        kinds.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(kinds, wanted);
        let findings = from_json_schema(&json!({"required": ["gone"], "properties": {
            "a": {"x-syncline-type": "text", "default": [1, 2]}, "b": {"type": ["string", "integer"]}}}))
        .unwrap_err();
        assert_eq!(findings.len(), 3, "{findings:?}");
    }
}

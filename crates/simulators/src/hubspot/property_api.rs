//! Property definitions and their groups.

use serde_json::{Value, json};

use super::answer::Answer;
use super::portal::Portal;
use super::property::{Property, PropertyGroup, PropertyOption};
use super::request::{ApiRequest, text_or_number};

/// How many unique properties a type can have besides HubSpot's own.
const MOST_UNIQUE: usize = 10;

const PAIRS: &[(&str, &[&str])] = &[
    ("string", &["text", "textarea", "html", "file", "phonenumber"]),
    ("number", &["number", "calculation_equation"]),
    ("date", &["date"]),
    ("datetime", &["date"]),
    ("enumeration", &["select", "radio", "checkbox", "booleancheckbox"]),
    ("bool", &["booleancheckbox"]),
    ("phone_number", &["phonenumber"]),
];

impl Portal {
    /// Requests below `properties/{type}`.
    pub(super) fn properties(&mut self, request: &ApiRequest, object: usize, rest: &[&str]) -> Answer {
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let archived = request.flag("archived");
                let results: Vec<Value> = self
                    .store(object)
                    .object
                    .properties
                    .iter()
                    .filter(|property| property.archived_at.is_some() == archived)
                    .map(Property::json)
                    .collect();
                Answer::json(200, &json!({"results": results}))
            }
            ("POST", []) => match request.json() {
                Ok(body) => match self.define(object, &body) {
                    Ok(shown) => Answer::json(201, &shown).touching(1),
                    Err(answer) => answer,
                },
                Err(message) => self.problem(400, "", &message, Value::Null),
            },
            (_, ["groups", rest @ ..]) => self.property_groups(request, object, rest),
            ("POST", ["batch", action]) => self.property_batch(request, object, action),
            ("GET", [name]) => {
                let found = self.store(object).object.properties.any(name);
                match found.filter(|property| property.archived_at.is_some() == request.flag("archived")) {
                    Some(property) => Answer::json(200, &property.json()),
                    None => self.unknown_property(object, name),
                }
            }
            ("PATCH", [name]) => self.redefine(request, object, name),
            ("DELETE", [name]) => self.archive_property(object, name),
            _ => self.not_found(),
        }
    }

    fn unknown_property(&mut self, object: usize, name: &str) -> Answer {
        let type_id = self.store(object).object.type_id;
        let message = format!("Property {name} does not exist for {type_id}");
        self.problem(404, "OBJECT_NOT_FOUND", &message, Value::Null)
    }

    /// Adds a property from its definition and shows it.
    pub(super) fn define(&mut self, object: usize, body: &Value) -> Result<Value, Answer> {
        let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
        let (name, label, type_name, field_type, group) = (
            text("name"),
            text("label"),
            text("type"),
            text("fieldType"),
            text("groupName"),
        );
        let wanted = [
            ("name", name),
            ("label", label),
            ("type", type_name),
            ("fieldType", field_type),
            ("groupName", group),
        ];
        let missing: Vec<&str> = wanted
            .into_iter()
            .filter(|(_, value)| value.is_empty())
            .map(|(key, _)| key)
            .collect();
        if !missing.is_empty() {
            return Err(self.invalid(&format!("Some required fields were not set: [{}]", missing.join(", "))));
        }
        let well_formed = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
        if !well_formed {
            return Err(self.invalid(&format!(
                "Property name {name} is invalid: names begin with a letter and hold lower-case letters, digits and underscores"
            )));
        }
        if !PAIRS
            .iter()
            .any(|(known, field_types)| *known == type_name && field_types.contains(&field_type))
        {
            return Err(self.invalid(&format!("fieldType {field_type} is not valid for type {type_name}")));
        }
        let now = self.now();
        let table = &self.store(object).object.properties;
        if table.any(name).is_some() {
            let message = format!("Property {name} already exists");
            return Err(self.problem(
                409,
                "OBJECT_ALREADY_EXISTS",
                &message,
                json!({"context": {"name": [name]}}),
            ));
        }
        if !table.groups.contains_key(group) {
            return Err(self.invalid(&format!("Property group {group} does not exist")));
        }
        let unique = body.get("hasUniqueValue").and_then(Value::as_bool).unwrap_or(false);
        if unique && table.iter().filter(|property| property.unique).count() >= MOST_UNIQUE {
            return Err(self.invalid(&format!("The limit of {MOST_UNIQUE} unique properties is reached")));
        }
        let mut property = Property::new(name, label, type_name, field_type, group);
        property.unique = unique;
        property.calculated = field_type == "calculation_equation";
        property.created = Some(now);
        property.options = options(body);
        describe(&mut property, body);
        property.updated = Some(now);
        if type_name == "bool" && property.options.is_empty() {
            property.options = options(&json!({"options": [
                {"label": "Yes", "value": "true", "displayOrder": 0}, {"label": "No", "value": "false", "displayOrder": 1},
            ]}));
        }
        let shown = property.json();
        self.store_mut(object).object.properties.define(property);
        Ok(shown)
    }

    fn redefine(&mut self, request: &ApiRequest, object: usize, name: &str) -> Answer {
        let body = match request.json() {
            Ok(body) => body,
            Err(message) => return self.problem(400, "", &message, Value::Null),
        };
        let now = self.now();
        let Some(known) = self.store(object).object.properties.get(name) else {
            return self.unknown_property(object, name);
        };
        if known.read_only_definition {
            return self.invalid(&format!("The definition of property {name} is read only"));
        }
        let mut property = known.clone();
        describe(&mut property, &body);
        for (key, slot) in [("label", &mut property.label), ("groupName", &mut property.group)] {
            if let Some(text) = body.get(key).and_then(Value::as_str) {
                text.clone_into(slot);
            }
        }
        if body.get("options").is_some() {
            property.options = options(&body);
        }
        property.updated = Some(now);
        let shown = property.json();
        self.store_mut(object).object.properties.define(property);
        Answer::json(200, &shown).touching(1)
    }

    pub(super) fn archive_property(&mut self, object: usize, name: &str) -> Answer {
        let now = self.now();
        let Some(property) = self.store(object).object.properties.get(name) else {
            return self.unknown_property(object, name);
        };
        if property.hubspot_defined {
            return self.invalid(&format!("Property {name} is defined by HubSpot and cannot be archived"));
        }
        if let Some(property) = self.store_mut(object).object.properties.get_mut(name) {
            property.archived_at = Some(now);
        }
        Answer::empty().touching(1)
    }

    fn property_batch(&mut self, request: &ApiRequest, object: usize, action: &str) -> Answer {
        let body = match request.json() {
            Ok(body) => body,
            Err(message) => return self.problem(400, "", &message, Value::Null),
        };
        let inputs = body
            .get("inputs")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let mut results = Vec::new();
        for input in &inputs {
            let name = text_or_number(input.get("name")).unwrap_or_default();
            match action {
                "create" => match self.define(object, input) {
                    Ok(shown) => results.push(shown),
                    Err(answer) => return answer,
                },
                "read" => results.extend(self.store(object).object.properties.get(&name).map(Property::json)),
                "archive" => {
                    let _unknown_is_fine = self.archive_property(object, &name);
                }
                _ => return self.not_found(),
            }
        }
        if action == "archive" {
            return Answer::empty().touching(inputs.len() as u64);
        }
        let now = self.now().to_string();
        let body = json!({"completedAt": now, "status": "COMPLETE", "startedAt": now, "results": results});
        Answer::json(if action == "create" { 201 } else { 200 }, &body)
    }

    fn property_groups(&mut self, request: &ApiRequest, object: usize, rest: &[&str]) -> Answer {
        let shown = |name: &str, group: &PropertyGroup| json!({"name": name, "label": group.label, "displayOrder": group.display_order, "archived": false});
        let groups = &self.store(object).object.properties.groups;
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let results: Vec<Value> = groups.iter().map(|(name, group)| shown(name, group)).collect();
                Answer::json(200, &json!({"results": results}))
            }
            ("GET", [name]) => match groups.get(*name) {
                Some(group) => Answer::json(200, &shown(name, group)),
                None => self.not_found(),
            },
            ("PATCH", [name]) => {
                let body = request.json().unwrap_or_default();
                let table = &mut self.store_mut(object).object.properties;
                let Some(group) = table.groups.get_mut(*name) else {
                    return self.not_found();
                };
                if let Some(label) = text_or_number(body.get("label")) {
                    group.label = label;
                }
                if let Some(order) = body.get("displayOrder").and_then(Value::as_i64) {
                    group.display_order = order;
                }
                Answer::json(200, &shown(name, group)).touching(1)
            }
            ("DELETE", [name]) => {
                self.store_mut(object).object.properties.groups.shift_remove(*name);
                Answer::empty().touching(1)
            }
            ("POST", []) => {
                let body = match request.json() {
                    Ok(body) => body,
                    Err(message) => return self.problem(400, "", &message, Value::Null),
                };
                let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
                let (name, label) = (text("name"), text("label"));
                if name.is_empty() || label.is_empty() {
                    return self.invalid("Some required fields were not set: [name, label]");
                }
                if groups.contains_key(name) {
                    let message = format!("Property group {name} already exists");
                    return self.problem(409, "OBJECT_ALREADY_EXISTS", &message, Value::Null);
                }
                let table = &mut self.store_mut(object).object.properties;
                table.group(name, label);
                match table.groups.get(name) {
                    Some(group) => Answer::json(201, &shown(name, group)).touching(1),
                    None => self.not_found(),
                }
            }
            _ => self.not_found(),
        }
    }
}

/// The parts of a definition that may change later.
fn describe(property: &mut Property, body: &Value) {
    if let Some(text) = body.get("description").and_then(Value::as_str) {
        text.clone_into(&mut property.description);
    }
    for (key, slot) in [
        ("hidden", &mut property.hidden),
        ("formField", &mut property.form_field),
    ] {
        if let Some(flag) = body.get(key).and_then(Value::as_bool) {
            *slot = flag;
        }
    }
    if let Some(order) = body.get("displayOrder").and_then(Value::as_i64) {
        property.display_order = order;
    }
}

fn options(body: &Value) -> Vec<PropertyOption> {
    let given = body
        .get("options")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    given
        .iter()
        .zip(0..)
        .map(|(option, position)| PropertyOption {
            label: option
                .get("label")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            value: option
                .get("value")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            description: option.get("description").and_then(Value::as_str).map(str::to_owned),
            display_order: option.get("displayOrder").and_then(Value::as_i64).unwrap_or(position),
            hidden: option.get("hidden").and_then(Value::as_bool).unwrap_or(false),
        })
        .collect()
}

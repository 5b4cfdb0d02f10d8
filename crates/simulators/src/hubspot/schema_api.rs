//! Custom object types over HTTP: made, described, changed and archived.

use serde_json::{Value, json};

use super::answer::Answer;
use super::builtin;
use super::portal::Portal;
use super::property::Property;
use super::request::{ApiRequest, strings, text_or_number};
use super::schema::ObjectType;
use super::store::ObjectStore;

/// The most custom object types of an account.
const MOST: usize = 10;

/// A name that lives as long as the account: types are few, and everything refers to their names.
fn kept(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn all_kept(texts: &[String]) -> &'static [&'static str] {
    let texts: Vec<&'static str> = texts.iter().map(|text| kept(text)).collect();
    Box::leak(texts.into_boxed_slice())
}

impl Portal {
    /// Requests below `schemas`.
    pub(super) fn schemas_request(&mut self, request: &ApiRequest, rest: &[&str]) -> Answer {
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let wanted = request.flag("archived");
                let results: Vec<Value> = (0..self.stores.len())
                    .filter(|object| self.store(*object).object.custom)
                    .filter(|object| self.archived_types.contains(object) == wanted)
                    .map(|object| self.schema(object))
                    .collect();
                Answer::json(200, &json!({"results": results}))
            }
            ("POST", []) => self.create_schema(request),
            ("POST", ["batch", "read"]) => self.read_schemas(request),
            (_, [name]) => match self.object(name) {
                Some(object) => self.one_schema(request, object),
                None => self.unknown_type(name),
            },
            ("POST", [name, "associations"]) => match self.object(name) {
                Some(object) => self.associate_types(request, object),
                None => self.unknown_type(name),
            },
            ("DELETE", [name, "associations", id]) => match self.object(name) {
                Some(object) => {
                    if let Ok(id) = id.parse() {
                        self.associations.remove_type(object, id);
                    }
                    Answer::empty()
                }
                None => self.unknown_type(name),
            },
            _ => self.not_found(),
        }
    }

    fn read_schemas(&mut self, request: &ApiRequest) -> Answer {
        let body = request.json().unwrap_or_default();
        let inputs = body
            .get("inputs")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let (mut results, mut missing) = (Vec::new(), Vec::new());
        for name in strings(Some(&Value::Array(inputs))) {
            match self.object(&name) {
                Some(object) => results.push(self.schema(object)),
                None => missing.push(name),
            }
        }
        let now = self.now().to_string();
        let mut answer = json!({"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now});
        if let (false, Some(fields)) = (missing.is_empty(), answer.as_object_mut()) {
            fields.insert("numErrors".into(), missing.len().into());
            fields.insert(
                "errors".into(),
                json!([{"status": "error", "category": "OBJECT_NOT_FOUND",
                "message": "Some object types do not exist", "context": {"ids": missing}}]),
            );
        }
        Answer::json(if missing.is_empty() { 200 } else { 207 }, &answer)
    }

    fn one_schema(&mut self, request: &ApiRequest, object: usize) -> Answer {
        let custom = self.store(object).object.custom;
        match request.method.as_str() {
            "GET" => Answer::json(200, &self.schema(object)),
            "PATCH" if custom => {
                let body = request.json().unwrap_or_default();
                let text = |key: &str| text_or_number(body.pointer(key));
                let described = &mut self.store_mut(object).object;
                if let Some(label) = text("/labels/singular") {
                    described.singular_label = kept(&label);
                }
                if let Some(label) = text("/labels/plural") {
                    described.plural_label = kept(&label);
                }
                if let Some(display) = text("/primaryDisplayProperty") {
                    described.display = kept(&display);
                }
                if body.get("requiredProperties").is_some() {
                    described.required = all_kept(&strings(body.get("requiredProperties")));
                }
                if body.get("searchableProperties").is_some() {
                    described.searchable = all_kept(&strings(body.get("searchableProperties")));
                }
                let mut shown = self.store(object).object.json(self.id);
                if let Some(fields) = shown.as_object_mut() {
                    fields.insert("portalId".into(), self.id.into());
                }
                Answer::json(200, &shown).touching(1)
            }
            "DELETE" if custom => {
                if self.store(object).shelf(super::store::Shelf::Live).is_empty() {
                    self.archived_types.insert(object);
                    return Answer::empty().touching(1);
                }
                self.invalid("The object type can't be deleted while there are records of it")
            }
            _ => self.invalid("Only custom object types can be changed"),
        }
    }

    fn create_schema(&mut self, request: &ApiRequest) -> Answer {
        let body = match request.json() {
            Ok(body) => body,
            Err(message) => return self.problem(400, "", &message, Value::Null),
        };
        let text = |key: &str| text_or_number(body.pointer(key)).unwrap_or_default();
        let (name, singular, plural) = (text("/name"), text("/labels/singular"), text("/labels/plural"));
        let properties = body
            .get("properties")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        if name.is_empty() || body.get("labels").is_none() || properties.is_empty() {
            return self.invalid("Some required fields were not set: [name, labels, properties]");
        }
        let custom = self.stores.iter().filter(|store| store.object.custom).count();
        if custom >= MOST {
            return self.invalid(&format!("The limit of {MOST} custom object types is reached"));
        }
        if self.object(&name).is_some() {
            let message = format!("Object type with name {name} already exists");
            return self.problem(409, "OBJECT_ALREADY_EXISTS", &message, Value::Null);
        }
        let object = self.stores.len();
        let number = 1_000_001 + custom;
        let name = kept(&name);
        let described = ObjectType {
            type_id: kept(&format!("2-{number}")),
            singular: name,
            plural: name,
            singular_label: kept(&singular),
            plural_label: kept(&plural),
            upper: kept(&format!("2-{number}")),
            custom: true,
            created_property: "hs_createdate",
            modified_property: "hs_lastmodifieddate",
            defaults: &[],
            required: all_kept(&strings(body.get("requiredProperties"))),
            required_2026_09: &[],
            searchable: all_kept(&strings(body.get("searchableProperties"))),
            display: kept(&text("/primaryDisplayProperty")),
            scope: "custom",
            first_id: 8_700_000_001 + u64::try_from(custom).unwrap_or_default() * 100_000_000,
            properties: builtin::table(name),
        };
        self.stores.push(ObjectStore::new(described));
        self.add_pipelines();
        for property in &properties {
            let mut property = property.clone();
            if let Some(fields) = property.as_object_mut() {
                fields.entry("groupName").or_insert_with(|| "information".into());
            }
            if let Err(answer) = self.define(object, &property) {
                self.stores.pop();
                self.remove_pipelines();
                return answer;
            }
        }
        for other in strings(body.get("associatedObjects")) {
            if let Some(other) = self.object(&other) {
                self.relate(object, other, None);
            }
        }
        Answer::json(201, &self.schema(object)).touching(1)
    }

    fn relate(&mut self, object: usize, other: usize, name: Option<&str>) -> u64 {
        let (from, to) = (self.store(object).object.singular, self.store(other).object.singular);
        let forward = name.map_or_else(|| format!("{from}_to_{to}"), str::to_owned);
        let backward = format!("{to}_to_{from}");
        self.associations.add_plain((object, other), forward, backward)
    }

    fn associate_types(&mut self, request: &ApiRequest, object: usize) -> Answer {
        let body = request.json().unwrap_or_default();
        let to = text_or_number(body.get("toObjectTypeId")).unwrap_or_default();
        let Some(other) = self.object(&to) else {
            return self.unknown_type(&to);
        };
        let name = text_or_number(body.get("name"));
        let id = self.relate(object, other, name.as_deref());
        let now = self.now().to_string();
        let shown = json!({
            "id": id.to_string(),
            "fromObjectTypeId": self.store(object).object.type_id,
            "toObjectTypeId": self.store(other).object.type_id,
            "name": name,
            "createdAt": now,
            "updatedAt": now,
        });
        Answer::json(201, &shown).touching(1)
    }

    fn schema(&self, object: usize) -> Value {
        let described = &self.store(object).object;
        let mut shown = described.json(self.id);
        let properties: Vec<Value> = described
            .properties
            .iter()
            .filter(|property| property.archived_at.is_none())
            .map(Property::json)
            .collect();
        let mut associations = Vec::new();
        for other in 0..self.stores.len() {
            let to = self.store(other).object.type_id;
            for kind in self.associations.types((object, other)) {
                associations.push(json!({
                    "id": kind.type_id.to_string(),
                    "fromObjectTypeId": described.type_id,
                    "toObjectTypeId": to,
                    "name": kind.name,
                }));
            }
        }
        if let Some(fields) = shown.as_object_mut() {
            fields.insert("properties".into(), properties.into());
            fields.insert("associations".into(), associations.into());
            fields.insert("archived".into(), self.archived_types.contains(&object).into());
        }
        shown
    }
}

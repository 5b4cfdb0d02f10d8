//! Imports of CSV files: mapped by column, checked like any other write, with the rows that failed.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::portal::Portal;
use super::request::{ApiRequest, text_or_number};
use super::stamp::Stamp;
use crate::multipart::parts;

/// One import; it is done when its request is answered, and says so from the next look on.
#[derive(Clone, Debug)]
pub(super) struct Import {
    id: u64,
    name: String,
    request: Value,
    types: Vec<&'static str>,
    created: Stamp,
    looked_at: bool,
    canceled: bool,
    counters: Map<String, Value>,
    errors: Vec<Value>,
}

impl Import {
    fn json(&self) -> Value {
        let state = match (self.canceled, self.looked_at) {
            (true, _) => "CANCELED",
            (false, true) => "DONE",
            (false, false) => "STARTED",
        };
        json!({
            "id": self.id.to_string(),
            "state": state,
            "importName": self.name,
            "importSource": "API",
            "importRequestJson": self.request,
            "optOutImport": false,
            "mappedObjectTypeIds": self.types,
            "createdAt": self.created.to_string(),
            "updatedAt": self.created.to_string(),
            "metadata": {"counters": self.counters, "fileIds": [self.id.to_string()], "objectLists": []},
        })
    }
}

/// How one column is taken.
struct Column {
    position: usize,
    object: usize,
    property: String,
    /// `HUBSPOT_OBJECT_ID`, `HUBSPOT_ALTERNATE_ID` or nothing.
    role: String,
}

impl Portal {
    /// Requests below `imports`.
    pub(super) fn imports_request(&mut self, request: &ApiRequest, rest: &[&str]) -> Answer {
        match (request.method.as_str(), rest) {
            ("POST", []) => self.start_import(request),
            ("GET", []) => {
                let results: Vec<Value> = self.imports.iter().map(Import::json).collect();
                Answer::json(200, &json!({"results": results}))
            }
            (_, [id, rest @ ..]) => {
                let Some(import) = self.imports.iter_mut().find(|import| import.id.to_string() == **id) else {
                    return self.not_found();
                };
                match (request.method.as_str(), rest) {
                    ("GET", []) => {
                        import.looked_at = true;
                        Answer::json(200, &import.json())
                    }
                    ("GET", ["errors"]) => Answer::json(200, &json!({"results": import.errors})),
                    ("POST", ["cancel"]) => {
                        import.canceled |= !import.looked_at;
                        let now = self.now().to_string();
                        Answer::json(
                            200,
                            &json!({"status": "COMPLETE", "startedAt": now, "completedAt": now}),
                        )
                    }
                    _ => self.not_found(),
                }
            }
            _ => self.not_found(),
        }
    }

    fn start_import(&mut self, request: &ApiRequest) -> Answer {
        let parts: Vec<(String, &[u8])> = parts(&request.body)
            .into_iter()
            .map(|part| (part.name, part.content))
            .collect();
        let part = |name: &str| parts.iter().find(|(known, _)| known == name).map(|(_, body)| *body);
        let described: Value = part("importRequest")
            .and_then(|body| serde_json::from_slice(body).ok())
            .unwrap_or_default();
        let (Some(page), Some(file)) = (described.pointer("/files/0/fileImportPage"), part("files")) else {
            return self.invalid("Some required fields were not set: [importRequest.files, files]");
        };
        let mut columns = Vec::new();
        for (position, mapping) in page
            .get("columnMappings")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            let text = |key: &str| text_or_number(mapping.get(key)).unwrap_or_default();
            let type_id = text("columnObjectTypeId");
            let Some(object) = self.object(&type_id) else {
                return self.unknown_type(&type_id);
            };
            columns.push(Column {
                position,
                object,
                property: text("propertyName"),
                role: text("columnType"),
            });
        }
        let header = page.get("hasHeader").and_then(Value::as_bool).unwrap_or(true);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(header)
            .flexible(true)
            .from_reader(file);
        let rows: Vec<csv::StringRecord> = reader.records().filter_map(Result::ok).collect();
        let mut objects: Vec<usize> = columns.iter().map(|column| column.object).collect();
        objects.dedup();
        let (mut made, mut changed, mut errors) = (0_u64, 0_u64, Vec::new());
        for (number, row) in rows.iter().enumerate() {
            for object in &objects {
                match self.import_row(request, *object, &columns, row, &described) {
                    Ok(true) => made += 1,
                    Ok(false) => changed += 1,
                    Err(message) => errors.push(json!({
                        "id": (number + 1).to_string(),
                        "createdAt": self.now().0 / 1_000,
                        "errorType": "PROPERTY_VALUE_NOT_FOUND",
                        "errorMessage": message,
                        "objectTypeId": self.store(*object).object.type_id,
                        "sourceData": {"rowData": row.iter().collect::<Vec<_>>(), "fileId": 1, "lineNumber": number + 2,
                            "pageName": ""},
                    })),
                }
            }
        }
        let counters = json!({"TOTAL_ROWS": rows.len(), "CREATED_OBJECTS": made, "UPDATED_OBJECTS": changed,
            "ERRORS": errors.len()});
        let import = Import {
            id: 24_500_000 + u64::try_from(self.imports.len()).unwrap_or_default(),
            name: text_or_number(described.get("name")).unwrap_or_default(),
            types: objects
                .iter()
                .map(|object| self.store(*object).object.type_id)
                .collect(),
            request: described,
            created: self.now(),
            looked_at: false,
            canceled: false,
            counters: counters.as_object().cloned().unwrap_or_default(),
            errors,
        };
        let shown = import.json();
        self.imports.push(import);
        Answer::json(200, &shown).touching(made + changed)
    }

    /// Writes one row of one type; whether it made a record.
    fn import_row(
        &mut self,
        request: &ApiRequest,
        object: usize,
        columns: &[Column],
        row: &csv::StringRecord,
        described: &Value,
    ) -> Result<bool, String> {
        let type_id = self.store(object).object.type_id;
        let operation = described
            .pointer(&format!("/importOperations/{type_id}"))
            .and_then(Value::as_str);
        let mut properties = Map::new();
        let mut known = None;
        for column in columns.iter().filter(|column| column.object == object) {
            let value = row.get(column.position).unwrap_or_default();
            match column.role.as_str() {
                "HUBSPOT_OBJECT_ID" => {
                    known = value
                        .parse()
                        .ok()
                        .and_then(|id| self.store(object).live(id).map(|r| r.id));
                }
                role => {
                    let number = self.store(object).identifies(&column.property);
                    if (role == "HUBSPOT_ALTERNATE_ID" || column.property == "email")
                        && let Some(number) = number
                    {
                        known = known.or_else(|| self.store(object).owner_of(number, value));
                    }
                    properties.insert(column.property.clone(), value.into());
                }
            }
        }
        let now = self.now();
        let record = known.and_then(|id| self.store(object).live(id)).cloned();
        let told = |refusal: super::write::Refusal| format!("{refusal:?}");
        match (record, operation.unwrap_or("UPSERT")) {
            (None, "UPDATE") => Err("there is no such record".to_owned()),
            (Some(record), "UPDATE" | "UPSERT") => {
                let changes = self.check(object, Some(&record), &properties).map_err(told)?;
                self.check_unique(object, Some(record.id), &changes).map_err(told)?;
                self.modify(object, record.id, &changes, &request.author, now)
                    .map_err(told)?;
                Ok(false)
            }
            _ => {
                let changes = self.check(object, None, &properties).map_err(told)?;
                self.check_unique(object, None, &changes).map_err(told)?;
                self.insert(object, &changes, &request.author, now);
                Ok(true)
            }
        }
    }
}

//! Exports: a CSV of records that is ready at the next look, at an address of its own.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::answer::Answer;
use super::portal::Portal;
use super::request::{ApiRequest, strings, text_or_number};
use super::store::Shelf;

/// One export, written when it was asked for.
#[derive(Clone, Debug)]
pub(super) struct Export {
    id: u64,
    pub(super) key: String,
    pub(super) csv: String,
    looked_at: bool,
    started: String,
    name: String,
    object_type: &'static str,
    columns: Vec<String>,
}

impl Portal {
    /// Requests below `exports`.
    pub(super) fn exports_request(&mut self, request: &ApiRequest, rest: &[&str]) -> Answer {
        match (request.method.as_str(), rest) {
            ("POST", ["export", "async"]) => self.start_export(request),
            ("GET", ["export", id]) => {
                let base = request.base.clone();
                let Some(export) = self.exports.iter_mut().find(|export| export.id.to_string() == **id) else {
                    return self.not_found();
                };
                export.looked_at = true;
                Answer::json(
                    200,
                    &json!({"id": id, "exportName": export.name, "exportState": "DONE", "exportType": "VIEW",
                        "recordCount": export.csv.lines().count().saturating_sub(1), "objectType": export.object_type,
                        "objectProperties": export.columns, "createdAt": export.started, "updatedAt": export.started,
                        "result": format!("{base}/exported/v1/{}", export.key)}),
                )
            }
            ("GET", ["export", "async", "tasks", id, "status"]) => {
                let base = request.base.clone();
                let now = self.now().to_string();
                let Some(export) = self.exports.iter_mut().find(|export| export.id.to_string() == **id) else {
                    return self.not_found();
                };
                let was_looked_at = std::mem::replace(&mut export.looked_at, true);
                let mut body = json!({
                    "status": if was_looked_at { "COMPLETE" } else { "PROCESSING" },
                    "requestedAt": export.started, "startedAt": export.started, "completedAt": now,
                });
                if let (true, Some(fields)) = (was_looked_at, body.as_object_mut()) {
                    fields.insert("result".into(), format!("{base}/exported/v1/{}", export.key).into());
                    fields.insert("numErrors".into(), 0.into());
                }
                Answer::json(200, &body)
            }
            _ => self.not_found(),
        }
    }

    fn start_export(&mut self, request: &ApiRequest) -> Answer {
        let body = match request.json() {
            Ok(body) => body,
            Err(message) => return self.problem(400, "", &message, Value::Null),
        };
        let type_name = text_or_number(body.get("objectType")).unwrap_or_default();
        let Some(object) = self.object(&type_name) else {
            return self.unknown_type(&type_name);
        };
        let columns = strings(body.get("objectProperties"));
        let store = self.store(object);
        let mut csv = String::from("Record ID");
        for column in &columns {
            let label = store
                .object
                .properties
                .get(column)
                .map_or(column.as_str(), |property| property.label.as_str());
            cell(&mut csv, label);
        }
        csv.push('\n');
        for record in store.shelf(Shelf::Live).values() {
            // Writing to a string can't fail.
            let _always = write!(csv, "{}", record.id);
            for column in &columns {
                let value = record.read_named(&store.object.properties, column).unwrap_or_default();
                cell(&mut csv, &value);
            }
            csv.push('\n');
        }
        let id = 77 + u64::try_from(self.exports.len()).unwrap_or_default();
        let key = self.correlation_id();
        let started = self.now().to_string();
        let status = format!("{}/crm/v3/exports/export/async/tasks/{id}/status", request.base);
        let object_type = self.store(object).object.upper;
        self.exports.push(Export {
            id,
            key,
            csv,
            looked_at: false,
            started,
            name: text_or_number(body.get("exportName")).unwrap_or_default(),
            object_type,
            columns,
        });
        Answer::json(202, &json!({"id": id.to_string(), "links": {"status": status}}))
    }

    /// The file of an export; its address is its only secret.
    pub(super) fn exported(&mut self, key: &str) -> Answer {
        match self.exports.iter().find(|export| export.key == key) {
            Some(export) => Answer {
                status: 200,
                body: export.csv.clone().into_bytes(),
                ..Answer::empty()
            },
            None => self.not_found(),
        }
    }
}

fn cell(csv: &mut String, text: &str) {
    csv.push(',');
    if text.contains([',', '"', '\n', '\r']) {
        csv.push('"');
        csv.push_str(&text.replace('"', "\"\""));
        csv.push('"');
    } else {
        csv.push_str(text);
    }
}

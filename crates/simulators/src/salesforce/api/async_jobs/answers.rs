//! What the older API answers with, in the form of the job: JSON, CSV or XML.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::soap::escape;
use super::{AsyncJob, Batch, Content};

pub(super) const NAMESPACE: &str = "http://www.force.com/2009/06/asyncapi/dataload";

/// Outcomes of writes; or where a query's records are.
pub(super) fn result(job: &AsyncJob, batch: &Batch, json: bool) -> Response {
    if job.operation.starts_with("query") {
        let id = format!("752{}", &batch.id.as_str()[3..]);
        if json {
            return shown(StatusCode::OK, "", &json!([id]), true);
        }
        let list = format!("<result-list xmlns=\"{NAMESPACE}\"><result>{id}</result></result-list>");
        return xml_response(StatusCode::OK, &list);
    }
    match job.content {
        Content::Json => shown(StatusCode::OK, "", &Value::Array(batch.rows.clone()), true),
        Content::Csv => {
            let mut out = String::from("\"Id\",\"Success\",\"Created\",\"Error\"\n");
            for row in &batch.rows {
                let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
                let error = row["errors"].get(0).map_or_else(String::new, |error| {
                    let fields: Vec<&str> = error["fields"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_str)
                        .collect();
                    let (code, message) = (&error["statusCode"], &error["message"]);
                    let plain = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                    format!("{}:{}:{} --", plain(code), plain(message), fields.join(", "))
                });
                out.push_str(&format!(
                    "\"{}\",\"{}\",\"{}\",\"{}\"\n",
                    text("id"),
                    row["success"],
                    row["created"],
                    error.replace('"', "\"\"")
                ));
            }
            (StatusCode::OK, [(header::CONTENT_TYPE, "text/csv")], out).into_response()
        }
        Content::Xml => {
            let rows: String = batch.rows.iter().map(|row| xml("result", row, false)).collect();
            xml_response(
                StatusCode::OK,
                &format!("<results xmlns=\"{NAMESPACE}\">{rows}</results>"),
            )
        }
    }
}

pub(super) fn query_result(job: &AsyncJob, batch: &Batch) -> Response {
    match job.content {
        Content::Csv => (
            StatusCode::OK,
            [(header::CONTENT_TYPE, "text/csv")],
            batch.table.clone(),
        )
            .into_response(),
        Content::Json => shown(StatusCode::OK, "", &Value::Array(batch.rows.clone()), true),
        Content::Xml => {
            let rows: String = batch.rows.iter().map(|row| xml("records", row, false)).collect();
            xml_response(
                StatusCode::OK,
                &format!("<queryResult xmlns=\"{NAMESPACE}\">{rows}</queryResult>"),
            )
        }
    }
}

pub(super) fn shown(status: StatusCode, name: &str, value: &Value, json: bool) -> Response {
    if json {
        let kind = [(header::CONTENT_TYPE, "application/json;charset=UTF-8")];
        return (status, kind, value.to_string()).into_response();
    }
    xml_response(status, &xml(name, value, true))
}

pub(super) fn xml_response(status: StatusCode, body: &str) -> Response {
    let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{body}");
    (status, [(header::CONTENT_TYPE, "application/xml")], text).into_response()
}

/// A JSON object as an element with an element per member; nulls are left out.
pub(super) fn xml(name: &str, value: &Value, outermost: bool) -> String {
    let space = if outermost {
        format!(" xmlns=\"{NAMESPACE}\"")
    } else {
        String::new()
    };
    match value {
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(|item| xml(name, item, false)).collect(),
        Value::Object(members) => {
            let inner: String = members.iter().map(|(name, value)| xml(name, value, false)).collect();
            format!("<{name}{space}>{inner}</{name}>")
        }
        Value::String(text) => format!("<{name}>{}</{name}>", escape(text)),
        other => format!("<{name}>{other}</{name}>"),
    }
}

//! The files: a manifest, and per entry a request and an answer.

use std::io::{Error, ErrorKind, Result};
use std::path::Path;

use serde_json::Value as Json;
use syncline_core::io::{Head, Response};

/// One recorded exchange.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The name of its file.
    pub file: String,
    /// The request that it answers, as the manifest says it.
    pub answers: String,
    /// The request, where it was recorded.
    pub request: Json,
    /// The status, where it was recorded.
    pub status: Option<u16>,
    headers: Vec<(String, String)>,
    /// The body: JSON, or text in a string.
    pub body: Json,
    folder: String,
}

/// Loads what a manifest lists.
///
/// # Errors
/// When the manifest or a file can't be read; the message names it.
pub(crate) fn load(manifest: &Path) -> Result<Vec<Recording>> {
    let folder = manifest.parent().unwrap_or(manifest);
    let entries = match json(manifest)? {
        Json::Array(entries) => entries,
        Json::Object(mut members) => match members.remove("files") {
            Some(Json::Array(entries)) => entries,
            _ => return Err(broken(manifest, "no list of files")),
        },
        _ => return Err(broken(manifest, "no list of files")),
    };
    entries.iter().map(|entry| one(folder, entry)).collect()
}

/// Loads what lies in a folder that has no manifest: every JSON file that holds an answer.
///
/// # Errors
/// When the folder or a file can't be read; the message names it.
pub(crate) fn load_unlisted(folder: &Path) -> Result<Vec<Recording>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") && json(&path)?.get("response").is_some() {
            names.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    names.sort();
    names
        .into_iter()
        .map(|name| one(folder, &serde_json::json!({ "file": name })))
        .collect()
}

fn one(folder: &Path, entry: &Json) -> Result<Recording> {
    let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let file = text("file");
    let content = json(&folder.join(&file))?;
    let response = &content["response"];
    let request = content["request"].clone();
    let status = response["status"].as_u64().or_else(|| entry["status"].as_u64());
    let headers = response["headers"].as_object().into_iter().flatten();
    let answers = match entry["answers"].as_str() {
        Some(answers) => answers.to_owned(),
        None => {
            let asked = |name: &str| request[name].as_str().unwrap_or_default();
            format!("{} {}", asked("method"), asked("url")).trim().to_owned()
        }
    };
    Ok(Recording {
        file,
        answers,
        request,
        status: status.and_then(|status| u16::try_from(status).ok()),
        headers: headers
            .filter_map(|(name, value)| {
                let value = value.as_str().or_else(|| value[0].as_str())?;
                Some((name.to_ascii_lowercase(), value.to_owned()))
            })
            .collect(),
        body: unwrapped(&response["body"]),
        folder: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    })
}

/// Some recorders keep a JSON body as a text.
fn unwrapped(body: &Json) -> Json {
    let text = body.as_str().unwrap_or_default();
    if text.trim_start().starts_with(['{', '['])
        && let Ok(json) = serde_json::from_str(text)
    {
        return json;
    }
    body.clone()
}

fn json(path: &Path) -> Result<Json> {
    let bytes =
        std::fs::read(path).map_err(|error| Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    serde_json::from_slice(&bytes).map_err(|error| broken(path, &error.to_string()))
}

fn broken(path: &Path, what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("{}: {what}", path.display()))
}

impl Recording {
    /// Whether it holds what the service said.
    pub(crate) fn is_answer(&self) -> bool {
        let says = !self.body.is_null() || self.status.is_some();
        // An event has no request before it; a body that another member of the exchange sends is no answer.
        (says || self.is_event()) && !self.is_job_request()
    }

    /// Whether the service sent it by itself.
    pub(crate) fn is_event(&self) -> bool {
        self.answers.contains("webhook") || self.answers.contains("event")
    }

    /// The literal bodies with which jobs are started carry an operation and no id.
    fn is_job_request(&self) -> bool {
        self.body.get("operation").is_some() && self.body.get("id").is_none()
    }

    /// Whether it is of Salesforce, by its folder, else by what it is like.
    pub(crate) fn is_salesforce(&self) -> bool {
        let folder = self.folder.to_ascii_lowercase();
        if folder.contains("salesforce") || folder.contains("hubspot") {
            return folder.contains("salesforce");
        }
        let told = format!("{} {}", self.answers, self.request["url"].as_str().unwrap_or_default());
        let members = ["totalSize", "attributes", "instance_url", "sobjects"];
        told.contains("/services/")
            || self.body[0].get("errorCode").is_some()
            || self.body[0].get("attributes").is_some()
            || members.iter().any(|member| self.body.get(member).is_some())
    }

    /// The verb and the path, in lower case, as far as they are known.
    pub(crate) fn call(&self) -> (String, String) {
        if let (Some(method), Some(url)) = (self.request["method"].as_str(), self.request["url"].as_str()) {
            let path = url.split_once("://").map_or(url, |(_, rest)| rest);
            let path = path.find('/').map_or("", |at| &path[at..]);
            return (method.to_ascii_lowercase(), path.to_ascii_lowercase());
        }
        let mut words = self.answers.split_whitespace();
        let method = words.next().unwrap_or_default().to_ascii_lowercase();
        let path = words.next().unwrap_or_default();
        let path = path
            .split_once("://")
            .map_or(path, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
        let path = if path.starts_with('/') { path } else { "" };
        if path.is_empty() {
            return (String::new(), self.answers.to_ascii_lowercase());
        }
        (method, path.to_ascii_lowercase())
    }

    /// The body as bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match &self.body {
            Json::Null => Vec::new(),
            Json::String(text) => text.clone().into_bytes(),
            json => json.to_string().into_bytes(),
        }
    }

    /// The status; that of a success or of a refusal, by the body, where none was recorded.
    pub(crate) fn status(&self) -> u16 {
        self.status.unwrap_or(if self.is_error() { 400 } else { 200 })
    }

    /// Whether the body is an error as a whole.
    pub(crate) fn is_error(&self) -> bool {
        self.status.is_some_and(|status| status >= 400)
            || self.body[0].get("errorCode").is_some()
            || self.body.get("error").is_some()
            || self.body.get("status").and_then(Json::as_str) == Some("error")
    }

    /// The answer as the host hands it over, with the time that every service tells.
    pub(crate) fn response(&self) -> Response {
        let mut headers = self.headers.clone();
        if !headers.iter().any(|(name, _)| name == "date") {
            headers.push(("date".into(), "Fri, 20 Nov 2026 10:00:00 GMT".into()));
        }
        Response {
            head: Head {
                status: self.status(),
                headers,
            },
            body: self.bytes().into(),
        }
    }
}

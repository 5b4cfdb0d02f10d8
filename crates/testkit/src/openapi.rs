//! A vendor's OpenAPI documents as a judge between client and server: each request and each answer is held against the
//! operation that it belongs to.

mod paths;
mod schema;

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value as Json;
use syncline_engine::http::{Limits, Transport, TransportError};

use paths::{Template, numbered};

/// One operation of a document.
struct Operation {
    document: usize,
    method: String,
    template: Template,
    definition: Json,
}

/// The operations of a folder of OpenAPI documents.
pub struct Specification {
    documents: Vec<Json>,
    operations: Vec<Operation>,
    validators: Mutex<BTreeMap<String, Arc<jsonschema::Validator>>>,
    seen: Mutex<Seen>,
}

/// What was held against the documents so far.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Exchanges by operation, such as `post /crm/v3/objects/contacts/batch/read`.
    pub checked: BTreeMap<String, u64>,
    /// Exchanges by path that no document has.
    pub unknown: BTreeMap<String, u64>,
    /// What broke a document, each once.
    pub violations: Vec<String>,
}

impl std::fmt::Debug for Specification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Specification")
            .field("documents", &self.documents.len())
            .field("operations", &self.operations.len())
            .finish_non_exhaustive()
    }
}

impl Specification {
    /// Reads every `.json` of a folder.
    ///
    /// # Errors
    /// When the folder or a document can't be read; the message names it.
    pub fn load(folder: &Path) -> Result<Self> {
        let mut files: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<Vec<_>>>()?;
        files.sort_by_key(std::fs::DirEntry::file_name);
        let mut specification = Self {
            documents: Vec::new(),
            operations: Vec::new(),
            validators: Mutex::default(),
            seen: Mutex::default(),
        };
        for file in files {
            let path = file.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let document: Json = serde_json::from_slice(&std::fs::read(&path)?)
                .map_err(|error| Error::new(ErrorKind::InvalidData, format!("{}: {error}", path.display())))?;
            let number = specification.documents.len();
            for (template, methods) in document["paths"].as_object().into_iter().flatten() {
                for (method, definition) in methods.as_object().into_iter().flatten() {
                    specification.operations.push(Operation {
                        document: number,
                        method: method.clone(),
                        template: Template::new(template),
                        definition: definition.clone(),
                    });
                }
            }
            specification.documents.push(schema::converted(document));
        }
        // The most literal template is the most telling one.
        specification
            .operations
            .sort_by_key(|operation| std::cmp::Reverse(operation.template.literals()));
        Ok(specification)
    }

    /// What was seen so far.
    pub fn seen(&self) -> Seen {
        self.seen.lock().map(|seen| seen.clone()).unwrap_or_default()
    }

    /// Holds one exchange against its operation.
    pub fn check(&self, request: &http::Request<Bytes>, response: &http::Response<Bytes>) {
        let method = request.method().as_str().to_ascii_lowercase();
        let path = numbered(request.uri().path());
        let found = self
            .operations
            .iter()
            .find(|operation| operation.method == method && operation.template.fits(&path));
        let Ok(mut seen) = self.seen.lock() else { return };
        let Some(operation) = found else {
            *seen.unknown.entry(format!("{method} {path}")).or_default() += 1;
            return;
        };
        let name = format!("{method} {}", operation.template);
        *seen.checked.entry(name.clone()).or_default() += 1;
        let mut wrong = Vec::new();
        // A refused request may well be one that the document refuses too.
        if response.status().as_u16() < 400 {
            self.check_request(operation, request, &mut wrong);
        }
        self.check_response(operation, response, &mut wrong);
        for wrong in wrong {
            let violation = format!("{name}: {wrong}");
            if seen.violations.len() < 200 && !seen.violations.contains(&violation) {
                seen.violations.push(violation);
            }
        }
    }

    fn check_request(&self, operation: &Operation, request: &http::Request<Bytes>, wrong: &mut Vec<String>) {
        let given: Vec<&str> = request
            .uri()
            .query()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split('=').next())
            .filter(|name| !name.is_empty())
            .collect();
        let parameters: Vec<&Json> = operation.definition["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .collect();
        let named = |name: &str| {
            parameters
                .iter()
                .any(|parameter| parameter["in"] == "query" && parameter["name"] == name)
        };
        for name in &given {
            if !named(name) {
                wrong.push(format!(
                    "the request has a parameter {name} that is not in the document"
                ));
            }
        }
        for parameter in &parameters {
            let name = parameter["name"].as_str().unwrap_or_default();
            if parameter["in"] == "query" && parameter["required"] == true && !given.contains(&name) {
                wrong.push(format!("the request has no parameter {name}"));
            }
        }
        let content = &operation.definition["requestBody"]["content"];
        if let Some(schema) = content.get("application/json").and_then(|json| json.get("schema")) {
            self.check_body(operation, "request", schema, request.body(), wrong);
        } else if !request.body().is_empty() && operation.definition.get("requestBody").is_none() {
            wrong.push("the request has a body, and the document none".into());
        }
    }

    fn check_response(&self, operation: &Operation, response: &http::Response<Bytes>, wrong: &mut Vec<String>) {
        let responses = &operation.definition["responses"];
        let status = response.status().as_u16().to_string();
        let Some(definition) = responses.get(&status).or_else(|| responses.get("default")) else {
            wrong.push(format!("status {status} is not in the document"));
            return;
        };
        if responses.get(&status).is_none() && response.status().is_success() {
            wrong.push(format!("status {status} of a success is not in the document"));
            return;
        }
        let content = definition["content"].as_object();
        if let Some(schema) = content
            .and_then(|content| content.values().next())
            .and_then(|content| content.get("schema"))
        {
            self.check_body(operation, &format!("answer {status}"), schema, response.body(), wrong);
        }
    }

    fn check_body(&self, operation: &Operation, what: &str, schema: &Json, body: &Bytes, wrong: &mut Vec<String>) {
        let instance: Json = match serde_json::from_slice(body) {
            Ok(instance) => instance,
            Err(error) => {
                wrong.push(format!("the {what} is no JSON: {error}"));
                return;
            }
        };
        let key = format!("{} {schema}", operation.document);
        let validator = {
            let Ok(mut validators) = self.validators.lock() else {
                return;
            };
            match validators.get(&key) {
                Some(validator) => Arc::clone(validator),
                None => match schema::compile(schema, &self.documents[operation.document]) {
                    Ok(validator) => {
                        let validator = Arc::new(validator);
                        validators.insert(key, Arc::clone(&validator));
                        validator
                    }
                    Err(error) => {
                        wrong.push(format!("the schema of the {what} can't be read: {error}"));
                        return;
                    }
                },
            }
        };
        for error in validator.iter_errors(&instance).take(5) {
            let place = error.instance_path().to_string();
            // Which of a hundred records it was does not matter.
            let place: String = place.chars().filter(|character| !character.is_ascii_digit()).collect();
            let said: String = error.to_string().chars().take(160).collect();
            wrong.push(format!("the {what} at {place:?}: {said}"));
        }
    }
}

/// A transport whose exchanges with one host are held against a specification.
#[derive(Debug, Clone)]
pub struct CheckedTransport<T> {
    inner: T,
    host: String,
    specification: Arc<Specification>,
}

impl<T> CheckedTransport<T> {
    /// Watches what `inner` exchanges with `host`.
    pub fn new(inner: T, host: impl Into<String>, specification: Arc<Specification>) -> Self {
        Self {
            inner,
            host: host.into(),
            specification,
        }
    }
}

#[async_trait]
impl<T: Transport> Transport for CheckedTransport<T> {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        limits: &Limits,
    ) -> std::result::Result<http::Response<Bytes>, TransportError> {
        if request.uri().host() != Some(self.host.as_str()) {
            return self.inner.send(request, limits).await;
        }
        let kept = request.clone();
        let response = self.inner.send(request, limits).await?;
        self.specification.check(&kept, &response);
        Ok(response)
    }
}

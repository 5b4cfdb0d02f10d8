//! A request after the transport: who asks, for which path, with which query and body.

use axum::http::Method;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::record::Author;

/// Which contract a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// v1 to v4.
    Numbered,
    /// 2026-03 and earlier dates.
    Dated,
    /// 2026-09, which enforces the portal's rules on writes.
    Dated2026September,
}

impl Version {
    fn of(segment: &str) -> Option<Self> {
        match segment {
            "v1" | "v2" | "v3" | "v4" => Some(Self::Numbered),
            "2025-09" | "2026-03" => Some(Self::Dated),
            "2026-09" => Some(Self::Dated2026September),
            _ => None,
        }
    }
}

/// One request to the API.
#[derive(Debug)]
pub(super) struct ApiRequest {
    pub(super) method: Method,
    pub(super) version: Version,
    /// The path without its version: `crm/objects/contacts/5` for both families.
    pub(super) segments: Vec<String>,
    /// The path as asked.
    pub(super) path: String,
    /// `http://host`, for links.
    pub(super) base: String,
    query: Vec<(String, String)>,
    pub(super) body: Bytes,
    pub(super) author: Author,
}

impl ApiRequest {
    /// Takes a path apart; `None` when it carries no version we know.
    pub(super) fn new(
        method: Method,
        path: &str,
        query: &str,
        base: String,
        body: Bytes,
        author: Author,
    ) -> Option<Self> {
        let mut segments: Vec<String> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        // The version stands second in numbered paths, and second or third in dated ones.
        let position = segments
            .iter()
            .take(3)
            .position(|segment| Version::of(segment).is_some())?;
        let version = Version::of(&segments.remove(position))?;
        let query = url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Some(Self {
            method,
            version,
            segments,
            path: path.to_owned(),
            base,
            query,
            body,
            author,
        })
    }

    /// The first value of a query parameter, unless it is empty.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The values of a parameter that may repeat and may hold a comma-separated list.
    pub(super) fn query_list(&self, name: &str) -> Vec<String> {
        self.query
            .iter()
            .filter(|(key, _)| key == name)
            .flat_map(|(_, value)| value.split(','))
            .map(str::trim)
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
            .collect()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.query(name) == Some("true")
    }

    /// The query without `after`, for the link to the next page.
    pub(super) fn link_to(&self, after: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.query.iter().filter(|(name, _)| name != "after") {
            query.append_pair(name, value);
        }
        query.append_pair("after", after);
        format!("{}{}?{}", self.base, self.path, query.finish())
    }

    /// The JSON body.
    ///
    /// # Errors
    /// The message of the 400 when the body is not JSON.
    pub(super) fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.body).map_err(|error| {
            format!(
                "Invalid input JSON on line {}, column {}: {error}",
                error.line(),
                error.column()
            )
        })
    }

    /// The JSON body of a write of one record.
    ///
    /// # Errors
    /// The message of the 400 when the body is not JSON or carries no properties.
    pub(super) fn record(&self) -> Result<Value, String> {
        let body = self.json()?;
        if body.get("properties").is_some_and(Value::is_object) {
            return Ok(body);
        }
        Err("Invalid input JSON on line 1, column 1: Some required fields were not set: [properties]".to_owned())
    }

    /// Method and segments as string slices, to match a route.
    pub(super) fn route(&self) -> (&str, Vec<&str>) {
        (self.method.as_str(), self.segments.iter().map(String::as_str).collect())
    }
}

/// A string or number as text: clients send ids and limits as either.
pub(super) fn text_or_number(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A list of strings in a body; absent means empty.
pub(super) fn strings(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(|item| text_or_number(Some(item))).collect())
        .unwrap_or_default()
}

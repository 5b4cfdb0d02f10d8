//! What of a request may not depend on a value in it.

use serde_json::Value as Json;
use syncline_core::io::Request;
use url::Url;

/// A request with every value in it replaced: two requests that differ in values alone have one shape.
pub(super) fn shape(request: &Request) -> String {
    let url = Url::parse(&request.url).expect("a connector asks for absolute URLs");
    let path: Vec<&str> = url
        .path_segments()
        .into_iter()
        .flatten()
        // What holds a digit is an id; names of objects and methods hold none but in a version.
        .map(|segment| if is_name(segment) { segment } else { "?" })
        .collect();
    let mut pairs: Vec<String> = url
        .query_pairs()
        .map(|(name, value)| match name.as_ref() {
            "q" => format!("q={}", without_literals(&value)),
            // A comma separates values.
            _ => format!("{name}={}", ",".repeat(value.matches(',').count())),
        })
        .collect();
    pairs.sort();
    let body = match serde_json::from_slice::<Json>(&request.body) {
        Ok(body) => of_json("", &body),
        Err(_) => without_literals(&String::from_utf8_lossy(&request.body)),
    };
    let host = url.host_str().unwrap_or_default();
    format!("{:?} {host} {} {pairs:?} {body}", request.method, path.join("/"))
}

fn is_name(segment: &str) -> bool {
    ["v1", "v2", "v3", "v4", "oauth2"].contains(&segment)
        || segment.starts_with("v6")
        || segment.chars().all(|c| c.is_ascii_alphabetic() || "_-".contains(c))
}

/// A query without what stands between quotes, where a backslash escapes.
fn without_literals(text: &str) -> String {
    let mut shape = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        shape.push(c);
        if c != '\'' {
            continue;
        }
        while let Some(inner) = chars.next() {
            match inner {
                '\\' => {
                    chars.next();
                }
                '\'' => {
                    shape.push('\'');
                    break;
                }
                _ => {}
            }
        }
    }
    shape
}

/// Members that hold a query or an address; every other text is a value.
const QUERIES: [&str; 2] = ["query", "url"];

fn of_json(name: &str, json: &Json) -> String {
    match json {
        Json::Object(members) => {
            let mut members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{name}:{}", of_json(name, value)))
                .collect();
            members.sort();
            format!("{{{}}}", members.join(","))
        }
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| of_json(name, item)).collect();
            format!("[{}]", items.join(","))
        }
        Json::String(text) if QUERIES.contains(&name) => without_literals(text),
        _ => "?".into(),
    }
}

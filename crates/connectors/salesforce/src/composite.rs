//! Several collection writes in one call: Salesforce counts the whole as one.
//!
//! Parts are sent side by side, none refers to another, and each keeps its own fate (`allOrNone` is false).

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value as Json;
use syncline_core::io::{Class, Effect, Head, Method, Request, Response};
use syncline_core::{Error, Result};

use crate::client::Api;
use crate::error::classify;

/// Collections that one call may hold.
pub(crate) const MOST_PARTS: usize = 5;
/// Well below the 50 MB that a request may have.
pub(crate) const MOST_BYTES: usize = 24 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    composite_response: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    body: Json,
    http_status_code: u16,
    reference_id: String,
}

/// What came of a call for several.
pub(crate) enum Answered {
    /// One answer for each part.
    Parts(Vec<Result<Response>>),
    /// It was refused as a whole and nothing was applied; the parts may do by themselves.
    Refused,
}

/// One call for several; each of them goes below the data API.
pub(crate) fn together(api: &Api, parts: &[Request]) -> Request {
    let mut body = br#"{"allOrNone":false,"collateSubrequests":false,"compositeRequest":["#.to_vec();
    let mut effect = Effect::Idempotent;
    for (place, part) in parts.iter().enumerate() {
        if part.effect == Effect::Once {
            effect = Effect::Once;
        }
        if place > 0 {
            body.push(b',');
        }
        let method = match part.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        };
        // Paths hold checked names and ids, so that nothing in them needs an escape.
        let path = part.url.strip_prefix(api.base_url()).unwrap_or(&part.url);
        body.extend_from_slice(
            format!(r#"{{"method":"{method}","url":"{path}","referenceId":"part{place}""#).as_bytes(),
        );
        if !part.body.is_empty() {
            body.extend_from_slice(br#","body":"#);
            body.extend_from_slice(&part.body);
        }
        body.push(b'}');
    }
    body.extend_from_slice(b"]}");
    api.write(Method::Post, "composite", effect).json(body)
}

/// The answers of the parts, in their order.
pub(crate) fn apart(answer: Result<Response>, parts: usize) -> Answered {
    let response = match answer {
        Ok(response) => response,
        Err(error) => {
            let again = || Error::new(error.kind(), error.message()).retry_as(error.retry());
            return Answered::Parts((0..parts).map(|_| Err(again())).collect());
        }
    };
    match classify(&response.head, &response.body) {
        Class::Success => {}
        Class::Rejected { .. } | Class::NotFound | Class::Forbidden { .. } => return Answered::Refused,
        _ => return Answered::Parts((0..parts).map(|_| Ok(response.clone())).collect()),
    }
    let mut found: Vec<Part> = serde_json::from_slice::<Answer>(&response.body)
        .map(|answer| answer.composite_response)
        .unwrap_or_default();
    let answers = (0..parts).map(|place| {
        let name = format!("part{place}");
        let part = found.iter().position(|part| part.reference_id == name);
        // A part without an answer may have been applied: an empty body is read as that.
        Ok(part.map_or_else(unread, |at| {
            let part = found.swap_remove(at);
            Response {
                head: Head {
                    status: part.http_status_code,
                    headers: response.head.headers.clone(),
                },
                body: Bytes::from(part.body.to_string()),
            }
        }))
    });
    Answered::Parts(answers.collect())
}

/// An answer that says that something was done and not what.
fn unread() -> Response {
    Response {
        head: Head {
            status: 200,
            headers: Vec::new(),
        },
        body: Bytes::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::api;

    fn parts() -> [Request; 2] {
        let write = |path: &str, effect| api().write(Method::Post, path, effect).json(&b"{\"records\":[]}"[..]);
        [
            write("composite/sobjects", Effect::Once),
            write("composite/sobjects/Contact/Ext__c", Effect::Idempotent),
        ]
    }

    #[test]
    fn parts_go_by_their_paths_and_the_whole_is_as_repeatable_as_the_least_of_them() {
        let request = together(&api(), &parts());
        assert_eq!(request.effect, Effect::Once);
        let body: Json = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["allOrNone"], false);
        assert_eq!(
            body["compositeRequest"][1]["url"],
            "/services/data/v66.0/composite/sobjects/Contact/Ext__c"
        );
        assert_eq!(body["compositeRequest"][0]["body"]["records"], serde_json::json!([]));
    }

    #[test]
    fn each_part_has_its_own_answer_and_one_that_is_missing_is_not_taken_for_refused() {
        let body = r#"{"compositeResponse":[
            {"body":[{"errorCode":"UNKNOWN_EXCEPTION","message":"x"}],"httpHeaders":{},"httpStatusCode":500,"referenceId":"part1"},
            {"body":[{"success":true,"id":"003000000000001AAA","errors":[]}],"httpHeaders":{},"httpStatusCode":200,"referenceId":"part0"}]}"#;
        let response = Response {
            head: Head {
                status: 200,
                headers: Vec::new(),
            },
            body: Bytes::from_static(body.as_bytes()),
        };
        let Answered::Parts(answers) = apart(Ok(response), 3) else {
            panic!("it was not refused")
        };
        let of = |index: usize| answers[index].as_ref().unwrap();
        assert_eq!((of(0).head.status, of(1).head.status), (200, 500));
        assert_eq!(classify(&of(1).head, &of(1).body), Class::Unknown);
        assert_eq!(classify(&of(2).head, &of(2).body), Class::Success);
        assert!(of(2).body.is_empty());
    }

    #[test]
    fn a_call_that_is_refused_as_a_whole_applied_nothing() {
        let response = Response {
            head: Head {
                status: 400,
                headers: Vec::new(),
            },
            body: Bytes::from_static(br#"[{"errorCode":"LIMIT_EXCEEDED","message":"too many"}]"#),
        };
        assert!(matches!(apart(Ok(response), 2), Answered::Refused));
    }
}

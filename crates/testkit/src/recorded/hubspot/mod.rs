//! HubSpot's answers.

mod feed;
mod links;
mod records;
mod settings;
mod written;

use serde_json::Value as Json;
use syncline_core::io::Request;

use super::{Answer, Findings, Recording, errors, token};
use crate::connector::Remote;
use crate::connector::simulated::SimulatedHubSpot;

type Fits = fn(&Request) -> bool;

/// APIs of before the objects, and others that no sync asks.
const NOT_CALLED: [(&str, &str); 13] = [
    ("/contacts/v1/", "Contacts v1"),
    ("/properties/v1/", "Properties v1"),
    ("/properties/v2/", "Properties v2"),
    ("/companies/v2/", "Companies v2"),
    ("/deals/v1/", "Deals v1"),
    ("/owners/v2/", "Owners v2"),
    ("/engagements/v1/", "Engagements v1"),
    ("/crm-associations/v1/", "Associations v1"),
    ("/integrations/v1/", "Integrations v1"),
    ("/marketing/", "Marketing"),
    ("/automation/", "Automation"),
    (
        "/groups",
        "property groups: properties are made without one of their own",
    ),
    ("/lists", "Lists"),
];

/// Finds out what an answer is.
pub(crate) fn answer(recording: &Recording) -> Answer<'_> {
    let (method, path) = recording.call();
    if recording.is_event() && recording.request["body"].is_array() {
        return Answer::Called(Box::pin(feed::webhook(recording)));
    }
    if let Some((_, name)) = NOT_CALLED.iter().find(|(part, _)| path.contains(part)) {
        return Answer::NotCalled(name);
    }
    let steps = steps(&path);
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    if let ["oauth", .., "introspect"] | ["oauth", "access-tokens" | "refresh-tokens" | "private-apps", ..] =
        steps.as_slice()
    {
        return Answer::NotCalled("what a token is for: the account is asked instead");
    }
    if let ["oauth", .., "revoke"] = steps.as_slice() {
        return Answer::NotCalled("a revocation: nothing of its answer is read");
    }
    if steps.first() == Some(&"oauth") || recording.body.get("access_token").is_some() {
        return Answer::Called(Box::pin(token::read(recording)));
    }
    if recording.is_error() {
        return Answer::Called(Box::pin(error(recording)));
    }
    by_path(recording, &method, &steps).unwrap_or_else(|| by_body(recording))
}

/// The steps of a path, without its version and its query.
fn steps(path: &str) -> Vec<String> {
    let is_version = |step: &str| {
        let numbered = step.len() == 2 && step.starts_with('v');
        numbered || (step.starts_with("20") && step.len() >= 7 && step.as_bytes()[4] == b'-')
    };
    let path = path.split(['?', ' ']).next().unwrap_or_default();
    path.split('/')
        .filter(|step| !step.is_empty() && !is_version(step))
        .map(str::to_owned)
        .collect()
}

/// What the path of the request says; `None` where it is not known.
fn by_path<'a>(recording: &'a Recording, method: &str, steps: &[&str]) -> Option<Answer<'a>> {
    let called = match (method, steps) {
        (_, ["crm", "objects", _, "search"] | ["crm", "objects", _, "batch", "read"])
        | ("get", ["crm", "objects", _]) => Answer::Called(Box::pin(records::page(recording))),
        ("get", ["crm", "objects", _, _]) => Answer::Called(Box::pin(records::single(recording))),
        (_, ["crm", "objects", _, "batch", "create" | "update" | "upsert"]) => {
            Answer::Called(Box::pin(written::batch(recording)))
        }
        (_, ["crm", "objects", _, "batch", "archive"]) => Answer::Called(Box::pin(written::archived(recording))),
        (_, ["crm", "objects", _, _, "associations", ..]) => {
            Answer::NotCalled("the links of one record: they are read and written in batches")
        }
        (_, ["crm", "objects", _, "merge" | "gdpr-delete"]) => Answer::NotCalled("merging and privacy deletion"),
        (_, ["crm", "objects", ..]) => Answer::NotCalled("the write of a single record: batches are sent"),
        ("get", ["crm", "associations", _, _, "labels"]) => Answer::Called(Box::pin(links::labels(recording))),
        (_, ["crm", "associations", _, _, "batch", "read"]) => {
            if recording.body["results"][0]["to"][0].get("toObjectId").is_none()
                && recording.body["results"][0]["to"][0].get("id").is_some()
            {
                Answer::NotCalled("Associations v3: links are read by v4, with their labels")
            } else {
                Answer::Called(Box::pin(links::read(recording)))
            }
        }
        (_, ["crm", "associations", _, _, "batch", "create"]) => Answer::Called(Box::pin(links::made(recording))),
        (
            _,
            ["crm", "associations", _, _, "batch", "archive"]
            | ["crm", "associations", _, _, "batch", "labels", "archive"],
        ) => Answer::Called(Box::pin(links::removed(recording))),
        (_, ["crm", "associations", ..]) => Answer::NotCalled("the making of labels"),
        ("get", ["crm", "properties", _]) => Answer::Called(Box::pin(settings::properties(recording))),
        ("get", ["crm", "properties", _, _]) => Answer::NotCalled("a single property: all are listed"),
        ("post", ["crm", "properties", _]) => Answer::NotCalled("the making of a property"),
        (_, ["crm", "properties", ..]) => Answer::NotCalled("the making of several properties at once"),
        ("get", ["crm", "pipelines", _]) => Answer::Called(Box::pin(settings::pipelines(recording))),
        (_, ["crm", "pipelines", ..]) => Answer::NotCalled("a single pipeline: all are listed"),
        ("get", ["crm", "owners"]) => Answer::Called(Box::pin(settings::owners(recording))),
        (_, ["crm", "owners", ..]) => Answer::NotCalled("a single owner: all are listed"),
        ("get", ["crm", "schemas"] | ["crm-object-schemas", "schemas"]) => {
            Answer::Called(Box::pin(settings::schemas(recording)))
        }
        (_, ["crm", "schemas", ..] | ["crm-object-schemas", ..]) => {
            Answer::NotCalled("the schema of a single object: all are listed")
        }
        ("get", ["account-info", "details"]) => Answer::Called(Box::pin(settings::account(recording))),
        (_, ["account-info", ..]) => Answer::NotCalled("what else is known of the account"),
        ("get", ["webhooks-journal" | "webhooks", "journal" | "journal-local", ..]) => {
            Answer::Called(Box::pin(feed::journal(recording)))
        }
        ("get" | "post", ["webhooks-journal" | "webhooks", "subscriptions"]) => {
            Answer::Called(Box::pin(feed::subscriptions(recording)))
        }
        (_, ["webhooks-journal" | "webhooks" | "app-webhooks", ..]) => Answer::NotCalled("the settings of webhooks"),
        (_, ["crm", "imports" | "exports" | "limits", ..]) => Answer::NotCalled("imports, exports and limits"),
        _ => return None,
    };
    Some(called)
}

/// What the body is like, where the request is not known.
fn by_body(recording: &Recording) -> Answer<'_> {
    let (method, path) = recording.call();
    let body = &recording.body;
    let first = &body["results"][0];
    if path.contains("/pipelines") || first.get("stages").is_some() {
        return Answer::Called(Box::pin(settings::pipelines(recording)));
    }
    if first.get("fieldType").is_some() {
        return if method == "post" {
            Answer::NotCalled("the making of several properties at once")
        } else {
            Answer::Called(Box::pin(settings::properties(recording)))
        };
    }
    if first.get("objectTypeId").is_some() {
        return Answer::Called(Box::pin(settings::schemas(recording)));
    }
    if body.get("labels").is_some() && body.get("results").is_none() {
        return Answer::NotCalled("the schema of a single object: all are listed");
    }
    if body.get("portalId").is_some() {
        return Answer::Called(Box::pin(settings::account(recording)));
    }
    if first.get("userId").is_some() || first.get("userIdIncludingInactive").is_some() {
        return Answer::Called(Box::pin(settings::owners(recording)));
    }
    if first.get("typeId").is_some() {
        return Answer::Called(Box::pin(links::labels(recording)));
    }
    if first.get("from").is_some() && first["to"][0].get("toObjectId").is_some() {
        return Answer::Called(Box::pin(links::read(recording)));
    }
    if body.get("journalEvents").is_some() || body.get("currentOffset").is_some() {
        return Answer::Called(Box::pin(feed::journal(recording)));
    }
    if body.get("properties").is_some_and(Json::is_object) && body.get("id").is_some() {
        return match method.as_str() {
            "post" | "patch" => Answer::NotCalled("the write of a single record: batches are sent"),
            _ => Answer::Called(Box::pin(records::single(recording))),
        };
    }
    let of_records = |record: &Json| record.get("properties").is_some_and(Json::is_object);
    if body["results"]
        .as_array()
        .is_some_and(|results| results.iter().all(of_records))
    {
        return Answer::Called(Box::pin(records::page(recording)));
    }
    Answer::NotCalled("an API that is not known")
}

async fn error(recording: &Recording) -> Findings {
    errors::read(SimulatedHubSpot::fresh(0).connector(), recording)
}

/// The object that a path names, by a name that the simulator knows.
fn object(path: &str) -> &'static str {
    let names = [
        ("compan", "companies"),
        ("0-2/", "companies"),
        ("deal", "deals"),
        ("0-3/", "deals"),
        ("ticket", "tickets"),
        ("0-5/", "tickets"),
    ];
    names
        .into_iter()
        .find(|(part, _)| path.contains(part))
        .map_or("contacts", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::steps;

    #[test]
    fn a_path_is_the_same_in_every_version() {
        let wanted = ["crm", "objects", "contacts", "batch", "read"];
        for path in [
            "/crm/v3/objects/contacts/batch/read?archived=true",
            "/crm/objects/2026-09/contacts/batch/read  [by id]",
            "/crm/objects/2027-03-beta/contacts/batch/read",
        ] {
            assert_eq!(steps(path), wanted, "{path}");
        }
    }
}

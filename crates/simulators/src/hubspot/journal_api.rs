//! The webhooks journal over HTTP: subscriptions, reading by offset, and the signed addresses that entries lie at.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::answer::Answer;
use super::journal::Subscription;
use super::portal::{APP_ID, Portal};
use super::request::{ApiRequest, strings, text_or_number};
use super::stamp::Stamp;

/// How long the address of an entry works, in milliseconds.
const ADDRESS_LIFE: i64 = 5 * 60_000;
/// The most entries of one batch.
const BATCH: usize = 100;
const KINDS: [&str; 6] = [
    "OBJECT",
    "ASSOCIATION",
    "EVENT",
    "APP_LIFECYCLE_EVENT",
    "LIST_MEMBERSHIP",
    "GDPR_PRIVACY_DELETION",
];

impl Portal {
    /// Requests below `webhooks-journal`. Only an app's own token may make them.
    pub(super) fn journal_request(&mut self, request: &ApiRequest, rest: &[&str]) -> Answer {
        self.publish_changes();
        match rest {
            ["subscriptions", rest @ ..] => self.journal_subscriptions(request, rest),
            ["journal" | "journal-local", rest @ ..] => self.read_journal(request, rest),
            ["snapshots", "crm"] if request.method == "POST" => {
                Answer::json(200, &json!({"snapshotStatusId": self.correlation_id()}))
            }
            _ => self.not_found(),
        }
    }

    fn publish_changes(&mut self) {
        let now = self.now();
        let types: Vec<&'static str> = self.stores.iter().map(|store| store.object.type_id).collect();
        let waiting = self
            .journal
            .waiting(|object| types.get(object).copied().unwrap_or_default());
        let events: Vec<Value> = waiting
            .iter()
            .map(|(change, properties)| self.journal_event(change, properties))
            .collect();
        let offsets: Vec<String> = events.iter().map(|_| self.correlation_id()).collect();
        let mut offsets = offsets.into_iter();
        self.journal
            .publish(&events, now, || offsets.next().unwrap_or_default());
    }

    fn journal_subscriptions(&mut self, request: &ApiRequest, rest: &[&str]) -> Answer {
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let results: Vec<Value> = self
                    .journal
                    .subscriptions
                    .iter()
                    .map(|one| one.json(self.id, APP_ID))
                    .collect();
                Answer::json(200, &json!({"results": results}))
            }
            ("POST", []) => {
                let body = match request.json() {
                    Ok(body) => body,
                    Err(message) => return self.problem(400, "", &message, Value::Null),
                };
                let kind = text_or_number(body.get("subscriptionType")).unwrap_or_default();
                if !KINDS.contains(&kind.as_str()) {
                    return self.invalid(&format!("subscriptionType must be one of {}", KINDS.join(", ")));
                }
                if text_or_number(body.get("portalId")).is_some_and(|portal| portal != self.id.to_string()) {
                    return self.problem(
                        403,
                        "MISSING_SCOPES",
                        "The app is not installed in that portal",
                        Value::Null,
                    );
                }
                let type_id = text_or_number(body.get("objectTypeId"));
                if kind == "OBJECT" && type_id.is_none() {
                    return self.invalid("Some required fields were not set: [objectTypeId]");
                }
                if let Some(unknown) = type_id.as_deref().filter(|id| self.object(id).is_none()) {
                    return self.unknown_type(unknown);
                }
                let subscription = Subscription {
                    id: 0,
                    kind,
                    type_id,
                    other_type_ids: strings(body.get("associatedObjectTypeIds")),
                    actions: strings(body.get("actions")),
                    properties: strings(body.get("properties")),
                    object_ids: strings(body.get("objectIds"))
                        .iter()
                        .filter_map(|id| id.parse().ok())
                        .collect(),
                    created: self.now(),
                };
                let made = self.journal.subscribe(subscription);
                Answer::json(201, &made.json(self.id, APP_ID))
            }
            ("GET", [id]) => {
                let found = self.journal.subscriptions.iter().find(|one| one.id.to_string() == *id);
                match found {
                    Some(found) => Answer::json(200, &found.json(self.id, APP_ID)),
                    None => self.not_found(),
                }
            }
            ("DELETE", ["portals", portal]) => {
                if *portal == self.id.to_string() {
                    self.journal.subscriptions.clear();
                }
                Answer::empty()
            }
            ("DELETE", [id]) => {
                self.journal.subscriptions.retain(|one| one.id.to_string() != *id);
                Answer::empty()
            }
            _ => self.not_found(),
        }
    }

    fn read_journal(&mut self, request: &ApiRequest, rest: &[&str]) -> Answer {
        let portal = request.query("installPortalId");
        if portal.is_some_and(|portal| portal != self.id.to_string()) {
            return self.problem(
                403,
                "MISSING_SCOPES",
                "The app is not installed in that portal",
                Value::Null,
            );
        }
        let one = |offset: Option<String>| (offset, 1, false);
        let (offset, count, batch) = match rest {
            ["earliest"] => one(None),
            ["latest"] => {
                return match self.journal.latest().map(|entry| entry.offset.clone()) {
                    Some(offset) => Answer::json(200, &self.journal_address(request, &offset)),
                    None => self.nothing_new(),
                };
            }
            ["offset", offset, "next"] => one(Some((*offset).to_owned())),
            ["batch", "earliest", count] => (None, count.parse().unwrap_or(0), true),
            ["batch", offset, "next", count] => (Some((*offset).to_owned()), count.parse().unwrap_or(0), true),
            ["batch", "read"] => {
                let body = request.json().unwrap_or_default();
                let wanted = strings(body.get("inputs"));
                let known = wanted.iter().filter(|offset| self.journal.entry(offset).is_some());
                let results: Vec<Value> = known.map(|offset| self.journal_address(request, offset)).collect();
                return Answer::json(200, &self.complete(results));
            }
            _ => return self.not_found(),
        };
        if !(1..=BATCH).contains(&count) {
            return self.invalid(&format!("count must be a number from 1 to {BATCH}"));
        }
        let found: Option<Vec<String>> = self
            .journal
            .after(offset.as_deref())
            .map(|entries| entries.take(count).map(|entry| entry.offset.clone()).collect());
        match found {
            None => self.not_found(),
            Some(offsets) if offsets.is_empty() => self.nothing_new(),
            Some(offsets) if batch => {
                let results = offsets
                    .iter()
                    .map(|offset| self.journal_address(request, offset))
                    .collect();
                Answer::json(200, &self.complete(results))
            }
            Some(offsets) => Answer::json(200, &self.journal_address(request, &offsets[0])),
        }
    }

    fn nothing_new(&mut self) -> Answer {
        if self.behaviour.empty_journal_is_404 {
            self.not_found()
        } else {
            Answer::empty()
        }
    }

    fn complete(&self, results: Vec<Value>) -> Value {
        let now = self.now().to_string();
        json!({"status": "COMPLETE", "startedAt": now, "completedAt": now, "results": results})
    }

    fn journal_address(&self, request: &ApiRequest, offset: &str) -> Value {
        let expires = self.now().0.saturating_add(ADDRESS_LIFE);
        json!({
            "url": format!("{}/signed/v1/{offset}?expires={expires}&signature={}", request.base, signature(offset, expires)),
            "expiresAt": Stamp(expires).to_string(),
            "currentOffset": offset,
        })
    }

    /// What lies at a signed address. It asks for no token, and a token there is a token given away.
    pub(super) fn signed_entry(&mut self, request: &ApiRequest, offset: &str, with_token: bool) -> Answer {
        let expires = request.query("expires").and_then(|at| at.parse().ok()).unwrap_or(0);
        let signed = request.query("signature") == Some(&signature(offset, expires));
        if with_token || !signed || expires < self.now().0 {
            let body = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>";
            return Answer {
                status: 403,
                body: body.into(),
                ..Answer::empty()
            };
        }
        match self.journal.entry(offset) {
            Some(entry) => Answer::json(
                200,
                &json!({
                    "offset": entry.offset,
                    "publishedAt": entry.at.to_string(),
                    "journalEvents": entry.events,
                }),
            ),
            None => self.not_found(),
        }
    }
}

fn signature(offset: &str, expires: i64) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("simulated {offset} {expires}")))
}

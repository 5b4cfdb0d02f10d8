//! Settings and subscriptions of the app's webhooks.

use serde_json::{Value, json};

use super::answer::Answer;
use super::portal::Portal;
use super::request::{ApiRequest, text_or_number};
use super::webhook_sender::WebhookSubscription;

const ACTIONS: [&str; 7] = [
    "creation",
    "deletion",
    "merge",
    "restore",
    "propertyChange",
    "associationChange",
    "privacyDeletion",
];

impl Portal {
    /// Requests below `webhooks/v3/{appId}` and `app-webhooks/{date}/{appId}`.
    pub(super) fn webhooks_request(&mut self, request: &ApiRequest, rest: &[&str]) -> Answer {
        match (request.method.as_str(), rest) {
            ("GET", ["settings"]) => self.webhook_settings(),
            ("PUT", ["settings"]) => {
                let body = request.json().unwrap_or_default();
                let Some(url) = text_or_number(body.get("targetUrl")) else {
                    return self.invalid("Some required fields were not set: [targetUrl]");
                };
                self.webhooks.target_url = Some(url);
                let most = body
                    .pointer("/throttling/maxConcurrentRequests")
                    .and_then(Value::as_u64);
                self.webhooks.max_concurrent = most.unwrap_or(10);
                self.webhook_settings()
            }
            ("DELETE", ["settings"]) => {
                self.webhooks.target_url = None;
                Answer::empty()
            }
            ("GET", ["subscriptions"]) => {
                let results: Vec<Value> = self
                    .webhooks
                    .subscriptions
                    .iter()
                    .map(WebhookSubscription::json)
                    .collect();
                Answer::json(200, &json!({"results": results}))
            }
            ("POST", ["subscriptions"]) => self.subscribe(request),
            ("POST", ["subscriptions", "batch", "update"]) => {
                let body = request.json().unwrap_or_default();
                let inputs = body
                    .get("inputs")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default();
                let mut results = Vec::new();
                for input in &inputs {
                    let id = text_or_number(input.get("id")).unwrap_or_default();
                    results.extend(self.activate(&id, input.get("active").and_then(Value::as_bool)));
                }
                let now = self.now().to_string();
                let body = json!({"status": "COMPLETE", "startedAt": now, "completedAt": now, "results": results});
                Answer::json(200, &body)
            }
            ("GET", ["subscriptions", id]) => self.shown(id, None),
            ("PATCH", ["subscriptions", id]) => {
                let body = request.json().unwrap_or_default();
                self.shown(id, body.get("active").and_then(Value::as_bool))
            }
            ("DELETE", ["subscriptions", id]) => {
                self.webhooks.subscriptions.retain(|one| one.id.to_string() != *id);
                Answer::empty()
            }
            _ => self.not_found(),
        }
    }

    fn webhook_settings(&mut self) -> Answer {
        let Some(url) = self.webhooks.target_url.clone() else {
            return self.not_found();
        };
        let now = self.now().to_string();
        let most = self.webhooks.max_concurrent;
        let throttling = json!({"maxConcurrentRequests": most, "period": "SECONDLY"});
        Answer::json(
            200,
            &json!({"targetUrl": url, "throttling": throttling, "createdAt": now, "updatedAt": now}),
        )
    }

    fn shown(&mut self, id: &str, active: Option<bool>) -> Answer {
        match self.activate(id, active) {
            Some(shown) => Answer::json(200, &shown),
            None => self.not_found(),
        }
    }

    fn activate(&mut self, id: &str, active: Option<bool>) -> Option<Value> {
        let now = self.now();
        let found = self
            .webhooks
            .subscriptions
            .iter_mut()
            .find(|one| one.id.to_string() == id)?;
        if let Some(active) = active {
            found.active = active;
            found.updated = now;
        }
        Some(found.json())
    }

    fn subscribe(&mut self, request: &ApiRequest) -> Answer {
        let body = request.json().unwrap_or_default();
        let event_type = text_or_number(body.get("eventType")).unwrap_or_default();
        let (class, action) = event_type.split_once('.').unwrap_or_default();
        let known = class == "object" || self.stores.iter().any(|store| store.object.singular == class);
        if !known || !ACTIONS.contains(&action) {
            return self.invalid(&format!("{event_type} is not a valid event type"));
        }
        let property = text_or_number(body.get("propertyName"));
        if (action == "propertyChange") != property.is_some() {
            return self.invalid("propertyName is required for property changes, and only for them");
        }
        let now = self.now();
        self.webhooks.next_id += 1;
        let made = WebhookSubscription {
            id: self.webhooks.next_id,
            event_type,
            type_id: text_or_number(body.get("objectTypeId")),
            property,
            active: body.get("active").and_then(Value::as_bool).unwrap_or(false),
            created: now,
            updated: now,
        };
        let shown = made.json();
        self.webhooks.subscriptions.push(made);
        Answer::json(201, &shown)
    }
}

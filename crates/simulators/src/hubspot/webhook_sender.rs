//! Webhooks that the portal sends: subscriptions of the app, and deliveries signed as HubSpot signs them.
//!
//! Nothing is sent by itself: [`HubSpot::take_webhooks`](super::HubSpot::take_webhooks) hands out what is due, so that
//! a test decides when, how often and in which order it arrives.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::change::{Change, ChangeKind};
use super::portal::{APP_ID, Portal};
use super::stamp::Stamp;

/// The most events of one delivery.
const EVENTS: usize = 100;

/// One request that HubSpot would send.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebhookDelivery {
    /// The verb.
    pub method: String,
    /// Where it goes, as subscribed.
    pub url: String,
    /// Headers with their names in lower case: signatures v1, v2 and v3, and the time of signing.
    pub headers: Vec<(String, String)>,
    /// A JSON list of events.
    pub body: String,
}

/// A subscription of the app.
#[derive(Clone, Debug)]
pub(super) struct WebhookSubscription {
    pub(super) id: u64,
    /// `contact.creation`, `object.propertyChange`, ...
    pub(super) event_type: String,
    pub(super) type_id: Option<String>,
    pub(super) property: Option<String>,
    pub(super) active: bool,
    pub(super) created: Stamp,
    pub(super) updated: Stamp,
}

impl WebhookSubscription {
    pub(super) fn json(&self) -> Value {
        let mut shown = Map::new();
        shown.insert("id".into(), self.id.to_string().into());
        shown.insert("eventType".into(), self.event_type.clone().into());
        shown.insert("active".into(), self.active.into());
        shown.insert("createdAt".into(), self.created.to_string().into());
        shown.insert("updatedAt".into(), self.updated.to_string().into());
        if let Some(type_id) = &self.type_id {
            shown.insert("objectTypeId".into(), type_id.clone().into());
        }
        if let Some(property) = &self.property {
            shown.insert("propertyName".into(), property.clone().into());
        }
        Value::Object(shown)
    }
}

/// What the app has subscribed to, and the changes that wait to be told.
#[derive(Debug, Default)]
pub(super) struct Webhooks {
    pub(super) target_url: Option<String>,
    pub(super) max_concurrent: u64,
    pub(super) subscriptions: Vec<WebhookSubscription>,
    pub(super) next_id: u64,
    waiting: Vec<Change>,
    next_event: u64,
}

impl Webhooks {
    pub(super) fn is_watched(&self) -> bool {
        self.subscriptions.iter().any(|one| one.active)
    }

    pub(super) fn take(&mut self, change: &Change) {
        if self.is_watched() {
            self.waiting.push(change.clone());
        }
    }
}

impl Portal {
    /// The deliveries of everything that waits, at most a hundred events each.
    pub(super) fn deliveries(&mut self, url: &str, secret: &str) -> Vec<WebhookDelivery> {
        let waiting = std::mem::take(&mut self.webhooks.waiting);
        let subscriptions = self.webhooks.subscriptions.clone();
        let mut events: Vec<Value> = Vec::new();
        for change in &waiting {
            for one in subscriptions.iter().filter(|one| one.active) {
                for mut event in self.webhook_events(change, one) {
                    self.webhooks.next_event += 1;
                    event.insert("eventId".into(), self.webhooks.next_event.into());
                    event.insert("subscriptionId".into(), one.id.into());
                    event.insert("subscriptionType".into(), one.event_type.clone().into());
                    events.push(Value::Object(event));
                }
            }
        }
        let now = self.now();
        events
            .chunks(EVENTS)
            .map(|events| sign(url, secret, &Value::from(events).to_string(), now))
            .collect()
    }

    /// The events in which a subscription tells of a change: none, one, or one for each property.
    fn webhook_events(&self, change: &Change, subscription: &WebhookSubscription) -> Vec<Map<String, Value>> {
        let object = &self.store(change.object).object;
        let Some((class, wanted)) = subscription.event_type.split_once('.') else {
            return Vec::new();
        };
        let of_type = if class == "object" {
            subscription.type_id.as_deref() == Some(object.type_id)
        } else {
            class == object.singular
        };
        if !of_type {
            return Vec::new();
        }
        let mut event = Map::new();
        event.insert("portalId".into(), self.id.into());
        event.insert("appId".into(), APP_ID.into());
        event.insert("occurredAt".into(), change.at.0.into());
        event.insert("attemptNumber".into(), 0.into());
        event.insert("changeSource".into(), change.author.source.into());
        event.insert("sourceId".into(), change.author.id.as_ref().into());
        if class == "object" {
            event.insert("objectTypeId".into(), object.type_id.into());
        }
        let with_id = |mut event: Map<String, Value>, more: Value| {
            event.insert("objectId".into(), change.id.into());
            event.extend(more.as_object().cloned().unwrap_or_default());
            vec![event]
        };
        match (&change.kind, wanted) {
            (ChangeKind::Created(_), "creation") => with_id(event, json!({"changeFlag": "CREATED"})),
            (ChangeKind::Deleted | ChangeKind::Erased, "deletion") => with_id(event, json!({"changeFlag": "DELETED"})),
            (ChangeKind::Erased, "privacyDeletion") | (ChangeKind::Restored, "restore") => with_id(event, Value::Null),
            (ChangeKind::Merged { primary, others }, "merge") => {
                let more = json!({"primaryObjectId": primary, "mergedObjectIds": others, "newObjectId": change.id,
                    "numberOfPropertiesMoved": 0});
                with_id(event, more)
            }
            (ChangeKind::Created(values) | ChangeKind::Updated(values), "propertyChange") => values
                .iter()
                .filter(|(name, _)| subscription.property.as_ref() == Some(name))
                .flat_map(|(name, value)| with_id(event.clone(), json!({"propertyName": name, "propertyValue": value})))
                .collect(),
            (
                ChangeKind::Linked {
                    other,
                    to,
                    category,
                    type_id,
                    primary,
                    removed,
                },
                "associationChange",
            ) => {
                let other = &self.store(*other).object;
                event.extend(
                    json!({
                        "associationType": format!("{}_TO_{}", object.upper, other.upper),
                        "associationCategory": category,
                        "associationTypeId": type_id,
                        "fromObjectTypeId": object.type_id,
                        "toObjectTypeId": other.type_id,
                        "fromObjectId": change.id,
                        "toObjectId": to,
                        "associationRemoved": removed,
                        "isPrimaryAssociation": primary,
                    })
                    .as_object()
                    .cloned()
                    .unwrap_or_default(),
                );
                vec![event]
            }
            _ => Vec::new(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string can't fail.
        let _always = write!(text, "{byte:02x}");
        text
    })
}

/// What HubSpot decodes of an address before it signs it.
const DECODED: [(&str, &str); 12] = [
    ("%3A", ":"),
    ("%2F", "/"),
    ("%3F", "?"),
    ("%40", "@"),
    ("%21", "!"),
    ("%24", "$"),
    ("%27", "'"),
    ("%28", "("),
    ("%29", ")"),
    ("%2A", "*"),
    ("%2C", ","),
    ("%3B", ";"),
];

fn sign(url: &str, secret: &str, body: &str, now: Stamp) -> WebhookDelivery {
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("x-hubspot-request-timestamp".to_owned(), now.0.to_string()),
        ("x-hubspot-signature-version".to_owned(), "v1".to_owned()),
        (
            "x-hubspot-signature".to_owned(),
            hex(&Sha256::digest(format!("{secret}{body}"))),
        ),
    ];
    // A key of any length will do, so this can't fail.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        let decoded = DECODED
            .iter()
            .fold(url.to_owned(), |url, (escape, plain)| url.replace(escape, plain));
        mac.update(format!("POST{decoded}{body}{}", now.0).as_bytes());
        let tag = STANDARD.encode(mac.finalize().into_bytes());
        headers.push(("x-hubspot-signature-v3".to_owned(), tag));
    }
    WebhookDelivery {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers,
        body: body.to_owned(),
    }
}

//! Rolodex itself: what its API would do, and what its users do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};
use syncline::async_trait;
use syncline::bytes::Bytes;
use syncline::http::{Limits, Transport, TransportError};
use syncline::jiff::{SignedDuration, Timestamp};

/// The CRM, in memory. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct MadeUpCrm(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    now: Timestamp,
    people: BTreeMap<u64, Map<String, Value>>,
    last: u64,
}

impl Default for MadeUpCrm {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            now: "2026-11-20T10:00:00Z".parse().unwrap(),
            people: BTreeMap::new(),
            last: 0,
        })))
    }
}

impl State {
    fn save(&mut self, id: Option<u64>, values: &Map<String, Value>) -> u64 {
        let id = id.unwrap_or_else(|| {
            self.last += 1;
            self.last
        });
        let updated = self.now.to_string();
        let person = self.people.entry(id).or_default();
        person.insert("id".into(), id.to_string().into());
        person.extend(values.clone());
        person.insert("updated".into(), updated.into());
        id
    }

    fn answer(&mut self, method: &str, path: &str, query: &BTreeMap<String, String>, body: &Value) -> (u16, Value) {
        if path == "/me" {
            return (
                200,
                json!({ "account": "r1", "company": "Acme", "id": "u1", "name": "Ada" }),
            );
        }
        let values = body.as_object().cloned().unwrap_or_default();
        let is_address = values
            .get("mail")
            .and_then(Value::as_str)
            .is_none_or(|mail| mail.contains('@'));
        let id = path.strip_prefix("/people/").and_then(|id| id.parse().ok());
        let known = id.filter(|id| self.people.contains_key(id));
        match (method, id, known) {
            ("GET", None, _) => (200, self.page(query)),
            ("POST" | "PATCH", ..) if !is_address => (422, json!({ "message": "mail is not an address" })),
            ("POST", None, _) => {
                let id = self.save(None, &values);
                (201, json!(self.people[&id]))
            }
            (_, Some(_), None) => (404, json!({ "message": "nobody has this id" })),
            ("PATCH", Some(id), _) => {
                self.save(Some(id), &values);
                (200, json!(self.people[&id]))
            }
            ("DELETE", Some(id), _) => (200, json!(self.people.remove(&id))),
            _ => (405, json!({ "message": "no such call" })),
        }
    }

    fn page(&self, query: &BTreeMap<String, String>) -> Value {
        if let Some(ids) = query.get("ids") {
            let ids = ids.split(',').filter_map(|id| id.parse().ok());
            let found: Vec<_> = ids.filter_map(|id: u64| self.people.get(&id)).collect();
            return json!({ "people": found });
        }
        let after: u64 = query.get("after").map_or(0, |id| id.parse().unwrap());
        let size: usize = query["limit"].parse().unwrap();
        let since: Option<Timestamp> = query.get("updated_since").map(|since| since.parse().unwrap());
        let changed = |person: &Map<String, Value>| {
            let updated: Timestamp = person["updated"].as_str().unwrap().parse().unwrap();
            since.is_none_or(|since| updated >= since)
        };
        let mut found = self.people.range(after + 1..).filter(|(_, person)| changed(person));
        let people: Vec<_> = found.by_ref().take(size).collect();
        let next = found.next().and(people.last()).map(|(id, _)| id.to_string());
        let people: Vec<_> = people.into_iter().map(|(_, person)| person).collect();
        json!({ "people": people, "next": next })
    }
}

impl MadeUpCrm {
    pub(crate) fn request(&self, request: &http::Request<Bytes>) -> http::Response<Bytes> {
        let query = request.uri().query().unwrap_or_default();
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let query = pairs.map(|(name, value)| (name.to_owned(), value.replace("%3A", ":").replace("%2C", ",")));
        let body = serde_json::from_slice(request.body()).unwrap_or_default();
        let path = request.uri().path();
        let mut state = self.0.lock().unwrap();
        let (status, answer) = state.answer(request.method().as_str(), path, &query.collect(), &body);
        http::Response::builder()
            .status(status)
            .body(answer.to_string().into())
            .unwrap()
    }

    /// As a user does.
    pub(crate) fn save(&self, id: Option<&str>, fields: &[(&str, &str)]) -> String {
        let values = fields
            .iter()
            .map(|(name, text)| ((*name).to_owned(), json!(text)))
            .collect();
        let id = id.map(|id| id.parse().unwrap());
        self.0.lock().unwrap().save(id, &values).to_string()
    }

    pub(crate) fn delete(&self, id: &str) {
        self.0.lock().unwrap().people.remove(&id.parse().unwrap());
    }

    pub(crate) fn person(&self, id: &str) -> Option<Map<String, Value>> {
        self.0.lock().unwrap().people.get(&id.parse().ok()?).cloned()
    }

    pub(crate) fn people(&self) -> Vec<Map<String, Value>> {
        self.0.lock().unwrap().people.values().cloned().collect()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.lock().unwrap().now
    }

    pub(crate) fn pass(&self, time: SignedDuration) {
        self.0.lock().unwrap().now += time;
    }
}

/// In place of the network.
#[async_trait]
impl Transport for MadeUpCrm {
    async fn send(&self, request: http::Request<Bytes>, _: &Limits) -> Result<http::Response<Bytes>, TransportError> {
        Ok(self.request(&request))
    }
}

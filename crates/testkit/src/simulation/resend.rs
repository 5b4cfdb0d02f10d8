//! I9: a write whose answer nobody got is not sent again before its record was read, and a refresh token whose successor
//! is in use is not used again.

use std::collections::{BTreeMap, BTreeSet};

use http::{Method, Uri};

use super::check::Invariant;
use super::world::World;

/// The records that a request names, and whether it writes.
#[derive(Debug, Default)]
pub(super) struct Named {
    writes: bool,
    ids: BTreeSet<String>,
}

/// Writes without an answer, by CRM and record.
pub(super) type Unanswered = BTreeSet<(usize, String)>;

impl World {
    /// What a request is about, as one sees from outside.
    pub(super) fn named(&self, crm: usize, method: &Method, uri: &Uri, body: &[u8]) -> Named {
        let path = uri.path();
        if path.contains("association") {
            // Links are sets: adding one twice adds it once.
            return Named::default();
        }
        let mut ids: BTreeSet<String> = words(path).chain(uri.query().into_iter().flat_map(words)).collect();
        if let Ok(body) = serde_json::from_slice(body) {
            values_of_ids(&body, &mut ids);
        }
        Named {
            writes: self.crms[crm].injector().writes(method, path),
            ids,
        }
    }

    /// A request is about to reach a CRM. Until its answer arrives, and for ever if it does not, it may have been
    /// applied or not.
    pub(super) fn about_to_send(&self, crm: usize, named: &Named) {
        if !named.writes {
            return;
        }
        let known = self.ghost().exts(crm);
        let mut blind = Vec::new();
        let mut unanswered = self.unanswered();
        for id in named.ids.intersection(&known) {
            if !unanswered.insert((crm, id.clone())) {
                blind.push(id);
            }
        }
        drop(unanswered);
        for id in blind {
            let what = format!("crm{crm} {id} is written again, and nobody has read what became of the last write");
            self.violate(Invariant::NoBlindResend, what);
        }
    }

    /// The engine got the answer to a request. One that reads tells what became of the records that it shows.
    pub(super) fn answer_arrived(&self, crm: usize, named: &Named, answer: &str) {
        let mut unanswered = self.unanswered();
        if unanswered.is_empty() {
            return;
        }
        if named.writes {
            unanswered.retain(|(at, id)| *at != crm || !named.ids.contains(id));
            return;
        }
        let shown: BTreeSet<String> = words(answer).collect();
        // Who asked for a record by its id learns of it even where the answer is that there is none.
        unanswered.retain(|(at, id)| *at != crm || !shown.contains(id) && !named.ids.contains(id));
    }
}

/// What refreshing gave: which access token came with the successor of which refresh token, and which of them were used.
#[derive(Debug, Default)]
pub(super) struct Refreshes {
    successors: BTreeMap<String, String>,
    used: BTreeSet<String>,
}

impl World {
    /// A request carries an access token, or uses a refresh token.
    pub(super) fn token_shown(&self, crm: usize, authorization: Option<&str>, body: &[u8]) {
        let mut refreshes = self.refreshes();
        if let Some(token) = authorization.and_then(|header| header.strip_prefix("Bearer ")) {
            if !refreshes.used.contains(token) {
                refreshes.used.insert(token.to_owned());
            }
            return;
        }
        let Some(refresh) = refresh_token(body) else { return };
        let successor = refreshes.successors.get(&refresh);
        let is_again = successor.is_some_and(|access| refreshes.used.contains(access));
        drop(refreshes);
        if is_again {
            let what = format!("a refresh token of crm{crm} is used again, though the tokens that it gave were in use");
            self.violate(Invariant::NoBlindResend, what);
        }
    }

    /// What a refresh gave, whether or not anybody got the answer.
    pub(super) fn token_given(&self, request: &[u8], answer: &str) {
        let Some(refresh) = refresh_token(request) else { return };
        let Ok(answer) = serde_json::from_str::<serde_json::Value>(answer) else {
            return;
        };
        let next = answer["refresh_token"].as_str().unwrap_or(&refresh);
        // One that lives on may be used as often as one likes.
        if let Some(access) = answer["access_token"].as_str().filter(|_| next != refresh) {
            self.refreshes().successors.insert(refresh, access.to_owned());
        }
    }
}

/// The refresh token in a form, as it stands there.
fn refresh_token(body: &[u8]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let field = body.split('&').find_map(|field| field.strip_prefix("refresh_token="))?;
    Some(field.to_owned())
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(ToOwned::to_owned)
}

fn values_of_ids(body: &serde_json::Value, into: &mut BTreeSet<String>) {
    match body {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    serde_json::Value::String(id) if name.eq_ignore_ascii_case("id") => {
                        into.insert(id.clone());
                    }
                    serde_json::Value::Array(ids) if name.eq_ignore_ascii_case("ids") => {
                        into.extend(ids.iter().filter_map(|id| id.as_str()).map(ToOwned::to_owned));
                    }
                    other => values_of_ids(other, into),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| values_of_ids(item, into)),
        _ => {}
    }
}

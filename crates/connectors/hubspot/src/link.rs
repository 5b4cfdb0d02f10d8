//! Writing associations, after the records themselves.
//!
//! A link is made first and the one that it replaces is removed afterwards, so a lost answer never leaves a record
//! without any. Exactly those links are removed that a read would otherwise prefer to the new one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use syncline_core::error::{Error, Retry};
use syncline_core::io::{Class, Effect};

use crate::associations::{self, Linked, Pair};
use crate::client::{Client, post};
use crate::error::{classify, wait};
use crate::problem::Problem;
use crate::push::types;

/// Links per call that makes them.
const CREATE: usize = 1_000;
/// Records per call that removes links.
const ARCHIVE: usize = 100;

/// A link that a record should have; with no target it should have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The record.
    pub(crate) id: String,
    /// The path that asks for it.
    pub(crate) path: String,
    pub(crate) pair: Pair,
    pub(crate) target: Option<u64>,
}

/// Why a link was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) path: String,
    pub(crate) kind: TroubleKind,
    pub(crate) message: String,
}

/// What became of a link that was not surely made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TroubleKind {
    /// Refused for good.
    Rejected,
    /// Surely not made; may be tried again after so many seconds.
    NotApplied {
        /// Seconds to wait.
        seconds: u64,
    },
    /// It may have been made.
    Unknown,
}

/// Links these records and returns the troubles by record id.
pub(crate) async fn apply(client: &Client<'_>, wanted: Vec<Wanted>) -> BTreeMap<String, Trouble> {
    let mut pairs: BTreeMap<Pair, Vec<Wanted>> = BTreeMap::new();
    for one in wanted {
        pairs.entry(one.pair.clone()).or_default().push(one);
    }
    let mut troubles = BTreeMap::new();
    for (pair, wanted) in pairs {
        let ids: Vec<String> = wanted.iter().map(|one| one.id.clone()).collect();
        let linked = match associations::read(client, &pair, &ids).await {
            Ok(linked) => linked,
            Err(error) => {
                let kind = TroubleKind::NotApplied { seconds: 0 };
                for one in wanted {
                    let message = error.to_string();
                    troubles.entry(one.id).or_insert(Trouble {
                        path: one.path,
                        kind,
                        message,
                    });
                }
                continue;
            }
        };
        apply_pair(client, &pair, wanted, &linked, &mut troubles).await;
    }
    troubles
}

async fn apply_pair(
    client: &Client<'_>,
    pair: &Pair,
    wanted: Vec<Wanted>,
    linked: &BTreeMap<String, Linked>,
    troubles: &mut BTreeMap<String, Trouble>,
) {
    let none = Linked::default();
    let (mut create, mut archive) = (Vec::new(), Vec::new());
    for one in &wanted {
        let (new, old) = changes(pair, linked.get(&one.id).unwrap_or(&none), one.target);
        if let Some(to) = new {
            let mut body = json!({"from": {"id": one.id}, "to": {"id": to.to_string()}});
            if pair.type_id.is_some() {
                body["types"] = types(pair);
            }
            create.push(Input {
                id: one.id.clone(),
                body,
            });
        }
        if !old.is_empty() {
            let to: Vec<Json> = old.iter().map(|id| json!({"id": id.to_string()})).collect();
            archive.push(Input {
                id: one.id.clone(),
                body: json!({"from": {"id": one.id}, "to": to}),
            });
        }
    }
    let verb = if pair.type_id.is_some() {
        "create"
    } else {
        "associate/default"
    };
    let failed = send(
        client,
        client.paths.associations(&pair.from, &pair.to, verb),
        create,
        CREATE,
    )
    .await;
    archive.retain(|input| !failed.contains_key(&input.id));
    let unremoved = send(
        client,
        client.paths.associations(&pair.from, &pair.to, "archive"),
        archive,
        ARCHIVE,
    )
    .await;
    for one in wanted {
        if let Some((kind, message)) = failed.get(&one.id).or_else(|| unremoved.get(&one.id)) {
            let trouble = Trouble {
                path: one.path,
                kind: *kind,
                message: message.clone(),
            };
            troubles.entry(one.id).or_insert(trouble);
        }
    }
}

/// The link to make and those to remove, so that a read gives `target`.
fn changes(pair: &Pair, linked: &Linked, target: Option<u64>) -> (Option<u64>, Vec<u64>) {
    let held = linked.value();
    if held == target {
        return (None, Vec::new());
    }
    let Some(target) = target else {
        return (None, linked.all.clone());
    };
    let preferred = |id: &u64| *id != target && (Some(*id) == held || (!pair.primary && *id < target));
    let remove = linked.all.iter().copied().filter(preferred).collect();
    let exists = !pair.primary && linked.all.contains(&target);
    ((!exists).then_some(target), remove)
}

#[derive(Clone)]
struct Input {
    id: String,
    body: Json,
}

type Failures = BTreeMap<String, (TroubleKind, String)>;

/// Sends inputs in calls of at most `size`, halving a refused call until the bad input is alone.
async fn send(client: &Client<'_>, url: String, inputs: Vec<Input>, size: usize) -> Failures {
    let mut failures = Failures::new();
    let mut stack: Vec<Vec<Input>> = inputs.chunks(size).rev().map(<[Input]>::to_vec).collect();
    while let Some(call) = stack.pop() {
        let bodies: Vec<&Json> = call.iter().map(|input| &input.body).collect();
        let request = post(url.clone(), Effect::Idempotent, &json!({"inputs": bodies}));
        let response = match client.io.send(request).await {
            Ok(response) => response,
            Err(error) => {
                fail(&mut failures, &call, after_error(&error), &error.to_string());
                continue;
            }
        };
        let class = classify(&response.head, &response.body);
        let problem = Problem::read(&response.body);
        match class {
            Class::Success => partial(&mut failures, &call, &response.body),
            Class::RateLimited { .. } | Class::Retryable { .. } => {
                let kind = TroubleKind::NotApplied {
                    seconds: wait(&class).as_secs(),
                };
                fail(&mut failures, &call, kind, &problem.code_and_text());
            }
            Class::TokenExpired | Class::Reauthorise => {
                let kind = TroubleKind::NotApplied { seconds: 0 };
                fail(
                    &mut failures,
                    &call,
                    kind,
                    "HubSpot no longer accepts this connection's token",
                );
            }
            Class::Unknown => fail(&mut failures, &call, TroubleKind::Unknown, &problem.code_and_text()),
            Class::Forbidden { message } => fail(&mut failures, &call, TroubleKind::Rejected, &message),
            _ if call.len() > 1 => {
                let (first, second) = call.split_at(call.len() / 2);
                stack.push(second.to_vec());
                stack.push(first.to_vec());
            }
            _ => fail(&mut failures, &call, TroubleKind::Rejected, &problem.code_and_text()),
        }
    }
    failures
}

pub(crate) fn after_error(error: &Error) -> TroubleKind {
    match error.retry() {
        Retry::UnknownOutcome => TroubleKind::Unknown,
        Retry::After(duration) => TroubleKind::NotApplied {
            seconds: duration.as_secs(),
        },
        Retry::Never => TroubleKind::NotApplied { seconds: 0 },
    }
}

fn fail(failures: &mut Failures, call: &[Input], kind: TroubleKind, message: &str) {
    for input in call {
        failures.insert(input.id.clone(), (kind, message.to_owned()));
    }
}

/// Reads a success that may name single failures.
fn partial(failures: &mut Failures, call: &[Input], body: &[u8]) {
    let json: Json = serde_json::from_slice(body).unwrap_or_default();
    let Some(errors) = json
        .get("errors")
        .and_then(Json::as_array)
        .filter(|errors| !errors.is_empty())
    else {
        return;
    };
    let problems: Vec<Problem> = errors.iter().map(Problem::from_json).collect();
    let done: BTreeSet<String> = json
        .get("results")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(from_id)
        .collect();
    for input in call.iter().filter(|input| !done.contains(&input.id)) {
        // The keys of the context differ by kind of failure, and either end may be named.
        let to = input.body.pointer("/to/id").and_then(Json::as_str);
        let names = |problem: &&Problem| problem.mentions(&input.id) || to.is_some_and(|to| problem.mentions(to));
        let problem = problems.iter().find(names).or_else(|| problems.first());
        let message = problem.map(Problem::code_and_text).unwrap_or_default();
        failures.insert(input.id.clone(), (TroubleKind::Rejected, message));
    }
}

/// The record that a result is about: `fromObjectId` or `from.id`, as text or number.
fn from_id(result: &Json) -> Option<String> {
    let id = result.get("fromObjectId").or_else(|| result.pointer("/from/id"))?;
    id.as_str()
        .map(str::to_owned)
        .or_else(|| id.as_u64().map(|id| id.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(all: &[u64], primary: Option<u64>) -> Linked {
        Linked {
            all: all.to_vec(),
            primary,
        }
    }

    #[test]
    fn the_replaced_primary_goes_and_other_companies_stay() {
        let pair = Pair::new("contacts", "associations.company").unwrap();
        assert_eq!(changes(&pair, &linked(&[5, 9], Some(5)), Some(7)), (Some(7), vec![5]));
        assert_eq!(changes(&pair, &linked(&[5, 9], Some(5)), Some(9)), (Some(9), vec![5]));
        assert_eq!(changes(&pair, &linked(&[5], Some(5)), Some(5)), (None, vec![]));
        assert_eq!(changes(&pair, &linked(&[], None), Some(5)), (Some(5), vec![]));
    }

    #[test]
    fn null_removes_every_link_of_the_pair() {
        let pair = Pair::new("contacts", "associations.company").unwrap();
        assert_eq!(changes(&pair, &linked(&[5, 9], Some(5)), None), (None, vec![5, 9]));
        assert_eq!(changes(&pair, &linked(&[], None), None), (None, vec![]));
    }

    #[test]
    fn without_a_primary_link_what_would_be_read_first_goes() {
        let pair = Pair::new("deals", "associations.contact").unwrap();
        assert_eq!(
            changes(&pair, &linked(&[5, 9, 20], None), Some(12)),
            (Some(12), vec![5, 9])
        );
        assert_eq!(changes(&pair, &linked(&[5, 20], None), Some(20)), (None, vec![5]));
        assert_eq!(changes(&pair, &linked(&[5, 20], None), Some(3)), (Some(3), vec![5]));
    }

    #[test]
    fn a_partial_answer_fails_only_what_it_did_not_do() {
        let input = |id: &str| Input {
            id: id.into(),
            body: Json::Null,
        };
        let mut failures = Failures::new();
        let body = br#"{"results":[{"fromObjectId":1,"toObjectId":9}],"errors":[{"category":"VALIDATION_ERROR","message":"no such company","context":{"fromObjectId":["2"]}}]}"#;
        partial(&mut failures, &[input("1"), input("2")], body);
        assert_eq!(failures.keys().collect::<Vec<_>>(), ["2"]);
        assert!(failures["2"].1.contains("no such company"));
    }
}

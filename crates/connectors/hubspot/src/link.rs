//! Writing associations, after the records themselves.
//!
//! A link is made first and the one that it replaces is removed afterwards, so a lost answer never leaves a record
//! without any. Exactly those links are removed that a read would otherwise prefer to the new one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use syncline_core::error::{Error, Retry};
use syncline_core::io::{Class, Effect};

use crate::associations::{self, Association, Linked, Part};
use crate::client::{Client, post};
use crate::error::{classify, wait};
use crate::link_type::{self, LinkKind};
use crate::problem::Problem;

/// Links per call that makes them.
const CREATE: usize = 1_000;
/// Records per call that removes links.
const ARCHIVE: usize = 100;

/// The links that a record should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// This one, or none.
    One(Option<u64>),
    /// Exactly these.
    Set(BTreeSet<u64>),
}

impl Target {
    /// Whether no link is wanted.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::One(id) => id.is_none(),
            Self::Set(ids) => ids.is_empty(),
        }
    }
}

/// What a write asks of one record's links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The record.
    pub(crate) id: String,
    /// The path that asks for it.
    pub(crate) path: String,
    pub(crate) association: Association,
    pub(crate) target: Target,
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
    let mut associations: BTreeMap<Association, Vec<Wanted>> = BTreeMap::new();
    for one in wanted {
        associations.entry(one.association.clone()).or_default().push(one);
    }
    let mut troubles = BTreeMap::new();
    // Two fields may look at one pair, and the second must see what the first has written: so one after the other.
    for (association, wanted) in associations {
        let ids: Vec<String> = wanted.iter().map(|one| one.id.clone()).collect();
        let linked = match associations::read(client, &association.pair, &ids).await {
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
        apply_one(client, &association, wanted, &linked, &mut troubles).await;
    }
    troubles
}

async fn apply_one(
    client: &Client<'_>,
    association: &Association,
    wanted: Vec<Wanted>,
    linked: &BTreeMap<String, Linked>,
    troubles: &mut BTreeMap<String, Trouble>,
) {
    let Association { pair, part } = association;
    let kind = match part {
        Part::One => pair.own(),
        Part::All => link_type::plain(&pair.from, &pair.to).map(LinkKind::defined),
        Part::Labelled(kind) => Some(kind.clone()),
    };
    let label = match part {
        Part::Labelled(kind) => Some(kind),
        Part::One | Part::All => None,
    };
    let none = Linked::default();
    let (mut create, mut archive) = (Vec::new(), Vec::new());
    for one in &wanted {
        let (new, old) = changes(association, linked.get(&one.id).unwrap_or(&none), &one.target);
        for to in new {
            let mut body = json!({"from": {"id": one.id}, "to": {"id": to.to_string()}});
            if let Some(kind) = &kind {
                body["types"] = json!([kind.json()]);
            }
            create.push(Input {
                id: one.id.clone(),
                body,
            });
        }
        match label {
            // Only the label goes; the records stay linked if their link carries another.
            Some(kind) => archive.extend(old.into_iter().map(|to| Input {
                id: one.id.clone(),
                body: json!({"from": {"id": one.id}, "to": {"id": to.to_string()}, "types": [kind.json()]}),
            })),
            None if old.is_empty() => {}
            None => {
                let to: Vec<Json> = old.iter().map(|id| json!({"id": id.to_string()})).collect();
                archive.push(Input {
                    id: one.id.clone(),
                    body: json!({"from": {"id": one.id}, "to": to}),
                });
            }
        }
    }
    let verb = if kind.is_some() { "create" } else { "associate/default" };
    let url = client.paths.associations(&pair.from, &pair.to, verb);
    let failed = send(client, url, create, CREATE).await;
    archive.retain(|input| !failed.contains_key(&input.id));
    let verb = if label.is_some() { "labels/archive" } else { "archive" };
    let url = client.paths.associations(&pair.from, &pair.to, verb);
    let unremoved = send(client, url, archive, ARCHIVE).await;
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

/// The links to make and those to remove, so that a read gives `target`.
fn changes(association: &Association, linked: &Linked, target: &Target) -> (Vec<u64>, Vec<u64>) {
    let Association { pair, part } = association;
    let target = match target {
        Target::Set(wanted) => {
            let held = linked.set(part);
            return (
                wanted.difference(&held).copied().collect(),
                held.difference(wanted).copied().collect(),
            );
        }
        Target::One(target) => *target,
    };
    let held = linked.one(pair);
    if held == target {
        return (Vec::new(), Vec::new());
    }
    let Some(target) = target else {
        return (Vec::new(), linked.all.keys().copied().collect());
    };
    let has_primary = pair.primary().is_some();
    let preferred = |id: &u64| *id != target && (Some(*id) == held || (!has_primary && *id < target));
    let remove = linked.all.keys().copied().filter(preferred).collect();
    let exists = !has_primary && linked.all.contains_key(&target);
    (if exists { Vec::new() } else { vec![target] }, remove)
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
    let done: BTreeSet<(String, String)> = json
        .get("results")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(|result| Some((end(result, "from")?, end(result, "to")?)))
        .collect();
    for input in call {
        // The keys of the context differ by kind of failure, and either end may be named.
        let to = input.body.pointer("/to/id").and_then(Json::as_str).unwrap_or_default();
        if done.contains(&(input.id.clone(), to.to_owned())) {
            continue;
        }
        let names = |problem: &&Problem| problem.mentions(&input.id) || (!to.is_empty() && problem.mentions(to));
        let problem = problems.iter().find(names).or_else(|| problems.first());
        let message = problem.map(Problem::code_and_text).unwrap_or_default();
        failures.insert(input.id.clone(), (TroubleKind::Rejected, message));
    }
}

/// One end of a link that a result is about: `fromObjectId` or `from.id`, as text or number.
fn end(result: &Json, side: &str) -> Option<String> {
    let id = result
        .get(format!("{side}ObjectId"))
        .or_else(|| result.pointer(&format!("/{side}/id")))?;
    id.as_str()
        .map(str::to_owned)
        .or_else(|| id.as_u64().map(|id| id.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(all: &[u64], primary: Option<u64>) -> Linked {
        let kinds = |id: &u64| {
            let primary = (Some(*id) == primary).then(|| LinkKind::defined(1));
            primary.into_iter().collect()
        };
        Linked {
            all: all.iter().map(|id| (*id, kinds(id))).collect(),
        }
    }

    fn one(object: &str, path: &str, linked: &Linked, target: Option<u64>) -> (Vec<u64>, Vec<u64>) {
        changes(&Association::new(object, path).unwrap(), linked, &Target::One(target))
    }

    #[test]
    fn the_replaced_primary_goes_and_other_companies_stay() {
        let company = |linked, target| one("contacts", "associations.company", &linked, target);
        assert_eq!(company(linked(&[5, 9], Some(5)), Some(7)), (vec![7], vec![5]));
        assert_eq!(company(linked(&[5, 9], Some(5)), Some(9)), (vec![9], vec![5]));
        assert_eq!(company(linked(&[5], Some(5)), Some(5)), (vec![], vec![]));
        assert_eq!(company(linked(&[], None), Some(5)), (vec![5], vec![]));
    }

    #[test]
    fn null_removes_every_link_of_the_pair() {
        let company = |linked, target| one("contacts", "associations.company", &linked, target);
        assert_eq!(company(linked(&[5, 9], Some(5)), None), (vec![], vec![5, 9]));
        assert_eq!(company(linked(&[], None), None), (vec![], vec![]));
    }

    #[test]
    fn without_a_primary_link_what_would_be_read_first_goes() {
        let contact = |linked, target| one("deals", "associations.contact", &linked, target);
        assert_eq!(contact(linked(&[5, 9, 20], None), Some(12)), (vec![12], vec![5, 9]));
        assert_eq!(contact(linked(&[5, 20], None), Some(20)), (vec![], vec![5]));
        assert_eq!(contact(linked(&[5, 20], None), Some(3)), (vec![3], vec![5]));
    }

    #[test]
    fn of_a_set_only_the_difference_is_written() {
        let all = Association::new("contacts", "associations.company.all").unwrap();
        let wanted = Target::Set([5, 7].into());
        assert_eq!(changes(&all, &linked(&[5, 9], Some(5)), &wanted), (vec![7], vec![9]));
        let label = Association::new("contacts", "associations.company.hubspot_1").unwrap();
        let wanted = Target::Set([9].into());
        assert_eq!(changes(&label, &linked(&[5, 9], Some(5)), &wanted), (vec![9], vec![5]));
    }

    #[test]
    fn a_partial_answer_fails_only_what_it_did_not_do() {
        let input = |id: &str| Input {
            id: id.into(),
            body: json!({"to": {"id": "9"}}),
        };
        let mut failures = Failures::new();
        let body = br#"{"results":[{"fromObjectId":1,"toObjectId":9}],"errors":[{"category":"VALIDATION_ERROR","message":"no such company","context":{"fromObjectId":["2"]}}]}"#;
        partial(&mut failures, &[input("1"), input("2")], body);
        assert_eq!(failures.keys().collect::<Vec<_>>(), ["2"]);
        assert!(failures["2"].1.contains("no such company"));
    }
}

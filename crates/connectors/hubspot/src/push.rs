//! Which writes go into one call, and the calls' bodies.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value as Json, json};
use syncline_core::batch::{Outcome, OutcomeKind};
use syncline_core::io::{Effect, Request};
use syncline_core::job::{Push, Verb, Write};
use syncline_core::value::Value;

use crate::associations::{Association, Part, is_association};
use crate::client::{Paths, post};
use crate::link::Target;
use crate::link_type::{self, LinkKind};
use crate::manifest::BATCH;
use crate::object::is_record_id;
use crate::wire;

/// What all writes of a call do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    /// Make records.
    Create,
    /// Make records, or change those that hold our key already.
    Upsert {
        /// The unique property that holds the key.
        property: String,
    },
    /// Change records.
    Update,
    /// Archive records.
    Archive,
    /// Nothing but links changes.
    Link,
}

/// The writes of one call, by their positions in the push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) call: Call,
    pub(crate) writes: Vec<usize>,
    /// Whether it names a record that an earlier group names too, so that it must not be sent beside it.
    pub(crate) alone: bool,
}

/// A push cut into calls.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) groups: VecDeque<Group>,
    /// Outcomes that need no call.
    pub(crate) outcomes: Vec<Outcome>,
}

/// Cuts a push into calls of one kind and at most a hundred records each.
pub(crate) fn plan(push: &Push) -> Plan {
    let mut plan = Plan::default();
    let mut named: BTreeSet<String> = BTreeSet::new();
    let mut calls: BTreeMap<Call, Vec<usize>> = BTreeMap::new();
    let mut again = Vec::new();
    for (index, write) in push.writes.iter().enumerate() {
        if let Some(outcome) = impossible(&push.object, index, write) {
            plan.outcomes.push(outcome);
            continue;
        }
        let (call, name) = match &write.verb {
            Verb::Create { marker: None } => (Call::Create, None),
            Verb::Create {
                marker: Some((property, value)),
            } => (
                Call::Upsert {
                    property: property.clone(),
                },
                Some(format!("{property}={}", value.to_lowercase())),
            ),
            Verb::Update { id, .. } if properties(write).is_empty() => (Call::Link, Some(id.clone())),
            Verb::Update { id, .. } => (Call::Update, Some(id.clone())),
            Verb::Delete { id } => (Call::Archive, Some(id.clone())),
        };
        // A batch that names a record twice is refused as a whole.
        if name.is_none_or(|name| named.insert(name)) {
            calls.entry(call).or_default().push(index);
        } else {
            again.push(Group {
                call,
                writes: vec![index],
                alone: true,
            });
        }
    }
    for (call, writes) in calls {
        for chunk in writes.chunks(BATCH) {
            plan.groups.push_back(Group {
                call: call.clone(),
                writes: chunk.to_vec(),
                alone: false,
            });
        }
    }
    plan.groups.extend(again);
    plan
}

/// Writes that would only fail the batch they stand in.
fn impossible(object: &str, index: usize, write: &Write) -> Option<Outcome> {
    if let Verb::Update { id, .. } | Verb::Delete { id } = &write.verb
        && !is_record_id(id)
    {
        let mut outcome = Outcome::new(index, OutcomeKind::Gone);
        outcome.message = Some(format!("`{id}` is no HubSpot record id"));
        return Some(outcome);
    }
    let bad = write.fields.iter().find(|(path, value)| {
        Association::new(object, path).is_some_and(|wanted| target(&wanted.part, value).is_err())
    })?;
    let mut outcome = Outcome::new(
        index,
        OutcomeKind::Rejected {
            fields: vec![bad.0.clone()],
        },
    );
    outcome.message = Some(format!(
        "{} must hold the id of a HubSpot record, not `{}`",
        bad.0, bad.1
    ));
    Some(outcome)
}

/// The record that a reference names, `None` for none.
fn record(value: &Value) -> Result<Option<u64>, ()> {
    match value {
        value if value.is_empty() => Ok(None),
        Value::Text(text) if is_record_id(text) => text.parse().map(Some).map_err(|_| ()),
        Value::Int(int) => u64::try_from(*int).map(Some).map_err(|_| ()),
        _ => Err(()),
    }
}

/// What a value asks of the links that a part means.
fn target(part: &Part, value: &Value) -> Result<Target, ()> {
    if *part == Part::One {
        return record(value).map(Target::One);
    }
    let items = match value {
        Value::List(items) => items.as_slice(),
        value if value.is_empty() => &[],
        one => std::slice::from_ref(one),
    };
    let ids: Result<Vec<Option<u64>>, ()> = items.iter().map(record).collect();
    ids.map(|ids| Target::Set(ids.into_iter().flatten().collect()))
}

/// The links that a write asks for: path, association and linked records.
pub(crate) fn links(object: &str, write: &Write) -> Vec<(String, Association, Target)> {
    write
        .fields
        .iter()
        .filter_map(|(path, value)| {
            let association = Association::new(object, path)?;
            let target = target(&association.part, value).ok()?;
            Some((path.clone(), association, target))
        })
        .collect()
}

/// The properties that a write sets, as they stand on the wire.
pub(crate) fn properties(write: &Write) -> Map<String, Json> {
    write
        .fields
        .iter()
        .filter(|(path, _)| !is_association(path))
        .map(|(path, value)| (path.clone(), Json::String(wire::write(value))))
        .collect()
}

/// The link that a create carries itself, where HubSpot's id for it is known: `to` and `types` of its entry.
fn inline(association: &Association, target: &Target) -> Option<Vec<Json>> {
    let (ids, kind) = match (&association.part, target) {
        (Part::One, Target::One(id)) => (id.iter().copied().collect(), association.pair.own()?),
        (Part::Labelled(kind), Target::Set(ids)) => (ids.iter().copied().collect(), kind.clone()),
        (Part::All, Target::Set(ids)) => {
            let plain = link_type::plain(&association.pair.from, &association.pair.to)?;
            (ids.iter().copied().collect::<Vec<u64>>(), LinkKind::defined(plain))
        }
        _ => return None,
    };
    let entry = |id: u64| json!({"to": {"id": id.to_string()}, "types": [kind.json()]});
    Some(ids.into_iter().map(entry).collect())
}

/// The links that are left to do once the record is written.
pub(crate) fn links_after(object: &str, write: &Write, call: &Call) -> Vec<(String, Association, Target)> {
    let mut links = links(object, write);
    if *call == Call::Create {
        links.retain(|(_, association, target)| !target.is_empty() && inline(association, target).is_none());
    }
    links
}

/// The request of a group; `None` where the links are all there is to do.
pub(crate) fn request(paths: &Paths, push: &Push, group: &Group) -> Option<Request> {
    let (verb, effect) = match group.call {
        Call::Create => ("create", Effect::Once),
        Call::Upsert { .. } => ("upsert", Effect::Idempotent),
        Call::Update => ("update", Effect::Idempotent),
        Call::Archive => ("archive", Effect::Idempotent),
        Call::Link => return None,
    };
    let inputs: Vec<Json> = group
        .writes
        .iter()
        .filter_map(|index| Some((index, push.writes.get(*index)?)))
        .map(|(index, write)| input(&push.object, *index, write))
        .collect();
    let url = paths.objects(&push.object, &format!("/batch/{verb}"));
    Some(post(url, effect, &json!({"inputs": inputs})))
}

fn input(object: &str, index: usize, write: &Write) -> Json {
    // The position in the push finds the write again: results come in any order.
    let trace = index.to_string();
    match &write.verb {
        Verb::Create { marker: None } => {
            let associations: Vec<Json> = links(object, write)
                .iter()
                .filter_map(|(_, association, target)| inline(association, target))
                .flatten()
                .collect();
            json!({"properties": properties(write), "associations": associations, "objectWriteTraceId": trace})
        }
        Verb::Create {
            marker: Some((property, value)),
        } => json!({
            "id": value, "idProperty": property, "properties": properties(write), "objectWriteTraceId": trace,
        }),
        Verb::Update { id, .. } => json!({"id": id, "properties": properties(write), "objectWriteTraceId": trace}),
        Verb::Delete { id } => json!({"id": id}),
    }
}

#[cfg(test)]
mod tests {
    use syncline_core::batch::Projection;

    use super::*;

    fn write(verb: Verb, fields: &[(&str, Value)]) -> Write {
        let fields = fields
            .iter()
            .map(|(path, value)| ((*path).to_owned(), value.clone()))
            .collect();
        Write {
            operation: uuid::Uuid::nil(),
            verb,
            fields,
        }
    }

    fn update(id: &str, fields: &[(&str, Value)]) -> Write {
        write(
            Verb::Update {
                id: id.into(),
                expected_stamp: None,
            },
            fields,
        )
    }

    fn push(writes: Vec<Write>) -> Push {
        Push {
            object: "contacts".into(),
            projection: Projection::default(),
            writes,
        }
    }

    #[test]
    fn groups_hold_one_kind_of_write_and_a_record_once() {
        let name = [("firstname", Value::text("A"))];
        let mut writes: Vec<Write> = (0..150).map(|id| update(&id.to_string(), &name)).collect();
        writes.push(update("3", &name));
        writes.push(write(Verb::Delete { id: "900".into() }, &[]));
        writes.push(update("901", &[("associations.company", Value::Null)]));
        writes.push(update("x", &name));
        let plan = plan(&push(writes));
        let shape: Vec<_> = plan
            .groups
            .iter()
            .map(|g| (g.call.clone(), g.writes.len(), g.alone))
            .collect();
        assert_eq!(
            shape,
            [
                (Call::Update, 100, false),
                (Call::Update, 50, false),
                (Call::Archive, 1, false),
                (Call::Link, 1, false),
                (Call::Update, 1, true),
            ]
        );
        assert_eq!(
            plan.outcomes
                .iter()
                .map(|o| (o.index, o.kind.clone()))
                .collect::<Vec<_>>(),
            [(153, OutcomeKind::Gone)]
        );
    }

    #[test]
    fn bodies_carry_texts_traces_and_links() {
        let paths = Paths::new(&Default::default()).unwrap();
        let fields = [
            ("firstname", Value::Null),
            ("age", Value::Int(7)),
            ("associations.company", Value::text("9")),
        ];
        let body = |write: Write| {
            let push = push(vec![write]);
            let plan = plan(&push);
            let request = request(&paths, &push, &plan.groups[0]).unwrap();
            (
                request.url.clone(),
                request.effect,
                serde_json::from_slice::<Json>(&request.body).unwrap(),
            )
        };
        let (url, effect, json) = body(write(Verb::Create { marker: None }, &fields));
        assert_eq!(
            (url.as_str(), effect),
            (
                "https://api.hubapi.com/crm/objects/2026-09/contacts/batch/create",
                Effect::Once
            )
        );
        assert_eq!(
            json,
            json!({"inputs": [{"properties": {"firstname": "", "age": "7"}, "objectWriteTraceId": "0", "associations":
                [{"to": {"id": "9"}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]}]}]})
        );
        let marker = Some(("external_id".to_owned(), "K-9".to_owned()));
        let (url, effect, json) = body(write(Verb::Create { marker }, &fields));
        assert!(url.ends_with("/batch/upsert") && effect == Effect::Idempotent);
        assert_eq!(
            json,
            json!({"inputs": [{"id": "K-9", "idProperty": "external_id", "properties": {"firstname": "", "age": "7"},
                "objectWriteTraceId": "0"}]})
        );
    }

    #[test]
    fn a_reference_that_is_no_id_is_refused_before_it_is_sent() {
        let plan = plan(&push(vec![update(
            "1",
            &[("associations.company", Value::text("Acme"))],
        )]));
        assert!(plan.groups.is_empty());
        assert_eq!(
            plan.outcomes[0].kind,
            OutcomeKind::Rejected {
                fields: vec!["associations.company".into()]
            }
        );
    }
}

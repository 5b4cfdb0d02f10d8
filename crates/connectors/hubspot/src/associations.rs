//! Associations as fields: what a path asks of the links of a record, and reading them.
//!
//! HubSpot links many to many, with any number of labels on each link. `associations.<object>` is the one linked record
//! that a reference needs: the primary one where the pair has such a link, and otherwise the linked record with the
//! lowest id, which stays the same when a newer one is linked too. `associations.<object>.all` is the set of all linked
//! records, and `associations.<object>.<label>` the set of those whose link carries a label.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::json;
use syncline_core::batch::Projection;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::io::Effect;
use syncline_core::value::Value;

use crate::client::{Client, parse, post};
use crate::link_type::{self, LinkKind};
use crate::object::ObjectName;
use crate::page::{IdText, Paging};

/// Records per batch read of associations.
const READ: usize = 1_000;
/// Pages of one record's links after which a server that never ends is given up.
const PAGES: usize = 100;
const OPERATION: &str = "read associations";
const PREFIX: &str = "associations.";
/// The part of a path that means every linked record.
pub(crate) const ALL: &str = "all";

/// Slot of a projected association to its value by record id.
pub(crate) type Links = BTreeMap<usize, BTreeMap<String, Value>>;

/// Whether a path is an association's.
pub(crate) fn is_association(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Two objects whose records are linked, in the direction in which we ask.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Pair {
    /// HubSpot's type id of the link that marks the one primary record.
    pub(crate) fn primary(&self) -> Option<u64> {
        link_type::primary(&self.from, &self.to)
    }

    /// The kind of our link to one record: the primary one, or else the one without a label. Unknown pairs are linked
    /// by HubSpot's default.
    pub(crate) fn own(&self) -> Option<LinkKind> {
        let type_id = self.primary().or_else(|| link_type::plain(&self.from, &self.to))?;
        Some(LinkKind::defined(type_id))
    }
}

/// Which of a record's links a path means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// One linked record: the primary one, or the one with the lowest id.
    One,
    /// The set of all linked records.
    All,
    /// The set of the records whose link is of this kind.
    Labelled(LinkKind),
}

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Association {
    pub(crate) pair: Pair,
    pub(crate) part: Part,
}

impl Association {
    /// What a path of an object means, `None` for a path that is no association. A label that can't be read means no
    /// record at all, rather than every one.
    pub(crate) fn new(object: &str, path: &str) -> Option<Self> {
        let rest = path.strip_prefix(PREFIX)?;
        let (to, part) = match rest.split_once('.') {
            None => (rest, Part::One),
            Some((to, ALL)) => (to, Part::All),
            Some((to, label)) => (to, Part::Labelled(LinkKind::parse(label))),
        };
        Some(Self {
            pair: Pair {
                from: ObjectName::new(object).plural().to_owned(),
                to: ObjectName::new(to).plural().to_owned(),
            },
            part,
        })
    }
}

/// What a record is linked to over one pair.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Linked {
    /// All linked records, each with the kinds of its link.
    pub(crate) all: BTreeMap<u64, BTreeSet<LinkKind>>,
}

impl Linked {
    /// The one that a reference holds.
    pub(crate) fn one(&self, pair: &Pair) -> Option<u64> {
        let primary = pair.primary().map(LinkKind::defined);
        let is_primary =
            |(_, kinds): &(&u64, &BTreeSet<LinkKind>)| primary.as_ref().is_some_and(|id| kinds.contains(id));
        let first = self.all.iter().find(is_primary).or_else(|| self.all.iter().next());
        first.map(|(id, _)| *id)
    }

    /// The set that a part means.
    pub(crate) fn set(&self, part: &Part) -> BTreeSet<u64> {
        let wanted = |kinds: &BTreeSet<LinkKind>| match part {
            Part::One | Part::All => true,
            Part::Labelled(kind) => kinds.contains(kind),
        };
        let wanted = self.all.iter().filter(|(_, kinds)| wanted(kinds));
        wanted.map(|(id, _)| *id).collect()
    }

    fn value(&self, association: &Association) -> Value {
        if association.part == Part::One {
            return self
                .one(&association.pair)
                .map_or(Value::Null, |id| Value::text(id.to_string()));
        }
        let ids = self.set(&association.part);
        if ids.is_empty() {
            return Value::Null;
        }
        Value::List(ids.into_iter().map(|id| Value::text(id.to_string())).collect())
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    results: Vec<FromAnswer>,
}

#[derive(Deserialize)]
struct FromAnswer {
    from: ObjectId,
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    to: Vec<ToAnswer>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct ObjectId {
    id: IdText,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToAnswer {
    to_object_id: IdText,
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    association_types: Vec<TypeAnswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeAnswer {
    category: Option<String>,
    type_id: Option<u64>,
}

/// Reads the links of these records over one pair. Records without links are absent.
///
/// # Errors
/// As [`Client::read`], and `Protocol` when an answer can't be read.
pub(crate) async fn read(client: &Client<'_>, pair: &Pair, ids: &[String]) -> Result<BTreeMap<String, Linked>> {
    let mut found: BTreeMap<String, Linked> = BTreeMap::new();
    let mut inputs: Vec<(String, Option<String>)> = ids.iter().map(|id| (id.clone(), None)).collect();
    let url = client.paths.associations(&pair.from, &pair.to, "read");
    for _ in 0..PAGES {
        if inputs.is_empty() {
            return Ok(found);
        }
        let requests = inputs
            .chunks(READ)
            .map(|chunk| {
                let inputs: Vec<_> = chunk
                    .iter()
                    .map(|(id, after)| match after {
                        Some(after) => json!({"id": id, "after": after}),
                        None => json!({"id": id}),
                    })
                    .collect();
                post(url.clone(), Effect::Read, &json!({"inputs": inputs}))
            })
            .collect();
        inputs.clear();
        for response in client.read_all(OPERATION, requests).await? {
            for from in parse::<Answer>(OPERATION, &response.body)?.results {
                let linked = found.entry(from.from.id.0.clone()).or_default();
                add(linked, from.to)?;
                if let Some(after) = from.paging.and_then(Paging::after) {
                    inputs.push((from.from.id.0, Some(after)));
                }
            }
        }
    }
    Err(Error::new(ErrorKind::Protocol, "HubSpot's list of associations did not end").operation(OPERATION))
}

fn add(linked: &mut Linked, to: Vec<ToAnswer>) -> Result<()> {
    for to in to {
        let id = to.to_object_id.0.parse().map_err(|_| {
            Error::new(ErrorKind::Protocol, "HubSpot linked a record whose id is no number").operation(OPERATION)
        })?;
        let kinds = linked.all.entry(id).or_default();
        kinds.extend(to.association_types.into_iter().filter_map(|kind| {
            Some(match kind.category {
                Some(category) => LinkKind::new(&category, kind.type_id?),
                None => LinkKind::defined(kind.type_id?),
            })
        }));
    }
    Ok(())
}

/// Reads every association that a projection asks for: each pair once, however many fields look at it.
///
/// # Errors
/// As [`read`].
pub(crate) async fn links(client: &Client<'_>, object: &str, projection: &Projection, ids: &[String]) -> Result<Links> {
    let mut pairs: BTreeMap<Pair, Vec<(usize, Association)>> = BTreeMap::new();
    for (slot, field) in projection.fields.iter().enumerate() {
        if let Some(association) = Association::new(object, &field.path) {
            let fields = pairs.entry(association.pair.clone()).or_default();
            fields.push((slot, association));
        }
    }
    let mut links = Links::new();
    for (pair, fields) in pairs {
        let linked = if ids.is_empty() {
            BTreeMap::new()
        } else {
            read(client, &pair, ids).await?
        };
        for (slot, association) in fields {
            let values = linked
                .iter()
                .map(|(id, linked)| (id.clone(), linked.value(&association)));
            links.insert(slot, values.collect());
        }
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(body: &str) -> Linked {
        let mut linked = Linked::default();
        for from in serde_json::from_str::<Answer>(body).unwrap().results {
            add(&mut linked, from.to).unwrap();
        }
        linked
    }

    #[test]
    fn one_path_is_the_primary_link_and_others_are_sets() {
        let body = r#"{"results":[{"from":{"id":"501"},"to":[
            {"toObjectId":7,"associationTypes":[{"category":"HUBSPOT_DEFINED","typeId":279,"label":null}]},
            {"toObjectId":"10","associationTypes":[{"category":"HUBSPOT_DEFINED","typeId":279},{"category":"HUBSPOT_DEFINED","typeId":1,"label":"Primary"}]},
            {"toObjectId":8,"associationTypes":[{"category":"USER_DEFINED","typeId":1}]}]}]}"#;
        let linked = linked(body);
        let value = |path: &str| linked.value(&Association::new("contacts", path).unwrap());
        let list = |ids: &[&str]| Value::List(ids.iter().map(|id| Value::text(*id)).collect());
        assert_eq!(value("associations.company"), Value::text("10"));
        assert_eq!(value("associations.company.all"), list(&["7", "8", "10"]));
        assert_eq!(value("associations.company.user_1"), list(&["8"]));
        assert_eq!(value("associations.company.nonsense"), Value::Null);
        assert_eq!(
            Linked::default().value(&Association::new("contacts", "associations.company.all").unwrap()),
            Value::Null
        );
    }

    #[test]
    fn without_a_primary_link_the_lowest_id_is_the_one() {
        let body = r#"{"results":[{"from":{"id":"1"},"to":[{"toObjectId":9},{"toObjectId":7}]}]}"#;
        let association = Association::new("0-3", "associations.contact").unwrap();
        assert_eq!(linked(body).value(&association), Value::text("7"));
        assert_eq!(
            (association.pair.from.as_str(), association.pair.to.as_str()),
            ("deals", "contacts")
        );
        assert_eq!(Association::new("contacts", "email"), None);
    }
}

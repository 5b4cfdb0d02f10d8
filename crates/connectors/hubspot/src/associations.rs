//! Reading associations: a path `associations.<object>` holds the id of one linked record.
//!
//! HubSpot links many to many. Where a pair has a primary link the field is that one; otherwise it is the linked
//! record with the lowest id, which stays the same when a newer one is linked too.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use syncline_core::batch::Projection;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::io::Effect;

use crate::client::{Client, parse, post};
use crate::object::ObjectName;
use crate::page::{IdText, Paging};

/// Records per batch read of associations.
const READ: usize = 1_000;
/// Pages of one record's links after which a server that never ends is given up.
const PAGES: usize = 100;
const OPERATION: &str = "read associations";
const PREFIX: &str = "associations.";

/// Slot of a projected association to the linked id by record id.
pub(crate) type Links = BTreeMap<usize, BTreeMap<String, String>>;

/// Whether a path is an association's.
pub(crate) fn is_association(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// A pair of objects and how they are linked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) from: String,
    pub(crate) to: String,
    /// HubSpot's type id for our link, where it is known.
    pub(crate) type_id: Option<u64>,
    /// Whether that type marks the one primary link.
    pub(crate) primary: bool,
}

impl Pair {
    /// The pair that a path of an object means, `None` for a path that is no association.
    pub(crate) fn new(object: &str, path: &str) -> Option<Self> {
        let from = ObjectName::new(object).plural();
        let to = ObjectName::new(path.strip_prefix(PREFIX)?).plural();
        let (type_id, primary) = match (from, to) {
            ("contacts", "companies") => (Some(1), true),
            ("deals", "companies") => (Some(5), true),
            ("tickets", "companies") => (Some(26), true),
            ("contacts", "deals") => (Some(4), false),
            ("contacts", "tickets") => (Some(15), false),
            ("companies", "contacts") => (Some(280), false),
            ("companies", "deals") => (Some(342), false),
            ("companies", "tickets") => (Some(340), false),
            ("deals", "contacts") => (Some(3), false),
            ("deals", "tickets") => (Some(27), false),
            ("tickets", "contacts") => (Some(16), false),
            ("tickets", "deals") => (Some(28), false),
            _ => (None, false),
        };
        Some(Self {
            from: from.to_owned(),
            to: to.to_owned(),
            type_id,
            primary,
        })
    }
}

/// What a record is linked to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Linked {
    /// All linked records.
    pub(crate) all: Vec<u64>,
    /// The primary one.
    pub(crate) primary: Option<u64>,
}

impl Linked {
    /// The one that the field holds.
    pub(crate) fn value(&self) -> Option<u64> {
        self.primary.or_else(|| self.all.iter().copied().min())
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    results: Vec<FromAnswer>,
}

#[derive(Deserialize)]
struct FromAnswer {
    from: ObjectId,
    #[serde(default)]
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
    #[serde(default)]
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
                add(pair, linked, from.to)?;
                if let Some(after) = from.paging.and_then(Paging::after) {
                    inputs.push((from.from.id.0, Some(after)));
                }
            }
        }
    }
    Err(Error::new(ErrorKind::Protocol, "HubSpot's list of associations did not end").operation(OPERATION))
}

fn add(pair: &Pair, linked: &mut Linked, to: Vec<ToAnswer>) -> Result<()> {
    for to in to {
        let id = to.to_object_id.0.parse().map_err(|_| {
            Error::new(ErrorKind::Protocol, "HubSpot linked a record whose id is no number").operation(OPERATION)
        })?;
        if !linked.all.contains(&id) {
            linked.all.push(id);
        }
        let is_primary = |kind: &TypeAnswer| {
            kind.type_id == pair.type_id && kind.category.as_deref().unwrap_or("HUBSPOT_DEFINED") == "HUBSPOT_DEFINED"
        };
        if pair.primary && to.association_types.iter().any(is_primary) {
            linked.primary = Some(id);
        }
    }
    Ok(())
}

/// Reads every association that a projection asks for.
///
/// # Errors
/// As [`read`].
pub(crate) async fn links(client: &Client<'_>, object: &str, projection: &Projection, ids: &[String]) -> Result<Links> {
    let mut links = Links::new();
    for (slot, field) in projection.fields.iter().enumerate() {
        let Some(pair) = Pair::new(object, &field.path) else {
            continue;
        };
        let linked = if ids.is_empty() {
            BTreeMap::new()
        } else {
            read(client, &pair, ids).await?
        };
        let values = linked
            .into_iter()
            .filter_map(|(id, linked)| Some((id, linked.value()?.to_string())));
        links.insert(slot, values.collect());
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_the_primary_link_and_else_the_lowest() {
        let pair = Pair::new("contacts", "associations.company").unwrap();
        let body = r#"{"results":[{"from":{"id":"501"},"to":[
            {"toObjectId":7,"associationTypes":[{"category":"HUBSPOT_DEFINED","typeId":279,"label":null}]},
            {"toObjectId":"9","associationTypes":[{"category":"HUBSPOT_DEFINED","typeId":279},{"category":"HUBSPOT_DEFINED","typeId":1,"label":"Primary"}]},
            {"toObjectId":8,"associationTypes":[{"category":"USER_DEFINED","typeId":1}]}]}]}"#;
        let mut linked = Linked::default();
        for from in serde_json::from_str::<Answer>(body).unwrap().results {
            add(&pair, &mut linked, from.to).unwrap();
        }
        assert_eq!((linked.value(), linked.all.len()), (Some(9), 3));
        linked.primary = None;
        assert_eq!(linked.value(), Some(7));
        assert_eq!(Linked::default().value(), None);
    }

    #[test]
    fn paths_name_pairs() {
        let pair = Pair::new("0-3", "associations.contact").unwrap();
        assert_eq!(
            (pair.from.as_str(), pair.to.as_str(), pair.type_id, pair.primary),
            ("deals", "contacts", Some(3), false)
        );
        assert_eq!(Pair::new("p42_pet", "associations.company").unwrap().type_id, None);
        assert_eq!(Pair::new("contacts", "email"), None);
    }
}

//! The links that a page's references need, loaded beforehand so that lenses stay pure.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::error::Result;
use syncline_core::lens::LensContext;
use syncline_core::mapping::SideMapping;
use syncline_core::state::{Entity, EntityId, Linked, Presence, Side, SideFlags, SideId};
use syncline_core::store::Transaction;
use syncline_core::value::{Value, decode_all};
use uuid::Uuid;

/// Links between entities and remote records of one connection's objects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links {
    entities: BTreeMap<(String, String), Uuid>,
    remotes: BTreeMap<(String, Uuid), String>,
}

impl LensContext for Links {
    fn entity_of(&self, object: &str, ext: &str) -> Option<Uuid> {
        self.entities.get(&(object.to_owned(), ext.to_owned())).copied()
    }

    fn remote_of(&self, object: &str, entity: Uuid) -> Option<String> {
        self.remotes.get(&(object.to_owned(), entity)).cloned()
    }
}

/// The objects of one connection and the sides that sync them.
pub(crate) type ObjectSides = BTreeMap<String, SideId>;

/// Which references a mapping holds: object, its side, and the projection's positions and blueprint's fields.
struct Reference {
    object: String,
    side: SideId,
    paths: Vec<usize>,
    fields: Vec<usize>,
}

fn references(mapping: &SideMapping, objects: &ObjectSides) -> Vec<Reference> {
    let mut found = Vec::new();
    for rule in mapping.groups.iter().flat_map(|group| &group.rules) {
        for object in rule.lens.references() {
            if let Some(&side) = objects.get(&object) {
                found.push(Reference {
                    object,
                    side,
                    paths: rule.paths.clone(),
                    fields: rule.fields.clone(),
                });
            }
        }
    }
    found
}

impl Links {
    /// Loads the links for rows of raw values and for entities.
    pub(crate) async fn load<'a>(
        tx: &mut dyn Transaction,
        mapping: &SideMapping,
        objects: &ObjectSides,
        rows: impl IntoIterator<Item = &'a [u8]>,
        entities: impl IntoIterator<Item = &'a Entity>,
        tenant: u32,
    ) -> Result<Self> {
        let mut links = Self::default();
        let references = references(mapping, objects);
        if references.is_empty() {
            return Ok(links);
        }
        let mut exts: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for row in rows {
            let row = decode_all(row)?;
            for (place, reference) in references.iter().enumerate() {
                for value in reference.paths.iter().filter_map(|&path| row.get(path)) {
                    exts.entry(place).or_default().extend(texts(value));
                }
            }
        }
        let mut uids: BTreeMap<usize, BTreeSet<Uuid>> = BTreeMap::new();
        for entity in entities {
            for (place, reference) in references.iter().enumerate() {
                for &field in &reference.fields {
                    let found = texts(entity.value(field))
                        .into_iter()
                        .filter_map(|text| text.parse::<Uuid>().ok());
                    uids.entry(place).or_default().extend(found);
                }
            }
        }
        for (place, reference) in references.iter().enumerate() {
            let exts: Vec<String> = exts.remove(&place).unwrap_or_default().into_iter().collect();
            let exts: Vec<&str> = exts.iter().map(String::as_str).collect();
            let heads = tx.heads(reference.side, &exts).await?;
            let numbers: BTreeMap<EntityId, &str> = heads
                .iter()
                .zip(&exts)
                .filter_map(|(head, ext)| head.as_ref().map(|head| (head, *ext)))
                // Whose a staged record is, is still open.
                .filter(|(head, _)| !head.flags.has(SideFlags::STAGED))
                .map(|(head, ext)| (head.key.entity, ext))
                .collect();
            let mut wanted: BTreeSet<EntityId> = numbers.keys().copied().collect();
            let by_uid: Vec<Uuid> = uids.remove(&place).unwrap_or_default().into_iter().collect();
            wanted.extend(tx.find_uids(tenant, &by_uid).await?.into_iter().flatten());
            let wanted: Vec<EntityId> = wanted.into_iter().collect();
            for linked in tx.load(&wanted).await? {
                if let Some(ext) = numbers.get(&linked.entity.id) {
                    links
                        .entities
                        .insert((reference.object.clone(), (*ext).to_owned()), linked.entity.uid);
                }
                links.add(&reference.object, reference.side, &linked);
            }
        }
        Ok(links)
    }

    fn add(&mut self, object: &str, side: SideId, linked: &Linked) {
        let of_side = |candidate: &&Side| candidate.key.side == side && !candidate.flags.has(SideFlags::STAGED);
        for candidate in linked.sides.iter().filter(of_side) {
            if let (Some(ext), Presence::Live) = (&candidate.ext, &candidate.presence) {
                self.entities
                    .insert((object.to_owned(), ext.clone()), linked.entity.uid);
                self.remotes.insert((object.to_owned(), linked.entity.uid), ext.clone());
            }
        }
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Text(text) if !text.is_empty() => vec![text.clone()],
        Value::Int(int) => vec![int.to_string()],
        Value::List(list) => list.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

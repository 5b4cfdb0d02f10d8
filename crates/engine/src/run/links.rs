//! The links that a page's references need, loaded beforehand so that lenses stay pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use syncline_core::error::{Error, Result};
use syncline_core::lens::LensContext;
use syncline_core::mapping::SideMapping;
use syncline_core::model::Blueprint;
use syncline_core::plan::UniqueValues;
use syncline_core::state::{Entity, EntityId, Linked, Presence, Side, SideFlags, SideId};
use syncline_core::store::Transaction;
use syncline_core::value::{Value, decode_all};
use uuid::Uuid;

use crate::entity::UniqueFields;
use crate::incoming::Hooks;
use crate::quality::QualityGate;

/// Links between entities and remote records of one connection's objects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links {
    entities: BTreeMap<(String, String), Uuid>,
    remotes: BTreeMap<(String, Uuid), String>,
    /// Whether a row refers to a record that waits to be matched.
    staged: bool,
    /// Who holds the unique values that the rows bring, where the blueprint has unique fields.
    unique: Option<Arc<Mutex<UniqueFields>>>,
    /// What the blueprint refuses.
    quality: Option<Arc<QualityGate>>,
    /// What the host says.
    hooks: Option<Arc<Hooks>>,
}

impl UniqueValues for Links {
    fn is_taken(&self, entity: EntityId, field: usize, value: &Value) -> bool {
        self.unique.as_ref().is_some_and(|unique| {
            let unique = unique.lock().unwrap_or_else(PoisonError::into_inner);
            unique.is_taken(entity, field, value)
        })
    }
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
            links.staged |= heads.iter().flatten().any(|head| head.flags.has(SideFlags::STAGED));
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

    /// Looks up who holds the unique values that these rows bring, and those of deleted entities that may come back, and
    /// what the blueprint refuses.
    pub(crate) async fn know_unique<'a>(
        &mut self,
        tx: &mut dyn Transaction,
        blueprint: &Blueprint,
        mapping: &SideMapping,
        rows: impl IntoIterator<Item = &'a [u8]>,
        entities: impl IntoIterator<Item = &'a Entity>,
    ) -> Result<()> {
        self.quality = QualityGate::load(tx, blueprint).await?;
        if !blueprint.fields.iter().any(|field| field.unique) {
            return Ok(());
        }
        let mut wanted: Vec<Vec<Value>> = entities
            .into_iter()
            .filter(|entity| entity.deleted)
            .map(|entity| entity.values.clone())
            .collect();
        for row in rows {
            wanted.push(self.unique_values(blueprint, mapping, row)?);
        }
        let mut unique = UniqueFields::open(tx, blueprint).await?;
        unique.load(tx, &wanted).await?;
        self.unique = Some(Arc::new(Mutex::new(unique)));
        Ok(())
    }

    /// What a row would bring into unique fields; what can't be read is no concern here.
    fn unique_values(&self, blueprint: &Blueprint, mapping: &SideMapping, row: &[u8]) -> Result<Vec<Value>> {
        let row = decode_all(row)?;
        let mut values = vec![Value::Null; blueprint.fields.len()];
        let is_unique = |position: &usize| blueprint.fields.get(*position).is_some_and(|field| field.unique);
        for group in mapping.groups.iter().filter(|group| group.fields.iter().any(is_unique)) {
            let raw: Vec<Value> = group
                .paths
                .iter()
                .map(|&path| row.get(path).cloned().unwrap_or_default())
                .collect();
            let Ok(got) = group.get(&raw, &[], self) else { continue };
            for (&position, value) in group.fields.iter().zip(got).filter(|(position, _)| is_unique(position)) {
                values[position] = blueprint
                    .check_value(&blueprint.fields[position], value)
                    .unwrap_or_default();
            }
        }
        Ok(values)
    }

    /// Whether a record has to be remembered as it was, so that [`Links::take`] can tell.
    pub(crate) const fn has_unique(&self) -> bool {
        self.unique.is_some() || self.asks()
    }

    /// Whether anybody is asked about each record.
    pub(crate) const fn asks(&self) -> bool {
        self.quality.is_some() || self.hooks.is_some()
    }

    /// Lets the host's hooks be asked about the records of a page.
    pub(crate) fn ask(&mut self, hooks: Option<Arc<Hooks>>) {
        self.hooks = hooks;
    }

    /// Notes what a record holds from now on, for those that follow on the page.
    ///
    /// # Errors
    /// `Exists` when it takes what another has, `Invalid` when the blueprint refuses it, `Refused` when a hook of the host's
    /// does: the record must be left as it was.
    pub(crate) fn take(&self, blueprint: &Blueprint, before: Option<&Entity>, after: &Entity) -> Result<()> {
        if let Some(quality) = self.quality.as_ref().filter(|_| !after.deleted) {
            let before = before.filter(|before| !before.deleted);
            quality.check_pulled(before.map(|before| before.values.as_slice()), &after.values)?;
        }
        let Some(unique) = &self.unique else {
            return self.told(blueprint, before, after);
        };
        let mut unique = unique.lock().unwrap_or_else(PoisonError::into_inner);
        let held: &[Value] = before
            .filter(|before| !before.deleted)
            .map_or(&[], |before| &before.values);
        if !after.deleted
            && let Some((position, _)) = unique.taken(after.id, held, &after.values).first()
        {
            let error: Error = blueprint.taken(&blueprint.fields[*position], after.value(*position));
            return Err(error);
        }
        self.told(blueprint, before, after)?;
        unique.change(before, after);
        Ok(())
    }

    /// Asks the host, who is told of nothing that is refused anyhow.
    fn told(&self, blueprint: &Blueprint, before: Option<&Entity>, after: &Entity) -> Result<()> {
        self.hooks
            .as_ref()
            .map_or(Ok(()), |hooks| hooks.ask(blueprint, before, after))
    }

    /// Whether a row refers to a record that waits to be matched: whose it is, is still open.
    pub(super) const fn waits_for_a_match(&self) -> bool {
        self.staged
    }

    pub(super) fn is_resolved(&self, object: &str, ext: &str) -> bool {
        self.entity_of(object, ext).is_some()
    }

    pub(super) fn resolve(&mut self, object: &str, ext: String, entity: Uuid) {
        self.entities.insert((object.to_owned(), ext), entity);
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

pub(super) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Text(text) if !text.is_empty() => vec![text.clone()],
        Value::Int(int) => vec![int.to_string()],
        Value::List(list) => list.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

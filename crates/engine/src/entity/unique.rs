//! Unique fields: no two live entities hold the same value.
//!
//! Each unique field has a space of its own among the store's keys. It is filled when the field is first needed, so
//! that a first import pays nothing for it, and kept in step from then on.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use syncline_core::error::Result;
use syncline_core::mapping::Normalisation;
use syncline_core::matching::normalise;
use syncline_core::model::{Blueprint, BlueprintId, Field, FieldType};
use syncline_core::state::{Entity, EntityId, Linked};
use syncline_core::store::{Document, DocumentKind, DocumentQuery, EntityQuery, Key, Transaction};
use syncline_core::value::{Value, content_hash, encode_all};

use crate::document;

/// Entities read at once when a space is filled.
const FILL: usize = 2_000;

/// One unique field.
#[derive(Debug, Clone)]
struct UniqueField {
    position: usize,
    space: u64,
    is_email: bool,
}

impl UniqueField {
    fn new(blueprint: &Blueprint, position: usize, field: &Field) -> Self {
        let name = format!(
            "unique field of {}: {} ({})",
            blueprint.id,
            field.name,
            field.kind.label()
        );
        Self {
            position,
            // SQL integers are signed.
            space: (content_hash(name.as_bytes()) >> 65) as u64,
            is_email: field.kind == FieldType::Email,
        }
    }

    /// The hash of what the entity holds; an empty value is not compared.
    fn hash(&self, values: &[Value]) -> Option<u128> {
        let value = values.get(self.position).filter(|value| !value.is_empty())?;
        let folded = self.is_email.then(|| normalise(value, Normalisation::Email)).flatten();
        Some(match folded {
            Some(folded) => content_hash(folded.as_bytes()),
            None => content_hash(&encode_all([value])),
        })
    }
}

fn fields_of(blueprint: &Blueprint) -> Vec<UniqueField> {
    let unique = blueprint.fields.iter().enumerate().filter(|(_, field)| field.unique);
    unique
        .map(|(position, field)| UniqueField::new(blueprint, position, field))
        .collect()
}

fn key_of_space(space: u64) -> String {
    format!("unique-field:{space}")
}

async fn is_filled(tx: &mut dyn Transaction, blueprint: &Blueprint, space: u64) -> Result<bool> {
    let query = DocumentQuery::new(DocumentKind::Setting)
        .tenant(blueprint.tenant)
        .scope(u64::from(blueprint.id))
        .key(key_of_space(space));
    Ok(tx.count_documents(&query).await? > 0)
}

/// Enters what all live entities hold.
async fn fill(tx: &mut dyn Transaction, blueprint: &Blueprint, field: &UniqueField) -> Result<()> {
    let mut query = EntityQuery {
        tenant: blueprint.tenant,
        blueprint: blueprint.id,
        after: 0,
        deleted: Some(false),
        limit: FILL,
    };
    loop {
        let page = tx.entities(&query).await?;
        let Some(last) = page.last() else { break };
        query.after = last.id;
        tx.put_keys(&keys(field, &page)).await?;
    }
    let filled = Document {
        kind: DocumentKind::Setting,
        id: 0,
        tenant: blueprint.tenant,
        scope: u64::from(blueprint.id),
        key: Some(key_of_space(field.space)),
        status: "filled".to_owned(),
        at: Timestamp::UNIX_EPOCH,
        version: 0,
        body: serde_json::Value::Null,
    };
    tx.put_document(&filled).await.map(|_| ())
}

fn keys<'a>(field: &UniqueField, entities: impl IntoIterator<Item = &'a Entity>) -> Vec<Key> {
    let live = entities.into_iter().filter(|entity| !entity.deleted);
    live.filter_map(|entity| {
        Some(Key {
            space: field.space,
            hash: field.hash(&entity.values)?,
            entity: entity.id,
        })
    })
    .collect()
}

/// Keeps the keys of unique fields in step with entities of any blueprint that are written.
pub(crate) async fn keep_written_keys(tx: &mut dyn Transaction, written: &[&Entity]) -> Result<()> {
    let blueprints: BTreeSet<BlueprintId> = written.iter().map(|entity| entity.blueprint).collect();
    for id in blueprints {
        let Some(document) = tx.document(DocumentKind::Blueprint, u64::from(id)).await? else {
            continue;
        };
        let blueprint = document::read::<Blueprint>(document)?;
        keep_unique_keys(
            tx,
            &blueprint,
            written.iter().filter(|entity| entity.blueprint == id).copied(),
        )
        .await?;
    }
    Ok(())
}

/// Keeps the keys of unique fields in step with entities of a blueprint that are written.
pub(crate) async fn keep_unique_keys<'a>(
    tx: &mut dyn Transaction,
    blueprint: &Blueprint,
    written: impl IntoIterator<Item = &'a Entity>,
) -> Result<()> {
    let fields = fields_of(blueprint);
    if fields.is_empty() {
        return Ok(());
    }
    let written: Vec<&Entity> = written.into_iter().collect();
    let ids: Vec<EntityId> = written.iter().map(|entity| entity.id).collect();
    for field in fields {
        if is_filled(tx, blueprint, field.space).await? {
            tx.delete_keys(field.space, &ids).await?;
            tx.put_keys(&keys(&field, written.iter().copied())).await?;
        }
    }
    Ok(())
}

/// Who holds the unique values that some edits are about, within one transaction.
#[derive(Debug, Default)]
pub(super) struct UniqueFields {
    fields: Vec<UniqueField>,
    owners: BTreeMap<(u64, u128), BTreeSet<EntityId>>,
}

impl UniqueFields {
    /// The unique fields of a blueprint.
    pub(super) async fn open(tx: &mut dyn Transaction, blueprint: &Blueprint) -> Result<Self> {
        let fields = fields_of(blueprint);
        for field in &fields {
            if !is_filled(tx, blueprint, field.space).await? {
                fill(tx, blueprint, field).await?;
            }
        }
        Ok(Self {
            fields,
            ..Self::default()
        })
    }

    /// Looks up who holds these values, and returns those entities.
    pub(super) async fn load(
        &mut self,
        tx: &mut dyn Transaction,
        rows: &[Vec<Value>],
    ) -> Result<BTreeMap<EntityId, Linked>> {
        let mut found: Vec<Key> = Vec::new();
        for field in &self.fields {
            let hashes: BTreeSet<u128> = rows.iter().filter_map(|row| field.hash(row)).collect();
            if !hashes.is_empty() {
                found.extend(
                    tx.find_keys(field.space, &hashes.into_iter().collect::<Vec<_>>())
                        .await?,
                );
            }
        }
        let ids: BTreeSet<EntityId> = found.iter().map(|key| key.entity).collect();
        let loaded = tx.load(&ids.into_iter().collect::<Vec<_>>()).await?;
        let loaded: BTreeMap<EntityId, Linked> = loaded.into_iter().map(|linked| (linked.entity.id, linked)).collect();
        for key in found {
            let field = self.fields.iter().find(|field| field.space == key.space);
            let holds = loaded.get(&key.entity).is_some_and(|linked| {
                !linked.entity.deleted && field.and_then(|field| field.hash(&linked.entity.values)) == Some(key.hash)
            });
            if holds {
                self.owners.entry((key.space, key.hash)).or_default().insert(key.entity);
            }
        }
        Ok(loaded)
    }

    /// Whether a field is unique.
    pub(super) fn has(&self, position: usize) -> bool {
        self.fields.iter().any(|field| field.position == position)
    }

    /// Who holds the value that these values have in a field; `None` when it is empty or the field is not unique.
    pub(super) fn owners(&self, position: usize, values: &[Value]) -> Option<Vec<EntityId>> {
        let field = self.fields.iter().find(|field| field.position == position)?;
        let hash = field.hash(values)?;
        Some(
            self.owners
                .get(&(field.space, hash))
                .into_iter()
                .flatten()
                .copied()
                .collect(),
        )
    }

    /// The fields in which the new values of an entity, where they differ from the old ones, are held by another.
    pub(super) fn taken(&self, entity: EntityId, before: &[Value], after: &[Value]) -> Vec<(usize, EntityId)> {
        let differs = |field: &&UniqueField| field.hash(before) != field.hash(after);
        let taken = self.fields.iter().filter(differs).filter_map(|field| {
            let owners = self.owners.get(&(field.space, field.hash(after)?))?;
            Some((field.position, *owners.iter().find(|owner| **owner != entity)?))
        });
        taken.collect()
    }

    /// Notes what an entity held and will hold, for the edits that follow. The keys are written with the entity.
    pub(super) fn change(&mut self, before: Option<&Entity>, after: &Entity) {
        let live =
            |entity: &Entity, field: &UniqueField| (!entity.deleted).then(|| field.hash(&entity.values)).flatten();
        for field in &self.fields {
            if let Some(hash) = before.and_then(|entity| live(entity, field))
                && let Some(owners) = self.owners.get_mut(&(field.space, hash))
            {
                owners.remove(&after.id);
            }
            if let Some(hash) = live(after, field) {
                self.owners.entry((field.space, hash)).or_default().insert(after.id);
            }
        }
    }
}

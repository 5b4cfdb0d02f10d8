//! Unique fields: no two live entities hold the same value.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::error::Result;
use syncline_core::model::Blueprint;
use syncline_core::state::{Entity, EntityId, Linked};
use syncline_core::store::{Key, Transaction};
use syncline_core::value::Value;

use super::index::{Definition, fill_within};

/// One unique field.
#[derive(Debug, Clone)]
struct UniqueField {
    position: usize,
    space: u64,
    definition: Definition,
}

impl UniqueField {
    /// The hash of what the entity holds; an empty value is not compared.
    fn hash(&self, values: &[Value]) -> Option<u64> {
        self.hash_of(values.get(self.position)?)
    }

    fn hash_of(&self, value: &Value) -> Option<u64> {
        self.definition.hold(std::slice::from_ref(value)).keys.first().copied()
    }
}

/// Who holds the unique values that some edits are about, within one transaction.
#[derive(Debug, Default)]
pub(crate) struct UniqueFields {
    fields: Vec<UniqueField>,
    owners: BTreeMap<(u64, u64), BTreeSet<EntityId>>,
}

impl UniqueFields {
    /// The unique fields of a blueprint.
    pub(crate) async fn open(tx: &mut dyn Transaction, blueprint: &Blueprint) -> Result<Self> {
        let mut fields = Vec::new();
        for (position, field) in blueprint.fields.iter().enumerate().filter(|(_, field)| field.unique) {
            let definition = Definition::unique(field);
            let space = fill_within(tx, blueprint, &definition).await?.id;
            fields.push(UniqueField {
                position,
                space,
                definition,
            });
        }
        Ok(Self {
            fields,
            ..Self::default()
        })
    }

    /// Looks up who holds these values, and returns those entities.
    pub(crate) async fn load(
        &mut self,
        tx: &mut dyn Transaction,
        rows: &[Vec<Value>],
    ) -> Result<BTreeMap<EntityId, Linked>> {
        let mut found: Vec<Key> = Vec::new();
        for field in &self.fields {
            let hashes: BTreeSet<u64> = rows.iter().filter_map(|row| field.hash(row)).collect();
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
    pub(crate) fn owners(&self, position: usize, values: &[Value]) -> Option<Vec<EntityId>> {
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

    /// Whether another entity holds this value in a field.
    pub(crate) fn is_taken(&self, entity: EntityId, position: usize, value: &Value) -> bool {
        let field = self.fields.iter().find(|field| field.position == position);
        field.is_some_and(|field| {
            let hash = field.hash_of(value);
            let owners = hash.and_then(|hash| self.owners.get(&(field.space, hash)));
            owners.is_some_and(|owners| owners.iter().any(|owner| *owner != entity))
        })
    }

    /// The fields in which the new values of an entity, where they differ from the old ones, are held by another.
    pub(crate) fn taken(&self, entity: EntityId, before: &[Value], after: &[Value]) -> Vec<(usize, EntityId)> {
        let differs = |field: &&UniqueField| field.hash(before) != field.hash(after);
        let taken = self.fields.iter().filter(differs).filter_map(|field| {
            let owners = self.owners.get(&(field.space, field.hash(after)?))?;
            Some((field.position, *owners.iter().find(|owner| **owner != entity)?))
        });
        taken.collect()
    }

    /// Notes what an entity held and will hold, for the edits that follow. The keys are written with the entity.
    pub(crate) fn change(&mut self, before: Option<&Entity>, after: &Entity) {
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

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::error::Result;
use syncline_core::model::{Blueprint, BlueprintId};
use syncline_core::state::{CreatedPage, Entity, EntityId};
use syncline_core::store::{DocumentKind, IndexEntry, Key, Transaction};

use super::definition::{Held, picked};
use super::space::{drop_space, spaces_of};
use crate::document;

/// Keeps all spaces in step with entities that are about to be written: called before the store has them, since what
/// they held until now tells what to take out.
pub(crate) async fn keep_written(tx: &mut dyn Transaction, written: &[&Entity]) -> Result<()> {
    let blueprints: BTreeSet<BlueprintId> = written.iter().map(|entity| entity.blueprint).collect();
    for id in blueprints {
        let own: Vec<&Entity> = written
            .iter()
            .filter(|entity| entity.blueprint == id)
            .copied()
            .collect();
        keep_of_blueprint(tx, id, &own).await?;
    }
    Ok(())
}

/// As [`keep_written`], for entities that are about to be created by the page.
pub(crate) async fn keep_created(tx: &mut dyn Transaction, page: &CreatedPage<'_>) -> Result<()> {
    if spaces_of(tx, page.tenant, page.blueprint).await?.is_empty() {
        return Ok(());
    }
    let linked = page.linked()?;
    let entities: Vec<&Entity> = linked.iter().map(|linked| &linked.entity).collect();
    keep_of_blueprint(tx, page.blueprint, &entities).await
}

async fn keep_of_blueprint(tx: &mut dyn Transaction, id: BlueprintId, written: &[&Entity]) -> Result<()> {
    let Some(tenant) = written.first().map(|entity| entity.tenant) else {
        return Ok(());
    };
    let spaces = spaces_of(tx, tenant, id).await?;
    if spaces.is_empty() {
        return Ok(());
    }
    let Some(document) = tx.document(DocumentKind::Blueprint, u64::from(id)).await? else {
        return Ok(());
    };
    let blueprint = document::read::<Blueprint>(document)?;
    let ids: Vec<EntityId> = written.iter().map(|entity| entity.id).collect();
    let stored: BTreeMap<EntityId, Entity> = tx
        .load_entities(&ids)
        .await?
        .into_iter()
        .map(|entity| (entity.id, entity))
        .collect();
    let mut changes = Changes::default();
    for space in &spaces {
        // It would miss what is written from now on. Whoever needs it again fills it again.
        if !space.is_of(&blueprint) {
            drop_space(tx, space.id).await?;
            continue;
        }
        let positions = space.definition.positions(&blueprint);
        for entity in written {
            let before = stored.get(&entity.id).filter(|entity| !entity.deleted);
            let before = before.map(|entity| picked(&entity.values, &positions));
            let after = (!entity.deleted).then(|| picked(&entity.values, &positions));
            if before == after {
                continue;
            }
            let held = |values: Option<Vec<_>>| values.map(|values| space.definition.hold(&values)).unwrap_or_default();
            changes.add(space.id, entity.id, held(before), held(after));
        }
    }
    tx.delete_keys(&changes.old_keys).await?;
    tx.delete_index(&changes.old_entries).await?;
    tx.put_keys(&changes.new_keys).await?;
    tx.put_index(&changes.new_entries).await
}

/// What goes out of the spaces, and what comes in.
#[derive(Debug, Default)]
struct Changes {
    old_keys: Vec<Key>,
    new_keys: Vec<Key>,
    old_entries: Vec<IndexEntry>,
    new_entries: Vec<IndexEntry>,
}

impl Changes {
    fn add(&mut self, space: u64, entity: EntityId, before: Held, after: Held) {
        if before == after {
            return;
        }
        let key = |hash: &u64| Key {
            space,
            hash: *hash,
            entity,
        };
        let entry = |sort: &Vec<u8>| IndexEntry {
            space,
            sort: sort.clone(),
            entity,
        };
        let gone = before.keys.iter().filter(|hash| !after.keys.contains(hash));
        self.old_keys.extend(gone.map(key));
        let fresh = after.keys.iter().filter(|hash| !before.keys.contains(hash));
        self.new_keys.extend(fresh.map(key));
        let gone = before.sorts.iter().filter(|sort| !after.sorts.contains(sort));
        self.old_entries.extend(gone.map(entry));
        let fresh = after.sorts.iter().filter(|sort| !before.sorts.contains(sort));
        self.new_entries.extend(fresh.map(entry));
    }
}

use syncline_core::error::Result;
use syncline_core::model::Blueprint;
use syncline_core::store::{EntityQuery, IndexEntry, Key, Mode, Transaction};

use super::definition::{Definition, picked};
use super::space::{Space, drop_space, space_of};
use crate::document::{self, Versioned};
use crate::engine::Inner;

/// Entities read at once.
const PAGE: usize = 2_000;
/// Entries written at once, sorted: the more, the fewer times a page of the store's tree is written.
const ENTRIES: usize = 100_000;

/// The space of a definition, made if there is none.
async fn opened(tx: &mut dyn Transaction, blueprint: &Blueprint, definition: &Definition) -> Result<Versioned<Space>> {
    let scope = u64::from(blueprint.id);
    if let Some(known) = document::by_key::<Space>(tx, blueprint.tenant, scope, &definition.name()).await? {
        if known.is_of(blueprint) {
            return Ok(known);
        }
        drop_space(tx, known.id).await?;
    }
    document::insert(tx, Space::new(blueprint, definition.clone())).await
}

/// Enters the next entities, and notes how far it came.
async fn step(tx: &mut dyn Transaction, blueprint: &Blueprint, space: &mut Versioned<Space>) -> Result<()> {
    let positions = space.definition.positions(blueprint);
    let (mut keys, mut entries) = (Vec::new(), Vec::new());
    while keys.len() + entries.len() < ENTRIES {
        let query = EntityQuery {
            tenant: blueprint.tenant,
            blueprint: blueprint.id,
            after: space.after,
            deleted: Some(false),
            limit: PAGE,
        };
        let page = tx.entities(&query).await?;
        let Some(last) = page.last() else {
            space.filled = true;
            break;
        };
        space.value.after = last.id;
        for entity in &page {
            let held = space.definition.hold(&picked(&entity.values, &positions));
            keys.extend(held.keys.into_iter().map(|hash| Key {
                space: space.id,
                hash,
                entity: entity.id,
            }));
            entries.extend(held.sorts.into_iter().map(|sort| IndexEntry {
                space: space.id,
                sort,
                entity: entity.id,
            }));
        }
    }
    tx.put_keys(&keys).await?;
    tx.put_index(&entries).await?;
    document::put(tx, space).await
}

/// The filled space of a definition, within one transaction.
pub(crate) async fn fill_within(
    tx: &mut dyn Transaction,
    blueprint: &Blueprint,
    definition: &Definition,
) -> Result<Space> {
    let mut space = opened(tx, blueprint, definition).await?;
    while !space.filled {
        step(tx, blueprint, &mut space).await?;
    }
    Ok(space.value)
}

/// Fills the spaces of these definitions, step by step, so that others may write in between.
pub(crate) async fn fill_all(inner: &Inner, blueprint: &Blueprint, definitions: &[Definition]) -> Result<()> {
    for definition in definitions {
        loop {
            {
                let mut tx = inner.store.begin(Mode::Read).await?;
                if space_of(tx.as_mut(), blueprint, definition)
                    .await?
                    .is_some_and(|space| space.filled)
                {
                    break;
                }
            }
            let mut tx = inner.store.begin(Mode::Write).await?;
            let mut space = opened(tx.as_mut(), blueprint, definition).await?;
            if !space.filled {
                step(tx.as_mut(), blueprint, &mut space).await?;
            }
            tx.commit().await?;
        }
    }
    Ok(())
}

/// Fills what lists of a blueprint are filtered and sorted by.
pub(crate) async fn fill_declared(inner: &Inner, blueprint: &Blueprint) -> Result<()> {
    fill_all(inner, blueprint, &Definition::declared(blueprint)).await
}

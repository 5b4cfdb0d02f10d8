use syncline_core::error::Result;
use syncline_core::model::Blueprint;
use syncline_core::store::Mode;

use super::definition::Definition;
use super::fill::fill_all;
use super::space::{drop_space, space_of, spaces_of};
use crate::engine::Inner;

/// Fills the index of the words that text search looks into, and drops one of other fields: which fields are searched
/// changes with the blueprint, and nobody asks for the words of before any more.
pub(crate) async fn fill_words(inner: &Inner, blueprint: &Blueprint, definition: &Definition) -> Result<()> {
    let tenant = blueprint.tenant;
    {
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let known = space_of(tx.as_mut(), blueprint, definition).await?;
        if known.is_some_and(|space| space.filled) {
            return Ok(());
        }
    }
    fill_all(inner, blueprint, std::slice::from_ref(definition)).await?;
    let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
    for space in spaces_of(tx.as_mut(), tenant, blueprint.id).await? {
        if matches!(space.definition, Definition::Words { .. }) && space.definition != *definition {
            drop_space(tx.as_mut(), space.id).await?;
        }
    }
    tx.commit().await
}

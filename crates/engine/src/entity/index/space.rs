use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::error::Result;
use syncline_core::model::{Blueprint, BlueprintId, TenantId};
use syncline_core::state::EntityId;
use syncline_core::store::{DocumentKind, DocumentQuery, Transaction};

use super::definition::Definition;
use crate::document::{self, Columns, Stored, Versioned};

/// One space of keys or of an index. Its number is the space's in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Space {
    #[serde(skip)]
    pub(crate) id: u64,
    pub(super) tenant: TenantId,
    pub(super) blueprint: BlueprintId,
    pub(crate) definition: Definition,
    /// Where the blueprint had the fields that it reads. A field of that name elsewhere, or none, is another one.
    #[serde(default)]
    positions: Vec<Option<usize>>,
    /// Whether every live entity is in it.
    pub(crate) filled: bool,
    /// The last entity that filling has come by.
    pub(super) after: EntityId,
}

impl Stored for Space {
    const KIND: DocumentKind = DocumentKind::Space;
    const NOUN: &'static str = "index";

    fn id(&self) -> u64 {
        self.id
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    fn columns(&self) -> Columns {
        Columns {
            tenant: self.tenant,
            scope: u64::from(self.blueprint),
            key: Some(self.definition.name()),
            status: if self.filled { "filled" } else { "filling" }.to_owned(),
            at: Timestamp::UNIX_EPOCH,
        }
    }
}

impl Space {
    pub(super) fn new(blueprint: &Blueprint, definition: Definition) -> Self {
        Self {
            id: 0,
            tenant: blueprint.tenant,
            blueprint: blueprint.id,
            positions: definition.positions(blueprint),
            definition,
            filled: false,
            after: 0,
        }
    }

    /// Whether it is of the fields that the blueprint has: one is renamed, another takes its name.
    pub(super) fn is_of(&self, blueprint: &Blueprint) -> bool {
        self.positions.is_empty() || self.positions == self.definition.positions(blueprint)
    }

    /// Of a tenant as a whole.
    pub(super) const fn of_tenant(tenant: TenantId, definition: Definition) -> Self {
        Self {
            id: 0,
            tenant,
            blueprint: 0,
            definition,
            positions: Vec::new(),
            filled: false,
            after: 0,
        }
    }
}

/// The spaces of a blueprint.
pub(crate) async fn spaces_of(
    tx: &mut dyn Transaction,
    tenant: TenantId,
    blueprint: BlueprintId,
) -> Result<Vec<Versioned<Space>>> {
    let query = DocumentQuery::new(DocumentKind::Space)
        .tenant(tenant)
        .scope(u64::from(blueprint));
    document::find(tx, &query).await
}

/// The space of a definition, filled or not; `None` too where it is of other fields.
pub(crate) async fn space_of(
    tx: &mut dyn Transaction,
    blueprint: &Blueprint,
    definition: &Definition,
) -> Result<Option<Versioned<Space>>> {
    let known: Option<Versioned<Space>> =
        document::by_key(tx, blueprint.tenant, u64::from(blueprint.id), &definition.name()).await?;
    Ok(known.filter(|space| space.is_of(blueprint)))
}

/// Removes a space with all that is in it.
pub(super) async fn drop_space(tx: &mut dyn Transaction, space: u64) -> Result<()> {
    tx.clear_space(space).await?;
    tx.delete_document(DocumentKind::Space, space).await
}

/// Empties the spaces whose fields have other places after a change of a blueprint: they are filled anew when they are
/// needed.
pub(crate) async fn forget_moved(tx: &mut dyn Transaction, before: &Blueprint, after: &Blueprint) -> Result<()> {
    for space in spaces_of(tx, before.tenant, before.id).await? {
        if space.definition.positions(before) != space.definition.positions(after) {
            drop_space(tx, space.id).await?;
        }
    }
    Ok(())
}

/// Removes all spaces of a blueprint for good.
pub(crate) async fn forget_spaces(tx: &mut dyn Transaction, blueprint: &Blueprint) -> Result<()> {
    for space in spaces_of(tx, blueprint.tenant, blueprint.id).await? {
        drop_space(tx, space.id).await?;
    }
    Ok(())
}

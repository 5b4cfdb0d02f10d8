use syncline_core::Result;
use syncline_core::model::{BlueprintId, TenantId};
use syncline_core::state::{Actor, Entity, EntityId, decode_decisions, encode_decisions};
use syncline_core::value::decode_all;
use uuid::Uuid;

use super::{instant, micros};

/// Bytes of a value to reserve room for; most are short text.
const TYPICAL_VALUE: usize = 24;

/// An entity as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct PackedEntity {
    pub(crate) id: EntityId,
    pub(crate) uid: Uuid,
    pub(crate) tenant: TenantId,
    pub(crate) blueprint: BlueprintId,
    pub(crate) blueprint_version: u32,
    pub(crate) rev: u64,
    pub(crate) deleted: bool,
    /// The values, canonically encoded one after the other.
    pub(crate) vals: Vec<u8>,
    /// Decisions and frozen groups.
    pub(crate) dec: Vec<u8>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) updated_by: String,
}

impl PackedEntity {
    pub(crate) fn pack(entity: &Entity) -> Self {
        let mut vals = Vec::with_capacity(entity.values.len() * TYPICAL_VALUE);
        for value in &entity.values {
            value.encode(&mut vals);
        }
        Self {
            id: entity.id,
            uid: entity.uid,
            tenant: entity.tenant,
            blueprint: entity.blueprint,
            blueprint_version: entity.blueprint_version,
            rev: entity.rev,
            deleted: entity.deleted,
            vals,
            dec: encode_decisions(&entity.decisions, &entity.frozen, &entity.trail),
            created: micros(entity.created_at),
            updated: micros(entity.updated_at),
            updated_by: entity.updated_by.0.clone(),
        }
    }

    /// The entity; fails with `Corrupt`, naming it, when a column can't be read.
    pub(crate) fn unpack(self) -> Result<Entity> {
        let id = self.id;
        self.open().map_err(|error| error.with("entity", id))
    }

    fn open(self) -> Result<Entity> {
        let kept = decode_decisions(&self.dec)?;
        Ok(Entity {
            id: self.id,
            uid: self.uid,
            tenant: self.tenant,
            blueprint: self.blueprint,
            blueprint_version: self.blueprint_version,
            rev: self.rev,
            deleted: self.deleted,
            values: decode_all(&self.vals)?,
            decisions: kept.decisions,
            frozen: kept.frozen,
            trail: kept.trail,
            created_at: instant(self.created)?,
            updated_at: instant(self.updated)?,
            updated_by: Actor(self.updated_by),
        })
    }
}

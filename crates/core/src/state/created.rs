use std::ops::Range;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Actor, Entity, EntityId, Linked, Presence, Side, SideId, SideKey, decode_decisions};
use crate::error::Result;
use crate::model::{BlueprintId, TenantId};
use crate::value::decode_all;

/// New entities, each with the one side that it was read from, packed as stores keep them. What a first pull writes:
/// everything that the records of a page share is said once.
#[derive(Debug, Clone)]
pub struct CreatedPage<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// The blueprint.
    pub blueprint: BlueprintId,
    /// Its version.
    pub blueprint_version: u32,
    /// The side that all were read from.
    pub side: SideId,
    /// Its slot.
    pub slot: u8,
    /// Version of the mapping under which they were read.
    pub mapping_version: u32,
    /// Mark of the read.
    pub obs_seq: u64,
    /// When they were created.
    pub created_at: Timestamp,
    /// When they were last changed.
    pub updated_at: Timestamp,
    /// Who last changed them.
    pub updated_by: Actor,
    records: Vec<Packed<'a>>,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Packed<'a> {
    id: EntityId,
    uid: Uuid,
    ext: &'a str,
    stamp: Option<Timestamp>,
    hash: u128,
    obs: &'a [u8],
    values: Range<usize>,
    decisions: Range<usize>,
}

/// One record of a [`CreatedPage`]. Its revision is 1, and so is the one that its side agreed with.
#[derive(Debug, Clone, Copy)]
pub struct CreatedRecord<'a> {
    /// The entity's number.
    pub id: EntityId,
    /// Its id for the world.
    pub uid: Uuid,
    /// The provider's record id.
    pub ext: &'a str,
    /// The provider's version.
    pub stamp: Option<Timestamp>,
    /// Content hash of `obs`.
    pub hash: u128,
    /// The raw values, canonically encoded.
    pub obs: &'a [u8],
    /// The entity's values, canonically encoded.
    pub values: &'a [u8],
    /// The one decision, as [`super::encode_decisions`] packs it.
    pub decisions: &'a [u8],
}

impl<'a> CreatedPage<'a> {
    /// A page without records. `entity` and `side` say what all records share; their values and numbers do not count.
    pub fn new(entity: Entity, side: SideKey, mapping_version: u32, obs_seq: u64) -> Self {
        Self {
            tenant: entity.tenant,
            blueprint: entity.blueprint,
            blueprint_version: entity.blueprint_version,
            side: side.side,
            slot: side.slot,
            mapping_version,
            obs_seq,
            created_at: entity.created_at,
            updated_at: entity.updated_at,
            updated_by: entity.updated_by,
            records: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Adds a record.
    pub fn push(&mut self, record: CreatedRecord<'a>) {
        self.push_with(
            (record.id, record.uid, record.ext),
            (record.stamp, record.hash, record.obs),
            |out| out.extend_from_slice(record.values),
            |out| out.extend_from_slice(record.decisions),
        );
    }

    /// Adds a record; `values` and `decisions` append their packed forms.
    pub(crate) fn push_with(
        &mut self,
        (id, uid, ext): (EntityId, Uuid, &'a str),
        (stamp, hash, obs): (Option<Timestamp>, u128, &'a [u8]),
        values: impl FnOnce(&mut Vec<u8>),
        decisions: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = self.bytes.len();
        values(&mut self.bytes);
        let middle = self.bytes.len();
        decisions(&mut self.bytes);
        self.records.push(Packed {
            id,
            uid,
            ext,
            stamp,
            hash,
            obs,
            values: start..middle,
            decisions: middle..self.bytes.len(),
        });
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// A record by position.
    pub fn get(&self, index: usize) -> Option<CreatedRecord<'_>> {
        self.records.get(index).map(|packed| self.opened(packed))
    }

    /// The records in order.
    pub fn records(&self) -> impl ExactSizeIterator<Item = CreatedRecord<'_>> {
        self.records.iter().map(|packed| self.opened(packed))
    }

    fn opened(&self, packed: &Packed<'a>) -> CreatedRecord<'_> {
        CreatedRecord {
            id: packed.id,
            uid: packed.uid,
            ext: packed.ext,
            stamp: packed.stamp,
            hash: packed.hash,
            obs: packed.obs,
            values: &self.bytes[packed.values.clone()],
            decisions: &self.bytes[packed.decisions.clone()],
        }
    }

    /// The records unpacked, for stores that keep them in another form.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`] when the packed forms can't be read, which is a bug.
    pub fn linked(&self) -> Result<Vec<Linked>> {
        self.records().map(|record| self.unpack(&record)).collect()
    }

    fn unpack(&self, record: &CreatedRecord<'_>) -> Result<Linked> {
        let (decisions, frozen) = decode_decisions(record.decisions)?;
        let entity = Entity {
            id: record.id,
            uid: record.uid,
            tenant: self.tenant,
            blueprint: self.blueprint,
            blueprint_version: self.blueprint_version,
            rev: 1,
            deleted: false,
            values: decode_all(record.values)?,
            decisions,
            frozen,
            created_at: self.created_at,
            updated_at: self.updated_at,
            updated_by: self.updated_by.clone(),
        };
        let side = Side {
            ext: Some(record.ext.to_owned()),
            presence: Presence::Live,
            stamp: record.stamp,
            obs_seq: self.obs_seq,
            base_rev: 1,
            mapping_version: self.mapping_version,
            hash: record.hash,
            obs: record.obs.to_vec(),
            ..Side::new(SideKey {
                entity: record.id,
                side: self.side,
                slot: self.slot,
            })
        };
        Ok(Linked {
            entity,
            sides: vec![side],
        })
    }
}

//! What is kept of files: records that are still to be looked at, and which files of an entity are the same.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::error::Result;
use syncline_core::model::TenantId;
use syncline_core::state::{EntityId, SideId};
use syncline_core::store::{DocumentKind, DocumentQuery, Transaction};

use super::pair::KnownFile;
use crate::document::{self, Columns, Stored, Versioned};

/// A remote record whose files a sync has still to look at. It stays until the record is linked to one of the sync's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FileHint {
    #[serde(skip)]
    pub(crate) id: u64,
    pub(crate) tenant: TenantId,
    /// The sync that may want its files.
    pub(crate) sync: u64,
    /// The side that the record is on.
    pub(crate) side: SideId,
    pub(crate) ext: String,
    /// How often it failed.
    pub(crate) attempts: u32,
    /// Not before.
    pub(crate) due: Timestamp,
}

impl Stored for FileHint {
    const KIND: DocumentKind = DocumentKind::FileHint;
    const NOUN: &'static str = "hint at files";

    fn id(&self) -> u64 {
        self.id
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    fn columns(&self) -> Columns {
        Columns {
            tenant: self.tenant,
            scope: self.sync,
            key: Some(format!("{}:{}", self.side, self.ext)),
            status: "due".to_owned(),
            at: self.due,
        }
    }
}

impl FileHint {
    /// Notes a record, once.
    pub(crate) async fn note(tx: &mut dyn Transaction, fresh: Self) -> Result<()> {
        let key = fresh.columns().key.unwrap_or_default();
        let mut hint = match document::by_key::<Self>(tx, fresh.tenant, fresh.sync, &key).await? {
            Some(known) => Versioned {
                version: known.version,
                value: Self { id: known.id, ..fresh },
            },
            None => Versioned {
                value: fresh,
                version: 0,
            },
        };
        document::put(tx, &mut hint).await
    }
}

/// The files of an entity's records, each with where it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EntityFiles {
    #[serde(skip)]
    pub(crate) id: u64,
    pub(crate) tenant: TenantId,
    pub(crate) entity: EntityId,
    pub(crate) files: Vec<KnownFile>,
    pub(crate) at: Timestamp,
}

/// An entity has one document of its files.
const KEY: &str = "files";

impl Stored for EntityFiles {
    const KIND: DocumentKind = DocumentKind::EntityFiles;
    const NOUN: &'static str = "list of files";

    fn id(&self) -> u64 {
        self.id
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    fn columns(&self) -> Columns {
        Columns {
            tenant: self.tenant,
            scope: self.entity.cast_unsigned(),
            key: Some(KEY.to_owned()),
            status: "known".to_owned(),
            at: self.at,
        }
    }
}

impl EntityFiles {
    /// What is known of an entity's files; nothing, if nothing is.
    pub(crate) async fn of(
        tx: &mut dyn Transaction,
        tenant: TenantId,
        entity: EntityId,
        now: Timestamp,
    ) -> Result<Versioned<Self>> {
        let known = document::by_key::<Self>(tx, tenant, entity.cast_unsigned(), KEY).await?;
        Ok(known.unwrap_or(Versioned {
            value: Self {
                id: 0,
                tenant,
                entity,
                files: Vec::new(),
                at: now,
            },
            version: 0,
        }))
    }
}

/// Forgets the files of entities that are removed for good.
pub(crate) async fn forget(tx: &mut dyn Transaction, tenant: TenantId, entities: &[EntityId]) -> Result<()> {
    let all = DocumentQuery::new(DocumentKind::EntityFiles).tenant(tenant);
    if entities.is_empty() || tx.count_documents(&all).await? == 0 {
        return Ok(());
    }
    for entity in entities {
        if let Some(known) = document::by_key::<EntityFiles>(tx, tenant, entity.cast_unsigned(), KEY).await? {
            tx.delete_document(DocumentKind::EntityFiles, known.id).await?;
        }
    }
    Ok(())
}

//! All versions of a blueprint, in the store.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::migration::{BlueprintVersion, History};
use syncline_core::model::{Blueprint, BlueprintId, TenantId};
use syncline_core::store::{DocumentKind, DocumentQuery, Transaction};

use crate::document::{self, Columns, Stored};

/// One version of a blueprint as a document.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredVersion {
    #[serde(skip)]
    id: u64,
    tenant: TenantId,
    blueprint: BlueprintId,
    version: BlueprintVersion,
}

impl Stored for StoredVersion {
    const KIND: DocumentKind = DocumentKind::BlueprintVersion;
    const NOUN: &'static str = "version of a blueprint";

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
            key: Some(self.version.blueprint.version.to_string()),
            status: "saved".to_owned(),
            at: self.version.saved_at,
        }
    }
}

/// A blueprint that nobody recorded yet, as the first version that is known of it.
fn first(blueprint: &Blueprint) -> History {
    History::new(blueprint.clone())
}

/// All versions of a blueprint that are known. Of one that was saved before versions were kept, it is the only one.
pub(crate) async fn history_of(tx: &mut dyn Transaction, blueprint: &Blueprint) -> Result<History> {
    let query = DocumentQuery::new(DocumentKind::BlueprintVersion)
        .tenant(blueprint.tenant)
        .scope(u64::from(blueprint.id))
        .limit(100_000);
    let versions = document::find::<StoredVersion>(tx, &query).await?;
    let versions = versions.into_iter().map(|stored| {
        let mut version = stored.value.version;
        version.blueprint.id = blueprint.id;
        version
    });
    Ok(History::of(versions).unwrap_or_else(|| first(blueprint)))
}

/// Records a version; the one that it was made from as well, where that was saved before versions were kept.
pub(crate) async fn record(
    tx: &mut dyn Transaction,
    before: Option<&Blueprint>,
    mut version: BlueprintVersion,
    (at, by): (Timestamp, &str),
) -> Result<()> {
    let (tenant, blueprint) = (version.blueprint.tenant, version.blueprint.id);
    let stored = |version| StoredVersion {
        id: 0,
        tenant,
        blueprint,
        version,
    };
    if let Some(before) = before {
        let query = DocumentQuery::new(DocumentKind::BlueprintVersion)
            .tenant(tenant)
            .scope(u64::from(blueprint));
        if tx.count_documents(&query).await? == 0 {
            let root = first(before).version(before.version).cloned();
            let root = root.ok_or_else(|| Error::new(ErrorKind::Internal, "a version is not in its own history"))?;
            document::insert(tx, stored(root)).await?;
        }
    }
    version.saved_at = at;
    by.clone_into(&mut version.saved_by);
    document::insert(tx, stored(version)).await?;
    Ok(())
}

//! A lease in the store: one process at a time, and another one's turn when the holder is gone.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::model::TenantId;
use syncline_core::store::{Document, DocumentKind, DocumentQuery, Mode, Store, Transaction};
use syncline_core::{Error, ErrorKind, Result};

use crate::ports::after;

/// A lease that is held.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    tenant: TenantId,
    key: String,
    /// Goes up with each holder.
    epoch: u64,
}

#[derive(Serialize, Deserialize)]
struct Held {
    epoch: u64,
    until: Option<Timestamp>,
}

impl Lease {
    /// Takes a lease unless somebody else holds it.
    pub(super) async fn take(
        store: &dyn Store,
        tenant: TenantId,
        key: &str,
        now: Timestamp,
        length: Duration,
    ) -> Result<Option<Self>> {
        let mut tx = store.begin_for(tenant, Mode::Write).await?;
        let found = find(&mut *tx, tenant, key).await?;
        let epoch = match &found {
            Some((_, held)) if held.until.is_some_and(|until| until > now) => return Ok(None),
            Some((_, held)) => held.epoch + 1,
            None => 1,
        };
        let held = Held {
            epoch,
            until: Some(after(now, length)),
        };
        let (id, version) = found.map_or((0, 0), |(document, _)| (document.id, document.version));
        match put(&mut *tx, tenant, key, id, version, now, &held).await {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::Stale | ErrorKind::Exists) => return Ok(None),
            Err(error) => return Err(error),
        }
        match tx.commit().await {
            Ok(()) => Ok(Some(Self {
                tenant,
                key: key.to_owned(),
                epoch,
            })),
            Err(error) if matches!(error.kind(), ErrorKind::Stale | ErrorKind::Exists) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives it back, if it is still ours.
    pub(super) async fn give_back(&self, tx: &mut dyn Transaction, now: Timestamp) -> Result<()> {
        match find(tx, self.tenant, &self.key).await? {
            Some((document, held)) if held.epoch == self.epoch => {
                let free = Held {
                    epoch: self.epoch,
                    until: None,
                };
                put(tx, self.tenant, &self.key, document.id, document.version, now, &free).await
            }
            _ => Ok(()),
        }
    }
}

async fn find(tx: &mut dyn Transaction, tenant: TenantId, key: &str) -> Result<Option<(Document, Held)>> {
    let query = DocumentQuery::new(DocumentKind::Lease).tenant(tenant).key(key).limit(1);
    let Some(document) = tx.documents(&query).await?.into_iter().next() else {
        return Ok(None);
    };
    let held = serde_json::from_value(document.body.clone()).map_err(|error| {
        Error::new(ErrorKind::Corrupt, "a stored lease can't be read")
            .with("key", key)
            .because(error)
    })?;
    Ok(Some((document, held)))
}

async fn put(
    tx: &mut dyn Transaction,
    tenant: TenantId,
    key: &str,
    id: u64,
    version: u64,
    now: Timestamp,
    held: &Held,
) -> Result<()> {
    let status = if held.until.is_some() { "held" } else { "free" };
    let body = serde_json::to_value(held)
        .map_err(|error| Error::new(ErrorKind::Internal, "a lease can't be written").because(error))?;
    let document = Document {
        kind: DocumentKind::Lease,
        id,
        tenant,
        scope: 0,
        key: Some(key.to_owned()),
        status: status.to_owned(),
        at: held.until.unwrap_or(now),
        version,
        body,
    };
    tx.put_document(&document).await.map(drop)
}

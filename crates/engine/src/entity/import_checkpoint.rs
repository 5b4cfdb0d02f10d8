//! How far the import of a file has come, kept in the same transaction as its rows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::error::Result;
use syncline_core::model::{Blueprint, BlueprintId, TenantId};
use syncline_core::store::{DocumentKind, Mode, Transaction};

use super::import::{ImportOutcome, ImportRequest};
use super::transaction::EntityTransaction;
use crate::document::{self, Columns, Stored};
use crate::engine::Inner;

/// See the module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    #[serde(skip)]
    id: u64,
    tenant: TenantId,
    blueprint: BlueprintId,
    fingerprint: String,
    at: Timestamp,
    /// What its rows came to so far.
    pub(super) outcome: ImportOutcome,
    /// How long what was refused is.
    pub(super) refused_length: u64,
}

impl Stored for Checkpoint {
    const KIND: DocumentKind = DocumentKind::Setting;
    const NOUN: &'static str = "import";

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
            key: Some(key(&self.fingerprint)),
            status: "importing".to_owned(),
            at: self.at,
        }
    }
}

fn key(fingerprint: &str) -> String {
    format!("import:{fingerprint}")
}

impl Checkpoint {
    /// Of an import that did not come to its end.
    pub(super) async fn of(
        tx: &mut dyn Transaction,
        blueprint: &Blueprint,
        request: &ImportRequest,
    ) -> Result<Option<Self>> {
        let Some(fingerprint) = &request.fingerprint else {
            return Ok(None);
        };
        let scope = u64::from(blueprint.id);
        let known = document::by_key::<Self>(tx, blueprint.tenant, scope, &key(fingerprint)).await?;
        Ok(known.map(|known| known.value))
    }

    /// Notes how far it has come.
    pub(super) async fn put(
        work: &mut EntityTransaction<'_>,
        request: &ImportRequest,
        outcome: &ImportOutcome,
        refused_length: u64,
    ) -> Result<()> {
        let Some(fingerprint) = &request.fingerprint else {
            return Ok(());
        };
        let (tenant, blueprint) = (work.blueprint.tenant, work.blueprint.id);
        let value = Self {
            id: 0,
            tenant,
            blueprint,
            fingerprint: fingerprint.clone(),
            at: work.inner.clock.now(),
            outcome: outcome.clone(),
            refused_length,
        };
        let tx = work.page.tx()?;
        match document::by_key::<Self>(tx, tenant, u64::from(blueprint), &key(fingerprint)).await? {
            Some(mut known) => {
                let id = known.id;
                known.value = Self { id, ..value };
                document::put(tx, &mut known).await
            }
            None => document::insert(tx, value).await.map(|_| ()),
        }
    }

    /// It came to its end.
    pub(super) async fn forget(inner: &Inner, blueprint: &Blueprint, request: &ImportRequest) -> Result<()> {
        if request.fingerprint.is_none() {
            return Ok(());
        }
        let mut tx = inner.store.begin_for(blueprint.tenant, Mode::Write).await?;
        if let Some(known) = Self::of(tx.as_mut(), blueprint, request).await? {
            tx.delete_document(Self::KIND, known.id).await?;
        }
        tx.commit().await
    }
}

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::error::Result;
use syncline_core::model::{Blueprint, BlueprintId, TenantId};
use syncline_core::quality::{QualityRule, QualityRules};
use syncline_core::store::{DocumentKind, Mode, Transaction};

use crate::actor::{Action, Actor};
use crate::document::{self, Columns, Stored, Versioned};
use crate::engine::Engine;
use crate::entity::blueprint_by_name;

/// The rules of a blueprint as they are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredRules {
    #[serde(skip)]
    id: u64,
    tenant: TenantId,
    blueprint: BlueprintId,
    pub(super) rules: Vec<QualityRule>,
}

const KEY: &str = "quality";

impl Stored for StoredRules {
    const KIND: DocumentKind = DocumentKind::Setting;
    const NOUN: &'static str = "set of quality rules";

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
            key: Some(KEY.to_owned()),
            status: "active".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        }
    }
}

/// The rules of a blueprint, if any were saved.
pub(super) async fn stored(tx: &mut dyn Transaction, blueprint: &Blueprint) -> Result<Option<Versioned<StoredRules>>> {
    document::by_key(tx, blueprint.tenant, u64::from(blueprint.id), KEY).await
}

/// The data quality of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Quality<'a>(pub(crate) &'a Engine);

impl Engine {
    /// The data quality.
    pub const fn quality(&self) -> Quality<'_> {
        Quality(self)
    }
}

impl Quality<'_> {
    /// The rules of a blueprint.
    ///
    /// # Errors
    /// [`syncline_core::ErrorKind::Forbidden`] by policy; [`syncline_core::ErrorKind::NotFound`] for an unknown blueprint.
    pub async fn rules(&self, tenant: TenantId, blueprint: &str, actor: &Actor) -> Result<Vec<QualityRule>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadMappings)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let blueprint = blueprint_by_name(tx.as_mut(), tenant, blueprint).await?;
        let stored = stored(tx.as_mut(), &blueprint).await?;
        Ok(stored.map(|stored| stored.value.rules).unwrap_or_default())
    }

    /// Gives a blueprint these rules, in place of those that it had. Records that break them already stay as they are;
    /// [`Quality::report`] tells which.
    ///
    /// # Errors
    /// As [`Quality::rules`]; [`syncline_core::ErrorKind::Invalid`] with everything that is wrong with the rules.
    pub async fn save_rules(
        &self,
        tenant: TenantId,
        blueprint: &str,
        rules: &[QualityRule],
        actor: &Actor,
    ) -> Result<()> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ManageMappings)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
        let blueprint = blueprint_by_name(tx.as_mut(), tenant, blueprint).await?;
        QualityRules::compile(rules, &blueprint)?;
        match stored(tx.as_mut(), &blueprint).await? {
            Some(mut known) => {
                known.value.rules = rules.to_vec();
                document::put(tx.as_mut(), &mut known).await?;
            }
            None => {
                let value = StoredRules {
                    id: 0,
                    tenant,
                    blueprint: blueprint.id,
                    rules: rules.to_vec(),
                };
                document::insert(tx.as_mut(), value).await?;
            }
        }
        tx.commit().await
    }
}

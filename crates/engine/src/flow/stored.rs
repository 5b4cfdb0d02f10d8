//! Flows as they are kept, with their earlier versions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::error::Result;
use syncline_core::flow::{CompiledFlow, Flow};
use syncline_core::model::{Blueprint, BlueprintId, TenantId};
use syncline_core::store::{DocumentKind, DocumentQuery, Transaction};

use crate::document::{self, Columns, Stored};

/// A version of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowVersion {
    /// The flow as it was saved.
    pub flow: Flow,
    /// When it was saved.
    pub saved_at: Timestamp,
    /// Who saved it.
    pub saved_by: String,
}

/// A flow with its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredFlow {
    #[serde(skip)]
    pub(crate) id: u64,
    pub(crate) tenant: TenantId,
    pub(crate) blueprint: BlueprintId,
    pub(crate) current: FlowVersion,
    /// Oldest first.
    #[serde(default)]
    pub(crate) earlier: Vec<FlowVersion>,
    #[serde(default)]
    pub(crate) removed: bool,
}

impl Stored for StoredFlow {
    const KIND: DocumentKind = DocumentKind::Flow;
    const NOUN: &'static str = "flow";

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
            key: Some(self.current.flow.name.clone()),
            status: if self.removed { "removed" } else { "active" }.to_owned(),
            at: self.current.saved_at,
        }
    }
}

/// The flows over a blueprint, oldest first.
pub(crate) async fn flows_of(
    tx: &mut dyn Transaction,
    tenant: TenantId,
    blueprint: BlueprintId,
) -> Result<Vec<StoredFlow>> {
    let query = DocumentQuery::new(DocumentKind::Flow)
        .tenant(tenant)
        .scope(u64::from(blueprint))
        .status("active");
    let found = document::find::<StoredFlow>(tx, &query).await?;
    Ok(found.into_iter().rev().map(|flow| flow.value).collect())
}

/// Flows made ready to decide. One that does not fit its blueprint any more takes no part: records must be editable while
/// a flow is broken.
pub(crate) fn compiled(flows: &[StoredFlow], blueprint: &Blueprint) -> Vec<CompiledFlow> {
    let compiled = flows.iter().map(|stored| {
        let flow = &stored.current.flow;
        CompiledFlow::compile(flow, blueprint).inspect_err(|error| {
            tracing::warn!(flow = %flow.name, %error, "this flow takes no part until it is mended");
        })
    });
    compiled.filter_map(Result::ok).collect()
}

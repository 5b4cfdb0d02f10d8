//! Tenants, and what concerns the database as a whole.

use serde_json::Value as Json;
use syncline::actor::Actor;
use syncline::model::Tenant;
use syncline::{Engine, Result};

use super::{plain, take, unknown};

pub(super) async fn call(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    match operation {
        "ensure" => {
            take!(arguments => name: String);
            plain(&engine.tenant(&name, actor).await?)
        }
        "list" => plain(&engine.tenants(actor).await?),
        "update" => {
            take!(arguments => tenant: Tenant);
            engine.update_tenant(&tenant, actor).await?;
            plain(&tenant)
        }
        "connectors" => {
            let manifests: Vec<_> = engine.connectors().map(|connector| connector.manifest()).collect();
            plain(&manifests)
        }
        "compact" => {
            take!(arguments => tenant: u32);
            plain(&engine.compact(tenant, actor).await?)
        }
        "restored" => plain(&engine.restored(actor).await?),
        "declare_restored" => plain(&engine.declare_restored(actor).await?),
        "confirm_restored" => plain(&engine.confirm_restored(actor).await?),
        _ => unknown(operation),
    }
}

//! State machines over blueprints.

use serde_json::{Value as Json, json};
use syncline::actor::Actor;
use syncline::flow::{Flow, Selection, TakeRequest};
use syncline::{Engine, Result};
use uuid::Uuid;

use super::entities::types_of;
use super::{plain, take, unknown};

pub(super) async fn call(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    let flows = engine.flows();
    match operation {
        "list" => {
            take!(arguments => tenant: u32);
            plain(&flows.list(tenant, actor).await?)
        }
        "save" => {
            take!(arguments => tenant: u32, flow: Flow);
            plain(&flows.save(tenant, &flow, actor).await?)
        }
        "check" => {
            take!(arguments => tenant: u32, flow: Flow);
            plain(&flows.check(tenant, &flow, actor).await?)
        }
        "get" => {
            take!(arguments => tenant: u32, name: String);
            plain(&flows.get(tenant, &name, actor).await?)
        }
        "diagram" => {
            take!(arguments => tenant: u32, name: String);
            plain(&flows.get(tenant, &name, actor).await?.to_mermaid())
        }
        "versions" => {
            take!(arguments => tenant: u32, name: String);
            plain(&flows.versions(tenant, &name, actor).await?)
        }
        "remove" => {
            take!(arguments => tenant: u32, name: String);
            flows.remove(tenant, &name, actor).await?;
            Ok(Json::Null)
        }
        "available" => {
            take!(arguments => tenant: u32, uid: Uuid);
            plain(&flows.available(tenant, uid, actor).await?)
        }
        "take" => {
            take!(arguments => tenant: u32, uid: Uuid, request: TakeRequest);
            let taken = flows.take(tenant, uid, &request, actor).await?;
            let types = types_of(engine, tenant, &taken.entity.blueprint).await?;
            Ok(json!({ "taken": plain(&taken)?, "types": types }))
        }
        "take_many" => {
            take!(arguments => tenant: u32, selection: Selection, request: TakeRequest);
            plain(&flows.take_many(tenant, &selection, &request, actor).await?)
        }
        "history" => {
            take!(arguments => tenant: u32, uid: Uuid);
            plain(&flows.history(tenant, uid, actor).await?)
        }
        _ => unknown(operation),
    }
}

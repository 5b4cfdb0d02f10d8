//! Blueprints.

use serde_json::Value as Json;
use syncline::actor::Actor;
use syncline::model::Field;
use syncline::{Engine, Result};

use super::{plain, take, unknown};

pub(super) async fn call(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    match operation {
        "list" => {
            take!(arguments => tenant: u32);
            plain(&engine.blueprints(tenant, actor).await?)
        }
        "get" => {
            take!(arguments => tenant: u32, name: String);
            plain(&engine.blueprint(tenant, &name, actor).await?)
        }
        "save" => {
            take!(arguments => tenant: u32, name: String, fields: Vec<Field>, groups: Vec<Vec<String>>);
            plain(&engine.save_blueprint(tenant, &name, &fields, &groups, actor).await?)
        }
        _ => unknown(operation),
    }
}

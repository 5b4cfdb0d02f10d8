//! What waits for a person.

use serde_json::{Map, Value as Json, json};
use syncline::actor::Actor;
use syncline::conflict::{Always, ConflictQuery, FieldChoice, Resolution, Review};
use syncline::{Engine, Result};

use super::entities::types_of;
use super::{plain, take, unknown};

pub(super) async fn call(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    let conflicts = engine.conflicts();
    match operation {
        "list" => {
            take!(arguments => tenant: u32, query: ConflictQuery);
            let mut found = Vec::new();
            for review in conflicts.list(tenant, &query, actor).await? {
                found.push(shown(engine, &review).await?);
            }
            Ok(found.into())
        }
        "count" => {
            take!(arguments => tenant: u32);
            plain(&conflicts.count_pending(tenant, actor).await?)
        }
        _ => of_one(engine, operation, actor, arguments).await,
    }
}

async fn of_one(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    take!(arguments =>
        tenant: u32, id: u64, version: Option<u64>, resolution: Option<Resolution>, every: Option<FieldChoice>,
        always: Option<Always>
    );
    let conflicts = engine.conflicts();
    let version = version.unwrap_or_default();
    match operation {
        "get" => shown(engine, &conflicts.get(tenant, id, actor).await?).await,
        "records" => {
            let mut found = Vec::new();
            for entity in conflicts.records(tenant, id, actor).await? {
                let types = types_of(engine, tenant, &entity.blueprint).await?;
                found.push(json!({ "entity": plain(&entity)?, "types": types }));
            }
            Ok(found.into())
        }
        "resolve" => {
            let resolution = match (resolution, every) {
                (Some(resolution), _) => resolution,
                (None, every) => {
                    let review = conflicts.get(tenant, id, actor).await?;
                    Resolution::every(&review, &every.unwrap_or(FieldChoice::App))
                }
            };
            let resolved = conflicts.resolve(tenant, id, version, &resolution, actor).await?;
            shown(engine, &resolved).await
        }
        "ignore" => {
            let ignored = conflicts.ignore(tenant, id, version, actor).await?;
            shown(engine, &ignored).await
        }
        "always" => {
            let always = always.unwrap_or(Always::App);
            let resolved = conflicts.resolve_always(tenant, id, version, always, actor).await?;
            Ok(json!({
                "conflict": shown(engine, &resolved.conflict).await?,
                "resolved": resolved.resolved,
                "left": resolved.left,
            }))
        }
        _ => unknown(operation),
    }
}

/// A conflict with the types of its fields.
async fn shown(engine: &Engine, review: &Review) -> Result<Json> {
    let mut json = plain(review)?;
    let system = Actor::system();
    let sync = engine.syncs().get(review.sync, &system).await?;
    let blueprints = engine.blueprints(review.tenant, &system).await?;
    let mut types = Map::new();
    if let Some(blueprint) = blueprints.iter().find(|blueprint| blueprint.id == sync.blueprint) {
        for field in blueprint
            .fields
            .iter()
            .filter(|field| review.fields.contains(&field.name))
        {
            types.insert(field.name.clone(), plain(&field.kind)?["type"].clone());
        }
    }
    json["types"] = types.into();
    Ok(json)
}

//! The app's records. Answers carry the types of their fields, by which the other half makes Python's own of the values.

use serde_json::{Map, Value as Json, json};
use syncline::actor::Actor;
use syncline::entity::{EntityListQuery, EntityRead, EntityView};
use syncline::model::Blueprint;
use syncline::{Engine, Error, Result};
use uuid::Uuid;

use super::{plain, take, unknown};

pub(super) async fn call(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    let entities = engine.entities();
    match operation {
        "create" => {
            take!(arguments => tenant: u32, blueprint: String, values: Map<String, Json>);
            one(
                engine,
                tenant,
                entities.create(tenant, &blueprint, values, actor).await?,
            )
            .await
        }
        "get" => {
            take!(arguments => tenant: u32, uid: Uuid);
            one(engine, tenant, entities.get(tenant, uid, actor).await?).await
        }
        "update" => {
            take!(arguments => tenant: u32, uid: Uuid, patch: Map<String, Json>, read: EntityRead);
            let edited = entities.update(tenant, uid, patch, read, actor).await?;
            let types = types_of(engine, tenant, &edited.entity.blueprint).await?;
            Ok(json!({ "edited": plain(&edited)?, "types": types }))
        }
        "delete" => {
            take!(arguments => tenant: u32, uid: Uuid);
            one(engine, tenant, entities.delete(tenant, uid, actor).await?).await
        }
        "undelete" => {
            take!(arguments => tenant: u32, uid: Uuid);
            one(engine, tenant, entities.undelete(tenant, uid, actor).await?).await
        }
        "list" => {
            take!(arguments => tenant: u32, blueprint: String, query: EntityListQuery);
            let page = entities.list(tenant, &blueprint, &query, actor).await?;
            let types = types_of(engine, tenant, &blueprint).await?;
            Ok(json!({ "entities": plain(&page.entities)?, "next": page.next, "types": types }))
        }
        "count" => {
            take!(arguments => tenant: u32, blueprint: String, deleted: bool);
            plain(&entities.count(tenant, &blueprint, deleted, actor).await?)
        }
        "upsert" => {
            take!(arguments => tenant: u32, blueprint: String, by: String, records: Vec<Map<String, Json>>);
            let answers = entities.bulk_upsert(tenant, &blueprint, &by, records, actor).await?;
            answers.iter().map(upserted).collect()
        }
        _ => unknown(operation),
    }
}

fn upserted(answer: &Result<syncline::entity::Upserted>) -> Result<Json> {
    match answer {
        Ok(upserted) => plain(upserted),
        Err(error) => Ok(json!({
            "error": error.to_string(),
            "message": error.message(),
            "kind": plain(&error.kind())?,
        })),
    }
}

async fn one(engine: &Engine, tenant: u32, entity: EntityView) -> Result<Json> {
    let types = types_of(engine, tenant, &entity.blueprint).await?;
    Ok(json!({ "entity": plain(&entity)?, "types": types }))
}

/// What the fields of a blueprint hold, by their names. Who may read an entity may know that.
pub(super) async fn types_of(engine: &Engine, tenant: u32, name: &str) -> Result<Json, Error> {
    let blueprint = engine.blueprint(tenant, name, &Actor::system()).await?;
    types(&blueprint)
}

fn types(blueprint: &Blueprint) -> Result<Json> {
    let mut types = Map::new();
    for field in &blueprint.fields {
        let kind = plain(&field.kind)?;
        types.insert(field.name.clone(), kind["type"].clone());
    }
    Ok(types.into())
}

//! The app's own user: lists, creates, edits and deletes entities through the engine.

use serde_json::{Map, Value as Json};
use syncline::entity::{EntityListQuery, EntityPage, EntityRead, EntityView};
use syncline::{Actor, Result};
use uuid::Uuid;

use super::world::World;

/// Entities asked for at once.
const PAGE: usize = 1_000;

/// The person at the app.
pub(super) fn user() -> Actor {
    Actor::admin("app user")
}

/// A page of entities.
///
/// # Errors
/// What the engine reports.
pub(super) async fn page(world: &World, blueprint: &str, after: Option<String>, deleted: bool) -> Result<EntityPage> {
    list(world, blueprint, after, deleted, PAGE).await
}

/// The first live entities behind a number, at most so many.
///
/// # Errors
/// What the engine reports.
pub(super) async fn following(world: &World, blueprint: &str, after: i64, most: usize) -> Result<Vec<EntityView>> {
    Ok(list(world, blueprint, Some(after.to_string()), false, most)
        .await?
        .entities)
}

async fn list(
    world: &World,
    blueprint: &str,
    after: Option<String>,
    deleted: bool,
    limit: usize,
) -> Result<EntityPage> {
    let query = EntityListQuery {
        after,
        limit,
        deleted,
        ..EntityListQuery::default()
    };
    world
        .engine
        .entities()
        .list(world.tenant, blueprint, &query, &world.admin)
        .await
}

/// An entity as it is now.
///
/// # Errors
/// What the engine reports.
pub(super) async fn get(world: &World, uid: Uuid) -> Result<EntityView> {
    world.engine.entities().get(world.tenant, uid, &world.admin).await
}

/// The user creates an entity.
///
/// # Errors
/// What the engine reports.
pub(super) async fn create(world: &World, blueprint: &str, values: Map<String, Json>) -> Result<Uuid> {
    world
        .engine
        .entities()
        .create(world.tenant, blueprint, values, &user())
        .await
        .map(|made| made.uid)
}

/// The user sets one field, having read the entity at `read`, or blindly.
///
/// # Errors
/// What the engine reports.
pub(super) async fn set(world: &World, uid: Uuid, field: &str, value: &str, read: Option<u64>) -> Result<()> {
    let patch = Map::from_iter([(field.to_owned(), Json::from(value))]);
    let read = read.map_or(EntityRead::Blind, EntityRead::Rev);
    world
        .engine
        .entities()
        .update(world.tenant, uid, patch, read, &user())
        .await
        .map(|_| ())
}

/// The user deletes an entity.
///
/// # Errors
/// What the engine reports.
pub(super) async fn delete(world: &World, uid: Uuid) -> Result<()> {
    world
        .engine
        .entities()
        .delete(world.tenant, uid, &user())
        .await
        .map(|_| ())
}

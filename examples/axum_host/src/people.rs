//! The application's own pages: its records are the entities.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use syncline::EntityListQuery;
use syncline::entity::EntityRead;
use uuid::Uuid;

use crate::host::{Asking, Failed, Host};

#[derive(Deserialize)]
pub(crate) struct Search {
    search: Option<String>,
}

/// `GET /people?search=ada`
pub(crate) async fn list(
    State(host): State<Host>,
    asking: Asking,
    Query(search): Query<Search>,
) -> Result<Json<Value>, Failed> {
    let query = EntityListQuery {
        search: search.search.filter(|words| !words.trim().is_empty()),
        ..EntityListQuery::default()
    };
    let entities = host.engine.entities();
    let found = entities.list(asking.tenant, "person", &query, &asking.me).await?;
    let people = found
        .entities
        .iter()
        .map(|person| json!({ "uid": person.uid, "rev": person.rev, "values": person.values }));
    Ok(Json(people.collect()))
}

#[derive(Deserialize)]
pub(crate) struct Form {
    /// The revision that the form was filled from.
    rev: u64,
}

/// `PATCH /people/UID?rev=3`: fields that the form did not change can't revert what HubSpot changed meanwhile.
pub(crate) async fn edit(
    State(host): State<Host>,
    asking: Asking,
    Path(uid): Path<Uuid>,
    Query(form): Query<Form>,
    Json(patch): Json<Map<String, Value>>,
) -> Result<Json<Value>, Failed> {
    let read = EntityRead::Rev(form.rev);
    let entities = host.engine.entities();
    let edited = entities.update(asking.tenant, uid, patch, read, &asking.me).await?;
    Ok(Json(
        json!({ "changed": edited.changed, "overruled": edited.overruled, "conflicts": edited.conflicts }),
    ))
}

//! What can be asked of an engine, by name: one file per concept.

mod audit;
mod blueprints;
mod conflicts;
mod connections;
mod entities;
mod events;
mod flows;
mod records;
mod runs;
mod syncs;
mod tenants;
mod versions;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use syncline::actor::Actor;
use syncline::{Engine, Error, ErrorKind, Result};

pub(crate) use runs::{run_json, watch_request};

/// Does something by its name, such as `entities.create`.
///
/// # Errors
/// `Invalid` for arguments that are missing or of the wrong form; `Internal` for an unknown name; as what is done.
pub(crate) async fn call(engine: &Engine, name: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    let (concept, operation) = name.split_once('.').unwrap_or((name, ""));
    match concept {
        "tenants" => tenants::call(engine, operation, actor, arguments).await,
        "blueprints" => blueprints::call(engine, operation, actor, arguments).await,
        "entities" => entities::call(engine, operation, actor, arguments).await,
        "connections" => connections::call(engine, operation, actor, arguments).await,
        "syncs" => syncs::call(engine, operation, actor, arguments).await,
        "flows" => flows::call(engine, operation, actor, arguments).await,
        "records" => records::call(engine, operation, actor, arguments).await,
        "versions" => versions::call(engine, operation, actor, arguments).await,
        "runs" => runs::call(engine, operation, actor, arguments).await,
        "conflicts" => conflicts::call(engine, operation, actor, arguments).await,
        "audit" => audit::call(engine, operation, actor, arguments).await,
        "events" => events::call(engine, operation, actor, arguments).await,
        _ => unknown(name),
    }
}

fn unknown(name: &str) -> Result<Json> {
    Err(Error::new(
        ErrorKind::Internal,
        format!("the native half of the package knows no `{name}`: the two halves are of different versions"),
    ))
}

/// An answer in its plain form.
///
/// # Errors
/// `Internal` when it has none.
pub(crate) fn plain<T: Serialize + ?Sized>(answer: &T) -> Result<Json> {
    serde_json::to_value(answer)
        .map_err(|error| Error::new(ErrorKind::Internal, "an answer can't be handed to Python").because(error))
}

fn read<T: DeserializeOwned>(given: Json) -> Result<T> {
    serde_json::from_value(given)
        .map_err(|error| Error::new(ErrorKind::Invalid, format!("an argument has the wrong form: {error}")))
}

/// Puts a number, which documents leave to their place in the store, back into what is shown.
fn numbered<T: Serialize>(id: u64, document: &T) -> Result<Json> {
    let mut json = plain(document)?;
    if let Json::Object(fields) = &mut json {
        fields.insert("id".to_owned(), id.into());
    }
    Ok(json)
}

/// Takes arguments by name.
macro_rules! take {
    ($arguments:ident => $($name:ident: $kind:ty),+ $(,)?) => {
        #[derive(serde::Deserialize)]
        struct Given {
            $($name: $kind),+
        }
        let Given { $($name),+ } = $crate::operation::read($arguments)?;
    };
}
use take;

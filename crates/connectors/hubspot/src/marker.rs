//! Making the property that carries our key: a text property whose values are unique, which HubSpot has to be told when it
//! is made and never again.

use serde::Deserialize;
use serde_json::json;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::io::{Class, Effect};
use syncline_core::schema::FieldSchema;

use crate::client::{Client, post};
use crate::error::{classify, failure};
use crate::object::{ObjectName, Scope};
use crate::problem::Problem;
use crate::schema::describe;

const MAKING: &str = "make a property for our key";
/// The property that is made.
const PROPERTY: &str = "syncline_key";

#[derive(Deserialize)]
struct Groups {
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    results: Vec<PropertyGroup>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PropertyGroup {
    name: String,
    #[serde(default)]
    archived: bool,
}

/// See [`syncline_core::connector::Connector::make_marker`].
pub(crate) async fn make(client: &Client<'_>, object: &str) -> Result<String> {
    match field(client, object).await? {
        Some(field) if is_marker(&field) => return Ok(PROPERTY.to_owned()),
        Some(_) => return Err(unfit(object)),
        None => {}
    }
    let groups: Groups = client.get(MAKING, client.paths.property_groups(object)).await?;
    let usual = format!("{}information", ObjectName::new(object).singular());
    let mut open: Vec<PropertyGroup> = groups.results.into_iter().filter(|group| !group.archived).collect();
    open.sort_by_key(|group| group.name != usual);
    let group = open.into_iter().next().ok_or_else(|| {
        let message = "HubSpot shows no group of properties to put a property into";
        Error::new(ErrorKind::Protocol, message).with("object", object)
    })?;
    let body = json!({
        "name": PROPERTY, "label": "Syncline Key", "type": "string", "fieldType": "text", "groupName": group.name,
        "hasUniqueValue": true, "formField": false,
        "description": "The key by which Syncline knows this record. Do not edit.",
    });
    let url = client.paths.new_property(object);
    let response = client.io.send(post(url, Effect::Once, &body)).await?;
    match classify(&response.head, &response.body) {
        Class::Success => {}
        // Somebody else was faster, which is looked at below.
        Class::Rejected { .. } | Class::Conflict if response.head.status == 409 => {}
        Class::Forbidden { message } => return Err(forbidden(object, &message)),
        Class::Rejected { .. } => {
            let told = Problem::read(&response.body).code_and_text();
            return Err(forbidden(object, &told));
        }
        class => return Err(failure(MAKING, class, &response)),
    }
    match field(client, object).await? {
        Some(field) if is_marker(&field) => Ok(PROPERTY.to_owned()),
        _ => Err(unfit(object)),
    }
}

fn is_marker(field: &FieldSchema) -> bool {
    field.external_id && field.unique && field.creatable
}

async fn field(client: &Client<'_>, object: &str) -> Result<Option<FieldSchema>> {
    Ok(describe(client, object).await?.field(PROPERTY).cloned())
}

fn forbidden(object: &str, why: &str) -> Error {
    let scope = match ObjectName::new(object).scope() {
        Scope::Objects(word) => format!("crm.schemas.{word}.write"),
        Scope::Whole(scope) => scope.to_owned(),
    };
    let message = format!(
        "HubSpot refuses to make a property: {why}. It takes the scope {scope}, and an account has ten unique properties of \
         an object at most; or a person makes a single-line text property that requires unique values, and the mapping \
         names it as `marker`"
    );
    Error::new(ErrorKind::Forbidden, message)
        .operation(MAKING)
        .with("object", object)
}

fn unfit(object: &str) -> Error {
    let message = format!(
        "there is a property {PROPERTY} already, whose values are not unique or which can't be written; delete it, or name \
         another one as `marker`"
    );
    Error::new(ErrorKind::Invalid, message)
        .operation(MAKING)
        .with("object", object)
}

//! Making the field that carries our key: a text field that is External ID, Unique and case-sensitive, and that the
//! connected user may see and edit.
//!
//! A field that is made through the Tooling API is visible to nobody: a permission set of our own is made where there is
//! none, given to the user, and told of the field.

use serde::Deserialize;
use serde_json::{Value as Json, json};
use syncline_core::io::{Class, Config, Effect, Io, Method, Request};
use syncline_core::schema::{Described, FieldSchema};
use syncline_core::{Error, ErrorKind, Result};

use crate::account;
use crate::client::{Api, ask, encoded, read_json};
use crate::error::{ProviderError, errors, failed, unreadable};
use crate::schema::describe;
use crate::soql;

const MAKING: &str = "making a field in Salesforce for our key";
/// The field that is made.
pub(crate) const FIELD: &str = "Syncline_Key__c";
const LABEL: &str = "Syncline Key";
/// The permission set that lets the connected user see it.
const PERMISSION_SET: &str = "Syncline";
/// A key of ours is a UUID.
const LENGTH: u32 = 80;

#[derive(Deserialize)]
struct Found {
    records: Vec<FoundRecord>,
}

#[derive(Deserialize)]
struct FoundRecord {
    #[serde(rename = "Id")]
    id: String,
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

/// See [`syncline_core::connector::Connector::make_marker`].
pub(crate) async fn make(io: &dyn Io, api: &Api, config: &Config, object: &str) -> Result<String> {
    let object = soql::name(object)?;
    match field(io, api, object).await? {
        Some(field) if is_marker(&field) => return Ok(FIELD.to_owned()),
        Some(_) => return Err(unfit(object)),
        None => {}
    }
    let body = json!({
        "FullName": format!("{object}.{FIELD}"),
        "Metadata": {
            "type": "Text", "label": LABEL, "length": LENGTH, "externalId": true, "unique": true, "caseSensitive": true,
            "description": "The key by which Syncline knows this record. Do not edit.",
        },
    });
    // It may be there already and not be visible.
    create(
        io,
        api,
        "tooling/sobjects/CustomField",
        &body,
        "DUPLICATE_DEVELOPER_NAME",
    )
    .await?;
    let set = permission_set(io, api).await?;
    let user = match &config.user_id {
        Some(user) => user.clone(),
        None => account::account(io, api, config).await?.user_id,
    };
    let assignment = json!({ "PermissionSetId": set, "AssigneeId": user });
    create(
        io,
        api,
        "sobjects/PermissionSetAssignment",
        &assignment,
        "DUPLICATE_VALUE",
    )
    .await?;
    let permission = json!({
        "ParentId": set, "SobjectType": object, "Field": format!("{object}.{FIELD}"),
        "PermissionsRead": true, "PermissionsEdit": true,
    });
    create(io, api, "sobjects/FieldPermissions", &permission, "DUPLICATE_VALUE").await?;
    match field(io, api, object).await? {
        Some(field) if is_marker(&field) => Ok(FIELD.to_owned()),
        Some(_) => Err(unfit(object)),
        None => Err(refused(
            object,
            "the field was made, and the connected user still does not see it",
        )),
    }
}

fn is_marker(field: &FieldSchema) -> bool {
    field.external_id && field.unique && field.creatable
}

async fn field(io: &dyn Io, api: &Api, object: &str) -> Result<Option<FieldSchema>> {
    match describe(io, api, object, None).await? {
        Described::Schema(schema) => Ok(schema.field(FIELD).cloned()),
        Described::Unchanged => Ok(None),
    }
}

/// The permission set of ours, made where there is none.
async fn permission_set(io: &dyn Io, api: &Api) -> Result<String> {
    let query = format!("SELECT Id FROM PermissionSet WHERE Name = '{PERMISSION_SET}'");
    let request = Request::get(api.data(&format!("query?q={}", encoded(&query))));
    let found: Found = read_json(io, request, MAKING).await?;
    if let Some(record) = found.records.into_iter().next() {
        return Ok(record.id);
    }
    let body = json!({ "Name": PERMISSION_SET, "Label": "Syncline", "Description": "Fields that Syncline keeps its keys in." });
    create(io, api, "sobjects/PermissionSet", &body, "")
        .await?
        .ok_or_else(|| refused(PERMISSION_SET, "the permission set could not be made"))
}

/// Creates something and gives its id; `None` if this code says that it is there already.
async fn create(io: &dyn Io, api: &Api, path: &str, body: &Json, there: &str) -> Result<Option<String>> {
    let bytes = serde_json::to_vec(body).map_err(|error| unreadable(MAKING, error))?;
    let request = api.write(Method::Post, path, Effect::Once).json(bytes);
    let (response, class) = ask(io, request).await?;
    match class {
        Class::Success => {
            let made: Made = serde_json::from_slice(&response.body).map_err(|error| unreadable(MAKING, error))?;
            Ok(Some(made.id))
        }
        Class::Rejected { .. } | Class::Forbidden { .. } | Class::NotFound => {
            let told = errors(&response.body);
            if told.iter().any(|error| error.code == there) {
                return Ok(None);
            }
            let told: Vec<String> = told.iter().map(ProviderError::text).collect();
            Err(refused(path, &format!("Salesforce refused it: {}", told.join("; "))))
        }
        class => Err(failed(class, MAKING)),
    }
}

fn refused(what: &str, why: &str) -> Error {
    let message = format!(
        "{why}. The connected user needs the permissions Customize Application and Manage Profiles and Permission Sets \
         for this; or an administrator makes a text field that is External ID, Unique and case-sensitive, lets the user \
         see and edit it, and the mapping names it as `marker`"
    );
    Error::new(ErrorKind::Forbidden, message)
        .operation(MAKING)
        .with("what", what)
}

fn unfit(object: &str) -> Error {
    let message = format!(
        "there is a field {FIELD} already, which is not External ID and Unique, or can't be written; change that in \
         Setup, or name another field as `marker`"
    );
    Error::new(ErrorKind::Invalid, message)
        .operation(MAKING)
        .with("object", object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ScriptedIo, api};

    #[tokio::test]
    async fn a_user_who_may_not_add_fields_is_told_what_to_ask_for() {
        let io = ScriptedIo::new();
        io.answer(200, r#"{"name":"Contact","queryable":true,"fields":[]}"#);
        io.answer(
            403,
            r#"[{"errorCode":"INSUFFICIENT_ACCESS","message":"insufficient access rights"}]"#,
        );
        let error = make(&io, &api(), &Config::default(), "Contact").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert!(error.message().contains("Customize Application"), "{error}");
        assert!(error.message().contains("insufficient access rights"), "{error}");
    }

    #[tokio::test]
    async fn a_field_of_that_name_that_can_not_serve_is_left_alone() {
        let io = ScriptedIo::new();
        io.answer(
            200,
            r#"{"name":"Contact","queryable":true,"fields":[{"name":"Syncline_Key__c","type":"string","createable":true}]}"#,
        );
        let error = make(&io, &api(), &Config::default(), "Contact").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(io.requests().len(), 1);
    }
}

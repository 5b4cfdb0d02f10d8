//! Describes: which objects there are, and which fields they have.

use std::collections::BTreeSet;

use serde::Deserialize;
use syncline_core::batch::ValueKind;
use syncline_core::io::{Class, Io, Request};
use syncline_core::schema::{Choice, Described, FieldKind, FieldSchema, LeftOut, ObjectInfo, ObjectSchema};
use syncline_core::{Error, ErrorKind, Result};

use crate::client::{Api, ask, read_json};
use crate::error::{failed, unreadable};
use crate::soql;

const LISTING: &str = "listing the objects of Salesforce";
/// The type of fields whose values Salesforce masks.
const ENCRYPTED: &str = "encryptedstring";
const DESCRIBING: &str = "describing an object of Salesforce";

#[derive(Deserialize)]
struct Global {
    sobjects: Vec<GlobalObject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GlobalObject {
    name: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    custom: bool,
    #[serde(default)]
    createable: bool,
    #[serde(default)]
    updateable: bool,
    #[serde(default)]
    deletable: bool,
    #[serde(default)]
    queryable: bool,
    #[serde(default)]
    deprecated_and_hidden: bool,
}

impl GlobalObject {
    fn into_info(self) -> ObjectInfo {
        ObjectInfo {
            name: self.name,
            label: self.label,
            custom: self.custom,
            creatable: self.createable,
            updatable: self.updateable,
            deletable: self.deletable,
        }
    }
}

#[derive(Deserialize)]
struct Description {
    #[serde(flatten)]
    object: GlobalObject,
    fields: Vec<Field>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Field {
    name: String,
    label: String,
    #[serde(rename = "type")]
    kind: String,
    length: u32,
    scale: u32,
    nillable: bool,
    defaulted_on_create: bool,
    createable: bool,
    updateable: bool,
    calculated: bool,
    external_id: bool,
    unique: bool,
    html_formatted: Option<bool>,
    restricted_picklist: bool,
    deprecated_and_hidden: bool,
    picklist_values: Option<Vec<PicklistValue>>,
    reference_to: Option<Vec<String>>,
    relationship_name: Option<String>,
    compound_field_name: Option<String>,
}

#[derive(Deserialize)]
struct PicklistValue {
    value: String,
    label: Option<String>,
    #[serde(default)]
    active: bool,
}

/// The objects that can be synced: read by query, and written in some way.
pub(crate) async fn objects(io: &dyn Io, api: &Api) -> Result<Vec<ObjectInfo>> {
    let global: Global = read_json(io, Request::get(api.data("sobjects")), LISTING).await?;
    let synced = |object: &GlobalObject| {
        object.queryable && (object.createable || object.updateable) && !object.deprecated_and_hidden
    };
    let mut objects: Vec<_> = global
        .sobjects
        .into_iter()
        .filter(synced)
        .map(GlobalObject::into_info)
        .collect();
    objects.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(objects)
}

/// The fields of one object, or that nothing changed since `version`.
pub(crate) async fn describe(io: &dyn Io, api: &Api, object: &str, version: Option<&str>) -> Result<Described> {
    let mut request = Request::get(api.data(&format!("sobjects/{}/describe", soql::name(object)?)));
    let reader = reader(api);
    // What another version of the API, or of this code, made of the description says nothing of ours.
    if let Some(modified) = version.and_then(|version| version.strip_prefix(&reader)) {
        request = request.header("if-modified-since", modified);
    }
    let (response, class) = ask(io, request).await?;
    if class == Class::NotFound {
        return Err(Error::new(
            ErrorKind::NotFound,
            "Salesforce has no such object, or the connected user may not see it",
        )
        .operation(DESCRIBING)
        .with("object", object));
    }
    if class != Class::Success {
        return Err(failed(class, DESCRIBING).with("object", object));
    }
    if response.head.status == 304 {
        return Ok(Described::Unchanged);
    }
    let version = response
        .head
        .header("last-modified")
        .map(|date| format!("{reader}{date}"));
    let description: Description =
        serde_json::from_slice(&response.body).map_err(|error| unreadable(DESCRIBING, error).with("object", object))?;
    let has_secrets = description.fields.iter().any(|field| field.kind == ENCRYPTED);
    let sees_secrets = has_secrets && may_view_encrypted(io, api).await?;
    Ok(Described::Schema(schema(description, version, sees_secrets)))
}

/// What a description depends on beside the object.
fn reader(api: &Api) -> String {
    format!("{}, API {}: ", env!("CARGO_PKG_VERSION"), api.version())
}

/// Names of all fields of an object, also of those that can't be synced.
pub(crate) async fn field_names(io: &dyn Io, api: &Api, object: &str) -> Result<Vec<String>> {
    let request = Request::get(api.data(&format!("sobjects/{}/describe", soql::name(object)?)));
    let description: Description = read_json(io, request, DESCRIBING).await?;
    Ok(description.fields.into_iter().map(|field| field.name).collect())
}

/// Whether the connected user sees what encrypted fields hold; everybody else is shown a mask, which must not be taken
/// for a value.
async fn may_view_encrypted(io: &dyn Io, api: &Api) -> Result<bool> {
    #[derive(Deserialize)]
    struct Found {
        records: Vec<Access>,
    }
    #[derive(Deserialize)]
    struct Access {
        #[serde(rename = "PermissionsViewEncryptedData", default)]
        allowed: bool,
    }
    let query = "SELECT PermissionsViewEncryptedData FROM UserPermissionAccess LIMIT 1";
    let (response, class) = ask(io, api.query(query, false, 200)?).await?;
    match class {
        Class::Success => Ok(serde_json::from_slice::<Found>(&response.body)
            .map_err(|error| unreadable(DESCRIBING, error))?
            .records
            .first()
            .is_some_and(|access| access.allowed)),
        Class::Rejected { .. } | Class::NotFound | Class::Forbidden { .. } => Ok(false),
        class => Err(failed(class, DESCRIBING)),
    }
}

fn schema(description: Description, version: Option<String>, sees_secrets: bool) -> ObjectSchema {
    let parts = description
        .fields
        .iter()
        .filter(|field| field.compound_field_name.as_ref() != Some(&field.name));
    let compounds: BTreeSet<String> = parts.filter_map(|field| field.compound_field_name.clone()).collect();
    let (mut fields, mut left_out) = (Vec::new(), Vec::new());
    for field in description.fields {
        match unfit(&field, &compounds, sees_secrets) {
            None => fields.push(field_schema(field)),
            Some(reason) => left_out.push(LeftOut {
                path: field.name,
                reason: reason.to_owned(),
            }),
        }
    }
    ObjectSchema {
        object: description.object.into_info(),
        fields,
        version,
        left_out,
    }
}

/// Why a field can't be synced, if it can't. Compound fields are left out, their parts stay: a compound can't be written, and not every API can read it. A name
/// that is made of parts but can be written itself, as that of an account where people are accounts too, stays.
fn unfit(field: &Field, compounds: &BTreeSet<String>, sees_secrets: bool) -> Option<&'static str> {
    let is_read_only_compound = compounds.contains(&field.name) && !field.createable && !field.updateable;
    match field.kind.as_str() {
        _ if field.deprecated_and_hidden => Some("is no longer offered by the package that it belongs to"),
        "address" | "location" => Some("is made of parts, which can be mapped one by one"),
        _ if is_read_only_compound => Some("is made of parts, which can be mapped one by one"),
        "base64" => Some("holds a file"),
        "complexvalue" => Some("has a form that only Salesforce's own pages read"),
        ENCRYPTED if !sees_secrets => Some(
            "is encrypted, and the connected user lacks View Encrypted Data: Salesforce would show a mask for its value",
        ),
        _ => None,
    }
}

fn field_schema(field: Field) -> FieldSchema {
    let (kind, value_kind) = kinds(&field);
    let choices = field
        .picklist_values
        .unwrap_or_default()
        .into_iter()
        .map(|choice| Choice {
            label: choice.label.unwrap_or_else(|| choice.value.clone()),
            value: choice.value,
            active: choice.active,
        });
    FieldSchema {
        kind,
        value_kind,
        creatable: field.createable,
        updatable: field.updateable,
        required: field.createable && !field.nillable && !field.defaulted_on_create,
        unique: field.unique || kind == FieldKind::Id,
        external_id: field.external_id && field.unique,
        calculated: field.calculated,
        length: (field.length > 0).then_some(field.length),
        scale: (value_kind == ValueKind::Number).then_some(field.scale),
        choices: choices.collect(),
        restricted: field.restricted_picklist,
        references: field.reference_to.unwrap_or_default(),
        relationship: field.relationship_name,
        path: field.name,
        label: field.label,
        provider_type: field.kind,
    }
}

fn kinds(field: &Field) -> (FieldKind, ValueKind) {
    match field.kind.as_str() {
        "id" => (FieldKind::Id, ValueKind::Text),
        "reference" => (FieldKind::Reference, ValueKind::Text),
        "boolean" => (FieldKind::Bool, ValueKind::Bool),
        "int" | "long" => (FieldKind::Integer, ValueKind::Number),
        // A custom number is a double whatever its digits; without digits behind the point it holds whole numbers.
        "double" if field.scale == 0 => (FieldKind::Integer, ValueKind::Number),
        "double" => (FieldKind::Decimal, ValueKind::Number),
        "currency" => (FieldKind::Money, ValueKind::Number),
        "percent" => (FieldKind::Percent, ValueKind::Number),
        "date" => (FieldKind::Date, ValueKind::Date),
        "datetime" => (FieldKind::DateTime, ValueKind::DateTime),
        "email" => (FieldKind::Email, ValueKind::Text),
        "phone" => (FieldKind::Phone, ValueKind::Text),
        "url" => (FieldKind::Url, ValueKind::Text),
        "picklist" | "combobox" => (FieldKind::Choice, ValueKind::Text),
        "multipicklist" => (FieldKind::MultiChoice, ValueKind::Choices),
        "string" | "textarea" | "encryptedstring" if field.html_formatted == Some(true) => {
            (FieldKind::Html, ValueKind::Text)
        }
        "string" | "encryptedstring" | "time" => (FieldKind::Text, ValueKind::Text),
        "textarea" => (FieldKind::LongText, ValueKind::Text),
        "json" => (FieldKind::Other, ValueKind::Json),
        _ => (FieldKind::Other, ValueKind::Text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ScriptedIo, api, recorded};

    const CONTACT: &str = r#"{"name":"Contact","label":"Contact","custom":false,"createable":true,"updateable":true,
        "deletable":true,"queryable":true,"fields":[
        {"name":"Id","type":"id","length":18,"defaultedOnCreate":true,"nillable":false,"idLookup":true},
        {"name":"LastName","type":"string","length":80,"createable":true,"updateable":true,"nillable":false,"compoundFieldName":"Name"},
        {"name":"Name","type":"string","length":121,"nillable":false},
        {"name":"MailingCity","type":"string","createable":true,"updateable":true,"nillable":true,"compoundFieldName":"MailingAddress"},
        {"name":"MailingAddress","type":"address","nillable":true},
        {"name":"Ext__c","type":"string","createable":true,"updateable":true,"nillable":true,"externalId":true,"unique":true},
        {"name":"Loose__c","type":"string","createable":true,"nillable":true,"externalId":true,"unique":false},
        {"name":"Age__c","type":"double","scale":0,"calculated":true,"nillable":true},
        {"name":"Tags__c","type":"multipicklist","restrictedPicklist":true,"picklistValues":[{"active":true,"label":"Á","value":"a"}]},
        {"name":"AccountId","type":"reference","referenceTo":["Account"],"relationshipName":"Account","createable":true,"nillable":true}]}"#;

    #[tokio::test]
    async fn fields_are_described_with_parts_instead_of_compounds() {
        let io = ScriptedIo::new();
        io.answer_with(200, &[("last-modified", "Thu, 25 Jun 2015 21:54:54 GMT")], CONTACT);
        let Described::Schema(schema) = describe(&io, &api(), "Contact", None).await.unwrap() else {
            panic!()
        };
        let paths: Vec<_> = schema.fields.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "Id",
                "LastName",
                "MailingCity",
                "Ext__c",
                "Loose__c",
                "Age__c",
                "Tags__c",
                "AccountId"
            ]
        );
        let left: Vec<_> = schema.left_out.iter().map(|left| left.path.as_str()).collect();
        assert_eq!(left, ["Name", "MailingAddress"], "what is left out is told");
        assert!(schema.field("LastName").unwrap().required && !schema.field("Id").unwrap().required);
        assert!(schema.field("Ext__c").unwrap().external_id && !schema.field("Loose__c").unwrap().external_id);
        let age = schema.field("Age__c").unwrap();
        assert!(age.calculated && !age.writable() && age.kind == FieldKind::Integer);
        let tags = schema.field("Tags__c").unwrap();
        assert_eq!(
            (tags.kind, tags.value_kind, tags.restricted),
            (FieldKind::MultiChoice, ValueKind::Choices, true)
        );
        assert_eq!(
            schema.field("AccountId").unwrap().relationship.as_deref(),
            Some("Account")
        );

        io.answer(304, "");
        assert_eq!(
            describe(&io, &api(), "Contact", schema.version.as_deref())
                .await
                .unwrap(),
            Described::Unchanged
        );
        let asked = io.requests().pop().unwrap();
        assert!(
            asked
                .headers
                .contains(&("if-modified-since".into(), "Thu, 25 Jun 2015 21:54:54 GMT".into()))
        );
        // Another version of the API may show other fields though nothing changed.
        io.answer(200, CONTACT);
        let older = api().with_version(crate::version::Version::parse("60.0").unwrap());
        let again = describe(&io, &older, "Contact", schema.version.as_deref())
            .await
            .unwrap();
        assert!(matches!(again, Described::Schema(_)));
        let asked = io.requests().pop().unwrap();
        assert!(asked.headers.iter().all(|(name, _)| name != "if-modified-since"));
    }

    #[tokio::test]
    async fn an_encrypted_field_is_offered_to_those_who_see_more_than_its_mask() {
        const SECRET: &str = r#"{"name":"Contact","queryable":true,"fields":[
            {"name":"Ssn__c","type":"encryptedstring","createable":true,"nillable":true}]}"#;
        let access = |allowed: bool| format!(r#"{{"records":[{{"PermissionsViewEncryptedData":{allowed}}}]}}"#);
        for (status, answer, is_offered) in [
            (200, access(true), true),
            (200, access(false), false),
            (400, r#"[{"errorCode":"INVALID_TYPE","message":"m"}]"#.to_owned(), false),
        ] {
            let io = ScriptedIo::new();
            io.answer(200, SECRET);
            io.answer(status, &answer);
            let Described::Schema(schema) = describe(&io, &api(), "Contact", None).await.unwrap() else {
                panic!()
            };
            assert_eq!(schema.field("Ssn__c").is_some(), is_offered, "{answer}");
            assert_eq!(schema.left_out.is_empty(), is_offered);
        }
    }

    #[tokio::test]
    async fn an_object_that_is_not_there_is_not_found() {
        let io = ScriptedIo::new();
        io.answer(
            404,
            r#"[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]"#,
        );
        assert_eq!(
            describe(&io, &api(), "Nope__c", None).await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
        assert_eq!(
            describe(&io, &api(), "../x", None).await.unwrap_err().kind(),
            ErrorKind::Invalid
        );
    }

    #[tokio::test]
    async fn only_objects_that_can_be_read_and_written_are_listed() {
        let io = ScriptedIo::new();
        io.answer(
            200,
            r#"{"sobjects":[
            {"name":"Lead","label":"Lead","queryable":true,"createable":true,"updateable":true,"deletable":true},
            {"name":"AccountHistory","label":"h","queryable":true},
            {"name":"Old__c","label":"o","queryable":true,"createable":true,"deprecatedAndHidden":true,"custom":true},
            {"name":"Account","label":"Account","queryable":true,"createable":true}]}"#,
        );
        let names: Vec<_> = objects(&io, &api())
            .await
            .unwrap()
            .into_iter()
            .map(|object| object.name)
            .collect();
        assert_eq!(names, ["Account", "Lead"]);
    }

    #[test]
    fn recorded_descriptions_are_read() {
        for object in [
            "Account",
            "Contact",
            "Opportunity",
            "Case",
            "Custom__c",
            "OpportunityContactRole",
        ] {
            let Some(body) = recorded(&format!("cci-GET-sobjects-{object}-describe.json")) else {
                return;
            };
            let schema = schema(serde_json::from_value(body).unwrap(), None, false);
            assert_eq!(schema.object.name, object);
            assert!(
                schema
                    .field("Id")
                    .is_some_and(|field| field.kind == FieldKind::Id && field.unique)
            );
            assert!(schema.fields.iter().all(|field| field.provider_type != "address"));
            match object {
                // People are accounts in this organisation: the name is made of parts and can be written all the same.
                "Account" => assert!(schema.field("Name").unwrap().writable()),
                "Contact" => {
                    assert!(schema.field("Name").is_none());
                    assert!(schema.field("LastName").unwrap().required);
                    assert_eq!(schema.field("AccountId").unwrap().references, ["Account"]);
                }
                _ => {}
            }
        }
    }
}

use super::*;

fn field(object: &str, json: &str) -> FieldSchema {
    serde_json::from_str::<Property>(json)
        .unwrap()
        .field(ObjectName::new(object))
}

#[test]
fn types_and_field_types_become_kinds() {
    let kinds = |type_name: &str, field_type: &str| {
        let json = format!(r#"{{"name":"p","type":"{type_name}","fieldType":"{field_type}"}}"#);
        let field = field("contacts", &json);
        (field.kind, field.value_kind)
    };
    assert_eq!(
        kinds("enumeration", "checkbox"),
        (FieldKind::MultiChoice, ValueKind::Choices)
    );
    assert_eq!(
        kinds("enumeration", "booleancheckbox"),
        (FieldKind::Bool, ValueKind::Bool)
    );
    assert_eq!(kinds("enumeration", "radio"), (FieldKind::Choice, ValueKind::Text));
    assert_eq!(kinds("string", "textarea"), (FieldKind::LongText, ValueKind::Text));
    assert_eq!(kinds("string", "html"), (FieldKind::Html, ValueKind::Text));
    assert_eq!(kinds("string", "phonenumber"), (FieldKind::Phone, ValueKind::Text));
    assert_eq!(kinds("datetime", "date"), (FieldKind::DateTime, ValueKind::DateTime));
    assert_eq!(kinds("number", "number"), (FieldKind::Decimal, ValueKind::Number));
    assert_eq!(kinds("object_coordinates", "text"), (FieldKind::Other, ValueKind::Text));
}

#[test]
fn only_a_unique_property_of_the_customer_can_be_the_marker() {
    let email = field(
        "contacts",
        r#"{"name":"email","type":"string","fieldType":"text","hubspotDefined":true}"#,
    );
    assert!(email.unique && !email.external_id && email.kind == FieldKind::Email);
    let key = field(
        "contacts",
        r#"{"name":"external_id","type":"string","fieldType":"text","hasUniqueValue":true}"#,
    );
    assert!(key.unique && key.external_id);
    let id = field(
        "contacts",
        r#"{"name":"hs_object_id","type":"number","hasUniqueValue":true,"hubspotDefined":true,"modificationMetadata":{"readOnlyValue":true}}"#,
    );
    assert!(id.unique && !id.external_id && !id.writable() && id.kind == FieldKind::Id);
}

#[test]
fn owners_are_references_and_calculated_properties_read_only() {
    let owner = field(
        "contacts",
        r#"{"name":"hubspot_owner_id","type":"enumeration","fieldType":"select","externalOptions":true,"referencedObjectType":"OWNER","options":[]}"#,
    );
    assert_eq!(
        (owner.kind, owner.references),
        (FieldKind::Reference, vec!["owners".to_owned()])
    );
    let score = field(
        "contacts",
        r#"{"name":"hubspotscore","type":"number","calculated":true}"#,
    );
    assert!(score.calculated && !score.writable());
}

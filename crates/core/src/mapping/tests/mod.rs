mod auto_map;
mod contacts;
mod golden;
mod short_schema;

use serde_json::json;

use super::*;
use crate::batch::Batch;
use crate::lens::LensRegistry;
use crate::model::{Blueprint, Field, FieldType};
use crate::value::Value;
use short_schema::{field, schema};

fn place() -> SidePlace {
    SidePlace {
        side: 7,
        slot: 1,
        label: "test".into(),
        role: Role::Crm,
        rank: 3,
    }
}

#[test]
fn two_authoritative_crms_on_one_field_are_refused() {
    let mut one = Mapping::new("person", "Contact");
    one.rules = vec![Rule::new("email", "Email"), Rule::new("phone", "Phone")];
    let mut other = Mapping::new("person", "contacts");
    other.strategy = Strategy::CrmAuthoritative;
    other.rules = vec![Rule::new("email", "email"), Rule::new("phone", "phone")];
    assert_eq!(check_together(&one, &[&other]), []);
    one.rules[0].strategy = Some(Strategy::CrmAuthoritative);
    let findings = check_together(&one, &[&other]);
    assert_eq!(findings.len(), 1);
    assert!(findings[0].place.contains("email") && findings[0].message.contains("contacts"));
    one.rules[0].direction = Direction::Push;
    assert_eq!(check_together(&one, &[&other]), []);
}

#[test]
fn a_preview_shows_values_errors_and_what_is_missing() {
    let mut blueprint = Blueprint::new(
        1,
        1,
        "person",
        vec![
            Field::new("name", FieldType::Text),
            Field::new("age", FieldType::Integer),
            Field::new(
                "company",
                FieldType::Reference {
                    blueprint: "company".into(),
                },
            ),
            Field::new("code", FieldType::Text),
        ],
    );
    blueprint.fields[0].required = true;
    blueprint.fields[3].required = true;
    let contact = schema(json!({ "object": "Contact", "fields": [
        field("Name", "Name", "text"),
        field("Age", "Age", "text"),
        json!({ "path": "AccountId", "kind": "reference", "references": ["Account"] }),
    ] }));
    let mut mapping = Mapping::new("person", "Contact");
    mapping.rules = vec![
        Rule::new("name", "Name"),
        Rule::new("age", "Age"),
        Rule::new("company", "AccountId"),
    ];
    let side = compile(&mapping, &blueprint, &contact, &LensRegistry::standard(), place()).unwrap();
    let mut batch = Batch::new(side.projection.fields.len());
    for (id, name, age) in [("1", "Ada", "37"), ("2", "", "many")] {
        let mut row = batch.row(id);
        row.set(0, &Value::text(name));
        row.set(1, &Value::text(age));
        row.set(2, &Value::text("001A"));
        row.finish();
    }
    let records = preview(&side, &blueprint, &batch);
    assert_eq!(unfilled_required(&side, &blueprint), ["code"]);
    assert_eq!(records[0].missing, ["code"]);
    assert_eq!(records[1].missing, ["name", "code"]);
    assert_eq!(records[0].fields[1].value, Some(json!(37)));
    assert!(records[1].fields[1].error.as_ref().unwrap().contains("many"));
    assert!(records[0].fields[2].error.as_ref().unwrap().contains("001A"));
}

//! Mappings, as a host sends them or a file holds them.

use syncline_core::Value;
use syncline_core::batch::{Batch, ValueKind};
use syncline_core::lens::LensRegistry;
use syncline_core::mapping::{Mapping, Role, SidePlace, check, compile, preview};
use syncline_core::model::{Blueprint, Field, FieldType};
use syncline_core::schema::{FieldKind, FieldSchema, ObjectInfo, ObjectSchema};

fn schema() -> ObjectSchema {
    let field = |path: &str, kind, value_kind| FieldSchema {
        path: path.into(),
        label: path.into(),
        kind,
        value_kind,
        provider_type: String::new(),
        creatable: true,
        updatable: true,
        required: false,
        unique: false,
        external_id: path == "External_Id__c",
        calculated: false,
        length: Some(40),
        scale: Some(2),
        choices: Vec::new(),
        restricted: false,
        references: Vec::new(),
        relationship: None,
    };
    ObjectSchema {
        object: ObjectInfo {
            name: "Contact".into(),
            label: "Contact".into(),
            custom: false,
            creatable: true,
            updatable: true,
            deletable: true,
        },
        fields: vec![
            field("LastName", FieldKind::Text, ValueKind::Text),
            field("Phone", FieldKind::Phone, ValueKind::Text),
            field("Amount", FieldKind::Money, ValueKind::Number),
            field("Born", FieldKind::Date, ValueKind::Date),
            field("Seen", FieldKind::DateTime, ValueKind::DateTime),
            field("Tags", FieldKind::MultiChoice, ValueKind::Choices),
            field("External_Id__c", FieldKind::Text, ValueKind::Text),
        ],
        version: None,
        left_out: Vec::new(),
    }
}

fn blueprint() -> Blueprint {
    let fields = [
        ("name", FieldType::Text),
        ("phone", FieldType::Phone),
        ("amount", FieldType::Decimal),
        ("born", FieldType::Date),
        ("seen", FieldType::DateTime),
        ("tags", FieldType::List),
    ];
    Blueprint::new(
        1,
        1,
        "person",
        fields.into_iter().map(|(name, kind)| Field::new(name, kind)).collect(),
    )
}

/// A mapping as JSON; one that can be saved is also run over a record.
pub(super) fn mapping(input: &[u8]) {
    let Ok(mapping) = serde_json::from_slice::<Mapping>(input) else {
        return;
    };
    let (schema, blueprint, registry) = (schema(), blueprint(), LensRegistry::standard());
    drop(check(&mapping, &blueprint, &schema, &registry));
    let place = SidePlace {
        side: 1,
        slot: 0,
        label: "salesforce Contact".into(),
        role: Role::Crm,
        rank: 0,
    };
    let Ok(side) = compile(&mapping, &blueprint, &schema, &registry, place) else {
        return;
    };
    let mut rows = Batch::new(side.projection.fields.len());
    for text in ["", "O'Brien \u{202e}\u{0}", "12.345", "2026-02-30", "[1,{}]"] {
        let mut row = rows.row("1");
        for field in 0..side.projection.fields.len() {
            row.set(field, &Value::text(text));
        }
        row.finish();
    }
    drop(preview(&side, &blueprint, &rows));
    for group in &side.groups {
        let raw = vec![Value::text("12.5"); group.rules.iter().map(|rule| rule.paths.len()).sum()];
        drop(group.canon(&raw));
    }
}

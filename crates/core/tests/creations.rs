//! First creations by the page come to what planning each record by itself comes to, byte for byte.
#![allow(clippy::unwrap_used, reason = "a test")]

use jiff::Timestamp;
use proptest::prelude::*;
use rust_decimal::Decimal;
use syncline_core::audit::{AuditEntries, seal_block};
use syncline_core::batch::{ReadClass, ValueKind};
use syncline_core::io::Mark;
use syncline_core::lens::{LensRegistry, NoLinks};
use syncline_core::mapping::{Direction, LensSpec, Mapping, Role, Rule, SideMapping, SidePlace, compile};
use syncline_core::model::{Blueprint, Field, FieldChoice, FieldType};
use syncline_core::plan::{self, Creations, Observation, Scene};
use syncline_core::schema::{FieldKind, FieldSchema, ObjectInfo, ObjectSchema};
use syncline_core::state::{Actor, Entity, Linked, Side, SideKey, encode_decisions};
use syncline_core::value::{DateTime, Precision, Value, encode_all};
use uuid::Uuid;

const FIELDS: [(&str, ValueKind); 9] = [
    ("Name", ValueKind::Text),
    ("Email", ValueKind::Text),
    ("Trimmed", ValueKind::Text),
    ("Amount", ValueKind::Number),
    ("Opted", ValueKind::Bool),
    ("Born", ValueKind::Date),
    ("Seen", ValueKind::DateTime),
    ("Stage", ValueKind::Text),
    ("Street", ValueKind::Text),
];

fn schema() -> ObjectSchema {
    let field = |(path, kind): &(&str, ValueKind)| FieldSchema {
        path: (*path).to_owned(),
        label: (*path).to_owned(),
        kind: FieldKind::Other,
        value_kind: *kind,
        provider_type: String::new(),
        creatable: true,
        updatable: true,
        required: false,
        unique: false,
        external_id: false,
        calculated: false,
        length: None,
        scale: (*kind == ValueKind::Number).then_some(2),
        choices: Vec::new(),
        restricted: false,
        references: Vec::new(),
        relationship: None,
    };
    ObjectSchema {
        object: ObjectInfo {
            name: "Contact".to_owned(),
            label: "Contact".to_owned(),
            custom: false,
            creatable: true,
            updatable: true,
            deletable: true,
        },
        fields: FIELDS.iter().map(field).collect(),
        version: None,
        left_out: Vec::new(),
    }
}

fn blueprint() -> Blueprint {
    let choice = |value: &str| FieldChoice {
        value: value.to_owned(),
        label: value.to_owned(),
    };
    let fields = vec![
        Field::new("unmapped", FieldType::Text),
        Field::new("email", FieldType::Email),
        Field::new("name", FieldType::Text),
        Field::new("trimmed", FieldType::Text),
        Field::new("amount", FieldType::Decimal),
        Field::new("opted", FieldType::Bool),
        Field::new("born", FieldType::Date),
        Field::new("seen", FieldType::DateTime),
        Field::new(
            "stage",
            FieldType::Choice {
                choices: vec![choice("open"), choice("won")],
            },
        ),
        Field::new("street", FieldType::Text),
    ];
    let mut blueprint = Blueprint::new(3, 7, "person", fields);
    // Two fields that change only together.
    blueprint.groups = vec![vec!["name".to_owned(), "street".to_owned()]];
    blueprint
}

fn mapping(blueprint: &Blueprint) -> SideMapping {
    let mut mapping = Mapping::new("person", "Contact");
    mapping.version = 4;
    mapping.rules = vec![
        Rule::new("name", "Name"),
        Rule::new("email", "Email"),
        Rule::new("trimmed", "Trimmed")
            .lens(LensSpec::new("trim"))
            .direction(Direction::Pull),
        Rule::new("amount", "Amount"),
        Rule::new("opted", "Opted"),
        Rule::new("born", "Born"),
        Rule::new("seen", "Seen"),
        Rule::new("stage", "Stage"),
        Rule::new("street", "Street"),
    ];
    let place = SidePlace {
        side: 9,
        slot: 2,
        label: "salesforce Contact".to_owned(),
        role: Role::Crm,
        rank: 5,
    };
    compile(&mapping, blueprint, &schema(), &LensRegistry::standard(), place).unwrap()
}

fn any_raw() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => Just(Value::Null),
        4 => "[a-zA-Z@. é]{0,12}".prop_map(Value::Text),
        1 => Just(Value::text("open")),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => any::<i64>().prop_map(Value::Int),
        1 => (any::<i32>(), 0u32..5).prop_map(|(digits, scale)| Value::Decimal(Decimal::new(digits.into(), scale))),
        1 => any::<i16>().prop_map(|float| Value::Float(f64::from(float) / 8.0)),
        1 => (0i16..3000).prop_map(|days| Value::Date(jiff::civil::date(2000, 1, 1) + jiff::Span::new().days(days))),
        1 => (0i64..4_000_000_000_000_000).prop_map(|micros| {
            Value::DateTime(DateTime::new(Timestamp::from_microsecond(micros).unwrap(), Precision::Millisecond))
        }),
        1 => prop::collection::vec("[ab;]{0,2}".prop_map(Value::Text), 0..3).prop_map(Value::List),
    ]
}

/// Values that mostly fit their field, as a provider's do, and now and then do not.
fn any_row() -> impl Strategy<Value = Vec<Value>> {
    let fitting = (
        "[A-Z][a-zé ]{0,10}",
        "[a-zA-Z]{1,5}@[a-z]{1,5}\\.com",
        " ?[a-z]{0,5} ?",
        any::<i32>(),
        any::<bool>(),
        0i16..3000,
        0i64..4_000_000_000,
        prop_oneof![Just("open"), Just("won")],
        any::<u8>(),
    )
        .prop_map(|(name, email, trimmed, amount, opted, born, seen, stage, empty)| {
            let mut row = vec![
                Value::Text(name),
                Value::Text(email),
                Value::Text(trimmed),
                Value::Decimal(Decimal::new(amount.into(), 2)),
                Value::Bool(opted),
                Value::Date(jiff::civil::date(2000, 1, 1) + jiff::Span::new().days(born)),
                Value::DateTime(DateTime::new(Timestamp::from_second(seen).unwrap(), Precision::Second)),
                Value::text(stage),
                Value::text("Main St"),
            ];
            if let Some(value) = row.get_mut(usize::from(empty)) {
                *value = Value::Null;
            }
            row
        });
    (
        fitting,
        prop::collection::vec(prop::option::weighted(0.15, any_raw()), FIELDS.len()),
    )
        .prop_map(|(row, odd)| {
            row.into_iter()
                .zip(odd)
                .map(|(value, odd)| odd.unwrap_or(value))
                .collect()
        })
}

fn check(row: &[Value], stamp: Option<Timestamp>) -> Result<bool, TestCaseError> {
    let blueprint = blueprint();
    let mapping = mapping(&blueprint);
    let at = Timestamp::from_second(1_780_000_000).unwrap();
    let mut scene = Scene::new(&blueprint, at, 77).side(&mapping, &NoLinks);
    scene.actor = "tester";
    // In the order of the projection, which is that of the rules.
    let paths: Vec<usize> = mapping
        .projection
        .fields
        .iter()
        .map(|field| FIELDS.iter().position(|(path, _)| *path == field.path).unwrap())
        .collect();
    let encoded = encode_all(paths.iter().map(|&path| &row[path]));
    let observation = Observation {
        mark: Mark(55),
        class: ReadClass::Weak,
        stamp,
        encoded: &encoded,
        carried: syncline_core::batch::Carried::default(),
    };
    let created = Timestamp::from_second(1_779_999_999).unwrap();
    let template = Entity::new(Uuid::nil(), &blueprint, created, Actor(mapping.label.clone()));

    let mut creations = Creations::new(&scene, 9).unwrap();
    let mut page = creations.page(template.clone(), Mark(55));
    let uid = Uuid::from_u128(99);
    let is_taken = creations.take(12, uid, "003A", &observation, &mut page);

    let mut linked = Linked {
        entity: Entity {
            id: 12,
            uid,
            ..template
        },
        sides: vec![Side {
            ext: Some("003A".to_owned()),
            ..Side::new(SideKey {
                entity: 12,
                side: 9,
                slot: 2,
            })
        }],
    };
    let effects = plan::observe(&mut linked, 0, &observation, &scene).unwrap();
    if !is_taken {
        prop_assert!(page.is_empty());
        return Ok(false);
    }
    prop_assert!(effects.failures.is_empty() && effects.reviews.is_empty() && !effects.waiting);
    prop_assert_eq!(&page.linked().unwrap()[0], &linked);
    let record = page.get(0).unwrap();
    prop_assert_eq!(record.values, encode_all(&linked.entity.values));
    prop_assert_eq!(
        record.decisions,
        encode_decisions(&linked.entity.decisions, &linked.entity.frozen, &linked.entity.trail)
    );
    let seal = |entries: &AuditEntries| seal_block(1, 2, at, (0, [0; 32]), entries, [3; 16]);
    let mut entries = AuditEntries::default();
    entries.push_created(&page, scene.actor);
    prop_assert_eq!(seal(&entries), seal(&effects.audit.into_iter().collect()));
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_page_of_creations_stores_what_planning_each_record_stores(
        row in any_row(),
        stamp in prop::option::of((0i64..4_000_000_000).prop_map(|second| Timestamp::from_second(second).unwrap())),
    ) {
        check(&row, stamp)?;
    }
}

#[test]
fn ordinary_records_are_taken_and_odd_ones_left_to_the_plan() {
    let mut row = vec![
        Value::text("Ann"),
        Value::text("Ann@Example.com"),
        Value::text(" x "),
        Value::Int(5),
        Value::Bool(true),
        Value::Null,
        Value::Null,
        Value::text("open"),
        Value::text(""),
    ];
    assert!(check(&row, None).unwrap());
    row[7] = Value::text("unknown choice");
    assert!(!check(&row, None).unwrap());
    assert!(
        !check(&vec![Value::Null; FIELDS.len()], None).unwrap(),
        "nothing is decided"
    );
}

//! The laws of [`crate::lens`], for every registered lens, and the test doubles that several lenses share.

use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::law_cases::{any_text, cases, dates, instants, iso, listed, numbers, of, texts};
use super::*;
use crate::batch::ValueKind;
use crate::mapping::LensSpec;
use crate::model::FieldType;
use crate::schema::{FieldKind, FieldSchema};
use crate::value::{Precision, encode_all};

/// A field of a remote object that holds values of a kind.
pub(crate) fn schema_of(kind: ValueKind) -> FieldSchema {
    FieldSchema {
        path: "Field__c".into(),
        label: "Field".into(),
        kind: FieldKind::Other,
        value_kind: kind,
        provider_type: String::new(),
        creatable: true,
        updatable: true,
        required: false,
        unique: false,
        external_id: false,
        calculated: false,
        length: None,
        scale: None,
        choices: Vec::new(),
        restricted: false,
        references: Vec::new(),
        relationship: None,
    }
}

/// One linked account.
#[derive(Debug)]
pub(super) struct OneLink;

impl OneLink {
    pub(super) const ENTITY: Uuid = Uuid::from_u128(7);
    pub(super) const REMOTE: &'static str = "001A";
}

impl LensContext for OneLink {
    fn entity_of(&self, object: &str, ext: &str) -> Option<Uuid> {
        (object == "Account" && ext == Self::REMOTE).then_some(Self::ENTITY)
    }

    fn remote_of(&self, object: &str, entity: Uuid) -> Option<String> {
        (object == "Account" && entity == Self::ENTITY).then(|| Self::REMOTE.to_owned())
    }
}

/// Checks the laws for two raw values of a side.
fn check(lens: &SharedLens, raw: &[Value], other: &[Value]) -> std::result::Result<(), TestCaseError> {
    let canon = lens.canon(raw);
    prop_assert_eq!(&lens.canon(&canon), &canon, "canon is idempotent");
    if let [one] = raw {
        let encoded = encode_all([one]);
        if lens.keeps(&encoded) {
            let got = lens.get(raw, &OneLink).map(|got| encode_all(&got));
            prop_assert_eq!(got.ok(), Some(encoded), "a value that is said to be kept is kept");
        }
    }
    let Ok(got) = lens.get(raw, &OneLink) else {
        return Ok(());
    };
    prop_assert_eq!(
        &lens.get(&canon, &OneLink).unwrap(),
        &got,
        "get can't tell a value from its canonical form"
    );
    let back = lens.put(&got, raw, &OneLink).unwrap();
    prop_assert_eq!(&lens.canon(&back), &canon, "GetPut: {:?} was put back", back);
    if lens.is_two_way() {
        for old in [other, &vec![Value::Null; raw.len()]] {
            let put = lens.put(&got, old, &OneLink).unwrap();
            prop_assert_eq!(
                &lens.get(&put, &OneLink).unwrap(),
                &got,
                "PutGet: {:?} was put over {:?}",
                put,
                old
            );
        }
    }
    Ok(())
}

fn runner(cases: u32) -> proptest::test_runner::TestRunner {
    proptest::test_runner::TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    })
}

#[test]
fn every_registered_lens_obeys_the_laws() {
    let registry = LensRegistry::standard();
    let cases = cases();
    for name in registry.names() {
        assert!(
            cases.iter().any(|(spec, _)| spec.lens == name),
            "no case for the lens `{name}`"
        );
    }
    for (spec, raw) in cases {
        let lens = registry.build(std::slice::from_ref(&spec)).unwrap();
        let mut runner = runner(150);
        let outcome = runner.run(&(raw.clone(), raw), |(raw, other)| check(&lens, &raw, &other));
        assert!(outcome.is_ok(), "{spec:?}: {}", outcome.unwrap_err());
    }
}

#[test]
fn conversion_by_type_obeys_the_laws() {
    let kinds = [
        ValueKind::Text,
        ValueKind::Bool,
        ValueKind::Number,
        ValueKind::Date,
        ValueKind::DateTime,
        ValueKind::Choices,
        ValueKind::Json,
    ];
    let fields = [
        FieldType::Text,
        FieldType::LongText,
        FieldType::Integer,
        FieldType::Decimal,
        FieldType::Float,
        FieldType::Bool,
        FieldType::Date,
        FieldType::DateTime,
        FieldType::Choice { choices: Vec::new() },
        FieldType::MultiChoice { choices: Vec::new() },
        FieldType::Email,
        FieldType::Phone,
        FieldType::Url,
        FieldType::Money,
        FieldType::Reference {
            blueprint: "account".into(),
        },
        FieldType::List,
        FieldType::Json,
    ];
    for kind in kinds {
        let raw = match kind {
            ValueKind::Text => of(prop_oneof![
                any_text(),
                texts("-?[0-9]{1,6}(\\.[0-9]{1,4})?"),
                iso(dates()),
                iso(instants(Precision::Microsecond)),
                listed(&["true", "No", "00000000-0000-0000-0000-00000000000A"])
            ]),
            ValueKind::Bool => of(any::<bool>().prop_map(Value::Bool)),
            ValueKind::Number => of(prop_oneof![
                any::<i32>().prop_map(|int| Value::Int(int.into())),
                (any::<i32>(), 0u32..6)
                    .prop_map(|(digits, scale)| { Value::Decimal(rust_decimal::Decimal::new(digits.into(), scale)) }),
                any::<i16>().prop_map(|float| Value::Float(f64::from(float) / 8.0)),
            ]),
            ValueKind::Date => of(dates()),
            ValueKind::DateTime => of(instants(Precision::Second)),
            ValueKind::Choices => of(prop::collection::vec(texts("[a-c]{1,2}"), 1..4).prop_map(Value::List)),
            ValueKind::Json => of(Just(Value::Json(json!({"a": 1})))),
        };
        for scale in [None, Some(1)] {
            let schema = FieldSchema {
                scale,
                ..schema_of(kind)
            };
            for field in &fields {
                let lens = typed::for_field(field, Some(&schema));
                let mut runner = runner(60);
                let outcome = runner.run(&(raw.clone(), raw.clone()), |(raw, other)| check(&lens, &raw, &other));
                assert!(outcome.is_ok(), "{field:?} in {kind:?}: {}", outcome.unwrap_err());
            }
            let lens = typed::for_remote(&schema);
            let mut runner = runner(60);
            let outcome = runner.run(&(raw.clone(), raw.clone()), |(raw, other)| check(&lens, &raw, &other));
            assert!(outcome.is_ok(), "{kind:?}: {}", outcome.unwrap_err());
        }
    }
}

#[test]
fn money_of_two_fields_obeys_the_laws() {
    let raw = || (numbers(), prop_oneof![listed(&["EUR", "usd"]), Just(Value::Null)]);
    let raw = || {
        prop_oneof![3 => raw().prop_map(|(amount, currency)| vec![amount, currency]),
        1 => Just(vec![Value::Null, Value::text("EUR")])]
    };
    let chain = Chain::of(vec![
        LensRegistry::standard().build(&[LensSpec::new("money")]).unwrap(),
        typed::for_field(&FieldType::Money, None),
    ]);
    let outcome = runner(200).run(&(raw(), raw()), |(raw, other)| check(&chain, &raw, &other));
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}

#[test]
fn chains_obey_the_laws() {
    let lens = LensSpec::new;
    let text = FieldType::Text;
    let chains = [
        (vec![lens("trim"), lens("email")], text.clone()),
        (
            vec![lens("choices"), lens("case").with("to", "lower")],
            FieldType::MultiChoice { choices: Vec::new() },
        ),
        (
            vec![lens("default").with("value", "None"), lens("case").with("to", "lower")],
            text.clone(),
        ),
        (vec![lens("name_split"), lens("case").with("to", "title")], text.clone()),
        (
            vec![lens("whitespace"), lens("truncate").with("length", 4), lens("trim")],
            text.clone(),
        ),
        (vec![lens("trim"), lens("country")], text.clone()),
        (vec![lens("url"), lens("domain")], text),
        (vec![lens("number").with("scale", 1)], FieldType::Money),
        (vec![lens("bool_choice")], FieldType::Bool),
        (vec![lens("date").with("format", "%d.%m.%Y")], FieldType::Date),
    ];
    for (specs, field) in chains {
        let chain = Chain::of(vec![
            LensRegistry::standard().build(&specs).unwrap(),
            typed::for_field(&field, None),
        ]);
        let raw = of(prop_oneof![
            any_text(),
            texts("( ?[A-Z][a-z]{0,3}){1,3}"),
            listed(&["DE", " germany", "Yes", " no", "03.02.2026"]),
            texts("-?[0-9]{1,3}(\\.[0-9]{1,3})?")
        ]);
        let mut runner = runner(150);
        let outcome = runner.run(&(raw.clone(), raw), |(raw, other)| check(&chain, &raw, &other));
        assert!(outcome.is_ok(), "{specs:?}: {}", outcome.unwrap_err());
    }
}

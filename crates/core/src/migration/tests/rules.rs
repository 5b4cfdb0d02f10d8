use serde_json::json;

use crate::Value;
use crate::migration::{Difference, History, Migration, MigrationRule, differences, propose, propose_between};
use crate::model::{Blueprint, Field, FieldChoice, FieldType};

fn rules(json: serde_json::Value) -> Migration {
    serde_json::from_value(json!({ "rules": json })).unwrap()
}

fn choice(value: &str) -> FieldChoice {
    FieldChoice {
        value: value.into(),
        label: value.into(),
    }
}

fn person() -> Blueprint {
    Blueprint::new(
        1,
        1,
        "person",
        vec![
            Field::new("name", FieldType::Text),
            Field::new("age", FieldType::Text),
            Field::new(
                "rating",
                FieldType::Choice {
                    choices: vec![choice("hot"), choice("cold"), choice("icy")],
                },
            ),
            Field::new("note", FieldType::LongText),
        ],
    )
}

fn step(blueprint: Blueprint, migration: &Migration) -> History {
    let mut history = History::new(blueprint);
    let version = history.derive(1, migration).unwrap();
    history.push(version);
    history
}

/// The values of a version by name.
fn shown(history: &History, number: u32, values: &[Value]) -> serde_json::Value {
    let blueprint = history.blueprint(number).unwrap();
    blueprint
        .live_fields()
        .map(|(place, field)| {
            (
                field.name.clone(),
                values.get(place).cloned().unwrap_or_default().to_json(),
            )
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn a_rename_keeps_place_and_value_and_frees_the_name() {
    let history = step(
        person(),
        &rules(json!([
            {"rule": "rename", "field": "name", "to": "full_name"},
            {"rule": "add", "field": {"name": "name", "type": "text", "default": "none"}},
        ])),
    );
    let mut values = vec![Value::text("Ada")];
    history.migrate(&mut values, 1, 2).unwrap();
    assert_eq!(
        shown(&history, 2, &values),
        json!({"full_name": "Ada", "age": null, "rating": null, "note": null, "name": "none"})
    );
    let now = history.blueprint(2).unwrap();
    assert_eq!(
        now.position("full_name"),
        Some(0),
        "what syncs know a field by never moves"
    );
}

#[test]
fn what_is_split_and_edited_goes_back_by_the_inverse_rule_and_what_was_not_to_the_bit() {
    let history = step(
        person(),
        &rules(json!([{"rule": "split", "field": "name", "into": [
            {"name": "first_name", "type": "text"}, {"name": "last_name", "type": "text"}]}])),
    );
    let before = vec![Value::text("  Ada   King  Lovelace")];
    let mut values = before.clone();
    history.migrate(&mut values, 1, 2).unwrap();
    let mut edited = values.clone();
    history.migrate(&mut values, 2, 1).unwrap();
    assert_eq!(values[0], before[0]);
    let last = history.blueprint(2).unwrap().position("last_name").unwrap();
    let first = history.blueprint(2).unwrap().position("first_name").unwrap();
    (edited[first], edited[last]) = (Value::text("Augusta"), Value::text("Byron"));
    history.migrate(&mut edited, 2, 1).unwrap();
    assert_eq!(edited[0], Value::text("Augusta Byron"));
    history.migrate(&mut edited, 1, 2).unwrap();
    assert_eq!(
        (&edited[first], &edited[last]),
        (&Value::text("Augusta"), &Value::text("Byron"))
    );
}

#[test]
fn choices_that_became_one_are_told_apart_again_on_the_way_back() {
    let mut rated = person();
    rated.fields[2].default = Some(Value::text("icy"));
    let history = step(
        rated,
        &rules(json!([{"rule": "map_choices", "field": "rating",
            "choices": [{"value": "hot", "label": "Hot"}, {"value": "low", "label": "Low"}],
            "map": {"cold": "low", "icy": "low"}}])),
    );
    let default = history.blueprint(2).unwrap().fields[2].default.clone();
    assert_eq!(
        default,
        Some(Value::text("low")),
        "what new entities take is mapped, too"
    );
    let icy = vec![Value::Null, Value::Null, Value::text("icy")];
    let mut values = icy.clone();
    history.migrate(&mut values, 1, 2).unwrap();
    assert_eq!(values[2], Value::text("low"));
    history.migrate(&mut values, 2, 1).unwrap();
    assert_eq!(values[2], icy[2]);
}

#[test]
fn everything_that_is_wrong_with_an_entity_is_told_and_nothing_of_it_changes() {
    let history = step(
        person(),
        &rules(json!([
            {"rule": "retype", "field": "age", "to": {"type": "integer"}},
            {"rule": "retype", "field": "note", "to": {"type": "date"}},
            {"rule": "settings", "field": "name", "set": {"required": true}},
        ])),
    );
    let before = vec![
        Value::text("Ada"),
        Value::text("old"),
        Value::Null,
        Value::text("later"),
    ];
    let mut values = before.clone();
    let failures = history.migrate(&mut values, 1, 2).unwrap_err();
    let fields: Vec<&str> = failures
        .iter()
        .flat_map(|failure| &failure.fields)
        .map(String::as_str)
        .collect();
    assert_eq!(fields, ["age", "note"]);
    assert!(failures[0].reason.contains("`old`"), "{failures:?}");
    assert_eq!(values, before);
    let mut nameless = vec![Value::Null, Value::text("36")];
    let failures = history.migrate(&mut nameless, 1, 2).unwrap_err();
    assert!(failures[0].reason.contains("required"), "{failures:?}");
}

#[test]
fn what_cannot_be_converted_is_emptied_and_kept_where_the_rule_says_so() {
    let history = step(
        person(),
        &rules(json!([{"rule": "retype", "field": "age", "to": {"type": "integer"}, "or_empty": true}])),
    );
    let mut values = vec![Value::Null, Value::text("old")];
    history.migrate(&mut values, 1, 2).unwrap();
    assert_eq!(values[1], Value::Null);
    history.migrate(&mut values, 2, 1).unwrap();
    assert_eq!(values[1], Value::text("old"));
}

#[test]
fn a_field_is_computed_once_and_edits_of_it_outlive_a_way_back() {
    let history = step(
        person(),
        &rules(json!([{"rule": "compute", "into": {"name": "line", "type": "text"},
            "expression": "name + ' (' + age + ')'"}])),
    );
    let mut values = vec![Value::text("Ada"), Value::text("36")];
    history.migrate(&mut values, 1, 2).unwrap();
    assert_eq!(shown(&history, 2, &values)["line"], json!("Ada (36)"));
    values[4] = Value::text("by hand");
    history.migrate(&mut values, 2, 1).unwrap();
    assert_eq!(values[4], Value::Null);
    history.migrate(&mut values, 1, 2).unwrap();
    assert_eq!(values[4], Value::text("by hand"));
}

#[test]
fn versions_made_after_a_way_back_have_places_of_their_own() {
    let mut history = step(
        person(),
        &rules(json!([{"rule": "add", "field": {"name": "a", "type": "text", "default": "A"}}])),
    );
    let third = history
        .derive(
            1,
            &rules(json!([{"rule": "add", "field": {"name": "b", "type": "text", "default": "B"}}])),
        )
        .unwrap();
    assert_eq!((third.blueprint.version, third.parent), (3, 1));
    history.push(third);
    let mut values = Vec::new();
    history.migrate(&mut values, 1, 2).unwrap();
    history.migrate(&mut values, 2, 3).unwrap();
    assert_eq!(shown(&history, 3, &values)["b"], json!("B"));
    assert_eq!(shown(&history, 3, &values).get("a"), None);
    history.migrate(&mut values, 3, 2).unwrap();
    assert_eq!(shown(&history, 2, &values)["a"], json!("A"));
}

#[test]
fn all_that_is_wrong_with_a_migration_is_found_at_once() {
    let mut grouped = person();
    grouped.groups = vec![vec!["name".into(), "age".into()]];
    let findings = History::new(grouped)
        .derive(
            1,
            &rules(json!([
                {"rule": "rename", "field": "nmae", "to": "x"},
                {"rule": "rename", "field": "note", "to": "Bad Name"},
                {"rule": "drop", "field": "age"},
                {"rule": "map_choices", "field": "note", "choices": [], "map": {}},
                {"rule": "compute", "into": {"name": "y", "type": "text"}, "expression": "1 +"},
                {"rule": "set_default", "field": "rating", "value": []},
            ])),
        )
        .unwrap_err();
    let text = format!("{findings:#?}");
    assert_eq!(findings.len(), 6, "{text}");
    assert!(
        text.contains("did you mean `name`?") && text.contains("give up all of them or none"),
        "{text}"
    );
}

#[test]
fn a_proposed_migration_makes_what_was_asked_for() {
    let before = person();
    let mut wanted = person().fields;
    wanted[0].name = "full_name".into();
    wanted[1].kind = FieldType::Integer;
    wanted[2].kind = FieldType::Choice {
        choices: vec![choice("HOT"), choice("cold")],
    };
    wanted[3] = Field::new("is_vip", FieldType::Bool);
    let proposal = propose(&before, &wanted, &[]);
    let made = History::new(before.clone())
        .derive(1, &proposal.migration)
        .unwrap()
        .blueprint;
    let names: Vec<&str> = made.field_names().collect();
    assert_eq!(names, ["full_name", "age", "rating", "is_vip"]);
    assert_eq!(made.position("full_name"), Some(0));
    assert_eq!(made.fields[1].kind, FieldType::Integer);
    let told: Vec<&str> = proposal.findings.iter().map(|finding| finding.place.as_str()).collect();
    assert_eq!(told, ["full_name", "note", "rating"], "what was guessed is said");
    assert!(
        propose(
            &made,
            &made.live_fields().map(|(_, field)| field.clone()).collect::<Vec<_>>(),
            &[]
        )
        .migration
        .rules
        .is_empty()
    );
}

#[test]
fn two_versions_are_compared_by_place_and_the_way_between_them_is_proposed() {
    let history = step(
        person(),
        &rules(json!([
            {"rule": "rename", "field": "name", "to": "title"},
            {"rule": "rename", "field": "note", "to": "name"},
            {"rule": "rename", "field": "title", "to": "note"},
            {"rule": "drop", "field": "age"},
            {"rule": "settings", "field": "rating", "set": {"indexed": true}},
        ])),
    );
    let (one, two) = (history.blueprint(1).unwrap(), history.blueprint(2).unwrap());
    let lines: Vec<String> = differences(&one, &two).iter().map(Difference::label).collect();
    assert_eq!(
        lines.iter().filter(|line| line.contains("is called")).count(),
        2,
        "{lines:?}"
    );
    assert!(lines.contains(&"- age (text)".to_owned()), "{lines:?}");
    let back = propose_between(&two, &one).migration;
    let mut history = History::new(two);
    history.push(history.derive(2, &back).unwrap());
    let again = history.blueprint(3).unwrap();
    assert_eq!((again.position("name"), again.position("note")), (Some(0), Some(3)));
}

#[test]
fn rules_are_written_as_they_are_read() {
    let text = json!([
        {"rule": "join", "fields": ["name", "age"], "into": {"name": "line", "type": "text"}, "by": ", "},
        {"rule": "settings", "field": "rating", "set": {"default": null}},
    ]);
    let migration = rules(text);
    let MigrationRule::Settings { set, .. } = &migration.rules[1] else {
        panic!("{migration:?}")
    };
    assert_eq!(set.default, Some(json!(null)));
    let again: Migration = serde_json::from_value(serde_json::to_value(&migration).unwrap()).unwrap();
    assert_eq!(again, migration);
    assert!(serde_json::from_value::<Migration>(json!({"rules": [{"rule": "drop", "feild": "x"}]})).is_err());
}

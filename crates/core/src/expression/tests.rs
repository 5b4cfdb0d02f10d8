use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::batch::ValueKind;
use crate::job::{Comparison, Condition};
use crate::lens::laws::schema_of;
use crate::schema::{FieldSchema, ObjectInfo, ObjectSchema};

fn record() -> Variables {
    let mut variables = Variables::new();
    let amount = Value::from_number("10.5");
    variables.record(
        "remote",
        [
            ("Name", &Value::text("Ann")),
            ("Amount", &amount),
            ("Count", &Value::Int(4)),
            ("Email", &Value::Null),
            ("Account.Name", &Value::text("Acme")),
            ("Tags", &Value::List(vec!["a".into(), "b".into()])),
            ("Created", &Value::text("2026-05-01T10:00:00Z")),
            ("Json", &Value::Json(json!({"deep": {"b": 1, "a": [1, null]}}))),
        ],
    );
    variables.set("me.id", &Value::text("u1"));
    variables
}

fn evaluate(text: &str) -> Result<Value> {
    Expression::compile(text)?.evaluate(&record())
}

fn matches(text: &str) -> bool {
    Filter::compile(text).unwrap().matches(&record()).unwrap()
}

#[test]
fn values_go_in_and_come_out() {
    for (text, expected) in [
        ("remote.Name", Value::text("Ann")),
        ("remote['Account'].Name + '!'", Value::text("Acme!")),
        ("remote.Count", Value::Int(4)),
        ("remote.Amount", Value::from_number("10.5")),
        (
            "remote.Tags.map(tag, tag + '1')",
            Value::List(vec!["a1".into(), "b1".into()]),
        ),
        ("remote.Json.deep.a[0]", Value::Int(1)),
        (
            "{'b': 1, 'a': [true, null]}",
            Value::Json(json!({"a": [true, null], "b": 1})),
        ),
        (
            "remote.Json.deep.map(key, key)",
            Value::List(vec!["a".into(), "b".into()]),
        ),
        ("[3, 1].map(x, x * 2)", Value::List(vec![Value::Int(6), Value::Int(2)])),
        ("7u", Value::Int(7)),
        ("1e300", Value::Float(1e300)),
        ("remote.?Nothing", Value::Null),
        ("remote.?Name.orValue('x')", Value::text("Ann")),
        ("remote.?Missing.Deeper.orValue('x')", Value::text("x")),
        ("size(remote.Tags)", Value::Int(2)),
        ("type(remote.Name) == string", Value::Bool(true)),
    ] {
        assert_eq!(
            evaluate(text).unwrap_or_else(|error| panic!("{text}: {error}")),
            expected,
            "{text}"
        );
    }
}

#[test]
fn missing_fields_are_null_at_any_depth() {
    for (text, expected) in [
        ("remote.Email", Value::Null),
        ("remote.Nowhere.At.All", Value::Null),
        ("remote.Name.Inner", Value::Null),
        ("remote['No such'].x[3]", Value::Null),
        ("remote.Tags[9]", Value::Null),
        ("remote.Json.deep.a[1]", Value::Null),
        ("remote.Email == null ? 'none' : remote.Email", Value::text("none")),
        ("has(remote.Email)", Value::Bool(false)),
        ("has(remote.Account.Name)", Value::Bool(true)),
        ("has(remote.Nowhere.Name)", Value::Bool(false)),
        ("remote.Email > 'a' || remote.Email <= 'a'", Value::Bool(false)),
        ("!remote.Flag", Value::Bool(true)),
        ("remote.Flag ? 1 : 2", Value::Int(2)),
        ("remote.Email.contains('x')", Value::Bool(false)),
        ("remote.Nowhere.exists(x, x == 1)", Value::Bool(false)),
        ("'x' in remote.Nowhere", Value::Bool(false)),
        ("size(remote.Nowhere)", Value::Int(0)),
        ("remote.Nowhere.map(x, x)", Value::List(Vec::new())),
    ] {
        assert_eq!(
            evaluate(text).unwrap_or_else(|error| panic!("{text}: {error}")),
            expected,
            "{text}"
        );
    }
}

#[test]
fn whole_and_other_numbers_mix() {
    assert_eq!(evaluate("remote.Amount * 2").unwrap(), Value::Int(21));
    assert_eq!(evaluate("remote.Count * 1.5").unwrap(), Value::Int(6));
    assert_eq!(evaluate("remote.Count - 0.5").unwrap(), Value::from_number("3.5"));
    assert_eq!(evaluate("remote.Count / 8.0").unwrap(), Value::from_number("0.5"));
    assert_eq!(
        evaluate("remote.Count + remote.Amount").unwrap(),
        Value::from_number("14.5")
    );
    assert!(matches(
        "remote.Amount > 10 && remote.Count < 4.5 && remote.Count == 4.0"
    ));
}

#[test]
fn dates_and_instants_compare_as_such() {
    assert!(matches("remote.Created == '2026-05-01T12:00:00+02:00'"));
    assert!(matches(
        "remote.Created > '2026-05-01' && remote.Created < '2026-05-02'"
    ));
    assert!(matches("'2026-05-01T10:00:00.000Z' == remote.Created"));
    assert!(!matches("remote.Created != '2026-05-01T10:00:00.000Z'"));
}

#[test]
fn an_error_says_what_is_wrong_and_shows_no_value() {
    for (text, part) in [
        ("remote.Name - 1", "does not take string and int"),
        ("nobody.home", "`nobody` is not known here"),
        ("1 / 0", "it divides by zero"),
        ("remote.Name < 1", "does not take string and int"),
        ("frobnicate(1)", "`frobnicate` is not known here"),
    ] {
        let error = evaluate(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains(part), "{text}: {error}");
        assert!(!error.message().contains("Ann"), "{error}");
    }
    let error = Expression::compile("remote.Name +").unwrap_err();
    assert!(
        error.message().starts_with("the expression can't be read in line 1"),
        "{error}"
    );
}

#[test]
fn a_filter_must_give_true_or_false() {
    assert!(!matches("remote.Flag"));
    assert!(matches("remote.Name == 'Ann' && me.id == 'u1'"));
    let error = Filter::compile("remote.Name").unwrap().matches(&record()).unwrap_err();
    assert!(
        error.message().contains("gives text and should give true or false"),
        "{error}"
    );
}

#[test]
fn a_filter_over_a_record_knows_its_own_user() {
    let filter = Filter::compile("remote.OwnerId == me.id && remote.Account.Name != 'X'").unwrap();
    assert_eq!(filter.fields(), ["Account.Name", "OwnerId"]);
    let remote = BTreeMap::from([("OwnerId".to_owned(), Value::text("u1"))]);
    assert!(filter.matches_remote(&remote, Some("u1")).unwrap());
    assert!(!filter.matches_remote(&remote, Some("u2")).unwrap());
    assert!(!filter.matches_remote(&remote, None).unwrap());
}

#[test]
fn names_referred_to_are_known() {
    let expression = Expression::compile(
        "remote.A.B == me.id && remote['C d'] > 1 && has(remote.E) && remote.L.exists(x, x.y == remote.Z) && type(1) == int",
    )
    .unwrap();
    let paths: Vec<_> = expression.paths().into_iter().collect();
    assert_eq!(
        paths,
        ["me.id", "remote.A.B", "remote.C d", "remote.E", "remote.L", "remote.Z"]
    );
    let variables: Vec<_> = expression.variables().into_iter().collect();
    assert_eq!(variables, ["me", "remote"]);
}

fn condition(field: &str, comparison: Comparison, value: impl Into<Value>) -> Condition {
    Condition {
        field: field.into(),
        comparison,
        value: value.into(),
    }
}

#[test]
fn conditions_are_the_comparisons_that_must_all_hold() {
    let filter = Filter::compile(
        "remote.A == 'x' && (remote.B >= 2 && 3.5 > remote.C.D) && (remote.E == 1 || remote.F == 2) && remote.G != null \
         && remote.H && !remote.I && remote.J == remote.K && remote.L.contains('x') && remote.M > '2026-01-01' \
         && remote.N == '2026-01-01' && remote.O == me.id && remote['P'] == -1 && has(remote.Q)",
    )
    .unwrap();
    let date = Value::Date(jiff::civil::date(2026, 1, 1));
    assert_eq!(
        filter.conditions(),
        [
            condition("A", Comparison::Equal, "x"),
            condition("B", Comparison::GreaterOrEqual, 2),
            condition("C.D", Comparison::Less, Value::from_number("3.5")),
            condition("G", Comparison::NotEqual, Value::Null),
            condition("H", Comparison::Equal, true),
            condition("M", Comparison::Greater, date),
            condition("P", Comparison::Equal, -1),
        ]
    );
    assert!(
        Filter::compile("remote.A == 1 || remote.B == 2")
            .unwrap()
            .conditions()
            .is_empty()
    );
}

#[test]
fn conditions_take_the_types_of_the_fields_and_known_variables() {
    let field = |path: &str, kind| FieldSchema {
        path: path.into(),
        ..schema_of(kind)
    };
    let schema = ObjectSchema {
        object: ObjectInfo {
            name: "Lead".into(),
            label: "Lead".into(),
            custom: false,
            creatable: true,
            updatable: true,
            deletable: true,
        },
        fields: vec![
            field("Day", ValueKind::Date),
            field("Text", ValueKind::Text),
            field("OwnerId", ValueKind::Text),
            field("Number", ValueKind::Number),
        ],
        version: None,
        left_out: Vec::new(),
    };
    let filter = Filter::compile(
        "remote.Day == '2026-01-01' && remote.Text == '2026-01-01' && remote.OwnerId == me.id && remote.Number == 'x' \
         && remote.Unknown == 1 && remote.Text == me.name",
    )
    .unwrap();
    let mut known = Variables::new();
    known.set("me.id", &Value::text("u1"));
    assert_eq!(
        filter.conditions_for(&schema, &known),
        [
            condition("Day", Comparison::Equal, Value::Date(jiff::civil::date(2026, 1, 1))),
            condition("Text", Comparison::Equal, "2026-01-01"),
            condition("OwnerId", Comparison::Equal, "u1"),
        ]
    );
}

#[test]
fn hostile_text_is_refused_or_read_without_a_panic() {
    let long = "1 + ".repeat(200_000) + "1";
    for text in [
        "(".repeat(100_000),
        "[".repeat(2_000),
        "((".repeat(20) + "1" + &"))".repeat(20),
        "!".repeat(4_000) + "true",
        "-".repeat(4_000) + "1",
        "a".to_owned() + &".a".repeat(2_000),
        "a".to_owned() + &"[0]".repeat(1_000),
        "1".to_owned() + &"+1".repeat(2_000),
        "1?1:".repeat(900) + "1",
        "a ? b : ".repeat(400) + "1",
        "true && ".repeat(500) + "true",
        "true in ".repeat(500) + "[true]",
        "f(".repeat(1_000),
        "{1:".repeat(1_000),
        "a a ".repeat(1_000),
        long,
        String::new(),
        "\u{0}".to_owned(),
        "'".to_owned(),
        "\"\\".to_owned(),
        "a.map(x, x.map(y, y.map(z, z)))".to_owned(),
        "Foo{a: 1}".to_owned(),
    ] {
        let shown: String = text.chars().take(20).collect();
        let error = Expression::compile(&text).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{shown}");
    }
}

#[test]
fn the_largest_expressions_that_are_allowed_fit_the_stack() {
    for text in [
        "(".repeat(24) + "1" + &")".repeat(24),
        "1".to_owned() + &"+1".repeat(120),
        "a".to_owned() + &".a".repeat(120),
        "!".repeat(120) + "true",
        "[1, 2].map(x, [1, 2].map(y, x + y))".to_owned(),
        "(1 + (1 + ".repeat(12) + "1" + &"))".repeat(12),
    ] {
        let shown: String = text.chars().take(20).collect();
        let expression = Expression::compile(&text);
        let expression = expression.unwrap_or_else(|error| panic!("{shown}: {error}"));
        let mut variables = Variables::new();
        variables.set("a.a", &Value::Int(1));
        let _ = expression.evaluate(&variables).unwrap();
    }
}

#[test]
fn texts_and_lists_can_not_grow_without_end() {
    let doubled =
        "['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa']".to_owned() + &".map(x, x+x+x+x+x+x+x+x+x+x)".repeat(8);
    let error = evaluate(&doubled).unwrap_err();
    assert!(error.message().contains("grows too long"), "{error}");
    let mut variables = Variables::new();
    variables.set("list", &Value::List(vec![Value::Int(1); 2_000]));
    assert!(
        Expression::compile("list.size()")
            .unwrap()
            .evaluate(&variables)
            .is_err()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_makes_the_compiler_panic(text in "(?s).{0,60}|[a-c0-9.()\\[\\]{}?:!+*/%<>=&|,'\" -]{0,80}") {
        let _ = Expression::compile(&text).map(|expression| expression.evaluate(&record()));
    }

    #[test]
    fn no_sequence_of_tokens_makes_the_evaluation_panic(
        tokens in prop::collection::vec(prop::sample::select(vec![
            "remote", ".Name", ".Tags", ".Amount", "(", ")", "[", "]", "0", "'x'", "==", "<", "&&", "||", "!", "-", "+", "*",
            "?", ":", "in", ".map(x, x)", ".exists(x, x)", "has(", "size(", "null", "true", "1.5", ".?Name", "{", "}", ",",
            ".matches('(a')", "int(", "string(", ".orValue(1)",
        ]), 0..14)
    ) {
        let _ = Expression::compile(&tokens.join(" ")).map(|expression| expression.evaluate(&record()));
    }
}

#[test]
fn a_usual_filter_needs_no_thread_of_its_own() {
    let filter = "remote.Industry == 'Energy' && (remote.Employees > 100 || has(remote.Account.Name)) && !remote.Deleted \
                  && remote.OwnerId == me.id && remote.Stage in ['Open', 'Won']";
    assert!(!Expression::compile(filter).unwrap().deep);
}

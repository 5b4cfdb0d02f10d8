use syncline_core::batch::ValueKind;
use uuid::Uuid;

use super::*;

fn write(verb: Verb, fields: &[(&str, &str)]) -> Write {
    let fields = fields
        .iter()
        .map(|(path, value)| ((*path).to_owned(), syncline_core::Value::text(*value)))
        .collect();
    Write {
        operation: Uuid::nil(),
        verb,
        fields,
    }
}

fn create(email: &str) -> Write {
    write(Verb::Create { marker: None }, &[("email", email)])
}

fn update(id: &str, fields: &[(&str, &str)]) -> Write {
    write(
        Verb::Update {
            id: id.into(),
            expected_stamp: None,
        },
        fields,
    )
}

fn push(writes: Vec<Write>) -> Push {
    let projection = Projection::new([("email", ValueKind::Text), ("lastname", ValueKind::Text)]);
    Push {
        object: "contacts".into(),
        projection,
        writes,
    }
}

fn group(push: &Push, call: Call) -> Group {
    Group {
        call,
        writes: (0..push.writes.len()).collect(),
        alone: false,
    }
}

fn kinds(push: &Push, call: Call, body: &str) -> (Vec<OutcomeKind>, Vec<Outcome>, Batch) {
    let mut batch = Batch::new(2);
    let outcomes = outcomes(
        push,
        &group(push, call),
        body.as_bytes(),
        Timestamp::UNIX_EPOCH,
        &mut batch,
    );
    (
        outcomes.iter().map(|outcome| outcome.kind.clone()).collect(),
        outcomes,
        batch,
    )
}

#[test]
fn shuffled_results_reach_their_writes_by_trace_and_failures_by_theirs() {
    let push = push(vec![create("a@x"), create("b@x"), create("c@x")]);
    let (kinds, outcomes, batch) = kinds(
        &push,
        Call::Create,
        r#"{"status":"COMPLETE","results":[
            {"id":"3","properties":{"email":"c@x","lastname":null},"updatedAt":"2026-11-20T10:00:00.123Z","objectWriteTraceId":"2"},
            {"id":"1","properties":{"email":"a@x"},"objectWriteTraceId":"0"}],
          "numErrors":1,"errors":[{"status":"error","category":"CONFLICT","message":"Contact already exists. Existing ID: 77",
            "context":{"objectWriteTraceId":["1"],"existingId":["77"]}}]}"#,
    );
    assert_eq!(
        kinds,
        [
            OutcomeKind::Applied { created: true },
            OutcomeKind::Duplicate { existing: "77".into() },
            OutcomeKind::Applied { created: true },
        ]
    );
    assert_eq!(
        (outcomes[0].id.as_deref(), outcomes[2].id.as_deref()),
        (Some("1"), Some("3"))
    );
    assert_eq!((outcomes[0].row, outcomes[2].row), (Some(0), Some(1)));
    let part = batch.get(0).unwrap();
    assert_eq!(
        (
            part.id(),
            part.value(0).unwrap(),
            part.value(1).unwrap(),
            part.is_complete()
        ),
        ("1", Some("a@x".into()), None, false)
    );
    let row = batch.get(1).unwrap();
    assert_eq!(
        (row.id(), row.value(0).unwrap(), row.value(1).unwrap()),
        ("3", Some("c@x".into()), Some(syncline_core::Value::Null))
    );
    assert_eq!(outcomes[2].stamp, row.stamp());
}

#[test]
fn without_traces_creates_are_told_apart_by_content() {
    let push = push(vec![create("a@x"), create("B@x")]);
    let (_, outcomes, _) = kinds(
        &push,
        Call::Create,
        r#"{"results":[{"id":"2","properties":{"email":"b@x"}},{"id":"1","properties":{"email":"a@x"}}]}"#,
    );
    assert_eq!(
        outcomes.iter().map(|o| o.id.as_deref()).collect::<Vec<_>>(),
        [Some("1"), Some("2")]
    );
}

#[test]
fn an_upsert_is_found_by_its_key_and_says_whether_it_made_the_record() {
    let marker = |value: &str| {
        write(
            Verb::Create {
                marker: Some(("key".into(), value.into())),
            },
            &[],
        )
    };
    let push = push(vec![marker("k1"), marker("k2")]);
    let (kinds, ..) = kinds(
        &push,
        Call::Upsert { property: "key".into() },
        r#"{"results":[{"id":"2","properties":{"key":"k2"},"new":false},{"id":"1","properties":{"key":"k1"},"new":true}]}"#,
    );
    assert_eq!(
        kinds,
        [
            OutcomeKind::Applied { created: true },
            OutcomeKind::Applied { created: false }
        ]
    );
}

#[test]
fn a_missing_record_is_gone_and_a_silent_one_unknown() {
    let push = push(vec![update("1", &[]), update("2", &[]), update("3", &[])]);
    let (kinds, ..) = kinds(
        &push,
        Call::Update,
        r#"{"results":[{"id":"1","properties":{}}],"errors":[{"category":"OBJECT_NOT_FOUND","message":"m","context":{"ids":["2"]}}]}"#,
    );
    assert_eq!(
        kinds,
        [
            OutcomeKind::Applied { created: false },
            OutcomeKind::Gone,
            OutcomeKind::Unknown
        ]
    );
}

#[test]
fn a_broken_success_is_unknown_and_an_empty_archive_is_done() {
    let cut = push(vec![create("a@x")]);
    assert_eq!(
        kinds(&cut, Call::Create, r#"{"results":[{"id"#).0,
        [OutcomeKind::Unknown]
    );
    let delete = push(vec![write(Verb::Delete { id: "9".into() }, &[])]);
    let (kinds, outcomes, _) = kinds(&delete, Call::Archive, "");
    assert_eq!(
        (kinds, outcomes[0].id.as_deref()),
        (vec![OutcomeKind::Applied { created: false }], Some("9"))
    );
}

fn narrowed(push: &Push, body: &str) -> Narrowed {
    narrow(
        push,
        &group(push, Call::Update),
        &Problem::read(body.as_bytes()),
        Timestamp::UNIX_EPOCH,
    )
}

#[test]
fn a_property_that_does_not_exist_refuses_its_carriers_at_once() {
    let push = push(vec![
        update("1", &[("foo", "x")]),
        update("2", &[("email", "x")]),
        update("3", &[("foo", "y")]),
    ]);
    let narrowed = narrowed(
        &push,
        r#"{"category":"VALIDATION_ERROR","errors":[{"message":"no","code":"PROPERTY_DOESNT_EXIST","context":{"propertyName":["foo"]}}]}"#,
    );
    let rejected = OutcomeKind::Rejected {
        fields: vec!["foo".into()],
    };
    assert_eq!(
        narrowed
            .outcomes
            .iter()
            .map(|o| (o.index, o.kind.clone()))
            .collect::<Vec<_>>(),
        [(0, rejected.clone()), (2, rejected)]
    );
    assert_eq!(
        narrowed.groups.iter().map(|g| g.writes.clone()).collect::<Vec<_>>(),
        [[1]]
    );
}

#[test]
fn a_bad_value_separates_its_carriers_and_then_halves() {
    let body = r#"{"category":"VALIDATION_ERROR","errors":[{"message":"no","code":"INVALID_OPTION","context":{"propertyName":["stage"]}}]}"#;
    let mixed = push(vec![update("1", &[("stage", "x")]), update("2", &[("email", "x")])]);
    assert_eq!(
        narrowed(&mixed, body)
            .groups
            .iter()
            .map(|g| g.writes.clone())
            .collect::<Vec<_>>(),
        [[1], [0]]
    );
    let all = push((0..5).map(|id| update(&id.to_string(), &[("stage", "x")])).collect());
    assert_eq!(
        narrowed(&all, body)
            .groups
            .iter()
            .map(|g| g.writes.clone())
            .collect::<Vec<_>>(),
        [vec![0, 1], vec![2, 3, 4]]
    );
    let one = push(vec![update("1", &[("stage", "x")])]);
    assert_eq!(
        narrowed(&one, body).outcomes[0].kind,
        OutcomeKind::Rejected {
            fields: vec!["stage".into()]
        }
    );
}

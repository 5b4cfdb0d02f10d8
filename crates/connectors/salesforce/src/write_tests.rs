use syncline_core::Value;
use syncline_core::batch::Projection;

use super::*;
use crate::testing::{ScriptedIo, api};

fn update(number: usize) -> Write {
    let id = format!("001{number:012}AAA");
    Write {
        operation: uuid::Uuid::nil(),
        verb: Verb::Update {
            id,
            expected_stamp: None,
        },
        fields: vec![("Name".into(), Value::text(format!("n\"{number}")))],
    }
}

fn create(number: usize, marker: bool) -> Write {
    let marker = marker.then(|| ("Ext__c".to_owned(), format!("key-{number}")));
    let mut fields = vec![("Name".to_owned(), Value::text("x"))];
    fields.extend(marker.iter().map(|(field, value)| (field.clone(), Value::text(value))));
    Write {
        operation: uuid::Uuid::nil(),
        verb: Verb::Create { marker },
        fields,
    }
}

fn delete(number: usize) -> Write {
    Write {
        operation: uuid::Uuid::nil(),
        verb: Verb::Delete {
            id: format!("001{number:012}AAA"),
        },
        fields: Vec::new(),
    }
}

/// A task whose calls go one by one.
fn open(writes: Vec<Write>) -> PushTask {
    let mut task = open_for("Contact", writes);
    task.remaining.alone = true;
    task
}

fn open_for(object: &str, writes: Vec<Write>) -> PushTask {
    PushTask::new(
        api(),
        Push {
            object: object.into(),
            projection: Projection::default(),
            writes,
        },
        None,
    )
    .unwrap()
}

fn rows(results: impl IntoIterator<Item = Result<usize, &'static str>>) -> String {
    let rows = results.into_iter().map(|result| match result {
        Ok(number) => format!(r#"{{"id":"001{number:012}AAA","success":true,"errors":[]}}"#),
        Err(code) => format!(r#"{{"success":false,"errors":[{{"statusCode":"{code}","message":"m","fields":[]}}]}}"#),
    });
    format!("[{}]", rows.collect::<Vec<_>>().join(","))
}

async fn run(task: &mut PushTask, io: &ScriptedIo) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for _ in 0..100 {
        let mut batch = Batch::new(0);
        let progress = task.step(io, Budget::default(), &mut batch).await.unwrap();
        outcomes.append(&mut batch.outcomes);
        if let Progress::Done { .. } = progress {
            outcomes.sort_by_key(|outcome| outcome.index);
            return outcomes;
        }
    }
    panic!("a push that does not end")
}

#[tokio::test]
async fn writes_are_grouped_into_the_largest_calls_and_answered_one_by_one() {
    let io = ScriptedIo::new();
    let mut writes: Vec<_> = (0..250).map(update).collect();
    writes.extend([create(1, true), create(2, false), delete(7), delete(8)]);
    io.answer(
        200,
        r#"[{"id":"001000000000901AAA","success":true,"created":true,"errors":[]}]"#,
    );
    io.answer(200, &rows([Ok(902)]));
    io.answer(
        200,
        &rows((0..200).map(|n| if n == 3 { Err("UNABLE_TO_LOCK_ROW") } else { Ok(n) })),
    );
    io.answer(200, &rows((200..250).map(Ok)));
    io.answer(200, &rows([Ok(7), Err("ENTITY_IS_DELETED")]));
    let outcomes = run(&mut open(writes), &io).await;
    assert_eq!(
        outcomes.iter().map(|outcome| outcome.index).collect::<Vec<_>>(),
        (0..254).collect::<Vec<_>>()
    );
    assert_eq!(outcomes[3].kind, OutcomeKind::NotApplied { not_before: None });
    assert_eq!(outcomes[249].id.as_deref(), Some("001000000000249AAA"));
    assert_eq!(outcomes[250].kind, OutcomeKind::Applied { created: true });
    assert_eq!(outcomes[251].kind, OutcomeKind::Applied { created: true });
    assert_eq!(
        (&outcomes[252].kind, &outcomes[253].kind),
        (&OutcomeKind::Applied { created: false }, &OutcomeKind::Gone)
    );

    let requests = io.requests();
    let asked: Vec<_> = requests
        .iter()
        .map(|r| (r.method, r.effect, r.url.split("/v66.0/").nth(1).unwrap()))
        .collect();
    assert_eq!(
        asked[0],
        (Method::Patch, Effect::Idempotent, "composite/sobjects/Contact/Ext__c")
    );
    assert_eq!(asked[1], (Method::Post, Effect::Once, "composite/sobjects"));
    assert_eq!(asked[2], (Method::Patch, Effect::Idempotent, "composite/sobjects"));
    assert_eq!(
        asked[4],
        (
            Method::Delete,
            Effect::Idempotent,
            "composite/sobjects?ids=001000000000007AAA,001000000000008AAA&allOrNone=false"
        )
    );
    assert_eq!(
        io.body(0),
        serde_json::json!({"allOrNone": false, "records":
            [{"attributes": {"type": "Contact"}, "Ext__c": "key-1", "Name": "x"}]})
    );
    assert_eq!(
        io.body(2)["records"][1],
        serde_json::json!({"attributes": {"type": "Contact"}, "id": "001000000000001AAA", "Name": "n\"1"})
    );
    // Salesforce wants the type before anything else.
    assert!(
        requests[2]
            .body
            .starts_with(br#"{"allOrNone":false,"records":[{"attributes":"#)
    );
    for (name, value) in [
        ("sforce-call-options", "client=syncline"),
        ("sforce-auto-assign", "FALSE"),
        ("sforce-duplicate-rule-header", "allowSave=true"),
    ] {
        assert!(
            requests
                .iter()
                .all(|request| request.headers.contains(&(name.into(), value.into()))),
            "{name}"
        );
    }
}

#[tokio::test]
async fn one_update_with_a_stamp_is_conditional_and_a_changed_record_is_a_conflict() {
    let mut write = update(1);
    write.verb = Verb::Update {
        id: "001000000000001".into(),
        expected_stamp: Some("2026-11-20T09:00:00Z".parse().unwrap()),
    };
    for (status, body, expected) in [
        (204, "", OutcomeKind::Applied { created: false }),
        (
            412,
            r#"[{"errorCode":"PRECONDITION_FAILED","message":"m"}]"#,
            OutcomeKind::Conflict,
        ),
        (
            404,
            r#"[{"errorCode":"ENTITY_IS_DELETED","message":"entity is deleted","fields":[]}]"#,
            OutcomeKind::Gone,
        ),
        (404, r#"[{"errorCode":"NOT_FOUND","message":"m"}]"#, OutcomeKind::Gone),
        (
            400,
            r#"[{"errorCode":"UNABLE_TO_LOCK_ROW","message":"m"}]"#,
            OutcomeKind::NotApplied { not_before: None },
        ),
        (
            400,
            r#"[{"errorCode":"STRING_TOO_LONG","message":"m","fields":["Name"]}]"#,
            OutcomeKind::Rejected {
                fields: vec!["Name".into()],
            },
        ),
        (500, "", OutcomeKind::Unknown),
    ] {
        let io = ScriptedIo::new();
        io.answer(status, body);
        let outcomes = run(&mut open(vec![write.clone()]), &io).await;
        assert_eq!(outcomes.len(), 1);
        assert_eq!(outcomes[0].kind, expected, "{status}");
        assert_eq!(outcomes[0].id.as_deref(), Some("001000000000001AAA"));
        let request = &io.requests()[0];
        assert!(request.url.ends_with("/sobjects/Contact/001000000000001AAA"));
        assert!(
            request
                .headers
                .contains(&("if-unmodified-since".into(), "Fri, 20 Nov 2026 09:00:00 GMT".into()))
        );
        assert_eq!(io.body(0), serde_json::json!({"Name": "n\"1"}));
    }
}

#[tokio::test]
async fn what_the_whole_call_came_to_is_the_outcome_of_each_write() {
    let limit = r#"[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]"#;
    for (status, body, expected) in [
        (403, limit, OutcomeKind::NotApplied { not_before: None }),
        (
            503,
            r#"[{"errorCode":"SERVER_UNAVAILABLE","message":"busy"}]"#,
            OutcomeKind::NotApplied { not_before: None },
        ),
        (503, "<html>", OutcomeKind::Unknown),
        (200, r#"[{"id":"001000000000001AAA","succ"#, OutcomeKind::Unknown),
        (200, "[]", OutcomeKind::Unknown),
        (
            400,
            r#"[{"errorCode":"INVALID_TYPE","message":"m"}]"#,
            OutcomeKind::Rejected { fields: Vec::new() },
        ),
        (
            404,
            r#"[{"errorCode":"NOT_FOUND","message":"m"}]"#,
            OutcomeKind::Rejected { fields: Vec::new() },
        ),
    ] {
        let io = ScriptedIo::new();
        io.answer(status, body);
        let outcomes = run(&mut open(vec![update(1), update(2)]), &io).await;
        assert_eq!(outcomes.len(), 2, "{status} {body}");
        assert!(
            outcomes.iter().all(|outcome| outcome.kind == expected),
            "{status} {body}: {outcomes:?}"
        );
        assert_eq!(io.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_nothing_is_sent_again() {
    let io = ScriptedIo::new();
    io.fail(Error::new(ErrorKind::Unavailable, "the connection broke").retry_as(Retry::UnknownOutcome));
    let outcomes = run(&mut open(vec![create(1, false), create(2, false)]), &io).await;
    assert!(outcomes.iter().all(|outcome| outcome.kind == OutcomeKind::Unknown));
    assert_eq!(io.requests().len(), 1);
}

#[tokio::test]
async fn before_anything_was_sent_a_failure_is_an_error_and_the_step_can_be_repeated() {
    let io = ScriptedIo::new();
    io.fail(Error::new(ErrorKind::Unavailable, "no route to host"));
    let mut task = open(vec![
        update(1),
        Write {
            fields: vec![("Owner.Name".into(), Value::Null)],
            ..update(2)
        },
    ]);
    let error = task.step(&io, Budget::default(), &mut Batch::new(0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    io.answer(200, &rows([Ok(1)]));
    let outcomes = run(&mut task, &io).await;
    assert_eq!(outcomes[0].kind, OutcomeKind::Applied { created: false });
    assert_eq!(
        outcomes[1].kind,
        OutcomeKind::Rejected {
            fields: vec!["Owner.Name".into()]
        }
    );
}

#[tokio::test]
async fn later_a_failure_that_sent_nothing_is_not_applied() {
    let io = ScriptedIo::new();
    io.answer(200, &rows((0..200).map(Ok)));
    io.fail(Error::new(ErrorKind::Unavailable, "no route to host"));
    let outcomes = run(&mut open((0..201).map(update).collect()), &io).await;
    assert_eq!(outcomes[200].kind, OutcomeKind::NotApplied { not_before: None });
}

#[tokio::test]
async fn a_record_that_spoils_the_whole_call_is_found_and_the_others_are_written() {
    let io = ScriptedIo::new();
    let refusal = r#"[{"errorCode":"JSON_PARSER_ERROR","message":"Cannot deserialize instance of date"}]"#;
    io.answer(400, refusal);
    io.answer(200, &rows([Ok(0), Ok(1)]));
    io.answer(400, refusal);
    io.answer(400, refusal);
    io.answer(200, &rows([Ok(3)]));
    let outcomes = run(&mut open((0..4).map(update).collect()), &io).await;
    let applied: Vec<_> = outcomes
        .iter()
        .map(|o| matches!(o.kind, OutcomeKind::Applied { .. }))
        .collect();
    assert_eq!(applied, [true, true, false, true]);
    assert_eq!(io.requests().len(), 5);
}

#[tokio::test]
async fn what_can_never_be_written_is_refused_without_asking() {
    let io = ScriptedIo::new();
    let with = |field: &str, value| Write {
        fields: vec![(field.to_owned(), value)],
        ..update(1)
    };
    let bad_id = Write {
        verb: Verb::Delete { id: "1,2".into() },
        ..delete(1)
    };
    let writes = vec![
        with("Account.Name", Value::Null),
        with("Id", Value::text("x")),
        with("X\":1", Value::Null),
        bad_id,
        with("N__c", Value::Float(f64::INFINITY)),
    ];
    let outcomes = run(&mut open(writes), &io).await;
    assert_eq!(outcomes.len(), 5);
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome.kind, OutcomeKind::Rejected { .. }))
    );
    assert!(io.requests().is_empty());
}

#[tokio::test]
async fn a_new_task_goes_on_behind_the_calls_that_were_answered() {
    let io = ScriptedIo::new();
    let push = Push {
        object: "Account".into(),
        projection: Projection::default(),
        writes: (0..401).map(update).collect(),
    };
    let mut task = PushTask::new(api(), push.clone(), None).unwrap();
    io.answer(200, &rows((0..200).map(Ok)));
    let budget = Budget { rows: 200, calls: 9 };
    let Progress::More { checkpoint, .. } = task.step(&io, budget, &mut Batch::new(0)).await.unwrap() else {
        panic!()
    };
    let mut task = PushTask::new(api(), push, checkpoint).unwrap();
    io.answer(200, &rows((200..400).map(Ok)));
    io.answer(200, &rows([Ok(400)]));
    let outcomes = run(&mut task, &io).await;
    assert_eq!(
        outcomes.iter().map(|outcome| outcome.index).collect::<Vec<_>>(),
        (200..401).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_missing_key_field_is_named() {
    let io = ScriptedIo::new();
    let text = "Provided external ID field does not exist or is not accessible: Ext__c";
    io.answer(404, &format!(r#"[{{"errorCode":"NOT_FOUND","message":"{text}"}}]"#));
    let outcomes = run(&mut open(vec![create(1, true), create(2, true)]), &io).await;
    assert_eq!(
        outcomes[0].kind,
        OutcomeKind::Rejected {
            fields: vec!["Ext__c".into()]
        }
    );
    assert!(outcomes[1].message.as_deref().unwrap().contains(text));
}

/// A composite answer of parts with their statuses.
fn composite(parts: &[(u16, String)]) -> String {
    let parts = parts.iter().enumerate().map(|(place, (status, body))| {
        format!(r#"{{"body":{body},"httpHeaders":{{}},"httpStatusCode":{status},"referenceId":"part{place}"}}"#)
    });
    format!(r#"{{"compositeResponse":[{}]}}"#, parts.collect::<Vec<_>>().join(","))
}

#[tokio::test]
async fn up_to_five_calls_go_in_one_and_each_write_keeps_its_own_outcome() {
    let io = ScriptedIo::new();
    let all = |from: usize| rows((from..from + 200).map(Ok));
    let mut parts: Vec<_> = (0..4).map(|part| (200, all(part * 200))).collect();
    parts.push((
        500,
        r#"[{"errorCode":"UNKNOWN_EXCEPTION","message":"gack"}]"#.to_owned(),
    ));
    io.answer(200, &composite(&parts));
    io.answer(200, &rows([Ok(1_000), Err("STRING_TOO_LONG")]));
    let mut task = open_for("Account", (0..1_002).map(|number| create(number, false)).collect());
    let mut batch = Batch::new(0);
    let progress = task.step(&io, Budget::default(), &mut batch).await.unwrap();
    assert!(matches!(progress, Progress::Done { .. }));
    assert_eq!(
        io.requests().len(),
        2,
        "1,000 creates are one call, and two are another"
    );
    assert!(io.requests()[0].url.ends_with("/composite"));
    assert_eq!(io.requests()[0].effect, Effect::Once);
    let of = |index: usize| batch.outcomes[index].kind.clone();
    assert_eq!(of(0), OutcomeKind::Applied { created: true });
    assert_eq!(of(799), OutcomeKind::Applied { created: true });
    assert_eq!(of(800), OutcomeKind::Unknown, "of that part nothing is known");
    assert_eq!(of(999), OutcomeKind::Unknown);
    assert!(matches!(of(1_001), OutcomeKind::Rejected { .. }));
}

#[tokio::test]
async fn where_several_calls_in_one_are_refused_they_go_one_by_one() {
    let io = ScriptedIo::new();
    io.answer(400, r#"[{"errorCode":"LIMIT_EXCEEDED","message":"m"}]"#);
    let mut task = open_for("Account", (0..400).map(|number| create(number, true)).collect());
    let mut batch = Batch::new(0);
    let progress = task.step(&io, Budget::default(), &mut batch).await.unwrap();
    assert!(matches!(progress, Progress::More { .. }) && batch.outcomes.is_empty());
    io.answer(200, &rows((0..200).map(Ok)));
    io.answer(200, &rows((200..400).map(Ok)));
    let progress = task.step(&io, Budget::default(), &mut batch).await.unwrap();
    assert!(matches!(progress, Progress::Done { .. }));
    assert_eq!(batch.outcomes.len(), 400);
    assert_eq!(io.requests().len(), 3);
}

#[tokio::test]
async fn a_lost_answer_to_several_calls_leaves_each_of_their_writes_unknown() {
    let io = ScriptedIo::new();
    io.fail(Error::new(ErrorKind::Unavailable, "broke").retry_as(Retry::UnknownOutcome));
    let mut batch = Batch::new(0);
    let writes = (0..300).map(|number| create(number, false)).collect();
    open_for("Account", writes)
        .step(&io, Budget::default(), &mut batch)
        .await
        .unwrap();
    assert_eq!(batch.outcomes.len(), 300);
    assert!(
        batch
            .outcomes
            .iter()
            .all(|outcome| outcome.kind == OutcomeKind::Unknown)
    );
}

fn guarded() -> PushTask {
    let mut write = update(1);
    write.verb = Verb::Update {
        id: "001000000000001".into(),
        expected_stamp: Some("2026-11-20T09:00:00Z".parse().unwrap()),
    };
    open_for("Account", vec![write])
}

#[tokio::test]
async fn one_update_of_an_account_is_bound_to_its_entity_tag() {
    let io = ScriptedIo::new();
    let seen = r#"{"Id":"001000000000001AAA","SystemModstamp":"2026-11-20T09:00:00.000+0000"}"#;
    io.answer_with(200, &[("etag", "\"abc=-gzip\"")], seen);
    io.answer(412, r#"[{"errorCode":"PRECONDITION_FAILED","message":"m"}]"#);
    let mut batch = Batch::new(0);
    guarded().step(&io, Budget::default(), &mut batch).await.unwrap();
    assert_eq!(batch.outcomes[0].kind, OutcomeKind::Conflict);
    let headers = &io.requests()[1].headers;
    assert!(headers.contains(&("if-match".into(), "\"abc=-gzip\"".into())));
    assert!(headers.iter().all(|(name, _)| name != "if-unmodified-since"));
}

#[tokio::test]
async fn an_account_that_changed_since_it_was_read_is_not_written() {
    let io = ScriptedIo::new();
    let seen = r#"{"Id":"001000000000001AAA","SystemModstamp":"2026-11-20T09:00:01.000+0000"}"#;
    io.answer_with(200, &[("etag", "\"abc\"")], seen);
    let mut batch = Batch::new(0);
    let progress = guarded().step(&io, Budget::default(), &mut batch).await.unwrap();
    assert!(matches!(progress, Progress::Done { .. }));
    assert_eq!(batch.outcomes[0].kind, OutcomeKind::Conflict);
    assert_eq!(io.requests().len(), 1);
}

#[tokio::test]
async fn an_account_without_an_entity_tag_is_guarded_by_its_time_of_change() {
    let io = ScriptedIo::new();
    io.answer(404, r#"[{"errorCode":"NOT_FOUND","message":"m"}]"#);
    io.answer(204, "");
    let mut batch = Batch::new(0);
    guarded().step(&io, Budget::default(), &mut batch).await.unwrap();
    assert_eq!(batch.outcomes[0].kind, OutcomeKind::Applied { created: false });
    assert!(
        io.requests()[1]
            .headers
            .iter()
            .any(|(name, _)| name == "if-unmodified-since")
    );
}

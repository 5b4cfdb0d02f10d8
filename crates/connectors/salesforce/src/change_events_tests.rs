use serde_json::json;
use syncline_core::job::FeedObject;

use super::*;
use crate::testing::{ScriptedIo, api};

fn hint(object: &str, id: Option<&str>) -> Hint {
    Hint {
        object: object.into(),
        id: id.map(str::to_owned),
    }
}

fn task(cursor: Option<Bytes>) -> FeedTask {
    let config = Config {
        settings: [(CHANGE_EVENTS_SETTING.to_owned(), "on".to_owned())].into(),
        user_id: Some("005000000000001".into()),
        ..Config::default()
    };
    let object = |object: &str| FeedObject {
        object: object.into(),
        fields: Vec::new(),
    };
    let feed = Feed {
        cursor,
        objects: vec![object("Contact"), object("Deal__c")],
    };
    FeedTask::open(api(), &config, feed, None).unwrap()
}

fn greet(io: &ScriptedIo) {
    io.answer_with(
        200,
        &[
            ("set-cookie", "BAYEUX_BROWSER=b1;Path=/cometd/;Secure"),
            ("set-cookie", "sticky=s1; Path=/"),
        ],
        r#"[{"ext":{"replay":true},"minimumVersion":"1.0","clientId":"c1","channel":"/meta/handshake","id":"1","successful":true}]"#,
    );
    io.answer(
        200,
        r#"[{"clientId":"c1","channel":"/meta/subscribe","subscription":"/data/ContactChangeEvent","successful":true},
            {"clientId":"c1","channel":"/meta/subscribe","subscription":"/data/Deal__ChangeEvent","successful":false,
             "error":"404::The channel you requested to subscribe to does not exist"}]"#,
    );
}

fn event(replay: i64, kind: &str, ids: &[&str], origin: &str) -> Json {
    json!({
        "channel": "/data/ContactChangeEvent",
        "data": { "schema": "s", "event": { "replayId": replay }, "payload": {
            "LastName": "Q",
            "ChangeEventHeader": {
                "entityName": "Contact", "recordIds": ids, "changeType": kind, "changeOrigin": origin,
                "commitNumber": 1_790_000_000_000_000_001_u64, "commitUser": "005000000000001AAA",
                "changedFields": ["Name.LastName"], "nulledFields": [], "diffFields": [],
            },
        } },
    })
}

fn connected(events: &[Json]) -> String {
    let mut messages = events.to_vec();
    messages.push(json!({ "clientId": "c1", "channel": "/meta/connect", "id": "1", "successful": true }));
    Json::from(messages).to_string()
}

const ONE: &str = "003000000000001AAA";
const TWO: &str = "003000000000002AAA";

#[tokio::test]
async fn events_hint_at_their_records_and_what_names_none_at_all_of_the_object() {
    let io = ScriptedIo::new();
    greet(&io);
    io.answer(
        200,
        &connected(&[
            event(7, "UPDATE", &[ONE, TWO], ""),
            event(8, "GAP_UPDATE", &[ONE], ""),
            event(9, "UPDATE", &[TWO], "com/salesforce/api/rest/66.0;client=syncline"),
        ]),
    );
    io.answer(
        200,
        &connected(&[event(10, "GAP_OVERFLOW", &["000000000000000AAA"], "")]),
    );
    io.answer(200, &connected(&[event(12, "UPDATE", &["003*"], "")]));
    io.answer(200, &connected(&[]));
    let mut batch = Batch::new(0);
    let progress = task(None).step(&io, Budget::default(), &mut batch).await.unwrap();
    assert!(matches!(progress, Progress::Done { .. }));
    assert_eq!(
        batch.hints,
        [
            hint("Contact", None),
            hint("Deal__c", None),
            hint("Contact", Some(ONE)),
            hint("Contact", Some(TWO)),
            hint("Contact", Some(ONE)),
        ],
        "nothing is hinted at twice as a whole, and our own write not at all"
    );
    let connect = &io.requests()[2];
    assert!(connect.url.ends_with("/cometd/66.0"), "{}", connect.url);
    let cookie = connect.headers.iter().find(|(name, _)| name == "cookie");
    assert_eq!(cookie.unwrap().1, "BAYEUX_BROWSER=b1; sticky=s1");
    assert_eq!(io.body(2)[0]["advice"]["timeout"], 0);
}

#[tokio::test]
async fn a_session_is_kept_and_a_forgotten_one_goes_on_from_the_last_event() {
    let io = ScriptedIo::new();
    greet(&io);
    io.answer(200, &connected(&[event(7, "UPDATE", &[ONE], "")]));
    io.answer(200, &connected(&[]));
    let mut batch = Batch::new(0);
    let Progress::Done { cursor } = task(None).step(&io, Budget::default(), &mut batch).await.unwrap() else {
        panic!("everything was told")
    };
    io.answer(200, &connected(&[]));
    batch.clear();
    let mut next = task(Some(cursor));
    let Progress::Done { cursor } = next.step(&io, Budget::default(), &mut batch).await.unwrap() else {
        panic!("nothing was told")
    };
    assert_eq!((io.requests().len(), batch.hints.len()), (5, 0), "one request, no hint");

    io.answer(
        200,
        r#"[{"advice":{"interval":0,"reconnect":"handshake"},"channel":"/meta/connect","error":"403::Unknown client","successful":false}]"#,
    );
    greet(&io);
    io.answer(200, &connected(&[]));
    task(Some(cursor))
        .step(&io, Budget::default(), &mut batch)
        .await
        .unwrap();
    let subscribe = io.body(7);
    assert_eq!(subscribe[0]["ext"]["replay"]["/data/ContactChangeEvent"], 7);
    assert_eq!(subscribe[1]["ext"]["replay"]["/data/Deal__ChangeEvent"], -1);
    assert_eq!(
        batch.hints,
        [hint("Deal__c", None)],
        "only that has no place to go on from"
    );
}

#[tokio::test]
async fn an_event_that_is_no_longer_kept_turns_into_a_hint_at_everything() {
    let io = ScriptedIo::new();
    greet(&io);
    io.answer(200, &connected(&[event(7, "UPDATE", &[ONE], "")]));
    io.answer(200, &connected(&[]));
    let mut batch = Batch::new(0);
    let Progress::Done { cursor } = task(None).step(&io, Budget::default(), &mut batch).await.unwrap() else {
        panic!("everything was told")
    };
    io.answer(
        200,
        r#"[{"advice":{"reconnect":"handshake"},"channel":"/meta/connect","error":"403::Unknown client","successful":false}]"#,
    );
    io.answer(
        200,
        r#"[{"clientId":"c2","channel":"/meta/handshake","successful":true}]"#,
    );
    io.answer(
        200,
        r#"[{"channel":"/meta/subscribe","subscription":"/data/ContactChangeEvent","successful":false,
             "error":"400::The replayId {7} you provided was invalid.  Please provide a valid ID, -2 to replay all events, or -1 to replay only new events."},
            {"channel":"/meta/subscribe","subscription":"/data/Deal__ChangeEvent","successful":true}]"#,
    );
    io.answer(
        200,
        r#"[{"channel":"/meta/subscribe","subscription":"/data/ContactChangeEvent","successful":true}]"#,
    );
    io.answer(200, &connected(&[]));
    batch.clear();
    task(Some(cursor))
        .step(&io, Budget::default(), &mut batch)
        .await
        .unwrap();
    assert_eq!(batch.hints, [hint("Deal__c", None), hint("Contact", None)]);
    assert_eq!(io.body(7)[0]["ext"]["replay"]["/data/ContactChangeEvent"], -1);
}

#[tokio::test]
async fn what_was_told_in_an_answer_that_was_lost_is_asked_for_again() {
    let io = ScriptedIo::new();
    greet(&io);
    io.fail(Error::new(ErrorKind::Unavailable, "the connection broke").retry_as(Retry::UnknownOutcome));
    let mut batch = Batch::new(0);
    let progress = task(None).step(&io, Budget::default(), &mut batch).await.unwrap();
    let Progress::More { checkpoint, .. } = progress else {
        panic!("it is not done")
    };
    let position: Position = serde_json::from_slice(&checkpoint.unwrap()).unwrap();
    assert!(
        position.session.is_none(),
        "another session begins where the last event was"
    );
}

#[test]
fn a_connection_without_the_setting_has_no_feed() {
    let feed = Feed {
        cursor: None,
        objects: Vec::new(),
    };
    let error = FeedTask::open(api(), &Config::default(), feed, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

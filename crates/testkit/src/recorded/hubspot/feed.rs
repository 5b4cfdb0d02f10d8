//! What HubSpot tells by itself: webhooks and the journal.

use bytes::Bytes;
use serde_json::{Value as Json, json};
use syncline_core::ErrorKind;
use syncline_core::batch::Batch;
use syncline_core::connector::RawRequest;
use syncline_core::io::Config;
use syncline_core::job::{Budget, Feed, FeedObject, Job};

use super::Fits;
use crate::connector::Remote;
use crate::connector::simulated::SimulatedHubSpot;
use crate::recorded::replay::Replay;
use crate::recorded::{Findings, Recording};

pub(super) async fn webhook(recording: &Recording) -> Findings {
    let remote = SimulatedHubSpot::fresh(0);
    let events = recording.request["body"].as_array().cloned().unwrap_or_default();
    let mut findings = Findings::of(format!("webhook of {} events", events.len()));
    let request = RawRequest {
        method: "POST".into(),
        url: "https://app.example/hooks".into(),
        headers: [
            (
                "x-hubspot-request-timestamp".to_owned(),
                remote.now().as_millisecond().to_string(),
            ),
            ("x-hubspot-signature-v3".to_owned(), "c2lnbmVk".to_owned()),
        ]
        .into(),
        body: recording.request["body"].to_string().into(),
    };
    let io = Replay::new(&remote, Vec::new());
    match remote.connector().webhook(&io, &remote.config(), &request).await {
        Err(error) => findings
            .wrong
            .push(format!("{error:?} {:?}", ErrorKind::Forbidden == error.kind())),
        Ok(hints) => {
            for event in &events {
                let id = event["objectId"].to_string();
                let named = hints
                    .iter()
                    .any(|hint| hint.id.as_deref() == Some(id.trim_matches('"')));
                findings.check(named || event.get("objectId").is_none(), || {
                    format!("the event of {id} is lost")
                });
            }
        }
    }
    findings
}

/// Where a recorded entry lies; the connector chose the address before, and asks it without a token.
const SIGNED: &str = "https://signed.hubspot.com/entry";

/// A feed of contacts that goes on from an entry, with these answers of the journal.
async fn feed(
    recording: &Recording,
    answers: Vec<(Fits, syncline_core::io::Response)>,
) -> (Vec<String>, Batch, Option<String>) {
    let remote = SimulatedHubSpot::fresh(0);
    let mut all = answers;
    let mut none = recording.response();
    (none.head.status, none.body) = (200, Bytes::from_static(br#"{"results":[]}"#));
    all.push((|request| request.url.contains("/subscriptions/"), none));
    let io = Replay::new(&remote, all);
    let mut config: Config = remote.config();
    config.settings.insert("journal".into(), "on".into());
    let cursor = json!({"portal": "4242", "offset": "019a0000-0000-7000-8000-000000000000", "read_at": remote.now()});
    let job = Job::Feed(Feed {
        cursor: Some(cursor.to_string().into()),
        objects: vec![FeedObject {
            object: "contacts".into(),
            fields: vec!["email".into()],
        }],
    });
    let mut batch = Batch::new(0);
    let mut task = remote.connector().open(&config, job, None).expect("a feed");
    let failed = task.step(&io, Budget::default(), &mut batch).await.err();
    let asked = io
        .asked
        .lock()
        .unwrap()
        .iter()
        .map(|request| request.url.clone())
        .collect();
    (asked, batch, failed.map(|error| format!("{error:?}")))
}

/// An answer of the journal: where entries lie, an entry, or that there is nothing new.
pub(super) async fn journal(recording: &Recording) -> Findings {
    let body = &recording.body;
    let told = |body: Json| {
        let mut response = recording.response();
        (response.head.status, response.body) = (200, body.to_string().into());
        response
    };
    if let Some(events) = body["journalEvents"].as_array() {
        let mut findings = Findings::of(format!("an entry of the journal with {} events", events.len()));
        let answers: Vec<(Fits, _)> = vec![
            (
                |request| request.url.contains("/journal-local/"),
                told(json!({"results": [{"url": SIGNED, "currentOffset": "019a0000-0000-7000-8000-000000000001"}]})),
            ),
            (|request| request.url == SIGNED, recording.response()),
        ];
        let (_, batch, failed) = feed(recording, answers).await;
        findings.wrong.extend(failed);
        for event in events {
            let Some(id) = event.get("objectId") else { continue };
            let id = id.to_string();
            let named = batch
                .hints
                .iter()
                .any(|hint| hint.id.as_deref() == Some(id.trim_matches('"')));
            findings.check(named, || format!("the event of {id} is lost"));
        }
        return findings;
    }
    let addresses: Vec<&Json> = match body["results"].as_array() {
        Some(results) => results.iter().collect(),
        None if body.get("url").is_some() => vec![body],
        None => Vec::new(),
    };
    let mut findings = Findings::of(format!("{} entries of the journal", addresses.len()));
    let mut response = recording.response();
    if body.get("url").is_some() {
        // One entry is told without a list; the connector asks for as many as there are.
        response.body = json!({"results": [body]}).to_string().into();
    }
    let entry = told(json!({"journalEvents": []}));
    let answers: Vec<(Fits, _)> = vec![
        (|request| request.url.contains("/journal-local/"), response),
        (|request| request.auth == syncline_core::io::Auth::None, entry),
    ];
    let (asked, _, failed) = feed(recording, answers).await;
    findings.wrong.extend(failed);
    for address in addresses {
        let url = address["url"].as_str().unwrap_or_default();
        findings.check(asked.iter().any(|asked| asked == url), || {
            format!("the entry at {url} is not read")
        });
    }
    findings
}

/// What the app is subscribed to.
pub(super) async fn subscriptions(recording: &Recording) -> Findings {
    let mut findings = Findings::of("subscriptions of the journal");
    let answers: Vec<(Fits, _)> = vec![
        (
            |request| request.url.contains("/subscriptions/") && request.body.is_empty(),
            recording.response(),
        ),
        (|request| request.url.contains("/journal-local/"), {
            let mut none = recording.response();
            (none.head.status, none.body) = (204, Bytes::new());
            none
        }),
    ];
    if recording.body["results"].is_array() {
        let (_, _, failed) = feed(recording, answers).await;
        findings.wrong.extend(failed);
    }
    findings
}

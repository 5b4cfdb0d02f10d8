use std::time::Duration;

use syncline_core::mapping::{FuzzyPart, FuzzyRole, MatchKey};
use syncline_core::plan::ReviewReason;
use syncline_core::store::{Document, DocumentKind, DocumentQuery, Mode};
use syncline_engine::run::RunParameters;
use syncline_engine::sync::NewSync;

use crate::play::{HUBSPOT, Play, SALESFORCE};

/// Another process of another machine holds the turn to match.
async fn held_elsewhere(play: &Play, blueprint: u32, seconds: i64) {
    let mut tx = play.stage.store.begin(Mode::Write).await.unwrap();
    let query = DocumentQuery::new(DocumentKind::Lease).key(format!("match:{}:{blueprint}", play.stage.tenant));
    for lease in tx.documents(&query).await.unwrap() {
        tx.delete_document(DocumentKind::Lease, lease.id).await.unwrap();
    }
    let expires = play.stage.engine.now() + jiff::SignedDuration::from_secs(seconds);
    let lease = Document {
        kind: DocumentKind::Lease,
        id: 0,
        tenant: 0,
        scope: 0,
        key: Some(format!("match:{}:{blueprint}", play.stage.tenant)),
        status: "held".to_owned(),
        at: expires,
        version: 0,
        body: serde_json::json!({ "owner": "elsewhere:1", "epoch": 7, "expires": expires }),
    };
    tx.put_document(&lease).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn while_another_process_matches_new_people_this_one_waits_for_its_turn() {
    let play = Play::empty().await;
    for number in 0..3 {
        play.create(SALESFORCE, &format!("p{number}@x.org"), &[]);
        play.create(HUBSPOT, &format!("p{number}@x.org"), &[]);
    }
    play.run(SALESFORCE).await;
    let blueprint = play.person("p0@x.org").await.entity.blueprint;
    held_elsewhere(&play, blueprint, 3).await;
    let run = play.stage.sync(HUBSPOT, RunParameters::default());
    let mut run = std::pin::pin!(run);
    let early = tokio::time::timeout(Duration::from_secs(1), run.as_mut()).await;
    assert!(early.is_err(), "it waits");
    assert_eq!(play.people().await.len(), 3, "and nobody was made twice meanwhile");
    let late = tokio::time::timeout(Duration::from_secs(20), run).await;
    assert!(
        late.unwrap().unwrap().error.is_none(),
        "until the other's lease has run out"
    );
    assert_eq!(play.people().await.len(), 3);
    play.settle().await;
    play.is_quiet().await;
}

#[tokio::test]
async fn a_run_with_nothing_to_match_waits_for_nobody() {
    let play = Play::empty().await;
    play.create(SALESFORCE, "a@x.org", &[]);
    play.settle().await;
    let blueprint = play.person("a@x.org").await.entity.blueprint;
    held_elsewhere(&play, blueprint, 60).await;
    tokio::time::timeout(Duration::from_secs(5), play.settle())
        .await
        .unwrap();
}

/// What the runs said of matching people.
async fn matched(play: &Play, provider: &str) -> Vec<String> {
    let closely = RunParameters {
        debug: true,
        ..RunParameters::default()
    };
    let run = play.stage.sync(provider, closely).await.unwrap();
    assert!(run.balances() && run.error.is_none(), "{run:?}");
    let said = run.timeline.into_iter().map(|moment| moment.what);
    said.filter(|what| what.starts_with("matching of") && what.contains("contacts"))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_later_arrival_is_compared_with_those_who_share_a_key_and_nobody_else() {
    let play = Play::empty().await;
    for number in 0..30 {
        play.create(SALESFORCE, &format!("p{number}@x.org"), &[]);
    }
    play.settle().await;
    play.later().await;
    for number in 0..20 {
        play.app_create(&format!("q{number}@x.org"), &[]).await;
    }
    play.create(HUBSPOT, "q7@x.org", &[("city", "Bern")]);
    play.create(HUBSPOT, "new@x.org", &[]);
    let said = matched(&play, HUBSPOT).await;
    assert!(said[0].ends_with("2 new ones with 1 that may be the same"), "{said:?}");
    play.settle().await;
    assert_eq!(play.people().await.len(), 51);
    assert_eq!(play.app("q7@x.org", "city").await, "Bern");
    play.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_later_arrival_that_is_much_like_somebody_who_is_linked_is_asked_about() {
    let fuzzy = |_: &str, sync: &mut NewSync| {
        let part = |field: &str| FuzzyPart {
            field: field.to_owned(),
            weight: 1.0,
            role: FuzzyRole::Evidence,
            swapped_with: Vec::new(),
        };
        sync.mapping.match_keys = vec![MatchKey::Fuzzy {
            parts: ["first_name", "last_name", "city", "phone"].map(part).to_vec(),
            link: 0.9,
            review: 0.7,
        }];
    };
    let play = Play::mapped(fuzzy).await;
    let ada = [
        ("first_name", "Augusta"),
        ("last_name", "Lovelace"),
        ("city", "London"),
        ("phone", "+44 20 7946 0018"),
    ];
    let grace = [("first_name", "Grace"), ("last_name", "Hopper"), ("city", "Arlington")];
    play.create(SALESFORCE, "ada@x.org", &ada);
    play.settle().await;
    play.later().await;
    let mut again = ada;
    again[1].1 = "Lovelase";
    play.create(SALESFORCE, "again@x.org", &again);
    play.create(SALESFORCE, "grace@x.org", &grace);
    play.settle().await;
    assert_eq!(
        play.people().await.len(),
        2,
        "nobody is made twice, and who is like nobody is made"
    );
    let asked = play.conflicts().await;
    assert_eq!(asked.len(), 1, "{asked:#?}");
    assert_eq!(asked[0].reason, ReviewReason::AmbiguousMatch);
}

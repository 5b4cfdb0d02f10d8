use std::time::Duration;

use syncline_core::store::{Document, DocumentKind, DocumentQuery, Mode};
use syncline_engine::run::RunParameters;

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

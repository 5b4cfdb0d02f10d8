use std::sync::Arc;

use syncline_core::mapping::{Direction, Strategy};
use syncline_core::store::{AuditBlock, DocumentKind, DocumentQuery, EntityQuery, Mode};
use syncline_engine::run::{RunParameters, RunStatus};
use syncline_simulators::Options;
use syncline_storage::MemoryStore;

use crate::play::{HUBSPOT, Play, SALESFORCE};

#[tokio::test(start_paused = true)]
async fn a_limited_run_moves_no_cursor_and_creates_nothing_that_may_be_there() {
    let play = Play::empty().await;
    for number in 0..4 {
        play.create(SALESFORCE, &format!("p{number}@x.org"), &[]);
        play.app_create(&format!("p{number}@x.org"), &[("city", "Bern")]).await;
    }
    let some = RunParameters {
        max_records: Some(1),
        ..RunParameters::default()
    };
    play.stage.sync(SALESFORCE, some).await.unwrap();
    assert_eq!(play.count(SALESFORCE), 4, "the others may be there already");
    let none = RunParameters {
        since: Some(jiff::Timestamp::from_second(4_000_000_000).unwrap()),
        ..Default::default()
    };
    play.stage.sync(SALESFORCE, none).await.unwrap();
    assert_eq!(play.count(SALESFORCE), 4);
    play.settle().await;
    assert_eq!(
        (play.people().await.len(), play.count(SALESFORCE), play.count(HUBSPOT)),
        (4, 4, 4)
    );
    play.is_quiet().await;
    // Nor later on: what a limited run did not read is read by the next.
    play.later().await;
    for person in play.people().await {
        play.edit(SALESFORCE, &play.ext(&person, SALESFORCE), "title", "Admiral");
    }
    let some = RunParameters {
        max_records: Some(1),
        ..RunParameters::default()
    };
    play.stage.sync(SALESFORCE, some).await.unwrap();
    play.settle().await;
    for number in 0..4 {
        assert_eq!(play.app(&format!("p{number}@x.org"), "title").await, "Admiral");
    }
}

#[derive(Debug, PartialEq)]
struct Stored {
    people: Vec<syncline_core::state::Linked>,
    audit: Vec<AuditBlock>,
    documents: Vec<(DocumentKind, u64, u64)>,
}

/// Everything that a run could change but for the run itself and its connection's times.
async fn stored(play: &Play) -> Stored {
    let mut tx = play.stage.store.begin(Mode::Read).await.unwrap();
    let mut people = Vec::new();
    for blueprint in 1..=2 {
        let query = EntityQuery {
            tenant: play.stage.tenant,
            blueprint,
            after: 0,
            deleted: None,
            limit: 1_000,
        };
        let ids: Vec<i64> = tx
            .entities(&query)
            .await
            .unwrap()
            .iter()
            .map(|entity| entity.id)
            .collect();
        people.extend(tx.load(&ids).await.unwrap());
    }
    let audit = tx.audit(play.stage.tenant, None, 0, 10_000).await.unwrap();
    let mut documents = Vec::new();
    for kind in [
        DocumentKind::Review,
        DocumentKind::Failure,
        DocumentKind::Cursor,
        DocumentKind::Sync,
    ] {
        let found = tx.documents(&DocumentQuery::new(kind)).await.unwrap();
        documents.extend(found.into_iter().map(|document| (kind, document.id, document.version)));
    }
    Stored {
        people,
        audit,
        documents,
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_writes_nothing_at_all_and_says_what_it_would() {
    let options = Options {
        records: 6,
        overlap: 0.5,
        ..Options::default()
    };
    let play = Play::over(Arc::new(MemoryStore::new()), options, |_, _| {}).await;
    play.app_create("zz@x.org", &[]).await;
    for round in 0..2 {
        for provider in [SALESFORCE, HUBSPOT] {
            for full in [false, true] {
                let (before, writes) = (stored(&play).await, play.writes());
                let dry = RunParameters {
                    dry_run: true,
                    full,
                    ..RunParameters::default()
                };
                let run = play.stage.sync(provider, dry).await.unwrap();
                assert!(
                    matches!(run.status, RunStatus::Completed | RunStatus::Partial),
                    "{:?}",
                    run.error
                );
                assert!(run.planned > 0, "{round} {provider} {:?}", run.ledgers);
                assert_eq!(play.writes(), writes);
                assert!(stored(&play).await == before, "round {round}, {provider}, full {full}");
            }
        }
        play.settle().await;
        play.later().await;
        for person in play.people().await {
            play.edit(SALESFORCE, &play.ext(&person, SALESFORCE), "title", "Admiral");
            play.edit(HUBSPOT, &play.ext(&person, HUBSPOT), "city", "Genf");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_in_one_direction_forgets_nothing_of_the_other() {
    for strategy in [Strategy::LastWriteWins, Strategy::AppWins, Strategy::ManualReview] {
        let play = Play::mapped(|_, sync| sync.mapping.strategy = strategy).await;
        let ext = play.create(SALESFORCE, "a@x.org", &[("city", "Bern"), ("title", "Captain")]);
        play.settle().await;
        play.later().await;
        // An edit in Salesforce is still an edit after a run that only wrote.
        play.edit(SALESFORCE, &ext, "city", "Genf");
        play.app_edit("a@x.org", "title", "Admiral").await;
        let push = RunParameters {
            direction: Some(Direction::Push),
            ..RunParameters::default()
        };
        play.stage.sync(SALESFORCE, push).await.unwrap();
        assert_eq!(play.held(SALESFORCE, &ext, "city"), "Genf", "{strategy:?}");
        assert_eq!(play.held(SALESFORCE, &ext, "title"), "Admiral", "{strategy:?}");
        play.settle().await;
        assert_eq!(play.app("a@x.org", "city").await, "Genf", "{strategy:?}");
        // An edit in the app is still a rival after a run that only read.
        play.app_edit("a@x.org", "city", "Basel").await;
        let pull = RunParameters {
            direction: Some(Direction::Pull),
            ..RunParameters::default()
        };
        play.later().await;
        play.edit(SALESFORCE, &ext, "phone", "+41 44 668 18 00");
        play.stage.sync(SALESFORCE, pull).await.unwrap();
        play.later().await;
        play.edit(SALESFORCE, &ext, "city", "Chur");
        play.settle().await;
        match strategy {
            Strategy::AppWins => assert_eq!(play.app("a@x.org", "city").await, "Basel"),
            Strategy::ManualReview => assert_eq!(play.conflicts().await.len(), 1),
            _ => assert_eq!(play.app("a@x.org", "city").await, "Chur"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_before_a_full_run_is_not_forgotten() {
    let play = Play::empty().await;
    let ext = play.create(SALESFORCE, "a@x.org", &[]);
    play.create(SALESFORCE, "b@x.org", &[]);
    play.settle().await;
    play.later().await;
    let hubspot = play.ext(&play.person("b@x.org").await, HUBSPOT);
    play.delete(SALESFORCE, &ext);
    play.delete(HUBSPOT, &hubspot);
    for provider in [SALESFORCE, HUBSPOT] {
        let full = RunParameters {
            full: true,
            ..RunParameters::default()
        };
        play.stage.sync(provider, full).await.unwrap();
    }
    play.settle().await;
    assert!(!play.presence(&play.person("a@x.org").await, SALESFORCE).is_live());
    assert!(!play.presence(&play.person("b@x.org").await, HUBSPOT).is_live());
}

use syncline_core::audit::{AuditKind, open_block};
use syncline_core::mapping::{Direction, Strategy};
use syncline_core::store::Mode;
use syncline_engine::run::RunParameters;

use crate::play::{HUBSPOT, Play, SALESFORCE};

async fn losers(play: &Play, run: u64) -> Vec<String> {
    let mut tx = play.stage.store.begin(Mode::Read).await.unwrap();
    let blocks = tx.audit(play.stage.tenant, Some(run), 0, 1_000).await.unwrap();
    let entries = blocks.iter().flat_map(|block| open_block(block).unwrap());
    entries
        .filter(|entry| !matches!(entry.kind, AuditKind::Intended | AuditKind::Confirmed))
        .flat_map(|entry| entry.before)
        .map(|value| value.to_string())
        .collect()
}

/// The CRM and the app have edited the same field since they agreed.
async fn rivals(strategy: Strategy) -> (Play, String) {
    let play = Play::mapped(|_, sync| sync.mapping.strategy = strategy).await;
    let ext = play.create(SALESFORCE, "a@x.org", &[("city", "Bern"), ("title", "Captain")]);
    play.settle().await;
    play.later().await;
    play.edit(SALESFORCE, &ext, "city", "Genf");
    play.later().await;
    play.app_edit("a@x.org", "city", "Basel").await;
    (play, ext)
}

fn forced(direction: Option<Direction>) -> RunParameters {
    RunParameters {
        force: true,
        direction,
        ..RunParameters::default()
    }
}

#[tokio::test]
async fn with_force_the_crm_wins_whatever_the_policy_says_and_the_loser_is_in_the_audit() {
    for strategy in [Strategy::AppWins, Strategy::LastWriteWins, Strategy::ManualReview] {
        let (play, ext) = rivals(strategy).await;
        let run = play.stage.sync(SALESFORCE, forced(None)).await.unwrap();
        assert!(run.error.is_none(), "{:?}", run.error);
        assert_eq!(play.app("a@x.org", "city").await, "Genf", "{strategy:?}");
        assert_eq!(play.held(SALESFORCE, &ext, "city"), "Genf");
        assert!(
            losers(&play, run.id).await.contains(&"Basel".to_owned()),
            "{strategy:?}"
        );
        assert!(play.conflicts().await.is_empty());
        play.settle().await;
        assert_eq!(play.crm(HUBSPOT, "a@x.org", "city").await, "Genf");
        play.is_quiet().await;
    }
}

#[tokio::test]
async fn with_force_towards_the_crm_the_app_wins_and_the_guard_still_reads_first() {
    let (play, ext) = rivals(Strategy::CrmWins).await;
    let run = play
        .stage
        .sync(SALESFORCE, forced(Some(Direction::Push)))
        .await
        .unwrap();
    assert!(run.error.is_none(), "{:?}", run.error);
    assert_eq!(play.app("a@x.org", "city").await, "Basel");
    play.stage
        .sync(SALESFORCE, forced(Some(Direction::Push)))
        .await
        .unwrap();
    assert_eq!(play.held(SALESFORCE, &ext, "city"), "Basel");
}

#[tokio::test]
async fn since_reads_what_changed_since_and_leaves_the_cursor_where_it_was() {
    let play = Play::empty().await;
    let old = play.create(SALESFORCE, "old@x.org", &[("city", "Bern")]);
    let young = play.create(SALESFORCE, "young@x.org", &[("city", "Bern")]);
    play.settle().await;
    play.later().await;
    play.edit(SALESFORCE, &old, "city", "Genf");
    play.later().await;
    play.later().await;
    let since = play.stage.engine.now();
    play.later().await;
    play.edit(SALESFORCE, &young, "city", "Chur");
    let parameters = RunParameters {
        since: Some(since),
        ..RunParameters::default()
    };
    let run = play.stage.sync(SALESFORCE, parameters).await.unwrap();
    assert!(run.error.is_none(), "{:?}", run.error);
    assert_eq!(play.app("young@x.org", "city").await, "Chur");
    assert_eq!(play.app("old@x.org", "city").await, "Bern", "older than asked for");
    assert_eq!(play.people().await.len(), 2, "who was not read is not deleted");
    play.run(SALESFORCE).await;
    assert_eq!(play.app("old@x.org", "city").await, "Genf", "nor skipped for ever");
}

#[tokio::test]
async fn a_limit_skips_nobody_and_deletes_nobody() {
    let play = Play::empty().await;
    let mut exts = Vec::new();
    for number in 0..5 {
        exts.push(play.create(SALESFORCE, &format!("p{number}@x.org"), &[("city", "Bern")]));
    }
    play.settle().await;
    play.later().await;
    for ext in &exts {
        play.edit(SALESFORCE, ext, "city", "Genf");
    }
    play.delete(SALESFORCE, &exts[4]);
    let two = RunParameters {
        max_records: Some(2),
        ..RunParameters::default()
    };
    for full in [false, true] {
        let run = play
            .stage
            .sync(SALESFORCE, RunParameters { full, ..two.clone() })
            .await
            .unwrap();
        assert!(run.error.is_none(), "{:?}", run.error);
        assert!(
            run.ledgers
                .values()
                .all(|by| by.get("pull").is_none_or(|pull| pull.read <= 2)),
            "{:?}",
            run.ledgers
        );
        assert_eq!(run.total("pull").deleted, 0);
    }
    assert_eq!(play.people().await.len(), 5);
    play.run(SALESFORCE).await;
    for number in 0..4 {
        assert_eq!(play.app(&format!("p{number}@x.org"), "city").await, "Genf");
    }
}

#[tokio::test]
async fn the_size_of_a_page_changes_nothing_but_the_number_of_requests() {
    let play = Play::empty().await;
    for number in 0..450 {
        play.create(SALESFORCE, &format!("p{number}@x.org"), &[]);
    }
    let parameters = RunParameters {
        batch_size: Some(200),
        ..RunParameters::default()
    };
    let run = play.stage.sync(SALESFORCE, parameters).await.unwrap();
    assert_eq!(run.total("pull").created, 450, "{:?} {:?}", run.error, run.ledgers);
    assert_eq!(play.people().await.len(), 450);
}

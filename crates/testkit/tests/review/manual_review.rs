use syncline_core::mapping::Strategy;
use syncline_engine::audit::AuditPosition;
use syncline_engine::conflict::{FieldChoice, Resolution};
use syncline_engine::event::{Event, EventKind};
use syncline_engine::run::RollbackRelease;
use syncline_engine::sync::SyncStatus;

use crate::play::{HUBSPOT, Play, SALESFORCE};

async fn in_conflict() -> Play {
    let play = Play::mapped(|_, sync| sync.mapping.strategy = Strategy::ManualReview).await;
    play.create(SALESFORCE, "a@x.org", &[("city", "Bern"), ("title", "Captain")]);
    play.settle().await;
    let person = play.person("a@x.org").await;
    play.edit(SALESFORCE, &play.ext(&person, SALESFORCE), "city", "Genf");
    play.app_edit("a@x.org", "city", "Basel").await;
    play.settle().await;
    play
}

#[tokio::test(start_paused = true)]
async fn a_conflict_freezes_its_field_and_nothing_else() {
    let play = in_conflict().await;
    let open = play.conflicts().await;
    assert_eq!(open.len(), 1, "{open:#?}");
    assert_eq!(open[0].fields, ["city"]);
    assert_eq!(play.crm(SALESFORCE, "a@x.org", "city").await, "Genf");
    assert_eq!(play.app("a@x.org", "city").await, "Basel");
    assert_eq!(
        play.crm(HUBSPOT, "a@x.org", "city").await,
        "Bern",
        "nothing is written to any side"
    );
    play.app_edit("a@x.org", "title", "Admiral").await;
    play.settle().await;
    for provider in [SALESFORCE, HUBSPOT] {
        assert_eq!(
            play.crm(provider, "a@x.org", "title").await,
            "Admiral",
            "other fields flow"
        );
    }
    assert_eq!(play.conflicts().await.len(), 1, "still one item");
}

#[tokio::test(start_paused = true)]
async fn a_resolved_conflict_reaches_every_side() {
    let play = in_conflict().await;
    let open = play.conflicts().await.remove(0);
    let choice = Resolution::Fields([("city".to_owned(), FieldChoice::Crm)].into());
    let (conflicts, actor) = (play.stage.engine.conflicts(), &play.stage.actor);
    conflicts
        .resolve(play.stage.tenant, open.id, open.version, &choice, actor)
        .await
        .unwrap();
    play.settle().await;
    assert_eq!(play.app("a@x.org", "city").await, "Genf");
    play.is_quiet().await;
    // What was decided by a person is no rival of a later lone edit.
    let person = play.person("a@x.org").await;
    play.edit(HUBSPOT, &play.ext(&person, HUBSPOT), "city", "Chur");
    play.settle().await;
    assert!(play.conflicts().await.is_empty());
    assert_eq!(play.crm(SALESFORCE, "a@x.org", "city").await, "Chur");
}

#[tokio::test(start_paused = true)]
async fn a_conflict_closes_itself_when_the_sides_become_equal() {
    let play = in_conflict().await;
    let person = play.person("a@x.org").await;
    play.edit(SALESFORCE, &play.ext(&person, SALESFORCE), "city", "Basel");
    play.settle().await;
    assert!(play.conflicts().await.is_empty());
    play.is_quiet().await;
    assert_eq!(play.crm(HUBSPOT, "a@x.org", "city").await, "Basel");
}

#[tokio::test(start_paused = true)]
async fn a_conflict_closes_itself_when_the_app_takes_the_crms_value() {
    let play = in_conflict().await;
    play.app_edit("a@x.org", "city", "Genf").await;
    play.settle().await;
    assert!(play.conflicts().await.is_empty());
    play.is_quiet().await;
    assert_eq!(play.crm(HUBSPOT, "a@x.org", "city").await, "Genf");
}

#[tokio::test(start_paused = true)]
async fn agreeing_on_first_link_makes_nobody_a_rival() {
    for (strategy, provider) in [
        (Strategy::ManualReview, SALESFORCE),
        (Strategy::ManualReview, HUBSPOT),
        (Strategy::CrmWins, SALESFORCE),
        (Strategy::CrmWins, HUBSPOT),
        (Strategy::AppWins, SALESFORCE),
        (Strategy::AppWins, HUBSPOT),
    ] {
        for first in [SALESFORCE, HUBSPOT] {
            let play = Play::mapped(|_, sync| sync.mapping.strategy = strategy).await;
            play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
            play.create(HUBSPOT, "a@x.org", &[("city", "Bern")]);
            play.run(first).await;
            play.settle().await;
            let person = play.person("a@x.org").await;
            play.edit(provider, &play.ext(&person, provider), "city", "Genf");
            play.settle().await;
            assert!(play.conflicts().await.is_empty(), "{strategy:?} {provider} {first}");
            assert_eq!(
                play.app("a@x.org", "city").await,
                "Genf",
                "{strategy:?} {provider} {first}"
            );
            play.is_quiet().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_conflict_that_nobody_decides_is_decided_as_the_mapping_says_and_not_before() {
    for (rule, kept) in [("2 days => crm_wins", "Genf"), ("2 days => app_wins", "Basel")] {
        let play = Play::mapped(|_, sync| {
            sync.mapping.strategy = Strategy::ManualReview;
            sync.mapping.overdue_conflicts = Some(rule.parse().unwrap());
        })
        .await;
        play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
        play.settle().await;
        let person = play.person("a@x.org").await;
        play.edit(SALESFORCE, &play.ext(&person, SALESFORCE), "city", "Genf");
        play.app_edit("a@x.org", "city", "Basel").await;
        play.settle().await;
        let open = play.conflicts().await.remove(0);
        play.stage.clock.advance(47 * 3_600);
        play.settle().await;
        assert_eq!(play.conflicts().await.len(), 1, "{rule}: a person has two days");
        play.stage.clock.advance(2 * 3_600);
        play.settle().await;
        assert!(play.conflicts().await.is_empty());
        assert_eq!(play.app("a@x.org", "city").await, kept, "{rule}");
        play.is_quiet().await;
        let (conflicts, actor) = (play.stage.engine.conflicts(), &play.stage.actor);
        let ended = conflicts.get(play.stage.tenant, open.id, actor).await.unwrap();
        assert_eq!(ended.resolved_by.unwrap(), format!("nobody decided, so {rule}"));
        let audit = play.stage.engine.audit();
        let entries = audit
            .list(play.stage.tenant, None, AuditPosition::default(), 1_000, actor)
            .await
            .unwrap();
        assert!(
            entries
                .iter()
                .any(|record| record.note.contains(&format!("nobody decided, so {rule}"))),
            "audited"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_sync_that_asks_more_than_it_may_is_paused_and_says_so() {
    let play = Play::mapped(|_, sync| {
        sync.mapping.strategy = Strategy::ManualReview;
        sync.mapping.pause_above_conflicts = Some(1);
    })
    .await;
    let people = ["a@x.org", "b@x.org"];
    for email in people {
        play.create(SALESFORCE, email, &[("city", "Bern")]);
    }
    play.settle().await;
    let quarrel = async |email: &str| {
        let person = play.person(email).await;
        play.edit(SALESFORCE, &play.ext(&person, SALESFORCE), "city", "Genf");
        play.app_edit(email, "city", "Basel").await;
        play.run(SALESFORCE).await;
        let (syncs, actor) = (play.stage.engine.syncs(), &play.stage.actor);
        syncs.get(play.people_sync(SALESFORCE).id, actor).await.unwrap()
    };
    assert_eq!(quarrel(people[0]).await.status, SyncStatus::Active, "one it may have");
    let paused = quarrel(people[1]).await;
    assert_eq!(paused.status, SyncStatus::Paused);
    let reason = paused.paused_because.unwrap();
    assert!(
        reason.starts_with("2 conflicts wait for a person, and it may have 1"),
        "{reason}"
    );
    let events = play
        .stage
        .engine
        .events(play.stage.tenant, 0, 1_000, &play.stage.actor)
        .await
        .unwrap();
    let told = |event: &Event| matches!(&event.kind, EventKind::ConnectionNeedsAttention { message, .. } if message.contains(&reason));
    assert_eq!(events.iter().filter(|event| told(event)).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_no_rollback_has_nothing_to_release_and_its_conflicts_stay_open() {
    let play = in_conflict().await;
    let open = play.conflicts().await.remove(0);
    for release in [RollbackRelease::AcceptSourceNext, RollbackRelease::Everywhere] {
        let runs = play.stage.engine.runs();
        let error = runs.release_rollback(open.run, release, &play.stage.actor).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("is no rollback"), "{error}");
    }
    let still = play.conflicts().await;
    assert_eq!((still.len(), still[0].version), (1, open.version), "{still:#?}");
}

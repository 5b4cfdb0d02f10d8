use syncline_core::mapping::{DeleteConflictPolicy, DeletePolicy, Strategy};
use syncline_core::plan::ReviewReason;
use syncline_core::state::Presence;
use syncline_core::store::Mode;
use syncline_engine::conflict::Resolution;
use syncline_engine::run::{RunParameters, RunStatus};

use crate::play::{HUBSPOT, Play, SALESFORCE};

async fn linked_everywhere(play: &Play, count: usize) {
    for number in 0..count {
        play.create(SALESFORCE, &format!("p{number}@x.org"), &[("city", "Bern")]);
    }
    play.settle().await;
    assert_eq!((play.count(SALESFORCE), play.count(HUBSPOT)), (count, count));
}

#[tokio::test(start_paused = true)]
async fn a_delete_in_a_crm_cuts_that_link_only_and_nothing_is_created_there_again() {
    for provider in [SALESFORCE, HUBSPOT] {
        let other = if provider == SALESFORCE { HUBSPOT } else { SALESFORCE };
        let play = Play::empty().await;
        linked_everywhere(&play, 2).await;
        let ext = play.ext(&play.person("p0@x.org").await, provider);
        play.delete(provider, &ext);
        play.settle().await;
        let person = play.person("p0@x.org").await;
        assert!(!play.presence(&person, provider).is_live());
        assert_eq!((play.count(provider), play.count(other)), (1, 2));
        // An edit later on does not bring it back either.
        play.later().await;
        play.app_edit("p0@x.org", "city", "Genf").await;
        play.edit(other, &play.ext(&person, other), "title", "Admiral");
        play.settle().await;
        assert_eq!((play.count(provider), play.count(other)), (1, 2), "{provider}");
        assert_eq!(play.crm(other, "p0@x.org", "city").await, "Genf");
        assert_eq!(play.app("p0@x.org", "title").await, "Admiral");
        play.is_quiet().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_propagates_by_policy_and_a_mass_of_them_waits_for_a_person() {
    let play = Play::mapped(|_, sync| {
        sync.mapping.on_crm_delete = DeletePolicy::Delete;
        sync.mapping.on_app_delete = DeletePolicy::Delete;
    })
    .await;
    linked_everywhere(&play, 60).await;
    let ext = play.ext(&play.person("p0@x.org").await, SALESFORCE);
    play.delete(SALESFORCE, &ext);
    play.settle().await;
    assert_eq!((play.people().await.len(), play.count(HUBSPOT)), (59, 59));

    for person in play.people().await.iter().take(55) {
        play.delete(SALESFORCE, &play.ext(person, SALESFORCE));
    }
    let run = play.stage.sync(SALESFORCE, RunParameters::default()).await.unwrap();
    assert_eq!(run.status, RunStatus::Stopped, "{:?}", run.error);
    play.run(HUBSPOT).await;
    assert_eq!(play.people().await.len(), 59, "nothing of the mass was taken in");
    assert_eq!(play.count(HUBSPOT), 59);
    for provider in [SALESFORCE, HUBSPOT] {
        let released = RunParameters {
            release_brake: true,
            ..RunParameters::default()
        };
        let run = play.stage.sync(provider, released).await.unwrap();
        assert_eq!(run.status, RunStatus::Completed, "{:?}", run.error);
    }
    assert_eq!((play.people().await.len(), play.count(HUBSPOT)), (4, 4));
    play.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn an_app_delete_cuts_the_links_by_default_and_a_mass_of_them_waits_for_a_person() {
    let play = Play::empty().await;
    linked_everywhere(&play, 60).await;
    play.app_delete("p0@x.org").await;
    play.settle().await;
    assert_eq!(
        (play.count(SALESFORCE), play.count(HUBSPOT)),
        (60, 60),
        "both CRMs keep theirs"
    );
    assert_eq!(play.people().await.len(), 59, "and it does not come back");
    for number in 1..56 {
        play.app_delete(&format!("p{number}@x.org")).await;
    }
    let run = play.stage.sync(SALESFORCE, RunParameters::default()).await.unwrap();
    assert_eq!(run.status, RunStatus::Stopped, "{:?}", run.ledgers);
}

#[tokio::test(start_paused = true)]
async fn a_crm_edit_that_comes_after_a_delete_in_the_app_is_not_deleted_with_the_record() {
    let play = Play::mapped(|_, sync| {
        sync.mapping.on_app_delete = DeletePolicy::Delete;
        sync.mapping.on_delete_conflict = DeleteConflictPolicy::Strategy;
    })
    .await;
    linked_everywhere(&play, 2).await;
    let ext = play.ext(&play.person("p0@x.org").await, SALESFORCE);
    play.app_delete("p0@x.org").await;
    play.later().await;
    play.edit(SALESFORCE, &ext, "city", "Genf");
    play.settle().await;
    assert_eq!(
        play.app("p0@x.org", "city").await,
        "Genf",
        "the later edit wins over the delete"
    );
    assert_eq!(play.held(SALESFORCE, &ext, "city"), "Genf");
    assert_eq!((play.count(SALESFORCE), play.count(HUBSPOT)), (2, 2));
    play.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_delete_in_the_app_that_meets_a_crm_edit_is_asked_about() {
    let play = Play::mapped(|_, sync| sync.mapping.on_app_delete = DeletePolicy::Delete).await;
    linked_everywhere(&play, 2).await;
    let ext = play.ext(&play.person("p0@x.org").await, SALESFORCE);
    play.app_delete("p0@x.org").await;
    play.edit(SALESFORCE, &ext, "city", "Genf");
    play.run(SALESFORCE).await;
    assert_eq!(play.count(SALESFORCE), 2, "not over an edit that nobody has seen");
    assert_eq!(play.conflicts().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_record_created_again_after_its_delete_is_asked_about_instead_of_doubled() {
    let play = Play::empty().await;
    linked_everywhere(&play, 1).await;
    let ext = play.ext(&play.person("p0@x.org").await, SALESFORCE);
    play.delete(SALESFORCE, &ext);
    play.settle().await;
    play.create(SALESFORCE, "p0@x.org", &[("city", "Basel")]);
    play.settle().await;
    let person = play.person("p0@x.org").await;
    assert!(
        matches!(play.presence(&person, SALESFORCE), Presence::Deleted(_)),
        "the tombstone is not used again"
    );
    assert_eq!(play.count(HUBSPOT), 1, "and not created a second time in the other CRM");
    assert_eq!(play.conflicts().await.len(), 1);
}

/// Decides the only open question.
async fn decide(play: &Play, resolution: &Resolution) {
    let open = play.conflicts().await;
    assert_eq!(open.len(), 1, "{open:#?}");
    assert_eq!(open[0].reason, ReviewReason::DeleteConflict);
    let (conflicts, actor) = (play.stage.engine.conflicts(), &play.stage.actor);
    conflicts
        .resolve(play.stage.tenant, open[0].id, open[0].version, resolution, actor)
        .await
        .unwrap();
}

/// A record is deleted in a CRM while the app edits it.
async fn deleted_in_a_crm_while_the_app_edits(provider: &str, policy: DeletePolicy) -> (Play, String) {
    let play = Play::mapped(|_, sync| {
        sync.mapping.on_crm_delete = policy;
        sync.mapping.on_app_delete = policy;
    })
    .await;
    linked_everywhere(&play, 2).await;
    let ext = play.ext(&play.person("p0@x.org").await, provider);
    play.app_edit("p0@x.org", "city", "Genf").await;
    play.delete(provider, &ext);
    play.run(provider).await;
    (play, ext)
}

#[tokio::test(start_paused = true)]
async fn a_crm_delete_that_meets_an_edit_is_asked_about_whatever_deletes_do_otherwise() {
    for provider in [SALESFORCE, HUBSPOT] {
        for policy in [DeletePolicy::Unlink, DeletePolicy::Delete] {
            let (play, old) = deleted_in_a_crm_while_the_app_edits(provider, policy).await;
            play.settle().await;
            assert_eq!(play.conflicts().await.len(), 1, "{provider} {policy:?}");
            assert_eq!(
                play.people().await.len(),
                2,
                "nothing is deleted before somebody said so"
            );
            assert_eq!(play.count(provider), 1, "and nothing made again");
            decide(&play, &Resolution::KeepRecord).await;
            play.settle().await;
            assert_eq!(play.crm(provider, "p0@x.org", "city").await, "Genf");
            assert_eq!((play.count(SALESFORCE), play.count(HUBSPOT)), (2, 2));
            let new = play.ext(&play.person("p0@x.org").await, provider);
            assert_ne!(new, old);
            let mut tx = play.stage.store.begin(Mode::Write).await.unwrap();
            let stands_for = tx.resolve_alias(play.side_of(provider), &old).await.unwrap();
            assert_eq!(stands_for, new, "what refers to the old record finds the new one");
            drop(tx);
            play.is_quiet().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_decides_for_the_delete_deletes_the_record_with_its_edits_and_they_are_written_down() {
    let (play, _) = deleted_in_a_crm_while_the_app_edits(SALESFORCE, DeletePolicy::Delete).await;
    decide(&play, &Resolution::DeleteRecord).await;
    play.settle().await;
    assert_eq!((play.count(SALESFORCE), play.count(HUBSPOT)), (1, 1));
    assert_eq!(play.people().await.len(), 1);
    assert!(play.conflicts().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_is_taken_back_asks_no_more() {
    for provider in [SALESFORCE, HUBSPOT] {
        let (play, ext) = deleted_in_a_crm_while_the_app_edits(provider, DeletePolicy::Unlink).await;
        assert_eq!(play.conflicts().await.len(), 1);
        play.later().await;
        play.undelete(provider, &ext);
        play.settle().await;
        assert!(
            play.conflicts().await.is_empty(),
            "{provider}: {:?}",
            play.conflicts().await
        );
        assert_eq!(play.held(provider, &ext, "city"), "Genf");
        play.is_quiet().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_app_delete_while_a_field_is_asked_about_is_asked_about_too() {
    for (resolution, left) in [(Resolution::KeepRecord, 1), (Resolution::DeleteRecord, 0)] {
        let play = Play::mapped(|_, sync| {
            sync.mapping.on_app_delete = DeletePolicy::Delete;
            for rule in &mut sync.mapping.rules {
                rule.strategy = Some(Strategy::ManualReview);
            }
        })
        .await;
        linked_everywhere(&play, 1).await;
        let ext = play.ext(&play.person("p0@x.org").await, SALESFORCE);
        play.edit(SALESFORCE, &ext, "city", "Genf");
        play.app_edit("p0@x.org", "city", "Basel").await;
        play.run(SALESFORCE).await;
        assert_eq!(play.conflicts().await.len(), 1, "the city");
        play.app_delete("p0@x.org").await;
        play.settle().await;
        let open = play.conflicts().await;
        assert_eq!(open.len(), 2, "{open:#?}");
        assert_eq!((play.count(SALESFORCE), play.count(HUBSPOT)), (1, 1));
        let about = open.iter().find(|open| open.group == 0).unwrap();
        let (conflicts, actor) = (play.stage.engine.conflicts(), &play.stage.actor);
        conflicts
            .resolve(play.stage.tenant, about.id, about.version, &resolution, actor)
            .await
            .unwrap();
        play.settle().await;
        assert_eq!(
            (play.count(SALESFORCE), play.count(HUBSPOT)),
            (left, left),
            "{resolution:?}"
        );
        assert_eq!(
            play.conflicts().await.len(),
            left,
            "the city is asked about as long as it is there"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_made_and_deleted_in_the_app_between_two_runs_reaches_no_crm() {
    let play = Play::empty().await;
    play.settle().await;
    let before = play.writes();
    play.app_create("brief@x.org", &[("city", "Bern")]).await;
    play.app_delete("brief@x.org").await;
    play.settle().await;
    assert_eq!(play.writes(), before);
    assert_eq!(
        (play.count(SALESFORCE), play.count(HUBSPOT), play.people().await.len()),
        (0, 0, 0)
    );
}

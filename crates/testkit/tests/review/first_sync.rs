use syncline_core::mapping::Direction;
use syncline_core::plan::ReviewReason;

use crate::play::{HUBSPOT, Play, SALESFORCE};

#[tokio::test(start_paused = true)]
async fn the_same_person_on_all_three_sides_becomes_one() {
    let play = Play::empty().await;
    play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    play.create(HUBSPOT, "a@x.org", &[("title", "Admiral")]);
    play.app_create("a@x.org", &[("phone", "+41 44 668 18 00")]).await;
    play.settle().await;
    assert_eq!(
        (play.people().await.len(), play.count(SALESFORCE), play.count(HUBSPOT)),
        (1, 1, 1)
    );
    assert_eq!(play.app("a@x.org", "city").await, "Bern");
    assert_eq!(play.app("a@x.org", "title").await, "Admiral");
    assert_ne!(play.crm(SALESFORCE, "a@x.org", "phone").await, "");
    play.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn ambiguous_duplicates_are_asked_about_and_nothing_is_created_for_them() {
    let play = Play::empty().await;
    play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    play.create(SALESFORCE, "a@x.org", &[("city", "Genf")]);
    play.app_create("a@x.org", &[]).await;
    play.run(SALESFORCE).await;
    let open = play.conflicts().await;
    assert!(!open.is_empty() && open.iter().all(|review| review.reason == ReviewReason::AmbiguousMatch));
    assert_eq!(play.count(SALESFORCE), 2, "nothing is created");
    assert_eq!(play.people().await.len(), 1, "nor in the app");
    // Not by edits either, on whatever side.
    play.app_edit("a@x.org", "title", "Admiral").await;
    play.settle().await;
    let hubspot = play.ext(&play.person("a@x.org").await, HUBSPOT);
    play.edit(HUBSPOT, &hubspot, "city", "Chur");
    play.settle().await;
    assert_eq!(
        (play.count(SALESFORCE), play.count(HUBSPOT), play.people().await.len()),
        (2, 1, 1)
    );
    assert_eq!(play.app("a@x.org", "city").await, "Chur");
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_that_comes_later_is_asked_about_instead_of_doubled() {
    let play = Play::empty().await;
    play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    play.settle().await;
    play.create(SALESFORCE, "a@x.org", &[("city", "Genf")]);
    play.settle().await;
    assert_eq!(play.people().await.len(), 1);
    assert_eq!(play.count(HUBSPOT), 1);
    let open = play.conflicts().await;
    assert_eq!(open.len(), 1, "{open:#?}");
    assert_eq!(open[0].reason, ReviewReason::AmbiguousMatch);
}

#[tokio::test(start_paused = true)]
async fn a_staged_duplicate_that_is_deleted_meanwhile_never_comes_up() {
    let play = Play::empty().await;
    play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    let second = play.create(SALESFORCE, "a@x.org", &[("city", "Genf")]);
    play.app_create("a@x.org", &[]).await;
    play.run(SALESFORCE).await;
    play.delete(SALESFORCE, &second);
    play.settle().await;
    assert_eq!(
        (play.people().await.len(), play.count(SALESFORCE), play.count(HUBSPOT)),
        (1, 1, 1)
    );
    assert_eq!(
        play.app("a@x.org", "city").await,
        "Bern",
        "the one that is left is clear"
    );
    play.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_sync_that_only_writes_links_what_is_there_instead_of_creating_it_again() {
    let play = Play::mapped(|_, sync| {
        for rule in &mut sync.mapping.rules {
            rule.direction = Direction::Push;
        }
        sync.mapping.create_in_app = false;
    })
    .await;
    play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    play.create(SALESFORCE, "stranger@x.org", &[]);
    play.app_create("a@x.org", &[("city", "Genf")]).await;
    play.app_create("b@x.org", &[]).await;
    play.run(SALESFORCE).await;
    assert_eq!(play.count(SALESFORCE), 3, "only b is created");
    assert_eq!(play.people().await.len(), 2, "and nobody in the app");
    assert_eq!(play.crm(SALESFORCE, "a@x.org", "city").await, "Genf");
    play.settle().await;
    play.is_quiet().await;
}

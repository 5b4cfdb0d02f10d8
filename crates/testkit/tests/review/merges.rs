use syncline_core::plan::ReviewReason;
use syncline_core::state::Presence;

use crate::play::{HUBSPOT, Play, SALESFORCE};

fn merge(play: &Play, provider: &str, winner: &str, loser: &str) -> String {
    let losers = [loser.to_owned()];
    match provider {
        SALESFORCE => play.stage.salesforce.merge("Contact", winner, &losers).unwrap(),
        _ => play.stage.hubspot.merge("contacts", winner, &losers).unwrap(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_merge_of_two_linked_people_is_asked_about_and_loses_nothing() {
    for provider in [SALESFORCE, HUBSPOT] {
        let other = if provider == SALESFORCE { HUBSPOT } else { SALESFORCE };
        let play = Play::empty().await;
        play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
        play.create(SALESFORCE, "b@x.org", &[("city", "Genf"), ("title", "Admiral")]);
        play.settle().await;
        play.app_edit("b@x.org", "phone", "+41 44 668 18 00").await;
        let (a, b) = (play.person("a@x.org").await, play.person("b@x.org").await);
        play.later().await;
        merge(&play, provider, &play.ext(&a, provider), &play.ext(&b, provider));
        play.settle().await;
        let reviews = play.conflicts().await;
        assert_eq!(reviews.len(), 1, "{provider}: {reviews:#?}");
        assert_eq!(reviews[0].reason, ReviewReason::MergeCollision);
        assert_eq!(
            play.people().await.len(),
            2,
            "{provider}: no record of the app is deleted"
        );
        assert_eq!(play.count(other), 2, "{provider}: nor any of the other CRM");
        assert_eq!(play.count(provider), 1, "{provider}: nor is the loser created again");
        assert_eq!(play.app("b@x.org", "title").await, "Admiral");
        assert_eq!(
            play.crm(other, "b@x.org", "phone").await,
            play.app("b@x.org", "phone").await
        );
        play.is_quiet().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_merge_into_a_record_that_is_not_linked_moves_the_link() {
    for provider in [SALESFORCE, HUBSPOT] {
        let other = if provider == SALESFORCE { HUBSPOT } else { SALESFORCE };
        let play = Play::empty().await;
        play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
        play.settle().await;
        let before = play.person("a@x.org").await;
        play.later().await;
        let winner = play.create(provider, "new@x.org", &[("title", "Admiral")]);
        let survivor = merge(&play, provider, &winner, &play.ext(&before, provider));
        play.settle().await;
        let people = play.people().await;
        assert_eq!(people.len(), 1, "{provider}: {people:#?}");
        assert_eq!(
            people[0].entity.uid, before.entity.uid,
            "{provider}: the same person as before"
        );
        assert_eq!(play.ext(&people[0], provider), survivor);
        assert!(matches!(play.presence(&people[0], other), Presence::Live));
        assert_eq!(play.count(other), 1, "{provider}: nobody is created in the other CRM");
        assert!(play.conflicts().await.is_empty());
        let email = people[0].entity.value(0).to_string();
        assert_eq!(play.app(&email, "title").await, "Admiral", "{provider}");
        play.is_quiet().await;
        // And an edit of the survivor is an edit of this person.
        play.later().await;
        play.edit(provider, &survivor, "city", "Genf");
        play.settle().await;
        assert_eq!(play.crm(other, &email, "city").await, "Genf");
    }
}

use syncline_core::state::Presence;

use crate::play::{HUBSPOT, Play, SALESFORCE};

async fn swiss() -> Play {
    Play::mapped(|provider, sync| {
        if provider == SALESFORCE {
            sync.mapping.filter = Some("remote.Title == 'in'".to_owned());
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_record_that_leaves_the_filter_is_left_alone_and_nothing_is_deleted() {
    let play = swiss().await;
    let ext = play.create(SALESFORCE, "a@x.org", &[("title", "in"), ("city", "Bern")]);
    play.create(SALESFORCE, "outside@x.org", &[("title", "out")]);
    play.settle().await;
    assert_eq!(play.people().await.len(), 1);
    play.later().await;
    play.edit(SALESFORCE, &ext, "title", "out");
    play.settle().await;
    let person = play.person("a@x.org").await;
    assert_eq!(*play.presence(&person, SALESFORCE), Presence::Inaccessible);
    assert_eq!(play.count(HUBSPOT), 1, "no delete follows");
    // Nothing flows either way while it is outside.
    play.later().await;
    play.edit(SALESFORCE, &ext, "city", "Genf");
    play.app_edit("a@x.org", "phone", "+41 44 668 18 00").await;
    play.settle().await;
    assert_eq!(play.app("a@x.org", "city").await, "Bern");
    assert_eq!(play.held(SALESFORCE, &ext, "phone"), "");
    assert_eq!(play.count(SALESFORCE), 2, "nor is it created again");
    // And everything does once it is back.
    play.later().await;
    play.edit(SALESFORCE, &ext, "title", "in");
    play.settle().await;
    assert_eq!(play.app("a@x.org", "city").await, "Genf");
    assert_ne!(play.held(SALESFORCE, &ext, "phone"), "");
    play.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_record_that_enters_the_filter_is_taken_in() {
    let play = swiss().await;
    let ext = play.create(SALESFORCE, "a@x.org", &[("title", "out")]);
    play.settle().await;
    assert!(play.people().await.is_empty());
    play.later().await;
    play.edit(SALESFORCE, &ext, "title", "in");
    play.settle().await;
    assert_eq!((play.people().await.len(), play.count(HUBSPOT)), (1, 1));
    play.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_filter_may_name_the_connections_own_user() {
    let play = Play::mapped(|provider, sync| {
        if provider == SALESFORCE {
            sync.mapping.filter = Some("remote.OwnerId == me.id".to_owned());
        }
    })
    .await;
    let me = play.stage.connections[SALESFORCE].account.user_id.clone();
    let mine = play.create(SALESFORCE, "mine@x.org", &[]);
    play.create(SALESFORCE, "theirs@x.org", &[]);
    let owner = [("OwnerId".to_owned(), serde_json::Value::from(me))].into();
    play.stage.salesforce.update("Contact", &mine, owner).unwrap();
    play.settle().await;
    let people = play.people().await;
    assert_eq!(people.len(), 1, "what others own stays where it is");
    assert_eq!(play.ext(&people[0], SALESFORCE), mine);
    play.is_quiet().await;
}

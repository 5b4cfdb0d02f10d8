use syncline_core::mapping::DeletePolicy;

use crate::play::{HUBSPOT, Play, SALESFORCE};

#[tokio::test(start_paused = true)]
async fn a_restored_record_is_the_same_one_and_catches_up() {
    for provider in [SALESFORCE, HUBSPOT] {
        let play = Play::empty().await;
        play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
        play.settle().await;
        let before = play.person("a@x.org").await;
        let ext = play.ext(&before, provider);
        play.later().await;
        play.delete(provider, &ext);
        play.settle().await;
        play.app_edit("a@x.org", "city", "Genf").await;
        play.settle().await;
        play.later().await;
        play.undelete(provider, &ext);
        play.settle().await;
        let after = play.person("a@x.org").await;
        assert_eq!(after.entity.uid, before.entity.uid);
        assert_eq!(play.ext(&after, provider), ext);
        assert_eq!((play.count(SALESFORCE), play.count(HUBSPOT)), (1, 1), "{provider}");
        assert_eq!(play.held(provider, &ext, "city"), "Genf", "{provider}");
        play.is_quiet().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_restore_brings_back_what_the_delete_took_away_everywhere() {
    for provider in [SALESFORCE, HUBSPOT] {
        let play = Play::mapped(|_, sync| {
            sync.mapping.on_crm_delete = DeletePolicy::Delete;
            sync.mapping.on_app_delete = DeletePolicy::Delete;
        })
        .await;
        play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
        play.settle().await;
        let ext = play.ext(&play.person("a@x.org").await, provider);
        play.later().await;
        play.delete(provider, &ext);
        play.settle().await;
        assert_eq!(
            (play.people().await.len(), play.count(SALESFORCE), play.count(HUBSPOT)),
            (0, 0, 0),
            "{provider}"
        );
        play.later().await;
        play.undelete(provider, &ext);
        play.settle().await;
        assert_eq!(
            (play.people().await.len(), play.count(SALESFORCE), play.count(HUBSPOT)),
            (1, 1, 1),
            "{provider}"
        );
        play.is_quiet().await;
    }
}

//! A blueprint that changes while its people are synced.

use syncline_core::migration::Migration;

use crate::play::{HUBSPOT, Play, SALESFORCE};

async fn save(play: &Play, rules: serde_json::Value) {
    let migration: Migration = serde_json::from_value(serde_json::json!({ "rules": rules })).unwrap();
    let versions = play.stage.engine.versions();
    versions
        .save(play.stage.tenant, "person", &migration, &play.stage.actor)
        .await
        .unwrap();
}

async fn migrate(play: &Play) -> u64 {
    let migrations = play.stage.engine.migrations();
    let job = migrations
        .run(play.stage.tenant, "person", &play.stage.actor)
        .await
        .unwrap();
    assert_eq!(job.failed, 0, "{job:?}");
    job.migrated
}

#[tokio::test(start_paused = true)]
async fn syncs_go_on_over_another_version_and_write_only_what_is_another_value() {
    let play = Play::empty().await;
    let ada = play.create(SALESFORCE, "ada@x.org", &[("city", "Bern"), ("title", "1")]);
    play.create(HUBSPOT, "bob@x.org", &[("city", "Basel"), ("title", "2")]);
    play.settle().await;
    let writes = play.writes();

    save(
        &play,
        serde_json::json!([
            {"rule": "rename", "field": "city", "to": "town"},
            {"rule": "retype", "field": "title", "to": {"type": "integer"}},
        ]),
    )
    .await;
    play.is_quiet().await;
    assert_eq!(play.writes(), writes, "a version alone is nothing to write");
    // Somebody edits before the migration comes by, and it comes by only for that.
    play.later().await;
    play.edit(SALESFORCE, &ada, "city", "Genf");
    play.edit(SALESFORCE, &ada, "title", "7");
    play.settle().await;
    assert_eq!(play.crm(HUBSPOT, "ada@x.org", "city").await, "Genf");
    assert_eq!(play.crm(HUBSPOT, "ada@x.org", "title").await, "7");
    assert_eq!(play.person("ada@x.org").await.entity.blueprint_version, 2);
    assert_eq!(play.person("bob@x.org").await.entity.blueprint_version, 1);
    let writes = play.writes();
    assert_eq!(migrate(&play).await, 1);
    play.settle().await;
    assert_eq!(play.writes(), writes, "the CRMs hold the same as before");

    // What becomes another value is written, and an edit that nobody had read yet does not lose to it.
    save(
        &play,
        serde_json::json!([
            {"rule": "retype", "field": "title", "to": {"type": "choice", "choices": []}},
            {"rule": "map_choices", "field": "title", "map": {"2": "two", "7": "seven"}, "choices": [
                {"value": "two", "label": "Two"}, {"value": "seven", "label": "Seven"}, {"value": "nine", "label": "Nine"}]},
        ]),
    )
    .await;
    play.later().await;
    play.edit(SALESFORCE, &ada, "title", "nine");
    assert_eq!(migrate(&play).await, 2);
    play.settle().await;
    for provider in [SALESFORCE, HUBSPOT] {
        assert_eq!(play.crm(provider, "bob@x.org", "title").await, "two", "{provider}");
        assert_eq!(play.crm(provider, "ada@x.org", "title").await, "nine", "{provider}");
    }
    play.is_quiet().await;
}

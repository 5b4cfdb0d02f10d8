//! Deletes in a CRM of people that others refer to.

use syncline_core::mapping::DeletePolicy;
use syncline_core::model::Field;
use syncline_engine::entity::EntityView;
use syncline_engine::settings::Settings;

use crate::play::{HUBSPOT, Play, SALESFORCE};

async fn task(play: &Play, email: &str, field: &str) -> EntityView {
    let uid = play.person(email).await.entity.uid.to_string();
    let values = [(field.to_owned(), uid.into())].into_iter().collect();
    let entities = play.stage.engine.entities();
    entities
        .create(play.stage.tenant, "task", values, &play.stage.actor)
        .await
        .unwrap()
}

async fn get(play: &Play, view: &EntityView) -> EntityView {
    let entities = play.stage.engine.entities();
    entities
        .get(play.stage.tenant, view.uid, &play.stage.actor)
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_delete_in_a_crm_clears_and_cascades_and_leaves_alone_who_is_needed() {
    let play = Play::mapped(|_, sync| {
        sync.mapping.on_crm_delete = DeletePolicy::Delete;
        sync.mapping.on_app_delete = DeletePolicy::Delete;
    })
    .await;
    let fields: Vec<Field> = serde_json::from_value(serde_json::json!([
        {"name": "owner", "type": "reference", "blueprint": "person", "on_delete": "cascade"},
        {"name": "helper", "type": "reference", "blueprint": "person", "on_delete": "clear"},
        {"name": "judge", "type": "reference", "blueprint": "person", "on_delete": "restrict"},
    ]))
    .unwrap();
    let engine = &play.stage.engine;
    engine
        .save_blueprint(play.stage.tenant, "task", &fields, &[], &play.stage.actor)
        .await
        .unwrap();
    let ada = play.create(SALESFORCE, "ada@x.org", &[]);
    let bob = play.create(SALESFORCE, "bob@x.org", &[]);
    play.settle().await;
    let owned = task(&play, "ada@x.org", "owner").await;
    let helped = task(&play, "ada@x.org", "helper").await;
    let judged = task(&play, "bob@x.org", "judge").await;
    play.delete(SALESFORCE, &ada);
    play.delete(SALESFORCE, &bob);
    play.settle().await;
    play.stage
        .clock
        .advance(i64::try_from(Settings::default().delete_grace.as_secs()).unwrap() + 1);
    play.settle().await;
    assert!(get(&play, &owned).await.deleted, "it went with her");
    let helped = get(&play, &helped).await;
    assert!(!helped.deleted && helped.values["helper"].is_null());
    let people: Vec<String> = play
        .people()
        .await
        .iter()
        .map(|linked| linked.entity.value(0).to_string())
        .collect();
    assert_eq!(people, ["bob@x.org"], "somebody needs him, so he lives on in the app");
    assert_eq!(
        get(&play, &judged).await.values["judge"],
        play.person("bob@x.org").await.entity.uid.to_string()
    );
    assert_eq!(play.count(HUBSPOT), 1, "and in the other CRM");
    assert_eq!(play.count(SALESFORCE), 0, "who deleted him there did");
}

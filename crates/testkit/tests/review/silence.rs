//! What an answer does not say of a record is no edit of it.

use syncline_core::mapping::Rule;
use syncline_core::model::{Field, FieldType};
use syncline_engine::run::{RunParameters, RunStatus};
use syncline_testkit::stage::person_mapping;

use crate::play::{HUBSPOT, Play, SALESFORCE};

#[tokio::test(start_paused = true)]
async fn a_property_that_is_archived_empties_nothing() {
    let mut play = Play::empty().await;
    let hubspot = play.stage.hubspot.clone();
    hubspot
        .add_property("contacts", "nickname", "Nickname", "string", "text")
        .unwrap();
    let mut people = person_mapping(HUBSPOT, play.stage.connections[HUBSPOT].id);
    people.fields.push(Field::new("nickname", FieldType::Text));
    people.mapping.rules.push(Rule::new("nickname", "nickname"));
    play.save(people).await;
    play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    play.settle().await;
    let ext = play.ext(&play.person("a@x.org").await, HUBSPOT);
    let nickname = async |play: &Play| play.person("a@x.org").await.entity.value(7).to_string();

    play.edit(HUBSPOT, &ext, "nickname", "Ada");
    play.settle().await;
    assert_eq!(nickname(&play).await, "Ada");
    play.edit(HUBSPOT, &ext, "nickname", "");
    play.settle().await;
    assert_eq!(nickname(&play).await, "(empty)", "who empties it is told by null");
    play.edit(HUBSPOT, &ext, "nickname", "Ada");
    play.settle().await;

    hubspot.archive_property("contacts", "nickname").unwrap();
    play.later().await;
    play.edit(HUBSPOT, &ext, "city", "Genf");
    let run = play.stage.sync(HUBSPOT, RunParameters::default()).await.unwrap();
    let error = run.error.unwrap_or_default();
    assert_eq!(run.status, RunStatus::Failed, "{error}");
    assert!(error.contains("`nickname`") && error.contains("archived"), "{error}");
    assert_eq!(nickname(&play).await, "Ada", "nobody emptied it");

    // It alone stands still, whoever else is synced with the same records.
    let again = play.stage.sync(HUBSPOT, RunParameters::default()).await.unwrap();
    assert_eq!(again.status, RunStatus::Failed);
    assert!(again.error.unwrap_or_default().contains("`nickname`"));
    assert_eq!(again.ledgers.keys().collect::<Vec<_>>(), ["hubspot-companies"]);
    play.run(SALESFORCE).await;

    // Without its rule everything else goes on, and it keeps its value.
    play.save(person_mapping(HUBSPOT, play.stage.connections[HUBSPOT].id))
        .await;
    play.settle().await;
    assert_eq!(play.crm(SALESFORCE, "a@x.org", "city").await, "Genf");
    assert_eq!(nickname(&play).await, "Ada");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_leaves_out_what_is_empty_is_understood() {
    let play = Play::empty().await;
    let hubspot = &play.stage.hubspot;
    let mut behaviour = hubspot.behaviour();
    behaviour.unset_properties_are_null = false;
    hubspot.set_behaviour(behaviour);
    play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    play.settle().await;
    let ext = play.ext(&play.person("a@x.org").await, HUBSPOT);
    play.edit(HUBSPOT, &ext, "city", "");
    play.settle().await;
    assert_eq!(play.crm(SALESFORCE, "a@x.org", "city").await, "");
    play.is_quiet().await;
}

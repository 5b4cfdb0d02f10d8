use std::time::Duration;

use syncline_core::mapping::DeletePolicy;
use syncline_core::state::{Linked, Presence};
use syncline_engine::event::EventKind;
use syncline_engine::settings::Settings;
use syncline_testkit::stage::{Stage, person_mapping};

use crate::play::{HUBSPOT, SALESFORCE};
use crate::timed::{self, JumpingClock, ext, field, people, sync};

/// People in both CRMs whose deletes reach everything, and a grace of ten minutes.
async fn stage() -> (Stage, std::sync::Arc<JumpingClock>) {
    let settings = Settings {
        delete_grace: Duration::from_secs(600),
        ..Settings::default()
    };
    let (stage, clock) = timed::stage(0, settings).await;
    for provider in [SALESFORCE, HUBSPOT] {
        let mut new = person_mapping(provider, stage.connections[provider].id);
        new.mapping.rules.retain(|rule| rule.fields != ["company"]);
        new.mapping.on_crm_delete = DeletePolicy::Delete;
        new.mapping.on_app_delete = DeletePolicy::Delete;
        stage.engine.syncs().save(new, &stage.actor).await.unwrap();
    }
    for name in ["a", "b"] {
        let mut fields = field("LastName", name);
        fields.extend(field("Email", &format!("{name}@x.org")));
        stage.salesforce.create("Contact", fields).unwrap();
    }
    for _ in 0..2 {
        for provider in [SALESFORCE, HUBSPOT] {
            sync(&stage, &clock, provider).await;
        }
    }
    assert_eq!(stage.hubspot.count("contacts"), 2);
    (stage, clock)
}

fn delete(stage: &Stage, provider: &str, person: &Linked) {
    let ext = ext(person, provider);
    match provider {
        SALESFORCE => stage.salesforce.delete("Contact", &ext).unwrap(),
        _ => stage.hubspot.delete("contacts", &ext).unwrap(),
    }
}

fn undelete(stage: &Stage, provider: &str, person: &Linked) {
    let ext = ext(person, provider);
    match provider {
        SALESFORCE => stage.salesforce.undelete("Contact", &ext).unwrap(),
        _ => stage.hubspot.undelete("contacts", &ext).unwrap(),
    }
}

async fn round(stage: &Stage, clock: &JumpingClock) {
    for provider in [SALESFORCE, HUBSPOT] {
        sync(stage, clock, provider).await;
    }
}

#[tokio::test]
async fn a_delete_is_believed_after_its_grace_and_not_before() {
    for provider in [SALESFORCE, HUBSPOT] {
        let (stage, clock) = stage().await;
        let person = people(&stage).await.remove(0);
        delete(&stage, provider, &person);
        round(&stage, &clock).await;
        let noted = people(&stage).await.remove(0);
        let side = &noted.sides[usize::from(provider == HUBSPOT)];
        assert!(
            matches!(side.presence, Presence::ReportedDeleted(_)),
            "{provider}: {:?}",
            side.presence
        );
        assert_eq!(people(&stage).await.len(), 2, "{provider}: nothing follows yet");
        clock.advance(700);
        round(&stage, &clock).await;
        round(&stage, &clock).await;
        assert_eq!(people(&stage).await.len(), 1, "{provider}");
        assert_eq!(
            (stage.salesforce.count("Contact"), stage.hubspot.count("contacts")),
            (1, 1),
            "{provider}"
        );
    }
}

#[tokio::test]
async fn a_record_that_comes_back_within_the_grace_was_never_deleted() {
    for provider in [SALESFORCE, HUBSPOT] {
        let (stage, clock) = stage().await;
        let person = people(&stage).await.remove(0);
        delete(&stage, provider, &person);
        round(&stage, &clock).await;
        undelete(&stage, provider, &person);
        round(&stage, &clock).await;
        clock.advance(3_600);
        round(&stage, &clock).await;
        let back = people(&stage).await.remove(0);
        assert_eq!(back.entity.uid, person.entity.uid);
        assert!(
            back.sides.iter().all(|side| side.presence == Presence::Live),
            "{provider}"
        );
        assert_eq!(ext(&back, provider), ext(&person, provider));
        assert_eq!(
            (stage.salesforce.count("Contact"), stage.hubspot.count("contacts")),
            (2, 2),
            "{provider}"
        );
    }
}

#[tokio::test]
async fn a_record_that_vanishes_without_a_word_is_reported_and_never_deleted() {
    for provider in [SALESFORCE, HUBSPOT] {
        let (stage, clock) = stage().await;
        let person = people(&stage).await.remove(0);
        let gone = ext(&person, provider);
        match provider {
            SALESFORCE => stage.salesforce.hard_delete("Contact", &gone).unwrap(),
            _ => stage.hubspot.hard_delete("contacts", &gone).unwrap(),
        }
        // An edit in the app makes the run look at it.
        let patch = [("city".to_owned(), serde_json::Value::from("Genf"))]
            .into_iter()
            .collect();
        let (entities, actor) = (stage.engine.entities(), &stage.actor);
        let read = syncline_engine::entity::EntityRead::Blind;
        entities
            .update(stage.tenant, person.entity.uid, patch, read, actor)
            .await
            .unwrap();
        round(&stage, &clock).await;
        round(&stage, &clock).await;
        assert_eq!(people(&stage).await.len(), 2, "{provider}");
        let events = stage.engine.events(stage.tenant, 0, 1_000, &stage.actor).await.unwrap();
        let told: Vec<_> = events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::RecordsInaccessible { count, records, .. } => Some((*count, records.clone())),
                _ => None,
            })
            .collect();
        assert_eq!(told, [(1, vec![gone])], "{provider}");
    }
}

//! Rolling runs back: what they did, and nothing else.
#![allow(missing_docs, reason = "a test has no public interface")]
#![allow(clippy::unwrap_used, reason = "a test's support may fail the test")]

mod timed;

use syncline_core::Value;
use syncline_core::state::Presence;
use syncline_engine::conflict::ConflictQuery;
use syncline_engine::run::{RollbackRelease, Run, RunStatus};
use syncline_testkit::stage::Stage;
use timed::{JumpingClock, ext, field, people, settled, sync};

/// Position of the job title in the blueprint.
const TITLE: usize = 4;

async fn rollback(stage: &Stage, run: &Run, release: RollbackRelease) -> Run {
    let back = stage
        .engine
        .runs()
        .rollback(run.id, release, false, &stage.actor)
        .await
        .unwrap();
    assert_eq!(back.rolls_back, Some(run.id));
    assert!(back.balances(), "{:?}", back.ledgers);
    assert!(
        matches!(back.status, RunStatus::Completed | RunStatus::Partial),
        "{:?} {:?}",
        back.status,
        back.error
    );
    back
}

async fn title(stage: &Stage, uid: uuid::Uuid) -> Value {
    let people = people(stage).await;
    people
        .iter()
        .find(|person| person.entity.uid == uid)
        .unwrap()
        .entity
        .value(TITLE)
        .clone()
}

fn title_in_salesforce(stage: &Stage, id: &str) -> String {
    stage.salesforce.record("Contact", id).unwrap().fields["Title"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

async fn edit_in_salesforce(stage: &Stage, clock: &JumpingClock, id: &str, title: &str) -> Run {
    stage.salesforce.update("Contact", id, field("Title", title)).unwrap();
    sync(stage, clock, "salesforce").await
}

#[tokio::test]
async fn a_pulled_change_is_taken_back_in_the_app_and_held_at_its_source() {
    let (stage, clock) = settled(6).await;
    let person = people(&stage).await.remove(0);
    let (uid, id) = (person.entity.uid, ext(&person, "salesforce"));
    let before = person.entity.value(TITLE).clone();
    let run = edit_in_salesforce(&stage, &clock, &id, "Countess").await;
    assert_eq!(title(&stage, uid).await, Value::text("Countess"));

    let back = rollback(&stage, &run, RollbackRelease::Hold).await;
    assert_eq!(
        (back.status, back.diverged_count),
        (RunStatus::Completed, 0),
        "{:?}",
        back.diverged
    );
    assert_eq!(title(&stage, uid).await, before);
    let held = stage
        .engine
        .conflicts()
        .list(stage.tenant, &ConflictQuery::pending(), &stage.actor)
        .await
        .unwrap();
    assert_eq!(
        held.iter()
            .map(|held| (held.run, held.fields.clone()))
            .collect::<Vec<_>>(),
        [(back.id, vec!["title".to_owned()])]
    );

    // Neither side moves, even when something else about the record does.
    stage
        .salesforce
        .update("Contact", &id, field("MailingCity", "London"))
        .unwrap();
    sync(&stage, &clock, "salesforce").await;
    assert_eq!(title(&stage, uid).await, before);
    assert_eq!(title_in_salesforce(&stage, &id), "Countess");

    let released = stage
        .engine
        .runs()
        .release_rollback(back.id, RollbackRelease::AcceptSourceNext, &stage.actor)
        .await;
    assert_eq!(released.unwrap(), 1);
    sync(&stage, &clock, "salesforce").await;
    assert_eq!(title(&stage, uid).await, Value::text("Countess"));
}

#[tokio::test]
async fn released_everywhere_the_old_value_goes_back_to_its_source() {
    let (stage, clock) = settled(6).await;
    let person = people(&stage).await.remove(0);
    let (uid, id) = (person.entity.uid, ext(&person, "salesforce"));
    let before = person.entity.value(TITLE).clone();
    let run = edit_in_salesforce(&stage, &clock, &id, "Countess").await;
    sync(&stage, &clock, "hubspot").await;
    let hubspot = ext(&person, "hubspot");
    assert_eq!(
        stage.hubspot.record("contacts", &hubspot).unwrap().fields["jobtitle"],
        "Countess"
    );

    rollback(&stage, &run, RollbackRelease::Everywhere).await;
    sync(&stage, &clock, "salesforce").await;
    sync(&stage, &clock, "hubspot").await;
    assert_eq!(title(&stage, uid).await, before);
    assert_eq!(title_in_salesforce(&stage, &id), before.to_string());
    assert_eq!(
        stage.hubspot.record("contacts", &hubspot).unwrap().fields["jobtitle"],
        before.to_string().as_str()
    );
}

#[tokio::test]
async fn accepted_next_time_the_source_is_read_anew() {
    let (stage, clock) = settled(6).await;
    let person = people(&stage).await.remove(0);
    let (uid, id) = (person.entity.uid, ext(&person, "salesforce"));
    let run = edit_in_salesforce(&stage, &clock, &id, "Countess").await;
    rollback(&stage, &run, RollbackRelease::AcceptSourceNext).await;
    assert_ne!(title(&stage, uid).await, Value::text("Countess"));
    sync(&stage, &clock, "salesforce").await;
    assert_eq!(title(&stage, uid).await, Value::text("Countess"));
}

#[tokio::test]
async fn what_was_changed_since_is_left_alone_and_listed() {
    let (stage, clock) = settled(6).await;
    let people = people(&stage).await;
    let (first, second) = (&people[0], &people[1]);
    for person in [first, second] {
        stage
            .salesforce
            .update("Contact", &ext(person, "salesforce"), field("Title", "Countess"))
            .unwrap();
    }
    let run = sync(&stage, &clock, "salesforce").await;
    sync(&stage, &clock, "hubspot").await;
    stage
        .hubspot
        .update("contacts", &ext(first, "hubspot"), field("jobtitle", "Admiral"))
        .unwrap();
    sync(&stage, &clock, "hubspot").await;

    let back = rollback(&stage, &run, RollbackRelease::Hold).await;
    assert_eq!(
        (back.status, back.diverged_count),
        (RunStatus::Partial, 1),
        "{:?}",
        back.diverged
    );
    assert_eq!(back.diverged[0].field, "title");
    assert!(
        back.diverged[0].reason.contains("HubSpot") || back.diverged[0].reason.contains("hubspot"),
        "{:?}",
        back.diverged
    );
    assert_eq!(title(&stage, first.entity.uid).await, Value::text("Admiral"));
    assert_eq!(&title(&stage, second.entity.uid).await, second.entity.value(TITLE));
}

#[tokio::test]
async fn a_created_record_is_deleted_and_does_not_come_back_by_itself() {
    let (stage, clock) = settled(4).await;
    let before = people(&stage).await.len();
    let mut fields = field("LastName", "Babbage");
    fields.insert("Email".to_owned(), "charles@engine.example".into());
    let id = stage.salesforce.create("Contact", fields).unwrap();
    let run = sync(&stage, &clock, "salesforce").await;
    assert_eq!(people(&stage).await.len(), before + 1);

    let back = rollback(&stage, &run, RollbackRelease::Hold).await;
    assert_eq!(back.diverged_count, 0, "{:?}", back.diverged);
    assert_eq!(people(&stage).await.len(), before);
    let contacts = stage.hubspot.count("contacts");
    stage
        .salesforce
        .update("Contact", &id, field("Title", "Inventor"))
        .unwrap();
    for provider in ["salesforce", "hubspot", "salesforce"] {
        sync(&stage, &clock, provider).await;
    }
    assert_eq!(people(&stage).await.len(), before);
    assert_eq!(stage.hubspot.count("contacts"), contacts);
    assert!(
        stage.salesforce.record("Contact", &id).is_some(),
        "the CRM keeps its record"
    );

    // A rollback is a run like any other.
    rollback(&stage, &back, RollbackRelease::Hold).await;
    sync(&stage, &clock, "salesforce").await;
    assert_eq!(people(&stage).await.len(), before + 1);
}

#[tokio::test]
async fn what_was_written_to_the_crm_is_written_back_and_held() {
    let (stage, clock) = settled(6).await;
    let person = people(&stage).await.remove(0);
    let (uid, id) = (person.entity.uid, ext(&person, "salesforce"));
    let before = title_in_salesforce(&stage, &id);
    stage
        .hubspot
        .update("contacts", &ext(&person, "hubspot"), field("jobtitle", "Admiral"))
        .unwrap();
    sync(&stage, &clock, "hubspot").await;
    let run = sync(&stage, &clock, "salesforce").await;
    assert_eq!(title_in_salesforce(&stage, &id), "Admiral");

    let back = rollback(&stage, &run, RollbackRelease::Hold).await;
    assert_eq!(back.diverged_count, 0, "{:?}", back.diverged);
    assert_eq!(title_in_salesforce(&stage, &id), before);
    assert_eq!(
        title(&stage, uid).await,
        Value::text("Admiral"),
        "that change was not the run's"
    );
    sync(&stage, &clock, "salesforce").await;
    assert_eq!(title_in_salesforce(&stage, &id), before);

    let released = stage
        .engine
        .runs()
        .release_rollback(back.id, RollbackRelease::Everywhere, &stage.actor)
        .await;
    assert_eq!(released.unwrap(), 1);
    sync(&stage, &clock, "salesforce").await;
    assert_eq!(title_in_salesforce(&stage, &id), "Admiral");
}

#[tokio::test]
async fn a_record_that_the_run_made_in_the_crm_is_removed_from_it() {
    let (stage, clock) = settled(4).await;
    let contacts = stage.salesforce.count("Contact");
    let mut fields = field("lastname", "Babbage");
    fields.insert("email".to_owned(), "charles@engine.example".into());
    stage.hubspot.create("contacts", fields).unwrap();
    sync(&stage, &clock, "hubspot").await;
    let run = sync(&stage, &clock, "salesforce").await;
    assert_eq!(stage.salesforce.count("Contact"), contacts + 1);

    let back = rollback(&stage, &run, RollbackRelease::Hold).await;
    assert_eq!(back.diverged_count, 0, "{:?}", back.diverged);
    assert_eq!(stage.salesforce.count("Contact"), contacts);
    for _ in 0..2 {
        sync(&stage, &clock, "salesforce").await;
    }
    assert_eq!(stage.salesforce.count("Contact"), contacts, "it stays away");
    let people = people(&stage).await;
    let charles = people
        .iter()
        .find(|person| person.entity.value(2) == &Value::text("Babbage"))
        .unwrap();
    assert!(
        charles
            .sides
            .iter()
            .any(|side| matches!(side.presence, Presence::Deleted(_)))
    );
}

#[tokio::test]
async fn a_deleted_record_comes_back() {
    let (stage, clock) = settled(4).await;
    let syncs = stage
        .engine
        .syncs()
        .list(stage.tenant, false, &stage.actor)
        .await
        .unwrap();
    for known in syncs.iter().filter(|sync| sync.mapping.blueprint == "person") {
        let mut mapping = known.mapping.clone();
        mapping.on_crm_delete = syncline_core::mapping::DeletePolicy::Delete;
        let new = syncline_engine::sync::NewSync {
            name: known.name.clone(),
            connection: known.connection,
            mapping,
            fields: Vec::new(),
            groups: Vec::new(),
            schedule: known.schedule.clone(),
            sweep: known.sweep,
            files: known.files,
            start: false,
        };
        stage.engine.syncs().save(new, &stage.actor).await.unwrap();
    }
    for provider in ["salesforce", "hubspot", "salesforce"] {
        sync(&stage, &clock, provider).await;
    }
    let person = people(&stage).await.remove(0);
    stage.salesforce.delete("Contact", &ext(&person, "salesforce")).unwrap();
    let run = sync(&stage, &clock, "salesforce").await;
    assert!(
        people(&stage)
            .await
            .iter()
            .all(|other| other.entity.uid != person.entity.uid),
        "deleted"
    );

    let back = rollback(&stage, &run, RollbackRelease::Everywhere).await;
    assert!(
        back.diverged.iter().any(|lossy| lossy.reason.contains("new id")),
        "{:?}",
        back.diverged
    );
    let restored = people(&stage).await;
    let restored = restored
        .iter()
        .find(|other| other.entity.uid == person.entity.uid)
        .unwrap();
    assert_eq!(restored.entity.values, person.entity.values);
    let contacts = stage.salesforce.count("Contact");
    sync(&stage, &clock, "salesforce").await;
    assert_eq!(stage.salesforce.count("Contact"), contacts + 1, "made anew");
}

#[tokio::test]
async fn a_dry_rollback_shows_what_it_would_do_and_does_nothing() {
    let (stage, clock) = settled(6).await;
    let person = people(&stage).await.remove(0);
    let (uid, id) = (person.entity.uid, ext(&person, "salesforce"));
    let run = edit_in_salesforce(&stage, &clock, &id, "Countess").await;
    let dry = stage
        .engine
        .runs()
        .rollback(run.id, RollbackRelease::Hold, true, &stage.actor)
        .await
        .unwrap();
    assert_eq!(dry.planned, 1, "{:?}", dry.plan);
    assert_eq!(
        (dry.plan[0].field.as_str(), dry.plan[0].before.as_str()),
        ("title", Some("Countess"))
    );
    assert_eq!(title(&stage, uid).await, Value::text("Countess"));
    assert_eq!(
        stage
            .engine
            .conflicts()
            .count_pending(stage.tenant, &stage.actor)
            .await
            .unwrap(),
        0
    );
}

#[tokio::test]
async fn rolled_back_twice_the_second_time_finds_nothing_to_do() {
    let (stage, clock) = settled(6).await;
    let person = people(&stage).await.remove(0);
    let id = ext(&person, "salesforce");
    let run = edit_in_salesforce(&stage, &clock, &id, "Countess").await;
    rollback(&stage, &run, RollbackRelease::Hold).await;
    let revs: Vec<u64> = people(&stage).await.iter().map(|person| person.entity.rev).collect();
    let again = rollback(&stage, &run, RollbackRelease::Hold).await;
    assert_eq!(
        (again.diverged_count, again.total("rollback").updated),
        (0, 0),
        "{:?}",
        again.diverged
    );
    assert_eq!(
        revs,
        people(&stage)
            .await
            .iter()
            .map(|person| person.entity.rev)
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_rollback_rolled_back_leaves_everything_as_the_run_had_it() {
    let (stage, clock) = settled(6).await;
    let person = people(&stage).await.remove(0);
    let (uid, id) = (person.entity.uid, ext(&person, "salesforce"));
    let run = edit_in_salesforce(&stage, &clock, &id, "Countess").await;
    let back = rollback(&stage, &run, RollbackRelease::Hold).await;
    let forth = rollback(&stage, &back, RollbackRelease::Hold).await;
    assert_eq!(forth.diverged_count, 0, "{:?}", forth.diverged);
    assert_eq!(title(&stage, uid).await, Value::text("Countess"));
    assert_eq!(
        stage
            .engine
            .conflicts()
            .count_pending(stage.tenant, &stage.actor)
            .await
            .unwrap(),
        0
    );
    let mutating = stage.salesforce.log().mutating();
    sync(&stage, &clock, "salesforce").await;
    assert_eq!(
        stage.salesforce.log().mutating(),
        mutating,
        "nothing is left to write there"
    );
    sync(&stage, &clock, "hubspot").await;
    assert_eq!(
        stage
            .hubspot
            .record("contacts", &ext(&person, "hubspot"))
            .unwrap()
            .fields["jobtitle"],
        "Countess"
    );
}

#[tokio::test]
async fn an_edit_of_a_held_field_survives_the_rollback_of_the_rollback() {
    let (stage, clock) = settled(6).await;
    let person = people(&stage).await.remove(0);
    let (uid, id) = (person.entity.uid, ext(&person, "salesforce"));
    let run = edit_in_salesforce(&stage, &clock, &id, "Countess").await;
    let back = rollback(&stage, &run, RollbackRelease::Hold).await;
    edit_in_salesforce(&stage, &clock, &id, "Duchess").await;
    rollback(&stage, &back, RollbackRelease::Hold).await;
    sync(&stage, &clock, "salesforce").await;
    sync(&stage, &clock, "hubspot").await;
    assert_eq!(title(&stage, uid).await, Value::text("Duchess"));
    assert_eq!(title_in_salesforce(&stage, &id), "Duchess");
    assert_eq!(
        stage
            .hubspot
            .record("contacts", &ext(&person, "hubspot"))
            .unwrap()
            .fields["jobtitle"],
        "Duchess"
    );
}

#[tokio::test]
async fn a_first_import_is_undone_whole() {
    let (stage, clock) = timed::stage(12, timed::settings()).await;
    stage.map("salesforce").await.unwrap();
    let run = sync(&stage, &clock, "salesforce").await;
    assert!(people(&stage).await.len() >= 12);
    let mutating = stage.salesforce.log().mutating();
    let back = rollback(&stage, &run, RollbackRelease::Hold).await;
    assert_eq!(back.diverged_count, 0, "{:?}", back.diverged);
    assert!(people(&stage).await.is_empty() && stage.entities("company").await.unwrap().is_empty());
    sync(&stage, &clock, "salesforce").await;
    assert!(people(&stage).await.is_empty());
    assert_eq!(stage.salesforce.log().mutating(), mutating, "the CRM is left alone");
}

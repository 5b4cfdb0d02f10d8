//! Files of linked records: carried between both CRMs, and moved by the host.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test has no public interface and may panic"
)]

use std::sync::Arc;

use syncline_core::ErrorKind;
use syncline_core::file::{InMemory, NewFile, RemoteFile, gather};
use syncline_core::store::{DocumentKind, DocumentQuery, Mode};
use syncline_engine::actor::Actor;
use syncline_engine::run::{Run, RunParameters, RunStatus};
use syncline_engine::sync::Sync;
use syncline_simulators::{Fault, Options};
use syncline_storage::MemoryStore;
use syncline_testkit::stage::{Stage, person_mapping};

/// A stage whose people are in both CRMs, and the syncs of people: Salesforce's, HubSpot's.
async fn stage(files: bool) -> (Stage, Sync, Sync) {
    let options = Options {
        records: 6,
        overlap: 1.0,
        ..Options::default()
    };
    let stage = Stage::set(Arc::new(MemoryStore::new()), options).await.unwrap();
    stage.map_all().await.unwrap();
    let salesforce = save(&stage, "salesforce", files).await;
    let hubspot = save(&stage, "hubspot", files).await;
    stage.rounds(2).await.unwrap();
    (stage, salesforce, hubspot)
}

async fn save(stage: &Stage, provider: &str, files: bool) -> Sync {
    let mut new = person_mapping(provider, stage.connections[provider].id);
    new.files = files;
    stage.engine.syncs().save(new, &stage.actor).await.unwrap().sync
}

async fn put(stage: &Stage, sync: &Sync, record: &str, name: &str, content: &str) -> RemoteFile {
    let file = NewFile {
        name: name.into(),
        content_type: None,
        size: content.len() as u64,
    };
    let body = Box::new(InMemory::new(content.to_owned()));
    let files = stage.engine.files();
    files.put(sync.id, record, &file, body, &stage.actor).await.unwrap()
}

async fn names(stage: &Stage, sync: &Sync, record: &str) -> Vec<String> {
    let files = stage.engine.files().list(sync.id, record, &stage.actor).await.unwrap();
    files.into_iter().map(|file| file.name).collect()
}

async fn content(stage: &Stage, sync: &Sync, record: &str, name: &str) -> String {
    let files = stage.engine.files();
    let listed = files.list(sync.id, record, &stage.actor).await.unwrap();
    let file = listed.iter().find(|file| file.name == name).unwrap();
    let mut opened = files.open(sync.id, record, &file.id, &stage.actor).await.unwrap();
    let bytes = gather(&mut *opened.body, 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Some people by their ids in the app.
async fn people(stage: &Stage) -> Vec<String> {
    let people = stage.entities("person").await.unwrap();
    people.iter().map(|linked| linked.entity.uid.to_string()).collect()
}

fn writes(stage: &Stage) -> (u64, u64) {
    (stage.salesforce.log().mutating(), stage.hubspot.log().mutating())
}

async fn later(stage: &Stage) {
    tokio::time::advance(std::time::Duration::from_secs(3_600)).await;
    let _now = stage.engine.now();
}

fn all_well(runs: &[Run]) {
    for run in runs {
        assert_eq!(
            run.status,
            RunStatus::Completed,
            "{:?} {:?} {:?}",
            run.error,
            run.ledgers,
            run.timeline
        );
    }
}

#[tokio::test(start_paused = true)]
async fn files_are_carried_both_ways_once_and_never_come_back() {
    let (stage, salesforce, hubspot) = stage(true).await;
    let people = people(&stage).await;
    put(&stage, &salesforce, &people[0], "offer.pdf", "an offer").await;
    put(&stage, &hubspot, &people[0], "plan.txt", "a plan").await;
    put(&stage, &hubspot, &people[1], "plan.txt", "another plan").await;
    later(&stage).await;
    let runs = stage.rounds(1).await.unwrap();
    all_well(&runs);
    assert_eq!((runs[0].total("files").created, runs[1].total("files").created), (2, 1));
    for sync in [&salesforce, &hubspot] {
        assert_eq!(names(&stage, sync, &people[0]).await, ["offer.pdf", "plan.txt"]);
        assert_eq!(names(&stage, sync, &people[1]).await, ["plan.txt"]);
        assert_eq!(content(&stage, sync, &people[0], "offer.pdf").await, "an offer");
        assert_eq!(content(&stage, sync, &people[1], "plan.txt").await, "another plan");
    }
    let before = writes(&stage);
    for _ in 0..3 {
        all_well(&stage.rounds(1).await.unwrap());
        later(&stage).await;
    }
    let full = RunParameters {
        full: true,
        ..RunParameters::default()
    };
    for provider in ["salesforce", "hubspot"] {
        let run = stage.sync(provider, full.clone()).await.unwrap();
        all_well(std::slice::from_ref(&run));
        assert_eq!(run.total("files").created, 0);
    }
    assert_eq!(writes(&stage), before, "silence");
}

#[tokio::test(start_paused = true)]
async fn runs_of_both_connections_at_once_carry_each_file_once() {
    let (stage, salesforce, hubspot) = stage(true).await;
    let people = people(&stage).await;
    put(&stage, &salesforce, &people[0], "offer.pdf", "an offer").await;
    put(&stage, &hubspot, &people[0], "plan.txt", "a plan").await;
    later(&stage).await;
    for _ in 0..2 {
        let (one, two) = tokio::join!(
            stage.sync("salesforce", RunParameters::default()),
            stage.sync("hubspot", RunParameters::default())
        );
        all_well(&[one.unwrap(), two.unwrap()]);
    }
    for sync in [&salesforce, &hubspot] {
        assert_eq!(names(&stage, sync, &people[0]).await, ["offer.pdf", "plan.txt"]);
    }
}

#[tokio::test(start_paused = true)]
async fn files_stay_where_they_are_unless_both_syncs_ask_for_them() {
    let (stage, salesforce, hubspot) = stage(false).await;
    let people = people(&stage).await;
    put(&stage, &salesforce, &people[0], "offer.pdf", "an offer").await;
    later(&stage).await;
    let runs = stage.rounds(2).await.unwrap();
    assert!(runs.iter().all(|run| run.total("files").read == 0));
    assert!(names(&stage, &hubspot, &people[0]).await.is_empty());
    save(&stage, "hubspot", true).await;
    stage.rounds(1).await.unwrap();
    assert!(names(&stage, &hubspot, &people[0]).await.is_empty(), "one alone");
    save(&stage, "salesforce", true).await;
    all_well(&stage.rounds(1).await.unwrap());
    assert_eq!(names(&stage, &hubspot, &people[0]).await, ["offer.pdf"]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_file_is_neither_deleted_elsewhere_nor_given_again() {
    let (stage, salesforce, hubspot) = stage(true).await;
    let people = people(&stage).await;
    put(&stage, &salesforce, &people[0], "offer.pdf", "an offer").await;
    put(&stage, &salesforce, &people[0], "stays.pdf", "stays").await;
    later(&stage).await;
    stage.rounds(1).await.unwrap();
    let files = stage.engine.files();
    let listed = files.list(hubspot.id, &people[0], &stage.actor).await.unwrap();
    assert!(stage.hubspot.delete_file(&listed[0].id));
    assert_eq!(names(&stage, &hubspot, &people[0]).await, ["stays.pdf"]);
    put(&stage, &salesforce, &people[0], "new.pdf", "new").await;
    later(&stage).await;
    all_well(&stage.rounds(2).await.unwrap());
    assert_eq!(names(&stage, &hubspot, &people[0]).await, ["new.pdf", "stays.pdf"]);
    assert_eq!(
        names(&stage, &salesforce, &people[0]).await,
        ["new.pdf", "offer.pdf", "stays.pdf"]
    );
}

#[tokio::test(start_paused = true)]
async fn files_of_a_record_follow_it_once_it_is_linked() {
    let (stage, salesforce, hubspot) = stage(true).await;
    let fields = [("LastName", "Quill"), ("Email", "quill@example.com")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.into())).into();
    let contact = stage.salesforce.create("Contact", fields).unwrap();
    stage.sync("salesforce", RunParameters::default()).await.unwrap();
    put(&stage, &salesforce, &contact, "offer.pdf", "an offer").await;
    later(&stage).await;
    // HubSpot's first look at files finds a record that it does not have; it is made in the same run.
    all_well(&stage.rounds(1).await.unwrap());
    let people = stage.entities("person").await.unwrap();
    let quill = people
        .iter()
        .find(|linked| linked.sides.iter().any(|side| side.ext.as_deref() == Some(&contact)))
        .unwrap();
    let uid = quill.entity.uid.to_string();
    assert_eq!(names(&stage, &hubspot, &uid).await, ["offer.pdf"]);
}

#[tokio::test(start_paused = true)]
async fn a_file_whose_upload_got_no_answer_is_not_sent_twice() {
    let (stage, salesforce, hubspot) = stage(true).await;
    let people = people(&stage).await;
    put(&stage, &salesforce, &people[0], "offer.pdf", "an offer").await;
    put(&stage, &hubspot, &people[1], "plan.txt", "a plan").await;
    later(&stage).await;
    stage
        .salesforce
        .faults()
        .script_for(Fault::AppliedTimeout, 1, "/sobjects/ContentVersion");
    stage.hubspot.faults().script_for(Fault::AppliedTimeout, 1, "/files");
    stage.rounds(1).await.unwrap();
    later(&stage).await;
    stage.rounds(2).await.unwrap();
    later(&stage).await;
    all_well(&stage.rounds(1).await.unwrap());
    for sync in [&salesforce, &hubspot] {
        // HubSpot calls it otherwise, where the file of the lost answer lies in its folder.
        let files = stage.engine.files();
        for (person, size) in [(&people[0], 8), (&people[1], 6)] {
            let listed = files.list(sync.id, person, &stage.actor).await.unwrap();
            let sizes: Vec<u64> = listed.iter().map(|file| file.size).collect();
            assert_eq!(sizes, [size], "{listed:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_tells_of_files_and_sends_none() {
    let (stage, salesforce, hubspot) = stage(true).await;
    let people = people(&stage).await;
    put(&stage, &salesforce, &people[0], "offer.pdf", "an offer").await;
    later(&stage).await;
    let before = writes(&stage);
    let dry = RunParameters {
        dry_run: true,
        ..RunParameters::default()
    };
    let run = stage.sync("hubspot", dry).await.unwrap();
    assert_eq!(writes(&stage), before);
    assert_eq!(run.total("files").created, 1);
    let planned = run.plan.iter().find(|change| change.action == "file").unwrap();
    assert_eq!(planned.after, "offer.pdf");
    all_well(&stage.rounds(1).await.unwrap());
    assert_eq!(names(&stage, &hubspot, &people[0]).await, ["offer.pdf"]);
}

#[tokio::test(start_paused = true)]
async fn only_linked_records_have_files_and_only_for_whom_they_are_there() {
    let (stage, salesforce, _) = stage(false).await;
    let people = people(&stage).await;
    let made = put(&stage, &salesforce, &people[0], "offer.pdf", "an offer").await;
    let files = stage.engine.files();
    let refused = files.list(salesforce.id, "003000000000000AAA", &stage.actor).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
    // A file of another record is no file of this one.
    let refused = files.open(salesforce.id, &people[1], &made.id, &stage.actor).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
    let stranger = Actor::admin("eve").of(stage.tenant + 1);
    let refused = files.list(salesforce.id, &people[0], &stranger).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
    let member = Actor::member("ada").of(stage.tenant);
    assert_eq!(files.list(salesforce.id, &people[0], &member).await.unwrap().len(), 1);
    let file = NewFile {
        name: "a.txt".into(),
        content_type: None,
        size: 1,
    };
    let refused = files
        .put(salesforce.id, &people[0], &file, Box::new(InMemory::new("a")), &member)
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_of_files_goes_with_the_blueprint() {
    let (stage, salesforce, _) = stage(true).await;
    let people = people(&stage).await;
    put(&stage, &salesforce, &people[0], "offer.pdf", "an offer").await;
    later(&stage).await;
    stage.rounds(1).await.unwrap();
    let count = async |kind| {
        let mut tx = stage.store.begin(Mode::Read).await.unwrap();
        tx.count_documents(&DocumentQuery::new(kind)).await.unwrap()
    };
    assert_eq!(count(DocumentKind::EntityFiles).await, 1);
    stage
        .engine
        .trash_blueprint(stage.tenant, "person", &stage.actor)
        .await
        .unwrap();
    stage
        .engine
        .purge_blueprint(stage.tenant, "person", &stage.actor)
        .await
        .unwrap();
    assert_eq!(
        count(DocumentKind::EntityFiles).await + count(DocumentKind::FileHint).await,
        0
    );
}

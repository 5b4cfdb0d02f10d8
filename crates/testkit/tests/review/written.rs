use syncline_core::audit::AuditKind;
use syncline_engine::run::{RunParameters, RunStatus};

use crate::play::{HUBSPOT, Play, SALESFORCE};

#[tokio::test]
async fn the_audit_names_the_fields_of_a_write_on_both_sides() {
    let play = Play::empty().await;
    play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    play.settle().await;
    play.app_edit("a@x.org", "city", "Genf").await;
    let run = play.run(SALESFORCE).await;
    let (audit, actor) = (play.stage.engine.audit(), &play.stage.actor);
    let written = audit
        .list(play.stage.tenant, Some(run.id), Default::default(), 100, actor)
        .await
        .unwrap();
    for kind in [AuditKind::Intended, AuditKind::Confirmed] {
        let entry = written.iter().find(|entry| entry.kind == kind).unwrap();
        let change = &entry.changes[0];
        assert_eq!(
            (change.field.as_str(), change.remote.as_deref()),
            ("city", Some("MailingCity"))
        );
        assert_eq!(
            (change.before.as_str(), change.after.as_str()),
            (Some("Bern"), Some("Genf"))
        );
    }
}

#[tokio::test]
async fn what_is_deferred_and_dealt_with_in_the_same_run_leaves_no_partial_run() {
    let play = Play::empty().await;
    play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    play.settle().await;
    let ext = play.ext(&play.person("a@x.org").await, HUBSPOT);
    play.later().await;
    // The search shows a row that a read by id has overtaken: it is deferred, and read again before the run ends.
    play.edit(HUBSPOT, &ext, "city", "Genf");
    let records = RunParameters {
        records: vec![ext.clone()],
        objects: vec!["contacts".to_owned()],
        ..RunParameters::default()
    };
    play.stage.sync(HUBSPOT, records).await.unwrap();
    play.later().await;
    play.edit(HUBSPOT, &ext, "title", "Admiral");
    let run = play.run(HUBSPOT).await;
    assert_eq!(run.status, RunStatus::Completed, "{:?}", run.ledgers);
    for ledger in run.ledgers.values().flat_map(|ledgers| ledgers.values()) {
        assert!(ledger.balances());
        assert_eq!(ledger.deferred, 0, "{:?}", run.ledgers);
    }
}

/// Calls that bring so many edits of the app to a CRM.
async fn calls_of_a_push(provider: &str, edits: usize) -> u64 {
    // Associations take calls of their own.
    let play = Play::mapped(|_, sync| sync.mapping.rules.retain(|rule| rule.fields != ["company"])).await;
    for number in 0..edits {
        play.create(provider, &format!("p{number:04}@x.org"), &[("city", "Bern")]);
    }
    play.run(provider).await;
    play.run(provider).await;
    for person in play.people().await {
        let email = person.entity.value(0).to_string();
        play.app_edit(&email, "city", "Genf").await;
    }
    let log = match provider {
        SALESFORCE => play.stage.salesforce.log(),
        _ => play.stage.hubspot.log(),
    };
    let idle = {
        let before = log.total();
        let pull = RunParameters {
            direction: Some(syncline_core::mapping::Direction::Pull),
            ..RunParameters::default()
        };
        play.stage.sync(provider, pull).await.unwrap();
        log.total() - before
    };
    let before = log.total();
    let run = play
        .stage
        .sync(
            provider,
            RunParameters {
                release_brake: true,
                ..RunParameters::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(run.total("push").updated, edits as u64, "{:?}", run.ledgers);
    log.total() - before - idle
}

#[tokio::test]
async fn a_guard_per_batch_of_writes_costs_no_more_calls_than_one_for_all() {
    // A guard, and a call that writes 200, 200 and 50 records and reads them back.
    assert_eq!(calls_of_a_push(SALESFORCE, 450).await, 2);
    // For each 100 records the guard and the write, whose answer tells what was written: no call takes more than 100.
    assert_eq!(calls_of_a_push(HUBSPOT, 250).await, 3 * 2);
}

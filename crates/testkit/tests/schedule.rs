//! The scheduler, retention, sweeps and schema drift: what happens by itself.
#![allow(missing_docs, reason = "a test has no public interface")]
#![allow(clippy::unwrap_used, reason = "a test's support may fail the test")]

mod timed;

use std::time::Duration;

use jiff::SignedDuration;
use syncline_core::audit::open_block;
use syncline_core::mapping::DeletePolicy;
use syncline_core::state::Presence;
use syncline_core::store::{InboxEntry, Mode};
use syncline_engine::conflict::ConflictQuery;
use syncline_engine::event::EventKind;
use syncline_engine::http::StopFlag;
use syncline_engine::run::{Run, RunParameters, RunQuery, RunStatus};
use syncline_engine::schema_drift::FieldChange;
use syncline_engine::settings::{Retention, Settings};
use syncline_engine::sync::{NewSync, Schedule, SweepInterval, Sync};
use syncline_simulators::fault::Fault;
use syncline_testkit::stage::{Stage, company_mapping, person_mapping};
use timed::{ext, field, people, settled, sync};

/// Runs the scheduler until something holds.
async fn until(stage: &Stage, holds: impl AsyncFn() -> bool) {
    let stop = StopFlag::new();
    let schedule = tokio::spawn({
        let (stage, stop) = (stage.clone(), stop.clone());
        async move { stage.engine.run_schedule(stop, &stage.actor).await }
    });
    let mut came = false;
    for _ in 0..6_000 {
        came = holds().await;
        if came {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.stop();
    schedule.await.unwrap().unwrap();
    assert!(came, "it never came");
}

async fn set(stage: &Stage, name: &str, change: impl FnOnce(&mut NewSync)) -> Sync {
    let syncs = stage
        .engine
        .syncs()
        .list(stage.tenant, false, &stage.actor)
        .await
        .unwrap();
    let known = syncs.into_iter().find(|sync| sync.name == name).unwrap();
    let mut new = NewSync {
        name: known.name,
        connection: known.connection,
        mapping: known.mapping,
        fields: Vec::new(),
        groups: Vec::new(),
        schedule: known.schedule,
        sweep: known.sweep,
        files: known.files,
        start: false,
    };
    change(&mut new);
    stage.engine.syncs().save(new, &stage.actor).await.unwrap().sync
}

async fn runs(stage: &Stage) -> Vec<Run> {
    stage
        .engine
        .runs()
        .list(stage.tenant, &RunQuery::default(), &stage.actor)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_due_runs_by_itself_and_what_was_missed_runs_once() {
    let (stage, clock) = settled(4).await;
    for name in ["salesforce-people", "salesforce-companies", "hubspot-people"] {
        set(&stage, name, |new| new.schedule = Schedule::Hour).await;
    }
    let due = stage.engine.due(stage.tenant, &stage.actor).await.unwrap();
    let manual: Vec<&str> = due
        .iter()
        .filter(|(_, next)| next.is_none())
        .map(|(sync, _)| sync.name.as_str())
        .collect();
    assert_eq!(manual, ["hubspot-companies"]);
    clock.advance(10 * 3_600);
    let missed = clock.time();
    let before = runs(&stage).await.len();
    until(&stage, async || {
        runs(&stage).await.len() >= before + 2 && runs(&stage).await[0].status.is_over()
    })
    .await;
    let mut first: Vec<Run> = runs(&stage).await;
    first.truncate(runs(&stage).await.len() - before);
    first.retain(|run| run.requested_at < missed + SignedDuration::from_mins(50));
    assert_eq!(
        first.len(),
        2,
        "one run for each connection, however much was missed: {first:?}"
    );
    let hubspot = first
        .iter()
        .find(|run| run.connection == stage.connections["hubspot"].id)
        .unwrap();
    assert_eq!(hubspot.parameters.objects, ["contacts"], "only what is due");
    let salesforce = first
        .iter()
        .find(|run| run.connection == stage.connections["salesforce"].id)
        .unwrap();
    assert!(salesforce.parameters.objects.is_empty(), "all of them are due");
}

#[tokio::test]
async fn a_tenant_with_a_huge_backlog_does_not_keep_another_waiting() {
    let settings = Settings {
        parallel_runs: 1,
        ..timed::settings()
    };
    let (acme, clock) = timed::stage(300, settings).await;
    let mut globex = acme.clone();
    globex.tenant = acme.engine.tenant("Globex", &acme.actor).await.unwrap().id;
    globex.connections.clear();
    globex
        .connect_salesforce(std::collections::BTreeMap::new())
        .await
        .unwrap();
    // One imports everything from both CRMs, the other looks after a few companies.
    for sync in acme.map_all().await.unwrap() {
        set(&acme, &sync.name, |new| new.schedule = Schedule::Hour).await;
    }
    let mut companies = company_mapping("salesforce", globex.connections["salesforce"].id);
    companies.schedule = Schedule::Hour;
    globex.engine.syncs().save(companies, &globex.actor).await.unwrap();
    clock.advance(2 * 3_600);
    let of = async |stage: &Stage, connection: &str, after: u64| {
        let id = stage.connections[connection].id;
        let mut runs = runs(stage).await;
        runs.retain(|run| run.id > after && run.connection == id && run.status.is_over());
        runs
    };
    let mut after = 0;
    for round in 0..2 {
        until(&acme, async || {
            let salesforce = of(&acme, "salesforce", after).await;
            let hubspot = of(&acme, "hubspot", after).await;
            let small = of(&globex, "salesforce", after).await;
            !(salesforce.is_empty() || hubspot.is_empty() || small.is_empty())
        })
        .await;
        let (mut all, small) = (runs(&acme).await, runs(&globex).await);
        if round == 0 {
            let imported: u64 = all.iter().map(|run| run.total("pull").read).sum();
            assert!(imported >= 600, "a backlog: {imported}");
        }
        all.extend(small);
        all.retain(|run| run.id > after);
        all.sort_by_key(|run| run.id);
        let turns: Vec<u32> = all.iter().map(|run| run.tenant).collect();
        // With one run at a time, it waits for at most one of the other's.
        assert!(turns[..2].contains(&globex.tenant), "round {round}: {turns:?}");
        after = all.iter().map(|run| run.id).max().unwrap();
        clock.advance(2 * 3_600);
    }
}

#[tokio::test]
async fn a_hint_is_answered_at_once_and_moves_no_schedule() {
    let (stage, clock) = settled(4).await;
    let planned = set(&stage, "hubspot-people", |new| {
        new.schedule = Schedule::Day { at: "03:00".into() }
    })
    .await;
    let person = people(&stage).await.remove(0);
    let id = ext(&person, "hubspot");
    stage.hubspot.update("contacts", &id, field("city", "London")).unwrap();
    clock.advance(5);
    let mut tx = stage.store.begin(Mode::Write).await.unwrap();
    tx.put_hints(&[InboxEntry {
        side: planned.side,
        ext: id,
        seq: 1,
    }])
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let before = runs(&stage).await.len();
    until(&stage, async || {
        runs(&stage).await.len() > before && runs(&stage).await[0].status.is_over()
    })
    .await;
    let run = runs(&stage).await.remove(0);
    assert!(run.parameters.hints && run.total("pull").read < 5, "{run:?}");
    assert_eq!(runs(&stage).await.len(), before + 1, "answered, and not asked again");
    let person = people(&stage).await.remove(0);
    assert_eq!(person.entity.value(5).to_string(), "London");
    let known = stage.engine.syncs().get(planned.id, &stage.actor).await.unwrap();
    assert_eq!(known.next_run_at, planned.next_run_at);
}

#[tokio::test]
async fn a_failed_record_is_tried_again_before_the_next_poll() {
    let (stage, clock) = settled(4).await;
    set(&stage, "salesforce-people", |new| {
        new.schedule = Schedule::Day { at: "03:00".into() };
    })
    .await;
    let person = people(&stage).await.remove(0);
    stage
        .hubspot
        .update("contacts", &ext(&person, "hubspot"), field("jobtitle", "Admiral"))
        .unwrap();
    sync(&stage, &clock, "hubspot").await;
    stage.salesforce.faults().set_rate(Fault::Validation, 1.0);
    sync(&stage, &clock, "salesforce").await;
    let failures = async || {
        let failures = stage.engine.runs().failures(stage.tenant, None, &stage.actor).await;
        failures.unwrap().len()
    };
    assert_eq!(failures().await, 1);
    stage.salesforce.faults().clear();
    let start = clock.time();
    until(&stage, async || failures().await == 0).await;
    assert!(
        clock.time() < start + SignedDuration::from_hours(12),
        "the poll is later"
    );
    let id = ext(&person, "salesforce");
    assert_eq!(
        stage.salesforce.record("Contact", &id).unwrap().fields["Title"],
        "Admiral"
    );
}

#[tokio::test]
async fn what_is_paused_never_runs_by_itself() {
    let (stage, clock) = settled(4).await;
    let paused = set(&stage, "hubspot-people", |new| new.schedule = Schedule::Hour).await;
    set(&stage, "salesforce-people", |new| new.schedule = Schedule::Hour).await;
    stage
        .engine
        .syncs()
        .pause(paused.id, "holidays", &stage.actor)
        .await
        .unwrap();
    let connection = stage.connections["hubspot"].id;
    clock.advance(7_200);
    let before = runs(&stage).await.len();
    until(&stage, async || runs(&stage).await.len() > before + 2).await;
    let made: Vec<Run> = runs(&stage).await.into_iter().rev().skip(before).collect();
    assert!(made.iter().all(|run| run.connection != connection), "{made:?}");
    assert!(
        stage
            .engine
            .due(stage.tenant, &stage.actor)
            .await
            .unwrap()
            .iter()
            .all(|(sync, _)| sync.id != paused.id)
    );
}

#[tokio::test]
async fn stopping_the_schedule_stops_its_runs_at_a_safe_place() {
    let (stage, clock) = timed::stage(
        400,
        Settings {
            page_rows: 20,
            ..timed::settings()
        },
    )
    .await;
    stage.map("salesforce").await.unwrap();
    set(&stage, "salesforce-people", |new| new.schedule = Schedule::Hour).await;
    clock.advance(7_200);
    stage.salesforce.faults().set_slow(Duration::from_millis(20));
    stage.salesforce.faults().set_rate(Fault::Slow, 1.0);
    until(&stage, async || {
        runs(&stage).await.iter().any(|run| run.status == RunStatus::Running)
    })
    .await;
    let run = runs(&stage).await.remove(0);
    assert!(run.status.is_over(), "{:?}", run.status);
    assert!(run.balances());
}

#[tokio::test]
async fn a_connection_in_trouble_is_left_alone_for_longer_and_longer() {
    let (stage, clock) = settled(4).await;
    set(&stage, "salesforce-people", |new| {
        new.schedule = Schedule::Minutes { minutes: 1 }
    })
    .await;
    stage.salesforce.faults().set_rate(Fault::ServerError, 1.0);
    let start = clock.time();
    let before = runs(&stage).await.len();
    until(&stage, async || {
        clock.advance(20);
        clock.time() > start + SignedDuration::from_hours(6)
    })
    .await;
    let made = runs(&stage).await.len() - before;
    assert!((2..40).contains(&made), "{made} runs in six hours");
}

#[tokio::test]
async fn a_lost_change_and_a_lost_record_are_found_by_a_sweep() {
    // Nobody asks Salesforce up to when all changes are visible.
    let (mut stage, clock) = timed::stage(4, timed::settings()).await;
    stage
        .connect_salesforce([("coverage_minutes".to_owned(), "0".to_owned())].into())
        .await
        .unwrap();
    timed::settle(&stage, &clock).await;
    let person = people(&stage).await.remove(0);
    let contact = person
        .sides
        .iter()
        .find_map(|side| side.ext.clone().filter(|ext| ext.starts_with("003")))
        .unwrap();
    // Commits so late that no overlap reaches back to its stamp.
    stage.salesforce.next_commit_late(SignedDuration::from_hours(5));
    stage
        .salesforce
        .update("Contact", &contact, field("Title", "Countess"))
        .unwrap();
    stage.salesforce.next_commit_late(SignedDuration::from_hours(5));
    stage
        .salesforce
        .create("Contact", field("LastName", "Babbage"))
        .unwrap();
    clock.advance(3 * 3_600);
    sync(&stage, &clock, "salesforce").await;
    clock.advance(3 * 3_600);
    stage.salesforce.commit_open();
    sync(&stage, &clock, "salesforce").await;
    let count = people(&stage).await.len();
    assert_ne!(
        people(&stage).await[0].entity.value(4).to_string(),
        "Countess",
        "too late for the poll"
    );

    let parameters = RunParameters {
        sweep: true,
        ..RunParameters::default()
    };
    let run = stage.sync("salesforce", parameters).await.unwrap();
    assert!(run.balances() && run.total("sweep").deferred == 2, "{:?}", run.ledgers);
    assert_eq!(people(&stage).await[0].entity.value(4).to_string(), "Countess");
    assert_eq!(people(&stage).await.len(), count + 1);
}

#[tokio::test]
async fn only_the_second_sweep_in_a_row_without_a_record_deletes_it() {
    let (stage, clock) = settled(4).await;
    set(&stage, "hubspot-people", |new| {
        new.mapping.on_crm_delete = DeletePolicy::Delete;
    })
    .await;
    for provider in ["hubspot", "salesforce", "hubspot"] {
        sync(&stage, &clock, provider).await;
    }
    let person = people(&stage).await.remove(0);
    stage.hubspot.hard_delete("contacts", &ext(&person, "hubspot")).unwrap();
    let sweep = RunParameters {
        sweep: true,
        since: None,
        ..RunParameters::default()
    };
    let state = async || {
        let mut tx = stage.store.begin(Mode::Read).await.unwrap();
        let linked = tx.load(&[person.entity.id]).await.unwrap().remove(0);
        (linked.sides[1].presence.clone(), linked.entity.deleted)
    };
    let mut states = Vec::new();
    for _ in 0..3 {
        clock.advance(60);
        let run = stage.sync("hubspot", sweep.clone()).await.unwrap();
        assert!(run.balances() && run.status != RunStatus::Failed, "{run:?}");
        states.push(state().await);
    }
    assert!(states[2].1, "{states:?}");
    assert!(
        matches!(states[2].0, Presence::Deleted(_) | Presence::Archived),
        "{states:?}"
    );
}

#[tokio::test]
async fn a_record_that_is_not_shared_any_more_is_never_taken_for_deleted() {
    let (stage, clock) = settled(4).await;
    set(&stage, "salesforce-people", |new| {
        new.mapping.on_crm_delete = DeletePolicy::Delete;
    })
    .await;
    for provider in ["salesforce", "hubspot", "salesforce"] {
        sync(&stage, &clock, provider).await;
    }
    let mut people = people(&stage).await;
    let (hidden, gone) = (people.remove(0), people.remove(0));
    let sweep = RunParameters {
        sweep: true,
        ..RunParameters::default()
    };
    let state = async |id| {
        let mut tx = stage.store.begin(Mode::Read).await.unwrap();
        let linked = tx.load(&[id]).await.unwrap().remove(0);
        (linked.sides[0].presence.clone(), linked.entity.deleted)
    };
    stage
        .salesforce
        .share("Contact", &ext(&hidden, "salesforce"), false)
        .unwrap();
    stage
        .salesforce
        .hard_delete("Contact", &ext(&gone, "salesforce"))
        .unwrap();
    for _ in 0..4 {
        // Longer than Salesforce's log of deletes is asked for again.
        clock.advance(2 * 3_600);
        let run = stage.sync("salesforce", sweep.clone()).await.unwrap();
        assert!(run.balances() && run.status != RunStatus::Failed, "{run:?}");
    }
    assert_eq!(state(hidden.entity.id).await, (Presence::Inaccessible, false));
    assert!(state(gone.entity.id).await.1, "the log tells what was deleted for good");
    stage
        .salesforce
        .share("Contact", &ext(&hidden, "salesforce"), true)
        .unwrap();
    stage.sync("salesforce", sweep).await.unwrap();
    assert_eq!(state(hidden.entity.id).await, (Presence::Live, false));
}

#[tokio::test]
async fn a_sweep_that_runs_out_of_its_budget_goes_on_the_next_time() {
    let settings = Settings {
        sweep_calls: 1,
        page_rows: 10,
        ..timed::settings()
    };
    let (stage, clock) = timed::stage(250, settings).await;
    stage.map("hubspot").await.unwrap();
    sync(&stage, &clock, "hubspot").await;
    let sweep = RunParameters {
        sweep: true,
        objects: vec!["contacts".into()],
        ..RunParameters::default()
    };
    let mut seen = 0;
    for _ in 0..6 {
        let run = stage.sync("hubspot", sweep.clone()).await.unwrap();
        assert!(run.balances());
        let read = run.total("sweep").read;
        assert!(read < 250, "{read}");
        seen += read;
        if seen >= 250 {
            break;
        }
    }
    assert!(seen >= 250, "{seen}");
    let people = people(&stage).await;
    assert!(people.iter().all(|person| person.sides[0].presence == Presence::Live));
}

#[tokio::test]
async fn what_is_old_is_compacted_and_the_audit_chain_still_holds() {
    let (stage, clock) = settled(6).await;
    let person = people(&stage).await.remove(0);
    stage
        .hubspot
        .update("contacts", &ext(&person, "hubspot"), field("city", "London"))
        .unwrap();
    for provider in ["hubspot", "salesforce"] {
        sync(&stage, &clock, provider).await;
    }
    clock.advance(20 * 86_400);
    sync(&stage, &clock, "salesforce").await;
    let few = stage.engine.compact(stage.tenant, &stage.actor).await.unwrap();
    assert!(few.events > 0 && few.operations > 0, "{few:?}");
    assert_eq!((few.runs, few.audit), (0, 0));
    clock.advance(360 * 86_400);
    stage.engine.syncs().pause(1, "holidays", &stage.actor).await.unwrap();
    let all = stage.engine.compact(stage.tenant, &stage.actor).await.unwrap();
    assert!(all.runs >= 4 && all.audit > 0, "{all:?}");
    assert!(runs(&stage).await.is_empty());
    let mut tx = stage.store.begin(Mode::Read).await.unwrap();
    let blocks = tx.audit(stage.tenant, None, 0, 10_000).await.unwrap();
    let mut previous = [0; 32];
    for block in &blocks {
        assert_eq!(block.previous, previous);
        previous = block.root;
        open_block(block).unwrap();
    }
    assert!(
        !open_block(blocks.last().unwrap()).unwrap().is_empty(),
        "what is young is kept"
    );
}

#[tokio::test]
async fn a_record_deleted_everywhere_is_forgotten_and_a_cut_link_is_not() {
    let (stage, clock) = settled(4).await;
    let person = people(&stage).await.remove(0);
    set(&stage, "salesforce-people", |new| {
        new.mapping.on_crm_delete = DeletePolicy::Delete;
    })
    .await;
    set(&stage, "hubspot-people", |new| {
        new.mapping.on_app_delete = DeletePolicy::Unlink;
    })
    .await;
    for provider in ["salesforce", "hubspot", "salesforce"] {
        sync(&stage, &clock, provider).await;
    }
    stage.salesforce.delete("Contact", &ext(&person, "salesforce")).unwrap();
    for provider in ["salesforce", "hubspot"] {
        sync(&stage, &clock, provider).await;
    }
    clock.advance(100 * 86_400);
    let compacted = stage.engine.compact(stage.tenant, &stage.actor).await.unwrap();
    assert_eq!(compacted.tombstones, 0, "HubSpot still has the record");
    let count = people(&stage).await.len();
    clock.advance(60);
    let full = RunParameters {
        full: true,
        ..RunParameters::default()
    };
    stage.sync("hubspot", full).await.unwrap();
    assert_eq!(people(&stage).await.len(), count, "it does not come back");
}

#[tokio::test]
async fn a_new_field_is_told_as_schema_drift_once() {
    let (stage, _clock) = settled(2).await;
    let connection = &stage.connections["salesforce"];
    assert!(
        stage
            .engine
            .check_schema(connection, &stage.actor)
            .await
            .unwrap()
            .is_empty()
    );
    stage
        .salesforce
        .add_custom_field("Contact", "Shoe_Size__c", "Shoe size", "double")
        .unwrap();
    let drifts = stage.engine.check_schema(connection, &stage.actor).await.unwrap();
    assert_eq!(drifts.len(), 1);
    assert_eq!(drifts[0].object, "Contact");
    assert!(drifts[0].broken.is_empty());
    let added: Vec<(&str, &FieldChange)> = drifts[0]
        .fields
        .iter()
        .map(|drift| (drift.field.as_str(), &drift.change))
        .collect();
    assert_eq!(added, [("Shoe_Size__c", &FieldChange::Added)]);
    assert!(
        stage
            .engine
            .check_schema(connection, &stage.actor)
            .await
            .unwrap()
            .is_empty()
    );
    let events = stage
        .engine
        .events(stage.tenant, 0, 10_000, &stage.actor)
        .await
        .unwrap();
    let told = events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::SchemaDrifted { .. }))
        .count();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn a_field_that_the_user_may_no_longer_see_is_told_with_what_it_stops() {
    let (stage, clock) = settled(2).await;
    let connection = &stage.connections["salesforce"];
    let before = stage.salesforce.log().total();
    assert!(
        stage
            .engine
            .check_schema(connection, &stage.actor)
            .await
            .unwrap()
            .is_empty()
    );
    let answers: Vec<u16> = stage.salesforce.log().entries()[..]
        .iter()
        .filter(|entry| entry.number > before && entry.path.contains("/describe"))
        .map(|entry| entry.status)
        .collect();
    assert!(
        !answers.is_empty() && answers.iter().all(|status| *status == 304),
        "what did not change is not described again: {answers:?}"
    );
    clock.advance(60);
    stage.salesforce.let_see("Contact", "Title", false).unwrap();
    let drifts = stage.engine.check_schema(connection, &stage.actor).await.unwrap();
    let drift = &drifts[0];
    assert_eq!(drift.fields[0].field, "Title");
    assert_eq!(drift.fields[0].change, FieldChange::Removed);
    assert_eq!(drift.fields[0].effects.len(), 1, "{drift:?}");
    assert_eq!(drift.broken.len(), 1, "{drift:?}");
}

#[tokio::test]
async fn upkeep_is_done_once_a_day_by_the_schedule() {
    let (stage, clock) = settled(2).await;
    let start = clock.time();
    stage
        .salesforce
        .add_custom_field("Contact", "Shoe_Size__c", "Shoe size", "double")
        .unwrap();
    let told = async || {
        clock.advance(600);
        let events = stage
            .engine
            .events(stage.tenant, 0, 10_000, &stage.actor)
            .await
            .unwrap();
        events
            .iter()
            .any(|event| matches!(event.kind, EventKind::SchemaDrifted { .. }))
    };
    until(&stage, told).await;
    assert!(clock.time() >= start + SignedDuration::from_hours(24));
}

#[tokio::test]
async fn what_no_poll_can_see_is_found_by_the_sweeps_that_come_by_themselves() {
    let (stage, clock) = settled(4).await;
    for name in ["salesforce-people", "hubspot-people"] {
        set(&stage, name, |new| {
            new.schedule = Schedule::Hour;
            new.mapping.on_crm_delete = DeletePolicy::Delete;
        })
        .await;
    }
    for provider in ["salesforce", "hubspot"] {
        sync(&stage, &clock, provider).await;
    }
    let person = people(&stage).await.remove(0);
    // Gone for good: no list of deleted records tells of it.
    stage.hubspot.hard_delete("contacts", &ext(&person, "hubspot")).unwrap();
    let count = people(&stage).await.len();
    let start = clock.time();
    let first = RunParameters::default();
    stage.sync("hubspot", first).await.unwrap();
    assert_eq!(people(&stage).await.len(), count, "a poll sees nothing of it");
    until(&stage, async || {
        clock.advance(300);
        people(&stage).await.len() < count
    })
    .await;
    let took = clock.time().duration_since(start).as_hours();
    assert!((24..72).contains(&took), "two sweeps, a day apart: {took} hours");
    let swept = |run: &&Run| run.ledgers.values().any(|ledgers| ledgers.contains_key("sweep"));
    let all = runs(&stage).await;
    let sweeps = all
        .iter()
        .filter(swept)
        .filter(|run| run.connection == stage.connections["hubspot"].id);
    assert!(sweeps.count() <= 3, "most polls make none");
}

#[tokio::test]
async fn a_sync_says_how_often_it_is_swept() {
    let (stage, clock) = settled(4).await;
    for (name, sweep) in [
        ("salesforce-people", SweepInterval::Never),
        ("salesforce-companies", SweepInterval::Hours(2)),
    ] {
        set(&stage, name, |new| new.sweep = sweep).await;
    }
    let swept = async || {
        let run = sync(&stage, &clock, "salesforce").await;
        let swept = |name: &str| run.ledgers[name].contains_key("sweep");
        (swept("salesforce-people"), swept("salesforce-companies"))
    };
    clock.advance(3 * 3_600);
    assert_eq!(swept().await, (false, true));
    assert_eq!(swept().await, (false, false), "not again before it is time");
    clock.advance(5 * 86_400);
    assert_eq!(swept().await, (false, true));
    let connection = stage.connections["salesforce"].id;
    let mut new = person_mapping("salesforce", connection);
    new.sweep = SweepInterval::Hours(0);
    let refused = stage.engine.syncs().save(new, &stage.actor).await.unwrap_err();
    assert!(refused.to_string().contains("at least 1"), "{refused}");
}

#[tokio::test]
async fn a_sync_that_was_silent_for_longer_than_deletes_are_remembered_deletes_nothing_unasked() {
    let settings = Settings {
        retention: Retention {
            tombstones: 10,
            ..Retention::default()
        },
        ..timed::settings()
    };
    // What is erased for good is seen by nothing but a sweep.
    let (mut stage, clock) = timed::stage(4, settings).await;
    stage
        .connect_salesforce([("coverage_minutes".to_owned(), "0".to_owned())].into())
        .await
        .unwrap();
    timed::settle(&stage, &clock).await;
    set(&stage, "salesforce-people", |new| {
        new.mapping.on_crm_delete = DeletePolicy::Delete;
    })
    .await;
    sync(&stage, &clock, "salesforce").await;
    let (gone, erased) = {
        let people = people(&stage).await;
        (people[0].clone(), people[1].clone())
    };
    let count = people(&stage).await.len();
    clock.advance(12 * 86_400);
    stage.salesforce.delete("Contact", &ext(&gone, "salesforce")).unwrap();
    stage
        .salesforce
        .hard_delete("Contact", &ext(&erased, "salesforce"))
        .unwrap();
    for _ in 0..4 {
        sync(&stage, &clock, "salesforce").await;
        clock.advance(25 * 3_600);
    }
    assert_eq!(people(&stage).await.len(), count, "nothing is deleted");
    let query = ConflictQuery::pending();
    let asked = stage
        .engine
        .conflicts()
        .list(stage.tenant, &query, &stage.actor)
        .await
        .unwrap();
    assert_eq!(
        asked.len(),
        1,
        "what the CRM says was deleted is asked about: {asked:#?}"
    );
    let events = stage
        .engine
        .events(stage.tenant, 0, 10_000, &stage.actor)
        .await
        .unwrap();
    let told = events.iter().filter(|event| match &event.kind {
        EventKind::ConnectionNeedsAttention { message, .. } => message.contains("10 days"),
        _ => false,
    });
    assert_eq!(told.count(), 2, "once for each of the two syncs");
    stage.engine.confirm_restored(&stage.actor).await.unwrap();
    for _ in 0..4 {
        sync(&stage, &clock, "salesforce").await;
        clock.advance(25 * 3_600);
    }
    let left: Vec<i64> = people(&stage).await.iter().map(|person| person.entity.id).collect();
    // One was put before a person. Of the other nobody can tell whether it was erased or is merely out of sight.
    assert!(
        left.contains(&gone.entity.id) && left.contains(&erased.entity.id),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_connection_runs_next_when_the_soonest_of_its_syncs_does() {
    let (stage, clock) = settled(2).await;
    let people = set(&stage, "hubspot-people", |new| new.schedule = Schedule::Hour).await;
    let companies = set(&stage, "hubspot-companies", |new| {
        new.schedule = Schedule::Minutes { minutes: 10 }
    })
    .await;
    let (connection, actor) = (stage.connections["hubspot"].id, &stage.actor);
    let shown = async || {
        let connection = stage.engine.connections().get(connection, actor).await.unwrap();
        connection.next_run_at
    };
    assert_eq!(shown().await, companies.next_run_at, "as soon as it is saved");
    clock.advance(60);
    let only_people = RunParameters {
        objects: vec!["contacts".into()],
        ..RunParameters::default()
    };
    stage.sync("hubspot", only_people).await.unwrap();
    assert_eq!(shown().await, companies.next_run_at, "whatever has run since");
    stage
        .engine
        .syncs()
        .pause(companies.id, "holidays", actor)
        .await
        .unwrap();
    let people = stage.engine.syncs().get(people.id, actor).await.unwrap();
    assert_eq!(shown().await, people.next_run_at);
    stage.engine.syncs().delete(people.id, actor).await.unwrap();
    assert_eq!(shown().await, None);
}

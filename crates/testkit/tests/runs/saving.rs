use syncline_core::mapping::{DeletePolicy, Direction, Rule, Strategy};
use syncline_core::model::{Field, FieldType};
use syncline_engine::run::{RunParameters, RunStatus};
use syncline_engine::sync::{NewSync, SavedSync, Schedule, SweepInterval, SyncChange};
use syncline_testkit::stage::{Stage, person_mapping};

use crate::timed::{self, JumpingClock, ext, field, people, settled, stage, sync};

fn mapping(stage: &Stage) -> NewSync {
    person_mapping("salesforce", stage.connections["salesforce"].id)
}

async fn save(stage: &Stage, new: NewSync) -> SavedSync {
    stage.engine.syncs().save(new, &stage.actor).await.unwrap()
}

/// What the next run of Salesforce reads: records, and requests.
async fn next(stage: &Stage, clock: &JumpingClock) -> (u64, u64) {
    let before = stage.salesforce.log().total();
    let run = sync(stage, clock, "salesforce").await;
    (run.total("pull").read, stage.salesforce.log().total() - before)
}

/// Everybody's revisions and values.
async fn app(stage: &Stage) -> Vec<(u64, Vec<syncline_core::Value>)> {
    let mut all: Vec<_> = people(stage).await;
    all.sort_by_key(|linked| linked.entity.id);
    all.into_iter()
        .map(|linked| (linked.entity.rev, linked.entity.values))
        .collect()
}

#[tokio::test]
async fn a_new_sync_says_how_much_there_is_and_starts_its_first_import() {
    let (stage, _clock) = stage(7, Default::default()).await;
    for provider in ["salesforce", "hubspot"] {
        let mut new = person_mapping(provider, stage.connections[provider].id);
        new.start = true;
        // Companies are not there yet, and would be waited for.
        new.mapping.rules.pop();
        let saved = save(&stage, new).await;
        assert_eq!(saved.change, SyncChange::Created);
        assert_eq!(saved.estimate, Some(7), "{provider}");
        let run = saved.run.unwrap();
        assert_eq!(run.estimate, 7, "known before anything was read");
        for _ in 0..2_000 {
            if stage
                .engine
                .runs()
                .get(run.id, &stage.actor)
                .await
                .unwrap()
                .status
                .is_over()
            {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let run = stage.engine.runs().get(run.id, &stage.actor).await.unwrap();
        assert_eq!(run.status, RunStatus::Completed, "{:?} {:?}", run.error, run.ledgers);
        assert_eq!(run.total("pull").read, 7);
    }
    // Where nothing is new, nothing starts.
    let mut again = mapping(&stage);
    again.mapping.rules.pop();
    again.start = true;
    let again = save(&stage, again).await;
    assert_eq!((again.change, again.run), (SyncChange::Unchanged, None));
}

#[tokio::test]
async fn removing_a_rule_or_changing_a_policy_reads_nothing() {
    // How often Salesforce is asked up to when all changes are visible is no matter of what is saved.
    let (mut stage, clock) = stage(5, timed::settings()).await;
    stage
        .connect_salesforce([("coverage_minutes".to_owned(), "0".to_owned())].into())
        .await
        .unwrap();
    timed::settle(&stage, &clock).await;
    let quiet = next(&stage, &clock).await;
    assert_eq!(quiet.0, 0);

    let mut other = mapping(&stage);
    other.mapping.strategy = syncline_core::mapping::Strategy::CrmWins;
    other.mapping.rules[3].strategy = Some(syncline_core::mapping::Strategy::ManualReview);
    let saved = save(&stage, other.clone()).await;
    assert_eq!((saved.change, saved.estimate), (SyncChange::Settings, None));
    assert_eq!(next(&stage, &clock).await, quiet, "a policy");

    // The first of the rules, so that everything behind it moves up.
    other.mapping.rules.remove(1);
    let saved = save(&stage, other).await;
    assert_eq!((saved.change, saved.estimate), (SyncChange::Narrowed, None));
    let before = app(&stage).await;
    assert_eq!(next(&stage, &clock).await, quiet, "a rule less");
    assert_eq!(app(&stage).await, before, "no value is lost");
    assert_eq!(next(&stage, &clock).await, quiet);

    // What is left still goes both ways, and only that.
    let person = people(&stage).await.remove(0);
    let id = ext(&person, "salesforce");
    stage
        .salesforce
        .update("Contact", &id, field("Title", "Admiral"))
        .unwrap();
    stage
        .salesforce
        .update("Contact", &id, field("FirstName", "Nobody"))
        .unwrap();
    sync(&stage, &clock, "salesforce").await;
    let person = people(&stage)
        .await
        .into_iter()
        .find(|one| one.entity.id == person.entity.id)
        .unwrap();
    assert_eq!(person.entity.value(4).to_string(), "Admiral");
    assert_ne!(person.entity.value(1).to_string(), "Nobody");
    let patch = [("city".to_owned(), serde_json::Value::from("Genf"))]
        .into_iter()
        .collect();
    let read = syncline_engine::entity::EntityRead::Blind;
    let entities = stage.engine.entities();
    entities
        .update(stage.tenant, person.entity.uid, patch, read, &stage.actor)
        .await
        .unwrap();
    sync(&stage, &clock, "salesforce").await;
    let held = stage.salesforce.record("Contact", &id).unwrap();
    assert_eq!(held.fields["MailingCity"], "Genf");
    assert_eq!(held.fields["FirstName"], "Nobody");
}

#[tokio::test]
async fn adding_a_rule_reads_the_records_and_writes_only_the_new_field() {
    let (stage, clock) = settled(5).await;
    let everybody = people(&stage).await;
    for person in &everybody {
        let id = ext(person, "salesforce");
        stage
            .salesforce
            .update("Contact", &id, field("Department", "Sales"))
            .unwrap();
    }
    let quiet = next(&stage, &clock).await;
    assert_eq!(quiet.0, 5, "their stamps moved, which is all");
    clock.advance(7_200);
    let (writes, before) = (stage.salesforce.log().mutating(), app(&stage).await);
    let mut wider = mapping(&stage);
    wider.fields.push(Field::new("department", FieldType::Text));
    wider.mapping.rules.insert(0, Rule::new("department", "Department"));
    let saved = save(&stage, wider).await;
    assert_eq!((saved.change, saved.estimate), (SyncChange::Widened, Some(5)));
    assert_eq!(next(&stage, &clock).await.0, 5, "each record once");
    for ((rev, values), (old_rev, old)) in app(&stage).await.into_iter().zip(before) {
        assert_eq!(rev, old_rev + 1, "one decision");
        assert_eq!(&values[..7], &old[..7], "nothing else was decided");
        assert_eq!(values[7].to_string(), "Sales");
    }
    assert_eq!(stage.salesforce.log().mutating(), writes, "nothing is written back");
    assert_eq!(next(&stage, &clock).await.0, 0, "and once only");
}

#[tokio::test]
async fn a_run_that_only_writes_or_is_for_some_records_leaves_the_rest_to_be_read() {
    let (stage, clock) = settled(5).await;
    let everybody = people(&stage).await;
    for person in &everybody {
        let id = ext(person, "salesforce");
        stage
            .salesforce
            .update("Contact", &id, field("Department", "Sales"))
            .unwrap();
    }
    sync(&stage, &clock, "salesforce").await;
    clock.advance(7_200);
    let mut wider = mapping(&stage);
    wider.fields.push(Field::new("department", FieldType::Text));
    wider.mapping.rules.insert(0, Rule::new("department", "Department"));
    save(&stage, wider).await;
    let some = [
        RunParameters {
            direction: Some(syncline_core::mapping::Direction::Push),
            ..RunParameters::default()
        },
        RunParameters {
            records: vec![ext(&everybody[0], "salesforce")],
            objects: vec!["Contact".into()],
            ..RunParameters::default()
        },
        RunParameters {
            max_records: Some(2),
            ..RunParameters::default()
        },
    ];
    for parameters in some {
        let run = stage.sync("salesforce", parameters).await.unwrap();
        assert!(run.error.is_none(), "{:?}", run.error);
        clock.advance(60);
    }
    sync(&stage, &clock, "salesforce").await;
    for person in people(&stage).await {
        assert_eq!(person.entity.value(7).to_string(), "Sales");
    }
}

#[tokio::test]
async fn a_wider_filter_lets_in_only_those_who_match_newly() {
    let (stage, clock) = stage(0, Default::default()).await;
    for (number, city) in ["Bern", "Bern", "Genf", "Basel"].into_iter().enumerate() {
        let mut fields = field("LastName", &format!("P{number}"));
        fields.extend(field("Email", &format!("p{number}@x.org")));
        fields.extend(field("MailingCity", city));
        stage.salesforce.create("Contact", fields).unwrap();
    }
    let mut filtered = mapping(&stage);
    filtered.mapping.filter = Some("remote.MailingCity == 'Bern'".into());
    save(&stage, filtered.clone()).await;
    for _ in 0..2 {
        sync(&stage, &clock, "salesforce").await;
        clock.advance(7_200);
    }
    let before = app(&stage).await;
    assert_eq!(before.len(), 2);
    filtered.mapping.filter = Some("remote.MailingCity == 'Bern' || remote.MailingCity == 'Genf'".into());
    assert_eq!(save(&stage, filtered.clone()).await.change, SyncChange::Widened);
    let run = sync(&stage, &clock, "salesforce").await;
    let pulled = run.total("pull");
    assert_eq!((pulled.created, pulled.updated), (1, 0), "{pulled:?}");
    assert_eq!(&app(&stage).await[..2], &before[..], "those known are not decided anew");

    // Narrower again: nothing is read, nobody is lost.
    clock.advance(7_200);
    filtered.mapping.filter = None;
    assert_eq!(save(&stage, filtered.clone()).await.change, SyncChange::Widened);
    let run = sync(&stage, &clock, "salesforce").await;
    assert_eq!((run.total("pull").created, run.total("pull").updated), (1, 0));
    clock.advance(7_200);
    filtered.mapping.filter = Some("remote.MailingCity == 'Bern'".into());
    assert_eq!(save(&stage, filtered).await.change, SyncChange::Settings);
    assert_eq!(next(&stage, &clock).await.0, 0);
    assert_eq!(app(&stage).await.len(), 4);
}

#[tokio::test]
async fn what_is_proposed_has_the_defaults_of_the_product() {
    let (stage, _clock) = stage(3, Default::default()).await;
    for (provider, objects) in [
        ("salesforce", ["Account", "Contact"]),
        ("hubspot", ["companies", "contacts"]),
    ] {
        let connection = &stage.connections[provider];
        for object in objects {
            let proposal = stage
                .engine
                .propose(connection, object, None, &stage.actor)
                .await
                .unwrap();
            assert!(!proposal.rules.is_empty());
            assert!(
                proposal
                    .rules
                    .iter()
                    .all(|rule| rule.confidence > 0.0 && !rule.reason.is_empty())
            );
            let new = NewSync::proposed(object, connection, proposal);
            let mapping = &new.mapping;
            assert_eq!(
                (new.schedule.clone(), new.sweep),
                (Schedule::Hour, SweepInterval::Usual)
            );
            assert_eq!(mapping.direction, Direction::Bidirectional);
            assert_eq!(mapping.strategy, Strategy::LastWriteWins);
            assert_eq!(
                (mapping.on_crm_delete, mapping.on_app_delete),
                (DeletePolicy::Unlink, DeletePolicy::Unlink)
            );
            save(&stage, new).await;
        }
    }
}

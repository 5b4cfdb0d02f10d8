use syncline_core::mapping::DeletePolicy;
use syncline_engine::run::{Run, RunParameters, RunStatus};
use syncline_engine::settings::{Brake, Settings};

use crate::timed::{JumpingClock, ext, field, people, stage};

/// Eight people, of whom no more than two may be deleted or overwritten in one run.
async fn careful() -> (syncline_testkit::stage::Stage, std::sync::Arc<JumpingClock>) {
    let brake = Brake { least: 2, share: 0.1 };
    let first = Settings::default();
    let (stage, clock) = stage(8, first).await;
    for provider in ["salesforce", "hubspot"] {
        let id = stage.connections[provider].id;
        for mut new in [
            syncline_testkit::stage::company_mapping(provider, id),
            syncline_testkit::stage::person_mapping(provider, id),
        ] {
            new.mapping.on_crm_delete = DeletePolicy::Delete;
            new.mapping.on_app_delete = DeletePolicy::Delete;
            stage.engine.syncs().save(new, &stage.actor).await.unwrap();
        }
    }
    for _ in 0..2 {
        stage.rounds(1).await.unwrap();
        clock.advance(7_200);
    }
    let transport = syncline_testkit::stage::RouterTransport::default()
        .route(syncline_testkit::stage::SALESFORCE, stage.salesforce.router())
        .route(syncline_testkit::stage::HUBSPOT, stage.hubspot.router());
    let settings = Settings {
        delete_brake: brake,
        overwrite_brake: brake,
        ..Settings::default()
    };
    let keys = syncline_engine::vault::InMemoryKeyProvider::new(syncline_engine::vault::SecretKey::new([7; 32]));
    let mut stage = stage;
    stage.engine = syncline_engine::Engine::builder(stage.store.clone(), std::sync::Arc::new(keys))
        .connector(syncline_connector_salesforce::Salesforce::new())
        .connector(syncline_connector_hubspot::HubSpot::new())
        .settings(settings)
        .ports(
            clock.clone(),
            std::sync::Arc::new(syncline_engine::ports::SeededRandom::new(2)),
        )
        .allow_loopback(true)
        .transport(std::sync::Arc::new(transport))
        .build()
        .unwrap();
    (stage, clock)
}

fn asks(run: &Run, what: &str) {
    assert_eq!(run.status, RunStatus::Stopped, "{:?}", run.ledgers);
    let error = run.error.as_deref().unwrap_or_default();
    assert!(error.contains("mass-change brake") && error.contains(what), "{error}");
    assert!(
        error.contains("run again with the brake released"),
        "says what to do: {error}"
    );
}

fn forced() -> RunParameters {
    RunParameters {
        force: true,
        ..RunParameters::default()
    }
}

fn approved() -> RunParameters {
    RunParameters {
        release_brake: true,
        ..RunParameters::default()
    }
}

#[tokio::test]
async fn a_mass_overwrite_is_stopped_and_force_does_not_lift_that_but_an_approval_does() {
    let (stage, clock) = careful().await;
    let everybody = people(&stage).await;
    for person in &everybody {
        let id = ext(person, "salesforce");
        stage
            .salesforce
            .update("Contact", &id, field("Title", "Clerk"))
            .unwrap();
    }
    for parameters in [RunParameters::default(), forced()] {
        clock.advance(60);
        let run = stage.sync("salesforce", parameters).await.unwrap();
        asks(&run, "overwrite 8 of 8");
        let changed = people(&stage).await;
        assert!(
            changed
                .iter()
                .all(|person| person.entity.value(4).to_string() != "Clerk"),
            "nothing was taken in"
        );
    }
    clock.advance(60);
    let run = stage.sync("salesforce", approved()).await.unwrap();
    assert_eq!(run.status, RunStatus::Completed, "{:?}", run.error);
    assert!(
        people(&stage)
            .await
            .iter()
            .all(|person| person.entity.value(4).to_string() == "Clerk")
    );
}

#[tokio::test]
async fn a_mass_delete_is_stopped_on_its_way_in_and_on_its_way_out() {
    let (stage, clock) = careful().await;
    let everybody = people(&stage).await;
    for person in everybody.iter().take(4) {
        stage.salesforce.delete("Contact", &ext(person, "salesforce")).unwrap();
    }
    clock.advance(60);
    let run = stage.sync("salesforce", RunParameters::default()).await.unwrap();
    assert_eq!(
        run.total("pull").deferred,
        4,
        "deletes are noted first: {:?}",
        run.ledgers
    );
    clock.advance(600);
    asks(
        &stage.sync("salesforce", RunParameters::default()).await.unwrap(),
        "delete 4",
    );
    assert_eq!(people(&stage).await.len(), 8);
    clock.advance(60);
    let run = stage.sync("salesforce", approved()).await.unwrap();
    assert!(run.error.is_none(), "{:?}", run.error);
    assert_eq!(people(&stage).await.len(), 4);
    // The same people are now to be deleted in HubSpot, which is asked about there.
    clock.advance(60);
    asks(&stage.sync("hubspot", forced()).await.unwrap(), "delete");
    assert_eq!(stage.hubspot.count("contacts"), 8);
    clock.advance(60);
    let run = stage.sync("hubspot", approved()).await.unwrap();
    assert!(run.error.is_none(), "{:?}", run.error);
    assert_eq!(stage.hubspot.count("contacts"), 4);
}

#[tokio::test]
async fn few_changes_pass() {
    let (stage, clock) = careful().await;
    for person in people(&stage).await.iter().take(2) {
        let id = ext(person, "salesforce");
        stage
            .salesforce
            .update("Contact", &id, field("Title", "Clerk"))
            .unwrap();
    }
    clock.advance(60);
    let run = stage.sync("salesforce", RunParameters::default()).await.unwrap();
    assert_eq!(run.status, RunStatus::Completed, "{:?}", run.error);
}

#[tokio::test]
async fn a_dry_run_shows_all_that_the_brake_would_stop_and_says_that_it_would() {
    let (stage, clock) = careful().await;
    for person in people(&stage).await {
        let id = ext(&person, "salesforce");
        stage
            .salesforce
            .update("Contact", &id, field("Title", "Clerk"))
            .unwrap();
    }
    clock.advance(60);
    let dry = RunParameters {
        dry_run: true,
        ..RunParameters::default()
    };
    let run = stage.sync("salesforce", dry).await.unwrap();
    assert_eq!((run.status, run.error.as_deref()), (RunStatus::Completed, None));
    let titles = run.plan.iter().filter(|change| change.field == "title").count();
    assert_eq!(titles, 8, "{:#?}", run.plan);
    let brake = run.brake.unwrap_or_default();
    assert!(
        brake.contains("brake would stop") && brake.contains("overwrite 8 of 8"),
        "{brake}"
    );
}

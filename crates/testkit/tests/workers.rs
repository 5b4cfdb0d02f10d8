//! Four worker processes on one Postgres, killed and paused at random: what each connection has to do is done, once, and
//! none is left out. `cargo xtask crashes` plays it with a hundred connections; here it is a few.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test has no public interface and may panic"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use syncline_core::store::Store;
use syncline_engine::Engine;
use syncline_engine::actor::Actor;
use syncline_engine::connection::TokenRequest;
use syncline_engine::entity::EntityRead;
use syncline_engine::run::RunRequest;
use syncline_engine::sync::Schedule;
use syncline_simulators::hubspot::HubSpot;
use syncline_simulators::salesforce::Salesforce;
use syncline_simulators::{Credentials, Options};
use syncline_testkit::crash::{Assignment, Crms, Process, Work, machine_clock};
use syncline_testkit::postgres::Schema;
use syncline_testkit::stage::{RouterTransport, Stage, VirtualClock, company_mapping, person_mapping};

const WORKER: &str = env!("CARGO_BIN_EXE_worker");
const WORKERS: usize = 4;
/// Longer than a lease of one that stands still, and than the server waits for one within a transaction.
const PATIENCE: Duration = Duration::from_secs(180);

/// One tenant with both CRMs.
struct Customer {
    stage: Stage,
    /// The last title of each person, by uid.
    titles: BTreeMap<uuid::Uuid, String>,
}

fn hosts(number: usize) -> [String; 2] {
    [
        format!("salesforce{number}.localhost"),
        format!("hubspot{number}.localhost"),
    ]
}

async fn connect(engine: &Engine, tenant: u32, provider: &str, host: &str, credentials: Credentials, actor: &Actor) {
    let request = TokenRequest {
        tenant,
        provider: provider.to_owned(),
        name: provider.to_owned(),
        login_url: Some(format!("http://{host}")),
        base_url: Some(format!("http://{host}")),
        client_id: credentials.client_id.clone(),
        client_secret: Some(credentials.client_secret.clone().into()),
        access_token: credentials.access_token.clone().into(),
        refresh_token: Some(credentials.refresh_token.into()),
        expires_at: None,
        settings: BTreeMap::new(),
    };
    let connection = engine.connections().connect_with_tokens(request, actor).await.unwrap();
    for mut new in [
        company_mapping(provider, connection.id),
        person_mapping(provider, connection.id),
    ] {
        // Edits run at once; by the clock nothing is due before the test is over.
        new.schedule = Schedule::Hour;
        engine.syncs().save(new, actor).await.unwrap();
    }
}

async fn play(customers: usize, strikes: usize) {
    if Schema::is_skipped() {
        return;
    }
    let schema = Schema::new().await.unwrap();
    let clock = machine_clock();
    let crms: Vec<(Salesforce, HubSpot)> = (0..customers)
        .map(|number| {
            let options = Options {
                records: 3,
                seed: number as u64 + 1,
                clock: Arc::new(clock.clone()),
                ..Options::default()
            };
            (
                Salesforce::new(options.clone()).unwrap(),
                HubSpot::new(options).unwrap(),
            )
        })
        .collect();
    let mut routes = BTreeMap::new();
    let mut inside = RouterTransport::default();
    for (number, (salesforce, hubspot)) in crms.iter().enumerate() {
        for (host, router) in hosts(number).into_iter().zip([salesforce.router(), hubspot.router()]) {
            inside = inside.route(&host, router.clone());
            routes.insert(host, router);
        }
    }
    let outside = Crms::serve(routes).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(schema.open().await.unwrap());
    let mut customers = set(&crms, &store, inside, &clock).await;

    let assignment = Assignment {
        database: schema.url(),
        crms: outside.base_url().to_owned(),
        tenant: 0,
        work: Work::Schedule,
        dies_at: None,
    };
    let start = || Process::start(Path::new(WORKER), &assignment).unwrap();
    let mut workers: Vec<Process> = (0..WORKERS).map(|_| start()).collect();
    let mut dice = ChaCha8Rng::seed_from_u64(7);
    let mut paused = None;
    for strike in 0..strikes {
        for _ in 0..3 {
            let number = dice.random_range(0..customers.len());
            edit(&mut customers[number], &mut dice, strike).await;
        }
        tokio::time::sleep(Duration::from_millis(dice.random_range(20..300))).await;
        let victim = dice.random_range(0..WORKERS);
        match dice.random_range(0..4) {
            0 if paused.is_none() => {
                workers[victim].pause().unwrap();
                paused = Some(victim);
            }
            1 => {
                if let Some(victim) = paused.take() {
                    workers[victim].resume().unwrap();
                }
            }
            _ if paused != Some(victim) => workers[victim] = start(),
            _ => {}
        }
    }
    // One stays paused to the end: the others do its work.
    let begun = Instant::now();
    loop {
        let missing = missing(&customers).await;
        if missing.is_empty() {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "never written: {missing:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    if let Some(victim) = paused {
        workers[victim].resume().unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    drop(workers);
    for (number, customer) in customers.iter().enumerate() {
        once(customer, number).await;
    }
    drop(customers);
    drop(store);
    schema.remove().await.unwrap();
}

async fn set(
    crms: &[(Salesforce, HubSpot)],
    store: &Arc<dyn Store>,
    inside: RouterTransport,
    clock: &VirtualClock,
) -> Vec<Customer> {
    let engine = Stage::engine(store.clone(), inside, clock).unwrap();
    let actor = Actor::admin("test");
    let mut customers = Vec::new();
    for (number, (salesforce, hubspot)) in crms.iter().enumerate() {
        let tenant = engine.tenant(&format!("Customer {number}"), &actor).await.unwrap().id;
        let [first, second] = hosts(number);
        connect(&engine, tenant, "salesforce", &first, salesforce.credentials(), &actor).await;
        connect(&engine, tenant, "hubspot", &second, hubspot.credentials(), &actor).await;
        for _ in 0..2 {
            engine.runs().run(RunRequest::tenant(tenant), &actor).await.unwrap();
        }
        let stage = Stage {
            engine: engine.clone(),
            store: store.clone(),
            salesforce: salesforce.clone(),
            hubspot: hubspot.clone(),
            tenant,
            actor: actor.clone(),
            clock: clock.clone(),
            connections: BTreeMap::new(),
        };
        let people = stage.entities("person").await.unwrap();
        assert!(!people.is_empty());
        let titles = people.iter().map(|linked| (linked.entity.uid, String::new())).collect();
        customers.push(Customer { stage, titles });
    }
    customers
}

/// Gives one of a customer's people a title that nobody else ever had.
async fn edit(customer: &mut Customer, dice: &mut ChaCha8Rng, strike: usize) {
    let Customer { stage, titles } = customer;
    let people: Vec<uuid::Uuid> = titles.keys().copied().collect();
    let uid = *people.choose(dice).unwrap();
    let title = format!("title {strike}.{}", dice.random_range(0..1_000_000));
    let patch = json!({ "title": title.clone() }).as_object().cloned().unwrap();
    stage
        .engine
        .entities()
        .update(stage.tenant, uid, patch, EntityRead::Blind, &stage.actor)
        .await
        .unwrap();
    titles.insert(uid, title);
}

/// Titles that a CRM does not show yet.
async fn missing(customers: &[Customer]) -> Vec<String> {
    let mut missing = Vec::new();
    for Customer { stage, titles } in customers {
        let shown = |records: Vec<syncline_simulators::SimulatedRecord>, field: &str| -> BTreeSet<String> {
            let title =
                |record: &syncline_simulators::SimulatedRecord| record.fields.get(field)?.as_str().map(str::to_owned);
            records.iter().filter_map(title).collect()
        };
        let salesforce = shown(stage.salesforce.records("Contact"), "Title");
        let hubspot = shown(stage.hubspot.records("contacts"), "jobtitle");
        for title in titles.values().filter(|title| !title.is_empty()) {
            if !salesforce.contains(title) || !hubspot.contains(title) {
                missing.push(format!("tenant {}: {title}", stage.tenant));
            }
        }
    }
    missing
}

/// Nobody is there twice, and all sides agree.
async fn once(customer: &Customer, number: usize) {
    let stage = &customer.stage;
    assert_eq!(
        stage.differences().await.unwrap(),
        Vec::<String>::new(),
        "customer {number}"
    );
    let people = stage.entities("person").await.unwrap().len();
    let counts = (stage.salesforce.count("Contact"), stage.hubspot.count("contacts"));
    assert_eq!(counts, (people, people), "customer {number}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_die_and_stand_still_leave_nothing_undone_and_do_nothing_twice() {
    if std::env::var_os("SYNCLINE_ALL_CRASHES").is_some() {
        play(50, 200).await;
    } else {
        play(5, 12).await;
    }
}

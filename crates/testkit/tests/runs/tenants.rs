use std::collections::BTreeMap;
use std::fmt::Debug;

use syncline_core::mapping::Strategy;
use syncline_core::{Error, ErrorKind};
use syncline_engine::actor::{Action, Actor, DefaultPolicy, Policy};
use syncline_engine::audit::AuditPosition;
use syncline_engine::conflict::{Always, ConflictQuery, FieldChoice, Resolution};
use syncline_engine::connection::{Connection, TokenRequest};
use syncline_engine::entity::{EntityListQuery, EntityRead};
use syncline_engine::http::StopFlag;
use syncline_engine::run::{RollbackRelease, RunParameters, RunQuery, RunRequest, RunScope};
use syncline_engine::sync::{NewSync, Sync};
use syncline_simulators::{Fault, Fields, Options};
use syncline_storage::MemoryStore;
use syncline_testkit::stage::{Stage, company_mapping, person_mapping};
use uuid::Uuid;

const SALESFORCE: &str = "salesforce";
/// A number that nothing has.
const NOBODYS: u64 = 4_000_000;

/// A tenant with one of everything, and somebody of its own.
struct House {
    stage: Stage,
    actor: Actor,
    connection: Connection,
    sync: Sync,
    new: NewSync,
    run: u64,
    failure: u64,
    conflict: (u64, u64),
    entity: Uuid,
}

async fn house(stage: Stage, name: &str) -> House {
    let connection = stage.connections[SALESFORCE].clone();
    let syncs = stage.engine.syncs();
    syncs
        .save(company_mapping(SALESFORCE, connection.id), &stage.actor)
        .await
        .unwrap();
    let mut new = person_mapping(SALESFORCE, connection.id);
    new.mapping.strategy = Strategy::ManualReview;
    let sync = syncs.save(new.clone(), &stage.actor).await.unwrap().sync;
    let run = stage.sync(SALESFORCE, RunParameters::default()).await.unwrap().id;
    House {
        actor: Actor::admin(name).of(stage.tenant),
        connection,
        sync,
        new,
        run,
        failure: 0,
        conflict: (0, 0),
        entity: stage.entities("person").await.unwrap()[0].entity.uid,
        stage,
    }
}

/// Makes a conflict and a failed record in a house: its app and the CRM set other values, and a value is refused.
async fn furnish(house: &mut House, name: &str) {
    let stage = &house.stage;
    let edit = |field: &str, value: &str| {
        let patch = [(field.to_owned(), serde_json::Value::from(value))]
            .into_iter()
            .collect();
        let entities = stage.engine.entities();
        let (uid, actor) = (house.entity, &house.actor);
        async move {
            entities
                .update(stage.tenant, uid, patch, EntityRead::Blind, actor)
                .await
                .unwrap()
        }
    };
    edit("city", name).await;
    stage.salesforce.faults().script(Fault::Validation, 1);
    edit("title", name).await;
    stage.sync(SALESFORCE, RunParameters::default()).await.unwrap();
    stage.salesforce.faults().clear();
    let failures = stage
        .engine
        .runs()
        .failures(stage.tenant, None, &house.actor)
        .await
        .unwrap();
    house.failure = failures[0].id;
    let conflicts = stage.engine.conflicts();
    let found = conflicts
        .list(stage.tenant, &ConflictQuery::pending(), &house.actor)
        .await
        .unwrap();
    house.conflict = (found[0].id, found[0].version);
}

async fn houses() -> (House, House) {
    let options = Options {
        records: 0,
        ..Options::default()
    };
    let acme = Stage::set(std::sync::Arc::new(MemoryStore::new()), options)
        .await
        .unwrap();
    let mut globex = acme.clone();
    globex.tenant = acme.engine.tenant("Globex", &acme.actor).await.unwrap().id;
    globex.connections.clear();
    globex.connect_salesforce(BTreeMap::new()).await.unwrap();
    let fields: Fields = [("Email", "a@x.org"), ("LastName", "A"), ("MailingCity", "Bern")]
        .map(|(name, value)| (name.to_owned(), value.into()))
        .into_iter()
        .collect();
    let ext = acme.salesforce.create("Contact", fields).unwrap();
    let (mut one, mut two) = (house(acme, "ada").await, house(globex, "mallory").await);
    let city: Fields = [("MailingCity".to_owned(), "Genf".into())].into_iter().collect();
    one.stage.salesforce.update("Contact", &ext, city).unwrap();
    furnish(&mut one, "Basel").await;
    furnish(&mut two, "Chur").await;
    (one, two)
}

/// What was answered is what somebody gets who names a number that nothing has.
#[track_caller]
fn is_hidden<T: Debug, U: Debug>(what: &str, theirs: Result<T, Error>, nobodys: Result<U, Error>, number: u64) {
    let (theirs, nobodys) = (theirs.expect_err(what), nobodys.expect_err(what));
    assert_eq!(theirs.kind(), ErrorKind::NotFound, "{what}: {theirs}");
    let as_theirs = nobodys.to_string().replace(&NOBODYS.to_string(), &number.to_string());
    assert_eq!(theirs.to_string(), as_theirs, "{what} tells that it is there");
}

/// Asks a call with the number of somebody else's thing, and with one that nothing has.
macro_rules! hidden {
    ($number:expr, |$id:ident| $call:expr) => {{
        let number = u64::from($number);
        let theirs = {
            let $id = number.try_into().unwrap();
            $call.await
        };
        let nobodys = {
            let $id = NOBODYS.try_into().unwrap();
            $call.await
        };
        is_hidden(stringify!($call), theirs, nobodys, number);
    }};
}

async fn reaches_nothing_of(thief: &House, owner: &House) {
    let engine = &owner.stage.engine;
    let (who, tenant) = (&thief.actor, owner.stage.tenant);
    let (runs, syncs, connections, conflicts) =
        (engine.runs(), engine.syncs(), engine.connections(), engine.conflicts());

    // By the number of a thing alone.
    hidden!(owner.run, |id| runs.get(id, who));
    hidden!(owner.run, |id| runs.stop(id, who));
    hidden!(owner.run, |id| runs.rollback(id, RollbackRelease::Hold, true, who));
    hidden!(owner.run, |id| runs.release_rollback(
        id,
        RollbackRelease::Everywhere,
        who
    ));
    hidden!(owner.failure, |id| runs.retry_failure(id, who));
    hidden!(owner.failure, |id| runs.dismiss_failure(id, who));
    hidden!(owner.sync.id, |id| syncs.get(id, who));
    hidden!(owner.sync.id, |id| syncs.pause(id, "because", who));
    hidden!(owner.sync.id, |id| syncs.resume(id, who));
    hidden!(owner.sync.id, |id| syncs.delete(id, who));
    let new = |connection| NewSync {
        connection,
        ..owner.new.clone()
    };
    hidden!(owner.connection.id, |id| syncs.save(new(id), who));
    hidden!(owner.connection.id, |id| syncs.check(&new(id), who));
    hidden!(owner.connection.id, |id| engine.preview(&new(id), 1, who));
    hidden!(owner.connection.id, |id| engine.read_feed(id, who));
    hidden!(owner.connection.id, |id| connections.get(id, who));
    hidden!(owner.connection.id, |id| connections.health(id, who));
    hidden!(owner.connection.id, |id| connections.test(id, who));
    hidden!(owner.connection.id, |id| connections.pause(id, None, who));
    hidden!(owner.connection.id, |id| connections.resume(id, who));
    hidden!(owner.connection.id, |id| connections.disconnect(id, who));
    hidden!(owner.connection.id, |id| connections.delete(id, who));
    let back = "http://127.0.0.1/callback";
    hidden!(owner.connection.id, |id| connections.reconnect(
        id,
        back,
        Vec::new(),
        false,
        who
    ));

    // By a tenant, or by a thing that names it.
    let tenant_calls = |tenant: u32| async move {
        let mut refused = Vec::new();
        let (query, list) = (ConflictQuery::default(), EntityListQuery::default());
        let parameters = RunParameters::default();
        let request = |scope| RunRequest {
            tenant,
            scope,
            parameters: parameters.clone(),
        };
        macro_rules! refused {
            ($call:expr) => {
                refused.push((stringify!($call), $call.await.map(|_| ()).unwrap_err()))
            };
        }
        let (conflict, version) = owner.conflict;
        let (entity, read) = (owner.entity, EntityRead::Blind);
        refused!(runs.list(tenant, &RunQuery::default(), who));
        refused!(runs.failures(tenant, None, who));
        refused!(runs.start(request(RunScope::Tenant), who));
        refused!(runs.run(request(RunScope::Sync(owner.sync.id)), who));
        refused!(syncs.list(tenant, true, who));
        refused!(connections.list(tenant, true, who));
        refused!(connections.find(tenant, SALESFORCE, who));
        refused!(conflicts.list(tenant, &query, who));
        refused!(conflicts.count_pending(tenant, who));
        refused!(conflicts.get(tenant, conflict, who));
        refused!(conflicts.records(tenant, conflict, who));
        let choice = Resolution::Fields([("city".to_owned(), FieldChoice::App)].into_iter().collect());
        refused!(conflicts.resolve(tenant, conflict, version, &choice, who));
        refused!(conflicts.resolve_always(tenant, conflict, version, Always::App, who));
        refused!(conflicts.ignore(tenant, conflict, version, who));
        refused!(engine.entities().list(tenant, "person", &list, who));
        refused!(engine.entities().count(tenant, "person", false, who));
        refused!(engine.entities().get(tenant, entity, who));
        refused!(engine.entities().create(tenant, "person", serde_json::Map::new(), who));
        refused!(
            engine
                .entities()
                .update(tenant, entity, serde_json::Map::new(), read, who)
        );
        refused!(engine.entities().delete(tenant, entity, who));
        refused!(engine.entities().undelete(tenant, entity, who));
        refused!(
            engine
                .entities()
                .bulk_upsert(tenant, "person", "email", Vec::new(), who)
        );
        refused!(engine.blueprints(tenant, who));
        refused!(engine.blueprint(tenant, "person", who));
        refused!(engine.save_blueprint(tenant, "person", &[], &[], who));
        refused!(engine.audit().list(tenant, None, AuditPosition::default(), 1, who));
        refused!(engine.audit().verify(tenant, who));
        refused!(engine.audit().export(tenant, &mut Vec::new(), who));
        refused!(engine.events(tenant, 0, 1, who));
        refused!(engine.on_event(tenant, 0, who, |_| {}));
        refused!(engine.compact(tenant, who));
        refused!(engine.due(tenant, who));
        let token = TokenRequest::new(tenant, SALESFORCE, "theirs", "id", "token");
        refused!(connections.connect_with_tokens(token, who));
        refused
    };
    for (call, error) in tenant_calls(tenant).await {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{call}: {error}");
        assert_eq!(error.to_string(), format!("there is no tenant {tenant}"), "{call}");
    }
    let borrowed = [
        ("objects", engine.objects(&owner.connection, who).await.map(|_| ())),
        (
            "describe",
            engine.describe(&owner.connection, "Contact", who).await.map(|_| ()),
        ),
        (
            "propose",
            engine
                .propose(&owner.connection, "Contact", None, who)
                .await
                .map(|_| ()),
        ),
        (
            "make_marker",
            engine.make_marker(&owner.connection, "Contact", who).await.map(|_| ()),
        ),
        (
            "check_schema",
            engine.check_schema(&owner.connection, who).await.map(|_| ()),
        ),
        ("counts", syncs.counts(&owner.sync, who).await.map(|_| ())),
    ];
    for (call, answer) in borrowed {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::NotFound, "{call}");
    }

    // With their own tenant, and the number of somebody else's thing.
    let own = thief.stage.tenant;
    hidden!(owner.conflict.0, |id| conflicts.get(own, id, who));
    hidden!(owner.conflict.0, |id| conflicts.records(own, id, who));
    hidden!(owner.conflict.0, |id| conflicts.ignore(own, id, owner.conflict.1, who));
    assert!(engine.entities().get(own, owner.entity, who).await.is_err());
    assert!(
        connections
            .find(own, &owner.connection.id.to_string(), who)
            .await
            .is_err()
    );
    for scope in [RunScope::Sync(owner.sync.id), RunScope::Connection(owner.connection.id)] {
        let request = RunRequest {
            tenant: own,
            scope,
            parameters: RunParameters::default(),
        };
        assert_eq!(runs.run(request, who).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    let query = RunQuery {
        connection: Some(owner.connection.id),
        ..RunQuery::default()
    };
    assert!(runs.list(own, &query, who).await.unwrap().is_empty());
    assert!(runs.failures(own, Some(owner.sync.id), who).await.unwrap().is_empty());

    // What is about all tenants is not for who belongs to one.
    let names: Vec<u32> = engine
        .tenants(who)
        .await
        .unwrap()
        .iter()
        .map(|tenant| tenant.id)
        .collect();
    assert_eq!(names, [own]);
    for name in ["Acme", "Globex", "Initech"] {
        let known = engine.tenant(name, who).await;
        match known {
            Ok(tenant) => assert_eq!(tenant.id, own),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Forbidden, "{name}: {error}"),
        }
    }
    let everywhere = [
        engine.declare_restored(who).await,
        engine.confirm_restored(who).await,
        engine.run_schedule(StopFlag::new(), who).await,
    ];
    for refused in everywhere {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    }
}

async fn reaches_everything_of(house: &House) {
    let (engine, who, tenant) = (&house.stage.engine, &house.actor, house.stage.tenant);
    engine.runs().get(house.run, who).await.unwrap();
    engine.runs().retry_failure(house.failure, who).await.unwrap();
    engine.syncs().get(house.sync.id, who).await.unwrap();
    engine.syncs().save(house.new.clone(), who).await.unwrap();
    engine.connections().get(house.connection.id, who).await.unwrap();
    engine.conflicts().get(tenant, house.conflict.0, who).await.unwrap();
    engine.entities().get(tenant, house.entity, who).await.unwrap();
    engine.describe(&house.connection, "Contact", who).await.unwrap();
}

#[tokio::test]
async fn what_belongs_to_another_tenant_is_not_there_whatever_number_is_named() {
    let (acme, globex) = houses().await;
    reaches_nothing_of(&globex, &acme).await;
    reaches_nothing_of(&acme, &globex).await;
    reaches_everything_of(&acme).await;
    reaches_everything_of(&globex).await;
}

/// Lets nobody see runs.
#[derive(Debug)]
struct Blind;

impl Policy for Blind {
    fn allows(&self, actor: &Actor, action: Action) -> Result<(), Error> {
        match action {
            Action::ReadRuns => Err(Error::new(ErrorKind::Forbidden, format!("{actor} is blind"))),
            _ => DefaultPolicy.allows(actor, action),
        }
    }
}

#[tokio::test]
async fn progress_is_told_to_those_who_may_see_the_runs_of_its_tenant() {
    let (acme, globex) = houses().await;
    let engine = &acme.stage.engine;
    let mut own = engine.progress(&acme.actor).unwrap();
    let mut theirs = engine.progress(&globex.actor).unwrap();
    let mut all = engine.progress(&Actor::admin("the host")).unwrap();
    let ran = [&acme, &globex].map(|house| house.stage.sync(SALESFORCE, RunParameters::default()));
    let ran: Vec<u64> = futures::future::join_all(ran)
        .await
        .into_iter()
        .map(|run| run.unwrap().id)
        .collect();
    for (stream, run, tenant) in [
        (&mut own, ran[0], acme.stage.tenant),
        (&mut theirs, ran[1], globex.stage.tenant),
    ] {
        let mut seen = 0;
        while let Ok(Ok(event)) = tokio::time::timeout(std::time::Duration::from_millis(50), stream.recv()).await {
            assert_eq!((event.tenant, event.run), (tenant, run), "{event:?}");
            seen += 1;
        }
        assert!(seen > 0);
    }
    let mut tenants = std::collections::BTreeSet::new();
    while let Ok(Ok(event)) = tokio::time::timeout(std::time::Duration::from_millis(50), all.recv()).await {
        tenants.insert(event.tenant);
    }
    assert_eq!(tenants.len(), 2, "the host sees both");

    let store = std::sync::Arc::new(MemoryStore::new());
    let keys = syncline_engine::vault::InMemoryKeyProvider::new(syncline_engine::vault::SecretKey::new([7; 32]));
    let blind = syncline_engine::Engine::builder(store, std::sync::Arc::new(keys))
        .policy(Blind)
        .build()
        .unwrap();
    let refused = blind.progress(&Actor::admin("ada")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
}

//! A table as a side of a sync, through the engine.

use std::sync::Arc;
use std::time::Duration;

use syncline_connector_table::{TableSpec, Tables};
use syncline_core::mapping::{Mapping, Rule};
use syncline_core::model::{Field, FieldType};
use syncline_core::{ErrorKind, Result};
use syncline_engine::actor::Actor;
use syncline_engine::connection::{AuthoriseRequest, ConnectRequest};
use syncline_engine::entity::{EntityListQuery, EntityRead};
use syncline_engine::incoming::{ChangeHook, IncomingChange, Verdict};
use syncline_engine::ports::SystemRandom;
use syncline_engine::run::RunRequest;
use syncline_engine::settings::Settings;
use syncline_engine::sync::NewSync;
use syncline_engine::vault::InMemoryKeyProvider;
use syncline_engine::{Engine, EngineBuilder};
use syncline_storage::MemoryStore;

use crate::database::{Kind, RUNTIME, TestDatabase};
use crate::remote::people;

fn builder() -> EngineBuilder {
    let keys = Arc::new(InMemoryKeyProvider::generate(&SystemRandom));
    Engine::builder(Arc::new(MemoryStore::new()), keys)
}

#[test]
fn rows_and_entities_follow_each_other_and_nobody_has_to_authorise_it() {
    let database = TestDatabase::new(&Kind::Sqlite);
    people(&database);
    database.execute(
        "INSERT INTO people (name, mail, updated_at) VALUES ('Ada', 'ada@example.org', '2026-11-20T10:00:00Z')",
    );
    RUNTIME.block_on(async {
        let tables = Tables::open(&database.url).await.unwrap();
        let tables = tables.table(TableSpec::new("people").stamp("updated_at").outbox());
        tables.install_outbox().await.unwrap();
        let settings = Settings {
            delete_grace: Duration::ZERO,
            ..Settings::default()
        };
        let engine = builder().connector(tables).settings(settings).build().unwrap();
        let me = Actor::admin("ada");
        let acme = engine.tenant("Acme", &me).await.unwrap().id;
        let away = AuthoriseRequest::new(acme, "table", "app", "client", "https://app.example/callback");
        let refused = engine.connections().authorise(away, &me).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
        assert!(refused.to_string().contains("connect("), "{refused}");

        let request = ConnectRequest::new(acme, "table", "app");
        let app = engine.connections().connect(request.clone(), &me).await.unwrap();
        let again = engine.connections().connect(request, &me).await.unwrap();
        assert_eq!(app.id, again.id);
        let proposal = engine.propose(&app, "people", None, &me).await.unwrap();
        let saved = engine
            .syncs()
            .save(NewSync::proposed("people", &app, proposal), &me)
            .await
            .unwrap();
        let run = async || {
            let runs = engine.runs().run(RunRequest::tenant(acme), &me).await.unwrap();
            let failures = engine.runs().failures(acme, None, &me).await.unwrap();
            assert_eq!(runs[0].status.name(), "completed", "{:?} {failures:?}", runs[0]);
            runs.into_iter().next().unwrap()
        };
        assert_eq!(run().await.total("pull").created, 1);

        let blueprint = saved.sync.mapping.blueprint.clone();
        let entities = engine.entities();
        let list = async || {
            entities
                .list(acme, &blueprint, &EntityListQuery::default(), &me)
                .await
                .unwrap()
                .entities
        };
        let ada = list().await.remove(0);
        let city = saved
            .sync
            .mapping
            .rules
            .iter()
            .find(|rule| rule.remote == ["city"])
            .unwrap()
            .fields[0]
            .clone();
        let patch = [(city.clone(), "London".into())].into_iter().collect();
        entities
            .update(acme, ada.uid, patch, EntityRead::Rev(ada.rev), &me)
            .await
            .unwrap();
        database.execute("UPDATE people SET note = 'wrote the first program' WHERE id = 1");
        run().await;
        assert_eq!(
            database.text("SELECT city || ', ' || note FROM people"),
            "London, wrote the first program"
        );

        // What is quiet stays quiet, and what is deleted in the table is seen.
        assert_eq!(run().await.total("push").updated, 0);
        database.execute("DELETE FROM people");
        let deleted = run().await;
        assert_eq!(deleted.total("pull").deleted, 1, "{:?}", deleted.total("pull"));
        engine.connections().disconnect(app.id, &me).await.unwrap();
    });
}

/// No names in capitals, and no robots.
#[derive(Debug)]
struct Careful;

impl ChangeHook for Careful {
    fn name(&self) -> &str {
        "careful"
    }

    fn before(&self, change: &IncomingChange) -> Result<Verdict> {
        let name = change.after["name"].as_str().unwrap_or_default();
        assert!(change.changed.iter().all(|field| change.after.contains_key(field)));
        if name.contains("Robot") {
            return Ok(Verdict::Veto {
                reason: "robots are no customers".into(),
            });
        }
        if name.len() > 1 && name == name.to_uppercase() {
            let calm = name[..1].to_owned() + &name[1..].to_lowercase();
            return Ok(Verdict::Amend {
                values: [("name".to_owned(), calm.into())].into_iter().collect(),
                reason: "nobody is shouted at".into(),
            });
        }
        Ok(Verdict::Apply)
    }
}

#[test]
fn a_hook_vetoes_and_amends_what_comes_in_and_the_amended_value_goes_back() {
    let database = TestDatabase::new(&Kind::Sqlite);
    people(&database);
    database.execute(
        "INSERT INTO people (name, updated_at) VALUES ('ADA', '2026-11-20T10:00:00Z'), ('Robot 7', '2026-11-20T10:00:00Z'), ('Grace', '2026-11-20T10:00:00Z')",
    );
    RUNTIME.block_on(async {
        let tables = Tables::open(&database.url).await.unwrap();
        let tables = tables.table(TableSpec::new("people").stamp("updated_at").outbox());
        tables.install_outbox().await.unwrap();
        let engine = builder().connector(tables).change_hook(Careful).build().unwrap();
        let me = Actor::admin("ada");
        let acme = engine.tenant("Acme", &me).await.unwrap().id;
        let app = engine
            .connections()
            .connect(ConnectRequest::new(acme, "table", "app"), &me)
            .await
            .unwrap();
        let mut mapping = Mapping::new("customer", "people");
        mapping.rules = vec![Rule::new("name", "name"), Rule::new("city", "city")];
        let fields = ["name", "city"].map(|name| Field::new(name, FieldType::Text));
        let new = NewSync::new("people", &app, mapping, fields.into());
        engine.syncs().save(new, &me).await.unwrap();
        let run = async || {
            engine
                .runs()
                .run(RunRequest::tenant(acme), &me)
                .await
                .unwrap()
                .remove(0)
        };
        let first = run().await;
        assert_eq!((first.total("pull").created, first.total("pull").failed), (2, 1));
        let failures = engine.runs().failures(acme, None, &me).await.unwrap();
        assert!(
            failures[0].message.contains("careful: robots are no customers"),
            "{}",
            failures[0].message
        );
        // What was amended is the app's edit, and is in the table.
        assert_eq!(database.text("SELECT name FROM people WHERE id = 1"), "Ada");

        database.execute("UPDATE people SET name = 'Robot Grace', city = 'Ulm' WHERE name = 'Grace'");
        let second = run().await;
        assert_eq!(second.total("pull").failed, 1, "{:?}", second.total("pull"));
        let entities = engine.entities();
        let query = EntityListQuery {
            filter: Some("name == 'Grace'".into()),
            ..EntityListQuery::default()
        };
        let grace = entities
            .list(acme, "customer", &query, &me)
            .await
            .unwrap()
            .entities
            .remove(0);
        assert!(
            grace.values["city"].is_null(),
            "nothing of a change that is vetoed is taken"
        );
        database.execute("UPDATE people SET name = 'Grace H' WHERE city = 'Ulm'");
        run().await;
        let grace = entities.get(acme, grace.uid, &me).await.unwrap();
        assert_eq!(
            (&grace.values["name"], &grace.values["city"]),
            (&"Grace H".into(), &"Ulm".into())
        );
    });
}

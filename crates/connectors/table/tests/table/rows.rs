//! What rows can hold, whose they are, and what is refused.

use syncline_connector_table::{TableSpec, Tables};
use syncline_core::batch::{Batch, OutcomeKind, Projection, RowState, ValueKind};
use syncline_core::connector::Connector;
use syncline_core::io::Config;
use syncline_core::job::{Budget, Fetch, FetchBy, Job, Push, Start, Verb, Write};
use syncline_core::schema::{Described, FieldKind};
use syncline_core::{ErrorKind, Value};
use syncline_testkit::connector::{Host, Remote, Scene};
use uuid::Uuid;

use crate::database::{Kind, RUNTIME, TestDatabase, postgres, wait};
use crate::remote::SimulatedTable;

fn open(database: &TestDatabase, spec: TableSpec) -> Tables {
    let url = database.url.clone();
    wait(async move { Tables::open(&url).await.unwrap().table(spec) })
}

fn scoped(scope: &str) -> Config {
    Config {
        settings: [("scope".to_owned(), scope.to_owned())].into(),
        ..Config::default()
    }
}

#[test]
fn a_table_is_described_from_the_catalog_and_every_type_comes_back_as_it_went() {
    for kind in [Some(Kind::Sqlite), postgres()].into_iter().flatten() {
        let database = TestDatabase::new(&kind);
        let (bytes, json) = if database.is_postgres() {
            ("BYTEA", "JSONB")
        } else {
            ("BLOB", "JSON")
        };
        database.execute("CREATE TABLE firms (code TEXT PRIMARY KEY)");
        database.execute(&format!(
            "CREATE TABLE things (id TEXT PRIMARY KEY, email TEXT UNIQUE, \"odd \"\"name\"\"\" VARCHAR(10), is_new BOOLEAN, \
             count INTEGER NOT NULL DEFAULT 0, price NUMERIC(10, 2), born DATE, met TIMESTAMP, extra {json}, photo {bytes}, \
             firm TEXT REFERENCES firms (code), twice INTEGER GENERATED ALWAYS AS (count * 2) STORED)"
        ));
        let tables = open(&database, TableSpec::new("things")).table(TableSpec::new("firms"));
        let remote = SimulatedTable::fresh(Kind::Sqlite, TableSpec::new("people"), 0);
        RUNTIME.block_on(async {
            let io = Host::new(&remote, 1);
            let config = Config::default();
            let Described::Schema(schema) = tables.describe(&io, &config, "things", None).await.unwrap() else {
                panic!("a first description is whole")
            };
            let kinds: Vec<_> = schema
                .fields
                .iter()
                .map(|field| (field.path.as_str(), field.kind))
                .collect();
            let wanted = [
                ("id", FieldKind::Id),
                ("email", FieldKind::Email),
                ("odd \"name\"", FieldKind::Text),
                ("is_new", FieldKind::Bool),
                ("count", FieldKind::Integer),
                ("price", FieldKind::Decimal),
                ("born", FieldKind::Date),
                ("met", FieldKind::DateTime),
                ("extra", FieldKind::Other),
                ("firm", FieldKind::Reference),
                ("twice", FieldKind::Integer),
            ];
            assert_eq!(kinds, wanted);
            assert_eq!(schema.left_out[0].path, "photo");
            assert!(!schema.field("twice").unwrap().writable() && schema.field("email").unwrap().external_id);

            let values = [
                ("email", ValueKind::Text, Value::text("ada@example.org")),
                ("odd \"name\"", ValueKind::Text, Value::text("'); DROP--")),
                ("is_new", ValueKind::Bool, Value::Bool(true)),
                ("count", ValueKind::Number, Value::Int(3)),
                ("price", ValueKind::Number, Value::from_number("12.5")),
                ("born", ValueKind::Date, Value::Date("1815-12-10".parse().unwrap())),
                (
                    "met",
                    ValueKind::DateTime,
                    Value::from_json("2026-11-20T10:00:00Z".into()),
                ),
                (
                    "extra",
                    ValueKind::Json,
                    Value::Json(serde_json::json!({ "a": [1, 2] })),
                ),
                ("firm", ValueKind::Text, Value::Null),
            ];
            let projection = Projection::new(values.iter().map(|(path, kind, _)| (*path, *kind)));
            let operation = Uuid::from_u128(7);
            let create = Write {
                operation,
                verb: Verb::Create { marker: None },
                fields: values
                    .iter()
                    .map(|(path, _, value)| ((*path).to_owned(), value.clone()))
                    .collect(),
            };
            let pushed = async |write: Write| {
                let push = Push {
                    object: "things".into(),
                    projection: projection.clone(),
                    writes: vec![write],
                };
                let mut task = tables.open(&config, Job::Push(push), None).unwrap();
                let mut batch = Batch::new(projection.fields.len());
                task.step(&io, Budget::default(), &mut batch).await.unwrap();
                batch
            };
            let batch = pushed(create.clone()).await;
            let outcome = batch.outcomes[0].clone();
            assert_eq!(outcome.kind, OutcomeKind::Applied { created: true }, "{outcome:?}");
            // The database makes no key, so it is the operation's: sent again, it is the same row.
            let id = operation.to_string();
            assert_eq!(outcome.id.as_ref(), Some(&id));
            let again = pushed(create.clone()).await;
            assert_eq!(again.outcomes[0].kind, OutcomeKind::Applied { created: false });
            let twin = Write {
                operation: Uuid::from_u128(8),
                ..create
            };
            let duplicate = pushed(twin).await.outcomes[0].kind.clone();
            assert_eq!(duplicate, OutcomeKind::Duplicate { existing: id.clone() });

            let fetch = Fetch {
                object: "things".into(),
                projection: projection.clone(),
                by: FetchBy::Ids(vec![id]),
            };
            let mut batch = Batch::new(projection.fields.len());
            tables.fetch(&io, &config, &fetch, &mut batch).await.unwrap();
            let row = batch.get(0).unwrap();
            for (place, (path, _, value)) in values.iter().enumerate() {
                let read = row.value(place).unwrap().unwrap();
                match *path {
                    "met" => assert_eq!(read.to_json(), "2026-11-20T10:00:00Z"),
                    _ => assert_eq!(read, *value, "{path}"),
                }
            }
        });
        assert_eq!(database.text("SELECT CAST(COUNT(*) AS TEXT) FROM things"), "1");
    }
}

#[test]
fn a_connection_sees_and_makes_the_rows_of_its_customer_alone() {
    let remote = SimulatedTable::fresh(Kind::Sqlite, TableSpec::new("people"), 0);
    let database = &remote.database;
    database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, body TEXT)");
    database.execute("INSERT INTO notes VALUES (1, 17, 'ours'), (2, 18, 'theirs')");
    let tables = open(database, TableSpec::new("notes").scoped_by("owner").outbox());
    RUNTIME.block_on(async {
        tables.install_outbox().await.unwrap();
        let io = Host::new(&remote, 1);
        let projection = Projection::new([("body", ValueKind::Text)]);
        let fetch = Fetch {
            object: "notes".into(),
            projection: projection.clone(),
            by: FetchBy::Ids(vec!["1".into(), "2".into()]),
        };
        let mut batch = Batch::new(1);
        tables.fetch(&io, &scoped("17"), &fetch, &mut batch).await.unwrap();
        let states: Vec<_> = batch.rows().map(|row| (row.id(), row.state())).collect();
        assert_eq!(states, [("1", RowState::Live), ("2", RowState::Missing)]);
        assert_eq!(tables.count(&io, &scoped("17"), "notes", &[]).await.unwrap(), Some(1));
        let unsaid = tables
            .fetch(&io, &Config::default(), &fetch, &mut batch)
            .await
            .unwrap_err();
        assert_eq!(unsaid.kind(), ErrorKind::Invalid);

        let write = |verb, text: &str| Write {
            operation: Uuid::nil(),
            verb,
            fields: vec![("body".into(), Value::text(text))],
        };
        let other = Verb::Update {
            id: "2".into(),
            expected_stamp: None,
        };
        let push = Push {
            object: "notes".into(),
            projection,
            writes: vec![write(Verb::Create { marker: None }, "made"), write(other, "taken over")],
        };
        let mut task = tables.open(&scoped("17"), Job::Push(push), None).unwrap();
        let mut batch = Batch::new(1);
        task.step(&io, Budget::default(), &mut batch).await.unwrap();
        let kinds: Vec<_> = batch.outcomes.iter().map(|outcome| outcome.kind.clone()).collect();
        assert_eq!(kinds, [OutcomeKind::Applied { created: true }, OutcomeKind::Gone]);
        let accounts = [
            tables.account(&io, &scoped("17")).await,
            tables.account(&io, &scoped("18")).await,
        ];
        let [ours, theirs] = accounts.map(|account| account.unwrap().id);
        assert_ne!(ours, theirs);
    });
    assert_eq!(database.text("SELECT body FROM notes WHERE id = 2"), "theirs");
    assert_eq!(
        database.text("SELECT CAST(owner AS TEXT) FROM notes WHERE body = 'made'"),
        "17"
    );
}

#[test]
fn a_write_that_was_planned_on_an_older_row_is_held_back() {
    let remote = SimulatedTable::fresh(Kind::Sqlite, TableSpec::new("people").stamp("updated_at"), 1);
    RUNTIME.block_on(async {
        let scene = Scene::new(&remote);
        let before = scene.fetch_one("1").await.stamp;
        scene.pass(5);
        remote.edit("1", &[("city", "Ulm")]);
        let write = Write {
            operation: Uuid::nil(),
            verb: Verb::Update {
                id: "1".into(),
                expected_stamp: before,
            },
            fields: vec![("city".into(), Value::text("Bonn"))],
        };
        let written = scene.push(vec![write]).await.unwrap();
        assert_eq!(written[0].outcome.kind, OutcomeKind::Conflict);
        assert_eq!(scene.fetch_one("1").await.values[2], Some(Value::text("Ulm")));
    });
}

#[test]
fn rows_marked_as_deleted_are_deleted_and_versions_find_changes() {
    let remote = SimulatedTable::fresh(Kind::Sqlite, TableSpec::new("people"), 0);
    let database = &remote.database;
    database.execute("CREATE TABLE cards (id INTEGER PRIMARY KEY, name TEXT, rev INTEGER NOT NULL, gone_at TEXT)");
    database.execute("INSERT INTO cards VALUES (1, 'a', 5000, NULL), (2, 'b', 5001, NULL), (3, 'c', 1, NULL)");
    let tables = open(database, TableSpec::new("cards").version("rev").deleted("gone_at"));
    RUNTIME.block_on(async {
        let io = Host::new(&remote, 1);
        let projection = Projection::new([("name", ValueKind::Text)]);
        let pull = async |start: Start| {
            let pull = syncline_core::job::Pull {
                object: "cards".into(),
                projection: projection.clone(),
                start,
                conditions: Vec::new(),
                page_size: Some(1),
            };
            let mut task = tables.open(&Config::default(), Job::Pull(pull), None).unwrap();
            let mut rows = Vec::new();
            loop {
                let mut batch = Batch::new(1);
                let progress = task.step(&io, Budget::default(), &mut batch).await.unwrap();
                rows.extend(batch.rows().map(|row| (row.id().to_owned(), row.state())));
                if let syncline_core::job::Progress::Done { cursor } = progress {
                    return (rows, cursor);
                }
            }
        };
        let (rows, cursor) = pull(Start::Beginning).await;
        assert_eq!(rows.len(), 3);
        database.execute("UPDATE cards SET gone_at = '2026-11-20', rev = 5002 WHERE id = 3");
        let (rows, _) = pull(Start::Cursor(cursor)).await;
        // All within the overlap are read again; what was marked is deleted.
        let live = RowState::Live;
        let wanted = [("1", live), ("2", live), ("3", RowState::Deleted)].map(|(id, state)| (id.to_owned(), state));
        assert_eq!(rows, wanted);
        assert_eq!(pull(Start::Beginning).await.0.len(), 2);
        let push = Push {
            object: "cards".into(),
            projection: projection.clone(),
            writes: vec![Write {
                operation: Uuid::nil(),
                verb: Verb::Delete { id: "1".into() },
                fields: Vec::new(),
            }],
        };
        let mut task = tables.open(&Config::default(), Job::Push(push), None).unwrap();
        task.step(&io, Budget::default(), &mut Batch::new(1)).await.unwrap();
    });
    let marked = "SELECT CAST(rev AS TEXT) FROM cards WHERE id = 1 AND gone_at IS NOT NULL";
    assert_eq!(database.text(marked), "5003");
}

#[test]
fn what_is_no_table_of_ours_is_refused_by_name() {
    let remote = SimulatedTable::fresh(Kind::Sqlite, TableSpec::new("people"), 0);
    remote
        .database
        .execute("CREATE TABLE pairs (a INTEGER, b INTEGER, PRIMARY KEY (a, b))");
    let specs = [
        (TableSpec::new("nothing"), ErrorKind::NotFound),
        (TableSpec::new("pairs"), ErrorKind::Invalid),
        (TableSpec::new("people").stamp("no_such"), ErrorKind::Invalid),
        (TableSpec::new("people\" --"), ErrorKind::NotFound),
    ];
    for (spec, kind) in specs {
        let object = format!("{spec:?}");
        let tables = open(&remote.database, spec.clone());
        let name = tables.manifest().default_objects[0].clone();
        RUNTIME.block_on(async {
            let io = Host::new(&remote, 1);
            let error = tables.describe(&io, &Config::default(), &name, None).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{object}: {error}");
        });
    }
}

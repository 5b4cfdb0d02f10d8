//! Lists, searches and aggregates over many entities of one blueprint, through the engine, in a SQLite file.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use syncline_core::aggregate::AggregateFunction;
use syncline_core::model::{Field, FieldType, TenantId};
use syncline_engine::Engine;
use syncline_engine::actor::Actor;
use syncline_engine::entity::{EntityAggregate, EntityAggregateQuery, EntityListQuery, EntitySelection, EntitySort};
use syncline_engine::ports::SeededRandom;
use syncline_engine::vault::{InMemoryKeyProvider, SecretKey};
use syncline_storage::SqliteStore;

use crate::failure::Result;
use crate::measure::Phase;

/// Entities made at once.
const PAGE: usize = 5_000;
/// How often each question is asked; what is told is of each.
const TIMES: u64 = 10;

const FIRST: [&str; 20] = [
    "Ada", "Zoë", "Łukasz", "Émile", "Bo", "Cy", "Dora", "Eve", "Finn", "Gus", "Hana", "Ida", "Jan", "Kim", "Lou",
    "Mia", "Noa", "Ole", "Pia", "Quin",
];
const LAST: [&str; 25] = [
    "King", "Müßig", "Neumann", "Smith", "Jones", "García", "Silva", "Novák", "Horvat", "Kowalski", "Rossi", "Bianchi",
    "Dubois", "Moreau", "Jensen", "Hansen", "Berg", "Lund", "Weber", "Koch", "Wagner", "Bauer", "Huber", "Gruber",
    "Steiner",
];
const CITIES: [&str; 10] = [
    "Graz", "Wien", "Linz", "Salzburg", "Bern", "Basel", "Berlin", "Hamburg", "Köln", "München",
];

/// Runs the bench over so many entities.
pub(crate) fn run(records: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        let store = SqliteStore::open(&folder.path().join("entities.db")).await?;
        let keys = InMemoryKeyProvider::new(SecretKey::generate(&SeededRandom::new(1)));
        let engine = Engine::builder(Arc::new(store), Arc::new(keys)).build()?;
        let actor = Actor::admin("bench");
        let tenant = engine.tenant("Bench", &actor).await?.id;
        let bench = Bench { engine, tenant, actor };
        bench.fill(records).await?;
        bench.ask().await
    })
}

struct Bench {
    engine: Engine,
    tenant: TenantId,
    actor: Actor,
}

fn person(n: usize) -> Map<String, Json> {
    // Spread without a random generator, so that every run asks the same.
    let spread = |by: usize, of: usize| (n.wrapping_mul(by) >> 7) % of;
    let person = json!({
        "name": format!("{} {}", FIRST[spread(2_654_435_761, FIRST.len())], LAST[spread(40_503, LAST.len())]),
        "email": format!("person{n}@example{}.org", n % 97),
        "city": CITIES[spread(97_003, CITIES.len())],
        "age": spread(7_919, 90),
        "amount": format!("{}.{:02}", spread(104_729, 10_000), n % 100),
        "notes": format!("customer since {}", 1_990 + spread(1_299_709, 36)),
    });
    match person {
        Json::Object(person) => person,
        _ => Map::new(),
    }
}

impl Bench {
    async fn fill(&self, records: usize) -> Result<()> {
        let mut fields = vec![
            Field::new("name", FieldType::Text),
            Field::new("email", FieldType::Email),
            Field::new("city", FieldType::Text),
            Field::new("age", FieldType::Integer),
            Field::new("amount", FieldType::Decimal),
            Field::new("notes", FieldType::LongText),
        ];
        fields[0].indexed = true;
        fields[1].unique = true;
        let (engine, tenant, actor) = (&self.engine, self.tenant, &self.actor);
        engine.save_blueprint(tenant, "person", &fields, &[], actor).await?;
        let phase = Phase::begin("make them (bulk_upsert)")?;
        let mut made = 0;
        while made < records {
            let page: Vec<Map<String, Json>> = (made..records.min(made + PAGE)).map(person).collect();
            made += page.len();
            for answer in engine
                .entities()
                .bulk_upsert(tenant, "person", "email", page, actor)
                .await?
            {
                answer?;
            }
        }
        phase.end(records as u64, "")?;
        let phase = Phase::begin("first search (makes the index of words)")?;
        let found = self.list(&search("ada king")).await?;
        phase.end(records as u64, format!("{found} found"))
    }

    async fn list(&self, query: &EntityListQuery) -> Result<u64> {
        let entities = self.engine.entities();
        let page = entities.list(self.tenant, "person", query, &self.actor).await?;
        Ok(page.total.unwrap_or(page.entities.len() as u64))
    }

    async fn ask(&self) -> Result<()> {
        let plain = EntityListQuery::default;
        let filter = |text: &str| EntityListQuery {
            filter: Some(text.to_owned()),
            ..plain()
        };
        let sorted = |field: &str| EntityListQuery {
            sort: vec![EntitySort::descending(field)],
            ..plain()
        };
        let counted = |query: EntityListQuery| EntityListQuery { count: true, ..query };
        let lists = [
            ("list: first page", plain(), TIMES),
            (
                "list: page 20,000",
                EntityListQuery {
                    page: Some(20_000),
                    ..plain()
                },
                TIMES,
            ),
            ("list: sorted by an indexed field", sorted("name"), TIMES),
            ("list: indexed filter", filter("name.startsWith('Ada K')"), TIMES),
            ("list: unindexed filter", filter("city == 'Graz' && age > 80"), TIMES),
            ("list: sorted by a field without index", sorted("amount"), 2),
            ("list: count of everything", counted(plain()), TIMES),
            (
                "list: count of an unindexed filter",
                counted(filter("city == 'Graz' && age > 80")),
                2,
            ),
            ("search: one rare word", search("person777777"), TIMES),
            ("search: two frequent words", search("ada king"), TIMES),
            ("search: counted", counted(search("ada king")), TIMES),
            ("search: one letter", search("a"), TIMES),
        ];
        for (name, query, times) in lists {
            self.list(&query).await?;
            let phase = Phase::begin(name)?;
            let mut found = 0;
            for _ in 0..times {
                found = self.list(&query).await?;
            }
            phase.end(times, format!("{found} found"))?;
        }
        let of = |function| EntityAggregate {
            function,
            field: "amount".to_owned(),
        };
        let sums = |by: Option<&str>, filter: Option<&str>| EntityAggregateQuery {
            selection: EntitySelection {
                filter: filter.map(str::to_owned),
                ..EntitySelection::default()
            },
            by: by.map(str::to_owned),
            of: vec![of(AggregateFunction::Sum), of(AggregateFunction::Average)],
        };
        for (name, query) in [
            ("aggregate: sum and average of everything", sums(None, None)),
            ("aggregate: by city", sums(Some("city"), None)),
            ("aggregate: by city, filtered", sums(Some("city"), Some("age > 40"))),
            (
                "aggregate: by age, indexed filter",
                sums(Some("age"), Some("name == 'Ada King'")),
            ),
        ] {
            let entities = self.engine.entities();
            entities.aggregate(self.tenant, "person", &query, &self.actor).await?;
            let phase = Phase::begin(name)?;
            let groups = entities.aggregate(self.tenant, "person", &query, &self.actor).await?;
            phase.end(1, format!("{} groups", groups.len()))?;
        }
        Ok(())
    }
}

fn search(words: &str) -> EntityListQuery {
    EntityListQuery {
        search: Some(words.to_owned()),
        ..EntityListQuery::default()
    }
}

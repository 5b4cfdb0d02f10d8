//! Measures the stores: `cargo run --release -p syncline-storage --example speed [records] [memory | FILE | URL]`;
//! a URL takes `--features postgres`, and an empty schema.
//!
//! Pages of 2,000 records of 12 fields (about 250 bytes of values), as a first full run writes and reads them.
#![allow(clippy::print_stdout, reason = "an example's output is what it is for")]

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use syncline_core::Result;
use syncline_core::sort_key::sort_key;
use syncline_core::state::{
    Actor, Cause, Decision, Entity, EntityId, Presence, Side, SideFlags, SideId, SideKey, Stamp,
};
use syncline_core::store::{Document, DocumentKind, DocumentQuery, IndexEntry, IndexQuery, Key, Mode, Store, Touch};
use syncline_core::value::{DateTime, Precision, Value, content_hash, encode_all};
use syncline_storage::{MemoryStore, SqliteStore};
use uuid::Uuid;

const PAGE: usize = 2_000;
const SIDE: SideId = 1;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let records: usize = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(200_000);
    match arguments.next() {
        Some(memory) if memory == "memory" => measure(&MemoryStore::new(), records).await,
        #[cfg(feature = "postgres")]
        Some(url) if url.starts_with("postgres") => {
            measure(&syncline_storage::PostgresStore::open(&url).await?, records).await
        }
        Some(file) => sqlite(file.as_ref(), records).await,
        None => {
            let folder = tempfile::tempdir().map_err(|error| {
                syncline_core::Error::new(syncline_core::ErrorKind::Store, "no temporary folder").because(error)
            })?;
            sqlite(&folder.path().join("speed.db"), records).await
        }
    }
}

async fn sqlite(path: &Path, records: usize) -> Result<()> {
    let store = SqliteStore::open(path).await?;
    measure(&store, records).await?;
    store.close().await;
    let bytes = std::fs::metadata(path).map_or(0, |data| data.len());
    println!("{:>34} {:>12} bytes per record", "file", bytes / records as u64);
    Ok(())
}

async fn measure(store: &dyn Store, records: usize) -> Result<()> {
    println!("{}, {records} records", store.label());
    let pages: Vec<Vec<EntityId>> = (0..records / PAGE)
        .map(|page| (1..=PAGE).map(|place| (page * PAGE + place) as EntityId).collect())
        .collect();
    let rate = |what: &str, time: Duration| {
        let rate = records as f64 / time.as_secs_f64();
        println!("{what:>34} {rate:>12.0} records/s");
    };

    let mut heads = Duration::ZERO;
    let mut put = Duration::ZERO;
    for page in &pages {
        let (entities, sides): (Vec<Entity>, Vec<Side>) = page.iter().map(|id| (entity(*id), side(*id))).unzip();
        let (entities, sides): (Vec<&Entity>, Vec<&Side>) = (entities.iter().collect(), sides.iter().collect());
        let exts: Vec<String> = page.iter().map(|id| ext(*id)).collect();
        let exts: Vec<&str> = exts.iter().map(String::as_str).collect();
        let mut transaction = store.begin(Mode::Write).await?;
        let start = Instant::now();
        transaction.heads(SIDE, &exts).await?;
        heads += start.elapsed();
        let start = Instant::now();
        transaction.put_entities(&entities).await?;
        transaction.put_sides(&sides).await?;
        transaction.commit().await?;
        put += start.elapsed();
    }
    rate("heads of unknown ids", heads);
    rate("put_entities + put_sides + commit", put);

    let mut heads = Duration::ZERO;
    let mut load = Duration::ZERO;
    for page in &pages {
        let exts: Vec<String> = page.iter().map(|id| ext(*id)).collect();
        let exts: Vec<&str> = exts.iter().map(String::as_str).collect();
        let mut transaction = store.begin(Mode::Read).await?;
        let start = Instant::now();
        let found = transaction.heads(SIDE, &exts).await?;
        heads += start.elapsed();
        assert!(found.iter().all(Option::is_some));
        let start = Instant::now();
        transaction.load(page).await?;
        load += start.elapsed();
    }
    rate("heads of known ids", heads);
    rate("load", load);

    let (mut touch, mut flag, mut change, mut keys) = (Duration::ZERO, Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for page in &pages {
        let touches: Vec<Touch> = page
            .iter()
            .map(|id| Touch {
                key: key(*id),
                stamp: None,
                obs_seq: 9,
                clean: true,
            })
            .collect();
        let mut transaction = store.begin(Mode::Write).await?;
        let start = Instant::now();
        transaction.touch_sides(&touches).await?;
        touch += start.elapsed();
        let start = Instant::now();
        transaction.flag_sides(page, SideFlags::PUSH, 0).await?;
        flag += start.elapsed();
        let loaded = transaction.load(page).await?;
        let entities: Vec<&Entity> = loaded.iter().map(|linked| &linked.entity).collect();
        let sides: Vec<&Side> = loaded.iter().flat_map(|linked| &linked.sides).collect();
        let start = Instant::now();
        transaction.put_entities(&entities).await?;
        transaction.put_sides(&sides).await?;
        change += start.elapsed();
        let page: Vec<Key> = page
            .iter()
            .map(|id| Key {
                space: 1,
                hash: content_hash(&id.to_le_bytes()) as u64,
                entity: *id,
            })
            .collect();
        let start = Instant::now();
        transaction.put_keys(&page).await?;
        keys += start.elapsed();
        let start = Instant::now();
        transaction.commit().await?;
        change += start.elapsed();
    }
    rate("touch_sides", touch);
    rate("flag_sides", flag);
    rate("put again + commit", change);
    rate("put_keys, random order", keys);

    let mut reader = store.begin(Mode::Read).await?;
    let start = Instant::now();
    let counts = reader.side_counts(SIDE).await?;
    rate("side_counts", start.elapsed());
    assert_eq!(counts.push, counts.linked);
    let start = Instant::now();
    let mut after = 0;
    while let Some(last) = reader.live_sides(SIDE, after, PAGE).await?.last() {
        after = last.0.entity;
    }
    rate("live_sides", start.elapsed());
    let start = Instant::now();
    assert!(reader.without_side(1, SIDE, 0, PAGE).await?.is_empty());
    rate("without_side", start.elapsed());
    drop(reader);
    index(store, &pages, rate).await?;
    conflicts(store).await
}

/// What an index costs, and what a page of 25 records takes with it.
async fn index(store: &dyn Store, pages: &[Vec<EntityId>], rate: impl Fn(&str, Duration)) -> Result<()> {
    let sort = |id: EntityId| sort_key(&Value::text(format!("person.{id:09}@example.com")));
    let mut fill = Duration::ZERO;
    for pages in pages.chunks(50) {
        let entries: Vec<IndexEntry> = pages
            .iter()
            .flatten()
            .map(|id| IndexEntry {
                space: 9,
                sort: sort(*id),
                entity: *id,
            })
            .collect();
        let mut transaction = store.begin(Mode::Write).await?;
        let start = Instant::now();
        transaction.put_index(&entries).await?;
        transaction.commit().await?;
        fill += start.elapsed();
    }
    rate("put_index, a step of filling", fill);
    let middle = sort((pages.len() * PAGE / 2) as EntityId);
    let whole = IndexQuery {
        space: 9,
        from: Vec::new(),
        until: None,
        after: None,
        descending: false,
        limit: 26,
    };
    let queries = [
        ("first page, sorted", whole.clone()),
        (
            "a page in the middle, backwards",
            IndexQuery {
                after: Some((middle.clone(), 0)),
                descending: true,
                ..whole.clone()
            },
        ),
        (
            "by one value",
            IndexQuery {
                from: middle.clone(),
                until: Some(syncline_core::sort_key::after(middle.clone())),
                ..whole.clone()
            },
        ),
        (
            "a range of 2,000",
            IndexQuery {
                from: middle,
                limit: 2_000,
                ..whole
            },
        ),
    ];
    for (what, query) in queries {
        let mut slowest = Duration::ZERO;
        for _ in 0..20 {
            let start = Instant::now();
            let mut reader = store.begin(Mode::Read).await?;
            let found = reader.find_index(&query).await?;
            let shown: Vec<EntityId> = found.iter().take(26).map(|entry| entry.entity).collect();
            assert_eq!(reader.load(&shown).await?.len(), shown.len());
            slowest = slowest.max(start.elapsed());
        }
        println!("{what:>34} {:>12.1} ms, the slowest of 20", slowest.as_secs_f64() * 1e3);
    }
    Ok(())
}

/// Pages of conflicts among many that are resolved.
async fn conflicts(store: &dyn Store) -> Result<()> {
    const CONFLICTS: u64 = 100_000;
    let mut transaction = store.begin(Mode::Write).await?;
    for number in 1..=CONFLICTS {
        let review = Document {
            kind: DocumentKind::Review,
            id: 0,
            tenant: 1,
            scope: number % 4,
            key: Some(format!("{number}:1")),
            status: if number % 50 == 0 { "pending" } else { "resolved" }.to_owned(),
            at: Timestamp::UNIX_EPOCH,
            version: 0,
            body: serde_json::json!({ "fields": ["email"], "app": "a@x.org", "sides": [{ "value": "b@x.org" }] }),
        };
        transaction.put_document(&review).await?;
    }
    transaction.commit().await?;
    let pending = DocumentQuery::new(DocumentKind::Review)
        .tenant(1)
        .status("pending")
        .limit(100);
    for (what, query) in [
        ("pending conflicts of a tenant", pending.clone()),
        ("pending conflicts of a sync", pending.scope(2)),
    ] {
        let start = Instant::now();
        let mut reader = store.begin(Mode::Read).await?;
        assert_eq!(reader.documents(&query).await?.len(), 100);
        let count = reader.count_documents(&query).await?;
        println!(
            "{what:>34} {:>12.1} ms, of {count}",
            start.elapsed().as_secs_f64() * 1e3
        );
    }
    Ok(())
}

fn ext(id: EntityId) -> String {
    format!("003{id:012}AAA")
}

const fn key(entity: EntityId) -> SideKey {
    SideKey {
        entity,
        side: SIDE,
        slot: 0,
    }
}

fn values(id: EntityId) -> Vec<Value> {
    let at = Timestamp::from_second(1_780_000_000 + id).unwrap_or(Timestamp::UNIX_EPOCH);
    vec![
        Value::text(format!("Firstname {id}")),
        Value::text(format!("Lastname {id}")),
        Value::text(format!("person.{id}@example.com")),
        Value::text(format!("+43 1 {id:08}")),
        Value::text("A street with a usual name 17/4"),
        Value::text("Vienna"),
        Value::text("1010"),
        Value::text("customer"),
        Value::from_number(&format!("{id}.50")),
        Value::Bool(id % 2 == 0),
        Value::DateTime(DateTime::new(at, Precision::Second)),
        Value::text("Some notes about this person, of ordinary length."),
    ]
}

fn entity(id: EntityId) -> Entity {
    let at = Timestamp::from_second(1_780_000_000).unwrap_or(Timestamp::UNIX_EPOCH);
    Entity {
        id,
        uid: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | id as u128),
        tenant: 1,
        blueprint: 1,
        blueprint_version: 1,
        rev: 1,
        deleted: false,
        values: values(id),
        decisions: vec![Decision {
            rev: 1,
            mark: 4,
            cause: Cause::Side(SIDE),
            stamp: Stamp {
                at: at.as_microsecond(),
                source: at.as_microsecond(),
                rank: 1,
            },
            groups: (0..=12).map(|group| (group, None)).collect(),
        }],
        frozen: Vec::new(),
        trail: Vec::new(),
        created_at: at,
        updated_at: at,
        updated_by: Actor("sync 1".to_owned()),
    }
}

fn side(id: EntityId) -> Side {
    let obs = encode_all(&values(id));
    Side {
        ext: Some(ext(id)),
        presence: Presence::Live,
        stamp: Some(Timestamp::UNIX_EPOCH),
        obs_seq: 4,
        base_rev: 1,
        mapping_version: 1,
        hash: content_hash(&obs),
        obs,
        ..Side::new(key(id))
    }
}

//! Measures the stores: `cargo run --release -p syncline-storage --example speed [records] [memory | FILE]`.
//!
//! Pages of 2,000 records of 12 fields (about 250 bytes of values), as a first full run writes and reads them.
#![allow(clippy::print_stdout, reason = "an example's output is what it is for")]

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use syncline_core::Result;
use syncline_core::state::{
    Actor, Cause, Decision, Entity, EntityId, Presence, Side, SideFlags, SideId, SideKey, Stamp,
};
use syncline_core::store::{Key, Mode, Store, Touch};
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

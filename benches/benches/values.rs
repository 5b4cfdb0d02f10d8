//! Decoding pages, lenses, hashing, and sealing secrets.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::de::DeserializeSeed;
use syncline_benches::generator::{PAGE, page};
use syncline_core::batch::{Batch, Projection, ValueKind};
use syncline_core::decode::{FieldTree, FieldsSeed, ReadText};
use syncline_core::lens::{LensRegistry, NoLinks};
use syncline_core::mapping::LensSpec;
use syncline_core::value::{Value, content_hash, encode_all, encode_text};
use syncline_engine::ports::SystemRandom;
use syncline_engine::vault::{InMemoryKeyProvider, Owner, Purpose, SecretKey, Vault};

struct Plain;

impl ReadText for Plain {
    fn read(&self, _: ValueKind, text: &str, out: &mut Vec<u8>) {
        encode_text(text, out);
    }
}

fn decode(criterion: &mut Criterion) {
    let body: serde_json::Value = serde_json::from_slice(&page(0, PAGE)).unwrap();
    let record = body["records"][7].to_string();
    let projection = Projection::new(
        ["FirstName", "LastName", "Email", "Phone", "Title", "MailingCity"].map(|path| (path, ValueKind::Text)),
    );
    let tree = FieldTree::new(&projection, true);
    let mut batch = Batch::new(6);
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Bytes(record.len() as u64));
    group.bench_function("a contact of 17 fields, 6 of them wanted", |bencher| {
        bencher.iter(|| {
            batch.clear();
            let mut row = batch.row("1");
            let mut deserializer = serde_json::Deserializer::from_str(&record);
            let seed = FieldsSeed {
                tree: &tree,
                row: &mut row,
                text: &Plain,
            };
            seed.deserialize(&mut deserializer).unwrap();
            row.finish();
        });
    });
    group.finish();
}

fn lenses(criterion: &mut Criterion) {
    let registry = LensRegistry::standard();
    let mut group = criterion.benchmark_group("lens");
    for (name, raw) in [
        ("trim", " Ann Lee "),
        ("email", "Ann.Lee@Example.com"),
        ("phone", "+43 1 5880100"),
    ] {
        let lens = registry.build(&[LensSpec::new(name)]).unwrap();
        let raw = [Value::text(raw)];
        group.bench_function(name, |bencher| {
            bencher.iter(|| lens.get(black_box(&raw), &NoLinks).unwrap());
        });
    }
    group.finish();
}

fn hash(criterion: &mut Criterion) {
    let values: Vec<Value> = (0..12)
        .map(|field| Value::text(format!("the value of field {field}")))
        .collect();
    let encoded = encode_all(&values);
    let mut group = criterion.benchmark_group("values");
    group.throughput(Throughput::Bytes(encoded.len() as u64));
    group.bench_function("encode 12 fields", |bencher| {
        bencher.iter(|| encode_all(black_box(&values)));
    });
    group.bench_function("hash 12 fields", |bencher| {
        bencher.iter(|| content_hash(black_box(&encoded)));
    });
    group.finish();
}

fn seal(criterion: &mut Criterion) {
    let keys = Arc::new(InMemoryKeyProvider::new(SecretKey::new([7; 32])));
    let vault = Vault::new(keys, Arc::new(SystemRandom));
    let owner = Owner {
        tenant: 1,
        connection: 2,
    };
    let key = vault.new_data_key(owner).unwrap();
    let secret = [5; 200];
    let sealed = vault.seal(owner, &key, Purpose::Tokens, &secret).unwrap();
    let mut group = criterion.benchmark_group("vault");
    group.bench_function("seal a token", |bencher| {
        bencher.iter(|| vault.seal(owner, &key, Purpose::Tokens, black_box(&secret)).unwrap());
    });
    group.bench_function("open a token", |bencher| {
        bencher.iter(|| vault.open(owner, &key, Purpose::Tokens, black_box(&sealed)).unwrap());
    });
    group.finish();
}

criterion_group!(benches, decode, lenses, hash, seal);
criterion_main!(benches);

//! The plan alone: accepting an unchanged record, and taking one in of whose 12 fields one changed.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use syncline_benches::planned::Planned;

fn plan(criterion: &mut Criterion) {
    let planned = Planned::new().unwrap();
    let mut group = criterion.benchmark_group("plan");
    group.throughput(Throughput::Elements(1));
    group.bench_function("unchanged", |bencher| bencher.iter(|| planned.accept_unchanged()));
    group.bench_function("one of 12 changed", |bencher| {
        bencher.iter_batched_ref(
            || planned.linked(),
            |linked| planned.take_change(black_box(linked)).unwrap(),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("first creation", |bencher| bencher.iter(|| planned.create(1).unwrap()));
    group.finish();
}

criterion_group!(benches, plan);
criterion_main!(benches);

//! The overlay of a dry run does what a store has to do, over an empty store and over one that holds something, and
//! leaves that one as it is.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test has no public interface and may panic"
)]

use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use syncline_core::ErrorKind;
use syncline_core::model::Blueprint;
use syncline_core::state::{Actor, Entity};
use syncline_core::store::{Document, DocumentKind, EntityQuery, Mode, Sequence, Store};
use syncline_engine::overlay::{Numbers, OverlayStore};
use syncline_storage::MemoryStore;
use uuid::Uuid;

const SEQUENCES: [Sequence; 3] = [Sequence::Mark, Sequence::Entity, Sequence::Side];
const KINDS: [DocumentKind; 23] = [
    DocumentKind::Tenant,
    DocumentKind::Blueprint,
    DocumentKind::Connection,
    DocumentKind::Credential,
    DocumentKind::Sync,
    DocumentKind::Run,
    DocumentKind::Review,
    DocumentKind::Failure,
    DocumentKind::Cursor,
    DocumentKind::Lease,
    DocumentKind::Authorisation,
    DocumentKind::Schema,
    DocumentKind::Setting,
    DocumentKind::Event,
    DocumentKind::Tombstone,
    DocumentKind::Space,
    DocumentKind::BlueprintVersion,
    DocumentKind::MigrationJob,
    DocumentKind::MigrationFailure,
    DocumentKind::Flow,
    DocumentKind::StateChange,
    DocumentKind::FileHint,
    DocumentKind::EntityFiles,
];

/// What an overlay does not do is part of these.
const LEFT_OUT: [&str; 6] = [
    "a_note_does_not_wait_for_transactions_and_is_not_undone_with_them",
    "empty_lists_are_no_work",
    "only_closed_and_old_operations_are_purged",
    "purging_removes_old_bodies_and_keeps_the_chain",
    "what_is_forgotten_of_a_side_is_gone_and_others_keep_theirs",
    "what_is_noted_beside_a_store_is_the_last_note",
];

fn main() {
    let mut trials: Vec<Trial> = syncline_testkit::store::cases()
        .into_iter()
        .filter(|case| !LEFT_OUT.contains(&case.name))
        .map(|case| {
            Trial::test(case.name, move || {
                run(async move {
                    let base: Arc<dyn Store> = Arc::new(MemoryStore::new());
                    let numbers = next_numbers(base.as_ref()).await?;
                    let overlay = OverlayStore::new(base.clone(), usize::MAX).numbered_from(numbers);
                    case.run(&overlay).await
                })
            })
        })
        .collect();
    trials.push(Trial::test(
        "over_any_content_it_answers_like_a_store_of_its_own",
        || run(over_any_content_it_answers_like_a_store_of_its_own()),
    ));
    trials.push(Trial::test("nobody_waits_for_it_and_nothing_of_it_is_kept", || {
        run(nobody_waits_for_it_and_nothing_of_it_is_kept())
    }));
    trials.push(Trial::test("it_ends_where_it_would_hold_too_much", || {
        run(it_ends_where_it_would_hold_too_much())
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn run(case: impl Future<Output = syncline_core::Result<()>>) -> Result<(), Failed> {
    futures::executor::block_on(case).map_err(Failed::from)
}

/// The numbers that a store would give next.
async fn next_numbers(store: &dyn Store) -> syncline_core::Result<Numbers> {
    let mut numbers = Numbers::default();
    let mut tx = store.begin(Mode::Write).await?;
    for sequence in SEQUENCES {
        numbers.sequences.insert(sequence, tx.reserve(sequence, 1).await?);
    }
    for kind in KINDS {
        let document = Document {
            kind,
            id: 0,
            tenant: 9,
            scope: 9,
            key: None,
            status: String::new(),
            at: jiff::Timestamp::UNIX_EPOCH,
            version: 0,
            body: serde_json::Value::Null,
        };
        numbers.documents.insert(kind, tx.put_document(&document).await?);
    }
    Ok(numbers)
}

fn entity(id: i64) -> Entity {
    let blueprint = Blueprint::new(1, 1, "thing", Vec::new());
    let uid = Uuid::from_u128((7 << 100) | u128::from(id.unsigned_abs()));
    let mut entity = Entity::new(uid, &blueprint, jiff::Timestamp::UNIX_EPOCH, Actor("test".to_owned()));
    entity.id = id;
    entity
}

async fn over_any_content_it_answers_like_a_store_of_its_own() -> syncline_core::Result<()> {
    for seed in 0..60 {
        let (below, alone) = (MemoryStore::new(), MemoryStore::new());
        syncline_testkit::store::compare(&below, &alone, seed, 150).await?;
        for store in [&below, &alone] {
            // Sides belong to entities, but for those that the random calls leave behind.
            let mut tx = store.begin(Mode::Write).await?;
            let known = tx.load(&(1..=12).collect::<Vec<_>>()).await?;
            let missing: Vec<Entity> = (1..=12)
                .filter(|id| known.iter().all(|linked| linked.entity.id != *id))
                .map(entity)
                .collect();
            tx.put_entities(&missing.iter().collect::<Vec<_>>()).await?;
            tx.commit().await?;
        }
        let numbers = next_numbers(&below).await?;
        let overlay = OverlayStore::new(Arc::new(below), usize::MAX).numbered_from(numbers);
        syncline_testkit::store::compare_overlay(&overlay, &alone, seed + 1_000, 300).await?;
    }
    Ok(())
}

async fn nobody_waits_for_it_and_nothing_of_it_is_kept() -> syncline_core::Result<()> {
    let below = MemoryStore::new();
    let overlay = OverlayStore::new(Arc::new(below.clone()), 10);
    let mut dry = overlay.begin(Mode::Write).await?;
    let number = dry.reserve(Sequence::Entity, 1).await?;
    dry.put_entities(&[&entity(i64::try_from(number).unwrap())]).await?;
    // Somebody else writes meanwhile.
    let mut tx = below.begin(Mode::Write).await?;
    let real = tx.reserve(Sequence::Entity, 1).await?;
    assert_eq!(real, 1);
    tx.put_entities(&[&entity(1)]).await?;
    tx.commit().await?;
    dry.commit().await?;
    let query = EntityQuery {
        tenant: 1,
        blueprint: 1,
        after: 0,
        deleted: None,
        limit: 10,
    };
    assert_eq!(overlay.begin(Mode::Read).await?.count_entities(&query).await?, 2);
    assert_eq!(below.begin(Mode::Read).await?.count_entities(&query).await?, 1);
    Ok(())
}

async fn it_ends_where_it_would_hold_too_much() -> syncline_core::Result<()> {
    let overlay = OverlayStore::new(Arc::new(MemoryStore::new()), 2);
    for (number, fits) in [(1, true), (2, true), (3, false)] {
        let mut tx = overlay.begin(Mode::Write).await?;
        tx.put_entities(&[&entity(number)]).await?;
        let outcome = tx.commit().await;
        assert_eq!(outcome.is_ok(), fits);
        if let Err(error) = outcome {
            assert_eq!(error.kind(), ErrorKind::Stopped);
            assert!(error.message().contains("fewer records"), "{error}");
        }
    }
    Ok(())
}

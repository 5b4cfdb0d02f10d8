use syncline_core::store::{Document, DocumentKind, DocumentQuery, InboxEntry, Key, Sequence, Store};
use syncline_core::{ErrorKind, Result};

use super::sample::{SIDE, TENANT, at, document, entity, put, read, refused, side, write};

topic![
    a_transaction_reads_its_own_writes,
    what_is_committed_is_seen_by_later_transactions,
    a_dropped_transaction_leaves_nothing,
    a_reader_does_not_see_what_is_not_committed,
    a_reader_keeps_its_snapshot_while_others_commit,
    a_snapshot_is_taken_at_the_beginning,
    writers_take_turns,
    a_transaction_for_reading_refuses_to_write,
    after_an_error_a_transaction_can_only_be_dropped,
    empty_lists_are_no_work,
];

async fn a_transaction_reads_its_own_writes(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction.put_entities(&[&entity(1)]).await?;
    transaction.put_sides(&[&side(1, SIDE, "a")]).await?;
    assert_eq!(transaction.load(&[1]).await?[0].sides.len(), 1);
    assert!(transaction.heads(SIDE, &["a"]).await?[0].is_some());
    let id = transaction
        .put_document(&document(DocumentKind::Run, Some("first")))
        .await?;
    assert!(transaction.document(DocumentKind::Run, id).await?.is_some());
    Ok(())
}

async fn what_is_committed_is_seen_by_later_transactions(store: &dyn Store) -> Result<()> {
    put(store, &[entity(1)], &[side(1, SIDE, "a")]).await?;
    for mut transaction in [read(store).await?, write(store).await?] {
        assert_eq!(transaction.load(&[1]).await?.len(), 1);
    }
    Ok(())
}

async fn a_dropped_transaction_leaves_nothing(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction.put_entities(&[&entity(1)]).await?;
    transaction.put_sides(&[&side(1, SIDE, "a")]).await?;
    transaction.put_alias(SIDE, "b", "a").await?;
    transaction
        .put_document(&document(DocumentKind::Sync, Some("s")))
        .await?;
    let hint = InboxEntry {
        side: SIDE,
        ext: "a".to_owned(),
        seq: 1,
    };
    transaction.put_hints(&[hint]).await?;
    let key = Key {
        space: 1,
        hash: 2,
        entity: 1,
    };
    transaction.put_keys(&[key]).await?;
    drop(transaction);

    let mut transaction = write(store).await?;
    assert!(transaction.load(&[1]).await?.is_empty());
    assert_eq!(transaction.heads(SIDE, &["a", "b"]).await?, vec![None, None]);
    assert_eq!(transaction.resolve_alias(SIDE, "b").await?, "b");
    let syncs = DocumentQuery::new(DocumentKind::Sync);
    assert_eq!(transaction.count_documents(&syncs).await?, 0);
    assert!(transaction.hints(SIDE, 10).await?.is_empty());
    assert!(transaction.find_keys(1, &[2]).await?.is_empty());
    Ok(())
}

async fn a_reader_does_not_see_what_is_not_committed(store: &dyn Store) -> Result<()> {
    let mut writer = write(store).await?;
    writer.put_entities(&[&entity(1)]).await?;
    assert!(read(store).await?.load(&[1]).await?.is_empty());
    writer.commit().await?;
    assert_eq!(read(store).await?.load(&[1]).await?.len(), 1);
    Ok(())
}

async fn a_reader_keeps_its_snapshot_while_others_commit(store: &dyn Store) -> Result<()> {
    put(store, &[entity(1)], &[]).await?;
    let mut reader = read(store).await?;
    assert_eq!(reader.load(&[1, 2]).await?.len(), 1);
    put(store, &[entity(2)], &[]).await?;
    assert_eq!(reader.load(&[1, 2]).await?.len(), 1);
    assert_eq!(read(store).await?.load(&[1, 2]).await?.len(), 2);
    Ok(())
}

async fn a_snapshot_is_taken_at_the_beginning(store: &dyn Store) -> Result<()> {
    let mut reader = read(store).await?;
    put(store, &[entity(1)], &[]).await?;
    assert!(reader.load(&[1]).await?.is_empty());
    Ok(())
}

async fn writers_take_turns(store: &dyn Store) -> Result<()> {
    const TURNS: u64 = 10;
    let mut transaction = write(store).await?;
    let id = transaction
        .put_document(&Document {
            body: 0.into(),
            ..document(DocumentKind::Setting, Some("counter"))
        })
        .await?;
    transaction.commit().await?;
    let count = || async {
        for _ in 0..TURNS {
            let mut transaction = write(store).await?;
            if let Some(mut counter) = transaction.document(DocumentKind::Setting, id).await? {
                counter.body = (counter.body.as_u64().unwrap_or(0) + 1).into();
                transaction.put_document(&counter).await?;
            }
            transaction.commit().await?;
        }
        Ok::<(), syncline_core::Error>(())
    };
    futures::future::try_join3(count(), count(), count()).await?;
    let counter = read(store).await?.document(DocumentKind::Setting, id).await?;
    assert_eq!(counter.map(|counter| counter.body), Some((3 * TURNS).into()));
    Ok(())
}

async fn a_transaction_for_reading_refuses_to_write(store: &dyn Store) -> Result<()> {
    let refusal = refused(read(store).await?.put_entities(&[&entity(1)]).await)?;
    assert_eq!(refusal, ErrorKind::Internal);
    assert!(read(store).await?.load(&[1]).await?.is_empty());
    Ok(())
}

async fn after_an_error_a_transaction_can_only_be_dropped(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction.put_entities(&[&entity(1)]).await?;
    let stale = Document {
        version: 4,
        ..document(DocumentKind::Run, None)
    };
    assert_eq!(refused(transaction.put_document(&stale).await)?, ErrorKind::Stale);
    assert_eq!(refused(transaction.load(&[1]).await)?, ErrorKind::Store);
    assert_eq!(refused(transaction.commit().await)?, ErrorKind::Store);
    assert!(write(store).await?.load(&[1]).await?.is_empty());
    Ok(())
}

async fn empty_lists_are_no_work(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction.put_entities(&[]).await?;
    transaction.delete_entities(&[]).await?;
    transaction.put_sides(&[]).await?;
    transaction.touch_sides(&[]).await?;
    transaction
        .flag_sides(&[], syncline_core::state::SideFlags::PUSH, 0)
        .await?;
    transaction.delete_sides(&[]).await?;
    transaction.put_keys(&[]).await?;
    transaction.delete_keys(&[]).await?;
    transaction.put_index(&[]).await?;
    transaction.delete_index(&[]).await?;
    transaction.put_operations(&[]).await?;
    transaction.put_hints(&[]).await?;
    transaction.clear_hints(SIDE, &[], 1).await?;
    assert!(transaction.heads(SIDE, &[]).await?.is_empty());
    assert!(transaction.load(&[]).await?.is_empty());
    assert!(transaction.find_uids(TENANT, &[]).await?.is_empty());
    assert!(transaction.find_keys(1, &[]).await?.is_empty());
    assert!(transaction.operations(SIDE, &[], 10).await?.is_empty());
    assert_eq!(transaction.purge_operations(at(0)).await?, 0);
    assert_eq!(transaction.reserve(Sequence::Mark, 0).await?, 1);
    transaction.commit().await
}

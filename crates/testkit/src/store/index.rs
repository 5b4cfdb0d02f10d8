use syncline_core::Result;
use syncline_core::state::EntityId;
use syncline_core::store::{IndexEntry, IndexQuery, Store, Transaction};

use super::sample::write;

topic![
    entities_come_in_the_order_of_the_index,
    a_range_of_an_index_ends_where_it_says,
    pages_of_an_index_follow_each_other_in_both_directions,
    entries_are_deleted_one_by_one_or_a_space_at_once,
];

fn entry(space: u64, sort: &[u8], entity: EntityId) -> IndexEntry {
    IndexEntry {
        space,
        sort: sort.to_vec(),
        entity,
    }
}

fn all(space: u64) -> IndexQuery {
    IndexQuery {
        space,
        from: Vec::new(),
        until: None,
        after: None,
        descending: false,
        limit: 100,
    }
}

async fn found(on: &mut dyn Transaction, query: IndexQuery) -> Result<Vec<EntityId>> {
    Ok(on.find_index(&query).await?.iter().map(|entry| entry.entity).collect())
}

async fn fill(on: &mut dyn Transaction) -> Result<()> {
    let entries = [
        entry(1, b"b", 1),
        entry(1, b"", 2),
        entry(1, b"b\0", 3),
        entry(1, b"a", 5),
        entry(1, b"a", 4),
        entry(1, &[0xfe, 0xff], 6),
        entry(2, b"a", 7),
        entry(u64::MAX, b"a", 8),
    ];
    on.put_index(&entries).await?;
    // Once more changes nothing.
    on.put_index(&entries[..2]).await
}

async fn entities_come_in_the_order_of_the_index(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    fill(&mut *transaction).await?;
    assert_eq!(found(&mut *transaction, all(1)).await?, [2, 4, 5, 1, 3, 6]);
    let descending = IndexQuery {
        descending: true,
        ..all(1)
    };
    assert_eq!(found(&mut *transaction, descending).await?, [6, 3, 1, 5, 4, 2]);
    assert_eq!(found(&mut *transaction, all(u64::MAX)).await?, [8]);
    assert!(found(&mut *transaction, all(3)).await?.is_empty());
    let entries = transaction.find_index(&all(2)).await?;
    assert_eq!(entries, [entry(2, b"a", 7)]);
    Ok(())
}

async fn a_range_of_an_index_ends_where_it_says(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    fill(&mut *transaction).await?;
    let range = |from: &[u8], until: &[u8], descending| IndexQuery {
        from: from.to_vec(),
        until: Some(until.to_vec()),
        descending,
        ..all(1)
    };
    for (from, until, expected) in [
        (&b"a"[..], &b"b"[..], &[4, 5][..]),
        (b"a", b"a\0", &[4, 5]),
        (b"b", b"c", &[1, 3]),
        (b"", b"a", &[2]),
        (b"c", b"b", &[]),
        (b"a", b"a", &[]),
    ] {
        assert_eq!(found(&mut *transaction, range(from, until, false)).await?, expected);
        let backwards: Vec<EntityId> = expected.iter().rev().copied().collect();
        assert_eq!(found(&mut *transaction, range(from, until, true)).await?, backwards);
    }
    Ok(())
}

async fn pages_of_an_index_follow_each_other_in_both_directions(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    fill(&mut *transaction).await?;
    for descending in [false, true] {
        let whole = IndexQuery { descending, ..all(1) };
        let expected = found(&mut *transaction, whole.clone()).await?;
        let mut page = IndexQuery { limit: 2, ..whole };
        let mut seen = Vec::new();
        loop {
            let entries = transaction.find_index(&page).await?;
            let Some(last) = entries.last() else { break };
            assert!(entries.len() <= 2);
            page.after = Some((last.sort.clone(), last.entity));
            seen.extend(entries.iter().map(|entry| entry.entity));
        }
        assert_eq!(seen, expected);
    }
    // A page may have ended outside of the range.
    let outside = IndexQuery {
        from: b"b".to_vec(),
        after: Some((b"a".to_vec(), 4)),
        ..all(1)
    };
    assert_eq!(found(&mut *transaction, outside).await?, [1, 3, 6]);
    Ok(())
}

async fn entries_are_deleted_one_by_one_or_a_space_at_once(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    fill(&mut *transaction).await?;
    transaction
        .delete_index(&[entry(1, b"a", 4), entry(1, b"b", 3), entry(9, b"", 2)])
        .await?;
    assert_eq!(found(&mut *transaction, all(1)).await?, [2, 5, 1, 3, 6]);
    transaction.clear_space(1).await?;
    assert!(found(&mut *transaction, all(1)).await?.is_empty());
    assert_eq!(found(&mut *transaction, all(2)).await?, [7]);
    Ok(())
}

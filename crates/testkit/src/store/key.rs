use syncline_core::Result;
use syncline_core::store::{Key, Store};

use super::sample::write;

topic![
    entities_are_found_by_their_keys,
    putting_a_key_twice_changes_nothing,
    keys_are_deleted_one_by_one_or_a_space_at_once,
];

const fn key(space: u64, hash: u64, entity: i64) -> Key {
    Key { space, hash, entity }
}

async fn entities_are_found_by_their_keys(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    let large = key(u64::MAX, u64::MAX, 4);
    transaction
        .put_keys(&[key(1, 5, 2), key(1, 5, 1), key(1, 6, 3), key(2, 5, 9), large])
        .await?;
    assert_eq!(
        transaction.find_keys(1, &[6, 5, 7, 5]).await?,
        [key(1, 5, 1), key(1, 5, 2), key(1, 6, 3)]
    );
    assert_eq!(transaction.find_keys(u64::MAX, &[u64::MAX]).await?, [large]);
    assert!(transaction.find_keys(3, &[5]).await?.is_empty());
    Ok(())
}

async fn putting_a_key_twice_changes_nothing(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction.put_keys(&[key(1, 5, 2), key(1, 5, 2)]).await?;
    transaction.put_keys(&[key(1, 5, 2)]).await?;
    assert_eq!(transaction.find_keys(1, &[5]).await?, [key(1, 5, 2)]);
    Ok(())
}

async fn keys_are_deleted_one_by_one_or_a_space_at_once(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction
        .put_keys(&[key(1, 5, 2), key(1, 6, 2), key(1, 5, 3), key(2, 5, 2)])
        .await?;
    transaction
        .delete_keys(&[key(1, 5, 2), key(1, 6, 3), key(7, 5, 2)])
        .await?;
    assert_eq!(transaction.find_keys(1, &[5, 6]).await?, [key(1, 5, 3), key(1, 6, 2)]);
    assert_eq!(transaction.find_keys(2, &[5]).await?, [key(2, 5, 2)]);
    transaction.clear_space(1).await?;
    assert!(transaction.find_keys(1, &[5, 6]).await?.is_empty());
    assert_eq!(transaction.find_keys(2, &[5]).await?, [key(2, 5, 2)]);
    Ok(())
}

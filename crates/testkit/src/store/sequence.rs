use syncline_core::Result;
use syncline_core::store::{Sequence, Store};

use super::sample::write;

topic![
    numbers_start_at_one_and_come_in_a_row,
    sequences_do_not_disturb_each_other,
    a_number_is_never_given_twice_once_committed,
];

async fn numbers_start_at_one_and_come_in_a_row(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    assert_eq!(transaction.reserve(Sequence::Mark, 1).await?, 1);
    assert_eq!(transaction.reserve(Sequence::Mark, 2_000).await?, 2);
    assert_eq!(transaction.reserve(Sequence::Mark, 1).await?, 2_002);
    Ok(())
}

async fn sequences_do_not_disturb_each_other(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction.reserve(Sequence::Mark, 10).await?;
    assert_eq!(transaction.reserve(Sequence::Entity, 1).await?, 1);
    assert_eq!(transaction.reserve(Sequence::Side, 1).await?, 1);
    Ok(())
}

async fn a_number_is_never_given_twice_once_committed(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction.reserve(Sequence::Entity, 5).await?;
    transaction.commit().await?;
    let mut dropped = write(store).await?;
    assert_eq!(dropped.reserve(Sequence::Entity, 5).await?, 6);
    drop(dropped);
    let mut next = write(store).await?;
    assert_eq!(next.reserve(Sequence::Entity, 1).await?, 6);
    Ok(())
}

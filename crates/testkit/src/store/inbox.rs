use syncline_core::Result;
use syncline_core::state::SideId;
use syncline_core::store::{InboxEntry, Store};

use super::sample::{OTHER, SIDE, write};

topic![
    hints_come_oldest_first,
    one_hint_is_kept_per_record_with_the_latest_number,
    a_hint_newer_than_the_mark_is_not_cleared,
];

fn hint(side: SideId, ext: &str, seq: u64) -> InboxEntry {
    InboxEntry {
        side,
        ext: ext.to_owned(),
        seq,
    }
}

async fn hints_come_oldest_first(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction
        .put_hints(&[
            hint(SIDE, "a", 9),
            hint(SIDE, "b", 4),
            hint(OTHER, "c", 1),
            hint(SIDE, "d", 6),
        ])
        .await?;
    assert_eq!(
        transaction.hints(SIDE, 2).await?,
        [hint(SIDE, "b", 4), hint(SIDE, "d", 6)]
    );
    assert_eq!(transaction.hints(OTHER, 2).await?, [hint(OTHER, "c", 1)]);
    Ok(())
}

async fn one_hint_is_kept_per_record_with_the_latest_number(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction.put_hints(&[hint(SIDE, "a", 4), hint(SIDE, "a", 6)]).await?;
    transaction.put_hints(&[hint(SIDE, "a", 5)]).await?;
    assert_eq!(transaction.hints(SIDE, 10).await?, [hint(SIDE, "a", 6)]);
    Ok(())
}

async fn a_hint_newer_than_the_mark_is_not_cleared(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction
        .put_hints(&[
            hint(SIDE, "a", 4),
            hint(SIDE, "b", 5),
            hint(SIDE, "c", 1),
            hint(OTHER, "a", 1),
        ])
        .await?;
    transaction.clear_hints(SIDE, &["a", "b", "none"], 5).await?;
    assert_eq!(
        transaction.hints(SIDE, 10).await?,
        [hint(SIDE, "c", 1), hint(SIDE, "b", 5)]
    );
    assert_eq!(transaction.hints(OTHER, 10).await?.len(), 1);
    Ok(())
}

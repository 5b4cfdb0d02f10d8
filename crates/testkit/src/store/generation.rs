use syncline_core::Result;
use syncline_core::store::{Generation, Noted, Store};
use uuid::Uuid;

use super::sample::write;

topic![
    what_is_noted_beside_a_store_is_the_last_note,
    a_note_does_not_wait_for_transactions_and_is_not_undone_with_them,
];

async fn what_is_noted_beside_a_store_is_the_last_note(store: &dyn Store) -> Result<()> {
    assert_eq!(store.noted_generation().await?, Noted::Nothing);
    for number in [1, 2] {
        let generation = Generation {
            store: Uuid::from_u128(7),
            number,
        };
        store.note_generation(generation).await?;
        assert_eq!(store.noted_generation().await?, Noted::Generation(generation));
    }
    Ok(())
}

async fn a_note_does_not_wait_for_transactions_and_is_not_undone_with_them(store: &dyn Store) -> Result<()> {
    let generation = Generation {
        store: Uuid::from_u128(7),
        number: 3,
    };
    let open = write(store).await?;
    store.note_generation(generation).await?;
    drop(open);
    assert_eq!(store.noted_generation().await?, Noted::Generation(generation));
    Ok(())
}

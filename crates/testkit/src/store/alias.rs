use syncline_core::Result;
use syncline_core::store::{Store, Transaction};

use super::sample::{OTHER, SIDE, put, side, write};

topic![
    an_id_without_an_alias_is_itself,
    heads_follow_aliases,
    chains_are_followed_whichever_end_was_put_first,
    an_alias_that_closes_a_circle_makes_its_record_current,
    aliases_keep_to_their_side,
];

async fn an_id_without_an_alias_is_itself(store: &dyn Store) -> Result<()> {
    assert_eq!(write(store).await?.resolve_alias(SIDE, "a").await?, "a");
    Ok(())
}

async fn heads_follow_aliases(store: &dyn Store) -> Result<()> {
    put(store, &[], &[side(1, SIDE, "winner"), side(2, SIDE, "other")]).await?;
    let mut transaction = write(store).await?;
    transaction.put_alias(SIDE, "loser", "winner").await?;
    let heads = transaction.heads(SIDE, &["loser", "other", "winner", "none"]).await?;
    let found: Vec<_> = heads.into_iter().map(|head| head.map(|head| head.key.entity)).collect();
    assert_eq!(found, [Some(1), Some(2), Some(1), None]);
    Ok(())
}

async fn chains_are_followed_whichever_end_was_put_first(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction.put_alias(SIDE, "a", "b").await?;
    transaction.put_alias(SIDE, "b", "c").await?;
    transaction.put_alias(SIDE, "z", "a").await?;
    for id in ["a", "b", "c", "z"] {
        assert_eq!(transaction.resolve_alias(SIDE, id).await?, "c", "{id}");
    }
    Ok(())
}

async fn an_alias_that_closes_a_circle_makes_its_record_current(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction.put_alias(SIDE, "a", "b").await?;
    transaction.put_alias(SIDE, "b", "a").await?;
    assert_eq!(resolved(&mut transaction, &["a", "b"]).await?, ["a", "a"]);
    transaction.put_alias(SIDE, "c", "b").await?;
    transaction.put_alias(SIDE, "a", "c").await?;
    assert_eq!(resolved(&mut transaction, &["a", "b", "c"]).await?, ["c", "c", "c"]);
    transaction.put_alias(SIDE, "c", "c").await?;
    assert_eq!(resolved(&mut transaction, &["a", "c"]).await?, ["c", "c"]);
    Ok(())
}

async fn aliases_keep_to_their_side(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction.put_alias(SIDE, "a", "b").await?;
    assert_eq!(transaction.resolve_alias(OTHER, "a").await?, "a");
    Ok(())
}

async fn resolved(transaction: &mut Box<dyn Transaction>, ids: &[&str]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for id in ids {
        found.push(transaction.resolve_alias(SIDE, id).await?);
    }
    Ok(found)
}

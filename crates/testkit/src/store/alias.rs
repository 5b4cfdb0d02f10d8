use syncline_core::Result;
use syncline_core::store::{InboxEntry, Store, Transaction};

use super::sample::{OTHER, SIDE, put, side, write};

topic![
    an_id_without_an_alias_is_itself,
    heads_follow_aliases,
    chains_are_followed_whichever_end_was_put_first,
    an_alias_that_closes_a_circle_makes_its_record_current,
    aliases_keep_to_their_side,
    what_is_forgotten_of_a_side_is_gone_and_others_keep_theirs,
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

async fn what_is_forgotten_of_a_side_is_gone_and_others_keep_theirs(store: &dyn Store) -> Result<()> {
    let sides = [side(1, SIDE, "a"), side(2, SIDE, "b"), side(1, OTHER, "a")];
    put(store, &[], &sides).await?;
    let mut transaction = write(store).await?;
    let hint = |side| InboxEntry {
        side,
        ext: "a".to_owned(),
        seq: 1,
    };
    transaction.put_hints(&[hint(SIDE), hint(OTHER)]).await?;
    for side in [SIDE, OTHER] {
        transaction.put_alias(side, "old", "a").await?;
    }
    transaction.commit().await?;
    let mut transaction = write(store).await?;
    transaction.forget_side(SIDE).await?;
    transaction.commit().await?;
    let mut transaction = write(store).await?;
    assert_eq!(transaction.heads(SIDE, &["a", "b"]).await?, [None, None]);
    assert!(transaction.heads(OTHER, &["a"]).await?[0].is_some());
    assert_eq!(transaction.resolve_alias(SIDE, "old").await?, "old");
    assert_eq!(transaction.resolve_alias(OTHER, "old").await?, "a");
    assert!(transaction.hints(SIDE, 10).await?.is_empty());
    assert_eq!(transaction.hints(OTHER, 10).await?.len(), 1);
    assert_eq!(transaction.live_sides(SIDE, 0, 10).await?, []);
    Ok(())
}

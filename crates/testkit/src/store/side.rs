use std::collections::BTreeMap;

use syncline_core::state::{Presence, Side, SideFlags, SideKey};
use syncline_core::store::{SideCounts, SideHead, Store, Touch};
use syncline_core::{ErrorKind, Result};

use super::sample::{OTHER, SIDE, at, entity, key, put, read, refused, side, write};

topic![
    a_side_comes_back_as_it_was,
    every_presence_survives,
    groups_that_say_nothing_are_forgotten,
    heads_come_in_the_given_order,
    a_head_is_the_same_as_its_side,
    sides_without_a_remote_id_do_not_clash,
    a_duplicate_remote_id_is_refused,
    the_same_remote_id_on_another_side_is_another_record,
    a_remote_id_moves_between_sides_in_one_call,
    touching_changes_stamp_and_mark_only,
    touching_clears_the_dirty_mark_when_asked,
    deleting_frees_the_remote_id,
    live_sides_are_listed_by_entity,
    counts_tell_linked_and_waiting_sides,
];

async fn a_side_comes_back_as_it_was(store: &dyn Store) -> Result<()> {
    let full = side(1, SIDE, "a");
    let bare = Side::new(key(1, OTHER));
    put(store, &[entity(1)], &[full.clone(), bare.clone()]).await?;
    assert_eq!(read(store).await?.load(&[1]).await?[0].sides, [full, bare]);
    let changed = Side {
        ext: Some("b".to_owned()),
        flags: SideFlags(5),
        stamp: None,
        marker: None,
        obs: Vec::new(),
        groups: BTreeMap::new(),
        dirty_seq: u64::MAX,
        ..side(1, SIDE, "a")
    };
    put(store, &[], std::slice::from_ref(&changed)).await?;
    assert_eq!(read(store).await?.load(&[1]).await?[0].sides[0], changed);
    Ok(())
}

async fn every_presence_survives(store: &dyn Store) -> Result<()> {
    let presences = [
        Presence::NeverSeen,
        Presence::Live,
        Presence::Deleted("feed".to_owned()),
        Presence::MergedInto("b".to_owned()),
        Presence::Converted("c".to_owned()),
        Presence::Inaccessible,
        Presence::Archived,
        Presence::Unlinked,
    ];
    let sides: Vec<Side> = (1..)
        .zip(presences)
        .map(|(number, presence)| Side {
            presence,
            ..side(number, SIDE, &format!("ext {number}"))
        })
        .collect();
    let entities: Vec<_> = (1..=8).map(entity).collect();
    put(store, &entities, &sides).await?;
    let found = read(store).await?.load(&[1, 2, 3, 4, 5, 6, 7, 8]).await?;
    let found: Vec<Side> = found.into_iter().flat_map(|linked| linked.sides).collect();
    assert_eq!(found, sides);
    Ok(())
}

async fn groups_that_say_nothing_are_forgotten(store: &dyn Store) -> Result<()> {
    let mut full = side(1, SIDE, "a");
    full.group_mut(5);
    put(store, &[entity(1)], &[full]).await?;
    assert_eq!(
        read(store).await?.load(&[1]).await?[0].sides[0].groups,
        side(1, SIDE, "a").groups
    );
    Ok(())
}

async fn heads_come_in_the_given_order(store: &dyn Store) -> Result<()> {
    put(
        store,
        &[],
        &[side(1, SIDE, "a"), side(2, SIDE, "b \"quoted\" ä"), side(3, OTHER, "c")],
    )
    .await?;
    let wanted = ["b \"quoted\" ä", "none", "a", "c", "a"];
    let heads = read(store).await?.heads(SIDE, &wanted).await?;
    let found: Vec<Option<SideKey>> = heads.into_iter().map(|head| head.map(|head| head.key)).collect();
    assert_eq!(
        found,
        [Some(key(2, SIDE)), None, Some(key(1, SIDE)), None, Some(key(1, SIDE))]
    );
    Ok(())
}

async fn a_head_is_the_same_as_its_side(store: &dyn Store) -> Result<()> {
    let wanted = Side {
        presence: Presence::Deleted("sweep".to_owned()),
        flags: SideFlags::READ,
        dirty_seq: 13,
        ..side(1, SIDE, "a")
    };
    put(store, &[], std::slice::from_ref(&wanted)).await?;
    let head = read(store).await?.heads(SIDE, &["a"]).await?.remove(0);
    assert_eq!(
        head,
        Some(SideHead {
            key: wanted.key,
            presence: wanted.presence,
            flags: wanted.flags,
            stamp: wanted.stamp,
            obs_seq: wanted.obs_seq,
            write_seq: wanted.write_seq,
            dirty_seq: wanted.dirty_seq,
            mapping_version: wanted.mapping_version,
            hash: wanted.hash,
        })
    );
    Ok(())
}

async fn sides_without_a_remote_id_do_not_clash(store: &dyn Store) -> Result<()> {
    put(
        store,
        &[entity(1), entity(2)],
        &[Side::new(key(1, SIDE)), Side::new(key(2, SIDE))],
    )
    .await?;
    assert_eq!(read(store).await?.load(&[1, 2]).await?[1].sides.len(), 1);
    Ok(())
}

async fn a_duplicate_remote_id_is_refused(store: &dyn Store) -> Result<()> {
    put(store, &[], &[side(1, SIDE, "a"), side(2, SIDE, "b")]).await?;
    let stored = write(store)
        .await?
        .put_sides(&[&side(3, SIDE, "c"), &side(4, SIDE, "a")])
        .await;
    assert_eq!(refused(stored)?, ErrorKind::Exists);
    let within = write(store)
        .await?
        .put_sides(&[&side(3, SIDE, "c"), &side(4, SIDE, "c")])
        .await;
    assert_eq!(refused(within)?, ErrorKind::Exists);
    let mut reader = read(store).await?;
    assert_eq!(reader.heads(SIDE, &["c"]).await?, [None]);
    let owner = reader.heads(SIDE, &["a"]).await?.remove(0);
    assert_eq!(owner.map(|head| head.key), Some(key(1, SIDE)));
    Ok(())
}

async fn the_same_remote_id_on_another_side_is_another_record(store: &dyn Store) -> Result<()> {
    put(
        store,
        &[],
        &[side(1, SIDE, "a"), side(2, OTHER, "a"), side(1, OTHER, "b")],
    )
    .await?;
    let owner = read(store).await?.heads(OTHER, &["a"]).await?.remove(0);
    assert_eq!(owner.map(|head| head.key), Some(key(2, OTHER)));
    Ok(())
}

async fn a_remote_id_moves_between_sides_in_one_call(store: &dyn Store) -> Result<()> {
    put(store, &[], &[side(1, SIDE, "a"), side(2, SIDE, "b")]).await?;
    put(store, &[], &[side(1, SIDE, "b"), side(2, SIDE, "a")]).await?;
    let heads = read(store).await?.heads(SIDE, &["a", "b"]).await?;
    let owners: Vec<_> = heads.into_iter().flatten().map(|head| head.key.entity).collect();
    assert_eq!(owners, [2, 1]);
    Ok(())
}

async fn touching_changes_stamp_and_mark_only(store: &dyn Store) -> Result<()> {
    let dirty = Side {
        flags: SideFlags(3),
        dirty_seq: 8,
        ..side(1, SIDE, "a")
    };
    put(store, &[entity(1)], &[dirty.clone(), side(1, OTHER, "b")]).await?;
    let mut transaction = write(store).await?;
    transaction.touch_sides(&[touch(1, false), touch(2, false)]).await?;
    transaction.commit().await?;
    let touched = Side {
        stamp: Some(at(99)),
        obs_seq: 50,
        ..dirty
    };
    assert_eq!(
        read(store).await?.load(&[1]).await?[0].sides,
        [touched, side(1, OTHER, "b")]
    );
    Ok(())
}

async fn touching_clears_the_dirty_mark_when_asked(store: &dyn Store) -> Result<()> {
    let dirty = Side {
        flags: SideFlags(SideFlags::PUSH.0 | SideFlags::READ.0),
        dirty_seq: 8,
        ..side(1, SIDE, "a")
    };
    put(store, &[], &[dirty]).await?;
    let mut transaction = write(store).await?;
    transaction.touch_sides(&[touch(1, true)]).await?;
    let head = transaction.heads(SIDE, &["a"]).await?.remove(0);
    assert_eq!(
        head.map(|head| (head.flags, head.dirty_seq)),
        Some((SideFlags::PUSH, 0))
    );
    assert!(transaction.flagged(SIDE, SideFlags::READ, 0, 10).await?.is_empty());
    Ok(())
}

async fn deleting_frees_the_remote_id(store: &dyn Store) -> Result<()> {
    let flagged = Side {
        flags: SideFlags::PUSH,
        ..side(1, SIDE, "a")
    };
    put(store, &[entity(1)], &[flagged, side(1, OTHER, "a")]).await?;
    let mut transaction = write(store).await?;
    transaction.delete_sides(&[key(1, SIDE), key(9, SIDE)]).await?;
    assert_eq!(transaction.load(&[1]).await?[0].sides, [side(1, OTHER, "a")]);
    assert!(transaction.flagged(SIDE, SideFlags::PUSH, 0, 10).await?.is_empty());
    transaction.put_sides(&[&side(2, SIDE, "a")]).await?;
    transaction.commit().await
}

async fn live_sides_are_listed_by_entity(store: &dyn Store) -> Result<()> {
    let gone = Side {
        presence: Presence::Archived,
        ..side(3, SIDE, "c")
    };
    let sides = [
        side(4, SIDE, "d"),
        side(1, SIDE, "b"),
        side(2, SIDE, "a"),
        gone,
        side(1, OTHER, "e"),
    ];
    put(store, &[], &sides).await?;
    let mut reader = read(store).await?;
    let row = |number: i64, ext: &str| (key(number, SIDE), ext.to_owned(), Some(at(number)));
    assert_eq!(reader.live_sides(SIDE, 0, 2).await?, [row(1, "b"), row(2, "a")]);
    assert_eq!(reader.live_sides(SIDE, 2, 9).await?, [row(4, "d")]);
    Ok(())
}

async fn counts_tell_linked_and_waiting_sides(store: &dyn Store) -> Result<()> {
    let with = |number, presence, flags: u32| Side {
        presence,
        flags: SideFlags(flags),
        ..side(number, SIDE, &format!("ext {number}"))
    };
    let unsent = Side {
        flags: SideFlags::PUSH,
        ..Side::new(key(5, SIDE))
    };
    let sides = [
        with(1, Presence::Live, 0),
        with(2, Presence::Live, SideFlags::PUSH.0 | SideFlags::READ.0),
        with(3, Presence::Live, SideFlags::FILTERED.0),
        with(4, Presence::Deleted("feed".to_owned()), SideFlags::READ.0),
        unsent,
        side(1, OTHER, "a"),
    ];
    put(store, &[], &sides).await?;
    let mut reader = read(store).await?;
    assert_eq!(
        reader.side_counts(SIDE).await?,
        SideCounts {
            linked: 3,
            push: 2,
            read: 2
        }
    );
    assert_eq!(reader.side_counts(99).await?, SideCounts::default());
    Ok(())
}

fn touch(entity: i64, clean: bool) -> Touch {
    Touch {
        key: key(entity, SIDE),
        stamp: Some(at(99)),
        obs_seq: 50,
        clean,
    }
}

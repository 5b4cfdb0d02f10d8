use syncline_core::Result;
use syncline_core::state::{Presence, Side, SideFlags};
use syncline_core::store::Store;

use super::sample::{OTHER, SIDE, entity, put, read, side, write};

topic![
    flags_are_added_to_all_live_sides_but_one,
    zero_leaves_no_side_out,
    flagged_entities_are_listed_by_number,
    any_of_the_flags_will_do,
];

async fn flags_are_added_to_all_live_sides_but_one(store: &dyn Store) -> Result<()> {
    let gone = Side {
        presence: Presence::Deleted("feed".to_owned()),
        ..side(2, OTHER, "gone")
    };
    let read_flagged = Side {
        flags: SideFlags::READ,
        ..side(1, OTHER, "b")
    };
    let sides = [
        side(1, SIDE, "a"),
        read_flagged,
        side(1, 9, "c"),
        gone,
        side(3, OTHER, "d"),
    ];
    put(store, &[entity(1), entity(2), entity(3)], &sides).await?;
    let mut transaction = write(store).await?;
    transaction.flag_sides(&[1, 2], SideFlags::PUSH, SIDE).await?;
    transaction.commit().await?;
    let found = read(store).await?.load(&[1, 2, 3]).await?;
    let flags: Vec<u32> = found
        .iter()
        .flat_map(|linked| linked.sides.iter().map(|side| side.flags.0))
        .collect();
    assert_eq!(flags, [0, 3, 1, 0, 0]);
    Ok(())
}

async fn zero_leaves_no_side_out(store: &dyn Store) -> Result<()> {
    put(store, &[], &[side(1, SIDE, "a"), side(1, OTHER, "b")]).await?;
    let mut transaction = write(store).await?;
    transaction.flag_sides(&[1], SideFlags::PUSH, 0).await?;
    for number in [SIDE, OTHER] {
        assert_eq!(transaction.flagged(number, SideFlags::PUSH, 0, 10).await?, [1]);
    }
    Ok(())
}

async fn flagged_entities_are_listed_by_number(store: &dyn Store) -> Result<()> {
    let flagged = |number, on| Side {
        flags: SideFlags::PUSH,
        ..side(number, on, &format!("ext {number}"))
    };
    let sides = [
        flagged(3, SIDE),
        flagged(1, SIDE),
        side(2, SIDE, "b"),
        flagged(4, OTHER),
        flagged(5, SIDE),
    ];
    put(store, &[], &sides).await?;
    let mut reader = read(store).await?;
    assert_eq!(reader.flagged(SIDE, SideFlags::PUSH, 0, 2).await?, [1, 3]);
    assert_eq!(reader.flagged(SIDE, SideFlags::PUSH, 3, 2).await?, [5]);
    Ok(())
}

async fn any_of_the_flags_will_do(store: &dyn Store) -> Result<()> {
    let with = |number, flags: u32| Side {
        flags: SideFlags(flags),
        ..side(number, SIDE, &format!("ext {number}"))
    };
    put(store, &[], &[with(1, 1), with(2, 2), with(3, 4), with(4, 6)]).await?;
    let mut reader = read(store).await?;
    assert_eq!(reader.flagged(SIDE, SideFlags(3), 0, 10).await?, [1, 2, 4]);
    assert_eq!(reader.flagged(SIDE, SideFlags(4), 0, 10).await?, [3, 4]);
    assert!(reader.flagged(SIDE, SideFlags(8), 0, 10).await?.is_empty());
    Ok(())
}

//! A conflict that is none any more: the sides became equal while a person was asked (section 10).

use super::compare::{changed, holds, pick};
use super::scene::{Effects, ReviewChange, Scene};
use crate::model::{GroupId, PRESENCE};
use crate::state::{Base, Linked, SideFlags};
use crate::value::decode_all;

/// Closes the conflict on a group if nobody holds anything else any more, and takes the edits of those who agree as
/// consumed. A side that is behind with what it held before the conflict is no party to it.
pub(super) fn thaw(linked: &mut Linked, group: GroupId, scene: &Scene<'_>, effects: &mut Effects) {
    if group == PRESENCE || linked.entity.frozen_by(group).is_none() {
        return;
    }
    let hub = linked.entity.group_values(scene.blueprint, group);
    let (mut agreeing, mut all_agree) = (Vec::new(), true);
    for (index, side) in linked
        .sides
        .iter()
        .enumerate()
        .filter(|(_, side)| side.presence.is_live())
    {
        let known = scene.sides.get(&side.key.side);
        let rules = known.and_then(|known| Some((known, known.mapping.group(group)?)));
        let (Some((known, rules)), Ok(row)) = (rules, decode_all(&side.obs)) else {
            continue;
        };
        let observed = pick(&row, rules);
        let is_changed = changed(side, rules, &observed);
        let agrees = holds(rules, &hub, &observed, known.links).unwrap_or(false);
        match (is_changed, agrees) {
            (true, false) => return,
            (true, true) => agreeing.push(index),
            (false, agrees) => all_agree &= agrees,
        }
    }
    // Where an edit of the app opened the conflict, the other party has nothing left to consume: all have to agree.
    if agreeing.is_empty() && !all_agree {
        return;
    }
    linked.entity.frozen.retain(|(frozen, _)| *frozen != group);
    for index in agreeing {
        linked.sides[index].group_mut(group).base = Base::AsObserved;
    }
    for side in &mut linked.sides {
        side.flags.set(SideFlags::PUSH);
    }
    effects.reviews.push(ReviewChange { group, reason: None });
}

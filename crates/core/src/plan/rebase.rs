//! What a side held when it last agreed, kept over a change of its mapping (section 7, "mapping change").

use std::collections::BTreeSet;

use super::compare::pick;
use crate::error::Result;
use crate::mapping::{SideGroup, SideMapping};
use crate::model::GroupId;
use crate::state::{Base, Side};
use crate::value::{Value, decode_all};

/// An earlier version of a side's mapping.
#[derive(Debug, Clone)]
pub struct EarlierMapping {
    /// As it was compiled then.
    pub mapping: SideMapping,
    /// Groups that are mapped by the very same rules now.
    pub same: BTreeSet<GroupId>,
}

/// Carries the bases of a side over to the mapping under which `new` was read. Returns the groups that are new to the
/// side: there, what both hold was never compared.
///
/// An old base is never judged by a new lens: only where the rules are the same does it stay. Where they differ, a group
/// in agreement takes what the side holds, as the new rules read it, and one that was behind still is.
pub(super) fn rebase(
    side: &mut Side,
    new: &[u8],
    mapping: &SideMapping,
    earlier: &[EarlierMapping],
    behind: impl Fn(&Side, GroupId) -> bool,
) -> Result<BTreeSet<GroupId>> {
    let mut added = BTreeSet::new();
    let earlier = earlier
        .iter()
        .find(|earlier| earlier.mapping.version == side.mapping_version);
    let Some(EarlierMapping { mapping: old, same }) = earlier else {
        for group in &mapping.groups {
            side.group_mut(group.group).base = Base::Never;
        }
        return Ok(added);
    };
    let (old_row, new_row) = (decode_all(&side.obs)?, decode_all(new)?);
    for group in &mapping.groups {
        let Some(before) = old.group(group.group) else {
            let state = side.group_mut(group.group);
            (state.base, state.base_rev) = (Base::Never, Some(0));
            added.insert(group.group);
            continue;
        };
        let held = match side.groups.get(&group.group).map(|state| &state.base) {
            Some(Base::Never) => None,
            Some(Base::Held(values)) => reordered(values, before, old, group, mapping),
            Some(Base::AsObserved) | None => reordered(&pick(&old_row, before), before, old, group, mapping),
        };
        let now = pick(&new_row, group);
        let is_same = same.contains(&group.group);
        // Under other rules only that nothing happened counts.
        let stays = is_same || behind(side, group.group) && held.as_ref() == Some(&now);
        side.group_mut(group.group).base = match held.filter(|_| stays) {
            None => Base::Never,
            Some(held) if held == now => Base::AsObserved,
            Some(held) => Base::Held(held),
        };
        if group.direction.pushes() && !before.direction.pushes() {
            // A side that is only read agrees with whatever the hub holds. What it really holds is compared now.
            side.group_mut(group.group).base_rev = Some(0);
        }
    }
    // What is no longer mapped is no longer known.
    side.groups
        .retain(|group, _| *group == crate::model::PRESENCE || mapping.group(*group).is_some());
    Ok(added)
}

/// A group's raw values in the order of another mapping's paths; `None` if that one reads other paths.
fn reordered(
    values: &[Value],
    before: &SideGroup,
    old: &SideMapping,
    group: &SideGroup,
    mapping: &SideMapping,
) -> Option<Vec<Value>> {
    let name = |mapping: &SideMapping, path: usize| mapping.projection.fields.get(path).cloned();
    group
        .paths
        .iter()
        .map(|&path| {
            let field = name(mapping, path)?;
            let place = before
                .paths
                .iter()
                .position(|&path| name(old, path).as_ref() == Some(&field))?;
            values.get(place).cloned()
        })
        .collect()
}

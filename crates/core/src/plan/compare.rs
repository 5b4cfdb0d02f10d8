//! The three derived facts: changed, moved, behind.

use crate::error::Result;
use crate::lens::LensContext;
use crate::mapping::{Direction, SideGroup, SideMapping};
use crate::model::{Blueprint, GroupId};
use crate::state::{Base, Entity, Side};
use crate::value::{Value, decode_all};

/// The raw values of a side's groups as last observed, in the order of each group's paths.
///
/// # Errors
/// [`crate::ErrorKind::Corrupt`] when the stored observation can't be read.
pub fn raw_groups(side: &Side, groups: &[SideGroup]) -> Result<Vec<Vec<Value>>> {
    let row = decode_all(&side.obs)?;
    Ok(groups.iter().map(|group| pick(&row, group)).collect())
}

/// A group's raw values out of a whole row.
pub(super) fn pick(row: &[Value], group: &SideGroup) -> Vec<Value> {
    group
        .paths
        .iter()
        .map(|&path| row.get(path).cloned().unwrap_or_default())
        .collect()
}

/// What a side held for a group when it last agreed: `None` if it never did.
pub(super) fn base_of(side: &Side, group: GroupId, observed: &[Value]) -> Option<Vec<Value>> {
    match side.groups.get(&group).map(|state| &state.base) {
        Some(Base::Never) => None,
        Some(Base::Held(values)) => Some(values.clone()),
        Some(Base::AsObserved) | None => (!side.obs.is_empty()).then(|| observed.to_vec()),
    }
}

/// `changed(s,g)`: an edit of that side that is not consumed yet.
pub(super) fn changed(side: &Side, group: &SideGroup, observed: &[Value]) -> bool {
    match base_of(side, group.group, observed) {
        None => true,
        Some(base) => base != observed && group.canon(&base) != group.canon(observed),
    }
}

/// `obs ~s hub`: whether the side, as coarse as it is, holds the hub's value.
///
/// # Errors
/// [`crate::ErrorKind::Pending`] while a reference is not linked. A hub value that the side can't hold is simply not
/// held by it.
pub(super) fn holds(group: &SideGroup, hub: &[Value], observed: &[Value], links: &dyn LensContext) -> Result<bool> {
    match group.put(hub, observed, links) {
        Ok(put) => Ok(put == observed || group.canon(&put) == group.canon(observed)),
        Err(error) if error.kind() == crate::ErrorKind::Pending => Err(error),
        Err(_) => Ok(group.get(observed, hub, links).is_ok_and(|got| got == hub)),
    }
}

/// Whether two canonical values are the same to a side.
pub(super) fn same_to(group: &SideGroup, a: &[Value], b: &[Value], links: &dyn LensContext) -> bool {
    if a == b {
        return true;
    }
    let nothing = vec![Value::Null; group.paths.len()];
    match (group.put(a, &nothing, links), group.put(b, &nothing, links)) {
        (Ok(a), Ok(b)) => group.canon(&a) == group.canon(&b),
        _ => false,
    }
}

/// `behind(s,g)`: whether the side has nothing of its own to say and does not hold the hub's value, direction and
/// freezing aside.
///
/// # Errors
/// [`crate::ErrorKind::Pending`] while a reference is not linked.
pub fn behind(
    entity: &Entity,
    side: &Side,
    group: &SideGroup,
    observed: &[Value],
    blueprint: &Blueprint,
    links: &dyn LensContext,
) -> Result<bool> {
    if changed(side, group, observed) {
        return Ok(false);
    }
    Ok(!holds(
        group,
        &entity.group_values(blueprint, group.group),
        observed,
        links,
    )?)
}

/// Whether a side is not known to have agreed with the last decision on a field, though nothing is left to write to it.
/// A read that begins now shows it; until then the side's next edit would be measured against decisions that its user
/// had before their eyes.
pub fn lags(entity: &Entity, side: &Side, mapping: &SideMapping) -> bool {
    side.presence.is_live()
        && mapping.groups.iter().any(|group| {
            group.direction != Direction::None
                && side.base_rev(group.group) < entity.rev_of(group.group)
                && entity.frozen_by(group.group).is_none()
                && side
                    .groups
                    .get(&group.group)
                    .is_none_or(|state| state.quarantine.is_none())
        })
}

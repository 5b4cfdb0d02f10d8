//! The staleness filter, and taking an accepted row in.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::delete_conflict::meets_delete;
use super::rebase::rebase;
use super::{Effects, Scene, decide};
use crate::batch::ReadClass;
use crate::error::{Error, ErrorKind, Result};
use crate::io::Mark;
use crate::mapping::SideMapping;
use crate::model::GroupId;
use crate::sighting::UNSETTLED;
use crate::state::{Base, Linked, Presence, Side, SideFlags};
use crate::store::SideHead;
use crate::value::{Value, content_hash};

/// A live remote record as one read saw it.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// Taken when the read began.
    pub mark: Mark,
    /// How much the read proves.
    pub class: ReadClass,
    /// The provider's version of the record.
    pub stamp: Option<Timestamp>,
    /// All values of the projection, canonically encoded.
    pub encoded: &'a [u8],
}

/// What the staleness filter says of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// It brings something new: plan it.
    Apply,
    /// The same content under a newer stamp: only the stamp is stored.
    Touch,
    /// Nothing new at all.
    Same,
    /// It may be older than what is known: not applied, read it again strongly.
    Stale,
}

/// The staleness filter (section 3, points 5 to 7). `hash` is the hash of the row's values.
pub fn accept(head: &SideHead, observation: &Observation<'_>, hash: u128, mapping_version: u32) -> Acceptance {
    let mark = observation.mark.0;
    let same_content = hash == head.hash && head.mapping_version == mapping_version && head.presence == Presence::Live;
    let overlaps = mark <= head.write_seq || head.flags.has(SideFlags::IN_FLIGHT);
    let unsettled = head.flags.0 & UNSETTLED != 0;
    if observation.class == ReadClass::Weak {
        if head.holds(hash, observation.stamp, mapping_version) {
            return Acceptance::Same;
        }
        let newer = observation.stamp.is_some() && observation.stamp > head.stamp;
        let repeated = observation.stamp == head.stamp && hash == head.hash;
        let other_mapping = head.mapping_version != mapping_version && observation.stamp >= head.stamp;
        if !(newer || repeated || other_mapping) {
            // An older row with the content that is known anyway has nothing to tell.
            return if same_content {
                Acceptance::Same
            } else {
                Acceptance::Stale
            };
        }
    }
    if overlaps || mark <= head.obs_seq {
        return if same_content && !head.flags.has(SideFlags::IN_FLIGHT) {
            Acceptance::Same
        } else {
            Acceptance::Stale
        };
    }
    if same_content {
        if unsettled && observation.class == ReadClass::Strong {
            Acceptance::Apply
        } else {
            Acceptance::Touch
        }
    } else {
        Acceptance::Apply
    }
}

/// Takes an accepted row in: stores it as the side's observation and decides every group (section 4).
///
/// # Errors
/// [`ErrorKind::Corrupt`] when stored state can't be read, [`ErrorKind::Internal`] when the side has no mapping here.
/// What goes wrong with a single group is in [`Effects::failures`].
pub fn observe(linked: &mut Linked, index: usize, observation: &Observation<'_>, scene: &Scene<'_>) -> Result<Effects> {
    let Linked { entity, sides } = linked;
    let side = &mut sides[index];
    let known = scene
        .sides
        .get(&side.key.side)
        .ok_or_else(|| Error::new(ErrorKind::Internal, "a side without a mapping was observed"))?;
    let is_remapped = !side.obs.is_empty() && side.mapping_version != known.mapping.version;
    let added = if is_remapped {
        let behind = |side: &Side, group| entity.rev_of(group) > side.base_rev(group);
        rebase(side, observation.encoded, known.mapping, known.earlier, behind)?
    } else {
        keep_bases(side, observation.encoded, known.mapping)?;
        BTreeSet::new()
    };
    side.obs.clear();
    side.obs.extend_from_slice(observation.encoded);
    side.hash = content_hash(observation.encoded);
    let previous_stamp = side.stamp;
    side.stamp = observation.stamp.or(side.stamp);
    side.obs_seq = side.obs_seq.max(observation.mark.0);
    side.mapping_version = known.mapping.version;
    side.presence = Presence::Live;
    if observation.mark.0 > side.dirty_seq {
        side.dirty_seq = 0;
        side.flags.clear(SideFlags::READ);
    }
    let mut effects = decide::groups(linked, index, Some(observation.mark), previous_stamp, &added, scene)?;
    meets_delete(linked, index, &mut effects, scene);
    Ok(effects)
}

/// Where a group's raw values are about to change, keeps what it held as its base.
fn keep_bases(side: &mut Side, new: &[u8], mapping: &SideMapping) -> Result<()> {
    if side.obs.is_empty() {
        for group in &mapping.groups {
            let state = side.group_mut(group.group);
            // What was sent to a record that has not been read yet is what it held.
            if !matches!(state.base, Base::Held(_)) {
                state.base = Base::Never;
            }
        }
        return Ok(());
    }
    for (group, values) in changed_bases(side, new, mapping)? {
        side.group_mut(group).base = Base::Held(values);
    }
    Ok(())
}

/// What the groups that are about to change held, where that is what they agreed with.
fn changed_bases(side: &Side, new: &[u8], mapping: &SideMapping) -> Result<Vec<(GroupId, Vec<Value>)>> {
    let old: Vec<&[u8]> = slices(&side.obs)?;
    let new: Vec<&[u8]> = slices(new)?;
    let mut changed = Vec::new();
    for group in &mapping.groups {
        let differs = group.paths.iter().any(|&path| old.get(path) != new.get(path));
        let state = side.groups.get(&group.group);
        if !differs || state.is_some_and(|state| state.base != Base::AsObserved) {
            continue;
        }
        let held: Result<Vec<Value>> = group
            .paths
            .iter()
            .map(|&path| {
                old.get(path)
                    .map_or(Ok(Value::Null), |slice| Value::decode(&mut &slice[..]))
            })
            .collect();
        changed.push((group.group, held?));
    }
    Ok(changed)
}

fn slices(mut bytes: &[u8]) -> Result<Vec<&[u8]>> {
    let mut slices = Vec::with_capacity(16);
    while !bytes.is_empty() {
        slices.push(Value::skip(&mut bytes)?);
    }
    Ok(slices)
}

//! Taking the outcome of a write in (section 7, second transaction).

use std::borrow::Cow;

use jiff::Timestamp;

use super::compare::pick;
use super::decide::reconcile;
use super::scene::{Effects, Scene};
use super::written::written;
use crate::audit::{AuditEntry, AuditKind};
use crate::batch::Carried;
use crate::error::{Error, ErrorKind, Result};
use crate::io::Mark;
use crate::mapping::SideGroup;
use crate::model::PRESENCE;
use crate::state::{Base, Linked, Operation, OperationVerb, Presence, Quarantine, SideFlags};
use crate::value::{Value, content_hash, decode_all, encode_all};

/// What the record held after the write, from the answer or a strong read.
#[derive(Debug, Clone, Copy)]
pub struct Readback<'a> {
    /// The record's id.
    pub ext: &'a str,
    /// The provider's version.
    pub stamp: Option<Timestamp>,
    /// All values of the projection, canonically encoded.
    pub encoded: &'a [u8],
    /// Which of them were told; all that were written have to be.
    pub carried: Carried<'a>,
    /// The record's version when the write was answered, where the answer told.
    pub written_stamp: Option<Timestamp>,
}

/// Takes a definite success in: what the side really holds becomes its base where it is what was sent; what was
/// ignored is quarantined; anything else is treated as somebody's edit.
///
/// `mark` is the engine sequence now that the write has finished.
///
/// # Errors
/// As [`super::observe`].
pub fn confirm(
    linked: &mut Linked,
    index: usize,
    operation: &Operation,
    readback: &Readback<'_>,
    mark: Mark,
    scene: &Scene<'_>,
) -> Result<Effects> {
    let side_id = linked.sides[index].key.side;
    let known = *scene
        .sides
        .get(&side_id)
        .ok_or_else(|| Error::new(ErrorKind::Internal, "a side without a mapping was written"))?;
    let created = operation.verb == OperationVerb::Create;
    let old_row = decode_all(&linked.sides[index].obs)?;
    let mut new_row = decode_all(readback.encoded)?;
    let mut encoded = Cow::Borrowed(readback.encoded);
    if !readback.carried.is_all() {
        // What was not told is as it was: as the guard read found it, and empty in a record that is new. If it is not, the
        // next read shows that, since nothing of it was taken for agreed.
        for (place, value) in new_row.iter_mut().enumerate() {
            if !readback.carried.has(place) {
                let before = old_row.get(place).filter(|_| !created);
                *value = before.cloned().unwrap_or_default();
            }
        }
        encoded = Cow::Owned(encode_all(&new_row));
    }
    let mut effects = Effects::default();
    let uid = linked.entity.uid;
    let side = &mut linked.sides[index];
    let previous_stamp = side.stamp;
    side.ext = Some(readback.ext.to_owned());
    side.presence = Presence::Live;
    if let Some((_, marker)) = &operation.marker {
        side.marker = Some(marker.clone());
    }
    side.flags.clear(SideFlags::IN_FLIGHT);
    side.groups.remove(&PRESENCE);

    for group in &known.mapping.groups {
        let before = pick(&old_row, group);
        let now = pick(&new_row, group);
        let state = side.groups.entry(group.group).or_default();
        if !operation.groups.contains(&group.group) {
            if created && state.base == Base::AsObserved {
                state.base = Base::Never;
            } else if before != now && state.base == Base::AsObserved {
                state.base = Base::Held(before);
            }
            continue;
        }
        let sent = sent_values(operation, group, &before);
        let kept = group.canon(&now) == group.canon(&sent);
        let ignored = !kept
            && !created
            && group.canon(&now) == group.canon(&before)
            && readback
                .written_stamp
                .is_none_or(|written| readback.stamp.is_none_or(|stamp| stamp <= written));
        if kept {
            state.base = Base::AsObserved;
            state.base_rev = Some(operation.rev);
            state.quarantine = None;
            state.not_kept = None;
        } else if ignored {
            state.base = Base::AsObserved;
            let why = format!(
                "{} accepted the write but kept its old value; check field permissions",
                known.mapping.label
            );
            state.quarantine = Some(quarantine(operation, group, why.clone()));
            effects
                .failures
                .push((group.group, Error::new(ErrorKind::Rejected, why)));
            let entry = AuditEntry::new(AuditKind::WriteIgnored, uid, side_id, Some(readback.ext));
            effects.audit.push(entry.values(group.group, operation.rev, sent, now));
        } else {
            // Once it may be somebody's edit. The same again is what the provider makes of it.
            let this = Some(content_hash(&encode_all(sent.iter().chain(&now))));
            let again = state.not_kept == this;
            state.not_kept = this;
            state.base = Base::Held(sent);
            state.base_rev = Some(operation.rev);
            if again {
                let why = format!(
                    "{} stores something else than is sent; map it with a lens that says so",
                    known.mapping.label
                );
                state.quarantine = Some(quarantine(operation, group, why.clone()));
                effects
                    .failures
                    .push((group.group, Error::new(ErrorKind::Rejected, why)));
            }
        }
    }
    side.hash = content_hash(&encoded);
    side.obs = encoded.into_owned();
    side.stamp = readback.stamp.or(side.stamp);
    side.obs_seq = side.obs_seq.max(mark.0);
    side.write_seq = side.write_seq.max(mark.0);
    side.mapping_version = operation.mapping_version;
    if side.groups.values().any(|state| state.quarantine.is_some()) {
        side.flags.set(SideFlags::QUARANTINED);
    } else {
        side.flags.clear(SideFlags::QUARANTINED);
    }
    effects.audit.push(written(
        AuditKind::Confirmed,
        uid,
        Some(readback.ext),
        operation,
        known.mapping,
        scene.blueprint,
    ));
    effects.absorb(reconcile(linked, index, Some(mark), previous_stamp, scene)?);
    if !effects.failures.is_empty() {
        linked.sides[index].flags.set(SideFlags::FAILED);
    }
    Ok(effects)
}

/// The group's raw values as they were sent: what it held, overlaid with the operation's targets.
fn sent_values(operation: &Operation, group: &SideGroup, before: &[Value]) -> Vec<Value> {
    let target = |path: usize| {
        operation
            .target
            .iter()
            .find(|(position, _)| usize::from(*position) == path)
            .map(|(_, value)| value.clone())
    };
    group
        .paths
        .iter()
        .enumerate()
        .map(|(place, &path)| target(path).or_else(|| before.get(place).cloned()).unwrap_or_default())
        .collect()
}

fn quarantine(operation: &Operation, group: &SideGroup, error: String) -> Quarantine {
    let values = operation
        .target
        .iter()
        .filter(|(path, _)| group.paths.contains(&usize::from(*path)));
    Quarantine {
        error,
        input_hash: content_hash(&encode_all(values.map(|(_, value)| value))),
    }
}

//! Where a group of an entity has been lately, for telling whether it keeps going back there.

use crate::model::GroupId;
use crate::value::{Value, content_hash, encode_all};

/// Visits kept at most for one group, whatever the window.
const MOST: usize = 64;

/// A value that a group took a short while ago. Only groups that are decided more than once within the window have any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// The group.
    pub group: GroupId,
    /// Engine sequence of the decision, which counts microseconds.
    pub mark: u64,
    /// Hash of the value.
    pub hash: u64,
    /// Whether an edit on a side brought back what had been there before.
    pub is_return: bool,
}

/// The hash by which values are compared.
fn hash_of(values: &[Value]) -> u64 {
    content_hash(&encode_all(values.iter())) as u64
}

/// Visits since `since`.
fn recent(trail: &[Visit], group: GroupId, since: u64) -> impl Iterator<Item = &Visit> {
    trail
        .iter()
        .filter(move |visit| visit.group == group && visit.mark >= since)
}

/// How often the group came back to an earlier value since `since`, if it now takes `values`: 0 where these are new.
pub(crate) fn returns(trail: &[Visit], group: GroupId, values: &[Value], since: u64) -> usize {
    let hash = hash_of(values);
    if !recent(trail, group, since).any(|visit| visit.hash == hash) {
        return 0;
    }
    recent(trail, group, since).filter(|visit| visit.is_return).count() + 1
}

/// Notes that a group, which held `before` since the decision at `decided`, takes `after`. Forgets what is older than
/// `since`, of all groups.
pub(crate) fn note(
    trail: &mut Vec<Visit>,
    group: GroupId,
    (before, decided): (&[Value], u64),
    (after, mark): (&[Value], u64),
    since: u64,
    by_side: bool,
) {
    trail.retain(|visit| visit.mark >= since);
    if decided < since {
        return;
    }
    let is_return = by_side && returns(trail, group, after, since) > 0;
    if !trail.iter().any(|visit| visit.group == group) {
        trail.push(Visit {
            group,
            mark: decided,
            hash: hash_of(before),
            is_return: false,
        });
    }
    let is_return = is_return || by_side && hash_of(before) == hash_of(after);
    trail.push(Visit {
        group,
        mark,
        hash: hash_of(after),
        is_return,
    });
    let kept = trail.iter().filter(|visit| visit.group == group).count();
    if kept > MOST
        && let Some(oldest) = trail.iter().position(|visit| visit.group == group)
    {
        trail.remove(oldest);
    }
}

//! Exact keys: all parts are set and equal after normalisation.

use super::Links;
use super::normalise::normalise;
use crate::mapping::{MatchKey, MatchPart};
use crate::model::BlueprintId;
use crate::value::{Value, content_hash, encode_text};

/// The hash under which a record is found by an exact key. `values` are those of the parts, in their order. `None`
/// when a part says nothing: such a record is not found by this key.
///
/// ```
/// use syncline_core::{Value, mapping::{MatchPart, Normalisation}, matching::key_hash};
/// let email = [MatchPart { field: "email".into(), normalise: Normalisation::Email }];
/// assert_eq!(key_hash(&email, &[Value::text("Ada@x.org")]), key_hash(&email, &[Value::text(" ada@X.org")]));
/// assert_eq!(key_hash(&email, &[Value::Null]), None);
/// ```
pub fn key_hash(parts: &[MatchPart], values: &[Value]) -> Option<u128> {
    let mut bytes = Vec::with_capacity(48);
    for (index, part) in parts.iter().enumerate() {
        encode_text(&normalise(values.get(index)?, part.normalise)?, &mut bytes);
    }
    (!parts.is_empty()).then(|| content_hash(&bytes))
}

/// The space of a key of a blueprint among the keys of a store. It changes with the key's definition, so that hashes
/// made by an older one are never found.
pub fn key_space(blueprint: BlueprintId, key: &MatchKey) -> u64 {
    let definition = serde_json::to_string(key).unwrap_or_default();
    let hash = content_hash(format!("match key of {blueprint}: {definition}").as_bytes());
    // SQL integers are signed; half of 64 bits' range is plenty.
    (hash >> 65) as u64
}

/// Links the records whose key is unique on both sides.
pub(super) fn link(parts: &[MatchPart], left: &[&[Value]], right: &[&[Value]]) -> Links {
    let mut links = Links::default();
    let left = hashes(parts, left, &mut links.unmatched_left);
    let right = hashes(parts, right, &mut links.unmatched_right);
    let (mut l, mut r) = (0, 0);
    while l < left.len() || r < right.len() {
        let hash = match (left.get(l), right.get(r)) {
            (Some((a, _)), Some((b, _))) => *a.min(b),
            (Some((a, _)), None) | (None, Some((a, _))) => *a,
            (None, None) => break,
        };
        let (lefts, rights) = (run(&left[l..], hash), run(&right[r..], hash));
        l += lefts.len();
        r += rights.len();
        match (lefts, rights) {
            ([(_, one)], [(_, other)]) => links.linked.push((*one, *other, 1.0)),
            (lefts, []) => links.unmatched_left.extend(lefts.iter().map(|(_, index)| *index)),
            ([], rights) => links.unmatched_right.extend(rights.iter().map(|(_, index)| *index)),
            (lefts, rights) => links.review.push((
                lefts.iter().map(|(_, index)| *index).collect(),
                rights.iter().map(|(_, index)| *index).collect(),
                format!(
                    "{} records share their {} with {}; it is unique on neither or only one side",
                    lefts.len(),
                    parts
                        .iter()
                        .map(|part| part.field.as_str())
                        .collect::<Vec<_>>()
                        .join("+"),
                    rights.len()
                ),
            )),
        }
    }
    links.sort();
    links
}

/// The pairs that share a key.
pub(super) fn alike(parts: &[MatchPart], left: &[&[Value]], right: &[&[Value]]) -> Vec<(usize, usize)> {
    let left = hashes(parts, left, &mut Vec::new());
    let right = hashes(parts, right, &mut Vec::new());
    let same = |hash: u128| {
        let start = right.partition_point(|(other, _)| *other < hash);
        run(&right[start..], hash).iter().map(|(_, index)| *index)
    };
    left.iter()
        .flat_map(|&(hash, index)| same(hash).map(move |other| (index, other)))
        .collect()
}

/// The records with a key, sorted by its hash.
fn hashes(parts: &[MatchPart], records: &[&[Value]], without: &mut Vec<usize>) -> Vec<(u128, usize)> {
    let mut hashes = Vec::with_capacity(records.len());
    for (index, values) in records.iter().enumerate() {
        match key_hash(parts, values) {
            Some(hash) => hashes.push((hash, index)),
            None => without.push(index),
        }
    }
    hashes.sort_unstable();
    hashes
}

fn run(sorted: &[(u128, usize)], hash: u128) -> &[(u128, usize)] {
    let end = sorted
        .iter()
        .position(|(other, _)| *other != hash)
        .unwrap_or(sorted.len());
    &sorted[..end]
}

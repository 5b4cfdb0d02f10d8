//! Several keys, one after the other.

use std::collections::BTreeSet;

use super::normalise::normalise;
use super::{Candidate, Links, exact, key_fields, link, link_slices};
use crate::mapping::{MatchKey, MatchPart};
use crate::value::Value;

/// Names of the fields that any of several keys compares, each once: the order of values for [`link_by_keys`].
pub fn keys_fields(keys: &[MatchKey]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    keys.iter()
        .flat_map(key_fields)
        .filter(|field| seen.insert(field.clone()))
        .collect()
}

/// Matches two sets by several keys in turn; each sees what the ones before left unmatched. [`Candidate::values`] are
/// those of [`keys_fields`], in that order.
///
/// A later key never links records that an earlier exact key tells apart (both have an e-mail address, and another
/// one): these go to review.
pub fn link_by_keys(left: &[Candidate], right: &[Candidate], keys: &[MatchKey]) -> Links {
    let fields = keys_fields(keys);
    let mut links = Links {
        unmatched_left: (0..left.len()).collect(),
        unmatched_right: (0..right.len()).collect(),
        ..Links::default()
    };
    for (turn, key) in keys.iter().enumerate() {
        let places: Vec<usize> = key_fields(key)
            .iter()
            .filter_map(|name| fields.iter().position(|field| field == name))
            .collect();
        let (lefts, rights) = (
            std::mem::take(&mut links.unmatched_left),
            std::mem::take(&mut links.unmatched_right),
        );
        let (left_values, right_values) = (pick(left, &lefts, &places), pick(right, &rights, &places));
        let found = link_slices(&as_slices(&left_values), &as_slices(&right_values), key);
        for (l, r, score) in found.linked {
            let (l, r) = (lefts[l], rights[r]);
            match told_apart(&keys[..turn], &fields, &left[l], &right[r]) {
                None => links.linked.push((l, r, score)),
                Some(field) => links.review.push((
                    vec![l],
                    vec![r],
                    format!("{:.0} % alike, but their {field} differs", score * 100.0),
                )),
            }
        }
        links.review.extend(found.review.into_iter().map(|(l, r, reason)| {
            let l = l.into_iter().map(|l| lefts[l]).collect();
            let r = r.into_iter().map(|r| rights[r]).collect();
            (l, r, reason)
        }));
        links.unmatched_left = found.unmatched_left.into_iter().map(|l| lefts[l]).collect();
        links.unmatched_right = found.unmatched_right.into_iter().map(|r| rights[r]).collect();
    }
    links.sort();
    links
}

/// Pairs that any of several keys takes for possibly the same, however many are like one of them, in order.
/// [`Candidate::values`] are those of [`keys_fields`]. What an earlier exact key tells apart is not alike.
pub fn alike(left: &[Candidate], right: &[Candidate], keys: &[MatchKey]) -> Vec<(usize, usize)> {
    let fields = keys_fields(keys);
    let (lefts, rights): (Vec<usize>, Vec<usize>) = ((0..left.len()).collect(), (0..right.len()).collect());
    let mut pairs = BTreeSet::new();
    for (turn, key) in keys.iter().enumerate() {
        let places: Vec<usize> = key_fields(key)
            .iter()
            .filter_map(|name| fields.iter().position(|field| field == name))
            .collect();
        let (left_values, right_values) = (pick(left, &lefts, &places), pick(right, &rights, &places));
        let (left_values, right_values) = (as_slices(&left_values), as_slices(&right_values));
        let found = match key {
            MatchKey::Exact { parts } => exact::alike(parts, &left_values, &right_values),
            MatchKey::Fuzzy { parts, review, .. } => link::alike(parts, *review, &left_values, &right_values),
        };
        let together = |(l, r): &(usize, usize)| told_apart(&keys[..turn], &fields, &left[*l], &right[*r]).is_none();
        pairs.extend(found.into_iter().filter(together));
    }
    pairs.into_iter().collect()
}

fn pick(set: &[Candidate], records: &[usize], places: &[usize]) -> Vec<Vec<Value>> {
    let value = |record: usize, place: usize| set[record].values.get(place).cloned().unwrap_or_default();
    records
        .iter()
        .map(|&record| places.iter().map(|&place| value(record, place)).collect())
        .collect()
}

fn as_slices(values: &[Vec<Value>]) -> Vec<&[Value]> {
    values.iter().map(Vec::as_slice).collect()
}

/// The field of an earlier exact key that both have set, to something else.
fn told_apart<'a>(earlier: &'a [MatchKey], fields: &[String], left: &Candidate, right: &Candidate) -> Option<&'a str> {
    let differs = |part: &MatchPart| {
        let place = fields.iter().position(|field| *field == part.field)?;
        let (a, b) = (
            normalise(left.values.get(place)?, part.normalise)?,
            normalise(right.values.get(place)?, part.normalise)?,
        );
        Some(a != b)
    };
    earlier
        .iter()
        .filter_map(|key| match key {
            MatchKey::Exact { parts } => Some(parts),
            MatchKey::Fuzzy { .. } => None,
        })
        .flatten()
        .find(|part| differs(part) == Some(true))
        .map(|part| part.field.as_str())
}

//! Which records are worth comparing: those that share one of many cheap keys. No single typing error hits them all.

use super::fuzzy::Prepared;
use super::phonetic::soundex;
use crate::mapping::FuzzyPart;
use crate::value::content_hash;

/// A group of records that share a cheap key is not worth comparing when it would cost more pairs than this: such a
/// key (a common surname in a big city) tells nothing apart, and another one finds the pair.
const MAX_PAIRS: usize = 100;

/// The cheap keys of a record: each long number by itself, and each pair of fields by a coarse form of both.
pub(super) fn keys(parts: &[FuzzyPart], record: &Prepared, out: &mut Vec<u64>) {
    let coarse: Vec<Option<u64>> = (0..parts.len()).map(|part| coarse(record, part)).collect();
    for (first, a) in coarse.iter().enumerate() {
        let Some(a) = a else { continue };
        if let Some(value) = record.part(first)
            && value.is_number
            && value.digits.len() >= 6
        {
            out.push(hash(first as u64, 0, *a, 0));
        }
        for (second, b) in coarse.iter().enumerate().skip(first + 1) {
            let Some(b) = b else { continue };
            if parts[first].swapped_with.contains(&parts[second].field) {
                // Whichever of the two holds which.
                out.push(hash(first as u64, second as u64, *a.min(b), *a.max(b)));
            } else {
                out.push(hash(first as u64, second as u64, *a, *b));
            }
        }
    }
}

/// A coarse form of one field.
pub(super) fn coarse(record: &Prepared, part: usize) -> Option<u64> {
    let value = record.part(part)?;
    if value.is_number {
        return Some(content_hash(value.digits.as_bytes()) as u64);
    }
    let words = if value.words.is_empty() {
        &value.text
    } else {
        &value.words
    };
    soundex(words)
        .map(|code| u64::from(u32::from_be_bytes(code)))
        .or_else(|| Some(content_hash(words.as_bytes()) as u64))
}

fn hash(first: u64, second: u64, a: u64, b: u64) -> u64 {
    let mut bytes = [0; 18];
    bytes[0] = first as u8;
    bytes[1] = second as u8;
    bytes[2..10].copy_from_slice(&a.to_le_bytes());
    bytes[10..].copy_from_slice(&b.to_le_bytes());
    content_hash(&bytes) as u64
}

/// The pairs that share a key, each once, in order.
pub(super) fn pairs(parts: &[FuzzyPart], left: &[Prepared], right: &[Prepared]) -> Vec<(u32, u32)> {
    let (left, right) = (index(parts, left), index(parts, right));
    let mut pairs = Vec::new();
    let (mut l, mut r) = (left.as_slice(), right.as_slice());
    while let (Some(a), Some(b)) = (l.first(), r.first()) {
        let key = a.0.max(b.0);
        let lefts = take_run(&mut l, key);
        let rights = take_run(&mut r, key);
        if lefts.len() * rights.len() <= MAX_PAIRS {
            pairs.extend(lefts.iter().flat_map(|a| rights.iter().map(move |b| (a.1, b.1))));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// Moves past everything up to a key, and returns its entries.
fn take_run<'a>(entries: &mut &'a [(u64, u32)], key: u64) -> &'a [(u64, u32)] {
    let from = &entries[entries.partition_point(|entry| entry.0 < key)..];
    let (run, rest) = from.split_at(from.partition_point(|entry| entry.0 == key));
    *entries = rest;
    run
}

fn index(parts: &[FuzzyPart], records: &[Prepared]) -> Vec<(u64, u32)> {
    let mut index = Vec::with_capacity(records.len() * parts.len() * parts.len() / 2);
    let mut keys_of_one = Vec::new();
    for (place, record) in records.iter().enumerate() {
        keys_of_one.clear();
        keys(parts, record, &mut keys_of_one);
        index.extend(keys_of_one.iter().map(|key| (*key, place as u32)));
    }
    index.sort_unstable();
    index.dedup();
    index
}

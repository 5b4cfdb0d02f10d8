//! Fuzzy keys: how alike two records are over several fields.

use super::likeness::{Comparable, likeness};
use super::normalise::normalise;
use crate::mapping::{FuzzyPart, FuzzyRole, Normalisation};
use crate::value::Value;

/// Of the weight of all parts, how much must be set on both sides before a score counts in full: two records that
/// agree on the little that both have are not thereby the same.
const ENOUGH: f64 = 0.5;

/// What a value found in the field that it is often swapped with counts, compared with one in its place.
const SWAPPED: f64 = 0.95;

/// Below this two values of a decisive part are different ones, and not one with typing errors.
const DIFFERENT: f64 = 0.3;

/// How alike two records are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Score {
    /// From 0 to 1.
    pub(super) value: f64,
    /// The decisive part in which they differ, while no identifier agrees.
    pub(super) differs: Option<usize>,
}

/// A record's values, made ready for comparing them many times: the parts' in their order, then those of fields that
/// only stand in `swapped_with`.
#[derive(Debug, Clone)]
pub(super) struct Prepared(Vec<Option<Comparable>>);

impl Prepared {
    pub(super) fn new(values: &[Value]) -> Self {
        let comparable = |value| normalise(value, Normalisation::Text).map(Comparable::new);
        Self(values.iter().map(comparable).collect())
    }

    pub(super) fn part(&self, index: usize) -> Option<&Comparable> {
        self.0.get(index)?.as_ref()
    }
}

/// A fuzzy key's parts with the places of their fields.
#[derive(Debug)]
pub(super) struct Scorer<'a> {
    parts: &'a [FuzzyPart],
    swapped: Vec<Vec<usize>>,
    total: f64,
}

impl<'a> Scorer<'a> {
    pub(super) fn new(parts: &'a [FuzzyPart]) -> Self {
        let fields = super::part_fields(parts);
        let place = |name: &String| fields.iter().position(|field| field == name);
        Self {
            parts,
            swapped: parts
                .iter()
                .map(|part| part.swapped_with.iter().filter_map(place).collect())
                .collect(),
            total: parts.iter().map(|part| part.weight.max(0.0)).sum(),
        }
    }

    /// How alike two records are. Fields that are not set on both sides say nothing for or against.
    pub(super) fn score(&self, a: &Prepared, b: &Prepared) -> Score {
        let (mut agreed, mut compared) = (0.0, 0.0);
        let (mut differs, mut identified) = (None, false);
        for (index, part) in self.parts.iter().enumerate() {
            let direct = match (a.part(index), b.part(index)) {
                (Some(x), Some(y)) => Some(likeness(x, y)),
                _ => None,
            };
            let mut best = direct;
            for &other in self.swapped[index]
                .iter()
                .filter(|_| direct.is_none_or(|direct| direct < SWAPPED))
            {
                for (x, y) in [(a.part(index), b.part(other)), (a.part(other), b.part(index))] {
                    if let (Some(x), Some(y)) = (x, y) {
                        let swapped = SWAPPED * likeness(x, y);
                        // A different value elsewhere is no evidence against one that is missing here.
                        if swapped > best.unwrap_or(0.5) {
                            best = Some(swapped);
                        }
                    }
                }
            }
            if let Some(likeness) = best {
                let weight = part.weight.max(0.0);
                agreed += weight * likeness;
                compared += weight;
                match part.role {
                    FuzzyRole::Decisive if likeness < DIFFERENT => differs = differs.or(Some(index)),
                    FuzzyRole::Identifier if likeness >= 1.0 => identified = true,
                    _ => {}
                }
            }
        }
        let enough = (compared / (ENOUGH * self.total).max(f64::MIN_POSITIVE)).min(1.0);
        Score {
            value: agreed / compared.max(f64::MIN_POSITIVE) * enough,
            differs: differs.filter(|_| !identified),
        }
    }
}

//! From scored pairs to links: only what is clear on both sides is linked.

use std::collections::{BTreeMap, BTreeSet};

use super::Links;
use super::blocking::pairs;
use super::fuzzy::{Prepared, Scorer};
use crate::mapping::FuzzyPart;
use crate::value::Value;

/// How much better the best candidate must be than the next one, on both sides.
const MARGIN: f64 = 0.1;

#[derive(Debug, Clone, Copy)]
struct Edge {
    left: usize,
    right: usize,
    score: f64,
    differs: Option<usize>,
}

/// Links by a fuzzy key.
pub(super) fn link(parts: &[FuzzyPart], least: f64, review: f64, left: &[&[Value]], right: &[&[Value]]) -> Links {
    let prepare =
        |records: &[&[Value]]| -> Vec<Prepared> { records.iter().map(|values| Prepared::new(values)).collect() };
    let (lefts, rights) = (prepare(left), prepare(right));
    let scorer = Scorer::new(parts);
    let floor = review.min(least - MARGIN);
    let edges: Vec<Edge> = pairs(parts, &lefts, &rights)
        .into_iter()
        .map(|(l, r)| {
            let score = scorer.score(&lefts[l as usize], &rights[r as usize]);
            Edge {
                left: l as usize,
                right: r as usize,
                score: score.value,
                differs: score.differs,
            }
        })
        .filter(|edge| edge.score >= floor)
        .collect();
    decide(&edges, least, review, (left.len(), right.len()))
}

/// The pairs that are like each other, and differ in nothing that decides by itself.
pub(super) fn alike(parts: &[FuzzyPart], review: f64, left: &[&[Value]], right: &[&[Value]]) -> Vec<(usize, usize)> {
    let prepare =
        |records: &[&[Value]]| -> Vec<Prepared> { records.iter().map(|values| Prepared::new(values)).collect() };
    let (lefts, rights) = (prepare(left), prepare(right));
    let scorer = Scorer::new(parts);
    pairs(parts, &lefts, &rights)
        .into_iter()
        .map(|(l, r)| (l as usize, r as usize))
        .filter(|&(l, r)| {
            let score = scorer.score(&lefts[l], &rights[r]);
            score.value >= review && score.differs.is_none()
        })
        .collect()
}

fn decide(edges: &[Edge], least: f64, review: f64, (lefts, rights): (usize, usize)) -> Links {
    let mut best_left = vec![(0.0f64, 0.0f64); lefts];
    let mut best_right = vec![(0.0f64, 0.0f64); rights];
    let note = |(best, second): &mut (f64, f64), score: f64| {
        if score > *best {
            *second = *best;
            *best = score;
        } else if score > *second {
            *second = score;
        }
    };
    for edge in edges {
        note(&mut best_left[edge.left], edge.score);
        note(&mut best_right[edge.right], edge.score);
    }
    let clear = |(best, second): (f64, f64), score: f64| score >= best && score - second >= MARGIN;
    let mut links = Links::default();
    let (mut left_done, mut right_done) = (vec![false; lefts], vec![false; rights]);
    for edge in edges {
        if edge.score >= least
            && edge.differs.is_none()
            && clear(best_left[edge.left], edge.score)
            && clear(best_right[edge.right], edge.score)
        {
            left_done[edge.left] = true;
            right_done[edge.right] = true;
            links.linked.push((edge.left, edge.right, edge.score));
        }
    }
    // What is left over and likely enough is asked about, together with everything that it may be confused with.
    let open: Vec<&Edge> = edges
        .iter()
        .filter(|edge| edge.score >= review && !(left_done[edge.left] && right_done[edge.right]))
        .collect();
    for Question { lefts, rights, score } in questions(&open, &left_done, &right_done) {
        let taken = lefts.iter().any(|&l| left_done[l]) || rights.iter().any(|&r| right_done[r]);
        let percent = score * 100.0;
        let reason = if taken {
            format!("{percent:.0} % alike, but the other record is linked to a likelier one already")
        } else if lefts.len() > 1 || rights.len() > 1 {
            format!("up to {percent:.0} % alike, but there are several candidates")
        } else {
            format!("{percent:.0} % alike, which is not enough to link them unasked")
        };
        for &l in &lefts {
            left_done[l] = true;
        }
        for &r in &rights {
            right_done[r] = true;
        }
        links
            .review
            .push((lefts.into_iter().collect(), rights.into_iter().collect(), reason));
    }
    links.unmatched_left = (0..left_done.len()).filter(|&l| !left_done[l]).collect();
    links.unmatched_right = (0..right_done.len()).filter(|&r| !right_done[r]).collect();
    links.sort();
    links
}

/// A record: whether it is a right one, and its position.
type Node = (bool, usize);

/// Records that may be the same.
#[derive(Debug, Default)]
struct Question {
    lefts: BTreeSet<usize>,
    rights: BTreeSet<usize>,
    /// The best score among them.
    score: f64,
}

/// Records that hang together by open edges. A linked record belongs to every question about it and joins none of them.
fn questions(edges: &[&Edge], left_done: &[bool], right_done: &[bool]) -> Vec<Question> {
    let mut parents: BTreeMap<Node, Node> = BTreeMap::new();
    for edge in edges {
        if !left_done[edge.left] && !right_done[edge.right] {
            let (a, b) = (
                root(&mut parents, (false, edge.left)),
                root(&mut parents, (true, edge.right)),
            );
            parents.insert(a.max(b), a.min(b));
        }
    }
    let mut found: BTreeMap<Node, Question> = BTreeMap::new();
    for edge in edges {
        let open = if left_done[edge.left] {
            (true, edge.right)
        } else {
            (false, edge.left)
        };
        let question = found.entry(root(&mut parents, open)).or_default();
        question.lefts.insert(edge.left);
        question.rights.insert(edge.right);
        question.score = question.score.max(edge.score);
    }
    found.into_values().collect()
}

fn root(parents: &mut BTreeMap<Node, Node>, node: Node) -> Node {
    let mut at = node;
    while let Some(&up) = parents.get(&at).filter(|&&up| up != at) {
        at = up;
    }
    parents.insert(node, at);
    at
}

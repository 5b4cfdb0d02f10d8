//! The plan agrees with the reference model of the decision rule on every history that the model can express, and has
//! the model's own properties: no order in which the sides are read changes the outcome, and all sides converge.
//!
//! The model: one field group on one hub with three CRMs, in which an edit that is not consumed yet meets the decisions
//! that the hub took since that side last agreed.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test has no public interface and may panic"
)]

mod support;

use proptest::prelude::*;
use support::{World, at, blueprint, mapping};
use syncline_core::mapping::{Role, Strategy as Policy};
use syncline_core::plan::ReadPoint;
use syncline_core::value::Value;

const RANKS: [i32; 3] = [3, 2, 1];

#[derive(Debug, Clone)]
enum Step {
    App(String, i64),
    Crm(usize, String, i64),
    Sync(usize),
}

/// Revision, cause (`None` is the app), stamp and value.
type ModelDecision = (u64, Option<usize>, (i64, i64, i32), String);

/// The reference, in the words of its own definition.
#[derive(Debug)]
struct Model {
    hub: String,
    rev: u64,
    decisions: Vec<ModelDecision>,
    sides: Vec<ModelSide>,
}

#[derive(Debug, Clone)]
struct ModelSide {
    actual: String,
    obs: String,
    base: String,
    edited_at: i64,
    base_rev: u64,
}

const EPSILON: i64 = 1;

impl Model {
    fn new() -> Self {
        let side = ModelSide {
            actual: "i".into(),
            obs: "i".into(),
            base: "i".into(),
            edited_at: micros(0),
            base_rev: 0,
        };
        Self {
            hub: "i".into(),
            rev: 0,
            decisions: Vec::new(),
            sides: vec![side; 3],
        }
    }

    fn decide(&mut self, value: String, cause: Option<usize>, stamp: (i64, i64, i32)) {
        self.rev += 1;
        self.hub.clone_from(&value);
        self.decisions.push((self.rev, cause, stamp, value));
    }

    fn stamp_up_to(&self, rev: u64) -> i64 {
        self.decisions
            .iter()
            .filter(|d| d.0 <= rev)
            .map(|d| d.2.0)
            .max()
            .unwrap_or(i64::MIN)
    }

    fn app_edit(&mut self, value: String, when: i64) {
        if value != self.hub {
            let at = when.max(self.stamp_up_to(self.rev).saturating_add(EPSILON));
            self.decide(value, None, (at, when, 0));
        }
    }

    fn observe(&mut self, i: usize, policy: Policy) {
        self.sides[i].obs = self.sides[i].actual.clone();
        let side = self.sides[i].clone();
        if side.obs != side.base {
            let at = side
                .edited_at
                .max(self.stamp_up_to(side.base_rev).saturating_add(EPSILON));
            let stamp = (at, side.edited_at, RANKS[i]);
            let moved = self.rev > side.base_rev;
            let rivals: Vec<_> = self
                .decisions
                .iter()
                .filter(|d| d.0 > side.base_rev && d.1 != Some(i) && d.3 != side.obs)
                .cloned()
                .collect();
            self.sides[i].base = side.obs.clone();
            if side.obs == self.hub {
                if moved {
                    self.decide(side.obs.clone(), Some(i), stamp);
                }
            } else if rivals.is_empty() || Self::beats(policy, i, stamp, &rivals) {
                self.decide(side.obs.clone(), Some(i), stamp);
            }
        }
        if self.sides[i].obs == self.hub {
            self.sides[i].base_rev = self.rev;
        }
    }

    fn beats(policy: Policy, i: usize, stamp: (i64, i64, i32), rivals: &[ModelDecision]) -> bool {
        let seat = |cause: Option<usize>| {
            let crm = cause.is_some();
            let first = if policy == Policy::CrmWins { crm } else { !crm };
            (first, cause.map_or(0, |side| RANKS[side]))
        };
        match policy {
            Policy::LastWriteWins => rivals.iter().all(|d| stamp > d.2),
            _ => rivals.iter().all(|d| seat(Some(i)) > seat(d.1)),
        }
    }

    fn push(&mut self, i: usize, policy: Policy) {
        self.observe(i, policy);
        if self.sides[i].obs != self.hub {
            let hub = self.hub.clone();
            let side = &mut self.sides[i];
            (side.actual, side.obs, side.base) = (hub.clone(), hub.clone(), hub);
        }
        self.sides[i].base_rev = self.rev;
    }
}

fn micros(seconds: i64) -> i64 {
    at(seconds).as_microsecond()
}

fn world(policy: Policy) -> World {
    let blueprint = blueprint(&["name"]);
    let mappings = (0..3)
        .map(|i| mapping(i as u32 + 1, Role::Crm, RANKS[i], &blueprint, policy))
        .collect();
    let mut world = World::agreed(blueprint, mappings, &[Value::text("i")]);
    world.now = at(0);
    world
}

fn play(steps: &[Step], order: &[usize], policy: Policy) -> (Vec<String>, Vec<String>) {
    let mut model = Model::new();
    let mut world = world(policy);
    for step in steps {
        match step {
            Step::App(value, when) => {
                model.app_edit(value.clone(), micros(*when));
                world.now = at(*when);
                let patch = [(0, Value::text(value.clone()))].into();
                world.app_edit(patch, &ReadPoint::Rev(u64::MAX)).unwrap();
            }
            Step::Crm(side, value, when) => {
                model.sides[*side].actual.clone_from(value);
                model.sides[*side].edited_at = micros(*when);
                world.crm_edit(*side, &[Value::text(value.clone())], at(*when));
            }
            Step::Sync(side) => {
                world.now = at(1_000);
                model.push(*side, policy);
                world.push(*side);
                assert_eq!(world.hub(0).to_string(), model.hub, "after {step:?} of {steps:?}");
            }
        }
    }
    world.now = at(1_000);
    for &side in order {
        model.observe(side, policy);
        world.read(side);
        assert_eq!(world.hub(0).to_string(), model.hub, "after reading {side} of {steps:?}");
    }
    for _ in 0..6 {
        for side in 0..3 {
            model.push(side, policy);
            world.push(side);
        }
    }
    let theirs = std::iter::once(model.hub.clone()).chain(model.sides.iter().map(|side| side.actual.clone()));
    let ours =
        std::iter::once(world.hub(0).to_string()).chain(world.actual.iter().map(|(values, _)| values[0].to_string()));
    (ours.collect(), theirs.collect())
}

fn history() -> impl Strategy<Value = Vec<Step>> {
    let step = (0u8..4, 0usize..3, 1i64..60);
    prop::collection::vec(step, 2..8).prop_map(|steps| {
        let mut seen = std::collections::BTreeSet::new();
        steps
            .into_iter()
            .enumerate()
            .map(|(k, (kind, side, mut when))| {
                while !seen.insert(when) {
                    when += 1;
                }
                match kind {
                    0 => Step::App(format!("a{k}"), when),
                    1 | 2 => Step::Crm(side, format!("c{k}"), when),
                    _ => Step::Sync(side),
                }
            })
            .collect()
    })
}

const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_plan_agrees_with_the_reference_model_in_every_reading_order(steps in history()) {
        for policy in [Policy::LastWriteWins, Policy::CrmWins, Policy::AppWins] {
            let mut ends = std::collections::BTreeSet::new();
            for order in ORDERS {
                let (ours, theirs) = play(&steps, &order, policy);
                prop_assert_eq!(&ours, &theirs, "{:?} {:?}", policy, order);
                prop_assert!(ours.iter().all(|value| *value == ours[0]), "not converged: {:?}", ours);
                ends.insert(ours);
            }
            prop_assert_eq!(ends.len(), 1, "the outcome depends on the reading order under {:?}", policy);
        }
    }
}

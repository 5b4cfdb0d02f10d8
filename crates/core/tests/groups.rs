//! Fields that belong together are decided, written and lost together.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test has no public interface and may panic"
)]

mod support;

use std::collections::BTreeSet;

use proptest::prelude::*;
use support::{World, at, blueprint, mapping};
use syncline_core::mapping::{Role, Strategy as Policy};
use syncline_core::plan::ReadPoint;
use syncline_core::value::Value;

#[derive(Debug, Clone)]
enum Step {
    /// The app sets both fields.
    App,
    /// A user of a CRM sets both fields, or the first one only.
    Crm { side: usize, both: bool },
    /// A side is read, and written if it is behind.
    Sync(usize),
    /// A side is only read.
    Read(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::App),
        (0usize..2, any::<bool>()).prop_map(|(side, both)| Step::Crm { side, both }),
        (0usize..2).prop_map(Step::Sync),
        (0usize..2).prop_map(Step::Read),
    ];
    prop::collection::vec(step, 1..12)
}

fn pair(values: &[Value]) -> (String, String) {
    (values[0].to_string(), values[1].to_string())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_group_is_decided_and_written_whole_or_not_at_all(
        steps in steps(),
        policy in prop::sample::select(vec![Policy::LastWriteWins, Policy::CrmWins, Policy::AppWins]),
    ) {
        let mut blueprint = blueprint(&["amount", "currency"]);
        blueprint.groups = vec![vec!["amount".into(), "currency".into()]];
        let mappings = vec![
            mapping(1, Role::Crm, 9, &blueprint, policy),
            mapping(2, Role::Crm, 8, &blueprint, policy),
        ];
        let initial = [Value::text("0"), Value::text("none")];
        let mut world = World::agreed(blueprint, mappings, &initial);
        let mut set = BTreeSet::from([pair(&initial)]);
        for (number, step) in steps.into_iter().enumerate() {
            let when = at(10 * (number as i64 + 1));
            world.now = when;
            let values = [Value::text(format!("{number}")), Value::text(format!("currency {number}"))];
            match step {
                Step::App => {
                    let patch = [(0, values[0].clone()), (1, values[1].clone())].into();
                    world.app_edit(patch, &ReadPoint::Rev(u64::MAX)).unwrap();
                    set.insert(pair(&values));
                }
                Step::Crm { side, both } => {
                    let mut now = world.actual[side].0.clone();
                    now[0] = values[0].clone();
                    if both {
                        now[1] = values[1].clone();
                    }
                    set.insert(pair(&now));
                    world.crm_edit(side, &now, when);
                }
                Step::Sync(side) => drop(world.push(side)),
                Step::Read(side) => drop(world.read(side)),
            }
            // Nowhere, at no time, stands what nobody set.
            for (values, _) in &world.actual {
                prop_assert!(set.contains(&pair(values)), "{:?} of {set:?}", values);
            }
            prop_assert!(set.contains(&pair(&world.linked.entity.values)));
        }
        world.settle();
        for (values, _) in &world.actual {
            prop_assert_eq!(pair(values), pair(&world.linked.entity.values));
        }
    }
}

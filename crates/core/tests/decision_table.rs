//! Every row of the group-level decision table under every strategy, and the rules around it.
#![allow(missing_docs, reason = "a test has no public interface")]

mod support;

use support::{Same, World, at, blueprint, mapping};
use syncline_core::audit::AuditKind;
use syncline_core::batch::Batch;
use syncline_core::error::{ErrorKind, Result};
use syncline_core::lens::{Lens, LensContext};
use syncline_core::mapping::{Direction, EmptyPolicy, Role, Strategy};
use syncline_core::model::{Blueprint, Field, FieldType};
use syncline_core::plan::{self, Choice, Effects, Gone, ReadPoint, ReviewReason};
use syncline_core::state::{Base, Presence, SideFlags};
use syncline_core::value::{Value, encode_all};

const STRATEGIES: [Strategy; 6] = [
    Strategy::LastWriteWins,
    Strategy::CrmWins,
    Strategy::AppWins,
    Strategy::ManualReview,
    Strategy::CrmAuthoritative,
    Strategy::AppAuthoritative,
];

fn text(value: &str) -> Vec<Value> {
    vec![Value::text(value)]
}

/// Two CRMs, the first with the higher rank, in agreement on `i`.
fn world(strategy: Strategy) -> World {
    let blueprint = blueprint(&["name"]);
    let mappings = vec![
        mapping(1, Role::Crm, 9, &blueprint, strategy),
        mapping(2, Role::Crm, 8, &blueprint, strategy),
    ];
    let mut world = World::agreed(blueprint, mappings, &text("i"));
    world.now = at(1_000);
    world
}

fn kinds(effects: &Effects) -> Vec<AuditKind> {
    effects.audit.iter().map(|entry| entry.kind).collect()
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Rival {
    Nobody,
    App,
    HigherCrm,
    LowerCrm,
}

/// What the table says: who holds the hub afterwards.
#[derive(Debug, PartialEq)]
enum Expected {
    Mine,
    Theirs,
    Frozen,
}

fn expected(strategy: Strategy, rival: Rival, same: bool, mine_is_later: bool) -> Expected {
    let crm_beats = match rival {
        Rival::LowerCrm => true,
        Rival::HigherCrm => false,
        Rival::App | Rival::Nobody => true,
    };
    let app_beats = matches!(rival, Rival::LowerCrm);
    match (rival, strategy) {
        (Rival::Nobody, Strategy::AppAuthoritative) if !same => Expected::Theirs,
        (Rival::Nobody, _) => Expected::Mine,
        _ if same => Expected::Mine,
        (_, Strategy::LastWriteWins) => {
            if mine_is_later {
                Expected::Mine
            } else {
                Expected::Theirs
            }
        }
        (_, Strategy::CrmWins | Strategy::CrmAuthoritative) => {
            if crm_beats {
                Expected::Mine
            } else {
                Expected::Theirs
            }
        }
        (_, Strategy::AppWins) => {
            if app_beats {
                Expected::Mine
            } else {
                Expected::Theirs
            }
        }
        (_, Strategy::ManualReview) => Expected::Frozen,
        (_, Strategy::AppAuthoritative) => Expected::Theirs,
    }
}

/// What the rival does first; `None` where the policy refuses it or reverts it, so that nothing moved.
fn rival_edits(world: &mut World, rival: Rival, value: &str, when: i64) -> Option<usize> {
    let (me, before) = match rival {
        Rival::Nobody => return Some(1),
        Rival::App => {
            world.now = at(when);
            let done = world.app_edit([(0, Value::text(value))].into(), &ReadPoint::Rev(u64::MAX));
            world.now = at(1_000);
            return done.ok().map(|_| 1);
        }
        Rival::HigherCrm => (1, 0),
        Rival::LowerCrm => (0, 1),
    };
    world.crm_edit(before, &text(value), at(when));
    world.read(before);
    (world.hub(0) == &Value::text(value)).then_some(me)
}

#[test]
fn every_row_of_the_table_under_every_strategy() {
    let mut rows = 0;
    for strategy in STRATEGIES {
        for rival in [Rival::Nobody, Rival::App, Rival::HigherCrm, Rival::LowerCrm] {
            for same in [true, false] {
                for mine_is_later in [true, false] {
                    let case = format!("{strategy:?}, rival {rival:?}, same {same}, mine later {mine_is_later}");
                    let mut world = world(strategy);
                    let theirs = "theirs";
                    let Some(me) = rival_edits(&mut world, rival, theirs, 50) else {
                        continue;
                    };
                    rows += 1;
                    let mine = match (rival, same) {
                        (Rival::Nobody, true) => "i",
                        (_, true) => theirs,
                        _ => "mine",
                    };
                    let hub_before = world.hub(0).clone();
                    world.crm_edit(me, &text(mine), at(if mine_is_later { 60 } else { 40 }));
                    let effects = world.read(me);
                    let side = &world.linked.sides[me];
                    match expected(strategy, rival, same, mine_is_later) {
                        Expected::Mine => {
                            assert_eq!(world.hub(0), &Value::text(mine), "{case}");
                            assert_eq!(side.base_rev(1), world.linked.entity.rev, "{case}: it agrees now");
                        }
                        Expected::Theirs => {
                            assert_eq!(world.hub(0), &hub_before, "{case}");
                            assert!(
                                kinds(&effects).contains(&AuditKind::Overruled),
                                "{case}: the loser is named"
                            );
                            assert!(side.flags.has(SideFlags::PUSH), "{case}: it gets the hub's value back");
                        }
                        Expected::Frozen => {
                            assert_eq!(world.hub(0), &hub_before, "{case}");
                            assert_eq!(effects.reviews[0].reason, Some(ReviewReason::Conflict), "{case}");
                            assert!(world.linked.entity.frozen_by(1).is_some(), "{case}");
                            let plan = plan::plan_push(&world.linked, me, &world.scene()).unwrap();
                            assert!(plan.verb.is_none(), "{case}: nothing is written to a frozen field");
                        }
                    }
                    if !matches!(expected(strategy, rival, same, mine_is_later), Expected::Frozen) {
                        world.settle();
                        let hub = world.hub(0).clone();
                        assert!(
                            world.actual.iter().all(|(values, _)| values[0] == hub),
                            "{case}: all sides converge"
                        );
                    }
                }
            }
        }
    }
    assert!(rows > 60, "only {rows} rows could be set up");
}

#[test]
fn edits_of_different_fields_on_both_sides_are_no_conflict() {
    let blueprint = blueprint(&["first", "last"]);
    let mappings = vec![mapping(1, Role::Crm, 9, &blueprint, Strategy::ManualReview)];
    let mut world = World::agreed(blueprint, mappings, &[Value::text("Ada"), Value::text("Byron")]);
    world.now = at(1_000);
    world.crm_edit(0, &[Value::text("Ada"), Value::text("Lovelace")], at(10));
    world
        .app_edit([(0, Value::text("Augusta"))].into(), &ReadPoint::Rev(0))
        .unwrap();
    let effects = world.push(0);
    assert!(effects.reviews.is_empty());
    assert_eq!(world.actual[0].0, [Value::text("Augusta"), Value::text("Lovelace")]);
}

#[test]
fn a_rename_on_both_sides_to_the_same_value_is_no_conflict() {
    let mut world = world(Strategy::ManualReview);
    world
        .app_edit([(0, Value::text("new"))].into(), &ReadPoint::Rev(0))
        .unwrap();
    world.crm_edit(0, &text("new"), at(5));
    let effects = world.read(0);
    assert!(effects.reviews.is_empty());
    assert_eq!(kinds(&effects), [AuditKind::Agreed]);
    assert!(
        plan::plan_push(&world.linked, 0, &world.scene())
            .unwrap()
            .verb
            .is_none(),
        "and no write"
    );
}

#[test]
fn our_own_write_coming_back_is_no_edit() {
    let mut world = world(Strategy::LastWriteWins);
    world
        .app_edit([(0, Value::text("ours"))].into(), &ReadPoint::Rev(0))
        .unwrap();
    world.push(0);
    let rev = world.linked.entity.rev;
    for _ in 0..3 {
        let effects = world.read(0);
        assert!(effects.audit.is_empty() && effects.decided.is_empty());
    }
    assert_eq!(world.linked.entity.rev, rev);
}

/// Keeps ten characters of what is written, as a CRM with a short field does.
#[derive(Debug)]
struct Short;

impl Lens for Short {
    fn get(&self, raw: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        Ok(raw.to_vec())
    }

    fn put(&self, canonical: &[Value], _: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        Ok(canonical.to_vec())
    }

    fn canon(&self, raw: &[Value]) -> Vec<Value> {
        raw.iter()
            .map(|value| Value::text(value.to_string().chars().take(10).collect::<String>()))
            .collect()
    }
}

fn short_side(strategy: Strategy) -> World {
    let mut world = world(strategy);
    world.mappings[0].groups[0].rules[0].lens = std::sync::Arc::new(Short);
    world
}

#[test]
fn a_coarser_side_that_holds_the_shortened_value_is_neither_behind_nor_changed() {
    let mut world = short_side(Strategy::LastWriteWins);
    world
        .app_edit(
            [(0, Value::text("a value that is too long"))].into(),
            &ReadPoint::Rev(0),
        )
        .unwrap();
    world.push(0);
    world.actual[0].0 = text("a value th");
    for _ in 0..3 {
        let effects = world.push(0);
        assert!(effects.decided.is_empty(), "declared normalisation is silent");
    }
    assert_eq!(
        world.hub(0),
        &Value::text("a value that is too long"),
        "the finer value stays the hub's"
    );
    world.push(1);
    assert_eq!(world.actual[1].0, text("a value that is too long"));
}

#[test]
fn agreement_with_a_coarser_side_keeps_the_finer_value() {
    let mut world = short_side(Strategy::LastWriteWins);
    world
        .app_edit(
            [(0, Value::text("a value that is too long"))].into(),
            &ReadPoint::Rev(0),
        )
        .unwrap();
    world.crm_edit(0, &text("a value th"), at(5));
    world.read(0);
    assert_eq!(world.hub(0), &Value::text("a value that is too long"));
}

fn tags(world_policy: Strategy) -> World {
    let blueprint = Blueprint::new(
        1,
        1,
        "thing",
        vec![Field::new("tags", FieldType::MultiChoice { choices: vec![] })],
    );
    let mappings = vec![mapping(1, Role::Crm, 9, &blueprint, world_policy)];
    let mut world = World::agreed(blueprint, mappings, &[set(&["a", "b"])]);
    world.now = at(1_000);
    world
}

fn set(items: &[&str]) -> Value {
    Value::List(items.iter().map(|item| Value::text(*item)).collect())
}

#[test]
fn sets_changed_on_both_sides_are_merged_three_ways() {
    let mut world = tags(Strategy::ManualReview);
    world
        .app_edit([(0, set(&["a", "b", "c"]))].into(), &ReadPoint::Rev(0))
        .unwrap();
    world.crm_edit(0, &[set(&["b", "d"])], at(5));
    let effects = world.push(0);
    assert!(effects.reviews.is_empty());
    assert_eq!(world.hub(0), &set(&["b", "c", "d"]), "added c, added d, removed a");
    assert_eq!(world.actual[0].0, [set(&["b", "c", "d"])]);
}

#[test]
fn on_first_link_an_empty_value_loses_to_a_set_one_on_either_side() {
    let sides = [("", "kept"), ("kept", "")];
    for (strategy, (crm, hub)) in STRATEGIES
        .into_iter()
        .flat_map(|strategy| sides.map(|sides| (strategy, sides)))
    {
        let blueprint = blueprint(&["name"]);
        let mappings = vec![mapping(1, Role::Crm, 9, &blueprint, strategy)];
        let hub = if hub.is_empty() { Value::Null } else { Value::text(hub) };
        let mut world = World::unlinked(blueprint, mappings, &[hub]);
        world.now = at(1_000);
        let crm = if crm.is_empty() { Value::Null } else { Value::text(crm) };
        world.crm_edit(0, &[crm], at(5));
        world.push(0);
        assert_eq!(world.hub(0), &Value::text("kept"), "{strategy:?}");
        assert_eq!(world.actual[0].0, text("kept"), "{strategy:?}");
    }
}

#[test]
fn whoever_is_authoritative_an_import_erases_nothing_and_later_edits_are_reverted() {
    let world = world(Strategy::AppAuthoritative);
    let mut world = World::unlinked(world.blueprint, world.mappings, &[Value::Null]);
    world.now = at(100);
    world.crm_edit(0, &text("imported"), at(5));
    world.crm_edit(1, &[Value::Null], at(5));
    world.settle();
    assert_eq!(world.hub(0), &Value::text("imported"));
    assert_eq!(
        (&world.actual[0].0, &world.actual[1].0),
        (&text("imported"), &text("imported"))
    );
    world.crm_edit(0, &text("edited"), at(90));
    world.settle();
    assert_eq!(
        (world.hub(0), &world.actual[0].0),
        (&Value::text("imported"), &text("imported"))
    );
}

#[test]
fn a_write_that_is_twice_stored_as_the_same_other_value_is_not_sent_for_ever() {
    let mut world = world(Strategy::AppAuthoritative);
    world.stores = str::to_uppercase;
    let edit = |world: &mut World, value: &str| {
        world
            .app_edit([(0, Value::text(value))].into(), &ReadPoint::Blind)
            .unwrap();
    };
    // Other values that are stored otherwise, one after the other, are no repetition.
    for value in ["one", "two", "three"] {
        edit(&mut world, value);
        assert!(world.push(0).failures.is_empty(), "{value}");
        assert_eq!(world.actual[0].0, [Value::text(value.to_uppercase())]);
    }
    assert_eq!(world.writes, 3);
    // Somebody edits it there, so the same is written again, and stored as before.
    world.crm_edit(0, &text("by hand"), at(950));
    let effects = world.push(0);
    assert_eq!((world.writes, &world.actual[0].0), (4, &text("THREE")));
    let said: Vec<&str> = effects.failures.iter().map(|(_, error)| error.message()).collect();
    assert!(
        matches!(said[..], [said] if said.contains("stores something else")),
        "{said:?}"
    );
    for _ in 0..3 {
        world.push(0);
    }
    assert_eq!(world.writes, 4, "held back");
    // What is kept from now on is written again.
    world.stores = str::to_owned;
    edit(&mut world, "four");
    world.push(0);
    assert_eq!((world.writes, &world.actual[0].0), (5, &text("four")));
    assert!(
        world.linked.sides[0]
            .groups
            .values()
            .all(|state| state.quarantine.is_none())
    );
}

#[test]
fn clearing_a_field_is_an_edit_unless_empty_never_overwrites() {
    for (policy, kept) in [
        (EmptyPolicy::Always, Value::Null),
        (EmptyPolicy::Never, Value::text("i")),
    ] {
        let mut world = world(Strategy::LastWriteWins);
        world.mappings[0].groups[0].empty = policy;
        world.crm_edit(0, &[Value::Null], at(5));
        world.push(0);
        assert_eq!(world.hub(0), &kept, "{policy:?}");
        assert_eq!(world.actual[0].0, [kept], "{policy:?}");
    }
}

/// A row whose answer carried nothing.
fn bare() -> Batch {
    let mut batch = Batch::new(1);
    batch.row("x").finish();
    batch
}

#[test]
fn with_on_clear_event_only_a_field_that_the_answer_carried_as_empty_is_cleared() {
    let mut world = world(Strategy::LastWriteWins);
    for mapping in &mut world.mappings {
        for group in &mut mapping.groups {
            group.empty = EmptyPolicy::OnClearEvent;
        }
    }
    let held = world.hub(0).clone();
    assert!(!held.is_empty());
    // Left out: nobody says that it was cleared, and it gets its value back.
    let bare = bare();
    let mut left_out = world.clone();
    left_out.crm_edit(0, &[Value::Null], at(5));
    let effects = left_out.read_carrying(0, bare.get(0).unwrap().carried());
    assert!(!effects.hub_moved());
    assert!(kinds(&effects).contains(&AuditKind::Overruled));
    left_out.push(0);
    assert_eq!((left_out.hub(0), &left_out.actual[0].0[0]), (&held, &held));
    // Carried as empty: an edit like any other, which every side takes.
    let mut cleared = world.clone();
    cleared.crm_edit(0, &[Value::Null], at(5));
    cleared.settle();
    assert!(cleared.hub(0).is_empty());
    assert!(cleared.actual.iter().all(|(values, _)| values[0].is_empty()));
    // What the answer said is forgotten where it is decided later: it is read again before anything happens.
    world.linked.sides[0].obs = encode_all(&[Value::Null]);
    world.linked.sides[0].group_mut(1).base = Base::Held(vec![held]);
    let mut linked = world.linked.clone();
    let effects = plan::reconcile(&mut linked, 0, None, None, &world.scene()).unwrap();
    assert!(!effects.hub_moved() && linked.sides[0].flags.has(SideFlags::READ));
}

#[test]
fn what_differs_when_two_records_are_first_linked_is_decided_with_low_confidence() {
    for (stamp, kept) in [(90, "crm"), (1, "app")] {
        let world = world(Strategy::LastWriteWins);
        let mut world = World::unlinked(world.blueprint, world.mappings, &[Value::Null]);
        world.now = at(50);
        world
            .app_edit([(0, Value::text("app"))].into(), &ReadPoint::Blind)
            .unwrap();
        world.now = at(100);
        world.crm_edit(0, &text("crm"), at(stamp));
        let effects = world.read(0);
        assert_eq!(world.hub(0), &Value::text(kept));
        let notes: Vec<&str> = effects.audit.iter().map(|entry| entry.note.as_str()).collect();
        assert!(notes.iter().any(|note| note.contains("low confidence")), "{notes:?}");
    }
}

#[test]
fn a_side_that_is_only_read_is_never_written_and_a_side_that_is_only_written_is_never_believed() {
    let mut world = world(Strategy::LastWriteWins);
    world.mappings[0].groups[0].direction = Direction::Pull;
    world.mappings[1].groups[0].direction = Direction::Push;
    world
        .app_edit([(0, Value::text("app"))].into(), &ReadPoint::Rev(0))
        .unwrap();
    world.settle();
    assert_eq!(world.actual[0].0, text("i"), "pull only");
    assert_eq!(world.actual[1].0, text("app"), "push only");
    world.crm_edit(1, &text("ignored"), at(900));
    let effects = world.push(1);
    assert_eq!(world.hub(0), &Value::text("app"));
    assert!(
        kinds(&effects).contains(&AuditKind::Overruled),
        "consumed without effect, and written down"
    );
    assert_eq!(world.actual[1].0, text("app"));
}

#[test]
fn an_edit_where_nothing_is_ever_written_names_the_value_that_it_replaces_unseen() {
    let mut world = world(Strategy::LastWriteWins);
    world.mappings[1].groups[0].direction = Direction::Pull;
    world.crm_edit(0, &text("first"), at(1_000));
    world.read(0);
    world.read(1);
    world.now = at(2_000);
    world.crm_edit(1, &text("second"), at(2_000));
    let effects = world.read(1);
    assert_eq!(world.hub(0), &Value::text("second"));
    assert_eq!(kinds(&effects), [AuditKind::Overruled, AuditKind::Decided]);
    assert_eq!(effects.audit[0].before, text("first"));

    // What it did show is replaced knowingly.
    world.now = at(3_000);
    world.crm_edit(1, &text("third"), at(3_000));
    assert_eq!(kinds(&world.read(1)), [AuditKind::Decided]);
}

#[test]
fn a_form_that_saves_the_whole_record_does_not_revert_what_a_pull_brought_in() {
    let blueprint = blueprint(&["first", "last"]);
    let mappings = vec![mapping(1, Role::Crm, 9, &blueprint, Strategy::LastWriteWins)];
    let mut world = World::agreed(blueprint, mappings, &[Value::text("Ada"), Value::text("Byron")]);
    world.now = at(1_000);
    world.crm_edit(0, &[Value::text("Ada"), Value::text("Lovelace")], at(5));
    world.read(0);
    let form = [(0, Value::text("Augusta")), (1, Value::text("Byron"))].into();
    world
        .app_edit(
            form,
            &ReadPoint::Values([(0, Value::text("Ada")), (1, Value::text("Byron"))].into()),
        )
        .unwrap();
    assert_eq!(
        (world.hub(0), world.hub(1)),
        (&Value::text("Augusta"), &Value::text("Lovelace"))
    );
}

#[test]
fn an_app_edit_of_a_field_that_a_crm_is_authoritative_for_is_refused_with_the_reason() {
    let mut world = world(Strategy::CrmAuthoritative);
    let error = world
        .app_edit([(0, Value::text("app"))].into(), &ReadPoint::Blind)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(
        error.to_string().contains("crm 1 is authoritative for `name`"),
        "{error}"
    );
}

#[test]
fn a_resolution_is_a_decision_that_consumes_both_edits_and_names_what_was_not_chosen() {
    let mut world = world(Strategy::ManualReview);
    world
        .app_edit([(0, Value::text("app"))].into(), &ReadPoint::Rev(0))
        .unwrap();
    world.crm_edit(0, &text("crm"), at(5));
    world.read(0);
    let mut linked = world.linked.clone();
    let effects = plan::resolve(&mut linked, 1, &Choice::Side(1), &world.scene()).unwrap();
    world.linked = linked;
    assert!(kinds(&effects).contains(&AuditKind::Overruled));
    assert_eq!(world.linked.entity.frozen_by(1), None);
    world.settle();
    assert!(world.actual.iter().all(|(values, _)| *values == text("crm")));
    assert_eq!(
        plan::resolve(&mut world.linked.clone(), 1, &Choice::App, &world.scene())
            .unwrap_err()
            .kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn a_frozen_field_freezes_nothing_else() {
    let blueprint = blueprint(&["first", "last"]);
    let mappings = vec![mapping(1, Role::Crm, 9, &blueprint, Strategy::ManualReview)];
    let mut world = World::agreed(blueprint, mappings, &[Value::text("a"), Value::text("b")]);
    world.now = at(1_000);
    world
        .app_edit([(0, Value::text("app"))].into(), &ReadPoint::Rev(0))
        .unwrap();
    world.crm_edit(0, &[Value::text("crm"), Value::text("b")], at(5));
    world.read(0);
    assert!(world.linked.entity.frozen_by(1).is_some());
    world
        .app_edit([(1, Value::text("free"))].into(), &ReadPoint::Rev(u64::MAX))
        .unwrap();
    world.push(0);
    assert_eq!(world.actual[0].0, [Value::text("crm"), Value::text("free")]);
}

#[test]
fn a_late_write_of_our_own_is_nobodys_edit() {
    let mut world = world(Strategy::LastWriteWins);
    world.linked.sides[0]
        .group_mut(1)
        .ghosts
        .push(syncline_core::state::Ghost {
            values: text("late"),
            until: at(10_000),
        });
    world.crm_edit(0, &text("late"), at(900));
    let effects = world.push(0);
    assert_eq!(world.hub(0), &Value::text("i"));
    assert!(kinds(&effects).contains(&AuditKind::LateWriteOrUser));
    assert_eq!(world.actual[0].0, text("i"), "the hub's value is written again");
}

#[test]
fn a_delete_in_the_crm_cuts_the_link_by_default_and_deletes_only_by_policy() {
    use syncline_core::mapping::DeletePolicy;
    for policy in [DeletePolicy::Unlink, DeletePolicy::Delete] {
        let mut world = world(Strategy::LastWriteWins);
        world.mappings[0].on_crm_delete = policy;
        let mut linked = world.linked.clone();
        plan::gone(&mut linked, 0, Gone::Deleted, Some(at(500)), &world.scene()).unwrap();
        assert_eq!(linked.entity.deleted, policy == DeletePolicy::Delete);
        assert!(!linked.sides[0].presence.is_live());
        assert!(linked.sides[1].presence.is_live());
    }
}

#[test]
fn losing_sight_of_a_record_is_not_a_delete() {
    let mut world = world(Strategy::LastWriteWins);
    world.mappings[0].on_crm_delete = syncline_core::mapping::DeletePolicy::Delete;
    let mut linked = world.linked.clone();
    plan::gone(&mut linked, 0, Gone::Inaccessible, None, &world.scene()).unwrap();
    assert!(!linked.entity.deleted);
    assert_eq!(linked.sides[0].presence, Presence::Inaccessible);
    assert!(
        plan::plan_push(&linked, 0, &world.scene()).unwrap().is_idle(),
        "and nothing is written to it"
    );
}

#[test]
fn a_delete_that_meets_an_edit_goes_by_the_strategy() {
    for (strategy, deleted_at, expected) in [
        (Strategy::LastWriteWins, 900, "deleted"),
        (Strategy::LastWriteWins, 10, "recreated"),
        (Strategy::CrmWins, 10, "deleted"),
        (Strategy::AppWins, 900, "recreated"),
        (Strategy::ManualReview, 900, "asked"),
    ] {
        let mut world = world(strategy);
        world.mappings[0].on_crm_delete = syncline_core::mapping::DeletePolicy::Delete;
        world.now = at(500);
        world
            .app_edit([(0, Value::text("app"))].into(), &ReadPoint::Rev(0))
            .unwrap();
        world.now = at(1_000);
        let mut linked = world.linked.clone();
        let effects = plan::gone(&mut linked, 0, Gone::Deleted, Some(at(deleted_at)), &world.scene()).unwrap();
        let became = if linked.entity.deleted {
            "deleted"
        } else if linked.sides[0].presence == Presence::NeverSeen {
            "recreated"
        } else if effects
            .reviews
            .iter()
            .any(|review| review.reason == Some(ReviewReason::DeleteConflict))
        {
            "asked"
        } else {
            "kept"
        };
        assert_eq!(became, expected, "{strategy:?} {deleted_at}");
    }
}

#[test]
fn a_restored_record_lives_on_with_its_old_bases() {
    let mut world = world(Strategy::LastWriteWins);
    world.mappings[0].on_crm_delete = syncline_core::mapping::DeletePolicy::Delete;
    let mut linked = world.linked.clone();
    plan::gone(&mut linked, 0, Gone::Deleted, Some(at(500)), &world.scene()).unwrap();
    plan::restored(&mut linked, 0, &world.scene());
    assert!(!linked.entity.deleted, "what this side's delete had deleted comes back");
    world.linked = linked;
    let effects = world.read(0);
    assert!(effects.decided.is_empty(), "nothing was changed meanwhile");
}

#[test]
fn the_identity_lens_of_these_tests_is_lawful() {
    use syncline_core::lens::NoLinks;
    assert_eq!(
        Same.put(&Same.get(&text("x"), &NoLinks).unwrap(), &text("x"), &NoLinks)
            .unwrap(),
        text("x")
    );
}

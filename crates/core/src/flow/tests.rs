use jiff::Timestamp;

use super::{Breach, CompiledFlow, Flow, Inputs, Judgement, Taker, Transition};
use crate::error::ErrorKind;
use crate::model::{Blueprint, Field, FieldChoice, FieldType, Severity};
use crate::value::Value;

fn choice(names: &[&str]) -> FieldType {
    let choices = names.iter().map(|name| FieldChoice {
        value: (*name).to_owned(),
        label: (*name).to_owned(),
    });
    FieldType::Choice {
        choices: choices.collect(),
    }
}

fn delivery() -> Blueprint {
    let mut status = Field::new("status", choice(&["PENDING", "IN_PROGRESS", "DELIVERED"]));
    status.default = Some("PENDING".into());
    Blueprint::new(
        1,
        1,
        "delivery",
        vec![
            status,
            Field::new("weight", FieldType::Decimal),
            Field::new("recipient", FieldType::Text),
            Field::new("started_at", FieldType::DateTime),
            Field::new("delivered_at", FieldType::DateTime),
            Field::new("day", FieldType::Date),
            Field::new("signed", FieldType::Bool),
            Field::new("kind", choice(&["parcel", "letter"])),
        ],
    )
}

fn flow() -> Flow {
    let mut flow = Flow::new("delivery", "delivery", "status");
    flow.initial = vec!["PENDING".into()];
    flow.finals = vec!["DELIVERED".into()];
    flow.transitions = vec![
        Transition::new("start", ["PENDING"], "IN_PROGRESS")
            .guard("weight > 0")
            .update("status", "\"IN_PROGRESS\"")
            .update("started_at", "now()"),
        Transition::new("deliver", ["IN_PROGRESS"], "DELIVERED")
            .input("recipient")
            .update("delivered_at", "now")
            .update("day", "now()")
            .role("driver"),
    ];
    flow
}

fn now() -> Timestamp {
    "2026-11-28T10:00:00Z".parse().unwrap()
}

fn compiled() -> CompiledFlow {
    CompiledFlow::compile(&flow(), &delivery()).unwrap()
}

fn values(status: &str, weight: i64) -> Vec<Value> {
    vec![status.into(), Value::Int(weight)]
}

fn driver() -> Taker {
    Taker::new("dora", ["driver"])
}

/// What is wrong with a flow, with its place.
fn errors(flow: &Flow) -> Vec<String> {
    flow.check(&delivery())
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| format!("{}: {}", finding.place, finding.message))
        .collect()
}

/// Changes the flow and asserts that exactly these are found.
#[track_caller]
fn finds(change: impl FnOnce(&mut Flow), expected: &[&str]) {
    let mut flow = flow();
    change(&mut flow);
    assert_eq!(errors(&flow), expected);
}

#[test]
fn a_sound_flow_has_nothing_to_find() {
    assert_eq!(flow().check(&delivery()), []);
}

#[test]
fn states_that_nothing_leads_to_or_out_of_are_found() {
    finds(
        |flow| flow.transitions[0].from = vec!["IN_PROGRESS".into()],
        &[
            "PENDING: nothing leads out of PENDING; add a transition, or list it under `final`",
            "IN_PROGRESS: no transition leads from PENDING to IN_PROGRESS; add one, or take IN_PROGRESS out",
            "DELIVERED: no transition leads from PENDING to DELIVERED; add one, or take DELIVERED out",
        ],
    );
    finds(
        |flow| flow.finals.clear(),
        &["DELIVERED: nothing leads out of DELIVERED; add a transition, or list it under `final`"],
    );
}

#[test]
fn a_transition_whose_guard_can_t_hold_leads_nowhere() {
    finds(
        |flow| flow.transitions[0].guard = Some("1 > 2".into()),
        &[
            "transitions.start.guard: `1 > 2` can't hold",
            "PENDING: nothing leads out of PENDING; add a transition, or list it under `final`",
            "IN_PROGRESS: no transition leads from PENDING to IN_PROGRESS; add one, or take IN_PROGRESS out",
            "DELIVERED: no transition leads from PENDING to DELIVERED; add one, or take DELIVERED out",
        ],
    );
}

#[test]
fn guards_that_can_t_hold_are_found() {
    let guard = |text: &str| {
        let mut flow = flow();
        flow.transitions[1].guard = Some(text.into());
        errors(&flow).remove(0)
    };
    for (text, found) in [
        (
            "status == 'PENDING' && weight > 1",
            "`status == 'PENDING' && weight > 1` can't hold in IN_PROGRESS, where the transition leads from",
        ),
        (
            "weight > 10 && weight < 5",
            "`weight > 10 && weight < 5` can't hold: it asks two things of `weight` that exclude each other",
        ),
        (
            "recipient == null && recipient == 'Ada'",
            "`recipient == null && recipient == 'Ada'` can't hold: it asks two things of `recipient` that exclude each other",
        ),
        (
            "kind == 'box'",
            "`kind == 'box'` can't hold: `box` is none of the choices of `kind`",
        ),
        (
            "weight == 'heavy'",
            "`==` compares a number with text, which are never equal",
        ),
        ("weight + 1", "a guard gives true or false; `weight + 1` gives a number"),
        (
            "wieght > 1",
            "there is no field `wieght`; a delivery has status, weight, recipient, started_at, delivered_at, day, signed, kind",
        ),
        (
            "inputs.weight > 1",
            "`inputs.weight` is none of the transition's inputs; list it under `inputs`",
        ),
        (
            "actor.age > 1",
            "there is no `actor.age`; an actor has name, role and roles",
        ),
        ("1 / 0 > 1", "`1 / 0 > 1` can't hold: it divides by zero"),
    ] {
        assert_eq!(guard(text), format!("transitions.deliver.guard: {found}"), "{text}");
    }
    finds(
        |flow| {
            flow.transitions[0].from.push("IN_PROGRESS".into());
            flow.transitions[0].guard = Some("status == 'PENDING'".into());
        },
        &[
            "transitions.start.from: in IN_PROGRESS the guard `status == 'PENDING'` can't hold; take IN_PROGRESS out of `from`",
        ],
    );
}

#[test]
fn guards_that_may_hold_are_left_alone() {
    for text in [
        "weight > 5 && weight < 10",
        "weight >= 5 && weight <= 5",
        "kind == 'parcel' || kind == 'box'",
        "started_at < now && actor.role == 'driver'",
        "'driver' in actor.roles",
        "inputs.recipient != before.recipient",
        "recipient == null && weight > 1",
        "has(entity.recipient) ? weight > 1 : signed",
    ] {
        finds(|flow| flow.transitions[1].guard = Some(text.into()), &[]);
    }
}

#[test]
fn updates_that_can_t_be_made_are_found_all_at_once() {
    finds(
        |flow| {
            flow.transitions[0] = Transition::new("start", ["PENDING"], "IN_PROGRESS")
                .update("status", "'DELIVERED'")
                .update("starte_at", "now()")
                .update("started_at", "weight")
                .update("weight", "recipient")
                .update("kind", "'box'")
                .update("day", "'soon'")
                .update("day", "now()")
                .update("signed", "1 +")
                .update("recipient", "receiver");
        },
        &[
            "transitions.start.updates.status: it sets DELIVERED, and the transition leads to IN_PROGRESS",
            "transitions.start.updates.starte_at: there is no field `starte_at`",
            "transitions.start.updates.started_at: `weight` gives a number, and `started_at` is date and time",
            "transitions.start.updates.weight: `recipient` gives text, and `weight` is decimal number",
            "transitions.start.updates.kind: `kind`: `box` is not one of its choices; add it to the blueprint or map it",
            "transitions.start.updates.day: `day`: `soon` is text, not a date",
            "transitions.start.updates.day: it is updated twice; only one can be meant",
        ]
        .into_iter()
        .chain(unreadable().as_deref())
        .chain(["transitions.start.updates.recipient: there is no field `receiver`; a delivery has status, weight, recipient, started_at, delivered_at, day, signed, kind"])
        .collect::<Vec<_>>(),
    );
}

/// What the parser says of an expression that breaks off is its own.
fn unreadable() -> Option<String> {
    let error = crate::expression::Expression::compile("1 +").unwrap_err();
    Some(format!("transitions.start.updates.signed: {}", error.message()))
}

#[test]
fn names_states_and_inputs_are_checked() {
    finds(
        |flow| {
            flow.edits = Breach::Review;
            flow.initial = vec!["NEW".into()];
            flow.transitions[1].name = "start".into();
            flow.transitions[1].inputs = vec!["status".into(), "nobody".into()];
            flow.transitions[1].from.push("AWAY".into());
        },
        &[
            "edits: an edit in the app is applied or refused: whoever makes it is there to be told",
            "initial: `NEW` is none of the choices of `status`: PENDING, IN_PROGRESS, DELIVERED",
            "initial: new records get `status` PENDING by default, which is none of NEW",
            "transitions.start: two transitions have this name; rename one",
            "transitions.start.from: `AWAY` is none of the choices of `status`: PENDING, IN_PROGRESS, DELIVERED",
            "transitions.start.inputs: `status` is the state, which the transition itself sets",
            "transitions.start.inputs: there is no field `nobody`",
            "PENDING: no transition leads from NEW to PENDING; add one, or take PENDING out",
            "IN_PROGRESS: no transition leads from NEW to IN_PROGRESS; add one, or take IN_PROGRESS out",
            "DELIVERED: no transition leads from NEW to DELIVERED; add one, or take DELIVERED out",
        ],
    );
    finds(
        |flow| flow.field = "weight".into(),
        &["field: `weight` is decimal number; states are the choices of a choice field"],
    );
}

#[test]
fn nothing_but_its_expression_sets_a_computed_field() {
    let mut blueprint = delivery();
    blueprint.fields[1].computed = Some("2 * 3".into());
    let mut flow = flow();
    flow.transitions[0] = Transition::new("start", ["PENDING"], "IN_PROGRESS").update("weight", "7");
    flow.transitions[1].inputs = vec!["weight".into()];
    let found = flow
        .check(&blueprint)
        .into_iter()
        .map(|finding| (finding.place, finding.message));
    let why = "`weight` is computed (`2 * 3`), so nobody else sets it".to_owned();
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            ("transitions.start.updates.weight".to_owned(), why.clone()),
            ("transitions.deliver.inputs".to_owned(), why),
        ]
    );
}

#[test]
fn what_can_be_taken_is_offered_and_of_the_rest_it_is_said_why_not() {
    let standing = compiled().available(&values("PENDING", 3), &driver(), now());
    assert_eq!(standing.state.as_deref(), Some("PENDING"));
    let names: Vec<&str> = standing
        .available
        .iter()
        .map(|offer| offer.transition.as_str())
        .collect();
    assert_eq!(names, ["start"]);
    assert_eq!(
        standing.unavailable[0].why_not.as_deref(),
        Some("it leads from IN_PROGRESS, and the record is PENDING")
    );

    let light = compiled().available(&values("PENDING", 0), &driver(), now());
    assert_eq!(light.unavailable[0].why_not.as_deref(), Some("it asks that weight > 0"));

    let office = Taker::new("olga", ["office"]);
    let standing = compiled().available(&values("IN_PROGRESS", 3), &office, now());
    assert_eq!(
        standing.unavailable[1].why_not.as_deref(),
        Some("it is for the role driver, and olga is office")
    );
    let standing = compiled().available(&values("IN_PROGRESS", 3), &driver(), now());
    assert_eq!(standing.available[0].inputs, ["recipient"]);
    let none = compiled().available(&[], &driver(), now());
    assert!(none.available.is_empty() && none.unavailable[0].why_not.as_deref().unwrap().contains("has no state"));
}

#[test]
fn taking_a_transition_gives_the_inputs_the_updates_and_the_state() {
    let flow = compiled();
    let inputs = Inputs::from([("recipient".to_owned(), Value::text("Ada"))]);
    let patch = flow
        .take(&values("IN_PROGRESS", 3), "deliver", &inputs, &driver(), now())
        .unwrap();
    let blueprint = delivery();
    let value = |name: &str| patch.get(&blueprint.position(name).unwrap()).unwrap().to_string();
    assert_eq!(value("status"), "DELIVERED");
    assert_eq!(value("recipient"), "Ada");
    assert_eq!(value("delivered_at"), "2026-11-28T10:00:00Z");
    assert_eq!(value("day"), "2026-11-28");
    assert_eq!(patch.len(), 4);
}

#[test]
fn what_is_wrong_with_taking_is_told_at_once_and_changes_nothing() {
    let flow = compiled();
    let refused = |state: &str, name: &str, inputs: &[(&str, Value)], taker: &Taker| {
        let inputs = inputs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let error = flow.take(&values(state, 3), name, &inputs, taker, now()).unwrap_err();
        (error.kind(), error.message().to_owned())
    };
    assert_eq!(
        refused("PENDING", "deliver", &[], &driver()),
        (
            ErrorKind::Refused,
            "`deliver` can't be taken: it leads from IN_PROGRESS, and the record is PENDING; it can take start"
                .to_owned()
        )
    );
    assert_eq!(
        refused("IN_PROGRESS", "deliver", &[("weight", Value::Int(1))], &driver()),
        (
            ErrorKind::Invalid,
            "`deliver` can't be taken: it takes no `weight`; it takes recipient; `recipient` has to be given"
                .to_owned()
        )
    );
    assert_eq!(
        refused("IN_PROGRESS", "deliver", &[], &Taker::new("olga", ["office"])).0,
        ErrorKind::Forbidden
    );
    assert_eq!(refused("PENDING", "stop", &[], &driver()).0, ErrorKind::NotFound);
}

#[test]
fn guards_see_what_is_given_and_what_was_there_before() {
    let mut flow = flow();
    flow.transitions[1] = Transition::new("deliver", ["IN_PROGRESS"], "DELIVERED")
        .input("weight")
        .guard("inputs.weight <= before.weight && weight == inputs.weight")
        .update("recipient", "'lost ' + string(before.weight - weight)");
    assert_eq!(errors(&flow), Vec::<String>::new());
    let flow = CompiledFlow::compile(&flow, &delivery()).unwrap();
    let take = |weight: i64| {
        let inputs = Inputs::from([("weight".to_owned(), Value::Int(weight))]);
        flow.take(&values("IN_PROGRESS", 3), "deliver", &inputs, &driver(), now())
    };
    assert_eq!(take(1).unwrap().get(&2), Some(&Value::text("lost 2")));
    assert_eq!(take(4).unwrap_err().kind(), ErrorKind::Refused);
    let offer = flow
        .available(&values("IN_PROGRESS", 3), &driver(), now())
        .available
        .remove(0);
    assert!(offer.depends_on_inputs);
}

#[test]
fn a_change_made_elsewhere_is_judged_by_the_transitions() {
    let flow = compiled();
    let judge = |before: Option<&[Value]>, after: &[Value], taker: &Taker| flow.judge(before, after, taker, now());
    let crm = Taker::crm("salesforce Delivery__c");
    let pending = values("PENDING", 3);
    assert_eq!(judge(Some(&pending), &values("PENDING", 9), &crm), Judgement::Stays);
    assert_eq!(judge(None, &pending, &crm), Judgement::Begins);
    assert_eq!(
        judge(None, &values("DELIVERED", 3), &crm),
        Judgement::Breaks("`status` begins with PENDING, not with DELIVERED".to_owned())
    );
    assert_eq!(
        judge(Some(&pending), &values("IN_PROGRESS", 3), &crm),
        Judgement::Follows("start".to_owned())
    );
    // The guard looks at what came with the change.
    assert_eq!(
        judge(Some(&values("PENDING", 0)), &values("IN_PROGRESS", 3), &crm),
        Judgement::Follows("start".to_owned())
    );
    assert_eq!(
        judge(Some(&pending), &values("IN_PROGRESS", 0), &crm),
        Judgement::Breaks("from PENDING to IN_PROGRESS: `start`: it asks that weight > 0".to_owned())
    );
    assert_eq!(
        judge(Some(&pending), &values("DELIVERED", 3), &crm),
        Judgement::Breaks("no transition leads from PENDING to DELIVERED".to_owned())
    );
    assert_eq!(
        judge(Some(&pending), &[Value::Null], &crm),
        Judgement::Breaks("`status` is PENDING, and no transition clears it".to_owned())
    );
    let mut delivered = values("DELIVERED", 3);
    let on_the_way = values("IN_PROGRESS", 3);
    assert!(
        matches!(judge(Some(&on_the_way), &delivered, &crm), Judgement::Breaks(why) if why.contains("for the role driver"))
    );
    assert!(
        matches!(judge(Some(&on_the_way), &delivered, &driver()), Judgement::Breaks(why) if why.contains("`recipient` is missing"))
    );
    delivered.push("Ada".into());
    assert_eq!(
        judge(Some(&on_the_way), &delivered, &driver()),
        Judgement::Follows("deliver".to_owned())
    );
    let follow_up = flow
        .follow_up("deliver", &on_the_way, &delivered, &driver(), now())
        .unwrap();
    assert_eq!(follow_up.keys().copied().collect::<Vec<_>>(), [4, 5]);
}

#[test]
fn copied_values_keep_all_their_digits() {
    let mut flow = flow();
    flow.transitions[0] = Transition::new("start", ["PENDING"], "IN_PROGRESS").update("weight", "before.weight");
    let flow = CompiledFlow::compile(&flow, &delivery()).unwrap();
    let exact = Value::from_number("0.12345678901234567890123");
    let patch = flow
        .take(
            &["PENDING".into(), exact.clone()],
            "start",
            &Inputs::new(),
            &driver(),
            now(),
        )
        .unwrap();
    assert_eq!(patch.get(&1), Some(&exact));
}

#[test]
fn drawings_survive_odd_names() {
    let mut flow = flow();
    flow.transitions[0].label = "Start: \"now\"\nor never".into();
    flow.transitions[0].from = vec!["In transit".into()];
    let mermaid = flow.to_mermaid();
    assert!(mermaid.contains("state \"In transit\" as state1"), "{mermaid}");
    assert!(
        mermaid.contains("state1 --> IN_PROGRESS: Start#58; #quot;now#quot; or never [weight #gt; 0]"),
        "{mermaid}"
    );
    assert!(
        mermaid.contains("IN_PROGRESS --> DELIVERED: deliver (recipient) by driver"),
        "{mermaid}"
    );
    let dot = flow.to_dot();
    assert!(
        dot.contains("\"In transit\" -> \"IN_PROGRESS\" [label=\"Start: \\\"now\\\"\\nor never [weight > 0]\"];"),
        "{dot}"
    );
    assert!(dot.contains("\"DELIVERED\" [peripheries=2];"), "{dot}");
}

#[test]
fn a_flow_is_written_and_read_as_people_write_it() {
    let json = serde_json::json!({
        "name": "delivery", "blueprint": "delivery", "field": "status",
        "initial": ["PENDING"], "final": ["DELIVERED"], "inbound": "refuse",
        "transitions": [
            {"name": "start", "from": ["PENDING"], "to": "IN_PROGRESS", "updates": ["status = \"IN_PROGRESS\"", "started_at = now()"]},
            {"name": "deliver", "from": ["IN_PROGRESS"], "to": "DELIVERED"},
        ],
    });
    let flow: Flow = serde_json::from_value(json).unwrap();
    assert_eq!((flow.inbound, flow.edits), (Breach::Refuse, Breach::Refuse));
    assert_eq!(flow.transitions[0].updates[1].to_string(), "started_at = now()");
    assert_eq!(errors(&flow), Vec::<String>::new());
    let again: Flow = serde_json::from_value(serde_json::to_value(&flow).unwrap()).unwrap();
    assert_eq!(again, flow);
    assert!(serde_json::from_value::<Flow>(serde_json::json!({"name": "x", "steps": []})).is_err());
    assert!("started_at".parse::<super::Update>().is_err());
}

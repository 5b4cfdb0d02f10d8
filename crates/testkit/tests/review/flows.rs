//! Changes of a state that come from a CRM: what follows the flow is its transition, and what breaks it is applied, put
//! back or asked about, as the flow says.

use syncline_core::flow::{Breach, Flow, Transition};
use syncline_core::model::{FieldChoice as Choice, FieldType};
use syncline_core::plan::ReviewReason;
use syncline_core::value::Value;
use syncline_engine::audit::AuditPosition;
use syncline_engine::conflict::{FieldChoice, Resolution};
use syncline_engine::flow::{Moved, StateHistory, TakeRequest};

use crate::play::{HUBSPOT, Play, SALESFORCE};

const WHO: &str = "a@x.org";

/// The title of people is a state: PENDING, IN_PROGRESS, DELIVERED.
async fn play(inbound: Breach) -> Play {
    let play = Play::mapped(|_, sync| {
        let choices = ["PENDING", "IN_PROGRESS", "DELIVERED"].map(|name| Choice {
            value: name.into(),
            label: name.into(),
        });
        let title = sync.fields.iter_mut().find(|field| field.name == "title").unwrap();
        title.kind = FieldType::Choice {
            choices: choices.to_vec(),
        };
    })
    .await;
    let mut flow = Flow::new("delivery", "person", "title");
    flow.initial = vec!["PENDING".into()];
    flow.finals = vec!["DELIVERED".into()];
    flow.inbound = inbound;
    flow.transitions = vec![
        Transition::new("start", ["PENDING"], "IN_PROGRESS")
            .guard("phone != null")
            .update("city", "'started by ' + actor.name"),
        Transition::new("deliver", ["IN_PROGRESS"], "DELIVERED"),
    ];
    let stage = &play.stage;
    stage
        .engine
        .flows()
        .save(stage.tenant, &flow, &stage.actor)
        .await
        .unwrap();
    play.create(SALESFORCE, WHO, &[("title", "PENDING"), ("phone", "+43 1 5131111")]);
    play.settle().await;
    play
}

async fn salesforce_edits(play: &Play, field: &str, value: &str) {
    let person = play.person(WHO).await;
    play.later().await;
    play.edit(SALESFORCE, &play.ext(&person, SALESFORCE), field, value);
}

/// What the app and both CRMs hold.
async fn everywhere(play: &Play, field: &str) -> [String; 3] {
    [
        play.app(WHO, field).await,
        play.crm(SALESFORCE, WHO, field).await,
        play.crm(HUBSPOT, WHO, field).await,
    ]
}

async fn history(play: &Play) -> StateHistory {
    let uid = play.person(WHO).await.entity.uid;
    let flows = play.stage.engine.flows();
    flows
        .history(play.stage.tenant, uid, &play.stage.actor)
        .await
        .unwrap()
        .remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_change_in_a_crm_that_follows_the_flow_is_its_transition_with_its_updates() {
    let play = play(Breach::Review).await;
    salesforce_edits(&play, "title", "IN_PROGRESS").await;
    play.settle().await;
    assert_eq!(everywhere(&play, "title").await, ["IN_PROGRESS"; 3]);
    assert_eq!(everywhere(&play, "city").await, ["started by salesforce Contact"; 3]);
    assert!(play.conflicts().await.is_empty());
    let change = history(&play).await.changes.remove(0);
    assert_eq!(change.transition.as_deref(), Some("start"));
    assert_eq!((change.how, change.by.as_str()), (Moved::Pulled, "salesforce Contact"));
    assert_eq!(change.side, play.side_of(SALESFORCE));
    assert_eq!(
        (change.from.as_deref(), change.to.as_deref()),
        (Some("PENDING"), Some("IN_PROGRESS"))
    );

    // What is taken in the app reaches both.
    let uid = play.person(WHO).await.entity.uid;
    let stage = &play.stage;
    let deliver = TakeRequest::new("deliver");
    stage
        .engine
        .flows()
        .take(stage.tenant, uid, &deliver, &stage.actor)
        .await
        .unwrap();
    play.settle().await;
    assert_eq!(everywhere(&play, "title").await, ["DELIVERED"; 3]);
    let history = history(&play).await;
    assert_eq!(
        history.changes.len(),
        2,
        "our own write that comes back is no change: {history:#?}"
    );
    play.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_breaks_the_flow_is_put_back_and_the_rest_of_the_edit_stays() {
    let play = play(Breach::Refuse).await;
    salesforce_edits(&play, "title", "DELIVERED").await;
    let person = play.person(WHO).await;
    play.edit(SALESFORCE, &play.ext(&person, SALESFORCE), "city", "Graz");
    play.settle().await;
    assert_eq!(
        everywhere(&play, "title").await,
        ["PENDING"; 3],
        "the hub's state is pushed again"
    );
    assert_eq!(everywhere(&play, "city").await, ["Graz"; 3]);
    assert!(play.conflicts().await.is_empty());
    assert!(history(&play).await.changes.is_empty());
    let stage = &play.stage;
    let audit = stage
        .engine
        .audit()
        .list(stage.tenant, None, AuditPosition::default(), 1_000, &stage.actor)
        .await
        .unwrap();
    let lost = audit.iter().find(|record| {
        format!("{record:?}").contains("it breaks flow `delivery`: no transition leads from PENDING to DELIVERED")
    });
    assert!(
        lost.is_some_and(|record| format!("{record:?}").contains("DELIVERED")),
        "what was refused is kept in the audit"
    );
    play.is_quiet().await;

    // A guard counts as well: the transition is there, and nobody can be called.
    salesforce_edits(&play, "phone", "").await;
    play.settle().await;
    salesforce_edits(&play, "title", "IN_PROGRESS").await;
    play.settle().await;
    assert_eq!(everywhere(&play, "title").await, ["PENDING"; 3]);
    // With the number in the same edit, it holds.
    salesforce_edits(&play, "phone", "+43 1 5132222").await;
    let person = play.person(WHO).await;
    play.edit(SALESFORCE, &play.ext(&person, SALESFORCE), "title", "IN_PROGRESS");
    play.settle().await;
    assert_eq!(everywhere(&play, "title").await, ["IN_PROGRESS"; 3]);
    play.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_breaks_the_flow_may_be_asked_about_and_a_person_decides() {
    for choice in [FieldChoice::Crm, FieldChoice::App] {
        let play = play(Breach::Review).await;
        salesforce_edits(&play, "title", "DELIVERED").await;
        play.settle().await;
        let open = play.conflicts().await.remove(0);
        assert_eq!(
            (open.reason, open.fields.as_slice()),
            (ReviewReason::BreaksFlow, &["title".to_owned()][..])
        );
        assert_eq!(
            open.explanation,
            "it breaks flow `delivery`: no transition leads from PENDING to DELIVERED"
        );
        assert_eq!(
            everywhere(&play, "title").await,
            ["PENDING", "DELIVERED", "PENDING"],
            "every side keeps what it holds"
        );

        let uid = play.person(WHO).await.entity.uid;
        let stage = &play.stage;
        let start = TakeRequest::new("start");
        let held = stage
            .engine
            .flows()
            .take(stage.tenant, uid, &start, &stage.actor)
            .await
            .unwrap_err();
        assert!(
            held.message()
                .contains(&format!("conflict {} asks about `title`", open.id)),
            "{held}"
        );

        let resolution = Resolution::Fields([("title".to_owned(), choice.clone())].into());
        let conflicts = stage.engine.conflicts();
        conflicts
            .resolve(stage.tenant, open.id, open.version, &resolution, &stage.actor)
            .await
            .unwrap();
        play.settle().await;
        assert!(play.conflicts().await.is_empty());
        let changes = history(&play).await.changes;
        if choice == FieldChoice::Crm {
            assert_eq!(everywhere(&play, "title").await, ["DELIVERED"; 3]);
            assert_eq!((changes.len(), changes[0].how), (1, Moved::Resolved));
        } else {
            assert_eq!(everywhere(&play, "title").await, ["PENDING"; 3]);
            assert!(changes.is_empty());
        }
        play.is_quiet().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_breaks_the_flow_may_be_applied_and_is_told_in_the_history() {
    let play = play(Breach::Apply).await;
    salesforce_edits(&play, "title", "DELIVERED").await;
    play.settle().await;
    assert_eq!(everywhere(&play, "title").await, ["DELIVERED"; 3]);
    let change = history(&play).await.changes.remove(0);
    assert_eq!((change.transition, change.how), (None, Moved::Pulled));
    assert_eq!(
        change.breaks.as_deref(),
        Some("no transition leads from PENDING to DELIVERED")
    );
    play.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn records_that_are_new_in_a_crm_begin_wherever_they_are() {
    let play = play(Breach::Refuse).await;
    play.create(SALESFORCE, "b@x.org", &[("title", "DELIVERED")]);
    play.settle().await;
    assert_eq!(play.app("b@x.org", "title").await, "DELIVERED");
    assert_eq!(play.person("b@x.org").await.entity.value(4), &Value::text("DELIVERED"));
    play.is_quiet().await;
}

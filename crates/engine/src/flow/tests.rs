//! Flows through the engine, over the memory store.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::json;
use syncline_core::flow::{Breach, Flow, Transition};
use syncline_core::model::{Field, FieldChoice, FieldType};
use syncline_core::{Error, ErrorKind, Result, Value};
use syncline_storage::MemoryStore;
use uuid::Uuid;

use super::{Moved, Selection, TakeRequest, Taken, Taking, TransitionHook};
use crate::Engine;
use crate::actor::{Action, Actor, DefaultPolicy, Policy, Role};
use crate::engine::EngineBuilder;
use crate::entity::EntityRead;
use crate::entity::tests::stage::values;
use crate::ports::SeededRandom;
use crate::vault::{InMemoryKeyProvider, SecretKey};

struct Stage {
    engine: Engine,
    tenant: u32,
    ada: Actor,
}

impl Stage {
    async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    async fn with(build: impl FnOnce(EngineBuilder) -> EngineBuilder) -> Self {
        let keys = InMemoryKeyProvider::new(SecretKey::generate(&SeededRandom::new(1)));
        let builder = Engine::builder(Arc::new(MemoryStore::new()), Arc::new(keys));
        let engine = build(builder).build().unwrap();
        let ada = Actor::admin("ada");
        let tenant = engine.tenant("Acme", &ada).await.unwrap().id;
        let choices = ["PENDING", "IN_PROGRESS", "DELIVERED"].map(|name| FieldChoice {
            value: name.into(),
            label: name.into(),
        });
        let choices = choices.to_vec();
        let mut status = Field::new("status", FieldType::Choice { choices });
        status.default = Some("PENDING".into());
        let fields = [
            status,
            Field::new("weight", FieldType::Decimal),
            Field::new("recipient", FieldType::Text),
            Field::new("started_at", FieldType::DateTime),
            Field::new("delivered_at", FieldType::DateTime),
        ];
        engine
            .save_blueprint(tenant, "delivery", &fields, &[], &ada)
            .await
            .unwrap();
        let stage = Self { engine, tenant, ada };
        stage.save(&flow()).await.unwrap();
        stage
    }

    async fn save(&self, flow: &Flow) -> Result<super::SavedFlow> {
        self.engine.flows().save(self.tenant, flow, &self.ada).await
    }

    async fn delivery(&self, weight: u32) -> Uuid {
        let made = values(json!({ "weight": weight }));
        let entities = self.engine.entities();
        entities
            .create(self.tenant, "delivery", made, &self.ada)
            .await
            .unwrap()
            .uid
    }

    async fn take(&self, uid: Uuid, request: TakeRequest) -> Result<Taken> {
        self.engine.flows().take(self.tenant, uid, &request, &self.ada).await
    }

    async fn set(&self, uid: Uuid, patch: serde_json::Value) -> Result<crate::entity::Edited> {
        let entities = self.engine.entities();
        entities
            .update(self.tenant, uid, values(patch), EntityRead::Blind, &self.ada)
            .await
    }

    async fn value(&self, uid: Uuid, field: &str) -> serde_json::Value {
        let view = self.engine.entities().get(self.tenant, uid, &self.ada).await.unwrap();
        view.values[field].clone()
    }
}

fn flow() -> Flow {
    let mut flow = Flow::new("delivery", "delivery", "status");
    flow.initial = vec!["PENDING".into()];
    flow.finals = vec!["DELIVERED".into()];
    flow.transitions = vec![
        Transition::new("start", ["PENDING"], "IN_PROGRESS")
            .guard("weight > 0")
            .update("started_at", "now()"),
        Transition::new("deliver", ["IN_PROGRESS"], "DELIVERED")
            .input("recipient")
            .update("delivered_at", "now()"),
    ];
    flow
}

#[tokio::test]
async fn a_delivery_goes_from_beginning_to_end_and_its_history_says_how_long_each_state_took() {
    let stage = Stage::new().await;
    let uid = stage.delivery(3).await;
    let standing = stage
        .engine
        .flows()
        .available(stage.tenant, uid, &stage.ada)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(standing.state.as_deref(), Some("PENDING"));
    assert_eq!(standing.available[0].transition, "start");
    assert!(
        standing.unavailable[0]
            .why_not
            .as_deref()
            .unwrap()
            .contains("leads from IN_PROGRESS")
    );

    let started = stage.take(uid, TakeRequest::new("start")).await.unwrap();
    assert_eq!((started.from.as_str(), started.to.as_str()), ("PENDING", "IN_PROGRESS"));
    assert_eq!(started.changed, ["status", "started_at"]);
    assert!(started.entity.values["started_at"].is_string());

    let nothing_given = stage.take(uid, TakeRequest::new("deliver")).await.unwrap_err();
    assert_eq!(nothing_given.kind(), ErrorKind::Invalid);
    stage
        .take(uid, TakeRequest::new("deliver").input("recipient", "Ada"))
        .await
        .unwrap();
    assert_eq!(stage.value(uid, "recipient").await, json!("Ada"));

    let history = stage
        .engine
        .flows()
        .history(stage.tenant, uid, &stage.ada)
        .await
        .unwrap()
        .remove(0);
    let names: Vec<_> = history
        .changes
        .iter()
        .map(|change| change.transition.as_deref())
        .collect();
    assert_eq!(names, [Some("start"), Some("deliver")]);
    assert!(
        history
            .changes
            .iter()
            .all(|change| change.how == Moved::Taken && change.by == "ada")
    );
    let states: Vec<_> = history
        .stays
        .iter()
        .map(|stay| stay.state.as_deref().unwrap())
        .collect();
    assert_eq!(states, ["PENDING", "IN_PROGRESS", "DELIVERED"]);
    assert_eq!(history.stays[1].until, Some(history.changes[1].at));
    assert_eq!(history.times.len(), 3);
    assert_eq!(history.state.as_deref(), Some("DELIVERED"));
}

#[tokio::test]
async fn of_two_who_take_one_transition_one_wins_and_the_other_hears_of_it() {
    let stage = Stage::new().await;
    for _ in 0..20 {
        let uid = stage.delivery(3).await;
        let bob = Actor::admin("bob");
        let request = TakeRequest::new("start");
        let flows = stage.engine.flows();
        let (one, other) = tokio::join!(
            flows.take(stage.tenant, uid, &request, &stage.ada),
            flows.take(stage.tenant, uid, &request, &bob),
        );
        let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
        won.unwrap();
        let lost = lost.unwrap_err();
        assert_eq!(lost.kind(), ErrorKind::Refused);
        assert!(
            lost.message()
                .contains("the record is IN_PROGRESS; it can take deliver; "),
            "{lost}"
        );
        assert!(lost.message().contains(" took it at "), "{lost}");
        let history = flows.history(stage.tenant, uid, &bob).await.unwrap().remove(0);
        assert_eq!(history.changes.len(), 1, "taken once");
    }
}

#[tokio::test]
async fn who_looked_at_an_earlier_state_is_told_to_look_again() {
    let stage = Stage::new().await;
    let uid = stage.delivery(3).await;
    let rev = stage.set(uid, json!({ "weight": 4 })).await.unwrap().entity.rev;
    let started = stage.take(uid, TakeRequest::new("start").read(rev)).await.unwrap();
    let late = stage
        .take(uid, TakeRequest::new("deliver").input("recipient", "Ada").read(rev))
        .await
        .unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Stale);
    assert!(late.message().contains("is IN_PROGRESS since revision"), "{late}");
    // What else was changed meanwhile is no reason.
    stage.set(uid, json!({ "weight": 5 })).await.unwrap();
    let request = TakeRequest::new("deliver")
        .input("recipient", "Ada")
        .read(started.entity.rev);
    stage.take(uid, request).await.unwrap();
}

#[tokio::test]
async fn an_edit_that_breaks_the_flow_is_refused_and_one_that_follows_it_is_the_transition() {
    let stage = Stage::new().await;
    let uid = stage.delivery(3).await;
    let broken = stage
        .set(uid, json!({ "status": "DELIVERED", "weight": 9 }))
        .await
        .unwrap_err();
    assert_eq!(broken.kind(), ErrorKind::Invalid);
    assert!(
        broken
            .message()
            .contains("no transition leads from PENDING to DELIVERED; take a transition of flow `delivery`"),
        "{broken}"
    );
    assert_eq!(stage.value(uid, "weight").await, json!(3), "nothing of it is applied");

    stage.set(uid, json!({ "status": "IN_PROGRESS" })).await.unwrap();
    assert!(stage.value(uid, "started_at").await.is_string(), "the updates are made");
    let history = stage
        .engine
        .flows()
        .history(stage.tenant, uid, &stage.ada)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(history.changes[0].transition.as_deref(), Some("start"));
    assert_eq!(history.changes[0].how, Moved::Edited);

    let entities = stage.engine.entities();
    let begun = values(json!({ "status": "DELIVERED" }));
    let refused = entities
        .create(stage.tenant, "delivery", begun.clone(), &stage.ada)
        .await
        .unwrap_err();
    assert!(
        refused
            .message()
            .contains("`status` begins with PENDING, not with DELIVERED"),
        "{refused}"
    );

    let mut loose = flow();
    loose.edits = Breach::Apply;
    stage.save(&loose).await.unwrap();
    entities
        .create(stage.tenant, "delivery", begun, &stage.ada)
        .await
        .unwrap();
    stage.set(uid, json!({ "status": "PENDING" })).await.unwrap();
    let history = stage
        .engine
        .flows()
        .history(stage.tenant, uid, &stage.ada)
        .await
        .unwrap()
        .remove(0);
    let last = history.changes.last().unwrap();
    assert_eq!((last.transition.as_deref(), last.version), (None, 2));
    assert_eq!(
        last.breaks.as_deref(),
        Some("no transition leads from IN_PROGRESS to PENDING")
    );
}

#[tokio::test]
async fn a_form_that_sends_the_state_as_it_read_it_breaks_nothing() {
    let stage = Stage::new().await;
    let uid = stage.delivery(3).await;
    let entities = stage.engine.entities();
    let read = entities.get(stage.tenant, uid, &stage.ada).await.unwrap();
    stage.take(uid, TakeRequest::new("start")).await.unwrap();
    let form = values(json!({ "status": "PENDING", "recipient": "Ada" }));
    let edited = entities
        .update(stage.tenant, uid, form, EntityRead::Values(read.values), &stage.ada)
        .await
        .unwrap();
    assert_eq!(edited.changed, ["recipient"]);
    assert_eq!(edited.entity.values["status"], json!("IN_PROGRESS"));
}

#[tokio::test]
async fn a_flow_with_mistakes_is_not_saved_and_its_versions_are_kept() {
    let stage = Stage::new().await;
    let mut wrong = flow();
    wrong.transitions[0].guard = Some("wieght > 0".into());
    wrong.finals.clear();
    let error = stage.save(&wrong).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    for part in [
        "transitions.start.guard: there is no field `wieght`",
        "DELIVERED: nothing leads out of DELIVERED",
    ] {
        assert!(error.message().contains(part), "{error}");
    }
    let mut second = flow();
    second.name = "other".into();
    let error = stage.save(&second).await.unwrap_err();
    assert!(
        error.message().contains("flow `delivery` moves `status` already"),
        "{error}"
    );

    assert_eq!(
        stage.save(&flow()).await.unwrap().flow.version,
        1,
        "saved as it is, it stays"
    );
    let mut labelled = flow();
    labelled.label = "Deliveries".into();
    assert_eq!(stage.save(&labelled).await.unwrap().flow.version, 2);
    let flows = stage.engine.flows();
    let versions = flows.versions(stage.tenant, "delivery", &stage.ada).await.unwrap();
    assert_eq!(
        versions.iter().map(|known| known.flow.version).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(versions[0].saved_by, "ada");

    flows.remove(stage.tenant, "delivery", &stage.ada).await.unwrap();
    assert_eq!(
        flows
            .get(stage.tenant, "delivery", &stage.ada)
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::NotFound
    );
    assert!(flows.list(stage.tenant, &stage.ada).await.unwrap().is_empty());
    let uid = stage.delivery(1).await;
    stage.set(uid, json!({ "status": "DELIVERED" })).await.unwrap();
    assert_eq!(stage.save(&flow()).await.unwrap().flow.version, 3);
}

#[tokio::test]
async fn many_are_moved_each_with_its_own_result() {
    let stage = Stage::new().await;
    let mut ids = Vec::new();
    for weight in [1, 0, 2] {
        ids.push(stage.delivery(weight).await);
    }
    let request = TakeRequest::new("start");
    let flows = stage.engine.flows();
    let selection = Selection::Ids(ids.clone());
    let many = flows
        .take_many(stage.tenant, &selection, &request, &stage.ada)
        .await
        .unwrap();
    assert_eq!(many.taken(), 2);
    assert_eq!(
        many.results[1].error.as_deref(),
        Some("`start` can't be taken: it asks that weight > 0")
    );

    let filter = |after: Option<String>| Selection::Filter {
        blueprint: "delivery".into(),
        filter: Some("status == 'IN_PROGRESS'".into()),
        after,
        limit: 1,
    };
    let deliver = TakeRequest::new("deliver").input("recipient", "Bob");
    let first = flows
        .take_many(stage.tenant, &filter(None), &deliver, &stage.ada)
        .await
        .unwrap();
    assert_eq!((first.results[0].uid, first.taken()), (ids[0], 1));
    let rest = flows
        .take_many(stage.tenant, &filter(first.next), &deliver, &stage.ada)
        .await
        .unwrap();
    assert_eq!((rest.results[0].uid, rest.next), (ids[2], None));
}

#[derive(Debug)]
struct ByName;

impl Policy for ByName {
    fn allows(&self, actor: &Actor, action: Action) -> Result<()> {
        DefaultPolicy.allows(actor, action)
    }

    fn roles(&self, actor: &Actor) -> Vec<String> {
        vec![actor.name.split('.').next().unwrap_or_default().to_owned()]
    }
}

#[tokio::test]
async fn transitions_are_for_the_roles_that_they_name() {
    let stage = Stage::with(|builder| builder.policy(ByName)).await;
    let mut flow = flow();
    flow.transitions[0].roles = vec!["driver".into()];
    stage.save(&flow).await.unwrap();
    let uid = stage.delivery(1).await;
    let refused = stage.take(uid, TakeRequest::new("start")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    assert!(
        refused.message().contains("it is for the role driver, and ada is ada"),
        "{refused}"
    );

    // A member may not edit records, and may take what is for their role.
    let driver = Actor::member("driver.dora");
    let flows = stage.engine.flows();
    flows
        .take(stage.tenant, uid, &TakeRequest::new("start"), &driver)
        .await
        .unwrap();
    let deliver = TakeRequest::new("deliver").input("recipient", "Ada");
    let refused = flows.take(stage.tenant, uid, &deliver, &driver).await.unwrap_err();
    assert!(
        refused.message().contains("driver.dora may not edit records"),
        "{refused}"
    );
    assert_eq!(driver.role, Role::Member);
}

#[derive(Debug, Clone, Default)]
struct Host {
    taken: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl TransitionHook for Host {
    async fn before(&self, taking: &mut Taking) -> Result<()> {
        if taking.transition == "deliver" {
            match taking.inputs.get("recipient").and_then(Value::as_text) {
                Some("nobody") => return Err(Error::new(ErrorKind::Refused, "nobody lives there")),
                Some("panic") => panic!("a bug of the host"),
                _ => {}
            }
            taking
                .inputs
                .entry("recipient".into())
                .or_insert_with(|| "the neighbour".into());
        }
        Ok(())
    }

    async fn after(&self, taken: &Taken, actor: &Actor) {
        let line = format!("{} by {}", taken.transition, actor.name);
        self.taken.lock().unwrap().push(line);
        assert!(taken.transition != "start", "what panics afterwards undoes nothing");
    }
}

#[tokio::test]
async fn the_host_may_object_change_the_inputs_and_is_told() {
    let host = Host::default();
    let stage = Stage::with(|builder| builder.transition_hook(host.clone())).await;
    let uid = stage.delivery(1).await;
    stage.take(uid, TakeRequest::new("start")).await.unwrap();
    let veto = stage
        .take(uid, TakeRequest::new("deliver").input("recipient", "nobody"))
        .await
        .unwrap_err();
    assert_eq!(veto.message(), "`deliver` can't be taken: nobody lives there");
    let broken = stage
        .take(uid, TakeRequest::new("deliver").input("recipient", "panic"))
        .await
        .unwrap_err();
    assert!(broken.message().contains("panicked"), "{broken}");
    assert_eq!(stage.value(uid, "status").await, json!("IN_PROGRESS"));
    stage.take(uid, TakeRequest::new("deliver")).await.unwrap();
    assert_eq!(stage.value(uid, "recipient").await, json!("the neighbour"));
    assert_eq!(*host.taken.lock().unwrap(), ["start by ada", "deliver by ada"]);
}

#[tokio::test]
async fn a_deleted_record_can_t_be_moved() {
    let stage = Stage::new().await;
    let uid = stage.delivery(1).await;
    stage
        .engine
        .entities()
        .delete(stage.tenant, uid, &stage.ada)
        .await
        .unwrap();
    let refused = stage.take(uid, TakeRequest::new("start")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    let standing = stage
        .engine
        .flows()
        .available(stage.tenant, uid, &stage.ada)
        .await
        .unwrap()
        .remove(0);
    assert!(standing.available.is_empty());
    assert!(
        standing
            .unavailable
            .iter()
            .any(|offer| offer.why_not.as_deref().unwrap().contains("deleted"))
    );
}

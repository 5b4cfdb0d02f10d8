//! A delivery from an empty database to the end: `cargo run -p syncline --example delivery`.
//!
//! `docs/flows.md` plays the same through the command line.
#![allow(
    clippy::print_stdout,
    reason = "an example tells what it does; tests, which run it too, may print anyway"
)]

use serde_json::{Map, Value as Json, json};
use syncline::flow::{Flow, TakeRequest, Transition};
use syncline::model::{Field, FieldChoice, FieldType};
use syncline::{Actor, ErrorKind, Value};

fn object(json: Json) -> Map<String, Json> {
    json.as_object().cloned().unwrap_or_default()
}

/// The states are the choices of a field.
fn status() -> Field {
    let choices = ["PENDING", "IN_PROGRESS", "DELIVERED"].map(|name| FieldChoice {
        value: name.into(),
        label: name.into(),
    });
    let mut status = Field::new(
        "status",
        FieldType::Choice {
            choices: choices.into(),
        },
    );
    status.default = Some(Value::text("PENDING"));
    status
}

fn flow() -> Flow {
    let mut flow = Flow::new("delivery", "delivery", "status");
    flow.initial = vec!["PENDING".into()];
    flow.finals = vec!["DELIVERED".into()];
    flow.transitions = vec![
        Transition::new("start", ["PENDING"], "IN_PROGRESS")
            .guard("address != null")
            .update("started_at", "now()"),
        Transition::new("deliver", ["IN_PROGRESS"], "DELIVERED")
            .input("recipient")
            .update("delivered_at", "now()"),
    ];
    flow
}

/// Plays it.
///
/// # Errors
/// What the engine reports.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let engine = syncline::open(folder.path().join("deliveries.db")).await?;
    let me = Actor::admin("ada");
    let tenant = engine.tenant("Acme", &me).await?.id;

    // The shape of a delivery, and how it moves.
    let fields = [
        status(),
        Field::new("address", FieldType::Text),
        Field::new("recipient", FieldType::Text),
        Field::new("started_at", FieldType::DateTime),
        Field::new("delivered_at", FieldType::DateTime),
    ];
    engine.save_blueprint(tenant, "delivery", &fields, &[], &me).await?;
    let saved = engine.flows().save(tenant, &flow(), &me).await?;
    println!("{}", saved.flow.to_mermaid());

    // One delivery. It begins where the default says.
    let delivery = object(json!({ "address": "Hauptplatz 1, Graz" }));
    let delivery = engine.entities().create(tenant, "delivery", delivery, &me).await?;
    let standing = engine.flows().available(tenant, delivery.uid, &me).await?.remove(0);
    for offer in &standing.available {
        println!("can be taken: {}", offer.transition);
    }
    for offer in &standing.unavailable {
        println!(
            "can't be taken: {} ({})",
            offer.transition,
            offer.why_not.as_deref().unwrap_or_default()
        );
    }

    // Nobody delivers what is not on its way, and nobody skips the flow.
    let deliver = TakeRequest::new("deliver").input("recipient", "Ada Lovelace");
    let early = engine.flows().take(tenant, delivery.uid, &deliver, &me).await;
    assert!(early.is_err_and(|error| error.kind() == ErrorKind::Refused));

    let started = engine
        .flows()
        .take(tenant, delivery.uid, &TakeRequest::new("start"), &me)
        .await?;
    let delivered = engine.flows().take(tenant, delivery.uid, &deliver, &me).await?;
    assert_eq!(
        (started.to.as_str(), delivered.to.as_str()),
        ("IN_PROGRESS", "DELIVERED")
    );
    assert!(delivered.entity.values["started_at"].is_string());
    assert!(delivered.entity.values["delivered_at"].is_string());
    assert_eq!(delivered.entity.values["recipient"], "Ada Lovelace");

    let history = engine.flows().history(tenant, delivery.uid, &me).await?.remove(0);
    for change in &history.changes {
        println!(
            "{}: {} by {}",
            change.at,
            change.transition.as_deref().unwrap_or("-"),
            change.by
        );
    }
    for time in &history.times {
        println!("{} s in {}", time.seconds, time.state.as_deref().unwrap_or("no state"));
    }
    assert_eq!(history.changes.len(), 2);
    Ok(())
}

//! Stock items from an empty database to the end: `cargo run -p syncline --example stock`.
//!
//! `docs/flows.md` plays the same through the command line.
#![allow(
    clippy::print_stdout,
    reason = "an example tells what it does; tests, which run it too, may print anyway"
)]

use serde_json::{Map, Value as Json, json};
use syncline::flow::{Flow, Selection, TakeRequest, Transition};
use syncline::model::{Field, FieldChoice, FieldType};
use syncline::{Actor, EntityListQuery, Value};

fn object(json: Json) -> Map<String, Json> {
    json.as_object().cloned().unwrap_or_default()
}

fn choice(name: &str, values: &[&str]) -> Field {
    let choices = values.iter().map(|value| FieldChoice {
        value: (*value).to_owned(),
        label: (*value).to_owned(),
    });
    let choices = choices.collect();
    Field::new(name, FieldType::Choice { choices })
}

fn fields() -> Vec<Field> {
    let mut state = choice("state", &["RECEIVED", "STORED", "GONE"]);
    state.default = Some(Value::text("RECEIVED"));
    vec![
        choice("type", &["pallet", "box", "barrel"]),
        Field::new("space", FieldType::Text),
        Field::new("weight", FieldType::Decimal),
        Field::new("quantity", FieldType::Integer),
        Field::new("timestamp", FieldType::DateTime),
        state,
    ]
}

/// Goods are put away, counted as often as one likes, and taken out until none is left.
fn flow() -> Flow {
    let mut flow = Flow::new("stock", "stock_item", "state");
    flow.initial = vec!["RECEIVED".into()];
    flow.finals = vec!["GONE".into()];
    flow.transitions = vec![
        Transition::new("put_away", ["RECEIVED"], "STORED")
            .input("space")
            .guard("quantity > 0")
            .update("timestamp", "now()"),
        Transition::new("count", ["STORED"], "STORED")
            .input("quantity")
            .guard("inputs.quantity >= 0")
            .update("timestamp", "now()"),
        Transition::new("clear", ["STORED"], "GONE")
            .guard("quantity == 0")
            .update("space", "null")
            .update("timestamp", "now()"),
    ];
    flow.transitions[2].refusal = "some are left; count them first".into();
    flow
}

/// Plays it.
///
/// # Errors
/// What the engine reports.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let engine = syncline::open(folder.path().join("stock.db")).await?;
    let me = Actor::admin("ada");
    let tenant = engine.tenant("Acme", &me).await?.id;
    engine.save_blueprint(tenant, "stock_item", &fields(), &[], &me).await?;
    engine.flows().save(tenant, &flow(), &me).await?;

    for (kind, weight, quantity) in [("pallet", "480.5", 4), ("box", "12.25", 0), ("barrel", "159", 2)] {
        let item = json!({ "type": kind, "weight": weight, "quantity": quantity });
        engine
            .entities()
            .create(tenant, "stock_item", object(item), &me)
            .await?;
    }

    // All that were received are put away at once; what can't be is told with its reason.
    let received = Selection::Filter {
        blueprint: "stock_item".into(),
        filter: Some("state == 'RECEIVED'".into()),
        after: None,
        limit: 100,
    };
    let put_away = TakeRequest::new("put_away").input("space", "A-01");
    let many = engine.flows().take_many(tenant, &received, &put_away, &me).await?;
    for one in &many.results {
        println!("{}: {}", one.uid, one.error.as_deref().unwrap_or("put away"));
    }
    assert_eq!((many.taken(), many.results.len()), (2, 3));

    // The barrels are counted, found to be none, and cleared.
    let query = EntityListQuery {
        filter: Some("entity.type == 'barrel'".into()),
        ..EntityListQuery::default()
    };
    let barrels = engine
        .entities()
        .list(tenant, "stock_item", &query, &me)
        .await?
        .entities
        .remove(0)
        .uid;
    let flows = engine.flows();
    let left = flows.take(tenant, barrels, &TakeRequest::new("clear"), &me).await;
    assert!(left.is_err_and(|error| error.message().ends_with("some are left; count them first")));
    flows
        .take(tenant, barrels, &TakeRequest::new("count").input("quantity", 0), &me)
        .await?;
    let gone = flows.take(tenant, barrels, &TakeRequest::new("clear"), &me).await?;
    assert_eq!((gone.to.as_str(), &gone.entity.values["space"]), ("GONE", &Json::Null));

    let history = flows.history(tenant, barrels, &me).await?.remove(0);
    let taken: Vec<&str> = history
        .changes
        .iter()
        .filter_map(|change| change.transition.as_deref())
        .collect();
    assert_eq!(taken, ["put_away", "count", "clear"]);
    println!("the barrels: {}", taken.join(", "));
    Ok(())
}

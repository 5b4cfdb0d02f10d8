//! More fields than the address of a query can name.

use serde_json::json;
use syncline_core::Value;
use syncline_core::batch::{RowState, ValueKind};
use syncline_core::job::{FetchBy, Start};

use super::support::World;
use super::{fetch, fields, live_ids};

const FIELDS: usize = 600;

fn name(number: usize) -> String {
    format!("A_Field_With_A_Long_Name_{number:04}__c")
}

#[tokio::test]
async fn every_field_of_a_wide_mapping_is_read_in_pulls_and_by_id_and_by_key() {
    let world = World::new(20);
    let mut names = vec!["LastName".to_owned(), "Account.Name".to_owned()];
    for number in 0..FIELDS {
        let added = world
            .simulator
            .add_custom_field("Contact", &name(number), "Long", "string(40)");
        added.unwrap();
        names.push(name(number));
    }
    let wanted: Vec<(&str, ValueKind)> = names.iter().map(|name| (name.as_str(), ValueKind::Text)).collect();
    let edit = |id: &str, text: &str| {
        let values = [(name(0), json!(text)), (name(FIELDS - 1), json!(text))];
        world.simulator.update("Contact", id, values.into()).unwrap();
    };
    let all: Vec<String> = live_ids(&world, "Contact").into_iter().collect();
    for id in &all {
        edit(id, id);
    }
    let pulled = world.pull("Contact", &wanted, Start::Beginning).await;
    assert_eq!(pulled.rows.len(), all.len());
    for row in &pulled.rows {
        assert_eq!(row.values[2], Value::text(&row.id), "the first");
        assert_eq!(row.values[FIELDS + 1], Value::text(&row.id), "the last");
        assert_eq!(row.values[3], Value::Null);
        assert_ne!(row.values[0], Value::Null);
    }

    world.pass(3_600);
    edit(&all[0], "Edited");
    world.simulator.delete("Contact", &all[1]).unwrap();
    world.pass(5);
    let next = world.pull("Contact", &wanted, Start::Cursor(pulled.cursor)).await;
    let row = |id: &str| next.rows.iter().find(|row| row.id == id).unwrap();
    assert_eq!(row(&all[0]).values[FIELDS + 1], Value::text("Edited"));
    assert_eq!(row(&all[1]).state, RowState::Deleted);

    let by = FetchBy::Ids(vec![all[0].clone(), all[1].clone()]);
    let batch = fetch(&world, "Contact", &wanted, by).await;
    let states: Vec<RowState> = batch.rows().map(|row| row.state()).collect();
    assert_eq!(states, [RowState::Live, RowState::Deleted]);
    world
        .simulator
        .update("Contact", &all[2], fields(&[("External_Id__c", json!("K-1"))]))
        .unwrap();
    let by = FetchBy::Key {
        field: "External_Id__c".into(),
        values: vec!["K-1".into(), "K-2".into()],
    };
    let batch = fetch(&world, "Contact", &wanted, by).await;
    let found: Vec<&str> = batch.rows().map(|row| row.id()).collect();
    assert_eq!(found, [all[2].as_str()]);
    assert_eq!(
        batch.get(0).unwrap().value(FIELDS + 1).unwrap(),
        Some(Value::text(&all[2]))
    );
}

use serde_json::json;
use syncline_core::ErrorKind;
use syncline_core::aggregate::AggregateFunction::{Average, Count, Maximum, Minimum, Sum};
use syncline_core::model::{Field, FieldType};

use super::stage::{Stage, values};
use crate::entity::{EntityAggregate, EntityAggregateQuery, EntitySelection};

async fn sales(stage: &Stage) {
    let fields = [
        Field::new("region", FieldType::Text),
        Field::new("amount", FieldType::Decimal),
        Field::new("day", FieldType::Date),
    ];
    let engine = &stage.engine;
    engine
        .save_blueprint(stage.tenant, "sale", &fields, &[], &stage.ada)
        .await
        .unwrap();
    for (region, amount, day) in [
        ("north", json!("0.1"), "2026-01-01"),
        ("south", json!("0.2"), "2026-01-05"),
        ("north", json!("0.25"), "2025-12-31"),
        ("north", json!(null), "2026-02-01"),
    ] {
        let sale = values(json!({ "region": region, "amount": amount, "day": day }));
        engine
            .entities()
            .create(stage.tenant, "sale", sale, &stage.ada)
            .await
            .unwrap();
    }
}

fn of(function: syncline_core::aggregate::AggregateFunction, field: &str) -> EntityAggregate {
    EntityAggregate {
        function,
        field: field.to_owned(),
    }
}

#[tokio::test]
async fn aggregates_are_exact_as_a_whole_and_by_the_values_of_a_field() {
    let stage = Stage::new().await;
    sales(&stage).await;
    let mut query = EntityAggregateQuery {
        of: vec![
            of(Count, "amount"),
            of(Sum, "amount"),
            of(Average, "amount"),
            of(Minimum, "day"),
            of(Maximum, "amount"),
        ],
        ..EntityAggregateQuery::default()
    };
    let entities = stage.engine.entities();
    let all = entities
        .aggregate(stage.tenant, "sale", &query, &stage.ada)
        .await
        .unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].count, 4);
    let average = "0.1833333333333333333333333333";
    assert_eq!(
        all[0].values,
        [json!(3), json!(0.55), json!(average), json!("2025-12-31"), json!(0.25)]
    );
    query.by = Some("region".to_owned());
    query.selection = EntitySelection {
        filter: Some("day >= '2026-01-01'".to_owned()),
        ..EntitySelection::default()
    };
    let groups = entities
        .aggregate(stage.tenant, "sale", &query, &stage.ada)
        .await
        .unwrap();
    let shown: Vec<_> = groups
        .iter()
        .map(|group| (group.key.clone(), group.count, group.values[1].clone()))
        .collect();
    assert_eq!(
        shown,
        [(json!("north"), 2, json!(0.1)), (json!("south"), 1, json!(0.2))]
    );
}

#[tokio::test]
async fn nothing_has_a_count_of_zero_and_what_is_no_number_no_sum() {
    let stage = Stage::new().await;
    sales(&stage).await;
    let entities = stage.engine.entities();
    let nobody = EntityAggregateQuery {
        selection: EntitySelection {
            filter: Some("region == 'west'".to_owned()),
            ..EntitySelection::default()
        },
        of: vec![of(Sum, "amount")],
        ..EntityAggregateQuery::default()
    };
    let groups = entities
        .aggregate(stage.tenant, "sale", &nobody, &stage.ada)
        .await
        .unwrap();
    assert_eq!((groups[0].count, groups[0].values[0].clone()), (0, json!(null)));
    for (function, field, said) in [
        (Sum, "region", "is a text and has no sum"),
        (Count, "colour", "no field `colour`"),
    ] {
        let query = EntityAggregateQuery {
            of: vec![of(function, field)],
            ..EntityAggregateQuery::default()
        };
        let refused = entities
            .aggregate(stage.tenant, "sale", &query, &stage.ada)
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
        assert!(refused.to_string().contains(said), "{refused}");
    }
}

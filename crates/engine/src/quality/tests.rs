use std::ops::ControlFlow;

use serde_json::{Map, Value as Json, json};
use syncline_core::ErrorKind;
use syncline_core::mapping::Strategy;
use syncline_core::quality::QualityRule;

use super::QualityReport;
use crate::entity::tests::stage::{Stage, values};
use crate::entity::{EntityRead, EntitySelection};

async fn save(stage: &Stage, rules: Json) {
    let rules: Vec<QualityRule> = serde_json::from_value(rules).unwrap();
    let quality = stage.engine.quality();
    quality
        .save_rules(stage.tenant, "person", &rules, &stage.ada)
        .await
        .unwrap();
    assert_eq!(quality.rules(stage.tenant, "person", &stage.ada).await.unwrap(), rules);
}

async fn report(stage: &Stage, selection: &EntitySelection) -> QualityReport {
    let mut go_on = |_: u64| ControlFlow::Continue(());
    let quality = stage.engine.quality();
    quality
        .report(stage.tenant, "person", selection, &mut go_on, &stage.ada)
        .await
        .unwrap()
}

async fn made(stage: &Stage, person: Json) -> syncline_core::Result<uuid::Uuid> {
    let entities = stage.engine.entities();
    let made = entities
        .create(stage.tenant, "person", values(person), &stage.ada)
        .await?;
    Ok(made.uid)
}

#[tokio::test]
async fn a_report_counts_what_breaks_each_rule_with_examples_and_refuses_nothing_that_only_warns() {
    let stage = Stage::new().await;
    save(
        &stage,
        json!([
            { "name": "age", "check": "range", "field": "age", "minimum": 0, "maximum": 120 },
            { "name": "phone", "check": "format", "field": "phone", "pattern": "\\+[0-9 ]+" },
            { "name": "friend", "check": "reference", "field": "friend" },
            { "name": "twice", "check": "duplicate", "fields": ["name", "city"], "likeness": 0.85 },
            { "name": "reachable", "check": "expression", "expression": "email != null || phone != null" }
        ]),
    )
    .await;
    let friend = made(&stage, json!({ "name": "Bo", "phone": "+43 1", "city": "Wien" }))
        .await
        .unwrap();
    let ada = json!({ "name": "Ada Lovelace", "city": "Graz", "email": "a@x.org", "age": 130, "friend": friend });
    let ada = made(&stage, ada).await.unwrap();
    let twin = made(
        &stage,
        json!({ "name": "Ada Lovelacce", "city": "graz", "phone": "12" }),
    )
    .await
    .unwrap();
    made(&stage, json!({ "name": "Cy", "age": 5 })).await.unwrap();
    stage
        .engine
        .entities()
        .delete(stage.tenant, friend, &stage.ada)
        .await
        .unwrap();
    let found = report(&stage, &EntitySelection::default()).await;
    let told: Vec<(&str, u64)> = found
        .rules
        .iter()
        .map(|rule| (rule.rule.as_str(), rule.broken))
        .collect();
    assert_eq!(
        told,
        [("age", 1), ("phone", 1), ("friend", 1), ("twice", 1), ("reachable", 1)]
    );
    assert_eq!((found.records, found.clean, found.has_refused()), (3, 0, false));
    assert_eq!(found.rules[0].examples[0].uid, ada);
    assert_eq!(
        found.rules[0].examples[0].message,
        "`age` is 130, and at most 120 is expected"
    );
    let pair = &found.rules[3].examples[0];
    assert_eq!((pair.uid, pair.other), (ada, Some(twin)));
    let young = EntitySelection {
        filter: Some("age < 10".to_owned()),
        ..EntitySelection::default()
    };
    let found = report(&stage, &young).await;
    assert_eq!((found.records, found.rules[3].broken, found.rules[4].broken), (1, 0, 1));
}

#[tokio::test]
async fn an_edit_that_comes_to_break_a_rule_that_refuses_is_refused_and_others_are_not() {
    let stage = Stage::new().await;
    let old = made(&stage, json!({ "name": "Old", "age": -1 })).await.unwrap();
    save(
        &stage,
        json!([
            { "name": "age", "check": "range", "field": "age", "minimum": 0, "severity": "refuse" },
            { "name": "twice", "check": "duplicate", "fields": ["name", "city"], "severity": "refuse", "message": "known already" }
        ]),
    )
    .await;
    let refused = made(&stage, json!({ "name": "Ada", "age": -5 })).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert!(
        refused.to_string().contains("at least 0 is expected (rule `age`)"),
        "{refused}"
    );
    let set = |patch: Json| {
        let stage = &stage;
        async move {
            let entities = stage.engine.entities();
            let edited = entities
                .update(stage.tenant, old, values(patch), EntityRead::Blind, &stage.ada)
                .await;
            edited.map(|edited| edited.changed)
        }
    };
    // What it broke before there was a rule stays, and the rest can be edited.
    assert_eq!(set(json!({ "city": "Graz", "age": -1 })).await.unwrap(), ["city"]);
    assert!(set(json!({ "age": -2 })).await.is_err());
    made(&stage, json!({ "name": "Ada Lovelace", "city": "Graz" }))
        .await
        .unwrap();
    let twice = made(&stage, json!({ "name": "ADA LOVELACE", "city": "Graz" }))
        .await
        .unwrap_err();
    assert!(twice.to_string().contains("known already"), "{twice}");
    assert!(set(json!({ "name": "Ada Lovelacee" })).await.is_err());
    let found = report(&stage, &EntitySelection::default()).await;
    assert_eq!(
        (found.rules[0].broken, found.rules[1].broken, found.has_refused()),
        (1, 0, true)
    );
}

#[tokio::test]
async fn rules_are_checked_when_they_are_saved() {
    let stage = Stage::new().await;
    let rule = json!({ "name": "age", "check": "range", "field": "height", "minimum": 0 });
    let rules: Vec<QualityRule> = serde_json::from_value(json!([rule])).unwrap();
    let quality = stage.engine.quality();
    let refused = quality
        .save_rules(stage.tenant, "person", &rules, &stage.ada)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    let _: Map<String, Json> = values(json!({}));
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    stage.pull(&sync, "003A", &[("Name", "Ada")]).await;
    assert_eq!(report(&stage, &EntitySelection::default()).await.records, 1);
}

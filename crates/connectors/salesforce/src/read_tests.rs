use syncline_core::batch::{Projection, ValueKind};
use syncline_core::{ErrorKind, Value};

use super::*;
use crate::testing::{ScriptedIo, api};

const A: &str = "001000000000001AAA";
const B: &str = "001000000000002AAA";
const C: &str = "001000000000003AAA";

fn by_ids(object: &str, path: &str, ids: &[&str]) -> Fetch {
    Fetch {
        object: object.into(),
        projection: Projection::new([(path, ValueKind::Text)]),
        by: FetchBy::Ids(ids.iter().map(|id| (*id).to_owned()).collect()),
    }
}

fn states(batch: &Batch) -> Vec<(String, RowState, Option<String>)> {
    batch
        .rows()
        .map(|row| (row.id().to_owned(), row.state(), row.merged_into().map(str::to_owned)))
        .collect()
}

#[tokio::test]
async fn every_id_is_answered_live_merged_into_the_last_survivor_or_missing() {
    let io = ScriptedIo::new();
    io.answer(
        200,
        r#"[{"Id":"001000000000009AAA","SystemModstamp":"2026-11-20T10:00:00.000+0000","Name":"Live"},null,null]"#,
    );
    io.answer(
        200,
        &format!(r#"{{"done":true,"records":[{{"Id":"{A}","IsDeleted":true,"MasterRecordId":"{B}","Name":"Old"}}]}}"#),
    );
    io.answer(200, "[null]");
    io.answer(
        200,
        &format!(r#"{{"done":true,"records":[{{"Id":"{B}","IsDeleted":true,"MasterRecordId":"{C}"}}]}}"#),
    );
    io.answer(200, &format!(r#"[{{"Id":"{C}","Name":"Survivor"}}]"#));
    let mut batch = Batch::new(1);
    let ids = ["001000000000009", A, "001000000000008AAA", "nonsense", A];
    fetch(&io, &api(), &by_ids("Account", "Name", &ids), &mut batch)
        .await
        .unwrap();
    let text = |id: &str| Some(id.to_owned());
    assert_eq!(
        states(&batch),
        [
            ("nonsense".to_owned(), RowState::Missing, None),
            ("001000000000009AAA".to_owned(), RowState::Live, None),
            ("001000000000008AAA".to_owned(), RowState::Missing, None),
            (C.to_owned(), RowState::Live, None),
            (A.to_owned(), RowState::Merged, text(C)),
            (B.to_owned(), RowState::Merged, text(C)),
        ]
    );
    assert_eq!(batch.get(4).unwrap().value(0).unwrap(), Some(Value::text("Old")));
    assert_eq!(batch.class, ReadClass::Strong);
    assert_eq!(io.requests()[0].method, Method::Post);
    assert_eq!(io.requests()[0].effect, Effect::Read);
    assert_eq!(
        io.body(0)["fields"],
        serde_json::json!(["Id", "SystemModstamp", "Name"])
    );
    assert!(io.requests()[1].url.contains("/queryAll?q="));
}

#[tokio::test]
async fn related_fields_are_read_by_query() {
    let io = ScriptedIo::new();
    io.answer(
        200,
        &format!(r#"{{"done":true,"records":[{{"Id":"{A}","IsDeleted":false,"Owner":{{"Name":"Ada"}}}}]}}"#),
    );
    let mut batch = Batch::new(1);
    fetch(&io, &api(), &by_ids("Account", "Owner.Name", &[A, B]), &mut batch)
        .await
        .unwrap();
    assert_eq!(
        io.soql(0),
        format!("SELECT Id,SystemModstamp,IsDeleted,MasterRecordId,Owner.Name FROM Account WHERE Id IN ('{A}','{B}')")
    );
    assert_eq!(
        states(&batch),
        [
            (B.to_owned(), RowState::Missing, None),
            (A.to_owned(), RowState::Live, None)
        ]
    );
}

#[tokio::test]
async fn an_object_without_the_usual_columns_is_described_once() {
    let io = ScriptedIo::new();
    let error =
        r#"[{"errorCode":"INVALID_FIELD","message":"No such column 'SystemModstamp' on sobject of type Odd__c"}]"#;
    io.answer(400, error);
    io.answer(
        200,
        r#"{"name":"Odd__c","fields":[{"name":"Id","type":"id"},{"name":"CreatedDate","type":"datetime"}]}"#,
    );
    io.answer(
        200,
        r#"[{"Id":"a00000000000001AAA","CreatedDate":"2026-11-20T10:00:00.000+0000","Name":"x"}]"#,
    );
    let mut batch = Batch::new(1);
    fetch(
        &io,
        &api(),
        &by_ids("Odd__c", "Name", &["a00000000000001AAA"]),
        &mut batch,
    )
    .await
    .unwrap();
    assert_eq!(io.body(2)["fields"], serde_json::json!(["Id", "CreatedDate", "Name"]));
    assert!(batch.get(0).unwrap().stamp().is_some());
}

#[tokio::test]
async fn a_field_that_is_not_there_is_an_error_that_names_the_object() {
    let io = ScriptedIo::new();
    io.answer(
        400,
        r#"[{"errorCode":"INVALID_FIELD","message":"No such column 'Foo__c' on sobject of type Account"}]"#,
    );
    let error = fetch(&io, &api(), &by_ids("Account", "Foo__c", &[A]), &mut Batch::new(1))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.to_string().contains("Foo__c") && error.to_string().contains("Account"));
}

#[tokio::test]
async fn keys_are_escaped_deduplicated_and_split_into_addresses_that_are_not_too_long() {
    let io = ScriptedIo::new();
    let values: Vec<String> = (0..1_000)
        .map(|n| format!("it's {n:06}"))
        .chain(["".into(), "it's 000001".into()])
        .collect();
    for _ in 0..3 {
        io.answer(200, r#"{"done":true,"records":[]}"#);
    }
    let request = Fetch {
        object: "Contact".into(),
        projection: Projection::new([("External_Id__c", ValueKind::Text)]),
        by: FetchBy::Key {
            field: "External_Id__c".into(),
            values,
        },
    };
    fetch(&io, &api(), &request, &mut Batch::new(1)).await.unwrap();
    let requests = io.requests();
    assert!(
        requests
            .iter()
            .all(|request| request.url.len() <= LONGEST_URL && request.url.contains("/query?q="))
    );
    let asked: usize = (0..requests.len())
        .map(|index| io.soql(index).matches("it\\'s").count())
        .sum();
    assert_eq!(asked, 1_000);
    assert!(!io.soql(0).contains("''"));
}

#[tokio::test]
async fn a_number_key_is_not_quoted_and_text_finds_nothing_there() {
    let io = ScriptedIo::new();
    io.answer(200, r#"{"done":true,"records":[]}"#);
    let request = Fetch {
        object: "Contact".into(),
        projection: Projection::new([("No__c", ValueKind::Number)]),
        by: FetchBy::Key {
            field: "No__c".into(),
            values: vec!["7".into(), "7' OR Id != '".into()],
        },
    };
    fetch(&io, &api(), &request, &mut Batch::new(1)).await.unwrap();
    assert!(io.soql(0).ends_with("WHERE No__c IN (7)"));
}

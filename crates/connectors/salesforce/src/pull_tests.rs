use syncline_core::batch::{RowState, ValueKind};
use syncline_core::job::{Comparison, Condition};
use syncline_core::value::Value;

use super::*;
use crate::testing::{ScriptedIo, api};

fn job(object: &str, start: Start) -> Pull {
    Pull {
        object: object.into(),
        projection: Projection::new([("Name", ValueKind::Text)]),
        start,
        conditions: Vec::new(),
        page_size: None,
    }
}

fn record(number: usize, stamp: &str) -> String {
    format!(
        r#"{{"Id":"001{number:012}AAA","SystemModstamp":"2026-11-20T{stamp}.000+0000","IsDeleted":false,"Name":"n"}}"#
    )
}

fn page(total: usize, records: &[String], next: Option<&str>) -> String {
    let next = next.map(|next| format!(r#","nextRecordsUrl":"{next}","done":false"#));
    let tail = next.unwrap_or_else(|| r#","done":true"#.to_owned());
    format!(r#"{{"totalSize":{total}{tail},"records":[{}]}}"#, records.join(","))
}

async fn step(task: &mut PullTask, io: &ScriptedIo) -> (Progress, Batch) {
    let mut batch = Batch::new(1);
    let progress = task.step(io, Budget::default(), &mut batch).await.unwrap();
    (progress, batch)
}

fn checkpoint(progress: Progress) -> Bytes {
    let Progress::More { checkpoint, .. } = progress else {
        panic!("not at an end: {progress:?}")
    };
    checkpoint.unwrap()
}

fn cursor(progress: Progress) -> Bytes {
    let Progress::Done { cursor } = progress else {
        panic!("at an end: {progress:?}")
    };
    cursor
}

#[tokio::test]
async fn everything_is_read_by_locator_and_a_new_task_goes_on_by_id() {
    let io = ScriptedIo::new();
    let next = "/services/data/v66.0/query/0r8-2";
    let records = [record(1, "09:00:00"), record(2, "08:00:00")];
    io.answer(200, &page(5, &records, Some(next)));
    io.answer(200, &page(5, &[record(3, "07:00:00")], Some(next)));
    let mut task = PullTask::pull(api(), job("Account", Start::Beginning), None).unwrap();
    let (progress, batch) = step(&mut task, &io).await;
    assert_eq!(batch.rows().len(), 2);
    assert!(matches!(progress, Progress::More { total: Some(5), .. }));
    assert_eq!(io.soql(0), "SELECT Id,SystemModstamp,Name FROM Account ORDER BY Id");
    let saved = checkpoint(step(&mut task, &io).await.0);
    assert!(io.requests()[1].url.ends_with(next));
    assert!(
        io.requests()[1]
            .headers
            .contains(&("sforce-query-options".into(), "batchSize=2000".into()))
    );

    io.answer(200, &page(2, &[record(4, "07:00:00"), record(5, "06:00:00")], None));
    let mut task = PullTask::pull(api(), job("Account", Start::Beginning), Some(saved)).unwrap();
    let (progress, batch) = step(&mut task, &io).await;
    assert_eq!(
        io.soql(2),
        "SELECT Id,SystemModstamp,Name FROM Account WHERE Id > '001000000000003AAA' ORDER BY Id"
    );
    assert!(io.requests()[2].url.contains("/query?q="));
    assert_eq!(batch.rows().len(), 2);
    // The server's time of the first answer, less the second of its precision.
    let next: serde_json::Value = serde_json::from_slice(&cursor(progress)).unwrap();
    assert_eq!(next["since"], "2026-11-20T09:59:59Z");
}

#[tokio::test]
async fn a_dead_locator_costs_nothing() {
    let io = ScriptedIo::new();
    io.answer(
        200,
        &page(2, &[record(1, "09:00:00")], Some("/services/data/v66.0/query/0r8-1")),
    );
    io.answer(
        400,
        r#"[{"errorCode":"INVALID_QUERY_LOCATOR","message":"invalid query locator"}]"#,
    );
    io.answer(200, &page(1, &[record(2, "09:00:00")], None));
    let mut task = PullTask::pull(api(), job("Account", Start::Beginning), None).unwrap();
    step(&mut task, &io).await;
    let (progress, batch) = step(&mut task, &io).await;
    assert_eq!(batch.get(0).unwrap().id(), "001000000000002AAA");
    assert!(io.soql(2).contains("WHERE Id > '001000000000001AAA'"));
    cursor(progress);
}

#[tokio::test]
async fn changes_are_read_by_stamp_and_id_so_that_ties_are_neither_lost_nor_looped_over() {
    let io = ScriptedIo::new();
    let ties = [record(1, "09:00:00"), record(2, "09:00:00")];
    io.answer(200, &page(4, &ties, Some("/services/data/v66.0/query/0r8-2")));
    io.answer(200, &page(2, &[record(3, "09:00:00"), record(4, "09:00:07")], None));
    let since = Start::Since("2026-11-20T08:00:00Z".parse().unwrap());
    let mut task = PullTask::pull(api(), job("Account", since.clone()), None).unwrap();
    let saved = checkpoint(step(&mut task, &io).await.0);
    assert!(io.requests()[0].url.contains("/queryAll?q="));
    assert_eq!(
        io.soql(0),
        "SELECT Id,SystemModstamp,IsDeleted,MasterRecordId,Name FROM Account \
         WHERE SystemModstamp >= 2026-11-20T08:00:00Z ORDER BY SystemModstamp,Id"
    );
    // The same with and without a restart.
    let mut task = PullTask::pull(api(), job("Account", since), Some(saved)).unwrap();
    cursor(step(&mut task, &io).await.0);
    assert_eq!(
        io.soql(1),
        "SELECT Id,SystemModstamp,IsDeleted,MasterRecordId,Name FROM Account WHERE SystemModstamp >= 2026-11-20T09:00:00Z \
         AND SystemModstamp < 2026-11-20T09:59:59Z AND (SystemModstamp > 2026-11-20T09:00:00Z OR Id > '001000000000002AAA') \
         ORDER BY SystemModstamp,Id LIMIT 2000"
    );
}

#[tokio::test]
async fn the_next_pull_starts_an_overlap_earlier_and_shows_deletes_and_merges() {
    let io = ScriptedIo::new();
    io.answer(200, &page(0, &[], None));
    let mut task = PullTask::pull(api(), job("Contact", Start::Beginning), None).unwrap();
    let next = cursor(step(&mut task, &io).await.0);
    let gone = r#"{"Id":"003000000000001AAA","SystemModstamp":"2026-11-20T10:00:00.000+0000","IsDeleted":true,"MasterRecordId":"003000000000002AAA"}"#;
    io.answer(200, &page(1, &[gone.to_owned()], None));
    let mut task = PullTask::pull(api(), job("Contact", Start::Cursor(next.clone())), None).unwrap();
    let (progress, batch) = step(&mut task, &io).await;
    assert!(io.soql(1).contains("SystemModstamp >= 2026-11-20T09:49:59Z"));
    let row = batch.get(0).unwrap();
    assert_eq!(
        (row.state(), row.merged_into()),
        (RowState::Merged, Some("003000000000002AAA"))
    );
    cursor(progress);
    let other = PullTask::pull(api(), job("Lead", Start::Cursor(next)), None).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::CursorExpired);
    let broken = PullTask::pull(api(), job("Lead", Start::Cursor(Bytes::from_static(b"{"))), None).unwrap_err();
    assert_eq!(broken.kind(), ErrorKind::CursorExpired);
}

#[tokio::test]
async fn an_object_without_a_system_stamp_is_described_once_and_read_by_the_next_best() {
    let io = ScriptedIo::new();
    io.answer(400, r#"[{"errorCode":"INVALID_FIELD","message":"\nERROR at Row:1:Column:11\nNo such column 'SystemModstamp' on entity 'Odd__c'."}]"#);
    io.answer(200, r#"{"name":"Odd__c","fields":[{"name":"LastModifiedDate","type":"datetime"},{"name":"CreatedDate","type":"datetime"}]}"#);
    io.answer(200, r#"{"totalSize":1,"done":true,"records":[{"Id":"a00000000000001AAA","LastModifiedDate":"2026-11-20T09:00:00.000+0000"}]}"#);
    let since = Start::Since("2026-11-20T08:00:00Z".parse().unwrap());
    let mut task = PullTask::pull(api(), job("Odd__c", since), None).unwrap();
    let (progress, batch) = step(&mut task, &io).await;
    assert_eq!(
        io.soql(2),
        "SELECT Id,LastModifiedDate,Name FROM Odd__c WHERE LastModifiedDate >= 2026-11-20T08:00:00Z ORDER BY LastModifiedDate,Id"
    );
    assert!(batch.get(0).unwrap().stamp().is_some());
    cursor(progress);
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_cut_into_parts_that_cover_the_window() {
    let io = ScriptedIo::new();
    let timeout = r#"[{"errorCode":"QUERY_TIMEOUT","message":"Your query request was running for too long."}]"#;
    io.answer(400, timeout);
    io.answer(200, &page(1, &[record(1, "08:30:00")], None));
    io.answer(200, &page(1, &[record(2, "09:30:00")], None));
    let since = Start::Since("2026-11-20T08:00:00Z".parse().unwrap());
    let mut task = PullTask::pull(api(), job("Account", since), None).unwrap();
    step(&mut task, &io).await;
    assert!(
        io.soql(1)
            .contains("SystemModstamp >= 2026-11-20T08:00:00Z AND SystemModstamp < 2026-11-20T09:00:00Z")
    );
    cursor(step(&mut task, &io).await.0);
    assert!(
        io.soql(2)
            .contains("SystemModstamp >= 2026-11-20T09:00:00Z AND SystemModstamp < 2026-11-20T10:00:00Z")
    );

    io.answer(400, timeout);
    io.answer(
        200,
        &page(
            5_000,
            &(0..1_000).map(|n| record(n, "08:00:00")).collect::<Vec<_>>(),
            None,
        ),
    );
    let mut task = PullTask::pull(api(), job("Account", Start::Beginning), None).unwrap();
    checkpoint(step(&mut task, &io).await.0);
    assert!(io.soql(4).ends_with("LIMIT 1000"));
}

#[tokio::test]
async fn conditions_narrow_the_beginning_and_are_dropped_where_salesforce_cannot_filter() {
    let io = ScriptedIo::new();
    let mut narrowed = job("Account", Start::Beginning);
    narrowed.conditions = vec![Condition {
        field: "Description".into(),
        comparison: Comparison::Equal,
        value: Value::text("a'b"),
    }];
    io.answer(
        400,
        r#"[{"errorCode":"INVALID_FIELD","message":"field 'Description' can not be filtered in a query call"}]"#,
    );
    io.answer(200, &page(0, &[], None));
    let mut task = PullTask::pull(api(), narrowed.clone(), None).unwrap();
    cursor(step(&mut task, &io).await.0);
    assert!(io.soql(0).contains(r"WHERE Description = 'a\'b' ORDER BY Id"));
    assert!(!io.soql(1).contains("WHERE"));
    narrowed.start = Start::Since("2026-11-20T08:00:00Z".parse().unwrap());
    assert_eq!(
        PullTask::pull(api(), narrowed, None).unwrap_err().kind(),
        ErrorKind::Invalid
    );
}

#[tokio::test]
async fn a_failed_step_moves_nothing_and_can_be_repeated() {
    let io = ScriptedIo::new();
    let whole = page(1, &[record(1, "09:00:00")], None);
    io.answer(200, &whole[..whole.len() - 9]);
    let mut task = PullTask::pull(api(), job("Account", Start::Beginning), None).unwrap();
    let error = task.step(&io, Budget::default(), &mut Batch::new(1)).await.unwrap_err();
    assert!(matches!(error.retry(), syncline_core::Retry::After(_)));
    io.answer(200, &whole);
    let (progress, batch) = step(&mut task, &io).await;
    assert_eq!(batch.rows().len(), 1);
    assert_eq!(io.soql(1), io.soql(0));
    cursor(progress);
}

#[tokio::test]
async fn a_sweep_reads_ids_and_stamps_alone() {
    let io = ScriptedIo::new();
    io.answer(200, &page(1, &[record(1, "09:00:00")], None));
    let mut task = PullTask::sweep(api(), "Account".into(), None).unwrap();
    let mut batch = Batch::new(0);
    let progress = task.step(&io, Budget::default(), &mut batch).await.unwrap();
    assert_eq!(io.soql(0), "SELECT Id,SystemModstamp FROM Account ORDER BY Id");
    assert!(batch.get(0).unwrap().stamp().is_some());
    assert!(cursor(progress).is_empty());
}

#[test]
fn names_that_would_change_a_query_are_refused() {
    let mut job = job("Account", Start::Beginning);
    job.projection = Projection::new([("Name FROM User --", ValueKind::Text)]);
    assert_eq!(PullTask::pull(api(), job, None).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(
        PullTask::sweep(api(), "A B".into(), None).unwrap_err().kind(),
        ErrorKind::Invalid
    );
}

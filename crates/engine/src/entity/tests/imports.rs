use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use serde_json::json;
use syncline_core::columns::ColumnTarget;
use syncline_core::{Error, ErrorKind, Result};

use super::stage::{Stage, values};
use crate::entity::{
    EntityListQuery, EntitySelection, ImportFailure, ImportFailures, ImportKey, ImportOutcome, ImportRequest,
};
use crate::exchange::{FileFormat, ReadRows, read_rows, write_rows};

fn csv(text: &str) -> Box<dyn ReadRows> {
    read_rows(FileFormat::Csv, Cursor::new(text.as_bytes().to_vec())).unwrap()
}

fn go_on(_: &ImportOutcome) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

async fn import(stage: &Stage, text: &str, request: &ImportRequest) -> Result<(ImportOutcome, Vec<ImportFailure>)> {
    let mut refused = Vec::new();
    let entities = stage.engine.entities();
    let outcome = entities
        .import(
            stage.tenant,
            "person",
            &mut *csv(text),
            request,
            &mut refused,
            &mut go_on,
            &stage.ada,
        )
        .await?;
    Ok((outcome, refused))
}

async fn everybody(stage: &Stage) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let query = EntityListQuery {
        limit: 1_000,
        ..EntityListQuery::default()
    };
    let entities = stage.engine.entities();
    let page = entities.list(stage.tenant, "person", &query, &stage.ada).await.unwrap();
    page.entities.into_iter().map(|view| view.values).collect()
}

const PEOPLE: &str = "E-Mail,Full name,age,Colour\nada@x.org,Ada,36,red\nbo@x.org,Bo,old,blue\nada@x.org,Ada K.,,red\n\
                      cy@x.org,,7,\n";

#[tokio::test]
async fn rows_are_recognised_by_a_unique_field_and_refused_ones_told_so_that_they_can_be_mended() {
    let stage = Stage::new().await;
    let request = ImportRequest {
        columns: [("Full name".to_owned(), "name".to_owned())].into(),
        ..ImportRequest::default()
    };
    let entities = stage.engine.entities();
    let preview = entities
        .preview_import(stage.tenant, "person", &mut *csv(PEOPLE), &request, &stage.ada)
        .await
        .unwrap();
    let targets: Vec<&ColumnTarget> = preview.columns.iter().map(|column| &column.target).collect();
    let field = |name: &str| ColumnTarget::Field(name.to_owned());
    assert_eq!(
        targets,
        [&field("email"), &field("name"), &field("age"), &ColumnTarget::Ignored]
    );
    assert_eq!(preview.key, ImportKey::Field("email".to_owned()));
    assert_eq!(
        (preview.tried.created, preview.tried.updated, preview.tried.refused),
        (1, 1, 2)
    );
    assert!(everybody(&stage).await.is_empty());
    let (outcome, refused) = import(&stage, PEOPLE, &request).await.unwrap();
    assert_eq!(
        (outcome.rows, outcome.created, outcome.updated, outcome.refused),
        (4, 1, 1, 2)
    );
    let told: Vec<(u64, &str)> = refused
        .iter()
        .map(|failure| (failure.row, failure.reason.as_str()))
        .collect();
    assert_eq!(told[0].0, 3);
    assert!(
        told[0].1.contains("`age`: `old` is text, not a whole number"),
        "{told:?}"
    );
    assert!(told[1].1.contains("`name` is required"), "{told:?}");
    assert_eq!(
        refused[0].cells,
        values(json!({ "E-Mail": "bo@x.org", "Full name": "Bo", "age": "old", "Colour": "blue" }))
    );
    // An empty cell empties the field, unless it is to be kept.
    assert_eq!(
        (
            everybody(&stage).await[0]["name"].clone(),
            everybody(&stage).await[0]["age"].clone()
        ),
        (json!("Ada K."), json!(null))
    );
    let keep = ImportRequest {
        keep_empty: true,
        ..request
    };
    import(&stage, "Full name,age,email\n,5,ada@x.org\n", &keep)
        .await
        .unwrap();
    assert_eq!(
        (
            everybody(&stage).await[0]["name"].clone(),
            everybody(&stage).await[0]["age"].clone()
        ),
        (json!("Ada K."), json!(5))
    );
}

#[tokio::test]
async fn an_import_that_can_mean_nothing_is_refused_before_it_begins() {
    let stage = Stage::new().await;
    let keyed = |key| ImportRequest {
        key: Some(key),
        ..ImportRequest::default()
    };
    for (text, request, said) in [
        (
            "name,age\nAda,3\n",
            ImportRequest::default(),
            "neither ids nor a unique field",
        ),
        ("colour\nred\n", keyed(ImportKey::New), "none of the columns is a field"),
        (
            "name\nAda\n",
            keyed(ImportKey::Field("name".to_owned())),
            "not a unique field",
        ),
        (
            "name\nAda\n",
            keyed(ImportKey::Field("email".to_owned())),
            "no column for `email`",
        ),
        ("name\nAda\n", keyed(ImportKey::Id), "no column with the records' ids"),
    ] {
        let refused = import(&stage, text, &request).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
        assert!(refused.to_string().contains(said), "{refused}");
    }
    let (outcome, _) = import(&stage, "name\nAda\nAda\n", &keyed(ImportKey::New))
        .await
        .unwrap();
    assert_eq!(outcome.created, 2);
}

/// Refused rows of which the process dies in the middle.
#[derive(Default)]
struct Dying {
    kept: Vec<ImportFailure>,
    takes: usize,
}

impl ImportFailures for Dying {
    fn resume(&mut self, length: u64) -> Result<()> {
        self.kept.resume(length)
    }

    fn take(&mut self, failures: &[ImportFailure]) -> Result<u64> {
        self.takes -= 1;
        self.kept.take(failures)?;
        if self.takes == 0 {
            return Err(Error::new(ErrorKind::Unavailable, "killed"));
        }
        Ok(self.kept.len() as u64)
    }
}

#[tokio::test]
async fn an_import_that_was_killed_goes_on_where_it_was_with_no_row_twice() {
    let stage = Stage::new().await;
    let mut text = "name,email,age\n".to_owned();
    for n in 0..1_700 {
        let age = if n % 100 == 99 { "old".to_owned() } else { n.to_string() };
        text.push_str(&format!("p{n},p{n}@x.org,{age}\n"));
    }
    let request = ImportRequest {
        fingerprint: Some("abc".to_owned()),
        key: Some(ImportKey::New),
        ..ImportRequest::default()
    };
    let entities = stage.engine.entities();
    let mut refused = Dying {
        kept: Vec::new(),
        takes: 3,
    };
    let killed = entities
        .import(
            stage.tenant,
            "person",
            &mut *csv(&text),
            &request,
            &mut refused,
            &mut go_on,
            &stage.ada,
        )
        .await;
    assert_eq!(killed.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(refused.kept.len(), 15);
    refused.takes = 100;
    let mut stop = |outcome: &ImportOutcome| {
        if outcome.rows >= 1_500 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let stopped = entities
        .import(
            stage.tenant,
            "person",
            &mut *csv(&text),
            &request,
            &mut refused,
            &mut stop,
            &stage.ada,
        )
        .await
        .unwrap();
    assert_eq!((stopped.resumed, stopped.rows, stopped.stopped), (1_000, 1_500, true));
    let preview = entities
        .preview_import(stage.tenant, "person", &mut *csv(&text), &request, &stage.ada)
        .await
        .unwrap();
    assert_eq!(preview.done, 1_500);
    let done = entities
        .import(
            stage.tenant,
            "person",
            &mut *csv(&text),
            &request,
            &mut refused,
            &mut go_on,
            &stage.ada,
        )
        .await
        .unwrap();
    assert_eq!(
        (done.resumed, done.rows, done.created, done.refused),
        (1_500, 1_700, 1_683, 17)
    );
    let rows: Vec<u64> = refused.kept.iter().map(|failure| failure.row).collect();
    assert_eq!(rows, (1..=17).map(|hundred| hundred * 100 + 1).collect::<Vec<u64>>());
    let count = entities
        .count_selected(stage.tenant, "person", &EntitySelection::default(), &stage.ada)
        .await;
    assert_eq!(count.unwrap(), 1_683);
    // It is over: the same file again begins from its beginning.
    let again = entities
        .import(
            stage.tenant,
            "person",
            &mut *csv(&text),
            &request,
            &mut refused,
            &mut go_on,
            &stage.ada,
        )
        .await
        .unwrap();
    assert_eq!((again.resumed, again.refused), (0, 1_700));
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_is_exported_comes_back_as_the_same_records_in_every_format() {
    let stage = Stage::new().await;
    let entities = stage.engine.entities();
    let mut friend = None;
    for (n, name) in ["=1+1", "a \"b\"\r\n,;c", "'=x", "Zoë\u{1F600}", "_x000D_", " padded "]
        .iter()
        .enumerate()
    {
        let phone = if n % 2 == 0 { json!("+43 1 234") } else { json!(null) };
        let made = json!({ "name": name, "email": format!("p{n}@x.org"), "phone": phone, "age": n, "friend": friend });
        let made = entities
            .create(stage.tenant, "person", values(made), &stage.ada)
            .await
            .unwrap();
        friend = Some(made.uid.to_string());
    }
    let before = everybody(&stage).await;
    for format in [FileFormat::Csv, FileFormat::JsonLines, FileFormat::Excel] {
        let file = Shared::default();
        let columns = entities
            .export_columns(stage.tenant, "person", &[], &stage.ada)
            .await
            .unwrap();
        let mut writer = write_rows(format, columns.clone(), file.clone()).unwrap();
        let all = EntitySelection::default();
        let mut on = |_: u64| ControlFlow::Continue(());
        let written = entities
            .export(
                stage.tenant,
                "person",
                &all,
                &columns,
                &mut *writer,
                &mut on,
                &stage.ada,
            )
            .await
            .unwrap();
        assert_eq!(written, 6);
        let bytes = file.0.lock().unwrap().clone();
        let other = Stage::new().await;
        let read = || read_rows(format, Cursor::new(bytes.clone())).unwrap();
        let mut refused: Vec<ImportFailure> = Vec::new();
        let request = ImportRequest::default();
        for (created, unchanged) in [(6, 0), (0, 6)] {
            let outcome = other
                .engine
                .entities()
                .import(
                    other.tenant,
                    "person",
                    &mut *read(),
                    &request,
                    &mut refused,
                    &mut go_on,
                    &other.ada,
                )
                .await
                .unwrap();
            assert_eq!(
                (outcome.created, outcome.unchanged),
                (created, unchanged),
                "{format:?} {refused:?}"
            );
        }
        assert_eq!(everybody(&other).await, before, "{format:?}");
    }
}

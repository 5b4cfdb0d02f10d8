//! Pages, outcomes and steps.

use syncline_core::batch::{Batch, Projection, ValueKind};
use syncline_core::connector::Connector;
use syncline_core::job::{Budget, Fetch, FetchBy, Job, Progress, Pull, Push, Start, Verb, Write};
use syncline_core::{Error, ErrorKind, Result, Retry};

use super::{Crm, block_on, hostile, wanting};

fn projection() -> Projection {
    Projection::new([("name", ValueKind::Text)])
}

fn pull() -> Job {
    Job::Pull(Pull {
        object: "things".into(),
        projection: projection(),
        start: Start::Beginning,
        conditions: Vec::new(),
        page_size: None,
    })
}

fn push() -> Job {
    let write = Write {
        operation: uuid::Uuid::nil(),
        verb: Verb::Create { marker: None },
        fields: Vec::new(),
    };
    Job::Push(Push {
        object: "things".into(),
        projection: projection(),
        writes: vec![write],
    })
}

/// Opens a job by which the plugin does this, and takes one step; `None` where nothing can build the plugin.
fn step(what: &str, job: Job) -> Option<(Result<Progress>, Batch)> {
    let connector = hostile()?;
    let mut batch = Batch::new(1);
    let progress = block_on(async {
        let mut task = connector.open(&wanting(what), job, None)?;
        task.step(&Crm::default(), Budget::default(), &mut batch).await
    });
    Some((progress, batch))
}

#[track_caller]
fn fails(what: &str, job: Job, says: &str) -> Option<Error> {
    let (progress, batch) = step(what, job)?;
    let error = progress.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Plugin, "{what}: {error:?}");
    assert!(error.to_string().contains(says), "{what}: {error}");
    assert!(batch.is_empty() && batch.outcomes.is_empty(), "{what}");
    Some(error)
}

#[test]
fn a_page_is_looked_at() {
    let Some((progress, batch)) = step("behave", pull()) else {
        return;
    };
    assert!(matches!(progress, Ok(Progress::Done { .. })));
    assert_eq!(batch.get(0).unwrap().id(), "a");
    for what in ["garbage", "another width", "rows without end", "lists within lists"] {
        fails(what, pull(), "a page that can't be read");
    }
    fails("an enormous page", pull(), "a page of more than");
    fails("a time out of reach", pull(), "can't be read");
}

#[test]
fn a_page_of_a_strong_read_is_looked_at() {
    let Some(connector) = hostile() else { return };
    let fetch = Fetch {
        object: "things".into(),
        projection: projection(),
        by: FetchBy::Ids(vec!["a".into()]),
    };
    let mut batch = Batch::new(1);
    let error = block_on(connector.fetch(&Crm::default(), &wanting("garbage"), &fetch, &mut batch)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Plugin, "{error:?}");
    assert!(batch.is_empty());
}

#[test]
fn outcomes_are_looked_at() {
    fails("a write of nobody's", push(), "was not asked for");
    fails("a write told twice", push(), "told twice");
    fails("a write not told of", push(), "without telling");
    fails("a row that is not there", push(), "a row that it did not give");
    fails("a write of nobody's", pull(), "was not asked for");
}

#[test]
fn a_push_that_fails_after_it_wrote_may_have_been_applied_whatever_the_plugin_says() {
    for what in ["crash after writing", "never after writing"] {
        let Some((progress, _)) = step(what, push()) else {
            return;
        };
        let error = progress.unwrap_err();
        assert_eq!(error.retry(), Retry::UnknownOutcome, "{what}: {error:?}");
    }
}

#[test]
fn opening_a_job_asks_for_nothing_and_comes_to_an_end() {
    let Some((opened, _)) = step("loop when opened", pull()) else {
        return;
    };
    assert!(opened.unwrap_err().message().contains("computed for longer"));
    let Some((opened, _)) = step("log when opened", pull()) else {
        return;
    };
    assert!(opened.unwrap_err().message().contains("more log lines"));
    let Some((opened, _)) = step("send when opened", pull()) else {
        return;
    };
    let error = opened.unwrap_err();
    assert!(error.message().contains("in a call that may not"), "{error}");
}

#[test]
fn a_task_that_crashed_does_not_go_on() {
    let Some(connector) = hostile() else { return };
    let crm = Crm::default();
    block_on(async {
        let mut task = connector.open(&wanting("crash after writing"), push(), None).unwrap();
        for _ in 0..2 {
            let mut batch = Batch::new(1);
            let error = task.step(&crm, Budget::default(), &mut batch).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Plugin, "{error:?}");
        }
    });
    assert_eq!(crm.urls().len(), 1);
}

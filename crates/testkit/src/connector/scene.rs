//! [`Scene`]: a connector, its remote system and a host, with what the cases do again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use syncline_core::batch::{Batch, Outcome, OutcomeKind, Projection, ReadClass, RowRef, RowState, ValueKind};
use syncline_core::connector::Task;
use syncline_core::io::Io;
use syncline_core::job::{Budget, Condition, Fetch, FetchBy, Job, Progress, Pull, Push, Start, Verb, Write};
use syncline_core::{Error, Result, Retry, Value};

use super::{Held, Host, Remote, Subject};

/// A task that takes more steps does not end.
const MOST_STEPS: usize = 5_000;
/// Records per page of a pull; few, so that many pages are seen.
const PAGE: usize = 20;
/// The host of a scene tries each read this often.
const ATTEMPTS: u32 = 6;

/// A row, unpacked.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The record.
    pub id: String,
    /// Where it stands.
    pub state: RowState,
    /// The record that it was merged into.
    pub merged_into: Option<String>,
    /// Its version.
    pub stamp: Option<Timestamp>,
    /// Its values in the order of [`Scene::projection`]; `None` where absent.
    pub values: Vec<Option<Value>>,
}

impl Row {
    fn of(row: RowRef<'_>, width: usize) -> Self {
        Self {
            id: row.id().to_owned(),
            state: row.state(),
            merged_into: row.merged_into().map(str::to_owned),
            stamp: row.stamp(),
            values: (0..width)
                .map(|field| row.value(field).expect("one value per field"))
                .collect(),
        }
    }

    /// Whether its values are those of a record: the subject's name, note and city.
    pub fn holds(&self, subject: &Subject, held: &Held) -> bool {
        [&subject.name, &subject.note, &subject.city]
            .iter()
            .zip(&self.values)
            .all(|(field, value)| {
                let text = match value {
                    None | Some(Value::Null) => String::new(),
                    Some(value) => value.to_string(),
                };
                text == held.fields.get(*field).map_or("", String::as_str)
            })
    }
}

/// What a pull gave.
#[derive(Debug, Default)]
pub struct Pulled {
    /// Its rows, in their order.
    pub rows: Vec<Row>,
    /// Where the next pull starts.
    pub cursor: Bytes,
    /// Where a new task would go on.
    pub checkpoint: Option<Bytes>,
    /// Steps that it took.
    pub steps: usize,
}

impl Pulled {
    /// The last row of each record.
    pub fn latest(&self) -> BTreeMap<&str, &Row> {
        self.rows.iter().map(|row| (row.id.as_str(), row)).collect()
    }

    /// Ids of the records that it shows as live at last.
    pub fn live(&self) -> BTreeSet<String> {
        let latest = self.latest();
        let live = latest.values().filter(|row| row.state == RowState::Live);
        live.map(|row| row.id.clone()).collect()
    }
}

/// An outcome with the row that came with it.
#[derive(Debug, Clone)]
pub struct Written {
    /// The outcome.
    pub outcome: Outcome,
    /// What the record held afterwards, where the answer told.
    pub row: Option<Row>,
}

/// A connector, its remote system and a host between them.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The system on the other side.
    pub remote: &'a dyn Remote,
    /// The host.
    pub host: Host<'a>,
}

impl<'a> Scene<'a> {
    /// A scene whose host repeats reads.
    pub fn new(remote: &'a dyn Remote) -> Self {
        Self::with(remote, Host::new(remote, ATTEMPTS))
    }

    /// A scene with a host of the case's own.
    pub fn with(remote: &'a dyn Remote, host: Host<'a>) -> Self {
        Self { remote, host }
    }

    /// What the cases read and write.
    pub fn subject(&self) -> &Subject {
        self.remote.subject()
    }

    /// Name, note and city.
    pub fn projection(&self) -> Projection {
        let subject = self.subject();
        Projection::new([&subject.name, &subject.note, &subject.city].map(|field| (field.clone(), ValueKind::Text)))
    }

    /// The job of a pull with small pages, as far as the provider lets us choose.
    pub fn pull_job(&self, start: Start, conditions: Vec<Condition>) -> Job {
        Job::Pull(Pull {
            object: self.subject().object.clone(),
            projection: self.projection(),
            start,
            conditions,
            page_size: Some(PAGE),
        })
    }

    /// The job of a push.
    pub fn push_job(&self, writes: Vec<Write>) -> Job {
        Job::Push(Push {
            object: self.subject().object.clone(),
            projection: self.projection(),
            writes,
        })
    }

    /// Opens a task that must open.
    pub fn open(&self, job: Job, resume: Option<Bytes>) -> Box<dyn Task> {
        self.remote
            .connector()
            .open(&self.remote.config(), job, resume)
            .expect("a job that the connector can do")
    }

    /// Pulls with one task.
    pub async fn pull(&self, start: Start) -> Pulled {
        self.run(self.pull_job(start, Vec::new()), false, &mut |_| {})
            .await
            .expect("a pull that succeeds")
    }

    /// Runs a read to its end; with `resume` each step is done by a new task. `between` acts after each step.
    ///
    /// # Errors
    /// The first one whose retry advice is not `After`.
    pub async fn run(&self, job: Job, resume: bool, between: &mut (dyn FnMut(usize) + Send)) -> Result<Pulled> {
        let mut task = self.open(job.clone(), None);
        let mut pulled = Pulled::default();
        loop {
            match self.step(&mut *task, &job, &mut pulled).await {
                Ok(true) => return Ok(pulled),
                Ok(false) if resume && pulled.checkpoint.is_some() => {
                    task = self.open(job.clone(), pulled.checkpoint.clone());
                }
                Ok(false) => {}
                Err(error) => self.wait_as_advised(error)?,
            }
            between(pulled.steps);
        }
    }

    /// Does one step of a read and adds what it gave. Returns whether the task is done.
    ///
    /// # Errors
    /// What the step reports; its rows are dropped then.
    pub async fn step(&self, task: &mut dyn Task, job: &Job, pulled: &mut Pulled) -> Result<bool> {
        let width = match job {
            Job::Pull(pull) => pull.projection.fields.len(),
            Job::Sweep { projection, .. } => projection.fields.len(),
            _ => 0,
        };
        pulled.steps += 1;
        assert!(pulled.steps < MOST_STEPS, "the task does not end");
        let mut batch = Batch::new(width);
        let progress = task.step(&self.host, Budget { rows: 50, calls: 3 }, &mut batch).await?;
        pulled.rows.extend(batch.rows().map(|row| Row::of(row, width)));
        match progress {
            Progress::Done { cursor } => {
                pulled.cursor = cursor;
                return Ok(true);
            }
            Progress::More { checkpoint, .. } => pulled.checkpoint = checkpoint,
            Progress::Wait { checkpoint, until } => {
                pulled.checkpoint = Some(checkpoint);
                self.pass_until(until);
            }
        }
        Ok(false)
    }

    fn pass_until(&self, until: Timestamp) {
        let rest = until.duration_since(self.host.now());
        self.remote.pass(
            Duration::try_from(rest)
                .unwrap_or_default()
                .max(Duration::from_millis(1)),
        );
    }

    /// Waits as an error advises.
    ///
    /// # Errors
    /// The error itself, if its advice is not to wait.
    pub(super) fn wait_as_advised(&self, error: Error) -> Result<()> {
        match error.retry() {
            Retry::After(time) => {
                self.remote.pass(time.max(Duration::from_secs(1)));
                Ok(())
            }
            _ => Err(error),
        }
    }

    /// Reads records strongly.
    ///
    /// # Errors
    /// What the connector reports.
    pub async fn fetch(&self, by: FetchBy) -> Result<Vec<Row>> {
        let fetch = Fetch {
            object: self.subject().object.clone(),
            projection: self.projection(),
            by,
        };
        let mut batch = Batch::new(fetch.projection.fields.len());
        let connector = self.remote.connector();
        connector
            .fetch(&self.host, &self.remote.config(), &fetch, &mut batch)
            .await?;
        assert!(
            batch.is_empty() || batch.class == ReadClass::Strong,
            "a fetch is a strong read"
        );
        Ok(batch.rows().map(|row| Row::of(row, batch.width())).collect())
    }

    /// Reads one record by its id, strongly.
    pub async fn fetch_one(&self, id: &str) -> Row {
        let rows = self.fetch(FetchBy::Ids(vec![id.to_owned()])).await.expect("a fetch");
        rows.into_iter().find(|row| row.id == id).expect("a row of the id")
    }

    /// Pushes to the end and returns one outcome per write, in the order of the writes.
    ///
    /// # Errors
    /// What the first step reports; a later one must not.
    pub async fn push(&self, writes: Vec<Write>) -> Result<Vec<Written>> {
        let count = writes.len();
        let width = self.projection().fields.len();
        let mut task = self.open(self.push_job(writes), None);
        let mut written: BTreeMap<usize, Written> = BTreeMap::new();
        for step in 0..MOST_STEPS {
            let mut batch = Batch::new(width);
            let progress = match task.step(&self.host, Budget::default(), &mut batch).await {
                Ok(progress) => progress,
                Err(error) if step == 0 => return Err(error),
                Err(error) => panic!("a push reports failures as outcomes once anything was sent: {error:?}"),
            };
            for outcome in std::mem::take(&mut batch.outcomes) {
                let row = outcome
                    .row
                    .and_then(|row| batch.get(row))
                    .map(|row| Row::of(row, width));
                let index = outcome.index;
                let before = written.insert(index, Written { outcome, row });
                assert!(before.is_none(), "two outcomes of write {index}");
            }
            match progress {
                Progress::Done { .. } => {
                    assert_eq!(
                        written.keys().copied().collect::<Vec<_>>(),
                        (0..count).collect::<Vec<_>>(),
                        "one outcome per write"
                    );
                    return Ok(written.into_values().collect());
                }
                Progress::Wait { until, .. } => self.pass_until(until),
                Progress::More { .. } => {}
            }
        }
        panic!("the push does not end")
    }

    /// Pushes writes that must all be applied, and returns the ids.
    pub async fn apply(&self, writes: Vec<Write>) -> Vec<String> {
        let written = self.push(writes).await.expect("a push that can begin");
        written
            .into_iter()
            .map(|written| {
                let outcome = written.outcome;
                assert!(matches!(outcome.kind, OutcomeKind::Applied { .. }), "{outcome:?}");
                outcome.id.expect("the id of a record that was written")
            })
            .collect()
    }

    /// A create, with our key where one is given.
    pub fn create(&self, key: Option<&str>, fields: &[(&str, &str)]) -> Write {
        let marker = key.and_then(|key| Some((self.subject().marker.clone()?, key.to_owned())));
        write(Verb::Create { marker }, fields)
    }

    /// A live record as the provider holds it.
    pub fn held(&self, id: &str) -> Option<Held> {
        self.remote.records().into_iter().find(|held| held.id == id)
    }

    /// Ids of the live records.
    pub fn live(&self) -> BTreeSet<String> {
        self.remote.records().into_iter().map(|held| held.id).collect()
    }

    /// Lets seconds pass.
    pub fn pass(&self, seconds: u64) {
        self.remote.pass(Duration::from_secs(seconds));
    }
}

/// An update.
pub(crate) fn update(id: &str, fields: &[(&str, &str)]) -> Write {
    let verb = Verb::Update {
        id: id.to_owned(),
        expected_stamp: None,
    };
    write(verb, fields)
}

/// A delete.
pub(crate) fn delete(id: &str) -> Write {
    write(Verb::Delete { id: id.to_owned() }, &[])
}

fn write(verb: Verb, fields: &[(&str, &str)]) -> Write {
    let fields = fields.iter().map(|(field, text)| {
        let value = if text.is_empty() {
            Value::Null
        } else {
            Value::text(*text)
        };
        ((*field).to_owned(), value)
    });
    Write {
        operation: uuid::Uuid::nil(),
        verb,
        fields: fields.collect(),
    }
}

//! Connectors, given any answers and any positions.

use std::collections::BTreeSet;

use futures::executor::block_on;
use jiff::Timestamp;
use syncline_connector_hubspot::HubSpot;
use syncline_connector_salesforce::Salesforce;
use syncline_core::Value;
use syncline_core::batch::{Batch, Projection, ValueKind};
use syncline_core::connector::Connector;
use syncline_core::io::Config;
use syncline_core::job::{Budget, Feed, FeedObject, Fetch, FetchBy, Job, Progress, Pull, Push, Start, Verb, Write};
use uuid::Uuid;

use super::answers::Answers;

/// A task that has not ended by then goes on only because the input says so.
const MOST_STEPS: usize = 32;

/// A connector with what it needs to be asked something.
pub(super) struct Subject {
    pub(super) connector: Box<dyn Connector>,
    pub(super) config: Config,
    pub(super) object: &'static str,
    pub(super) key: &'static str,
    pub(super) id: &'static str,
    pub(super) projection: Projection,
}

pub(super) fn of_salesforce() -> Subject {
    let mut config = Config {
        base_url: "https://fuzzed.my.salesforce.com".into(),
        ..Config::default()
    };
    config.settings.insert("bulk_write_above".into(), "3".into());
    Subject {
        connector: Box::new(Salesforce::new()),
        config,
        object: "Contact",
        key: "External_Id__c",
        id: "003000000000001AAA",
        projection: Projection::new([
            ("LastName", ValueKind::Text),
            ("Account.Name", ValueKind::Text),
            ("AnnualRevenue", ValueKind::Number),
            ("NumberOfEmployees", ValueKind::Number),
            ("Birthdate", ValueKind::Date),
            ("LastActivityDate", ValueKind::DateTime),
            ("DoNotCall", ValueKind::Bool),
            ("Interests__c", ValueKind::Choices),
            ("MailingAddress", ValueKind::Json),
        ]),
    }
}

pub(super) fn of_hubspot() -> Subject {
    Subject {
        connector: Box::new(HubSpot::new()),
        config: Config {
            base_url: "https://api.hubapi.com".into(),
            ..Config::default()
        },
        object: "contacts",
        key: "external_id",
        id: "101",
        projection: Projection::new([
            ("lastname", ValueKind::Text),
            ("revenue", ValueKind::Number),
            ("employees", ValueKind::Number),
            ("birthdate", ValueKind::Date),
            ("lastcontacted", ValueKind::DateTime),
            ("subscribed", ValueKind::Bool),
            ("interests", ValueKind::Choices),
            ("associations.companies", ValueKind::Choices),
        ]),
    }
}

impl Subject {
    pub(super) fn pull(&self, start: Start) -> Job {
        Job::Pull(Pull {
            object: self.object.into(),
            projection: self.projection.clone(),
            start,
            conditions: Vec::new(),
            page_size: None,
        })
    }

    pub(super) fn push(&self, writes: Vec<Write>) -> Job {
        Job::Push(Push {
            object: self.object.into(),
            projection: self.projection.clone(),
            writes,
        })
    }

    pub(super) fn fetch(&self, by: FetchBy) -> Fetch {
        Fetch {
            object: self.object.into(),
            projection: self.projection.clone(),
            by,
        }
    }

    fn feed(&self, cursor: Option<bytes::Bytes>) -> Job {
        Job::Feed(Feed {
            cursor,
            objects: vec![FeedObject {
                object: self.object.into(),
                fields: self.projection.fields.iter().map(|field| field.path.clone()).collect(),
            }],
        })
    }

    fn sweep(&self) -> Job {
        Job::Sweep {
            object: self.object.into(),
            projection: self.projection.clone(),
        }
    }

    fn writes(&self, count: usize) -> Vec<Write> {
        let write = |number: usize, verb| Write {
            operation: Uuid::from_u128(number as u128),
            verb,
            fields: vec![(self.projection.fields[0].path.clone(), Value::text("Lovelace"))],
        };
        let verb = |number: usize| match number % 4 {
            0 => Verb::Create {
                marker: Some((self.key.into(), format!("key-{number}"))),
            },
            1 => Verb::Create { marker: None },
            2 => Verb::Update {
                id: self.id.into(),
                expected_stamp: (count == 3).then_some(Timestamp::UNIX_EPOCH),
            },
            _ => Verb::Delete { id: self.id.into() },
        };
        (0..count).map(|number| write(number, verb(number))).collect()
    }

    /// Does what the first byte chooses, with the rest as the answers.
    async fn ask(&self, input: &[u8]) {
        let Some((choice, input)) = input.split_first() else {
            return;
        };
        let io = Answers::new(input);
        let connector = self.connector.as_ref();
        let ids = || FetchBy::Ids(vec![self.id.into(), "another".into()]);
        let key = || FetchBy::Key {
            field: self.key.into(),
            values: vec!["a".into(), "b".into()],
        };
        match choice % 14 {
            0 => drop(connector.account(&io, &self.config).await),
            1 => drop(connector.objects(&io, &self.config).await),
            2 => drop(connector.describe(&io, &self.config, self.object, None).await),
            3 => drop(connector.users(&io, &self.config).await),
            4 => drop(connector.count(&io, &self.config, self.object, &[]).await),
            5 | 6 => {
                let by = if choice % 14 == 5 { ids() } else { key() };
                let mut batch = Batch::new(self.projection.fields.len());
                let fetch = self.fetch(by);
                if connector.fetch(&io, &self.config, &fetch, &mut batch).await.is_ok() {
                    self.check(&batch, 0);
                    if let FetchBy::Ids(ids) = &fetch.by {
                        let answered = |id: &String| batch.rows().any(|row| row.id() == id);
                        assert!(ids.iter().all(answered), "every id asked for is answered by a row");
                    }
                }
            }
            7 => self.play(&io, || self.pull(Start::Beginning), 0).await,
            8 => {
                let since = || self.pull(Start::Since(Timestamp::UNIX_EPOCH));
                self.play(&io, since, 0).await;
            }
            9 => self.play(&io, || self.sweep(), 0).await,
            10 => self.play(&io, || self.feed(None), 0).await,
            11 => self.play(&io, || self.push(self.writes(1)), 1).await,
            12 => self.play(&io, || self.push(self.writes(3)), 3).await,
            _ => self.play(&io, || self.push(self.writes(8)), 8).await,
        }
    }

    /// Plays a task to its end, or to where the input ends; each checkpoint must be one that can be gone on from.
    async fn play(&self, io: &Answers, job: impl Fn() -> Job, writes: usize) {
        let connector = self.connector.as_ref();
        let Ok(mut task) = connector.open(&self.config, job(), None) else {
            return;
        };
        let mut told = BTreeSet::new();
        for _ in 0..MOST_STEPS {
            let mut batch = Batch::new(self.projection.fields.len());
            let Ok(progress) = task.step(io, Budget { rows: 500, calls: 4 }, &mut batch).await else {
                return;
            };
            self.check(&batch, writes);
            for outcome in &batch.outcomes {
                assert!(told.insert(outcome.index), "write {} was told of twice", outcome.index);
            }
            let resumed = match progress {
                Progress::More {
                    checkpoint: Some(checkpoint),
                    ..
                }
                | Progress::Wait { checkpoint, .. } => connector.open(&self.config, job(), Some(checkpoint)),
                Progress::More { .. } => continue,
                Progress::Done { cursor } => {
                    assert_eq!(told.len(), writes, "a push tells of every write");
                    let next = match job() {
                        Job::Pull(_) => connector.open(&self.config, self.pull(Start::Cursor(cursor)), None),
                        Job::Feed(_) => connector.open(&self.config, self.feed(Some(cursor)), None),
                        _ => return,
                    };
                    assert!(next.is_ok(), "{:?}", next.err());
                    return;
                }
            };
            assert!(resumed.is_ok(), "{:?}", resumed.err());
        }
    }

    /// Whether what was read is whole.
    fn check(&self, batch: &Batch, writes: usize) {
        for row in batch.rows() {
            let mut bytes = row.encoded();
            for _ in 0..batch.width() {
                Value::decode(&mut bytes).expect("a row holds as many values as its projection has fields");
            }
            assert!(bytes.is_empty(), "a row holds no more than its projection asks for");
        }
        for outcome in &batch.outcomes {
            assert!(outcome.index < writes, "there is no write {}", outcome.index);
        }
    }

    /// Opens every job at any position, and goes one step on from there.
    async fn go_on(&self, input: &[u8]) {
        let Some((choice, position)) = input.split_first() else {
            return;
        };
        let position = bytes::Bytes::copy_from_slice(position);
        let (job, resume) = match choice % 6 {
            0 => (self.pull(Start::Cursor(position)), None),
            1 => (self.pull(Start::Beginning), Some(position)),
            2 => (self.sweep(), Some(position)),
            3 => (self.feed(Some(position)), None),
            4 => (self.feed(None), Some(position)),
            _ => (self.push(self.writes(8)), Some(position)),
        };
        if let Ok(mut task) = self.connector.open(&self.config, job, resume) {
            let mut batch = Batch::new(self.projection.fields.len());
            drop(task.step(&Answers::new(b""), Budget::default(), &mut batch).await);
        }
    }
}

pub(super) fn salesforce(input: &[u8]) {
    block_on(of_salesforce().ask(input));
}

pub(super) fn hubspot(input: &[u8]) {
    block_on(of_hubspot().ask(input));
}

pub(super) fn salesforce_position(input: &[u8]) {
    block_on(of_salesforce().go_on(input));
}

pub(super) fn hubspot_position(input: &[u8]) {
    block_on(of_hubspot().go_on(input));
}

//! Values in requests: whatever a value is, it never changes what is asked.

use std::collections::BTreeSet;

use futures::executor::block_on;
use syncline_core::Value;
use syncline_core::batch::Batch;
use syncline_core::job::{Budget, Comparison, Condition, FetchBy, Job, Pull, Start, Verb, Write};
use uuid::Uuid;

use super::answers::Answers;
use super::connector::{Subject, of_hubspot, of_salesforce};
use super::shape::shape;

/// The ways by which a value gets into a request.
const WAYS: u8 = 6;

impl Subject {
    /// The shapes of what is asked, by one way, for a value.
    async fn shapes(&self, way: u8, text: &str) -> BTreeSet<String> {
        let io = Answers::new(b"\0{}\xff\0{}\xff\0{}\xff\0{}");
        let mut batch = Batch::new(self.projection.fields.len());
        let connector = self.connector.as_ref();
        let write = |verb| Write {
            operation: Uuid::nil(),
            verb,
            fields: vec![(self.projection.fields[0].path.clone(), Value::text(text))],
        };
        let job = match way {
            0 | 1 => {
                let by = if way == 0 {
                    FetchBy::Ids(vec![text.into()])
                } else {
                    FetchBy::Key {
                        field: self.key.into(),
                        values: vec![text.into()],
                    }
                };
                drop(connector.fetch(&io, &self.config, &self.fetch(by), &mut batch).await);
                return io.asked().iter().map(shape).collect();
            }
            2 => Job::Pull(Pull {
                object: self.object.into(),
                projection: self.projection.clone(),
                start: Start::Beginning,
                conditions: vec![Condition {
                    field: self.projection.fields[0].path.clone(),
                    comparison: Comparison::Equal,
                    value: Value::text(text),
                }],
                page_size: None,
            }),
            3 => self.push(vec![write(Verb::Create {
                marker: Some((self.key.into(), text.into())),
            })]),
            4 => self.push(vec![write(Verb::Update {
                id: text.into(),
                expected_stamp: None,
            })]),
            _ => self.push(vec![write(Verb::Delete { id: text.into() })]),
        };
        if let Ok(mut task) = connector.open(&self.config, job, None) {
            for _ in 0..4 {
                if task.step(&io, Budget::default(), &mut batch).await.is_err() {
                    break;
                }
            }
        }
        io.asked().iter().map(shape).collect()
    }

    fn compare(&self, input: &[u8]) {
        let Some((way, text)) = input.split_first() else {
            return;
        };
        let Ok(text) = std::str::from_utf8(text) else {
            return;
        };
        let way = way % WAYS;
        block_on(async {
            let mut ordinary = BTreeSet::new();
            // An empty value may be asked for in another way, or not at all.
            for value in [self.id, "Lovelace", ""] {
                ordinary.extend(self.shapes(way, value).await);
            }
            for asked in self.shapes(way, text).await {
                assert!(
                    ordinary.contains(&asked),
                    "{text:?} changes what is asked: {asked}\nwhere {ordinary:#?} is"
                );
            }
        });
    }
}

pub(super) fn salesforce(input: &[u8]) {
    of_salesforce().compare(input);
}

pub(super) fn hubspot(input: &[u8]) {
    of_hubspot().compare(input);
}

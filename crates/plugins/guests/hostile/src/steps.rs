//! Jobs whose steps give back what they must not.

use syncline_plugin::bindings::exports::syncline::connector::connector::{GuestTask, Task};
use syncline_plugin::bindings::syncline::connector::{host, types as wit};

use crate::requests::request;
use crate::{hoard, loop_for_ever, misdeed};

/// A job, and what is to be done instead of it.
pub(crate) struct Steps(String);

/// A page that is none, by name.
pub(crate) fn page(what: &str) -> Vec<u8> {
    match what {
        "garbage" => vec![0xff; 100],
        "another width" => vec![1, 0, 7, 1, 1, b'a', 0, 0, 7, 0, 0, 0, 0, 0, 0, 0],
        "rows without end" => {
            let mut page = vec![1, 0, 1];
            page.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
            page
        }
        "an enormous page" => vec![0; 96 << 20],
        "lists within lists" => {
            let mut value = [9_u8, 1].repeat(100_000);
            value.push(0);
            let mut page = vec![1, 0, 1, 1, 1, b'a', 0, 0];
            let mut length = value.len();
            while length >= 0x80 {
                page.push(length.to_le_bytes()[0] | 0x80);
                length >>= 7;
            }
            page.push(length.to_le_bytes()[0]);
            page.extend_from_slice(&value);
            page
        }
        // One row of one value, which is null.
        _ => vec![1, 1, 1, 1, 1, b'a', 0, 0, 1, 0],
    }
}

impl GuestTask for Steps {
    fn open(config: wit::Config, _: wit::Job, _: Option<Vec<u8>>) -> Result<Task, wit::Error> {
        let what = misdeed(&config);
        match what {
            "loop when opened" => loop_for_ever(),
            "log when opened" => loop {
                host::log(wit::Level::Debug, "and one more line");
            },
            "send when opened" => {
                host::send(&request("https://api.hostile.example/", wit::Effect::Read))?;
            }
            _ => {}
        }
        Ok(Task::new(Self(what.to_owned())))
    }

    fn step(&self, _: wit::Budget) -> Result<wit::Step, wit::Error> {
        let mut step = wit::Step {
            progress: wit::Progress::Done(Vec::new()),
            page: page(&self.0),
            outcomes: Vec::new(),
            hints: Vec::new(),
        };
        let outcome = |index| wit::Outcome {
            index,
            kind: wit::OutcomeKind::Applied(true),
            id: Some("1".into()),
            stamp: None,
            message: None,
            row: None,
        };
        match self.0.as_str() {
            "crash in a step" => panic!("I crash on purpose"),
            "loop in a step" => loop_for_ever(),
            "memory in a step" => hoard(),
            "log in a step" => loop {
                host::log(wit::Level::Info, "and one more line");
            },
            "another host in a step" => {
                host::send(&request("https://elsewhere.example/take", wit::Effect::Read))?;
            }
            "a write of nobody's" => step.outcomes.push(outcome(7)),
            "a write told twice" => step.outcomes.extend([outcome(0), outcome(0)]),
            "a row that is not there" => step.outcomes.push(wit::Outcome {
                row: Some(9),
                ..outcome(0)
            }),
            "a write not told of" => {}
            "crash after writing" => {
                host::send(&request("https://api.hostile.example/", wit::Effect::Once)).ok();
                panic!("after the fact");
            }
            "never after writing" => {
                host::send(&request("https://api.hostile.example/", wit::Effect::Once)).ok();
                return Err(wit::Error {
                    kind: wit::ErrorKind::Unavailable,
                    retry: wit::Retry::After(0),
                    message: "nothing was written, believe me".into(),
                    operation: None,
                    context: Vec::new(),
                    cause: None,
                });
            }
            "a time out of reach" => {
                step.progress = wit::Progress::Wait(wit::Waiting {
                    checkpoint: Vec::new(),
                    until: wit::Instant {
                        seconds: i64::MAX,
                        nanoseconds: 7,
                    },
                });
            }
            _ => {}
        }
        Ok(step)
    }
}

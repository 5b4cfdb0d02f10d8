//! Answers of the real services, recorded by others, read by our connectors.
//!
//! Nothing is decoded here: a recording is handed to the connector as the answer to the request that it makes, and what
//! the connector makes of it is compared with the recording, member by member.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a tool of tests; a simulator that can't be set up is a mistake of ours"
)]

mod errors;
mod file;
mod hubspot;
mod replay;
mod salesforce;
mod token;
mod values;

use std::path::{Path, PathBuf};

use futures::future::BoxFuture;

pub use file::Recording;

/// How a recording came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was read, and nothing was dropped that a mapping could ask for.
    Read,
    /// It answers a call that we never make.
    NotCalled,
    /// It holds no answer of the service.
    NoAnswer,
    /// We make the call, and could not read the answer or lost something of it.
    Failed,
}

impl Verdict {
    /// A word for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::NotCalled => "not called",
            Self::NoAnswer => "no answer",
            Self::Failed => "FAILED",
        }
    }
}

/// What one file came to.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Its path below the folder.
    pub file: String,
    /// What it answers, by its manifest.
    pub answers: String,
    /// What it was read as.
    pub read_as: String,
    /// What of it has no place in our types, and why that is right.
    pub dropped: Vec<String>,
    /// What is wrong.
    pub wrong: Vec<String>,
    /// How it came out.
    pub verdict: Verdict,
}

/// What a reader found in a recording.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) read_as: String,
    pub(crate) dropped: Vec<String>,
    pub(crate) wrong: Vec<String>,
}

impl Findings {
    fn of(read_as: impl Into<String>) -> Self {
        Self {
            read_as: read_as.into(),
            ..Self::default()
        }
    }

    /// Notes what is wrong unless it holds.
    fn check(&mut self, holds: bool, wrong: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(wrong());
        }
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, ours: &T, theirs: &T) {
        if ours != theirs {
            self.wrong.push(format!("{what}: {theirs:?} was read as {ours:?}"));
        }
    }
}

/// What a recording is to us.
pub(crate) enum Answer<'a> {
    /// An answer that we read; the future reads it.
    Called(BoxFuture<'a, Findings>),
    /// An answer to a call that we never make, with the name of the API.
    NotCalled(&'static str),
}

/// Reads every recording below a folder: one with a `manifest.json`, or one with such folders in it. Where there is no
/// manifest at all, every JSON file with an answer is one.
///
/// # Errors
/// When the folder, a manifest or a file in one can't be read; the message names it.
pub async fn read_folder(folder: &Path) -> std::io::Result<Vec<Reading>> {
    let mut readings = Vec::new();
    let mut listed = Vec::new();
    for manifest in manifests(folder)? {
        let recordings = file::load(&manifest)?;
        listed.push((manifest.parent().unwrap_or(folder).to_owned(), recordings));
    }
    if listed.is_empty() {
        for folder in folders(folder)? {
            let recordings = file::load_unlisted(&folder)?;
            listed.push((folder, recordings));
        }
    }
    if listed.iter().all(|(_, recordings)| recordings.is_empty()) {
        let message = format!("{}: there is no recording in it", folder.display());
        return Err(std::io::Error::new(std::io::ErrorKind::NotFound, message));
    }
    for (parent, recordings) in listed {
        for recording in recordings {
            let below = parent.join(&recording.file);
            let name = below.strip_prefix(folder).unwrap_or(&below).display().to_string();
            readings.push(read(name, &recording).await);
        }
    }
    readings.sort_by(|left, right| left.file.cmp(&right.file));
    Ok(readings)
}

fn manifests(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let own = folder.join("manifest.json");
    if own.is_file() {
        return Ok(vec![own]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let manifest = entry?.path().join("manifest.json");
        if manifest.is_file() {
            found.push(manifest);
        }
    }
    found.sort();
    Ok(found)
}

/// A folder and those in it.
fn folders(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

async fn read(file: String, recording: &Recording) -> Reading {
    let reading = |read_as: String, verdict| Reading {
        file: file.clone(),
        answers: recording.answers.clone(),
        read_as,
        dropped: Vec::new(),
        wrong: Vec::new(),
        verdict,
    };
    if !recording.is_answer() {
        return reading("a request body".into(), Verdict::NoAnswer);
    }
    let answer = if recording.is_salesforce() {
        salesforce::answer(recording)
    } else {
        hubspot::answer(recording)
    };
    match answer {
        Answer::NotCalled(api) => reading(api.to_owned(), Verdict::NotCalled),
        Answer::Called(reader) => {
            let findings = reader.await;
            let verdict = if findings.wrong.is_empty() {
                Verdict::Read
            } else {
                Verdict::Failed
            };
            Reading {
                dropped: findings.dropped,
                wrong: findings.wrong,
                ..reading(findings.read_as, verdict)
            }
        }
    }
}

//! The replication feeds, `updated` and `deleted`: up to when nothing can become visible any more, and what left the
//! recycle bin.
//!
//! A transaction that commits late shows its records with the stamps of when it wrote them. A pull therefore goes back
//! by an overlap, which no transaction is promised to stay within. `latestDateCovered` is Salesforce's own word on that:
//! whatever is stamped before it is visible now. So from time to time a pull asks for it first, and then reads once more
//! from where the feeds reached the time before. Each record below that was visible then, and each one above is read
//! now; by induction none is missed, however long its transaction took. The ids of `updated` are not needed for that: a
//! query over the same time gives them with their values.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use syncline_core::Result;
use syncline_core::batch::{Batch, RowState};
use syncline_core::io::{Class, Io, Level, Request, Response};

use crate::client::{Api, encoded, seconds_ahead, server_time_at_start};
use crate::error::{classify, failed, unreadable};
use crate::id::normalised;
use crate::position::Coverage;
use crate::read::still_known;
use crate::selection::Selection;
use crate::wire::instant;

const ASKING: &str = "asking Salesforce what has changed and what was deleted";
/// How far back the feeds are trusted not to have to look for a pull that never asked them.
pub(crate) const BEFORE_THE_FIRST: SignedDuration = SignedDuration::from_hours(1);
/// `deleted` reaches 15 days back, `updated` 30; a little less, since the clocks differ.
const REACH: SignedDuration = SignedDuration::from_hours(15 * 24 - 2);
/// More deleted records than this are left to the sweep.
const MOST_DELETED: usize = 10_000;
/// How often the time asked for is halved when it holds more records than an answer may name.
const MOST_HALVES: u32 = 12;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Updated {
    latest_date_covered: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deleted {
    deleted_records: Vec<DeletedRecord>,
    earliest_date_available: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeletedRecord {
    id: String,
    deleted_date: String,
}

/// Asks both feeds what there is since `last`, adds a row for each record that was deleted for good, and says up to when
/// everything is visible now. Where the feeds can't be used, the answer is `last`, asked now.
///
/// # Errors
/// As [`syncline_core::connector::Task::step`] of a pull.
pub(crate) async fn ask(
    io: &dyn Io,
    api: &Api,
    selection: &Selection,
    last: &Coverage,
    batch: &mut Batch,
) -> Result<Coverage> {
    let asked = io.now();
    let object = &selection.object;
    let unchanged = Coverage {
        covered: last.covered,
        asked,
        ahead: last.ahead,
    };
    let now = asked + SignedDuration::from_secs(last.ahead);
    let start = last.covered.max(now - REACH);
    let mut end = now;
    for _ in 0..MOST_HALVES {
        // Seconds are cut off, and nothing between two instants of one minute is an error.
        if end.duration_since(start) < SignedDuration::from_mins(2) {
            return Ok(unchanged);
        }
        let request = |feed: &str| {
            let path = format!(
                "sobjects/{object}/{feed}/?start={}&end={}",
                encoded(&text(start)),
                encoded(&text(end))
            );
            Request::get(api.data(&path))
        };
        let mut answers = io
            .send_all(vec![request("updated"), request("deleted")])
            .await
            .into_iter();
        let (Some(updated), Some(deleted)) = (answers.next(), answers.next()) else {
            return Ok(unchanged);
        };
        let (updated, deleted) = (updated?, deleted?);
        match usable(&updated)?.and(usable(&deleted)?) {
            Usable::Yes => {}
            Usable::TooMany => {
                end = start + end.duration_since(start) / 2;
                continue;
            }
            Usable::No(why) => {
                io.log(
                    Level::Info,
                    &format!("Salesforce does not tell when the changes of {object} are all visible: {why}"),
                );
                return Ok(unchanged);
            }
        }
        let damaged = |error| unreadable(ASKING, error).with("object", object);
        let covered: Updated = serde_json::from_slice(&updated.body).map_err(damaged)?;
        let gone: Deleted = serde_json::from_slice(&deleted.body).map_err(damaged)?;
        take_deleted(io, api, selection, start, gone, batch).await?;
        // What is still to come must not count as covered, should we be wrong about the server's clock.
        let at_most = server_time_at_start(&updated.head, io.now().duration_since(asked))?;
        let covered = instant(&covered.latest_date_covered).map_or(last.covered, |covered| covered.min(at_most));
        return Ok(Coverage {
            covered: covered.max(last.covered),
            asked,
            ahead: seconds_ahead(&updated.head, io.now())?,
        });
    }
    Ok(unchanged)
}

/// Adds a row for each record that only the delete log remembers. What lies in the recycle bin is found by the query,
/// which also tells what it was merged into.
async fn take_deleted(
    io: &dyn Io,
    api: &Api,
    selection: &Selection,
    start: Timestamp,
    gone: Deleted,
    batch: &mut Batch,
) -> Result<()> {
    let object = &selection.object;
    let earliest = gone.earliest_date_available.as_deref().and_then(instant);
    if earliest.is_some_and(|earliest| earliest > start) {
        io.log(
            Level::Warn,
            &format!("Salesforce has cleared its log of deleted {object} records; the next sweep finds them"),
        );
    }
    if gone.deleted_records.len() > MOST_DELETED {
        io.log(
            Level::Warn,
            &format!(
                "{} records of {object} were deleted; those that left the recycle bin are found by the next sweep",
                gone.deleted_records.len()
            ),
        );
        return Ok(());
    }
    let deleted: Vec<(String, Option<Timestamp>)> = gone
        .deleted_records
        .iter()
        .filter_map(|record| Some((normalised(&record.id)?, instant(&record.deleted_date))))
        .collect();
    let ids: Vec<String> = deleted.iter().map(|(id, _)| id.clone()).collect();
    let known: BTreeSet<String> = still_known(io, api, object, &ids).await?;
    for (id, when) in deleted.iter().filter(|(id, _)| !known.contains(id)) {
        let mut row = batch.row(id);
        row.partial();
        row.state(RowState::Deleted);
        if let Some(when) = when {
            row.stamp(*when);
        }
        row.finish();
    }
    Ok(())
}

enum Usable {
    Yes,
    TooMany,
    No(String),
}

impl Usable {
    fn and(self, other: Self) -> Self {
        match self {
            Self::Yes => other,
            refused => refused,
        }
    }
}

/// Whether a feed answered, may be asked for less, or does not serve this object.
fn usable(response: &Response) -> Result<Usable> {
    match classify(&response.head, &response.body) {
        Class::Success => Ok(Usable::Yes),
        Class::Rejected { code, .. } if code == "EXCEEDED_ID_LIMIT" => Ok(Usable::TooMany),
        Class::Rejected { message, .. } | Class::Forbidden { message } => Ok(Usable::No(message)),
        Class::NotFound => Ok(Usable::No("it is not replicated".into())),
        class => Err(failed(class, ASKING)),
    }
}

fn text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

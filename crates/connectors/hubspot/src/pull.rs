//! Pulls and sweeps: the list of everything, the search for what changed, and the list of what was archived.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use syncline_core::batch::{Batch, Projection, ReadClass, RowState};
use syncline_core::connector::Task;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::io::{Io, Request, Response};
use syncline_core::job::{Budget, Condition, Progress, Pull, Start};

use crate::associations::{self, Links, is_association};
use crate::client::{Client, Paths, encode, parse, server_time};
use crate::decode::{self, Decoder, Found, HISTORY_BATCH};
use crate::manifest::{BATCH, OVERLAP_SECONDS, SEARCH_PAGE};
use crate::object::ObjectName;
use crate::page::{IdPage, Paging};
use crate::read::Reader;
use crate::search;

const OPERATION: &str = "list records";
/// Longest URL of a list; a projection that needs more is read by id instead.
const LONGEST_URL: usize = 7_500;

/// Where a task stands; its checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Position {
    stage: Stage,
    /// Start of the window of an incremental pull.
    from: Option<Timestamp>,
    /// End of the window: the server's time when the pull began. The next pull starts here.
    until: Option<Timestamp>,
    /// Ids that merges have retired, so that the archived list doesn't report them as archived.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    merged: BTreeSet<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
enum Stage {
    /// All live records, from the primary store.
    List { after: Option<String> },
    /// The records that changed or meet conditions, above this id.
    Search { above: u64, total: Option<u64> },
    /// The archived records.
    Archived { after: Option<String> },
}

/// The cursor between pulls.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    until: Timestamp,
}

/// A pull or a sweep under way.
#[derive(Debug)]
pub(crate) struct PullTask {
    paths: Paths,
    object: String,
    projection: Projection,
    conditions: Vec<Condition>,
    page_size: Option<usize>,
    /// Nothing but live records, and no cursor at the end. A page costs the same with values as without, so they come
    /// along: links and calculated values change without moving a stamp.
    sweep: bool,
    position: Position,
}

/// How a step ended.
enum Next {
    Stage(Stage),
    Done,
}

impl PullTask {
    /// Starts a pull or goes on with one.
    ///
    /// # Errors
    /// `CursorExpired` when the cursor or checkpoint can't be read.
    pub(crate) fn open(paths: Paths, pull: Pull, resume: Option<Bytes>) -> Result<Self> {
        let begin = |stage, from| Position {
            stage,
            from,
            until: None,
            merged: BTreeSet::new(),
        };
        let search = Stage::Search { above: 0, total: None };
        let start = match &pull.start {
            Start::Beginning if pull.conditions.is_empty() => begin(Stage::List { after: None }, None),
            Start::Beginning => begin(search, None),
            Start::Since(from) => begin(search, Some(*from)),
            Start::Cursor(cursor) => {
                let cursor: Cursor = serde_json::from_slice(cursor).map_err(|cause| {
                    Error::new(ErrorKind::CursorExpired, "the stored cursor is not one of HubSpot's").because(cause)
                })?;
                let overlap = SignedDuration::from_secs(i64::from(OVERLAP_SECONDS));
                begin(
                    search,
                    Some(cursor.until.saturating_sub(overlap).unwrap_or(cursor.until)),
                )
            }
        };
        Ok(Self {
            paths,
            object: pull.object,
            projection: pull.projection,
            conditions: pull.conditions,
            page_size: pull.page_size,
            sweep: false,
            position: resumed(resume)?.unwrap_or(start),
        })
    }

    /// Starts a sweep or goes on with one.
    ///
    /// # Errors
    /// `CursorExpired` when the checkpoint can't be read.
    pub(crate) fn sweep(paths: Paths, object: String, projection: Projection, resume: Option<Bytes>) -> Result<Self> {
        let start = Position {
            stage: Stage::List { after: None },
            from: None,
            until: None,
            merged: BTreeSet::new(),
        };
        Ok(Self {
            paths,
            object,
            projection,
            conditions: Vec::new(),
            page_size: None,
            sweep: true,
            position: resumed(resume)?.unwrap_or(start),
        })
    }

    fn page(&self, largest: usize) -> usize {
        self.page_size.unwrap_or(largest).clamp(1, largest)
    }

    fn list_url(&self, properties: &[&str], history: &[&str], after: Option<&str>, archived: bool) -> String {
        let largest = if history.is_empty() { BATCH } else { HISTORY_BATCH };
        let mut tail = format!(
            "?limit={}&properties={}",
            self.page(largest),
            encode(&properties.join(","))
        );
        if !history.is_empty() {
            tail.push_str("&propertiesWithHistory=");
            tail.push_str(&encode(&history.join(",")));
        }
        if archived {
            tail.push_str("&archived=true");
        }
        if let Some(after) = after {
            tail.push_str("&after=");
            tail.push_str(&encode(after));
        }
        self.paths.objects(&self.object, &tail)
    }

    /// Reads one page of a list.
    async fn list_page(&self, client: &Client<'_>, url: String, after: Option<&str>) -> Result<Response> {
        match client.read(OPERATION, Request::get(url)).await {
            // Nothing else in the request changes from page to page, so it is the token that is refused.
            Err(error) if error.kind() == ErrorKind::Rejected && after.is_some() => Err(Error::new(
                ErrorKind::CursorExpired,
                "HubSpot no longer knows this page of the list; start over",
            )
            .operation(OPERATION)
            .because(error)),
            other => other,
        }
    }

    async fn list(
        &self,
        client: &Client<'_>,
        mut after: Option<String>,
        budget: Budget,
        until: &mut Option<Timestamp>,
        batch: &mut Batch,
    ) -> Result<Next> {
        let decoder = Decoder::new(&self.object, &self.projection);
        let mut properties = decoder.properties();
        let mut history = decoder.history();
        let too_long = self.list_url(&properties, &history, after.as_deref(), false).len() > LONGEST_URL;
        if too_long {
            (properties, history) = (vec!["hs_object_id"], Vec::new());
        }
        // To read every record by id costs a sweep twice the calls; then ids and stamps have to do.
        let by_id = too_long && !self.sweep;
        let ids_only = self.sweep && (too_long || self.projection.fields.is_empty());
        if ids_only {
            (properties, history) = (vec!["hs_object_id"], Vec::new());
        }
        let bare = Decoder::ids_only();
        let linked = !ids_only && self.projection.fields.iter().any(|field| is_association(&field.path));
        let wanted = (budget.rows / self.page(BATCH)).clamp(1, budget.calls.max(1));
        let mut found = Found::default();
        let (mut ids, mut kept) = (Vec::new(), Vec::new());
        let mut done = false;
        for page in 0..wanted {
            let url = self.list_url(&properties, &history, after.as_deref(), false);
            let response = match self.list_page(client, url, after.as_deref()).await {
                Ok(response) => response,
                // What was read so far counts; the next step meets the error again.
                Err(_) if page > 0 => break,
                Err(error) => return Err(error),
            };
            until.get_or_insert_with(|| server_time(&response, client.io));
            let next = if by_id || linked {
                let page: IdPage = parse(OPERATION, &response.body)?;
                ids.extend(page.results.into_iter().map(|row| row.id.0));
                kept.push(response);
                page.paging.and_then(Paging::after)
            } else {
                let decoder = if ids_only { &bare } else { &decoder };
                decode::page(OPERATION, &response.body, decoder, &Links::new(), &mut found, batch)?
            };
            if next.is_some() && next == after {
                return Err(Error::new(ErrorKind::Protocol, "HubSpot's list did not move on").operation(OPERATION));
            }
            done = next.is_none();
            after = next;
            if done {
                break;
            }
        }
        if by_id {
            batch.class = ReadClass::Strong;
            Reader::new(client, &self.object, &self.projection)
                .live(&ids, batch)
                .await?;
        } else if linked {
            let links = associations::links(client, &self.object, &self.projection, &ids).await?;
            for response in kept {
                decode::page(OPERATION, &response.body, &decoder, &links, &mut found, batch)?;
            }
        }
        Ok(if done {
            Next::Done
        } else {
            Next::Stage(Stage::List { after })
        })
    }

    async fn search(
        &mut self,
        client: &Client<'_>,
        mut above: u64,
        mut total: Option<u64>,
        budget: Budget,
        batch: &mut Batch,
    ) -> Result<Next> {
        let limit = self.page(SEARCH_PAGE);
        let conditions = search::filters(&self.conditions, |path| {
            let slot = self.projection.position(path)?;
            self.projection.fields.get(slot).map(|field| field.kind)
        });
        let mut until = self.position.until;
        let mut ids = Vec::new();
        let mut more = true;
        for _ in 0..(budget.rows / limit).clamp(1, budget.calls.max(1)) {
            let filters = match self.position.from {
                Some(from) => search::window(ObjectName::new(&self.object).stamp_property(), from, until),
                None => conditions.clone(),
            };
            let page = search::ids_above(client, &self.object, &filters, above, limit).await?;
            until.get_or_insert_with(|| server_time(&page.response, client.io));
            total = total.or(page.total);
            above = page.ids.last().copied().unwrap_or(above);
            ids.extend(page.ids.iter().map(u64::to_string));
            more = page.more;
            if !more {
                break;
            }
        }
        // The index may be stale, so it only says which records to read.
        batch.class = ReadClass::Strong;
        let mut reader = Reader::new(client, &self.object, &self.projection);
        reader.live(&ids, batch).await?;
        if self.position.from.is_some() {
            reader.merged_rows(batch);
            let merged = reader.found.merges.into_iter().map(|merge| merge.old);
            self.position.merged.extend(merged);
        }
        self.position.until = until;
        Ok(match (more, self.position.from) {
            (true, _) => Next::Stage(Stage::Search { above, total }),
            (false, Some(_)) => Next::Stage(Stage::Archived { after: None }),
            (false, None) => Next::Done,
        })
    }

    /// The list of archived records has no filter, so it is paged through whole; only what was archived in the window
    /// becomes rows.
    async fn archived(
        &self,
        client: &Client<'_>,
        mut after: Option<String>,
        from: Timestamp,
        budget: Budget,
        batch: &mut Batch,
    ) -> Result<Next> {
        let mut candidates = Vec::new();
        let mut done = false;
        for page in 0..budget.calls.max(1) {
            let url = self.list_url(&["hs_object_id"], &[], after.as_deref(), true);
            let response = match self.list_page(client, url, after.as_deref()).await {
                Ok(response) => response,
                Err(_) if page > 0 => break,
                Err(error) => return Err(error),
            };
            let page: IdPage = parse(OPERATION, &response.body)?;
            candidates.extend(
                page.results
                    .into_iter()
                    .filter(|row| row.archived_at.is_none_or(|at| at >= from))
                    .filter(|row| !self.position.merged.contains(&row.id.0)),
            );
            let next = page.paging.and_then(Paging::after);
            if next.is_some() && next == after {
                return Err(Error::new(ErrorKind::Protocol, "HubSpot's list did not move on").operation(OPERATION));
            }
            done = next.is_none();
            after = next;
            if done || candidates.len() >= budget.rows.max(1) {
                break;
            }
        }
        if !candidates.is_empty() {
            // A merged record may be listed as archived too, and one may have been restored since.
            batch.class = ReadClass::Strong;
            let ids: Vec<String> = candidates.iter().map(|row| row.id.0.clone()).collect();
            let mut reader = Reader::new(client, &self.object, &self.projection);
            reader.live(&ids, batch).await?;
            reader.merged_rows(batch);
            let gone: BTreeSet<String> = reader.unanswered(&ids).into_iter().collect();
            for candidate in candidates.into_iter().filter(|row| gone.contains(&row.id.0)) {
                let mut row = batch.row(&candidate.id.0);
                row.state(RowState::Archived);
                if let Some(at) = candidate.archived_at {
                    row.stamp(at);
                }
                row.partial();
                row.finish();
            }
        }
        Ok(if done {
            Next::Done
        } else {
            Next::Stage(Stage::Archived { after })
        })
    }

    fn cursor(&self, io: &dyn Io) -> Result<Bytes> {
        if self.sweep {
            return Ok(Bytes::new());
        }
        to_bytes(&Cursor {
            until: self.position.until.unwrap_or_else(|| io.now()),
        })
    }
}

#[async_trait]
impl Task for PullTask {
    async fn step(&mut self, io: &dyn Io, budget: Budget, batch: &mut Batch) -> Result<Progress> {
        let client = Client {
            io,
            paths: self.paths.clone(),
        };
        let mut until = self.position.until;
        let next = match self.position.stage.clone() {
            Stage::List { after } => self.list(&client, after, budget, &mut until, batch).await?,
            Stage::Search { above, total } => {
                let next = self.search(&client, above, total, budget, batch).await?;
                until = self.position.until;
                next
            }
            Stage::Archived { after } => {
                let from = self.position.from.unwrap_or(Timestamp::MIN);
                self.archived(&client, after, from, budget, batch).await?
            }
        };
        self.position.until = until;
        match next {
            Next::Done => Ok(Progress::Done {
                cursor: self.cursor(io)?,
            }),
            Next::Stage(stage) => {
                let total = match &stage {
                    Stage::Search { total, .. } => *total,
                    _ => None,
                };
                self.position.stage = stage;
                Ok(Progress::More {
                    checkpoint: Some(to_bytes(&self.position)?),
                    total,
                })
            }
        }
    }
}

fn resumed(checkpoint: Option<Bytes>) -> Result<Option<Position>> {
    checkpoint
        .map(|bytes| {
            serde_json::from_slice(&bytes).map_err(|cause| {
                Error::new(
                    ErrorKind::CursorExpired,
                    "the stored checkpoint is not one of HubSpot's",
                )
                .because(cause)
            })
        })
        .transpose()
}

fn to_bytes(value: &impl Serialize) -> Result<Bytes> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|cause| {
        Error::new(ErrorKind::Internal, "a checkpoint could not be written")
            .operation(OPERATION)
            .because(cause)
    })
}

//! Reading an object: everything by id, what changed by stamp and id, or ids alone for a sweep.
//!
//! Every page ends at a position from which a new task goes on, so neither records that share one stamp nor a lost
//! locator cost anything. Locators are used where records come by id. Where they come by stamp each page is a query of
//! its own: a locator reads field values later than it chose the records, so the stamp that it shows for the last
//! record of a page may be one that it got meanwhile, and going on from there would skip records.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use syncline_core::batch::{Batch, Projection, ReadClass};
use syncline_core::connector::Task;
use syncline_core::io::{Class, Head, Io, Level};
use syncline_core::job::{Budget, Progress, Pull, Start};
use syncline_core::{Error, ErrorKind, Result};

use crate::bulk_query::{BulkRead, BulkReader, BulkStep};
use crate::client::{Api, ask, seconds_ahead, server_time, server_time_at_start};
use crate::coverage;
use crate::decode;
use crate::error::{failed, unreadable};
use crate::manifest::{LEAST_PAGE_SIZE, OVERLAP_SECONDS, PAGE_SIZE};
use crate::position::{Coverage, Cursor, Position, Walk, expired, restored, stored};
use crate::selection::Selection;
use crate::soql;
use crate::system::SystemColumns;
use crate::wide::Wide;

const PULLING: &str = "reading an object of Salesforce";
/// Younger locators are surely still known: the least life that documentation names is a quarter of an hour.
const LOCATOR_LIFE: SignedDuration = SignedDuration::from_mins(10);

#[derive(Debug)]
struct Locator {
    url: String,
    received: Timestamp,
}

/// The task of a pull or a sweep.
#[derive(Debug)]
pub(crate) struct PullTask {
    api: Api,
    selection: Selection,
    conditions: Vec<String>,
    page_size: usize,
    is_sweep: bool,
    position: Position,
    locator: Option<Locator>,
    bulk_above: Option<u64>,
    bulk: BulkReader,
    coverage_every: Option<SignedDuration>,
}

impl PullTask {
    /// # Errors
    /// As [`syncline_core::connector::Connector::open`].
    pub(crate) fn pull(api: Api, job: Pull, resume: Option<Bytes>) -> Result<Self> {
        let Pull {
            object,
            projection,
            start,
            conditions,
            page_size,
        } = job;
        if !conditions.is_empty() && start != Start::Beginning {
            return Err(Error::new(
                ErrorKind::Invalid,
                "conditions may only narrow a pull from the beginning: a record that leaves them would never be seen",
            )
            .with("object", object));
        }
        let mut coverage = None;
        let walk = match start {
            Start::Beginning => Walk::Everything { after: None },
            Start::Since(from) => Walk::Window {
                from,
                after: None,
                until: None,
            },
            Start::Cursor(cursor) => {
                let cursor: Cursor = restored(&cursor, &object)?;
                if cursor.object != object {
                    return Err(expired(&object));
                }
                let from = cursor.since - SignedDuration::from_secs(OVERLAP_SECONDS.into());
                coverage = cursor.coverage;
                Walk::Window {
                    from,
                    after: None,
                    until: None,
                }
            }
        };
        let conditions: Result<Vec<_>> = conditions.iter().map(soql::condition).collect();
        let conditions = conditions?.into_iter().flatten().collect();
        let mut task = Self::open(api, object, projection, walk, conditions, page_size, false, resume)?;
        task.position.coverage = task.position.coverage.or(coverage);
        Ok(task)
    }

    /// # Errors
    /// As [`syncline_core::connector::Connector::open`].
    pub(crate) fn sweep(api: Api, object: String, resume: Option<Bytes>) -> Result<Self> {
        let walk = Walk::Everything { after: None };
        Self::open(api, object, Projection::default(), walk, Vec::new(), None, true, resume)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the two public ways in differ in nearly every one of them"
    )]
    fn open(
        api: Api,
        object: String,
        projection: Projection,
        walk: Walk,
        conditions: Vec<String>,
        page_size: Option<usize>,
        is_sweep: bool,
        resume: Option<Bytes>,
    ) -> Result<Self> {
        let position = match resume {
            Some(checkpoint) => restored::<Position>(&checkpoint, &object)?,
            None => Position {
                columns: SystemColumns::presumed(&object),
                object: object.clone(),
                walk,
                began: None,
                total: None,
                described: false,
                limit: None,
                unconditional: false,
                bulk: None,
                without_bulk: false,
                coverage: None,
                ahead: 0,
                coverage_settled: false,
            },
        };
        if position.object != object {
            return Err(expired(&object));
        }
        let selection = Selection::new(&object, projection, position.columns.clone())?;
        let page_size = page_size.unwrap_or(PAGE_SIZE).clamp(LEAST_PAGE_SIZE, PAGE_SIZE);
        Ok(Self {
            api,
            selection,
            conditions,
            page_size,
            is_sweep,
            position,
            locator: None,
            bulk_above: None,
            bulk: BulkReader::default(),
            coverage_every: None,
        })
    }

    /// Lets a bulk job read an object with more records than this, several pages at once if wanted.
    #[must_use]
    pub(crate) fn through_bulk(mut self, above: Option<u64>, parallel: bool) -> Self {
        self.bulk_above = above;
        self.bulk.parallel = parallel;
        self
    }

    /// Asks from time to time up to when all changes are visible.
    #[must_use]
    pub(crate) fn with_coverage(mut self, every: Option<SignedDuration>) -> Self {
        self.coverage_every = every;
        self
    }

    /// Asks up to when all changes are visible, if it is time to, and lets the window begin where that ended the time
    /// before. False if nothing was asked.
    async fn step_coverage(&mut self, io: &dyn Io, batch: &mut Batch) -> Result<bool> {
        if self.position.coverage_settled {
            return Ok(false);
        }
        let due = match (&self.position.coverage, self.coverage_every) {
            (Some(last), Some(every)) if io.now().duration_since(last.asked) >= every => last.clone(),
            _ => {
                self.position.coverage_settled = true;
                return Ok(false);
            }
        };
        // Before the query: what commits between the two would otherwise count as covered and not be read.
        let coverage = coverage::ask(io, &self.api, &self.selection, &due, batch).await?;
        if let Walk::Window { from, after: None, .. } = &mut self.position.walk {
            *from = due.covered.min(*from);
        }
        self.position.coverage = Some(coverage);
        self.position.coverage_settled = true;
        Ok(true)
    }

    /// The query that goes on behind the last record read.
    fn soql(&self, wide: Option<&Wide>, limit: Option<usize>) -> Result<String> {
        let mut soql = self.unordered(wide.map_or(&self.selection, |wide| &wide.first))?;
        let order = match &self.position.walk {
            Walk::Everything { .. } => "Id".to_owned(),
            Walk::Window { .. } => format!("{},Id", self.selection.stamp()?),
        };
        soql.push_str(&format!(" ORDER BY {order}"));
        if let Some(limit) = limit {
            soql.push_str(&format!(" LIMIT {limit}"));
        }
        Ok(soql)
    }

    /// The same without an order.
    fn unordered(&self, selection: &Selection) -> Result<String> {
        let mut conditions = Vec::new();
        match &self.position.walk {
            Walk::Everything { after } => {
                conditions.extend(after.as_ref().map(|id| format!("Id > {}", soql::text(id))));
                if !self.position.unconditional {
                    conditions.extend(self.conditions.iter().cloned());
                }
            }
            Walk::Window { from, after, until } => {
                let stamp = self.selection.stamp()?;
                let from = after.as_ref().map_or(from, |(stamp, _)| stamp);
                conditions.push(format!("{stamp} >= {}", soql::datetime(*from)));
                // The first page has no end: the server's time is only known from its answer.
                let end = until.or(self.position.began);
                conditions.extend(end.map(|end| format!("{stamp} < {}", soql::datetime(end))));
                if let Some((at, id)) = after {
                    conditions.push(format!(
                        "({stamp} > {} OR Id > {})",
                        soql::datetime(*at),
                        soql::text(id)
                    ));
                }
            }
        }
        let mut soql = selection.soql(matches!(self.position.walk, Walk::Window { .. }));
        if !conditions.is_empty() {
            soql.push_str(" WHERE ");
            soql.push_str(&conditions.join(" AND "));
        }
        Ok(soql)
    }

    /// How many records the next query may give; `None` to page by locator, or to be told the total.
    fn limit(&self, page: usize) -> Option<usize> {
        match self.position.walk {
            Walk::Window { .. } if self.position.total.is_some() => Some(self.position.limit.unwrap_or(page)),
            _ => self.position.limit,
        }
    }

    /// Changes the query so that it may succeed after all, or says that it can't.
    async fn recover(&mut self, io: &dyn Io, class: Class, head: &Head) -> Result<()> {
        if self.locator.take().is_some() && class == Class::CursorExpired {
            return Ok(());
        }
        if !self.position.described && self.position.columns.are_blamed(&class) {
            self.position.described = true;
            self.position.columns = SystemColumns::described(io, &self.api, &self.selection.object).await?;
            self.selection.columns = self.position.columns.clone();
            return Ok(());
        }
        if let Class::Rejected { code, message } = &class {
            let unfilterable = message.contains("can not be filtered") || message.contains("cannot be filtered");
            if code == "INVALID_FIELD" && unfilterable && !self.position.unconditional && !self.conditions.is_empty() {
                // Conditions only save work: the engine applies the filter itself.
                self.position.unconditional = true;
                return Ok(());
            }
            if code == "QUERY_TIMEOUT" && self.ask_for_less(head)? {
                return Ok(());
            }
            if code == "QUERY_TIMEOUT" {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    "Salesforce takes longer than two minutes to answer even a small query; map fewer formula fields",
                )
                .operation(PULLING)
                .with("object", &self.selection.object));
            }
        }
        Err(failed(class, PULLING).with("object", &self.selection.object))
    }

    /// Halves what is asked for at once; false if it can't be less.
    fn ask_for_less(&mut self, head: &Head) -> Result<bool> {
        if let Walk::Window { from, after, until } = &mut self.position.walk {
            let start = after.as_ref().map_or(*from, |(stamp, _)| *stamp);
            let end = match until.or(self.position.began) {
                Some(end) => end,
                None => *self.position.began.insert(server_time(head)?),
            };
            let half = (end.as_second() - start.as_second()) / 2;
            if half >= 1 {
                *until = Some(start + SignedDuration::from_secs(half));
                return Ok(true);
            }
        }
        let limit = self.position.limit.unwrap_or(self.page_size);
        self.position.limit = Some((limit / 2).max(LEAST_PAGE_SIZE));
        Ok(limit > LEAST_PAGE_SIZE)
    }

    /// Moves on to what lies behind the part of the window that was read; false if that was the last.
    fn next_part(&mut self) -> bool {
        let (Walk::Window { from, after, until }, Some(end)) = (&mut self.position.walk, self.position.began) else {
            return false;
        };
        match *until {
            Some(part) if part < end => {
                // Parts grow again: the records may have been crowded in a short time.
                let next = part + (part.duration_since(*from)) * 2;
                *from = part;
                *after = None;
                *until = (next < end).then_some(next);
                true
            }
            _ => false,
        }
    }

    /// Whether what is left of a first read is so much that a bulk job reads it in fewer calls.
    fn is_worth_a_job(&self, rows: usize, total: Option<u64>) -> bool {
        let left = total.unwrap_or_default().saturating_sub(rows as u64);
        matches!(self.position.walk, Walk::Everything { .. })
            && !self.position.without_bulk
            && self.position.bulk.is_none()
            && self.position.limit.is_none()
            && self.bulk_above.is_some_and(|above| left > above)
    }

    /// A step of the bulk job that reads what is left; `None` where none does.
    async fn step_bulk(&mut self, io: &dyn Io, budget: Budget, batch: &mut Batch) -> Result<Option<Progress>> {
        let Some(mut read) = self.position.bulk.clone() else {
            return Ok(None);
        };
        let soql = self.unordered(&self.selection)?;
        let step = self
            .bulk
            .step(
                io,
                &self.api,
                &self.selection,
                &soql,
                &mut read,
                budget.rows.max(1),
                batch,
            )
            .await
            .map_err(|error| error.with("object", &self.selection.object))?;
        self.position.bulk = Some(read);
        match step {
            BulkStep::Moved => self.more().map(Some),
            BulkStep::Wait(wait) => Ok(Some(Progress::Wait {
                checkpoint: stored(&self.position)?,
                until: io.now() + wait,
            })),
            BulkStep::Done => self.done(io.now()).map(Some),
            BulkStep::Unusable(why) => {
                io.log(
                    Level::Info,
                    &format!("{} is read without a bulk job: {why}", self.selection.object),
                );
                // What the job had given before is read once more.
                self.position.bulk = None;
                self.position.without_bulk = true;
                Ok(None)
            }
        }
    }

    fn more(&self) -> Result<Progress> {
        Ok(Progress::More {
            checkpoint: Some(stored(&self.position)?),
            total: self.position.total,
        })
    }

    fn done(&self, now: Timestamp) -> Result<Progress> {
        let cursor = match self.position.began {
            Some(since) if !self.is_sweep => stored(&Cursor {
                object: self.selection.object.clone(),
                since,
                coverage: self.position.coverage.clone().or(Some(Coverage {
                    covered: since - coverage::BEFORE_THE_FIRST,
                    asked: now,
                    ahead: self.position.ahead,
                })),
            })?,
            _ => Bytes::new(),
        };
        Ok(Progress::Done { cursor })
    }
}

#[async_trait]
impl Task for PullTask {
    async fn step(&mut self, io: &dyn Io, budget: Budget, batch: &mut Batch) -> Result<Progress> {
        batch.class = ReadClass::Weak;
        let page_size = self.page_size.min(budget.rows.max(LEAST_PAGE_SIZE));
        let all = matches!(self.position.walk, Walk::Window { .. });
        if self.step_coverage(io, batch).await? {
            return self.more();
        }
        if let Some(progress) = self.step_bulk(io, budget, batch).await? {
            return Ok(progress);
        }
        for _ in 0..budget.calls.max(1) {
            let wide = Wide::of(&self.api, &self.selection)?;
            let fresh = |locator: &Locator| io.now().duration_since(locator.received) < LOCATOR_LIFE;
            let locator = self.locator.take().filter(fresh);
            let limit = self.limit(page_size);
            let request = match &locator {
                Some(locator) => self.api.follow(&locator.url, page_size)?,
                None => self.api.query(&self.soql(wide.as_ref(), limit)?, all, page_size)?,
            };
            let by_locator = locator.is_some();
            self.locator = locator;
            let asked = io.now();
            let (response, class) = ask(io, request).await?;
            if class != Class::Success {
                self.recover(io, class, &response.head).await?;
                continue;
            }
            let began = match self.position.began {
                Some(began) => began,
                None => server_time_at_start(&response.head, io.now().duration_since(asked))?,
            };
            let mut last = None;
            let mut rows = 0;
            let mut seen = |row: decode::Seen| {
                rows += 1;
                last = Some(row);
            };
            let page = match &wide {
                Some(wide) => wide.page(io, &self.api, &response.body, batch, &mut seen).await?,
                None => decode::page(&response.body, &self.selection, batch, &mut seen)
                    .map_err(|error| unreadable(PULLING, error).with("object", &self.selection.object))?,
            };
            // Only now, since a step that failed may be repeated.
            self.position.began = Some(began);
            self.position.ahead = seconds_ahead(&response.head, io.now())?;
            self.position.total = self.position.total.or(page.total);
            if let Some(row) = last {
                match &mut self.position.walk {
                    Walk::Everything { after } => *after = Some(row.id),
                    Walk::Window { after, .. } => {
                        let stamp = row.stamp.ok_or_else(|| {
                            Error::new(
                                ErrorKind::Protocol,
                                "Salesforce gave a changed record without its time of change",
                            )
                            .operation(PULLING)
                            .with("record", &row.id)
                        })?;
                        *after = Some((stamp, row.id));
                    }
                }
            }
            self.locator = match page.next {
                // A limited query ends before the records do, and its locator with it.
                Some(url) if !page.done && !all && limit.is_none() => Some(Locator {
                    url,
                    received: io.now(),
                }),
                _ => None,
            };
            // A query that gave nothing has nothing left, whatever it says; a page of a locator may be empty since all
            // its records were deleted meanwhile.
            let exhausted = rows == 0 && !by_locator && self.locator.is_none();
            let full = limit.is_some_and(|limit| rows >= limit);
            if exhausted || (page.done && (by_locator || !full)) {
                return if self.next_part() {
                    self.more()
                } else {
                    self.done(io.now())
                };
            }
            if self.is_worth_a_job(rows, page.total) {
                self.locator = None;
                self.position.bulk = Some(BulkRead::Wanted);
            }
            return self.more();
        }
        self.more()
    }
}

#[cfg(test)]
#[path = "pull_tests.rs"]
mod tests;

//! Reading a large object through a bulk job: made once, waited for, and read page by page. What was learned is kept
//! in the pull's position, so that a restart goes on with the same job.

use std::collections::VecDeque;

use bytes::Bytes;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use syncline_core::batch::Batch;
use syncline_core::io::{Class, Effect, Head, Io, Method, Request, Response};
use syncline_core::{ErrorKind, Result};

use crate::bulk_csv::{ResultPage, damaged};
use crate::client::{Api, ask};
use crate::error::{classify, failed, unreadable};
use crate::selection::Selection;

const READING: &str = "reading an object of Salesforce through a bulk job";
/// Most records of a page of the result.
const MOST_ROWS: usize = 50_000;
/// About how large a page of the result may become; the host caps answers at several times this.
const PAGE_BYTES: usize = 16 << 20;
/// Pages read at once.
const PARALLEL: usize = 3;
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(1);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(30);

/// How far a bulk read has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum BulkRead {
    /// No job yet.
    Wanted,
    /// The job works; it was asked so many times how far it is.
    Waiting { job: String, asked: u32 },
    /// The result is read: from this locator on, of whose page so many rows were taken.
    Reading {
        job: String,
        locator: Option<String>,
        taken: usize,
    },
}

/// What a step came to.
#[derive(Debug, PartialEq)]
pub(crate) enum BulkStep {
    /// Rows were added, or something was learned.
    Moved,
    /// Nothing to do for so long.
    Wait(SignedDuration),
    /// Everything was read.
    Done,
    /// The job can't be used: read without one. The reason, for the log.
    Unusable(String),
}

#[derive(Deserialize)]
struct Job {
    id: String,
    state: String,
    #[serde(rename = "errorMessage")]
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pages {
    result_pages: Vec<PageUrl>,
    /// The documentation names it both ways.
    #[serde(alias = "nextRecordUrl")]
    next_records_url: Option<String>,
}

#[derive(Deserialize)]
struct PageUrl {
    #[serde(rename = "resultUrl", alias = "resultLink")]
    url: String,
}

/// Pages that were fetched and not read through yet; lost with the task, and then fetched again.
#[derive(Debug, Default)]
pub(crate) struct BulkReader {
    page: Option<(ResultPage, Option<String>)>,
    /// Addresses of pages that can be read at once, from the next page on.
    ahead: VecDeque<String>,
    /// Where further addresses are.
    more_ahead: Option<String>,
    /// The first of the pages at these addresses.
    fetched: VecDeque<ResultPage>,
    /// Records per page, once it had to be lowered.
    size: Option<usize>,
    /// How long a page was whose last line did not end.
    doubted: Option<usize>,
    /// Whether several pages are read at once.
    pub(crate) parallel: bool,
}

impl BulkReader {
    /// One call, or rows of a page that is here.
    ///
    /// # Errors
    /// As [`Io::send`].
    #[expect(clippy::too_many_arguments, reason = "each is of another owner")]
    pub(crate) async fn step(
        &mut self,
        io: &dyn Io,
        api: &Api,
        selection: &Selection,
        soql: &str,
        read: &mut BulkRead,
        rows: usize,
        batch: &mut Batch,
    ) -> Result<BulkStep> {
        match read {
            BulkRead::Wanted => {
                let body = serde_json::json!({
                    "operation": "query", "query": soql, "contentType": "CSV", "columnDelimiter": "COMMA",
                    "lineEnding": "LF"
                });
                let (response, class) = ask(io, post(api, &body)?).await?;
                match class {
                    Class::Success => {
                        let job: Job =
                            serde_json::from_slice(&response.body).map_err(|error| unreadable(READING, error))?;
                        *read = BulkRead::Waiting { job: job.id, asked: 0 };
                        Ok(BulkStep::Wait(FIRST_WAIT))
                    }
                    Class::TokenExpired | Class::Reauthorise | Class::RateLimited { .. } | Class::Retryable { .. } => {
                        Err(failed(class, READING))
                    }
                    // The allowance is spent, the organisation has no bulk jobs, or the query is not one for them.
                    class => Ok(BulkStep::Unusable(failed(class, READING).message().to_owned())),
                }
            }
            BulkRead::Waiting { job, asked } => {
                let (response, class) = ask(io, Request::get(api.data(&format!("jobs/query/{job}")))).await?;
                match class {
                    Class::Success => {}
                    Class::NotFound | Class::Rejected { .. } => {
                        return Ok(BulkStep::Unusable("the job is gone".to_owned()));
                    }
                    class => return Err(failed(class, READING)),
                }
                let told: Job = serde_json::from_slice(&response.body).map_err(|error| unreadable(READING, error))?;
                match told.state.as_str() {
                    "JobComplete" => {
                        *read = BulkRead::Reading {
                            job: told.id,
                            locator: None,
                            taken: 0,
                        };
                        Ok(BulkStep::Moved)
                    }
                    "Failed" | "Aborted" => {
                        let why = told.error.unwrap_or_else(|| told.state.to_lowercase());
                        Ok(BulkStep::Unusable(format!("the job ended without a result: {why}")))
                    }
                    _ => {
                        *asked = asked.saturating_add(1);
                        let wait = FIRST_WAIT * 2_i32.saturating_pow((*asked).min(5));
                        Ok(BulkStep::Wait(wait.min(LONGEST_WAIT)))
                    }
                }
            }
            BulkRead::Reading { job, locator, taken } => {
                if self.page.is_none() {
                    match self.fetch(io, api, selection, job, locator.as_deref()).await? {
                        Some(step) => return Ok(step),
                        None => {
                            if let Some((page, _)) = &mut self.page {
                                page.skip(*taken)?;
                            }
                        }
                    }
                }
                let Some((page, next)) = &mut self.page else {
                    return Ok(BulkStep::Moved);
                };
                *taken += page.rows(rows, batch)?;
                if !page.is_exhausted() {
                    return Ok(BulkStep::Moved);
                }
                let next = next.take();
                self.page = None;
                let Some(next) = next else {
                    return Ok(BulkStep::Done);
                };
                *locator = Some(next);
                *taken = 0;
                Ok(BulkStep::Moved)
            }
        }
    }

    /// Fetches the page at a locator, and with it those behind it where several are read at once.
    async fn fetch(
        &mut self,
        io: &dyn Io,
        api: &Api,
        selection: &Selection,
        job: &str,
        locator: Option<&str>,
    ) -> Result<Option<BulkStep>> {
        if self.parallel
            && let Some(page) = self.fetched_ahead(io, api, selection, job, locator).await?
        {
            self.page = Some(page);
            return Ok(None);
        }
        let width = 60 + 30 * selection.projection.fields.len();
        let size = self.size.unwrap_or((PAGE_BYTES / width).clamp(2_000, MOST_ROWS));
        let mut path = format!("jobs/query/{job}/results?maxRecords={size}");
        if let Some(locator) = locator {
            path.push_str(&format!("&locator={}", crate::client::encoded(locator)));
        }
        let answer = ask(io, csv(api.data(&path))).await;
        let (response, class) = match answer {
            Ok(answer) => answer,
            // Larger than the host takes in.
            Err(error) if error.kind() == ErrorKind::Protocol && size > 2_000 => {
                self.size = Some(size / 4);
                return Ok(Some(BulkStep::Moved));
            }
            Err(error) => return Err(error),
        };
        match class {
            Class::Success => {}
            Class::NotFound | Class::CursorExpired | Class::Rejected { .. } => {
                return Ok(Some(BulkStep::Unusable("the job's result is gone".to_owned())));
            }
            class => return Err(failed(class, READING)),
        }
        self.page = Some((
            page_of(&response, selection, &mut self.doubted)?,
            next_locator(&response.head),
        ));
        Ok(None)
    }

    /// The next of the pages that the service offers to be read at once, and the locator of the one behind it; `None`
    /// where there are none, or where the reading began elsewhere.
    async fn fetched_ahead(
        &mut self,
        io: &dyn Io,
        api: &Api,
        selection: &Selection,
        job: &str,
        locator: Option<&str>,
    ) -> Result<Option<(ResultPage, Option<String>)>> {
        if self.ahead.is_empty() {
            // Gone on with after a restart: one page after the other.
            if locator.is_some()
                || !self
                    .load_ahead(io, api.data(&format!("jobs/query/{job}/resultPages")))
                    .await?
            {
                self.parallel = false;
                return Ok(None);
            }
        }
        if self.fetched.is_empty() {
            let requests = self
                .ahead
                .iter()
                .take(PARALLEL)
                .map(|url| Ok(csv(api.data_link(url)?)))
                .collect::<Result<Vec<_>>>()?;
            let mut pages = VecDeque::new();
            for answer in io.send_all(requests).await {
                let response = answer?;
                let class = classify(&response.head, &response.body);
                if class != Class::Success {
                    return Err(failed(class, READING));
                }
                pages.push_back(page_of(&response, selection, &mut self.doubted)?);
            }
            self.fetched = pages;
        }
        // Before the page is taken, so that where to go on behind it is known whenever it is.
        if self.ahead.len() == 1
            && let Some(more) = self.more_ahead.take()
        {
            self.load_ahead(io, api.data_link(&more)?).await?;
        }
        let page = self.fetched.pop_front();
        self.ahead.pop_front();
        let next = self.ahead.front().map(|url| locator_in(url));
        Ok(page.map(|page| (page, next)))
    }

    /// Asks which pages can be read at once; false where the service has no such thing.
    async fn load_ahead(&mut self, io: &dyn Io, url: String) -> Result<bool> {
        let (response, class) = ask(io, Request::get(url)).await?;
        if class != Class::Success {
            return Ok(false);
        }
        let pages: Pages = serde_json::from_slice(&response.body).map_err(|error| unreadable(READING, error))?;
        self.ahead.extend(pages.result_pages.into_iter().map(|page| page.url));
        self.more_ahead = pages.next_records_url;
        Ok(!self.ahead.is_empty())
    }
}

fn locator_in(url: &str) -> String {
    let locator = url.split_once("locator=").map_or("", |(_, rest)| rest);
    let locator = locator.split('&').next().unwrap_or_default();
    percent_encoding::percent_decode_str(locator)
        .decode_utf8_lossy()
        .into_owned()
}

/// A page, and whether its last line ends. A body cut short within its last value still reads as CSV, so a page that
/// just stops is fetched once more; one that then is as long as before is what the service has.
fn page_of(response: &Response, selection: &Selection, doubted: &mut Option<usize>) -> Result<ResultPage> {
    let length = response.body.len();
    if response.body.last().is_some_and(|byte| *byte != b'\n') && *doubted != Some(length) {
        *doubted = Some(length);
        return Err(damaged("the last line of a page of the result does not end").operation(READING));
    }
    let expected = response
        .head
        .header("sforce-numberofrecords")
        .and_then(|number| number.trim().parse().ok());
    ResultPage::new(&response.body, expected, selection).map_err(|error| error.operation(READING))
}

/// Where the next page is; the word null at the end.
fn next_locator(head: &Head) -> Option<String> {
    head.header("sforce-locator")
        .map(str::trim)
        .filter(|locator| !matches!(*locator, "" | "null"))
        .map(str::to_owned)
}

fn post(api: &Api, body: &serde_json::Value) -> Result<Request> {
    let body = serde_json::to_vec(body).map_err(|error| unreadable(READING, error))?;
    // A job made twice is one job too many and nothing worse.
    Ok(Request::new(Method::Post, api.data("jobs/query"), Effect::Read).json(Bytes::from(body)))
}

/// A read of CSV.
pub(crate) fn csv(url: String) -> Request {
    let mut request = Request::get(url);
    request.headers = vec![("accept".into(), "text/csv".into())];
    request
}

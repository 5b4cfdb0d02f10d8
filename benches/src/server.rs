//! A Salesforce that serves generated pages from memory; everything but the query is the simulator's.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use syncline_benches::generator::{PAGE, id_page, page};
use syncline_simulators::Options;
use syncline_simulators::salesforce::Salesforce;
use tower::ServiceExt;

use crate::failure::Result;

/// What a program needs to connect, as the first line that the server prints.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
}

/// The locator of the first page.
pub(crate) const FIRST: &str = "/services/data/v66.0/query/0r8xx-0";

struct Records {
    total: usize,
    pages: Vec<OnceLock<Bytes>>,
    ids: Vec<OnceLock<Bytes>>,
    simulator: Router,
}

impl Records {
    fn page(&self, start: usize, whole: bool) -> Bytes {
        let index = (start / PAGE).min(self.pages.len() - 1);
        let start = index * PAGE;
        if whole {
            self.pages[index].get_or_init(|| page(start, self.total).into()).clone()
        } else {
            self.ids[index]
                .get_or_init(|| id_page(start, self.total).into())
                .clone()
        }
    }
}

/// Serves until standard input is closed, which is when the parent is gone.
pub(crate) fn serve(total: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let salesforce = Salesforce::new(Options {
            records: 1,
            ..Options::default()
        })?;
        let pages = total.div_ceil(PAGE).max(1);
        let records = Arc::new(Records {
            total,
            pages: (0..pages).map(|_| OnceLock::new()).collect(),
            ids: (0..pages).map(|_| OnceLock::new()).collect(),
            simulator: salesforce.router(),
        });
        // Made beforehand: a page is to cost its bytes alone.
        for start in (0..total).step_by(PAGE) {
            records.page(start, true);
            records.page(start, false);
        }
        let router = Router::new()
            .route("/services/data/v66.0/query", get(query))
            .route("/services/data/v66.0/queryAll", get(query))
            .route("/services/data/v66.0/query/{locator}", get(more))
            .fallback(other)
            .with_state(records);
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let credentials = salesforce.credentials();
        let address = Address {
            url: format!("http://{}", listener.local_addr()?),
            client_id: credentials.client_id,
            client_secret: credentials.client_secret,
            access_token: credentials.access_token,
            refresh_token: credentials.refresh_token,
        };
        println!("{}", serde_json::to_string(&address)?);
        axum::serve(listener, router).await?;
        Ok(())
    })
}

async fn query(State(records): State<Arc<Records>>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    if !query.contains("FROM%20Contact") {
        return other(State(records), request).await;
    }
    let whole = query.contains("FirstName");
    // A change window is empty: nothing changes here.
    let body = if query.contains("%3E%3D") {
        Bytes::from_static(br#"{"totalSize":0,"done":true,"records":[]}"#)
    } else {
        records.page(0, whole)
    };
    answer(if whole { body } else { ids(&body) })
}

/// Locators of a sweep lead to pages of ids.
fn ids(body: &Bytes) -> Bytes {
    let text = String::from_utf8_lossy(body).replacen("query/0r8xx-", "query/0r8id-", 1);
    Bytes::from(text)
}

async fn more(State(records): State<Arc<Records>>, Path(locator): Path<String>) -> Response {
    let start = locator
        .rsplit('-')
        .next()
        .and_then(|start| start.parse().ok())
        .unwrap_or(0);
    if locator.starts_with("0r8id") {
        answer(ids(&records.page(start, false)))
    } else {
        answer(records.page(start, true))
    }
}

async fn other(State(records): State<Arc<Records>>, request: Request) -> Response {
    match records.simulator.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn answer(body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json;charset=UTF-8"),
    );
    // The engine takes its windows from here; what is generated is older than this.
    headers.insert(header::DATE, HeaderValue::from_static("Fri, 20 Nov 2026 10:00:00 GMT"));
    response
}

//! Addresses and requests of the REST API.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use syncline_core::io::{Class, Config, Effect, Head, Io, Method, Request, Response};
use syncline_core::{Error, ErrorKind, Result};

use crate::error::{classify, failed, unreadable};
use crate::manifest::{LEAST_PAGE_SIZE, PAGE_SIZE};
use crate::version::{self, Version};

/// Longest address sent: Salesforce refuses at about 16 KB, headers included.
pub(crate) const LONGEST_URL: usize = 15_000;

/// Queries stop at 120 s on the server's side; a batch write with triggers may take as long.
const PATIENCE: Duration = Duration::from_secs(150);

/// What `q=` may hold as it is: everything that RFC 3986 allows there but `+`, `&` and `=`, which forms give a meaning.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b',')
    .remove(b'(')
    .remove(b')')
    .remove(b':');

const DATE: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new();
const DATE_PRINTER: rfc2822::DateTimePrinter = rfc2822::DateTimePrinter::new();

/// The address of one organisation's API.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    base_url: String,
    version: Version,
}

impl Api {
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let pinned = version::pinned(config)?;
        // What was agreed on is kept only while it is still what the pin allows: the pin may have been lowered since.
        let agreed = config.api_version.as_deref().and_then(Version::parse);
        Ok(Self {
            base_url: config.base_url.trim_end_matches('/').to_owned(),
            version: agreed.map_or(pinned, |agreed| agreed.min(pinned)),
        })
    }

    /// The same organisation, spoken to in another version.
    pub(crate) fn with_version(&self, version: Version) -> Self {
        Self {
            version,
            ..self.clone()
        }
    }

    /// The instance's own address.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// A path below the versioned data API.
    pub(crate) fn data(&self, path: &str) -> String {
        format!("{}/services/data/v{}/{path}", self.base_url, self.version)
    }

    /// The version that is spoken.
    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// Where the streaming API is spoken.
    pub(crate) fn streaming(&self) -> String {
        format!("{}/cometd/{}", self.base_url, self.version)
    }

    /// A path below the instance.
    pub(crate) fn instance(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// A query, `all` with what lies in the recycle bin.
    pub(crate) fn query(&self, soql: &str, all: bool, page: usize) -> Result<Request> {
        let resource = if all { "queryAll" } else { "query" };
        let url = self.data(&format!("{resource}?q={}", encoded(soql)));
        if url.len() > LONGEST_URL {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the query is longer than Salesforce takes; map fewer fields of this object",
            )
            .with("characters", url.len()));
        }
        Ok(paged(Request::get(url), page))
    }

    /// The next page of a query.
    pub(crate) fn follow(&self, next: &str, page: usize) -> Result<Request> {
        Ok(paged(Request::get(self.data_link(next)?), page))
    }

    /// An address that an answer named by its path.
    pub(crate) fn data_link(&self, path: &str) -> Result<String> {
        // The token must not travel to wherever an answer points.
        if !path.starts_with("/services/data/") {
            return Err(Error::new(
                ErrorKind::Protocol,
                "Salesforce named a next page outside of its data API",
            ));
        }
        Ok(self.instance(path))
    }

    /// How long an address a query of this text makes.
    pub(crate) fn query_length(&self, soql: &str) -> usize {
        self.data("queryAll?q=").len() + encoded(soql).len()
    }

    /// A write, with the headers that keep assignment and alert rules from changing what was asked for.
    pub(crate) fn write(&self, method: Method, path: &str, effect: Effect) -> Request {
        let mut request = Request::new(method, self.data(path), effect)
            .header("sforce-call-options", "client=syncline")
            .header("sforce-auto-assign", "FALSE")
            .header("sforce-duplicate-rule-header", "allowSave=true");
        request.timeout = Some(PATIENCE);
        request
    }
}

fn paged(request: Request, page: usize) -> Request {
    let size = page.clamp(LEAST_PAGE_SIZE, PAGE_SIZE);
    let mut request = request
        .header("sforce-query-options", format!("batchSize={size}"))
        .header("sforce-call-options", "client=syncline");
    request.timeout = Some(PATIENCE);
    request
}

/// Text as it may stand in an address.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, IN_QUERY).to_string()
}

/// Sends a request and says what the answer means.
pub(crate) async fn ask(io: &dyn Io, request: Request) -> Result<(Response, Class)> {
    let response = io.send(request).await?;
    let class = classify(&response.head, &response.body);
    Ok((response, class))
}

/// Sends a request that must succeed.
pub(crate) async fn read(io: &dyn Io, request: Request, operation: &'static str) -> Result<Response> {
    match ask(io, request).await? {
        (response, Class::Success) => Ok(response),
        (_, class) => Err(failed(class, operation)),
    }
}

/// Sends a request that must succeed and reads its JSON.
pub(crate) async fn read_json<T: DeserializeOwned>(
    io: &dyn Io,
    request: Request,
    operation: &'static str,
) -> Result<T> {
    let response = read(io, request, operation).await?;
    serde_json::from_slice(&response.body).map_err(|error| unreadable(operation, error))
}

/// The server's time when it answered.
///
/// # Errors
/// `Protocol` without a readable `Date` header: our own clock can't stand in for it, since records would be lost by
/// the difference.
pub(crate) fn server_time(head: &Head) -> Result<Timestamp> {
    head.header("date")
        .and_then(|date| DATE.parse_timestamp(date.trim()).ok())
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Protocol,
                "the answer of Salesforce has no readable Date header; is a proxy in between?",
            )
        })
}

/// How many seconds the server's clock is ahead of ours, which says `now`.
///
/// # Errors
/// As [`server_time`].
pub(crate) fn seconds_ahead(head: &Head, now: Timestamp) -> Result<i64> {
    Ok(server_time(head)?.duration_since(now).as_secs())
}

/// The server's time when it began to answer at the latest: its `Date` less the whole time the request took, a second
/// for the header's precision included.
pub(crate) fn server_time_at_start(head: &Head, took: SignedDuration) -> Result<Timestamp> {
    let took = took.clamp(SignedDuration::ZERO, SignedDuration::from_hours(1)) + SignedDuration::from_secs(1);
    Ok(server_time(head)? - took)
}

/// An instant as HTTP headers write it.
pub(crate) fn http_date(at: Timestamp) -> Option<String> {
    DATE_PRINTER.timestamp_to_rfc9110_string(&at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::API_VERSION_SETTING;

    fn config(version: &str) -> Config {
        Config {
            base_url: "https://acme.my.salesforce.com/".into(),
            settings: [(API_VERSION_SETTING.to_owned(), version.to_owned())].into(),
            ..Config::default()
        }
    }

    #[test]
    fn addresses_carry_the_version_and_encode_the_query() {
        let api = Api::new(&config("67.0")).unwrap();
        let request = api
            .query("SELECT Id,Name FROM Account WHERE Name = 'A+B&C'", true, 5_000)
            .unwrap();
        assert_eq!(
            request.url,
            "https://acme.my.salesforce.com/services/data/v67.0/queryAll?q=SELECT%20Id,Name%20FROM%20Account%20WHERE%20Name%20%3D%20%27A%2BB%26C%27"
        );
        assert!(
            request
                .headers
                .contains(&("sforce-query-options".into(), "batchSize=2000".into()))
        );
    }

    #[test]
    fn a_version_that_would_change_the_address_is_refused() {
        for version in ["66", "66.0/..", "", "x.y", "66.0?"] {
            assert_eq!(
                Api::new(&config(version)).unwrap_err().kind(),
                ErrorKind::Invalid,
                "{version}"
            );
        }
    }

    #[test]
    fn a_next_page_elsewhere_is_not_followed() {
        let api = Api::new(&config("66.0")).unwrap();
        for next in [
            "@evil.example/services/data/",
            "https://evil.example/",
            "//evil.example/",
            ".evil.example/",
        ] {
            assert_eq!(
                api.follow(next, 2_000).unwrap_err().kind(),
                ErrorKind::Protocol,
                "{next}"
            );
        }
    }

    #[test]
    fn the_time_a_request_took_is_taken_off_the_servers_time() {
        let head = Head {
            status: 200,
            headers: vec![("date".into(), "Thu, 25 Jun 2015 21:54:54 GMT".into())],
        };
        let at = server_time_at_start(&head, SignedDuration::from_secs(3)).unwrap();
        assert_eq!(at.to_string(), "2015-06-25T21:54:50Z");
        assert_eq!(
            http_date(server_time(&head).unwrap()).unwrap(),
            "Thu, 25 Jun 2015 21:54:54 GMT"
        );
        assert_eq!(server_time(&Head::default()).unwrap_err().kind(), ErrorKind::Protocol);
    }

    #[test]
    fn a_query_longer_than_an_address_may_be_is_unsupported() {
        let api = Api::new(&config("66.0")).unwrap();
        let soql = format!("SELECT {} FROM Account", "Field__c,".repeat(2_000));
        assert_eq!(
            api.query(&soql, false, 2_000).unwrap_err().kind(),
            ErrorKind::Unsupported
        );
    }
}

//! Paths of the API and the sending of reads.

use bytes::Bytes;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::io::{Class, Config, Effect, Io, Method, Request, Response};

use crate::error::{classify, failure, unreadable};
use crate::manifest::{API_BASE, DEFAULT_VERSION, VERSION_SETTING};

/// Everything but the unreserved characters of a URL.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Encodes one path segment or query value.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Builds the URLs of one connection: numbered (`/crm/v3/objects/...`) or dated (`/crm/objects/2026-09/...`).
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    base: String,
    /// The date of dated paths, `None` for the numbered ones.
    date: Option<String>,
}

impl Paths {
    /// The paths of a connection.
    ///
    /// # Errors
    /// `Invalid` when the setting `api_version` is neither `v3` nor a month such as `2026-09`.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let version = config.setting(VERSION_SETTING).unwrap_or(DEFAULT_VERSION).trim();
        let date = match version {
            "v3" => None,
            dated if is_month(dated) => Some(dated.to_owned()),
            other => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!("the setting {VERSION_SETTING} is `{other}`; use a month such as {DEFAULT_VERSION}, or v3"),
                ));
            }
        };
        let base = config.base_url.trim_end_matches('/');
        Ok(Self {
            base: if base.is_empty() { API_BASE } else { base }.to_owned(),
            date,
        })
    }

    fn url(&self, api: &str, number: &str, resource: &str) -> String {
        let Self { base, date } = self;
        match (date, api.split_once('/')) {
            (Some(date), _) => format!("{base}/{api}/{date}{resource}"),
            // The number stands behind the first part: /crm/v3/objects, /account-info/v3/details.
            (None, Some((first, rest))) => format!("{base}/{first}/{number}/{rest}{resource}"),
            (None, None) => format!("{base}/{api}/{number}{resource}"),
        }
    }

    /// An object's records; `tail` starts with a slash or a question mark.
    pub(crate) fn objects(&self, object: &str, tail: &str) -> String {
        self.url("crm/objects", "v3", &format!("/{}{tail}", encode(object)))
    }

    /// An object's property definitions.
    pub(crate) fn properties(&self, object: &str) -> String {
        self.url("crm/properties", "v3", &format!("/{}?archived=false", encode(object)))
    }

    /// The groups of an object's properties.
    pub(crate) fn property_groups(&self, object: &str) -> String {
        self.url("crm/properties", "v3", &format!("/{}/groups", encode(object)))
    }

    /// Where an object's properties are made.
    pub(crate) fn new_property(&self, object: &str) -> String {
        self.url("crm/properties", "v3", &format!("/{}", encode(object)))
    }

    /// An object's pipelines.
    pub(crate) fn pipelines(&self, object: &str) -> String {
        self.url("crm/pipelines", "v3", &format!("/{}", encode(object)))
    }

    /// Descriptions of custom objects.
    pub(crate) fn schemas(&self) -> String {
        self.url("crm-object-schemas", "v3", "/schemas")
    }

    /// A page of owners.
    pub(crate) fn owners(&self, query: &str) -> String {
        self.url("crm/owners", "v3", query)
    }

    /// A batch call on the associations of a pair of objects.
    pub(crate) fn associations(&self, from: &str, to: &str, verb: &str) -> String {
        self.url(
            "crm/associations",
            "v4",
            &format!("/{}/{}/batch/{verb}", encode(from), encode(to)),
        )
    }

    /// The labels that links between two objects can carry.
    pub(crate) fn association_labels(&self, from: &str, to: &str) -> String {
        self.url(
            "crm/associations",
            "v4",
            &format!("/{}/{}/labels", encode(from), encode(to)),
        )
    }

    /// A part of the webhooks journal: `journal-local` or `subscriptions`; `tail` starts with a slash or is empty.
    pub(crate) fn journal(&self, part: &str, tail: &str) -> String {
        let base = &self.base;
        match self.date {
            // Later dates of the same API are not published everywhere.
            Some(_) => format!("{base}/webhooks-journal/{part}/2026-03{tail}"),
            None => format!("{base}/webhooks/v4/{part}{tail}"),
        }
    }

    /// Files; `tail` starts with a slash or a question mark, or is empty.
    pub(crate) fn files(&self, tail: &str) -> String {
        self.url("files", "v3", &format!("/files{tail}"))
    }

    /// The account's details.
    pub(crate) fn account(&self) -> String {
        self.url("account-info", "v3", "/details")
    }
}

fn is_month(text: &str) -> bool {
    let bytes = text.as_bytes();
    let plain = text.strip_suffix("-beta").unwrap_or(text).len() == 7;
    plain
        && bytes.get(4) == Some(&b'-')
        && bytes
            .iter()
            .take(7)
            .enumerate()
            .all(|(at, byte)| at == 4 || byte.is_ascii_digit())
}

/// A connection's paths and its way out.
#[derive(Clone)]
pub(crate) struct Client<'a> {
    pub(crate) io: &'a dyn Io,
    pub(crate) paths: Paths,
}

impl<'a> Client<'a> {
    /// A client of a connection.
    ///
    /// # Errors
    /// As [`Paths::new`].
    pub(crate) fn new(io: &'a dyn Io, config: &Config) -> Result<Self> {
        Ok(Self {
            io,
            paths: Paths::new(config)?,
        })
    }

    /// Sends a read whose answer must be a success.
    ///
    /// # Errors
    /// As [`Io::send`], and what [`failure`] makes of any other class of answer.
    pub(crate) async fn read(&self, operation: &'static str, request: Request) -> Result<Response> {
        check(operation, self.io.send(request).await?)
    }

    /// Sends several reads at once, all of whose answers must be successes.
    ///
    /// # Errors
    /// As [`Client::read`], for the first that failed.
    pub(crate) async fn read_all(&self, operation: &'static str, requests: Vec<Request>) -> Result<Vec<Response>> {
        if let [_] = requests.as_slice() {
            let Some(request) = requests.into_iter().next() else {
                return Ok(Vec::new());
            };
            return Ok(vec![self.read(operation, request).await?]);
        }
        let answers = self.io.send_all(requests).await;
        answers.into_iter().map(|answer| check(operation, answer?)).collect()
    }

    /// Reads a JSON document by GET.
    ///
    /// # Errors
    /// As [`Client::read`], and `Protocol` when the answer can't be read.
    pub(crate) async fn get<T: DeserializeOwned>(&self, operation: &'static str, url: String) -> Result<T> {
        parse(operation, &self.read(operation, Request::get(url)).await?.body)
    }
}

/// Refuses an answer that is no success.
pub(crate) fn check(operation: &'static str, response: Response) -> Result<Response> {
    match classify(&response.head, &response.body) {
        Class::Success => Ok(response),
        class => Err(failure(operation, class, &response)),
    }
}

/// Reads a body.
pub(crate) fn parse<T: DeserializeOwned>(operation: &'static str, body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|cause| unreadable(operation, cause))
}

/// A POST with a JSON body.
pub(crate) fn post(url: String, effect: Effect, body: &impl Serialize) -> Request {
    // Serialising maps of texts to memory can't fail; an empty body would be refused by the provider, not lost.
    Request::new(Method::Post, url, effect).json(Bytes::from(serde_json::to_vec(body).unwrap_or_default()))
}

/// The server's time, by the Date header; the host's where a proxy removed it.
pub(crate) fn server_time(response: &Response, io: &dyn Io) -> Timestamp {
    static PARSER: DateTimeParser = DateTimeParser::new();
    response
        .head
        .header("date")
        .and_then(|date| PARSER.parse_timestamp(date).ok())
        .unwrap_or_else(|| io.now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(version: &str) -> Result<Paths> {
        Paths::new(&Config {
            base_url: "http://h/".into(),
            settings: [(VERSION_SETTING.to_owned(), version.to_owned())].into(),
            ..Config::default()
        })
    }

    #[test]
    fn paths_are_numbered_or_dated() {
        let (old, new) = (paths("v3").unwrap(), paths("2026-09").unwrap());
        assert_eq!(
            old.objects("contacts", "/batch/read"),
            "http://h/crm/v3/objects/contacts/batch/read"
        );
        assert_eq!(
            new.objects("contacts", "/batch/read"),
            "http://h/crm/objects/2026-09/contacts/batch/read"
        );
        assert_eq!(old.schemas(), "http://h/crm-object-schemas/v3/schemas");
        assert_eq!(new.schemas(), "http://h/crm-object-schemas/2026-09/schemas");
        assert_eq!(
            old.associations("contacts", "companies", "read"),
            "http://h/crm/v4/associations/contacts/companies/batch/read"
        );
        assert_eq!(
            new.associations("contacts", "companies", "read"),
            "http://h/crm/associations/2026-09/contacts/companies/batch/read"
        );
        assert_eq!(old.files("/7"), "http://h/files/v3/files/7");
        assert_eq!(
            new.files("/search?limit=1"),
            "http://h/files/2026-09/files/search?limit=1"
        );
        assert_eq!(old.account(), "http://h/account-info/v3/details");
        assert_eq!(new.account(), "http://h/account-info/2026-09/details");
        assert_eq!(new.owners("?limit=1"), "http://h/crm/owners/2026-09?limit=1");
        assert_eq!(old.properties("a/b"), "http://h/crm/v3/properties/a%2Fb?archived=false");
    }

    #[test]
    fn an_unknown_version_is_refused_with_what_to_write() {
        let error = paths("latest").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains("2026-09"));
        assert!(paths("2027-03-beta").is_ok());
    }
}

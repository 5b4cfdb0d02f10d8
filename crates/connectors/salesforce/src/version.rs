//! Which API version to speak: the pinned one, or the newest that the organisation has if that is older.

use std::fmt;

use serde::Deserialize;
use syncline_core::io::{Auth, Class, Config, Head, Io, Request};
use syncline_core::{Error, ErrorKind, Result};

use crate::client::{Api, ask};
use crate::manifest::{API_VERSION, API_VERSION_SETTING};

const AGREEING: &str = "agreeing on an API version with Salesforce";

/// A version such as 66.0. Salesforce has only ever counted the first number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    major: u16,
    minor: u16,
}

impl Version {
    /// Reads `66.0` or `v66.0`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.trim_start_matches('v').split_once('.')?;
        let number = |text: &str| {
            let digits = !text.is_empty() && text.len() < 4 && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        Some(Self {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The version that the connection is not to go beyond.
///
/// # Errors
/// `Invalid` when the setting is no version.
pub(crate) fn pinned(config: &Config) -> Result<Version> {
    let text = config.setting(API_VERSION_SETTING).unwrap_or(API_VERSION);
    Version::parse(text)
        .ok_or_else(|| Error::new(ErrorKind::Invalid, "api_version must look like 66.0").with("api_version", text))
}

/// What was agreed on.
#[derive(Debug)]
pub(crate) struct Agreed {
    pub(crate) version: Version,
    pub(crate) warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Listed {
    version: String,
}

/// The pinned version, or the newest of the organisation if it does not have the pinned one yet.
///
/// # Errors
/// As [`Io::send`]; `Rejected` when the pinned version is retired.
pub(crate) async fn negotiate(io: &dyn Io, api: &Api, pinned: Version) -> Result<Agreed> {
    let mut request = Request::get(api.instance("/services/data"));
    request.auth = Auth::None;
    let (response, class) = ask(io, request).await?;
    let listed: Vec<Listed> = match class {
        Class::Success => serde_json::from_slice(&response.body).unwrap_or_default(),
        _ => Vec::new(),
    };
    let versions: Vec<Version> = listed
        .iter()
        .filter_map(|listed| Version::parse(&listed.version))
        .collect();
    let (Some(newest), Some(oldest)) = (versions.iter().max(), versions.iter().min()) else {
        // A list that can't be read is no reason not to connect: the pinned version is what nearly everybody has.
        return Ok(Agreed {
            version: pinned,
            warnings: vec![format!(
                "Salesforce did not tell its API versions, so version {pinned} is used unasked"
            )],
        });
    };
    if pinned < *oldest {
        let message = format!(
            "Salesforce has retired API version {pinned}; set api_version to one from {oldest} to {newest}, or remove \
             the setting"
        );
        return Err(Error::new(ErrorKind::Rejected, message).operation(AGREEING));
    }
    let mut warnings = Vec::new();
    if pinned > *newest {
        warnings.push(format!(
            "this organisation has no API version {pinned} yet, so {newest} is used"
        ));
    }
    Ok(Agreed {
        version: pinned.min(*newest),
        warnings,
    })
}

/// The sentence of a `Warning` header, which comes with answers in a version that is soon retired.
pub(crate) fn warning(head: &Head) -> Option<String> {
    let header = head.header("warning")?;
    // `299 - "text"` by RFC 7234; a text alone is taken as it is.
    let text = match (header.find('"'), header.rfind('"')) {
        (Some(first), Some(last)) if first < last => &header[first + 1..last],
        _ => header,
    };
    Some(format!(
        "Salesforce warns: {}; set a newer api_version",
        text.trim().trim_end_matches('.')
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ScriptedIo, api};

    const LIST: &str = r#"[{"label":"Winter '25","url":"/services/data/v62.0","version":"62.0"},
        {"label":"Spring '26","url":"/services/data/v66.0","version":"66.0"}]"#;

    async fn agreed(list: &str, pin: &str) -> Result<Agreed> {
        let io = ScriptedIo::new();
        io.answer(200, list);
        let agreed = negotiate(&io, &api(), Version::parse(pin).unwrap()).await;
        assert_eq!(io.requests()[0].url, "https://acme.my.salesforce.com/services/data");
        assert_eq!(io.requests()[0].auth, Auth::None);
        agreed
    }

    #[tokio::test]
    async fn the_older_of_pinned_and_newest_is_spoken() {
        let older = agreed(LIST, "64.0").await.unwrap();
        assert_eq!((older.version.to_string().as_str(), older.warnings.len()), ("64.0", 0));
        let newer = agreed(LIST, "67.0").await.unwrap();
        assert_eq!((newer.version.to_string().as_str(), newer.warnings.len()), ("66.0", 1));
    }

    #[tokio::test]
    async fn a_retired_pin_is_refused_with_what_to_set() {
        let error = agreed(LIST, "60.0").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(error.message().contains("62.0 to 66.0"), "{error}");
    }

    #[tokio::test]
    async fn without_a_list_the_pin_is_tried() {
        let tried = agreed("<html></html>", "66.0").await.unwrap();
        assert_eq!((tried.version.to_string().as_str(), tried.warnings.len()), ("66.0", 1));
    }

    #[test]
    fn a_warning_header_is_read_with_and_without_its_code() {
        let head = |text: &str| Head {
            status: 200,
            headers: vec![("warning".into(), text.into())],
        };
        for text in [
            r#"299 - "This API version is deprecated.""#,
            "This API version is deprecated",
        ] {
            assert_eq!(
                warning(&head(text)).unwrap(),
                "Salesforce warns: This API version is deprecated; set a newer api_version"
            );
        }
        assert_eq!(warning(&Head::default()), None);
    }
}

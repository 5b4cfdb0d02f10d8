//! The entity tag of an account: the one object whose writes can be bound to exactly the version that was read.

use jiff::Timestamp;
use serde::Deserialize;
use syncline_core::Result;
use syncline_core::io::{Class, Io, Request};

use crate::client::{Api, ask};
use crate::wire::instant;

/// What a look at the record found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// It is as it was read, and has this tag.
    Tagged(String),
    /// Somebody has changed it since.
    Changed,
    /// There is no tag to be had.
    Untagged,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stamped {
    system_modstamp: String,
}

/// Whether an object's records have entity tags.
pub(crate) fn is_tagged(object: &str) -> bool {
    object.eq_ignore_ascii_case("Account")
}

/// Reads the tag of an account that was read with this stamp.
///
/// # Errors
/// When the question can't be sent: nothing was written then.
pub(crate) async fn of(io: &dyn Io, api: &Api, object: &str, id: &str, expected: Timestamp) -> Result<Version> {
    let url = api.data(&format!("sobjects/{object}/{id}?fields=SystemModstamp"));
    let (response, class) = ask(io, Request::get(url)).await?;
    if class != Class::Success {
        return Ok(Version::Untagged);
    }
    let stamp = serde_json::from_slice::<Stamped>(&response.body)
        .ok()
        .and_then(|stamped| instant(&stamped.system_modstamp));
    Ok(match (stamp, response.head.header("etag")) {
        (Some(stamp), _) if stamp != expected => Version::Changed,
        (Some(_), Some(tag)) => Version::Tagged(tag.to_owned()),
        _ => Version::Untagged,
    })
}

//! Flows in files, in TOML or JSON.

use std::path::Path;

use syncline::flow::Flow;

use crate::failure::Failure;

/// Whether a text names a file and no flow: the names of flows have no dots.
pub(super) fn looks_like_one(text: &str) -> bool {
    text.contains('.') || text.contains(std::path::MAIN_SEPARATOR)
}

/// The flow in a file.
///
/// # Errors
/// When it can't be read, or is no flow.
pub(super) fn read(path: &Path) -> Result<Flow, Failure> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| Failure::not_found(format!("{shown} can't be read: {error}")))?;
    let is_json = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let read = if is_json {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else {
        toml::from_str(&text).map_err(|error| error.to_string().trim_end().to_owned())
    };
    read.map_err(|error| Failure::usage(format!("{shown} is no flow: {error}")))
}

/// A flow as a file.
///
/// # Errors
/// When it has no form in TOML.
pub(super) fn to_toml(flow: &Flow) -> Result<String, Failure> {
    toml::to_string(flow).map_err(|error| Failure::failed(format!("the flow can't be written as TOML: {error}")))
}

//! Reading a simulator's records directly, and the failures of acting in it by hand.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

/// Field values in the provider's own raw JSON forms.
pub type Fields = BTreeMap<String, Value>;

/// One record as the service holds it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SimulatedRecord {
    /// The provider's id.
    pub id: String,
    /// Every field that has a value.
    pub fields: Fields,
    /// Whether it is in the recycle bin or archived.
    pub deleted: bool,
    /// The id of the record it was merged into.
    pub merged_into: Option<String>,
    /// The stamp of its last change.
    pub modified: Timestamp,
    /// Whether that change came through the API with the integration's token, not from a user's hand.
    pub modified_by_integration: bool,
}

impl SimulatedRecord {
    /// A record with all its parts.
    pub(crate) fn new(id: String, fields: Fields, modified: Timestamp) -> Self {
        Self {
            id,
            fields,
            deleted: false,
            merged_into: None,
            modified,
            modified_by_integration: false,
        }
    }
}

/// Why an action by hand failed, in the provider's own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
#[non_exhaustive]
pub struct HookError {
    /// The provider's error code, such as `REQUIRED_FIELD_MISSING` or `VALIDATION_ERROR`.
    pub code: String,
    /// The provider's message.
    pub message: String,
}

impl HookError {
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }
}

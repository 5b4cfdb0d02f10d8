use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use syncline_core::error::{Error, ErrorKind};
use syncline_core::model::PRESENCE;
use syncline_core::plan::ReviewReason;
use syncline_core::state::SideId;
use uuid::Uuid;

use super::model::Review;

/// What a field is to hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldChoice {
    /// What the app holds.
    App,
    /// What the CRM of the conflict's sync holds.
    Crm,
    /// What this side holds.
    Side(SideId),
    /// This value.
    Value(serde_json::Value),
}

/// The beginning of a text, enough to recognise it.
fn short(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl FieldChoice {
    pub(super) fn words(&self, review: &Review) -> String {
        let label = |side: SideId| {
            review
                .sides
                .iter()
                .find(|shown| shown.side == side)
                .map(|shown| shown.label.clone())
        };
        match self {
            Self::App => "the app's value".to_owned(),
            Self::Crm => "the CRM's value".to_owned(),
            Self::Side(side) => match label(*side) {
                Some(label) => format!("the value of {label}"),
                None => format!("the value of side {side}"),
            },
            Self::Value(serde_json::Value::Null) => "no value".to_owned(),
            Self::Value(serde_json::Value::String(text)) => format!("the value `{}`", short(text)),
            Self::Value(other) => format!("the value {}", short(&other.to_string())),
        }
    }
}

/// How a conflict is resolved. Which one fits depends on why a person is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// For conflicts on fields: what each of the conflict's fields is to hold, by its name.
    Fields(BTreeMap<String, FieldChoice>),
    /// For records that may be the same: they are, and the staged record belongs to this candidate.
    Link(Uuid),
    /// For records that may be the same: they are not, and the staged record becomes one of its own.
    Separate,
    /// For records merged or converted in the CRM: the app keeps its record, or both of them, without a link where the
    /// CRM's is gone.
    KeepBoth,
    /// For a delete that met an edit: the record stays, and is created again where it was deleted.
    KeepRecord,
    /// For a delete that met an edit, and for records merged or converted in the CRM: the app's record is deleted; in a
    /// merge, the one whose CRM record is gone.
    DeleteRecord,
}

impl Resolution {
    /// The same choice for every field of a conflict.
    pub fn every(review: &Review, choice: &FieldChoice) -> Self {
        Self::Fields(
            review
                .fields
                .iter()
                .map(|field| (field.clone(), choice.clone()))
                .collect(),
        )
    }

    /// What to say when a resolution does not fit.
    pub(super) fn does_not_fit(review: &Review) -> Error {
        let fitting = match review.reason {
            ReviewReason::AmbiguousMatch => "link it to a candidate, or keep it separate",
            ReviewReason::MergeCollision => "keep both, or delete the app's record",
            ReviewReason::Converted => "keep it, or delete the app's record",
            _ if review.group == PRESENCE => "keep the record, or delete it",
            _ => "choose a value for each of its fields",
        };
        Error::new(
            ErrorKind::Invalid,
            format!("conflict {} can't be resolved like this; {fitting}", review.id),
        )
    }
}

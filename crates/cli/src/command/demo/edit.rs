//! One thing that a user does, and what became of it.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Who {
    /// The app's user.
    App,
    /// A user of Salesforce.
    Salesforce,
    /// A user of HubSpot.
    HubSpot,
}

impl Who {
    /// The provider, for users of a CRM.
    pub(super) const fn provider(self) -> Option<&'static str> {
        match self {
            Self::App => None,
            Self::Salesforce => Some("salesforce"),
            Self::HubSpot => Some("hubspot"),
        }
    }

    /// Its name for people.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Salesforce => "Salesforce",
            Self::HubSpot => "HubSpot",
        }
    }
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub(super) enum Action {
    /// One field is set to a value that stands nowhere else.
    Set {
        /// The field.
        field: &'static str,
        /// The value.
        value: String,
        /// The revision at which the app's user had read the entity; `None` for users of a CRM and for blind edits.
        read: Option<u64>,
    },
    /// A record is created; the value of `field` stands nowhere else.
    Create {
        /// Values by field of the blueprint.
        values: BTreeMap<&'static str, String>,
        /// The field to find it by.
        field: &'static str,
    },
    /// The record is deleted.
    Delete,
    /// The record is merged into another linked record.
    MergeInto {
        /// The entity of the survivor.
        entity: Uuid,
    },
    /// The record is merged into one that the user has just made.
    MergeIntoNew {
        /// Values of the new record by field of the blueprint.
        values: BTreeMap<&'static str, String>,
        /// The field to find it by.
        field: &'static str,
    },
}

/// What became of an edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// Not looked at yet.
    Open,
    /// It stands on every mapped side.
    Visible,
    /// A later edit, by somebody who saw it or on the same side, replaced it.
    Overwritten,
    /// It lost a conflict, and the audit keeps it.
    Overruled,
    /// It waits in an open review item.
    InReview,
    /// Whoever made it was told why it can't be.
    Refused(String),
    /// Nobody knows: a lost update.
    Unaccounted(String),
}

impl Outcome {
    /// Its name in counts.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Visible => "visible",
            Self::Overwritten => "overwritten",
            Self::Overruled => "overruled",
            Self::InReview => "in_review",
            Self::Refused(_) => "refused",
            Self::Unaccounted(_) => "unaccounted",
        }
    }
}

/// One edit of the demo.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Edit {
    /// Its number within its wave: the order in which they are made on each side.
    pub(super) number: usize,
    /// What the scenario is about.
    pub(super) scenario: &'static str,
    /// Who.
    pub(super) who: Who,
    /// What.
    #[serde(flatten)]
    pub(super) action: Action,
    /// Name of the blueprint.
    pub(super) blueprint: &'static str,
    /// The entity, once it is known.
    pub(super) entity: Option<Uuid>,
    /// The CRM's record, for users of a CRM.
    pub(super) record: Option<String>,
    /// The record that is left of a merge.
    pub(super) survivor: Option<String>,
    /// What became of it.
    pub(super) outcome: Outcome,
}

impl Edit {
    /// The field and the value by which the edit is recognised.
    pub(super) fn trace(&self) -> Option<(&'static str, &str)> {
        match &self.action {
            Action::Set { field, value, .. } => Some((field, value)),
            Action::Create { values, field } | Action::MergeIntoNew { values, field } => {
                values.get(field).map(|value| (*field, value.as_str()))
            }
            Action::Delete | Action::MergeInto { .. } => None,
        }
    }

    /// The edit in one line.
    pub(super) fn line(&self) -> String {
        let who = self.who.label();
        let what = match &self.action {
            Action::Set { field, value, .. } => format!("sets {field} to \"{value}\""),
            Action::Create { .. } => "creates".to_owned(),
            Action::Delete => "deletes".to_owned(),
            Action::MergeInto { .. } => "merges into a linked record".to_owned(),
            Action::MergeIntoNew { .. } => "merges into a new record".to_owned(),
        };
        let record = self
            .record
            .clone()
            .or_else(|| self.entity.map(|uid| uid.to_string()))
            .unwrap_or_default();
        format!("{who} {what} ({} {record}; {})", self.blueprint, self.scenario)
    }
}

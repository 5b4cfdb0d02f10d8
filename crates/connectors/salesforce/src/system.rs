//! The columns that every read carries beside the mapped fields: version stamp, deletion, merge and conversion.

use serde::{Deserialize, Serialize};
use syncline_core::Result;
use syncline_core::io::{Class, Io};

use crate::client::Api;
use crate::schema::field_names;

/// Stamps in the order of preference: only the first moves for every change.
const STAMPS: [&str; 3] = ["SystemModstamp", "LastModifiedDate", "CreatedDate"];
pub(crate) const IS_DELETED: &str = "IsDeleted";
pub(crate) const MASTER: &str = "MasterRecordId";
pub(crate) const IS_CONVERTED: &str = "IsConverted";
pub(crate) const CONVERTED_CONTACT: &str = "ConvertedContactId";
/// What a lead can become, the record that carries on what it was first.
pub(crate) const CONVERTED: [(&str, &str); 3] = [
    (CONVERTED_CONTACT, "Contact"),
    ("ConvertedAccountId", "Account"),
    ("ConvertedOpportunityId", "Opportunity"),
];

/// Which of the columns an object has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SystemColumns {
    /// The version stamp.
    pub(crate) stamp: Option<String>,
    /// `IsDeleted`.
    pub(crate) deleted: bool,
    /// `MasterRecordId`.
    pub(crate) master: bool,
    /// `IsConverted` and what it was converted into.
    pub(crate) converted: bool,
}

impl SystemColumns {
    /// What nearly every object of this name has: asking first would cost a call per object and run.
    pub(crate) fn presumed(object: &str) -> Self {
        let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(object));
        Self {
            stamp: Some(STAMPS[0].to_owned()),
            // Users are never deleted.
            deleted: !is(&["User"]),
            master: is(&["Account", "Contact", "Lead", "Case"]),
            converted: is(&["Lead"]),
        }
    }

    /// None of them, where only ids matter.
    pub(crate) fn none() -> Self {
        Self {
            stamp: None,
            deleted: false,
            master: false,
            converted: false,
        }
    }

    /// What the object has by its description.
    pub(crate) async fn described(io: &dyn Io, api: &Api, object: &str) -> Result<Self> {
        let names = field_names(io, api, object).await?;
        let has = |name: &str| names.iter().any(|known| known == name);
        Ok(Self {
            stamp: STAMPS.into_iter().find(|name| has(name)).map(str::to_owned),
            deleted: has(IS_DELETED),
            master: has(MASTER),
            converted: has(IS_CONVERTED) && CONVERTED.iter().all(|(column, _)| has(column)),
        })
    }

    /// Names of the columns that there are.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let merged: [Option<&str>; 2] = [self.deleted.then_some(IS_DELETED), self.master.then_some(MASTER)];
        self.stamp
            .as_deref()
            .into_iter()
            .chain(merged.into_iter().flatten())
            .chain(self.conversion())
    }

    /// Names of the columns that tell a converted lead.
    pub(crate) fn conversion(&self) -> impl Iterator<Item = &str> {
        let names = CONVERTED.iter().map(|(column, _)| *column);
        std::iter::once(IS_CONVERTED).chain(names).filter(|_| self.converted)
    }

    /// Whether a query failed because one of these columns does not exist, and a description will help.
    pub(crate) fn are_blamed(&self, class: &Class) -> bool {
        matches!(class, Class::Rejected { code, message } if code == "INVALID_FIELD"
            && self.names().any(|name| message.contains(&format!("'{name}'"))))
    }
}

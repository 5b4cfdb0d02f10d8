//! One simulated CRM, as its own users see it: no HTTP, no engine.

use syncline_simulators::hubspot::HubSpot;
use syncline_simulators::salesforce::Salesforce;
use syncline_simulators::{Credentials, Fields, HookError, RequestLog, SimulatedRecord};

/// A simulated CRM. Objects are named by blueprint: `company` or `person`.
#[derive(Debug, Clone)]
pub(super) enum Crm {
    /// Salesforce.
    Salesforce(Box<Salesforce>),
    /// HubSpot.
    HubSpot(HubSpot),
}

impl Crm {
    /// The provider's name in the engine.
    pub(super) const fn provider(&self) -> &'static str {
        match self {
            Self::Salesforce(_) => "salesforce",
            Self::HubSpot(_) => "hubspot",
        }
    }

    /// Its name for people.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Salesforce(_) => "Salesforce",
            Self::HubSpot(_) => "HubSpot",
        }
    }

    /// Its object of a blueprint.
    pub(super) fn object(&self, blueprint: &str) -> &'static str {
        match (self, blueprint) {
            (Self::Salesforce(_), "company") => "Account",
            (Self::Salesforce(_), _) => "Contact",
            (Self::HubSpot(_), "company") => "companies",
            (Self::HubSpot(_), _) => "contacts",
        }
    }

    /// Where it listens.
    pub(super) fn base_url(&self) -> String {
        match self {
            Self::Salesforce(salesforce) => salesforce.base_url(),
            Self::HubSpot(hubspot) => hubspot.base_url(),
        }
        .unwrap_or_default()
    }

    /// Who signs in, and the app's client.
    pub(super) fn credentials(&self) -> Credentials {
        match self {
            Self::Salesforce(salesforce) => salesforce.credentials(),
            Self::HubSpot(hubspot) => hubspot.credentials(),
        }
    }

    /// What it was asked.
    pub(super) fn log(&self) -> &RequestLog {
        match self {
            Self::Salesforce(salesforce) => salesforce.log(),
            Self::HubSpot(hubspot) => hubspot.log(),
        }
    }

    /// Live records.
    pub(super) fn count(&self, blueprint: &str) -> usize {
        match self {
            Self::Salesforce(salesforce) => salesforce.count(self.object(blueprint)),
            Self::HubSpot(hubspot) => hubspot.count(self.object(blueprint)),
        }
    }

    /// A record, live or not.
    pub(super) fn record(&self, blueprint: &str, id: &str) -> Option<SimulatedRecord> {
        match self {
            Self::Salesforce(salesforce) => salesforce.record(self.object(blueprint), id),
            Self::HubSpot(hubspot) => hubspot.record(self.object(blueprint), id),
        }
    }

    /// Every record, deleted and merged ones too.
    pub(super) fn records(&self, blueprint: &str) -> Vec<SimulatedRecord> {
        match self {
            Self::Salesforce(salesforce) => salesforce.records(self.object(blueprint)),
            Self::HubSpot(hubspot) => hubspot.records(self.object(blueprint)),
        }
    }

    /// The company that HubSpot shows for a contact: a link, not a property of the record.
    pub(super) fn linked_company(&self, id: &str) -> Option<String> {
        match self {
            Self::Salesforce(_) => None,
            Self::HubSpot(hubspot) => hubspot.associated("contacts", id, "companies").into_iter().next(),
        }
    }

    /// A user creates a record.
    ///
    /// # Errors
    /// What the CRM says.
    pub(super) fn create(&self, blueprint: &str, fields: Fields) -> Result<String, HookError> {
        match self {
            Self::Salesforce(salesforce) => salesforce.create(self.object(blueprint), fields),
            Self::HubSpot(hubspot) => hubspot.create(self.object(blueprint), fields),
        }
    }

    /// A user edits a record.
    ///
    /// # Errors
    /// What the CRM says.
    pub(super) fn update(&self, blueprint: &str, id: &str, fields: Fields) -> Result<(), HookError> {
        match self {
            Self::Salesforce(salesforce) => salesforce.update(self.object(blueprint), id, fields),
            Self::HubSpot(hubspot) => hubspot.update(self.object(blueprint), id, fields),
        }
    }

    /// A user deletes a record.
    ///
    /// # Errors
    /// What the CRM says.
    pub(super) fn delete(&self, blueprint: &str, id: &str) -> Result<(), HookError> {
        match self {
            Self::Salesforce(salesforce) => salesforce.delete(self.object(blueprint), id),
            Self::HubSpot(hubspot) => hubspot.delete(self.object(blueprint), id),
        }
    }

    /// A user merges a record into another; gives the survivor's id.
    ///
    /// # Errors
    /// What the CRM says.
    pub(super) fn merge(&self, blueprint: &str, winner: &str, loser: &str) -> Result<String, HookError> {
        let losers = [loser.to_owned()];
        match self {
            Self::Salesforce(salesforce) => salesforce.merge(self.object(blueprint), winner, &losers),
            Self::HubSpot(hubspot) => hubspot.merge(self.object(blueprint), winner, &losers),
        }
    }
}

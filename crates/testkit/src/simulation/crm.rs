//! The simulated CRMs under one set of names, so that users, checks and stories need not tell providers apart.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use syncline_simulators::fault::Injector;
use syncline_simulators::hubspot::HubSpot;
use syncline_simulators::record::{HookError, SimulatedRecord};
use syncline_simulators::salesforce::Salesforce;
use syncline_simulators::{Credentials, Faults, Fields, Options, RequestLog};

use super::scenario::{CrmPlan, Provider};

/// The objects that are synced: a blueprint and what the providers call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Object {
    Company,
    Person,
}

/// The texts of a person and of a company: blueprint, Salesforce, HubSpot.
const PERSON: [(&str, &str, &str); 6] = [
    ("email", "Email", "email"),
    ("first_name", "FirstName", "firstname"),
    ("last_name", "LastName", "lastname"),
    ("phone", "Phone", "phone"),
    ("title", "Title", "jobtitle"),
    ("city", "MailingCity", "city"),
];
const COMPANY: [(&str, &str, &str); 3] = [
    ("name", "Name", "name"),
    ("phone", "Phone", "phone"),
    ("city", "BillingCity", "city"),
];

impl Object {
    pub(super) const ALL: [Self; 2] = [Self::Company, Self::Person];

    pub(super) const fn blueprint(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Company => "company",
        }
    }

    pub(super) const fn remote(self, provider: Provider) -> &'static str {
        match (self, provider) {
            (Self::Person, Provider::Salesforce) => "Contact",
            (Self::Person, Provider::HubSpot) => "contacts",
            (Self::Company, Provider::Salesforce) => "Account",
            (Self::Company, Provider::HubSpot) => "companies",
        }
    }

    fn names(self) -> &'static [(&'static str, &'static str, &'static str)] {
        match self {
            Self::Person => &PERSON,
            Self::Company => &COMPANY,
        }
    }

    /// The fields that hold text, by the blueprint's names, in its order.
    pub(super) fn fields(self) -> impl ExactSizeIterator<Item = &'static str> {
        self.names().iter().map(|names| names.0)
    }

    /// The field without which neither CRM makes such a record.
    pub(super) const fn required(self) -> &'static str {
        match self {
            Self::Person => "last_name",
            Self::Company => "name",
        }
    }

    pub(super) fn remote_field(self, provider: Provider, field: &str) -> &'static str {
        let names = self.names().iter().find(|names| names.0 == field);
        names.map_or("", |names| match provider {
            Provider::Salesforce => names.1,
            Provider::HubSpot => names.2,
        })
    }
}

/// What a record shows: its mapped texts by blueprint field, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Shown {
    pub(super) values: BTreeMap<&'static str, String>,
    pub(super) marker: String,
    pub(super) deleted: bool,
    pub(super) merged_into: Option<String>,
}

impl Shown {
    pub(super) fn value(&self, field: &str) -> &str {
        self.values.get(field).map_or("", String::as_str)
    }
}

/// One simulated CRM account.
#[derive(Debug, Clone)]
pub(super) enum Simulator {
    Salesforce(Box<Salesforce>),
    HubSpot(HubSpot),
}

macro_rules! either {
    ($self:ident, $simulator:ident => $call:expr) => {
        match $self {
            Simulator::Salesforce($simulator) => $call,
            Simulator::HubSpot($simulator) => $call,
        }
    };
}

impl Simulator {
    pub(super) fn new(plan: &CrmPlan, options: Options) -> std::io::Result<Self> {
        Ok(match plan.provider {
            Provider::Salesforce => Self::Salesforce(Box::new(Salesforce::new(options)?)),
            Provider::HubSpot => Self::HubSpot(HubSpot::new(options)?),
        })
    }

    pub(super) const fn provider(&self) -> Provider {
        match self {
            Self::Salesforce(_) => Provider::Salesforce,
            Self::HubSpot(_) => Provider::HubSpot,
        }
    }

    pub(super) fn router(&self) -> axum::Router {
        either!(self, simulator => simulator.router())
    }

    pub(super) fn credentials(&self) -> Credentials {
        either!(self, simulator => simulator.credentials())
    }

    /// Tokens of a new authorisation, as a person gives who reconnects.
    pub(super) fn fresh_tokens(&self) -> (String, Option<String>) {
        match self {
            Self::Salesforce(salesforce) => {
                let issued = salesforce.oauth().preset();
                (issued.access_token.clone(), issued.refresh_token.clone())
            }
            Self::HubSpot(hubspot) => (hubspot.private_app_token(), None),
        }
    }

    pub(super) fn faults(&self) -> &Faults {
        either!(self, simulator => simulator.faults())
    }

    pub(super) fn log(&self) -> &RequestLog {
        either!(self, simulator => simulator.log())
    }

    pub(super) fn injector(&self) -> &Injector {
        either!(self, simulator => simulator.injector())
    }

    pub(super) fn commit_open(&self) {
        either!(self, simulator => simulator.commit_open());
    }

    pub(super) fn next_commit_late(&self, delay: SignedDuration) {
        either!(self, simulator => simulator.next_commit_late(delay));
    }

    pub(super) fn touch_all(&self, object: Object) {
        let name = object.remote(self.provider());
        let _unknown = either!(self, simulator => simulator.touch_all(name));
    }

    fn named(&self, object: Object, values: &[(&str, &str)]) -> Fields {
        values
            .iter()
            .map(|(field, value)| {
                let name = object.remote_field(self.provider(), field).to_owned();
                let value = match (self.provider(), value.is_empty()) {
                    (Provider::Salesforce, true) => serde_json::Value::Null,
                    _ => serde_json::Value::from(*value),
                };
                (name, value)
            })
            .collect()
    }

    pub(super) fn create(&self, object: Object, values: &[(&str, &str)]) -> Result<String, HookError> {
        let (name, fields) = (object.remote(self.provider()), self.named(object, values));
        either!(self, simulator => simulator.create(name, fields))
    }

    pub(super) fn update(&self, object: Object, id: &str, values: &[(&str, &str)]) -> Result<(), HookError> {
        let (name, fields) = (object.remote(self.provider()), self.named(object, values));
        either!(self, simulator => simulator.update(name, id, fields))
    }

    pub(super) fn delete(&self, object: Object, id: &str) -> Result<(), HookError> {
        let name = object.remote(self.provider());
        either!(self, simulator => simulator.delete(name, id))
    }

    pub(super) fn hard_delete(&self, object: Object, id: &str) -> Result<(), HookError> {
        let name = object.remote(self.provider());
        either!(self, simulator => simulator.hard_delete(name, id))
    }

    pub(super) fn undelete(&self, object: Object, id: &str) -> Result<(), HookError> {
        let name = object.remote(self.provider());
        either!(self, simulator => simulator.undelete(name, id))
    }

    pub(super) fn merge(&self, object: Object, winner: &str, loser: &str) -> Result<String, HookError> {
        let name = object.remote(self.provider());
        either!(self, simulator => simulator.merge(name, winner, &[loser.to_owned()]))
    }

    /// Takes a record out of the engine's sight, or gives it back; false where the CRM has no such thing.
    pub(super) fn share(&self, object: Object, id: &str, shared: bool) -> bool {
        match self {
            Self::Salesforce(salesforce) => salesforce
                .share(object.remote(Provider::Salesforce), id, shared)
                .is_ok(),
            Self::HubSpot(_) => false,
        }
    }

    /// Links a person to a company.
    pub(super) fn employ(&self, person: &str, company: &str) -> Result<(), HookError> {
        match self {
            Self::Salesforce(salesforce) => {
                let fields = [("AccountId".to_owned(), company.into())].into();
                salesforce.update("Contact", person, fields)
            }
            Self::HubSpot(hubspot) => {
                for other in hubspot.associated("contacts", person, "companies") {
                    hubspot.disassociate("contacts", person, "companies", &other)?;
                }
                hubspot.associate("contacts", person, "companies", company)
            }
        }
    }

    /// The company that a person is linked to.
    pub(super) fn employer(&self, person: &str) -> Option<String> {
        match self {
            Self::Salesforce(salesforce) => {
                let record = salesforce.record("Contact", person)?;
                record.fields.get("AccountId")?.as_str().map(ToOwned::to_owned)
            }
            Self::HubSpot(hubspot) => {
                let record = hubspot.record("contacts", person)?;
                let primary = record
                    .fields
                    .get("associatedcompanyid")
                    .and_then(serde_json::Value::as_str);
                primary
                    .filter(|id| !id.is_empty())
                    .map(ToOwned::to_owned)
                    .or_else(|| hubspot.associated("contacts", person, "companies").into_iter().next())
            }
        }
    }

    /// Every record there is or was, by id.
    pub(super) fn shown(&self, object: Object) -> BTreeMap<String, Shown> {
        let provider = self.provider();
        let name = object.remote(provider);
        let marker = match provider {
            Provider::Salesforce => "External_Id__c",
            Provider::HubSpot => "external_id",
        };
        let shown = |record: SimulatedRecord| {
            let text = |name: &str| {
                let value = record.fields.get(name).and_then(serde_json::Value::as_str);
                value.unwrap_or_default().to_owned()
            };
            let values = object
                .names()
                .iter()
                .map(|names| (names.0, text(object.remote_field(provider, names.0))))
                .collect();
            let shown = Shown {
                values,
                marker: text(marker),
                deleted: record.deleted,
                merged_into: record.merged_into.clone(),
            };
            (record.id, shown)
        };
        either!(self, simulator => simulator.records(name))
            .into_iter()
            .map(shown)
            .collect()
    }
}

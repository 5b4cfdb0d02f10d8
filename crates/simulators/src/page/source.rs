//! What the page shows of either simulator.

use serde_json::Value;

use crate::fault::Faults;
use crate::hubspot::HubSpot;
use crate::log::RequestLog;
use crate::record::{Fields, HookError, SimulatedRecord};
use crate::salesforce::Salesforce;

/// A simulator as the page sees it.
pub(crate) trait Source: Clone + Send + Sync + 'static {
    /// Its name.
    fn title(&self) -> &'static str;
    /// Its objects, and how many live records each has.
    fn objects(&self) -> Vec<(String, usize)>;
    /// Fields that a list of an object shows.
    fn columns(&self, object: &str) -> Vec<String>;
    /// How many records an object has, deleted ones too, and some of them.
    fn records(&self, object: &str, from: usize, count: usize) -> (usize, Vec<SimulatedRecord>);
    /// One record.
    fn record(&self, object: &str, id: &str) -> Option<SimulatedRecord>;
    /// Creates a record by hand.
    fn create(&self, object: &str, fields: Fields) -> Result<String, HookError>;
    /// Changes a record by hand.
    fn update(&self, object: &str, id: &str, fields: Fields) -> Result<(), HookError>;
    /// Deletes a record by hand.
    fn delete(&self, object: &str, id: &str) -> Result<(), HookError>;
    /// What a person wrote, in the provider's own form.
    fn value(&self, old: Option<&Value>, text: &str) -> Value;
    /// Its faults.
    fn faults(&self) -> &Faults;
    /// Its requests.
    fn log(&self) -> &RequestLog;
    /// Its limits, in words.
    fn limits(&self) -> Vec<(String, String)>;
}

impl Source for Salesforce {
    fn title(&self) -> &'static str {
        "Salesforce simulator"
    }

    fn objects(&self) -> Vec<(String, usize)> {
        self.object_counts()
    }

    fn columns(&self, object: &str) -> Vec<String> {
        let names: &[&str] = match object {
            "Contact" | "Lead" => &["Name", "Email", "Phone", "External_Id__c"],
            "Case" => &["CaseNumber", "Subject", "Status"],
            "Task" => &["Subject", "Status"],
            _ => &["Name", "External_Id__c"],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn records(&self, object: &str, from: usize, count: usize) -> (usize, Vec<SimulatedRecord>) {
        let (mut total, mut records) = (0, Vec::new());
        self.visit_records(object, |record| {
            if (from..from + count).contains(&total) {
                records.push(record);
            }
            total += 1;
        });
        (total, records)
    }

    fn record(&self, object: &str, id: &str) -> Option<SimulatedRecord> {
        Salesforce::record(self, object, id)
    }

    fn create(&self, object: &str, fields: Fields) -> Result<String, HookError> {
        Salesforce::create(self, object, fields)
    }

    fn update(&self, object: &str, id: &str, fields: Fields) -> Result<(), HookError> {
        Salesforce::update(self, object, id, fields)
    }

    fn delete(&self, object: &str, id: &str) -> Result<(), HookError> {
        Salesforce::delete(self, object, id)
    }

    fn value(&self, old: Option<&Value>, text: &str) -> Value {
        match old {
            _ if text.is_empty() => Value::Null,
            Some(Value::Bool(_) | Value::Number(_)) => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
            _ => Value::from(text),
        }
    }

    fn faults(&self) -> &Faults {
        Salesforce::faults(self)
    }

    fn log(&self) -> &RequestLog {
        Salesforce::log(self)
    }

    fn limits(&self) -> Vec<(String, String)> {
        self.limits_in_words()
    }
}

/// The objects that a portal has from the start.
const HUBSPOT_OBJECTS: [&str; 14] = [
    "contacts",
    "companies",
    "deals",
    "tickets",
    "leads",
    "products",
    "line_items",
    "quotes",
    "calls",
    "emails",
    "meetings",
    "notes",
    "tasks",
    "appointments",
];

impl Source for HubSpot {
    fn title(&self) -> &'static str {
        "HubSpot simulator"
    }

    fn objects(&self) -> Vec<(String, usize)> {
        HUBSPOT_OBJECTS
            .iter()
            .map(|object| ((*object).to_owned(), self.count(object)))
            .collect()
    }

    fn columns(&self, object: &str) -> Vec<String> {
        let names: &[&str] = match object {
            "contacts" => &["firstname", "lastname", "email", "phone"],
            "companies" => &["name", "domain"],
            "deals" => &["dealname", "dealstage", "amount"],
            "tickets" => &["subject", "hs_pipeline_stage"],
            _ => &["name", "hs_object_id"],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn records(&self, object: &str, from: usize, count: usize) -> (usize, Vec<SimulatedRecord>) {
        let all = HubSpot::records(self, object);
        let total = all.len();
        (total, all.into_iter().skip(from).take(count).collect())
    }

    fn record(&self, object: &str, id: &str) -> Option<SimulatedRecord> {
        HubSpot::record(self, object, id)
    }

    fn create(&self, object: &str, fields: Fields) -> Result<String, HookError> {
        HubSpot::create(self, object, fields)
    }

    fn update(&self, object: &str, id: &str, fields: Fields) -> Result<(), HookError> {
        HubSpot::update(self, object, id, fields)
    }

    fn delete(&self, object: &str, id: &str) -> Result<(), HookError> {
        HubSpot::delete(self, object, id)
    }

    fn value(&self, _: Option<&Value>, text: &str) -> Value {
        Value::from(text)
    }

    fn faults(&self) -> &Faults {
        HubSpot::faults(self)
    }

    fn log(&self) -> &RequestLog {
        HubSpot::log(self)
    }

    fn limits(&self) -> Vec<(String, String)> {
        vec![("requests so far".to_owned(), self.log().total().to_string())]
    }
}

//! What a CRM holds, read as the raw values of a mapping: by our own eyes, not by the connectors'.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value as Json;
use syncline::Value;
use syncline::batch::ValueKind;
use syncline::mapping::{SideGroup, SideMapping};
use syncline::value::{DateTime, Precision};
use syncline_simulators::SimulatedRecord;

use super::crm::Crm;

/// The raw values of a group, in the order of its paths.
pub(super) fn of_group(crm: &Crm, side: &SideMapping, group: &SideGroup, record: &SimulatedRecord) -> Vec<Value> {
    group
        .paths
        .iter()
        .map(|&path| {
            let Some(field) = side.projection.fields.get(path) else {
                return Value::Null;
            };
            if field.path == "associations.company" {
                return company(crm, record);
            }
            record
                .fields
                .get(&field.path)
                .map_or(Value::Null, |json| value(field.kind, json))
        })
        .collect()
}

/// The company of a HubSpot contact: the primary one, which the contact shows, or else the oldest of those linked.
fn company(crm: &Crm, record: &SimulatedRecord) -> Value {
    let primary = record
        .fields
        .get("associatedcompanyid")
        .and_then(Json::as_str)
        .filter(|id| !id.is_empty());
    let company = primary.map(str::to_owned).or_else(|| crm.linked_company(&record.id));
    company.map_or(Value::Null, Value::Text)
}

/// One value as it stands in the CRM's JSON: typed in Salesforce, always text in HubSpot.
fn value(kind: ValueKind, json: &Json) -> Value {
    let Json::String(text) = json else {
        return Value::from_json(json.clone());
    };
    if text.is_empty() {
        return Value::Null;
    }
    let read = match kind {
        ValueKind::Number => Some(Value::from_number(text)),
        ValueKind::Bool => text.parse().ok().map(Value::Bool),
        ValueKind::Date => text.parse::<Date>().ok().map(Value::Date),
        ValueKind::DateTime => instant(text).map(|at| Value::DateTime(DateTime::new(at, Precision::Millisecond))),
        ValueKind::Choices => Some(Value::List(
            text.split(';').map(|choice| Value::text(choice.trim())).collect(),
        )),
        ValueKind::Text | ValueKind::Json => None,
    };
    read.unwrap_or_else(|| Value::text(text.as_str()))
}

fn instant(text: &str) -> Option<Timestamp> {
    let salesforce = || Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).ok();
    text.parse().ok().or_else(salesforce)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_crms_forms_of_a_value_are_read_alike() {
        assert_eq!(
            value(ValueKind::Number, &Json::from(12.5)),
            value(ValueKind::Number, &Json::from("12.50"))
        );
        assert_eq!(
            value(ValueKind::DateTime, &Json::from("2026-11-20T10:00:00.000+0000")),
            value(ValueKind::DateTime, &Json::from("2026-11-20T10:00:00.000Z"))
        );
        assert_eq!(value(ValueKind::Text, &Json::from("")), Value::Null);
    }
}

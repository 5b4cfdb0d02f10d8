//! What the account may have, and how much of it there is.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::portal::Portal;
use super::request::ApiRequest;
use super::store::{ObjectStore, Shelf};

/// Records of one object type.
const RECORDS: usize = 1_000_000;
/// Properties of its own that an object type may have.
const PROPERTIES: usize = 1_000;
/// Calculated properties of the account.
const CALCULATED: usize = 200;
/// Custom object types of the account.
const CUSTOM_TYPES: usize = 10;
/// Pipelines of one object type.
const PIPELINES: usize = 100;
/// Labels of one pair of object types.
const LABELS: usize = 50;

#[allow(clippy::cast_precision_loss, reason = "a share for people")]
fn percentage(usage: usize, limit: usize) -> f64 {
    (usage as f64 * 10_000.0 / limit as f64).round() / 100.0
}

fn definition(store: &ObjectStore) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("objectTypeId".into(), store.object.type_id.into());
    shown.insert("singularLabel".into(), store.object.singular_label.into());
    shown.insert("pluralLabel".into(), store.object.plural_label.into());
    shown
}

fn usage(store: &ObjectStore, usage: usize, limit: Option<usize>) -> Value {
    let mut shown = definition(store);
    shown.insert("usage".into(), usage.into());
    if let Some(limit) = limit {
        shown.insert("limit".into(), limit.into());
        shown.insert("percentage".into(), percentage(usage, limit).into());
    }
    Value::Object(shown)
}

fn overall(by_type: &[Value], limit: usize) -> Value {
    let total = by_type.iter().filter_map(|one| one["usage"].as_u64()).sum::<u64>();
    let total = usize::try_from(total).unwrap_or(usize::MAX);
    json!({"byObjectType": by_type, "overallUsage": total, "overallLimit": limit,
        "overallPercentage": percentage(total, limit)})
}

impl Portal {
    /// Requests below `limits`.
    pub(super) fn limits_request(&mut self, request: &ApiRequest, rest: &[&str]) -> Answer {
        let counted = |count: &dyn Fn(usize, &ObjectStore) -> usize, limit: usize| {
            let of = |custom: bool| {
                self.stores
                    .iter()
                    .enumerate()
                    .filter(|(_, store)| store.object.custom == custom)
                    .map(|(object, store)| usage(store, count(object, store), (!custom).then_some(limit)))
                    .collect::<Vec<Value>>()
            };
            json!({"hubspotDefinedObjectTypes": of(false), "customObjectTypes": overall(&of(true), limit)})
        };
        let body = match (request.method.as_str(), rest) {
            ("GET", ["records"]) => counted(&|_, store| store.shelf(Shelf::Live).len(), RECORDS),
            ("GET", ["pipelines"]) => counted(&|object, _| self.pipelines(object).len(), PIPELINES),
            ("GET", ["custom-properties"]) => {
                let own = |store: &ObjectStore| {
                    let own = store.object.properties.iter();
                    own.filter(|property| !property.hubspot_defined).count()
                };
                let by_type: Vec<Value> = self
                    .stores
                    .iter()
                    .map(|store| usage(store, own(store), Some(PROPERTIES)))
                    .collect();
                overall(&by_type, PROPERTIES * self.stores.len())
            }
            ("GET", ["calculated-properties"]) => overall(&[], CALCULATED),
            ("GET", ["custom-object-types"]) => {
                let custom = self.stores.iter().filter(|store| store.object.custom).count();
                json!({"usage": custom, "limit": CUSTOM_TYPES, "percentage": percentage(custom, CUSTOM_TYPES)})
            }
            ("GET", ["associations", "labels"]) => json!({"results": self.label_usage(request)}),
            // No record here comes near to what it may be linked with.
            ("GET", ["associations", "records", "from"]) => json!({"results": []}),
            ("GET", ["associations", "records", from, "to"]) => match self.object(from) {
                Some(_) => json!({"results": []}),
                None => return self.unknown_type(from),
            },
            ("GET", ["associations", "records", from, to]) => {
                for name in [from, to] {
                    if self.object(name).is_none() {
                        return self.unknown_type(name);
                    }
                }
                json!({"limit": 10_000, "totalRecordsAtLimit": 0, "totalRecordsNearLimit": 0,
                    "atLimitFromRecordSamples": [], "nearLimitFromRecordSamples": []})
            }
            _ => return self.not_found(),
        };
        Answer::json(200, &body)
    }

    /// The pairs that have labels of the account's own.
    fn label_usage(&self, request: &ApiRequest) -> Vec<Value> {
        let named = |parameter: &str| request.query(parameter).map(|name| self.object(name));
        let (from, to) = (named("fromObjectTypeId"), named("toObjectTypeId"));
        let mut results = Vec::new();
        for one in 0..self.stores.len() {
            for other in 0..self.stores.len() {
                let wanted = from.is_none_or(|from| from == Some(one)) && to.is_none_or(|to| to == Some(other));
                let labels: Vec<&str> = self
                    .associations
                    .types((one, other))
                    .iter()
                    .filter(|kind| kind.category == "USER_DEFINED" && !kind.removed)
                    .filter_map(|kind| kind.label.as_deref())
                    .collect();
                if wanted && !labels.is_empty() {
                    results.push(json!({
                        "fromObjectType": definition(self.store(one)), "toObjectType": definition(self.store(other)),
                        "allLabels": labels, "usage": labels.len(), "limit": LABELS,
                        "percentage": percentage(labels.len(), LABELS),
                    }));
                }
            }
        }
        results
    }
}

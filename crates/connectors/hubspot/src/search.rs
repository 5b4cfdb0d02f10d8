//! Search: finds the ids of records that changed in a window, or that meet conditions.
//!
//! A search is sorted by `hs_object_id` and paged by "id above the last one", never by offset: so any number of
//! records may share one stamp, the cap of 10,000 results is never near, and records that change meanwhile move no
//! page.

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use syncline_core::batch::ValueKind;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::io::{Effect, Response};
use syncline_core::job::{Comparison, Condition};
use syncline_core::value::Value;

use crate::associations::is_association;
use crate::client::{Client, parse, post};
use crate::manifest::SEARCH_BUCKET;
use crate::page::IdPage;
use crate::wire;

const OPERATION: &str = "search";
/// Filters in a group; two are kept for the window and one for the page.
const CONDITIONS: usize = 3;

/// One page of ids.
#[derive(Debug)]
pub(crate) struct IdsFound {
    /// The ids, ascending.
    pub(crate) ids: Vec<u64>,
    /// Whether there are more above the last.
    pub(crate) more: bool,
    /// How many there are in all, from this page on.
    pub(crate) total: Option<u64>,
    /// The answer, for its time.
    pub(crate) response: Response,
}

/// A filter on a window of the stamp; the end is open until the server's time is known.
pub(crate) fn window(stamp_property: &str, from: Timestamp, until: Option<Timestamp>) -> Vec<Json> {
    let mut filters = vec![filter(stamp_property, "GTE", &from.as_millisecond().to_string())];
    if let Some(until) = until {
        filters.push(filter(stamp_property, "LTE", &until.as_millisecond().to_string()));
    }
    filters
}

/// Filters for those conditions that HubSpot surely evaluates as we do or more widely. Leaving one out only reads
/// more records, since the mapping's own filter is evaluated later.
pub(crate) fn filters(conditions: &[Condition], kind_of: impl Fn(&str) -> Option<ValueKind>) -> Vec<Json> {
    conditions
        .iter()
        .filter_map(|condition| {
            let operator = match condition.comparison {
                Comparison::Equal => "EQ",
                Comparison::Less => "LT",
                Comparison::LessOrEqual => "LTE",
                Comparison::Greater => "GT",
                Comparison::GreaterOrEqual => "GTE",
                // Whether it also finds records without the property is not documented.
                Comparison::NotEqual => return None,
            };
            let plain = match &condition.value {
                Value::Bool(_) => operator == "EQ",
                Value::Text(text) => operator == "EQ" && !text.is_empty(),
                Value::Int(_) | Value::Decimal(_) | Value::DateTime(_) | Value::Date(_) => true,
                _ => false,
            };
            // Equality with one of several choices means something else.
            let kind = kind_of(&condition.field)?;
            let comparable = !is_association(&condition.field) && !matches!(kind, ValueKind::Choices | ValueKind::Json);
            (plain && comparable).then(|| filter(&condition.field, operator, &wire::write_filter(&condition.value)))
        })
        .take(CONDITIONS)
        .collect()
}

/// A filter by a list of texts, which HubSpot wants in lower case.
pub(crate) fn one_of(property: &str, values: &[String]) -> Vec<Json> {
    let values: Vec<_> = values.iter().map(|value| value.to_lowercase()).collect();
    vec![json!({"propertyName": property, "operator": "IN", "values": values})]
}

fn filter(property: &str, operator: &str, value: &str) -> Json {
    json!({"propertyName": property, "operator": operator, "value": value})
}

/// Searches for the next ids above `above`.
///
/// # Errors
/// As [`Client::read`], and `Protocol` when the answer can't be read or does not move on.
pub(crate) async fn ids_above(
    client: &Client<'_>,
    object: &str,
    filters: &[Json],
    above: u64,
    limit: usize,
) -> Result<IdsFound> {
    let mut filters = filters.to_vec();
    filters.push(filter("hs_object_id", "GT", &above.to_string()));
    let body = json!({
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": ["hs_object_id"],
        "limit": limit,
        "after": "0",
    });
    let request = post(client.paths.objects(object, "/search"), Effect::Read, &body).bucket(SEARCH_BUCKET);
    let response = client.read(OPERATION, request).await?;
    let page: IdPage = parse(OPERATION, &response.body)?;
    let mut ids = Vec::with_capacity(page.results.len());
    for row in &page.results {
        ids.push(row.id.0.parse::<u64>().map_err(|_| {
            Error::new(
                ErrorKind::Protocol,
                format!("HubSpot found a record whose id is no number: {}", row.id.0),
            )
            .operation(OPERATION)
        })?);
    }
    // Ids are ordered as numbers; a page in another order would make the next one skip records.
    if !ids.is_sorted() {
        return Err(Error::new(ErrorKind::Protocol, "HubSpot's search did not sort by id").operation(OPERATION));
    }
    if ids.first().is_some_and(|first| *first <= above) {
        return Err(Error::new(ErrorKind::Protocol, "HubSpot's search did not move on").operation(OPERATION));
    }
    let more = !ids.is_empty() && page.paging.is_some_and(|paging| paging.after().is_some());
    Ok(IdsFound {
        ids,
        more,
        total: page.total,
        response,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_conditions_of_known_meaning_reach_the_provider() {
        let condition = |field: &str, comparison, value| Condition {
            field: field.into(),
            comparison,
            value,
        };
        let found = filters(
            &[
                condition("a", Comparison::Equal, Value::text("x")),
                condition("b", Comparison::NotEqual, Value::text("x")),
                condition("c", Comparison::Less, Value::text("x")),
                condition("d", Comparison::GreaterOrEqual, Value::Int(3)),
                condition("e", Comparison::Equal, Value::Null),
                condition("associations.company", Comparison::Equal, Value::text("1")),
            ],
            |_| Some(ValueKind::Text),
        );
        assert_eq!(found, [filter("a", "EQ", "x"), filter("d", "GTE", "3")]);
    }
}

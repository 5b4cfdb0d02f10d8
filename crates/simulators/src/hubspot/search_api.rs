//! The search endpoint: what it accepts, and how it answers from the delayed index.

use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::Answer;
use super::objects_api::Page;
use super::portal::Portal;
use super::property::Source;
use super::record::Record;
use super::request::{ApiRequest, strings, text_or_number};
use super::search_filter::{Condition, Group, parse_group};
use super::stamp::Stamp;
use super::store::ObjectStore;
use super::view::{Frame, Shown, columns, source_of};

/// The longest body, in characters.
const LONGEST_BODY: usize = 3_000;
const MOST_GROUPS: usize = 5;
const MOST_FILTERS_OF_GROUP: usize = 6;
const MOST_FILTERS: usize = 18;
/// How far offset paging reaches.
const DEEPEST: usize = 10_000;

struct Query {
    groups: Vec<Group>,
    /// Property and whether descending; absent means by creation.
    sort: Option<(Source, bool)>,
    text: Option<String>,
    limit: usize,
    after: usize,
    properties: Vec<String>,
}

impl Portal {
    pub(super) fn search(&mut self, request: &ApiRequest, object: usize) -> Answer {
        if String::from_utf8_lossy(&request.body).chars().count() > LONGEST_BODY {
            return self.invalid(&format!(
                "The request body must not be longer than {LONGEST_BODY} characters."
            ));
        }
        let body = match request.json() {
            Ok(body) => body,
            Err(message) => return self.problem(400, "", &message, Value::Null),
        };
        let query = match self.parse_search(object, &body) {
            Ok(query) => query,
            Err(message) => {
                let detail = json!({"errors": [{"message": message}]});
                return self.problem(400, "VALIDATION_ERROR", "There was a problem with the request.", detail);
            }
        };
        let now = self.now();
        let store = self.store_mut(object);
        store.index.settle(now);
        let (total, ids) = find(store, &query);
        let store = self.store(object);
        let names = query.properties.iter().map(String::as_str);
        let columns = columns(&store.object, names);
        let frame = Frame {
            portal: self.id,
            nulls: self.behaviour.unset_properties_are_null,
            store,
            columns: &columns,
            history: &[],
        };
        let results: Vec<Shown<'_>> = ids
            .iter()
            .filter_map(|id| store.index.get(*id))
            .map(|record| Shown {
                frame: &frame,
                record,
                associations: None,
                trace: None,
                new: None,
            })
            .collect();
        let next = query.after + query.limit;
        let paging =
            (next < total).then(|| json!({"next": {"after": next.to_string(), "link": format!("?after={next}")}}));
        Answer::json(
            200,
            &Page {
                total: Some(total),
                results: &results,
                paging,
            },
        )
    }

    fn parse_search(&self, object: usize, body: &Value) -> Result<Query, String> {
        let groups = body
            .get("filterGroups")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        if groups.len() > MOST_GROUPS {
            return Err(format!("filterGroups must not have more than {MOST_GROUPS} groups"));
        }
        let groups: Vec<Group> = groups
            .iter()
            .map(|group| parse_group(self, object, group, MOST_FILTERS_OF_GROUP))
            .collect::<Result<_, _>>()?;
        if groups.iter().map(|group| group.conditions.len()).sum::<usize>() > MOST_FILTERS {
            return Err(format!("there must not be more than {MOST_FILTERS} filters in total"));
        }
        let sorts = body
            .get("sorts")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        if sorts.len() > 1 {
            return Err("only one sort is allowed".to_owned());
        }
        let sort = sorts.first().map(|sort| self.parse_sort(object, sort)).transpose()?;
        let limit = match body.get("limit") {
            None | Some(Value::Null) => 10,
            given => text_or_number(given)
                .and_then(|limit| limit.parse().ok())
                .filter(|limit| (1..=200).contains(limit))
                .ok_or("limit must be a number from 1 to 200")?,
        };
        let after = match body.get("after") {
            None | Some(Value::Null) => 0,
            given => {
                let text = text_or_number(given).unwrap_or_default();
                let number = if text.is_empty() {
                    Some(0)
                } else {
                    text.parse::<i32>().ok()
                };
                number
                    .and_then(|after| usize::try_from(after).ok())
                    .ok_or_else(|| format!("Cannot deserialize value of type `int` from String \"{text}\""))?
            }
        };
        if after + limit > DEEPEST {
            return Err(format!(
                "after and limit reach beyond result {DEEPEST}; narrow the filters instead"
            ));
        }
        let text = body
            .get("query")
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty());
        Ok(Query {
            groups,
            sort,
            text: text.map(str::to_lowercase),
            limit,
            after,
            properties: strings(body.get("properties")),
        })
    }

    /// A sort is an object, or the name of a property with a minus sign for descending.
    fn parse_sort(&self, object: usize, sort: &Value) -> Result<(Source, bool), String> {
        let (name, descending) = match sort {
            Value::String(text) => match text.strip_prefix('-') {
                Some(name) => (name, true),
                None => (text.as_str(), false),
            },
            other => (
                other.get("propertyName").and_then(Value::as_str).unwrap_or_default(),
                other.get("direction").and_then(Value::as_str) == Some("DESCENDING"),
            ),
        };
        source_of(&self.store(object).object.properties, name)
            .map(|source| (source, descending))
            .ok_or_else(|| format!("Property name '{name}' does not exist"))
    }
}

/// How many records match, and the ids of the page asked for.
fn find(store: &mut ObjectStore, query: &Query) -> (usize, Vec<u64>) {
    let by_id = matches!(query.sort, Some((Source::Id, _)));
    let (matching, low, high) = match query.groups.as_slice() {
        // The usual query of a sync: one window, walked by ascending id. The window's ids are found once and each
        // page is a slice of them.
        [group] if query.text.is_none() => (matching_of_group(store, group), group.lowest_id(), group.highest_id()),
        [] if query.text.is_none() => (None, 0, u64::MAX),
        groups => (
            Some(Arc::new(matching_any(store, groups, query.text.as_deref()))),
            0,
            u64::MAX,
        ),
    };
    let ids: &[u64] = match &matching {
        Some(ids) => ids,
        None => store.index.ids(),
    };
    let start = ids.partition_point(|id| *id < low);
    let end = ids.partition_point(|id| *id <= high);
    let ids = ids.get(start..end).unwrap_or_default();
    let total = ids.len();
    let from = query.after.min(total);
    let to = (query.after + query.limit).min(total);
    if by_id {
        let page = match query.sort {
            Some((_, true)) => ids.iter().rev().skip(from).take(to - from).copied().collect(),
            _ => ids.get(from..to).unwrap_or_default().to_vec(),
        };
        return (total, page);
    }
    let (source, descending) = query.sort.unwrap_or((Source::Created, false));
    let mut keyed: Vec<(SortKey<'_>, u64)> = ids
        .iter()
        .filter_map(|id| Some((sort_key(store, store.index.get(*id)?, source), *id)))
        .collect();
    keyed.sort_by(|one, other| one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal));
    if descending {
        keyed.reverse();
    }
    let page = keyed
        .get(from..to)
        .unwrap_or_default()
        .iter()
        .map(|(_, id)| *id)
        .collect();
    (total, page)
}

/// The ids that match a group's conditions other than its bounds on the id; `None` means every id.
fn matching_of_group(store: &mut ObjectStore, group: &Group) -> Option<Arc<Vec<u64>>> {
    let (from, to) = group.modified_window();
    let rest: Vec<&Condition> = group.rest().collect();
    if rest.is_empty() && store.index.all_modified_within(from, to) {
        return None;
    }
    let key = group.cache_key();
    if let Some(key) = &key
        && let Some(ids) = store.index.cached(key)
    {
        return Some(ids);
    }
    let object = &store.object;
    let fits = |record: &&Arc<Record>| rest.iter().all(|condition| condition.holds(object, record));
    let mut ids: Vec<u64> = if (from, to) == (Stamp(i64::MIN), Stamp(i64::MAX)) {
        let bounded = |record: &&Arc<Record>| key.is_some() || group.id_within(record.id);
        store
            .index
            .iter()
            .filter(bounded)
            .filter(fits)
            .map(|record| record.id)
            .collect()
    } else {
        store
            .index
            .modified_within(from, to)
            .filter(fits)
            .map(|record| record.id)
            .collect()
    };
    ids.sort_unstable();
    let ids = Arc::new(ids);
    if let Some(key) = key {
        store.index.remember(key, Arc::clone(&ids));
    }
    Some(ids)
}

fn matching_any(store: &ObjectStore, groups: &[Group], text: Option<&str>) -> Vec<u64> {
    store
        .index
        .iter()
        .filter(|record| groups.is_empty() || groups.iter().any(|group| group.holds(&store.object, record)))
        .filter(|record| text.is_none_or(|text| contains_text(store, record, text)))
        .map(|record| record.id)
        .collect()
}

/// Whether every word asked for stands in a property that is searched by default.
fn contains_text(store: &ObjectStore, record: &Record, text: &str) -> bool {
    let all: String = store
        .object
        .searchable
        .iter()
        .filter_map(|name| record.read_named(&store.object.properties, name))
        .map(|value| value.to_lowercase() + " ")
        .collect();
    text.split_whitespace().all(|word| all.contains(word))
}

/// Numbers before text; what has no value sorts last.
#[derive(Debug, PartialEq, PartialOrd)]
enum SortKey<'a> {
    Stamp(Stamp),
    Number(f64),
    Text(&'a str),
    Missing,
}

fn sort_key<'a>(store: &ObjectStore, record: &'a Record, source: Source) -> SortKey<'a> {
    match source {
        Source::Created => SortKey::Stamp(record.created),
        Source::Modified => SortKey::Stamp(record.modified),
        Source::Id => SortKey::Missing,
        Source::Stored(number) => {
            let Some(value) = record.stored(number) else {
                return SortKey::Missing;
            };
            let numeric = store
                .object
                .properties
                .numbered(number)
                .is_some_and(|property| property.kind == super::property::Kind::Number);
            match value.parse::<f64>() {
                Ok(number) if numeric => SortKey::Number(number),
                _ => SortKey::Text(value),
            }
        }
    }
}

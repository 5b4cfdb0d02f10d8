//! SOSL: words looked for in the texts of several objects.

use serde_json::{Value, json};

use super::{ApiRequest, ApiResponse};
use crate::salesforce::error::ApiError;
use crate::salesforce::schema::FieldKind;
use crate::salesforce::state::State;

/// Records per object unless the search says otherwise.
const MOST: usize = 2_000;
/// The least letters of a search.
const SHORTEST: usize = 2;

/// What is looked for, and what is answered of each object.
struct Search {
    /// Any of these has to fit: all of its words, and none that it excludes.
    alternatives: Vec<Vec<Word>>,
    group: Group,
    returning: Vec<Returning>,
    limit: usize,
}

/// A word in lower case, and whether a record must not hold it.
struct Word {
    text: String,
    excluded: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Group {
    All,
    Name,
    Email,
    Phone,
}

struct Returning {
    object: String,
    fields: String,
    /// What stands behind the fields: conditions, order, limit.
    rest: String,
}

/// `GET /search?q=FIND {…} IN … RETURNING …`.
pub(super) fn run(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let text = request
        .parameter("q")
        .ok_or_else(|| ApiError::new(400, "MALFORMED_SEARCH", "A search string has to be specified"))?
        .to_owned();
    let search = parse(&text)?;
    answer(state, request, &search)
}

/// `/parameterizedSearch`: the same by parameters, or by a body.
pub(super) fn parameterized(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let body = if request.method == "POST" {
        request.json()?
    } else {
        Value::Null
    };
    let text = |key: &str| {
        body.get(key)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .or_else(|| request.parameter(key).map(str::to_owned))
    };
    let alternatives = alternatives(&text("q").unwrap_or_default())?;
    let default_fields = match body.get("fields").and_then(Value::as_array) {
        Some(fields) => fields.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        None => text("fields").unwrap_or_default(),
    };
    let number = |value: Option<&Value>| {
        value
            .and_then(Value::as_u64)
            .and_then(|limit| usize::try_from(limit).ok())
    };
    let returning = match body.get("sobjects").and_then(Value::as_array) {
        Some(objects) => objects
            .iter()
            .map(|object| {
                let own = object.get("fields").and_then(Value::as_array);
                let fields = own.map_or_else(
                    || default_fields.clone(),
                    |fields| fields.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
                );
                let condition = object.get("where").and_then(Value::as_str);
                let limit = number(object.get("limit")).map(|limit| format!(" LIMIT {limit}"));
                Returning {
                    object: object
                        .get("name")
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned(),
                    fields,
                    rest: format!(
                        "{}{}",
                        condition
                            .map(|condition| format!(" WHERE {condition}"))
                            .unwrap_or_default(),
                        limit.unwrap_or_default()
                    ),
                }
            })
            .collect(),
        None => text("sobject")
            .unwrap_or_default()
            .split(',')
            .filter(|name| !name.trim().is_empty())
            .map(|name| Returning {
                object: name.trim().to_owned(),
                fields: default_fields.clone(),
                rest: String::new(),
            })
            .collect(),
    };
    let search = Search {
        alternatives,
        group: group_of(&text("in").unwrap_or_default()),
        returning,
        limit: number(body.get("overallLimit")).unwrap_or(MOST),
    };
    answer(state, request, &search)
}

fn group_of(text: &str) -> Group {
    match text
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_ascii_uppercase()
        .as_str()
    {
        "NAME" => Group::Name,
        "EMAIL" => Group::Email,
        "PHONE" => Group::Phone,
        _ => Group::All,
    }
}

fn malformed(reason: &str) -> ApiError {
    ApiError::new(400, "MALFORMED_SEARCH", reason)
}

/// The words of a search; `*` stands for any letters at the end of one.
fn alternatives(text: &str) -> Result<Vec<Vec<Word>>, ApiError> {
    let mut clean = String::new();
    let mut escaped = false;
    for letter in text.chars() {
        match letter {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '"' | '(' | ')' if !escaped => clean.push(' '),
            other => clean.push(other),
        }
        escaped = false;
    }
    let mut alternatives = vec![Vec::new()];
    let mut excluded = false;
    for word in clean.split_whitespace() {
        match word {
            "AND" => {}
            "OR" => alternatives.push(Vec::new()),
            "NOT" => excluded = true,
            word => {
                let text = word.to_lowercase();
                alternatives
                    .last_mut()
                    .unwrap_or(&mut Vec::new())
                    .push(Word { text, excluded });
                excluded = false;
            }
        }
    }
    alternatives.retain(|words| !words.is_empty());
    let all = alternatives.iter().flatten();
    let letters: usize = all.map(|word| word.text.trim_matches('*').chars().count()).sum();
    if letters < SHORTEST {
        return Err(malformed("search term must be longer than one character"));
    }
    Ok(alternatives)
}

/// Where a word of the language stands, outside of braces and quotes.
fn keyword(text: &str, word: &str) -> Option<usize> {
    let upper = text.to_ascii_uppercase();
    let mut depth = 0_usize;
    let bytes = upper.as_bytes();
    for at in 0..bytes.len() {
        match bytes[at] {
            b'{' | b'(' => depth += 1,
            b'}' | b')' => depth = depth.saturating_sub(1),
            _ if depth == 0 && upper.is_char_boundary(at) && upper[at..].starts_with(word) => {
                let before = at == 0 || bytes[at - 1].is_ascii_whitespace() || bytes[at - 1] == b'}';
                let after = bytes.get(at + word.len()).is_none_or(u8::is_ascii_whitespace);
                if before && after {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn parse(text: &str) -> Result<Search, ApiError> {
    let text = text.trim();
    let rest = text
        .get(..4)
        .filter(|word| word.eq_ignore_ascii_case("FIND"))
        .map(|_| text[4..].trim_start())
        .ok_or_else(|| malformed("No search term found. The search term must be enclosed in braces."))?;
    let inner = rest
        .strip_prefix('{')
        .ok_or_else(|| malformed("No search term found. The search term must be enclosed in braces."))?;
    let close = inner
        .char_indices()
        .find(|(at, letter)| *letter == '}' && (*at == 0 || inner.as_bytes()[at - 1] != b'\\'))
        .map(|(at, _)| at)
        .ok_or_else(|| malformed("No search term found. The search term must be enclosed in braces."))?;
    let alternatives = alternatives(&inner[..close])?;
    let rest = &inner[close + 1..];
    let group = keyword(rest, "IN").map_or(Group::All, |at| group_of(&rest[at + 2..]));
    let (returning, behind) = match keyword(rest, "RETURNING") {
        None => (Vec::new(), rest),
        Some(at) => {
            let list = &rest[at + "RETURNING".len()..];
            let end = ["LIMIT", "WITH", "UPDATE"]
                .iter()
                .filter_map(|word| keyword(list, word))
                .min();
            let (list, behind) = list.split_at(end.unwrap_or(list.len()));
            (items(list), behind)
        }
    };
    let limit = keyword(behind, "LIMIT")
        .and_then(|at| behind[at + 5..].split_whitespace().next()?.parse().ok())
        .unwrap_or(MOST);
    Ok(Search {
        alternatives,
        group,
        returning: returning.into_iter().map(returned).collect(),
        limit,
    })
}

/// Splits at commas outside of parentheses.
fn items(list: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, letter) in list.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                items.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&list[start..]);
    items
        .into_iter()
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .collect()
}

fn returned(item: &str) -> Returning {
    let (object, inside) = item.split_once('(').unwrap_or((item, ""));
    let inside = inside.trim_end().trim_end_matches(')');
    let clause = ["WHERE", "USING", "ORDER", "LIMIT", "OFFSET"]
        .iter()
        .filter_map(|word| keyword(inside, word))
        .min();
    let (fields, rest) = inside.split_at(clause.unwrap_or(inside.len()));
    Returning {
        object: object.trim().to_owned(),
        fields: fields.trim().to_owned(),
        rest: format!(" {rest}"),
    }
}

fn answer(state: &mut State, request: &ApiRequest, search: &Search) -> Result<ApiResponse, ApiError> {
    let objects: Vec<Returning> = if search.returning.is_empty() {
        ["Account", "Case", "Contact", "Lead", "Opportunity"]
            .into_iter()
            .filter(|object| state.find(object).is_some())
            .map(|object| Returning {
                object: object.to_owned(),
                fields: String::new(),
                rest: String::new(),
            })
            .collect()
    } else {
        search
            .returning
            .iter()
            .map(|item| Returning {
                object: item.object.clone(),
                fields: item.fields.clone(),
                rest: item.rest.clone(),
            })
            .collect()
    };
    let mut found = Vec::new();
    for item in &objects {
        let ids = matching(state, &item.object, search)?;
        if ids.is_empty() {
            continue;
        }
        let fields = if item.fields.is_empty() {
            "Id"
        } else {
            item.fields.as_str()
        };
        let quoted: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
        let condition = format!("Id IN ({})", quoted.join(","));
        // Conditions of the search's own come behind ours.
        let rest = match keyword(&item.rest, "WHERE") {
            Some(at) => {
                let own = &item.rest[at + 5..];
                let end = ["ORDER", "LIMIT", "OFFSET"]
                    .iter()
                    .filter_map(|word| keyword(own, word))
                    .min();
                let (own, behind) = own.split_at(end.unwrap_or(own.len()));
                format!(" WHERE {condition} AND ({own}) {behind}")
            }
            None => format!(" WHERE {condition} {}", item.rest),
        };
        let page = state.query(
            &format!("SELECT {fields} FROM {}{rest}", item.object),
            false,
            MOST,
            &request.base,
        )?;
        let mut page: Value = serde_json::from_slice(&page.body).unwrap_or(Value::Null);
        if let Some(Value::Array(records)) = page.get_mut("records").map(Value::take) {
            found.extend(records);
        }
    }
    found.truncate(search.limit);
    Ok(ApiResponse::json(200, &json!({"searchRecords": found})))
}

/// The live records of an object whose texts hold all words.
fn matching(state: &State, object: &str, search: &Search) -> Result<Vec<String>, ApiError> {
    let table = state.find(object).ok_or_else(|| {
        ApiError::new(
            400,
            "INVALID_TYPE",
            format!("sObject type '{object}' is not supported."),
        )
    })?;
    let table = &state.tables[table];
    let fields: Vec<u16> = table
        .schema
        .visible()
        .filter(|(_, field)| {
            let is_name = field
                .describe
                .get("nameField")
                .and_then(Value::as_bool)
                .unwrap_or(false);
            match search.group {
                Group::All => matches!(field.kind, FieldKind::Text | FieldKind::Email),
                Group::Name => is_name || matches!(field.name.as_str(), "FirstName" | "LastName"),
                Group::Email => field.kind == FieldKind::Email,
                Group::Phone => field.type_name == "phone",
            }
        })
        .map(|(index, _)| index)
        .collect();
    let mut ids = Vec::new();
    for slot in 0..table.len() {
        let Some(record) = table.get_live(slot) else { continue };
        let text: Vec<String> = fields
            .iter()
            .filter_map(|field| {
                table
                    .read(slot, record, *field)
                    .to_json()
                    .as_str()
                    .map(str::to_lowercase)
            })
            .collect();
        let tokens: Vec<&str> = text
            .iter()
            .flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric()))
            .chain(text.iter().map(String::as_str))
            .collect();
        let holds = |word: &Word| {
            let found = match word.text.strip_suffix('*') {
                Some(start) => tokens.iter().any(|token| token.starts_with(start)),
                None => tokens.contains(&word.text.as_str()),
            };
            found != word.excluded
        };
        if search.alternatives.iter().any(|words| words.iter().all(holds)) {
            ids.push(table.id(slot).to_string());
        }
        if ids.len() == MOST {
            break;
        }
    }
    Ok(ids)
}

//! Records over SOAP: queried, written, merged, brought back.

use roxmltree::Node;
use serde_json::{Map, Value};

use super::jobs::write_row;
use super::soap::{escape, text};
use crate::salesforce::Salesforce;
use crate::salesforce::error::ApiError;
use crate::salesforce::id::RecordId;

/// Code and message of a refusal.
type Refusal = (String, String);

fn refusal(error: ApiError) -> Refusal {
    (error.code.to_owned(), error.message)
}

/// Carries out a call; what it answers stands within the element of its response.
///
/// # Errors
/// What a fault says: for a call that is not known, and for a query that is wrong.
pub(super) fn run(salesforce: &Salesforce, name: &str, call: Node<'_, '_>, base: &str) -> Result<String, Refusal> {
    let ids = || {
        elements(call, "ids")
            .chain(elements(call, "ID"))
            .map(content)
            .collect::<Vec<_>>()
    };
    let each = |results: Vec<Result<String, Refusal>>| Ok(results.into_iter().map(|result| shown(&result)).collect());
    match name {
        "create" | "update" | "upsert" => {
            let operation = if name == "create" { "insert" } else { name };
            let key = text(call, "externalIDFieldName");
            let records = elements(call, "sObjects").chain(elements(call, "sObject"));
            Ok(records
                .map(|record| write(salesforce, operation, key.as_deref(), record))
                .collect())
        }
        "delete" => each(ids().iter().map(|id| delete(salesforce, id)).collect()),
        "undelete" => each(
            ids()
                .iter()
                .map(|id| of(salesforce, id, Salesforce::undelete))
                .collect(),
        ),
        "emptyRecycleBin" => each(
            ids()
                .iter()
                .map(|id| of(salesforce, id, Salesforce::hard_delete))
                .collect(),
        ),
        "merge" => Ok(call
            .children()
            .filter(Node::is_element)
            .map(|request| merge(salesforce, request))
            .collect()),
        "convertLead" => Ok(elements(call, "leadConverts")
            .map(|lead| convert(salesforce, lead))
            .collect()),
        "query" | "queryAll" => {
            let soql = text(call, "queryString").unwrap_or_default();
            let mut state = salesforce.shared_state();
            let page = state.query(&soql, name == "queryAll", 2_000, base).map_err(refusal)?;
            Ok(query_result(&page.body))
        }
        "queryMore" => {
            let locator = text(call, "queryLocator").unwrap_or_default();
            let mut state = salesforce.shared_state();
            let page = state.query_more(&locator, base).map_err(refusal)?;
            Ok(query_result(&page.body))
        }
        _ => Err((
            "INVALID_OPERATION".to_owned(),
            format!("the simulator does not know the operation {name}; use the REST API"),
        )),
    }
}

/// The children of this name, whatever their prefix.
fn elements<'a, 'input>(node: Node<'a, 'input>, name: &'static str) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children()
        .filter(move |child| child.is_element() && child.tag_name().name() == name)
}

fn content(node: Node<'_, '_>) -> String {
    node.text().unwrap_or_default().trim().to_owned()
}

fn shown(result: &Result<String, Refusal>) -> String {
    match result {
        Ok(id) => format!("<result><id>{}</id><success>true</success></result>", escape(id)),
        Err((code, message)) => format!(
            "<result><errors><message>{}</message><statusCode>{code}</statusCode></errors><id xsi:nil=\"true\"/>\
             <success>false</success></result>",
            escape(message)
        ),
    }
}

/// The object and the fields of a record; what `fieldsToNull` names is null.
fn record(node: Node<'_, '_>) -> (String, Map<String, Value>) {
    let mut object = String::new();
    let mut body = Map::new();
    for attribute in node.attributes() {
        if attribute.name() == "type" {
            attribute
                .value()
                .rsplit(':')
                .next()
                .unwrap_or_default()
                .clone_into(&mut object);
        }
    }
    for child in node.children().filter(Node::is_element) {
        let name = child.tag_name().name();
        let nested = child.children().any(|node| node.is_element());
        match name {
            "type" => object = content(child),
            "fieldsToNull" => {
                body.insert(content(child), Value::Null);
            }
            // A parent that is named by its key.
            _ if nested => {
                let (kind, mut parent) = record(child);
                if !kind.is_empty() {
                    let mut attributes = Map::new();
                    attributes.insert("type".into(), kind.into());
                    parent.shift_insert(0, "attributes".into(), Value::Object(attributes));
                }
                body.insert(name.to_owned(), Value::Object(parent));
            }
            _ => {
                let value = content(child);
                let value = if value.is_empty() {
                    Value::Null
                } else {
                    Value::from(value)
                };
                body.insert(name.to_owned(), value);
            }
        }
    }
    (object, body)
}

fn write(salesforce: &Salesforce, operation: &str, key: Option<&str>, node: Node<'_, '_>) -> String {
    let (object, body) = record(node);
    let mut state = salesforce.shared_state();
    let written = match state.find(&object) {
        Some(table) => write_row(&mut state, operation, key, table, body).map_err(refusal),
        None => Err((
            "INVALID_TYPE".to_owned(),
            format!("sObject type '{object}' is not supported."),
        )),
    };
    match written {
        Ok((id, created)) if operation == "upsert" => {
            format!("<result><created>{created}</created><id>{id}</id><success>true</success></result>")
        }
        written => shown(&written.map(|(id, _)| id.to_string())),
    }
}

fn object_of(salesforce: &Salesforce, id: &str) -> Result<String, Refusal> {
    let state = salesforce.shared_state();
    RecordId::parse(id)
        .and_then(|id| state.find_by_prefix(id))
        .map(|table| state.tables[table].schema.name.clone())
        .ok_or_else(|| ("MALFORMED_ID".to_owned(), format!("malformed id {id}")))
}

fn delete(salesforce: &Salesforce, id: &str) -> Result<String, Refusal> {
    let object = object_of(salesforce, id)?;
    let mut state = salesforce.shared_state();
    let mut body = Map::new();
    body.insert("Id".into(), id.into());
    let table = state.find(&object).unwrap_or_default();
    write_row(&mut state, "delete", None, table, body)
        .map(|(id, _)| id.to_string())
        .map_err(refusal)
}

type Act = fn(&Salesforce, &str, &str) -> Result<(), crate::record::HookError>;

fn of(salesforce: &Salesforce, id: &str, act: Act) -> Result<String, Refusal> {
    let object = object_of(salesforce, id)?;
    act(salesforce, &object, id)
        .map(|()| id.to_owned())
        .map_err(|error| (error.code, error.message))
}

fn merge(salesforce: &Salesforce, request: Node<'_, '_>) -> String {
    let Some(master) = elements(request, "masterRecord").next() else {
        return shown(&Err(("INVALID_OPERATION".into(), "there is no masterRecord".into())));
    };
    let (object, mut body) = record(master);
    let winner = body.shift_remove("Id").or_else(|| body.shift_remove("id"));
    let winner = winner.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    let losers: Vec<String> = elements(request, "recordToMergeIds").map(content).collect();
    match salesforce.merge(&object, &winner, &losers) {
        Ok(id) => {
            let merged: String = losers
                .iter()
                .map(|id| format!("<mergedRecordIds>{}</mergedRecordIds>", escape(id)))
                .collect();
            format!("<result><id>{id}</id>{merged}<success>true</success></result>")
        }
        Err(error) => shown(&Err((error.code, error.message))),
    }
}

fn convert(salesforce: &Salesforce, lead: Node<'_, '_>) -> String {
    let id = text(lead, "leadId").unwrap_or_default();
    let name = text(lead, "opportunityName").filter(|name| !name.is_empty());
    let without = text(lead, "doNotCreateOpportunity").as_deref() == Some("true");
    let name = if without {
        None
    } else {
        Some(name.unwrap_or_else(|| "Converted".to_owned()))
    };
    match salesforce.convert_lead(&id, name.as_deref()) {
        Ok(became) => {
            let opportunity = became.opportunity.map_or_else(
                || "<opportunityId xsi:nil=\"true\"/>".to_owned(),
                |id| format!("<opportunityId>{id}</opportunityId>"),
            );
            format!(
                "<result><accountId>{}</accountId><contactId>{}</contactId><leadId>{id}</leadId>{opportunity}\
                 <success>true</success></result>",
                became.account, became.contact
            )
        }
        Err(error) => shown(&Err((error.code, error.message))),
    }
}

/// A page of a query as the partner interface writes it.
fn query_result(body: &[u8]) -> String {
    let page: Value = serde_json::from_slice(body).unwrap_or_default();
    let records: String = page["records"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|record| sobject("records", record))
        .collect();
    let locator = match page["nextRecordsUrl"].as_str().and_then(|url| url.rsplit('/').next()) {
        Some(locator) => format!("<queryLocator>{locator}</queryLocator>"),
        None => "<queryLocator xsi:nil=\"true\"/>".to_owned(),
    };
    format!(
        "<result xsi:type=\"QueryResult\"><done>{}</done>{locator}{records}<size>{}</size></result>",
        page["done"], page["totalSize"]
    )
}

fn sobject(name: &str, record: &Value) -> String {
    let mut out = format!(
        "<{name} xsi:type=\"sf:sObject\"><sf:type>{}</sf:type>",
        record["attributes"]["type"].as_str().unwrap_or_default()
    );
    for (key, value) in record
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| *key != "attributes")
    {
        let key = format!("sf:{key}");
        match value {
            Value::Null => out.push_str(&format!("<{key} xsi:nil=\"true\"/>")),
            Value::Object(parent) if parent.contains_key("records") => {
                let page = query_result(value.to_string().as_bytes());
                out.push_str(
                    &page
                        .replacen("<result ", &format!("<{key} "), 1)
                        .replace("</result>", &format!("</{key}>")),
                );
            }
            Value::Object(_) => out.push_str(&sobject(&key, value)),
            Value::String(text) => out.push_str(&format!("<{key}>{}</{key}>", escape(text))),
            other => out.push_str(&format!("<{key}>{other}</{key}>")),
        }
    }
    out.push_str(&format!("</{name}>"));
    out
}

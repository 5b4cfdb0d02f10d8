//! A small web page on each simulator, below `/simulator`: its records, requests, faults and limits, so that a person
//! can watch a sync and edit a record by hand. It is no part of the service: not logged, not struck by faults.

mod html;
mod source;

use std::fmt::Write as _;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::Value;

use crate::fault::Fault;
use crate::record::Fields;
use html::{document, escaped, link, row, table};
pub(crate) use source::Source;

/// Records on one page.
const RECORDS: usize = 50;
/// Requests on the first page.
const REQUESTS: usize = 40;

/// The pages of a simulator.
pub(crate) fn routes<S: Source>(source: S) -> Router {
    Router::new()
        .route("/simulator", get(overview::<S>))
        .route("/simulator/faults", post(faults::<S>))
        .route("/simulator/objects/{object}", get(records::<S>))
        .route("/simulator/objects/{object}/new", post(create::<S>))
        .route("/simulator/objects/{object}/{id}", get(record::<S>).post(edit::<S>))
        .route("/simulator/objects/{object}/{id}/delete", post(delete::<S>))
        .with_state(source)
}

/// Another site's page must not act here through the visitor's browser.
fn from_elsewhere(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-site")
        .is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}

fn elsewhere() -> Response {
    (StatusCode::FORBIDDEN, "this form was sent from another site").into_response()
}

async fn overview<S: Source>(State(source): State<S>) -> Html<String> {
    let mut body = String::new();
    let objects: String = source
        .objects()
        .into_iter()
        .map(|(object, count)| {
            let place = format!("/simulator/objects/{object}");
            row(&[link(&place, &object), count.to_string()])
        })
        .collect();
    body.push_str("<h2>Records</h2>");
    body.push_str(&table(&["object", "live records"], &objects));
    let limits: String = source
        .limits()
        .into_iter()
        .map(|(name, value)| row(&[escaped(&name), escaped(&value)]))
        .collect();
    body.push_str("<h2>Limits</h2>");
    body.push_str(&table(&["limit", "now"], &limits));
    let injected = source.faults().injected();
    let rates = source.faults().rates();
    let faults: String = Fault::ALL
        .into_iter()
        .map(|fault| {
            let form = format!(
                "<form method=\"post\" action=\"/simulator/faults\"><input type=\"hidden\" name=\"fault\" \
                 value=\"{0}\"><input name=\"rate\" size=\"5\" value=\"{1}\"> <button>set</button></form>",
                fault.name(),
                rates.get(&fault).copied().unwrap_or_default()
            );
            let struck = injected.get(&fault).copied().unwrap_or_default();
            row(&[
                fault.name().to_owned(),
                escaped(fault.description()),
                form,
                struck.to_string(),
            ])
        })
        .collect();
    body.push_str("<h2>Faults</h2><p>A rate from 0 to 1 strikes that share of requests or records.</p>");
    body.push_str(&table(&["fault", "what it does", "rate", "struck"], &faults));
    let log = source.log();
    let _ = write!(
        body,
        "<h2>Requests</h2><p>{} so far, {} of which could write; {} records written.</p>",
        log.total(),
        log.mutating(),
        log.records()
    );
    let requests: String = log
        .entries()
        .into_iter()
        .rev()
        .take(REQUESTS)
        .map(|entry| {
            row(&[
                entry.number.to_string(),
                entry.time.strftime("%H:%M:%S").to_string(),
                escaped(&entry.method),
                escaped(&entry.path.chars().take(200).collect::<String>()),
                if entry.status == 0 {
                    "lost".to_owned()
                } else {
                    entry.status.to_string()
                },
                entry.records.to_string(),
            ])
        })
        .collect();
    body.push_str(&table(
        &["no.", "time", "method", "address", "status", "written"],
        &requests,
    ));
    document(source.title(), source.title(), &body)
}

#[derive(Deserialize)]
struct FaultForm {
    fault: String,
    rate: f64,
}

async fn faults<S: Source>(State(source): State<S>, headers: HeaderMap, body: String) -> Response {
    if from_elsewhere(&headers) {
        return elsewhere();
    }
    let form: Option<FaultForm> = serde_json::from_value(form(&body)).ok().or_else(|| {
        let fields = form(&body);
        let text = |key: &str| fields.get(key).and_then(Value::as_str);
        Some(FaultForm {
            fault: text("fault")?.to_owned(),
            rate: text("rate")?.trim().parse().ok()?,
        })
    });
    match form.and_then(|form| Some((form.fault.parse::<Fault>().ok()?, form.rate))) {
        Some((fault, rate)) if rate.is_finite() => {
            source.faults().set_rate(fault, rate);
            Redirect::to("/simulator").into_response()
        }
        _ => (StatusCode::BAD_REQUEST, "a fault's rate is a number from 0 to 1").into_response(),
    }
}

/// The fields of a form, as a JSON object of texts.
fn form(body: &str) -> Value {
    let pairs = url::form_urlencoded::parse(body.as_bytes()).into_owned();
    Value::Object(pairs.map(|(name, value)| (name, Value::from(value))).collect())
}

#[derive(Deserialize)]
struct From {
    #[serde(default)]
    from: usize,
}

async fn records<S: Source>(
    State(source): State<S>,
    Path(object): Path<String>,
    Query(From { from }): Query<From>,
) -> Html<String> {
    let (total, records) = source.records(&object, from, RECORDS);
    let columns = source.columns(&object);
    let mut head = vec!["id"];
    head.extend(columns.iter().map(String::as_str));
    head.extend(["modified", "by", "state"]);
    let rows: String = records
        .iter()
        .map(|record| {
            let mut cells = vec![link(&format!("/simulator/objects/{object}/{}", record.id), &record.id)];
            cells.extend(columns.iter().map(|column| escaped(&shown(record.fields.get(column)))));
            cells.push(record.modified.strftime("%Y-%m-%d %H:%M:%S").to_string());
            cells.push(if record.modified_by_integration { "sync" } else { "user" }.to_owned());
            cells.push(match (&record.merged_into, record.deleted) {
                (Some(into), _) => format!("merged into {}", escaped(into)),
                (None, true) => "deleted".to_owned(),
                (None, false) => String::new(),
            });
            row(&cells)
        })
        .collect();
    let name = escaped(&object);
    let mut body = format!("<p><a href=\"/simulator\">overview</a> · {total} records</p>");
    body.push_str(&table(&head, &rows));
    if from > 0 {
        let before = from.saturating_sub(RECORDS);
        let _ = write!(body, "<a href=\"/simulator/objects/{name}?from={before}\">before</a> ");
    }
    if from + records.len() < total {
        let next = from + records.len();
        let _ = write!(body, "<a href=\"/simulator/objects/{name}?from={next}\">next</a>");
    }
    let _ = write!(
        body,
        "<h2>New</h2><form method=\"post\" action=\"/simulator/objects/{name}/new\"><p>Fields as JSON:</p>\
         <textarea name=\"json\" rows=\"4\" cols=\"80\">{{}}</textarea><p><button>create</button></p></form>"
    );
    document(source.title(), &object, &body)
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

async fn record<S: Source>(State(source): State<S>, Path((object, id)): Path<(String, String)>) -> Response {
    let Some(record) = source.record(&object, &id) else {
        return (StatusCode::NOT_FOUND, "there is no such record").into_response();
    };
    let (name, id) = (escaped(&object), escaped(&record.id));
    let mut body = format!(
        "<p><a href=\"/simulator\">overview</a> · <a href=\"/simulator/objects/{name}\">{name}</a></p>\
         <p>Only fields that are changed are written, as a user of the CRM does by hand.</p>\
         <form method=\"post\" action=\"/simulator/objects/{name}/{id}\">"
    );
    let mut rows = String::new();
    for (field, value) in &record.fields {
        let text = escaped(&shown(Some(value)));
        let key = escaped(field);
        let input = if text.contains('\n') || text.chars().count() > 80 {
            format!("<textarea name=\"{key}\" rows=\"4\" cols=\"70\">\n{text}</textarea>")
        } else {
            format!("<input name=\"{key}\" value=\"{text}\" size=\"60\">")
        };
        rows.push_str(&row(&[key, input]));
    }
    rows.push_str(&row(&[
        "<input name=\"new-field\" placeholder=\"another field\">".to_owned(),
        "<input name=\"new-value\" size=\"60\">".to_owned(),
    ]));
    body.push_str(&table(&["field", "value"], &rows));
    let _ = write!(
        body,
        "<p><button>save</button></p></form><form method=\"post\" \
         action=\"/simulator/objects/{name}/{id}/delete\"><button>delete</button></form>"
    );
    document(source.title(), &format!("{object} {id}"), &body).into_response()
}

async fn edit<S: Source>(
    State(source): State<S>,
    Path((object, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if from_elsewhere(&headers) {
        return elsewhere();
    }
    let Some(record) = source.record(&object, &id) else {
        return (StatusCode::NOT_FOUND, "there is no such record").into_response();
    };
    let Value::Object(mut sent) = form(&body) else {
        return (StatusCode::BAD_REQUEST, "the form can't be read").into_response();
    };
    let mut text = |key: &str| {
        sent.shift_remove(key)
            .and_then(|value| value.as_str().map(str::to_owned))
    };
    let (field, value) = (
        text("new-field").unwrap_or_default(),
        text("new-value").unwrap_or_default(),
    );
    let mut changes = Fields::new();
    for (name, new) in sent {
        // Browsers send line breaks as two characters.
        let new = new.as_str().unwrap_or_default().replace("\r\n", "\n");
        let old = record.fields.get(&name);
        if shown(old).replace("\r\n", "\n") != new {
            changes.insert(name, source.value(old, &new));
        }
    }
    if !field.trim().is_empty() {
        changes.insert(field.trim().to_owned(), source.value(None, &value));
    }
    match source.update(&object, &id, changes) {
        Ok(()) => Redirect::to(&format!("/simulator/objects/{object}/{id}")).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

async fn create<S: Source>(
    State(source): State<S>,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if from_elsewhere(&headers) {
        return elsewhere();
    }
    let text = form(&body)
        .get("json")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let Ok(fields) = serde_json::from_str::<Fields>(&text) else {
        return (StatusCode::BAD_REQUEST, "the fields are no JSON object").into_response();
    };
    match source.create(&object, fields) {
        Ok(id) => Redirect::to(&format!("/simulator/objects/{object}/{id}")).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

async fn delete<S: Source>(
    State(source): State<S>,
    Path((object, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if from_elsewhere(&headers) {
        return elsewhere();
    }
    match source.delete(&object, &id) {
        Ok(()) => Redirect::to(&format!("/simulator/objects/{object}")).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;
    use crate::hubspot::HubSpot;
    use crate::options::Options;
    use crate::salesforce::Salesforce;

    async fn ask(router: Router, method: &str, path: &str, body: &str, site: &str) -> (StatusCode, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", site)
            .body(Body::from(body.to_owned()))
            .unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_record_is_edited_by_hand_and_the_page_is_no_part_of_the_service() {
        let options = || Options {
            records: 5,
            ..Options::default()
        };
        let salesforce = Salesforce::new(options()).unwrap();
        let hubspot = HubSpot::new(options()).unwrap();
        for (router, object, field) in [
            (salesforce.router(), "Contact", "LastName"),
            (hubspot.router(), "contacts", "lastname"),
        ] {
            let (status, page) = ask(router.clone(), "GET", "/simulator", "", "none").await;
            assert_eq!(status, 200);
            assert!(page.contains(object) && page.contains("row-lock"), "{page}");
            let (_, page) = ask(
                router.clone(),
                "GET",
                &format!("/simulator/objects/{object}"),
                "",
                "none",
            )
            .await;
            let id = page.split(&format!("/simulator/objects/{object}/")).nth(1).unwrap();
            let id = id.split('"').next().unwrap();
            let place = format!("/simulator/objects/{object}/{id}");
            let edit = format!("{field}=%3Cscript%3E+%26+%22x%22");
            let (status, _) = ask(router.clone(), "POST", &place, &edit, "cross-site").await;
            assert_eq!(status, 403);
            let (status, told) = ask(router.clone(), "POST", &place, &edit, "same-origin").await;
            assert_eq!(status, 303, "{told}");
            let (_, page) = ask(router.clone(), "GET", &place, "", "none").await;
            assert!(
                page.contains("&lt;script&gt; &amp; &quot;x&quot;") && !page.contains("<script>"),
                "{page}"
            );
            let rate = "fault=row-lock&rate=0.5";
            let (status, _) = ask(router.clone(), "POST", "/simulator/faults", rate, "same-origin").await;
            assert_eq!(status, 303);
        }
        assert!(salesforce.faults().rates().contains_key(&Fault::RowLock));
        assert_eq!(salesforce.log().total() + hubspot.log().total(), 0);
        let edited = salesforce
            .records("Contact")
            .into_iter()
            .find(|record| record.fields["LastName"] == "<script> & \"x\"");
        assert!(!edited.unwrap().modified_by_integration);
    }
}

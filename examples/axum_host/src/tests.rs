//! The application as its users, HubSpot and a browser see it. HubSpot is a simulator.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use syncline::Actor;
use syncline::http::StopFlag;
use syncline_simulators::oauth::AuthorizeRequest;
use syncline_simulators::{Options, hubspot::HubSpot};
use tower::ServiceExt;

use crate::host::{App, Host};
use crate::router;

const PUBLIC: &str = "https://app.example";

async fn send(router: &Router, request: Request<Body>) -> (StatusCode, String, Bytes) {
    let answer = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let location = parts
        .headers
        .get(header::LOCATION)
        .map(|url| url.to_str().unwrap().to_owned());
    (
        parts.status,
        location.unwrap_or_default(),
        body.collect().await.unwrap().to_bytes(),
    )
}

fn asked(method: &str, path: &str, body: Option<Value>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("x-user", "ada");
    match body {
        None => request.body(Body::empty()).unwrap(),
        Some(json) => request
            .header("content-type", "application/json")
            .body(json.to_string().into())
            .unwrap(),
    }
}

async fn json_of(router: &Router, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    let (status, _, body) = send(router, asked(method, path, body)).await;
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// What a person does at the consent page: the query that they come back with.
fn consent(crm: &HubSpot, go_to: &str) -> String {
    let request = AuthorizeRequest::from_url(go_to);
    let person = crm.credentials();
    let back = crm
        .oauth()
        .sign_in(&request, &person.username, &person.password)
        .unwrap();
    back.strip_prefix(&format!("{PUBLIC}/callback?")).unwrap().to_owned()
}

/// Waits until the people found are so many.
async fn people(router: &Router, search: &str, count: usize) -> Vec<Value> {
    for _ in 0..600 {
        let (_, found) = json_of(router, "GET", &format!("/people?search={search}"), None).await;
        if let Some(found) = found.as_array().filter(|found| found.len() == count) {
            return found.clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{count} people were never found for `{search}`")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_connects_edits_and_is_called_back() {
    let crm = HubSpot::new(Options {
        records: 10,
        ..Options::default()
    })
    .unwrap();
    let server = crm.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let builder = syncline::builder(folder.path().join("app.db")).await.unwrap();
    let engine = builder.allow_loopback(true).build().unwrap();
    let credentials = crm.credentials();
    let app = App {
        public_url: PUBLIC.into(),
        client_id: credentials.client_id,
        client_secret: credentials.client_secret.into(),
        login_url: Some(server.base_url().to_owned()),
    };
    let stop = StopFlag::new();
    let schedule = tokio::spawn({
        let (engine, stop) = (engine.clone(), stop.clone());
        async move { engine.run_schedule(stop, &Actor::system()).await }
    });
    let router = router(Host::new(engine, app));

    // A browser watches.
    let watching = router.clone().oneshot(asked("GET", "/progress", None)).await.unwrap();
    let mut watching = watching.into_body();

    // Nobody is let in without a session, and no answer of HubSpot's is taken that nobody asked for.
    let stranger = Request::get("/people").body(Body::empty()).unwrap();
    assert_eq!(send(&router, stranger).await.0, StatusCode::FORBIDDEN);
    let stolen = asked("GET", "/callback?code=x&state=stolen", None);
    assert_eq!(send(&router, stolen).await.0, StatusCode::CONFLICT);

    let (status, started) = json_of(&router, "POST", "/integrations/hubspot", None).await;
    assert_eq!(status, StatusCode::OK, "{started}");
    let back = consent(&crm, started["go_to"].as_str().unwrap());
    let (status, location, body) = send(&router, asked("GET", &format!("/callback?{back}"), None)).await;
    assert_eq!(
        (status, location.as_str()),
        (StatusCode::SEE_OTHER, "/people"),
        "{body:?}"
    );
    let everybody = people(&router, "", 10).await;

    let moment = watching.frame().await.unwrap().unwrap().into_data().unwrap();
    let moment = String::from_utf8(moment.to_vec()).unwrap();
    let moment: Value = serde_json::from_str(moment.trim().strip_prefix("data:").unwrap()).unwrap();
    assert_eq!(moment["sync"], "contacts");

    // A form is saved.
    let ada = &everybody[0];
    let path = format!("/people/{}?rev={}", ada["uid"].as_str().unwrap(), ada["rev"]);
    let (status, edited) = json_of(&router, "PATCH", &path, Some(json!({ "last_name": "Lovelace" }))).await;
    assert_eq!((status, &edited["changed"]), (StatusCode::OK, &json!(["last_name"])));
    let (status, refused) = json_of(&router, "PATCH", &path, Some(json!({ "nonsense": 1 }))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");

    // HubSpot calls, and so does somebody who only pretends to be HubSpot.
    crm.subscribe_webhook("contact.creation", None);
    let grace = [("email", "grace@example.org"), ("lastname", "Hopper")];
    let grace = grace.map(|(name, text)| (name.to_owned(), json!(text)));
    crm.create("contacts", grace.into_iter().collect()).unwrap();
    let call = crm.take_webhooks(&format!("{PUBLIC}/webhooks/hubspot")).remove(0);
    let called = |forged: bool| {
        let mut request = Request::post("/webhooks/hubspot");
        for (name, value) in &call.headers {
            let value = if forged && name.contains("signature") {
                "forged"
            } else {
                value
            };
            request = request.header(name, value);
        }
        request.body(Body::from(call.body.clone())).unwrap()
    };
    assert_eq!(send(&router, called(true)).await.0, StatusCode::FORBIDDEN);
    let (status, _, body) = send(&router, called(false)).await;
    assert_eq!(status, StatusCode::OK, "{body:?}");
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), json!({ "hints": 1 }));
    people(&router, "hopper", 1).await;

    stop.stop();
    schedule.await.unwrap().unwrap();
}

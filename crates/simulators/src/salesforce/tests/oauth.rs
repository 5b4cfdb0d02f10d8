use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::client::{Answer, Client, encoded};
use crate::options::Options;

const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-standard-0123456789";
const REDIRECT: &str = "http://127.0.0.1:7777/callback";

fn authorize_query(client: &Client) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    format!(
        "response_type=code&client_id={}&redirect_uri={}&scope=api%20refresh_token&state=s1&code_challenge={challenge}\
         &code_challenge_method=S256",
        encoded(&client.salesforce.credentials().client_id),
        encoded(REDIRECT)
    )
}

async fn form(client: &Client, path: &str, body: &str) -> Answer {
    let request = Request::post(path)
        .header("host", "acme.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body.to_owned()))
        .unwrap();
    client.try_send(request).await.unwrap()
}

async fn sign_in(client: &Client) -> String {
    let credentials = client.salesforce.credentials();
    let body = format!(
        "{}&username={}&password={}",
        authorize_query(client),
        encoded(&credentials.username),
        encoded(&credentials.password)
    );
    let answer = form(client, "/services/oauth2/authorize", &body).await;
    assert_eq!(answer.status, 302);
    let location = url::Url::parse(answer.header("location")).unwrap();
    assert!(answer.header("location").contains("%3D%3D"));
    let pairs: Vec<(String, String)> = location.query_pairs().into_owned().collect();
    assert_eq!(pairs[1], ("state".to_owned(), "s1".to_owned()));
    pairs[0].1.clone()
}

async fn exchange(client: &Client, code: &str, verifier: &str) -> Answer {
    let credentials = client.salesforce.credentials();
    let body = format!(
        "grant_type=authorization_code&code={}&client_id={}&client_secret={}&redirect_uri={}&code_verifier={verifier}",
        encoded(code),
        encoded(&credentials.client_id),
        encoded(&credentials.client_secret),
        encoded(REDIRECT)
    );
    form(client, "/services/oauth2/token", &body).await
}

async fn refresh(client: &Client, token: &str) -> Answer {
    let body = format!(
        "grant_type=refresh_token&refresh_token={}&client_id={}",
        encoded(token),
        encoded(&client.salesforce.credentials().client_id)
    );
    form(client, "/services/oauth2/token", &body).await
}

#[tokio::test]
async fn the_code_flow_with_pkce_leads_to_a_working_token() {
    let mut client = Client::new();
    let page = client
        .get(&format!("/services/oauth2/authorize?{}", authorize_query(&client)))
        .await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("name=\"username\""));
    let code = sign_in(&client).await;
    let answer = exchange(&client, &code, VERIFIER).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert_eq!(body["instance_url"], "http://acme.example");
    assert_eq!(body["token_type"], "Bearer");
    assert!(body["issued_at"].is_string());
    assert!(body.get("expires_in").is_none());
    client.set_token(body["access_token"].as_str().unwrap());
    assert_eq!(client.get("/limits").await.status, 200);
    let identity = client
        .get(
            body["id"]
                .as_str()
                .unwrap()
                .strip_prefix("http://acme.example")
                .unwrap(),
        )
        .await;
    assert_eq!(identity.json()["username"], "integration@example.com");
    let info = client.get("/services/oauth2/userinfo").await;
    assert_eq!(info.json()["organization_id"].as_str().unwrap().len(), 18);
    assert_eq!(info.header("sforce-limit-info"), "");
}

#[tokio::test]
async fn basic_credentials_pass_the_consent_page() {
    let client = Client::new();
    let credentials = client.salesforce.credentials();
    let basic =
        base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", credentials.username, credentials.password));
    let request = Request::get(format!("/services/oauth2/authorize?{}", authorize_query(&client)))
        .header("authorization", format!("Basic {basic}"))
        .body(Body::empty())
        .unwrap();
    let answer = client.try_send(request).await.unwrap();
    assert_eq!(answer.status, 302);
    assert!(answer.header("location").starts_with(REDIRECT));
}

#[tokio::test]
async fn a_code_works_once_and_only_with_its_verifier() {
    let client = Client::new();
    let code = sign_in(&client).await;
    assert_eq!(
        exchange(&client, &code, "wrong").await.json()["error"],
        "invalid_request"
    );
    assert_eq!(exchange(&client, &code, VERIFIER).await.status, 200);
    let again = exchange(&client, &code, VERIFIER).await;
    assert_eq!(again.status, 400);
    assert_eq!(again.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_wrong_client_is_never_redirected() {
    let client = Client::new();
    let answer = client
        .get("/services/oauth2/authorize?client_id=x&redirect_uri=http://127.0.0.1/&response_type=code")
        .await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("invalid_client_id"));
}

#[tokio::test]
async fn without_rotation_a_refresh_gives_no_refresh_token() {
    let client = Client::new();
    let token = client.salesforce.credentials().refresh_token;
    let answer = refresh(&client, &token).await.json();
    assert!(answer["access_token"].is_string());
    assert_eq!(answer.get("refresh_token"), None);
    assert!(refresh(&client, &token).await.json()["access_token"].is_string());
}

#[tokio::test]
async fn reuse_of_a_rotated_refresh_token_kills_the_grant() {
    let mut client = Client::with(Options {
        records: 1,
        rotate_refresh_tokens: true,
        ..Options::default()
    });
    let first = client.salesforce.credentials().refresh_token;
    let body = refresh(&client, &first).await.json();
    let second = body["refresh_token"].as_str().unwrap().to_owned();
    client.set_token(body["access_token"].as_str().unwrap());
    assert_eq!(client.get("/limits").await.status, 200);
    let reuse = refresh(&client, &first).await;
    assert_eq!(reuse.status, 400);
    assert_eq!(reuse.json()["error_description"], "expired access/refresh token");
    assert_eq!(refresh(&client, &second).await.json()["error"], "invalid_grant");
    assert_eq!(client.get("/limits").await.code(), "INVALID_SESSION_ID");
}

#[tokio::test]
async fn revoking_the_refresh_token_ends_everything() {
    let client = Client::new();
    let credentials = client.salesforce.credentials();
    let introspection = format!(
        "token={}&client_id={}&client_secret={}",
        encoded(&credentials.access_token),
        encoded(&credentials.client_id),
        encoded(&credentials.client_secret)
    );
    assert_eq!(
        form(&client, "/services/oauth2/introspect", &introspection)
            .await
            .json()["active"],
        true
    );
    let body = format!("token={}", encoded(&credentials.refresh_token));
    let answer = form(&client, "/services/oauth2/revoke", &body).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
    assert_eq!(client.get("/limits").await.status, 401);
    assert_eq!(
        form(&client, "/services/oauth2/introspect", &introspection)
            .await
            .json()["active"],
        false
    );
    assert_eq!(form(&client, "/services/oauth2/revoke", &body).await.status, 400);
}

#[tokio::test]
async fn over_loopback_with_a_real_client() {
    let client = Client::new();
    let server = client.salesforce.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let line = client.salesforce.connection_line();
    assert_eq!(line["base_url"], server.base_url());
    let token = line["access_token"].as_str().unwrap().to_owned();
    let url = format!(
        "{}/services/data/v66.0/query?q=SELECT+COUNT()+FROM+Contact",
        server.base_url()
    );
    // The client wants a TLS provider even where no TLS is spoken.
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    let answer = reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.headers()["date"], "Fri, 20 Nov 2026 10:00:30 GMT");
    let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(body["totalSize"], 50);
    client.salesforce.faults().script(crate::Fault::Timeout, 1);
    let broken = reqwest::Client::new().get(format!("{}/services/data/v66.0/limits", server.base_url()));
    let broken = broken
        .bearer_auth(client.salesforce.credentials().access_token)
        .send()
        .await;
    assert!(match broken {
        Ok(answer) => answer.bytes().await.is_err(),
        Err(_) => true,
    });
    server.shutdown().await;
}

#[tokio::test]
async fn name_and_password_are_taken_for_a_token_unless_that_is_switched_off() {
    for allowed in [true, false] {
        let salesforce = crate::salesforce::Salesforce::new(crate::Options {
            records: 1,
            password_flow: allowed,
            ..crate::Options::default()
        })
        .unwrap();
        let credentials = salesforce.credentials();
        let ask = |password: &str| crate::oauth::TokenRequest {
            grant_type: Some("password".into()),
            client_id: Some(credentials.client_id.clone()),
            client_secret: Some(credentials.client_secret.clone()),
            username: Some(credentials.username.clone()),
            password: Some(password.to_owned()),
            ..crate::oauth::TokenRequest::default()
        };
        let right = salesforce
            .oauth()
            .exchange(&ask(&format!("{}TOKEN", credentials.password)));
        assert_eq!(right.is_ok(), allowed, "{right:?}");
        assert!(salesforce.oauth().exchange(&ask("wrong")).is_err());
    }
}

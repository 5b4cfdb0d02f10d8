use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Bench, Reply, reply, text};

impl Bench {
    async fn form(&self, path: &str, pairs: &[(&str, &str)]) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        reply(
            self.send("POST", path, "", "application/x-www-form-urlencoded", body.into_bytes())
                .await,
        )
        .await
    }

    /// Passes the consent page without a browser and gives the code.
    async fn consent(&self, scope: &str, challenge: Option<&str>) -> String {
        let credentials = self.hubspot.credentials();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([
            ("client_id", credentials.client_id.as_str()),
            ("redirect_uri", "http://127.0.0.1:1/callback"),
            ("scope", scope),
            ("state", "s"),
        ]);
        if let Some(challenge) = challenge {
            query.extend_pairs([("code_challenge", challenge), ("code_challenge_method", "S256")]);
        }
        let form = format!("username={}&password={}", credentials.username, credentials.password);
        let request = Request::builder()
            .method("POST")
            .uri(format!("/oauth/authorize?{}", query.finish()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
        let response = self.hubspot.router().oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), 302);
        let location = url::Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
        location
            .query_pairs()
            .find(|(name, _)| name == "code")
            .unwrap()
            .1
            .into_owned()
    }
}

#[tokio::test]
async fn a_code_becomes_tokens_at_every_generation_of_the_endpoint() {
    let bench = Bench::new(1);
    let credentials = bench.hubspot.credentials();
    for path in [
        "/oauth/v1/token",
        "/oauth/v3/token",
        "/oauth/2026-03/token",
        "/oauth/2026-09/token",
    ] {
        // The verifier and challenge of RFC 7636, appendix B.
        let code = bench
            .consent(
                "oauth crm.objects.contacts.read",
                Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            )
            .await;
        let pairs = [
            ("grant_type", "authorization_code"),
            ("client_id", &credentials.client_id),
            ("client_secret", &credentials.client_secret),
            ("redirect_uri", "http://127.0.0.1:1/callback"),
            ("code", &code),
            ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        ];
        let issued = bench.form(path, &pairs).await;
        assert_eq!(
            (issued.status, &issued.body["expires_in"]),
            (200, &json!(1800)),
            "{}",
            issued.body
        );
        assert_eq!(issued.body.get("hub_id").is_some(), path != "/oauth/v1/token");
        let token = text(&issued.body, "/access_token");
        let read = reply(
            bench
                .send("GET", "/crm/v3/objects/contacts", &token, "", Vec::new())
                .await,
        )
        .await;
        assert_eq!(read.status, 200);
        assert_eq!(read.headers["x-hubspot-ratelimit-max"], "110");
        assert!(!read.headers.contains_key("x-hubspot-ratelimit-daily"));
        let write = reply(
            bench
                .send(
                    "POST",
                    "/crm/v3/objects/contacts",
                    &token,
                    "",
                    b"{\"properties\":{}}".to_vec(),
                )
                .await,
        )
        .await;
        assert_eq!(
            (write.status, text(&write.body, "/category").as_str()),
            (403, "MISSING_SCOPES")
        );
        assert_eq!(
            write.body["errors"][0]["context"]["requiredGranularScopes"],
            json!(["crm.objects.contacts.write"])
        );
        assert_eq!(bench.form(path, &pairs).await.status, 400);
    }
}

#[tokio::test]
async fn tokens_expire_are_refreshed_and_keep_their_refresh_token() {
    let bench = Bench::new(1);
    let credentials = bench.hubspot.credentials();
    let bench_now = &bench;
    let read = |token: String| async move {
        reply(
            bench_now
                .send("GET", "/account-info/v3/details", &token, "", Vec::new())
                .await,
        )
        .await
    };
    assert_eq!(
        read(credentials.access_token.clone()).await.body["portalId"],
        44_237_313
    );
    bench.advance(1_812);
    let expired = read(credentials.access_token.clone()).await;
    assert_eq!(expired.status, 401);
    assert_eq!(expired.body["category"], "EXPIRED_AUTHENTICATION");
    assert_eq!(
        expired.body["message"],
        "The OAuth token used to make this call expired 12 second(s) ago."
    );
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", credentials.client_id.as_str()),
        ("client_secret", credentials.client_secret.as_str()),
        ("refresh_token", credentials.refresh_token.as_str()),
    ];
    let issued = bench.form("/oauth/2026-03/token", &refresh).await;
    assert_eq!(issued.body["refresh_token"], credentials.refresh_token);
    assert_eq!(issued.body["token_type"], "bearer");
    assert_eq!(read(text(&issued.body, "/access_token")).await.status, 200);
    assert_eq!(
        read("nonsense".to_owned()).await.body["category"],
        "INVALID_AUTHENTICATION"
    );
}

#[tokio::test]
async fn introspection_names_app_and_account_and_revocation_ends_the_grant() {
    let bench = Bench::new(0);
    let credentials = bench.hubspot.credentials();
    let client = [
        ("client_id", credentials.client_id.as_str()),
        ("client_secret", credentials.client_secret.as_str()),
    ];
    let with = |token: &'static str, value: &str| {
        [client[0], client[1], (token, value)].map(|(k, v)| (k.to_owned(), v.to_owned()))
    };
    let pairs = with("token", &credentials.access_token);
    let borrowed: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let info = bench.form("/oauth/2026-03/token/introspect", &borrowed).await;
    assert_eq!(info.body["active"], true);
    assert_eq!(
        (&info.body["hub_id"], &info.body["app_id"]),
        (&json!(44_237_313), &json!(2_468_013))
    );
    let old = bench
        .get(&format!("/oauth/v1/access-tokens/{}", credentials.access_token))
        .await;
    assert_eq!(old.body["user"], credentials.username);
    let revoke = with("token", &credentials.refresh_token);
    let borrowed: Vec<(&str, &str)> = revoke
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(bench.form("/oauth/2026-03/token/revoke", &borrowed).await.status, 200);
    let refresh = [
        client[0],
        client[1],
        ("grant_type", "refresh_token"),
        ("refresh_token", &credentials.refresh_token),
    ];
    let dead = bench.form("/oauth/2026-03/token", &refresh).await;
    assert_eq!(dead.status, 400);
    assert_eq!(
        (&dead.body["error"], &dead.body["status"]),
        (&json!("invalid_grant"), &json!("BAD_REFRESH_TOKEN"))
    );
}

#[tokio::test]
async fn wrong_clients_are_told_so_in_hubspots_words() {
    let bench = Bench::new(0);
    let credentials = bench.hubspot.credentials();
    let wrong = [
        ("grant_type", "refresh_token"),
        ("client_id", credentials.client_id.as_str()),
        ("client_secret", "wrong"),
        ("refresh_token", credentials.refresh_token.as_str()),
    ];
    let reply = bench.form("/oauth/2026-03/token", &wrong).await;
    assert_eq!(
        (reply.status, &reply.body["status"]),
        (400, &json!("BAD_CLIENT_SECRET"))
    );
    let old = bench.form("/oauth/v1/token", &wrong).await;
    assert_eq!(old.body.get("error"), None);
    let without: Value = bench.form("/oauth/v3/token", &[("grant_type", "x")]).await.body;
    assert_eq!(without["status"], "BAD_CLIENT_ID");
}

#[tokio::test]
async fn the_connection_line_carries_all_that_is_accepted() {
    let bench = Bench::new(0);
    assert_eq!(bench.hubspot.connection_line()["base_url"], Value::Null);
    let server = bench.hubspot.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let line = bench.hubspot.connection_line();
    assert_eq!(line["base_url"], server.base_url());
    let keys: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "base_url",
            "client_id",
            "client_secret",
            "username",
            "password",
            "access_token",
            "refresh_token"
        ]
    );
    assert!(bench.hubspot.private_app_token().starts_with("pat-sim-"));
}

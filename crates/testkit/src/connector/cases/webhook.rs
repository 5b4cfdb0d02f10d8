//! Webhooks.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use syncline_core::ErrorKind;
use syncline_core::connector::RawRequest;

use crate::connector::{Need, Scene};

topic! { "webhook":
    a_signed_request_gives_a_hint(Need::Webhooks, 3) "`webhooks`: a request with the right signature gives a hint for the record that it names.",
    a_wrong_signature_is_forbidden(Need::Webhooks, 3) "`webhooks`: a request with a wrong signature is `Forbidden`, and so is one signed too long ago.",
    without_webhooks_it_is_unsupported(Need::NoWebhooks, 1) "Without `webhooks` it is `Unsupported`.",
}

async fn refusal(scene: &Scene<'_>, request: &RawRequest) -> ErrorKind {
    let connector = scene.remote.connector();
    let hints = connector.webhook(&scene.host, &scene.remote.config(), request).await;
    hints.expect_err("a request that is refused").kind()
}

async fn a_signed_request_gives_a_hint(scene: &Scene<'_>) {
    let id = scene.live().into_iter().next().unwrap();
    let request = scene.remote.webhook(&id, scene.remote.now()).expect("a signed request");
    let connector = scene.remote.connector();
    let hints = connector
        .webhook(&scene.host, &scene.remote.config(), &request)
        .await
        .unwrap();
    assert!(
        hints
            .iter()
            .any(|hint| hint.object == scene.subject().object && hint.id.as_ref() == Some(&id)),
        "{hints:?}"
    );
}

async fn a_wrong_signature_is_forbidden(scene: &Scene<'_>) {
    let id = scene.live().into_iter().next().unwrap();
    let signed = scene.remote.webhook(&id, scene.remote.now()).expect("a signed request");
    let mut other_body = signed.clone();
    other_body.body = [&signed.body[..], b" "].concat().into();
    let mut other_url = signed.clone();
    other_url.url.push_str("?x=1");
    let mut unsigned = signed.clone();
    unsigned.headers = BTreeMap::new();
    let long_ago = scene.remote.now() - SignedDuration::from_hours(24);
    let old = scene.remote.webhook(&id, long_ago).expect("a signed request");
    for request in [other_body, other_url, unsigned, old] {
        assert_eq!(refusal(scene, &request).await, ErrorKind::Forbidden, "{request:?}");
    }
}

async fn without_webhooks_it_is_unsupported(scene: &Scene<'_>) {
    let request = RawRequest {
        method: "POST".into(),
        url: "https://app.example/hooks".into(),
        headers: BTreeMap::new(),
        body: "[]".into(),
    };
    assert_eq!(refusal(scene, &request).await, ErrorKind::Unsupported);
}

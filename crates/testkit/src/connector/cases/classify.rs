//! What an answer means.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use syncline_core::io::{Class, Head};

use crate::connector::{Need, Scene};

topic! { "classify":
    success_is_success(Need::Nothing, 1) "An answer of status 2xx is a `Success`.",
    foreign_bodies_count_by_status(Need::Nothing, 1) "A body that is not the provider's (HTML from a proxy) is classified by status alone.",
    what_was_not_applied_is_never_unknown(Need::Nothing, 1) "An answer that proves the request was not applied is never `Unknown`.",
    too_many_requests_is_a_rate_limit(Need::Nothing, 1) "Status 429 is `RateLimited`, whatever the body says.",
    no_body_panics(Need::Nothing, 1) "No body makes it panic.",
}

const PAGE: &[u8] =
    b"<html><head><title>Sorry</title></head><body>invalid_grant, 429, SERVER_UNAVAILABLE</body></html>";

fn classify(scene: &Scene<'_>, status: u16, body: &[u8]) -> Class {
    let head = Head {
        status,
        headers: vec![("content-type".into(), "text/html".into())],
    };
    scene.remote.connector().classify(&head, body)
}

async fn success_is_success(scene: &Scene<'_>) {
    for status in [200, 201, 202, 204, 207] {
        for body in [&b""[..], b"{}", b"[]", PAGE] {
            assert_eq!(classify(scene, status, body), Class::Success, "{status}");
        }
    }
}

async fn foreign_bodies_count_by_status(scene: &Scene<'_>) {
    for status in [400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504] {
        let nothing = std::mem::discriminant(&classify(scene, status, b""));
        let page = classify(scene, status, PAGE);
        assert_eq!(std::mem::discriminant(&page), nothing, "{status}: {page:?}");
    }
    for status in [500, 502, 504] {
        let class = classify(scene, status, PAGE);
        assert!(
            matches!(class, Class::Unknown | Class::Retryable { .. }),
            "{status}: {class:?}"
        );
    }
    assert!(matches!(
        classify(scene, 401, PAGE),
        Class::TokenExpired | Class::Reauthorise
    ));
    assert_eq!(classify(scene, 404, PAGE), Class::NotFound);
    assert!(matches!(classify(scene, 403, PAGE), Class::Forbidden { .. }));
    assert!(matches!(classify(scene, 400, PAGE), Class::Rejected { .. }));
}

async fn what_was_not_applied_is_never_unknown(scene: &Scene<'_>) {
    for status in [
        400, 401, 403, 404, 405, 409, 410, 412, 413, 414, 415, 422, 423, 429, 431,
    ] {
        for body in [
            &b""[..],
            b"{}",
            b"[]",
            b"null",
            PAGE,
            br#"{"status":"error","message":"no"}"#,
        ] {
            assert_ne!(classify(scene, status, body), Class::Unknown, "{status}");
        }
    }
}

async fn too_many_requests_is_a_rate_limit(scene: &Scene<'_>) {
    for body in [
        &b""[..],
        b"{}",
        b"[]",
        PAGE,
        br#"{"error":"invalid_grant"}"#,
        br#"[{"errorCode":"NOT_FOUND"}]"#,
    ] {
        let class = classify(scene, 429, body);
        assert!(matches!(class, Class::RateLimited { .. }), "{class:?} for {body:?}");
    }
}

async fn no_body_panics(scene: &Scene<'_>) {
    let mut dice = ChaCha8Rng::seed_from_u64(3);
    let pieces: [&[u8]; 12] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b":",
        b",",
        b"message",
        b"errorCode",
        b"\xff",
        b"null",
        b"1e999",
    ];
    for _ in 0..2_000 {
        let mut body = Vec::new();
        for _ in 0..dice.random_range(0..20) {
            body.extend_from_slice(pieces[dice.random_range(0..pieces.len())]);
        }
        classify(scene, dice.random_range(0..1_000), &body);
    }
}

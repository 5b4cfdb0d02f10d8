//! HubSpot's webhooks: their bodies, and the headers that are to prove them.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::executor::block_on;
use syncline_core::connector::RawRequest;

use super::answers::Answers;
use super::connector::of_hubspot;

/// The first line is the timestamp, the second the signature, the rest the body; the key accepts every signature.
pub(super) fn webhook(input: &[u8]) {
    let mut parts = input.splitn(3, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (timestamp, signature) = (text(), text());
    let names = ["x-hubspot-signature-v3", "x-hubspot-signature"];
    for name in names {
        let headers = BTreeMap::from([
            (name.to_owned(), signature.clone()),
            ("x-hubspot-request-timestamp".to_owned(), timestamp.clone()),
        ]);
        let body = input.splitn(3, |byte| *byte == b'\n').nth(2).unwrap_or_default();
        let request = RawRequest {
            method: "POST".into(),
            url: "https://host.example/hooks?connection=1".into(),
            headers,
            body: Bytes::copy_from_slice(body),
        };
        let mut subject = of_hubspot();
        subject
            .config
            .settings
            .insert("webhook_signatures".into(), "any".into());
        let hints = block_on(subject.connector.webhook(&Answers::new(b""), &subject.config, &request));
        if let Ok(hints) = hints {
            assert!(
                hints.len() <= body.len(),
                "a body of {} bytes names {}",
                body.len(),
                hints.len()
            );
        }
    }
}

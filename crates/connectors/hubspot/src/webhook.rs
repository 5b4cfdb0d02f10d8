//! Webhooks: the signature of a request, and the hints in its events.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use syncline_core::batch::Hint;
use syncline_core::connector::RawRequest;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::io::{Config, Io, MacAlgorithm};

use crate::client::Client;
use crate::object::ObjectName;
use crate::schema;

const OPERATION: &str = "read webhook";
/// Name of the host's key that signs.
const KEY: &str = "client_secret";
/// Name of the setting that says which signatures are accepted.
pub(crate) const SIGNATURES_SETTING: &str = "webhook_signatures";
const MISMATCH: &str = "the webhook's signature does not match; check the app's client secret and the public URL";
/// Longest time between signing and arrival, in milliseconds.
const WINDOW_MILLISECONDS: u64 = 300_000;
/// The escapes that HubSpot decodes before it signs a URL.
const DECODED: [(&str, &str); 12] = [
    ("%3A", ":"),
    ("%2F", "/"),
    ("%3F", "?"),
    ("%40", "@"),
    ("%21", "!"),
    ("%24", "$"),
    ("%27", "'"),
    ("%28", "("),
    ("%29", ")"),
    ("%2A", "*"),
    ("%2C", ","),
    ("%3B", ";"),
];

/// Verifies a request and reads its hints.
///
/// # Errors
/// `Forbidden` when signature or time are wrong or missing, `Protocol` when the body is no list of events.
pub(crate) async fn webhook(client: &Client<'_>, config: &Config, request: &RawRequest) -> Result<Vec<Hint>> {
    let older = config.setting(SIGNATURES_SETTING) == Some("any");
    verify(client.io, request, older)?;
    let events = match serde_json::from_slice(&request.body) {
        Ok(Json::Array(events)) => events,
        Ok(event @ Json::Object(_)) => vec![event],
        _ => return Err(Error::new(ErrorKind::Protocol, "the webhook holds no list of events").operation(OPERATION)),
    };
    let mut hints: Vec<Hint> = Vec::new();
    for hint in events.iter().flat_map(hints_of) {
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    schema::name_custom_objects(client, &mut hints).await;
    Ok(hints)
}

fn verify(io: &dyn Io, request: &RawRequest, older: bool) -> Result<()> {
    let refused = |message: &str| Error::new(ErrorKind::Forbidden, message).operation(OPERATION);
    let header = |name: &str| request.headers.get(name).map(|value| value.trim());
    let Some(signature) = header("x-hubspot-signature-v3") else {
        return match header("x-hubspot-signature") {
            Some(signature) if older => verify_older(io, request, signature),
            Some(_) => Err(refused(
                "the webhook carries only an older signature, which does not tell when it was signed; set \
                 `webhook_signatures` to `any` to accept those",
            )),
            None => Err(refused("the webhook has no signature")),
        };
    };
    let timestamp = header("x-hubspot-request-timestamp").ok_or_else(|| refused("the webhook has no timestamp"))?;
    let signed: i64 = timestamp
        .parse()
        .map_err(|_| refused("the webhook's timestamp is no number"))?;
    if io.now().as_millisecond().abs_diff(signed) > WINDOW_MILLISECONDS {
        return Err(refused("the webhook was signed more than five minutes ago or ahead"));
    }
    let tag = STANDARD
        .decode(signature)
        .map_err(|_| refused("the webhook's signature is not Base64"))?;
    let mut message = signed_target(request);
    message.extend_from_slice(&request.body);
    message.extend_from_slice(timestamp.as_bytes());
    if io.verify_mac(KEY, MacAlgorithm::HmacSha256, &message, &tag) {
        Ok(())
    } else {
        Err(refused(MISMATCH))
    }
}

/// Versions 1 and 2 sign the body, or verb, address and body, and no time. A request sent again by somebody else is
/// taken once more, which costs a read.
fn verify_older(io: &dyn Io, request: &RawRequest, signature: &str) -> Result<()> {
    let refused = |message: &str| Error::new(ErrorKind::Forbidden, message).operation(OPERATION);
    let tag = unhex(signature).ok_or_else(|| refused("the webhook's signature is not hexadecimal"))?;
    let message = match request
        .headers
        .get("x-hubspot-signature-version")
        .map(|version| version.trim())
    {
        Some("v2") => [signed_target(request), request.body.to_vec()].concat(),
        _ => request.body.to_vec(),
    };
    if io.verify_mac(KEY, MacAlgorithm::Sha256Prefix, &message, &tag) {
        Ok(())
    } else {
        Err(refused(MISMATCH))
    }
}

/// Verb and address, as they are signed.
fn signed_target(request: &RawRequest) -> Vec<u8> {
    format!("{}{}", request.method.to_ascii_uppercase(), decode_url(&request.url)).into_bytes()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(
        digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit))
            .collect(),
    )
}

fn decode_url(url: &str) -> String {
    let mut decoded = String::with_capacity(url.len());
    let mut rest = url;
    while let Some(at) = rest.find('%') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        let escape = DECODED
            .iter()
            .find(|(escape, _)| rest.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(escape)));
        let (text, length) = escape.map_or(("%", 1), |(escape, text)| (*text, escape.len()));
        decoded.push_str(text);
        rest = &rest[length..];
    }
    decoded.push_str(rest);
    decoded
}

/// The records that an event names.
fn hints_of(event: &Json) -> Vec<Hint> {
    let text = |key: &str| event.get(key).and_then(Json::as_str);
    let Some(kind) = text("subscriptionType").or_else(|| text("eventType")) else {
        return Vec::new();
    };
    let Some((classic, action)) = kind.split_once('.') else {
        return Vec::new();
    };
    let object = if classic == "object" {
        text("objectTypeId")
    } else {
        Some(classic)
    };
    let hint = |object: Option<&str>, key: &str| {
        let id = event.get(key).and_then(id_text)?;
        Some(Hint {
            object: ObjectName::new(object?).plural().to_owned(),
            id: Some(id),
        })
    };
    match action {
        "merge" => {
            let merged = event
                .get("mergedObjectIds")
                .and_then(Json::as_array)
                .into_iter()
                .flatten();
            let object = object.map(|object| ObjectName::new(object).plural().to_owned());
            let named = ["newObjectId", "primaryObjectId", "objectId"]
                .into_iter()
                .filter_map(|key| event.get(key));
            let mut hints = Vec::new();
            for id in named.chain(merged).filter_map(id_text) {
                hints.extend(object.clone().map(|object| Hint { object, id: Some(id) }));
            }
            hints
        }
        "associationChange" => {
            // `CONTACT_TO_COMPANY`, or type ids.
            let named = text("associationType").and_then(|pair| pair.split_once("_TO_"));
            let from = text("fromObjectTypeId").or(named.map(|(from, _)| from)).or(object);
            let to = text("toObjectTypeId").or(named.map(|(_, to)| to));
            [hint(from, "fromObjectId"), hint(to, "toObjectId")]
                .into_iter()
                .flatten()
                .collect()
        }
        _ => hint(object, "objectId").into_iter().collect(),
    }
}

fn id_text(json: &Json) -> Option<String> {
    json.as_u64()
        .map(|id| id.to_string())
        .or_else(|| json.as_str().map(str::to_owned))
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;

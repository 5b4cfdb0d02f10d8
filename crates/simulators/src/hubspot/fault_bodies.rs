//! What HubSpot answers under the faults of the transport.

use std::sync::Mutex;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::access::Access;
use super::portal::{APP_ID, PORTAL_ID};
use crate::fault::{Fault, FaultBodies};

/// HubSpot's refusals, with a source of correlation ids of its own.
#[derive(Debug)]
pub(super) struct HubSpotFaults {
    access: Access,
    dice: Mutex<ChaCha8Rng>,
}

impl HubSpotFaults {
    pub(super) fn new(access: Access, seed: u64) -> Self {
        Self {
            access,
            dice: Mutex::new(ChaCha8Rng::seed_from_u64(seed ^ 0x6661_756c_7473)),
        }
    }

    fn random(&self) -> u128 {
        self.dice
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .random()
    }
}

fn json_response(status: u16, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json;charset=utf-8"),
    );
    response
}

/// The body of a 429 of the rolling ten seconds.
pub(super) fn ten_secondly(correlation_id: &str) -> Value {
    json!({
        "status": "error",
        "message": "You have reached your ten_secondly_rolling limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": correlation_id,
        "policyName": "TEN_SECONDLY_ROLLING",
        "groupName": format!("publicapi:private_app-api-calls-ten-secondly:{APP_ID}:{PORTAL_ID}"),
    })
}

impl FaultBodies for HubSpotFaults {
    fn response(&self, fault: Fault, headers: &HeaderMap) -> Response {
        let dice = self.random();
        let correlation_id = uuid::Builder::from_random_bytes(dice.to_be_bytes())
            .into_uuid()
            .to_string();
        match fault {
            Fault::Unauthorized => {
                self.access.expire(headers);
                json_response(
                    401,
                    &json!({
                        "status": "error",
                        "message": "The OAuth token used to make this call expired 0 second(s) ago.",
                        "correlationId": correlation_id,
                        "category": "EXPIRED_AUTHENTICATION",
                    }),
                )
            }
            Fault::RateLimited | Fault::RateLimitedRetryAfter => {
                let mut response = json_response(429, &ten_secondly(&correlation_id));
                if fault == Fault::RateLimitedRetryAfter {
                    response
                        .headers_mut()
                        .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                }
                response
            }
            Fault::HtmlError => {
                let page = "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n\
                            <center><h1>503 Service Temporarily Unavailable</h1></center>\r\n<hr><center>cloudflare\
                            </center>\r\n</body>\r\n</html>\r\n";
                let mut response = Response::new(Body::from(page));
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
                response
            }
            _ => {
                let status = [500_u16, 502, 503, 504][usize::try_from(dice % 4).unwrap_or(0)];
                let category = if status == 503 {
                    "SERVICE_UNAVAILABLE"
                } else {
                    "INTERNAL_ERROR"
                };
                json_response(
                    status,
                    &json!({
                        "status": "error",
                        "message": "internal error",
                        "correlationId": correlation_id,
                        "category": category,
                    }),
                )
            }
        }
    }

    fn mutating(&self, method: &Method, path: &str) -> bool {
        method != Method::GET
            && method != Method::HEAD
            && !self.exempt(path)
            && !path.ends_with("/search")
            && !path.ends_with("/batch/read")
    }

    fn exempt(&self, path: &str) -> bool {
        path.starts_with("/oauth/")
    }
}

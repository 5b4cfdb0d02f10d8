//! What describes the account: details, owners, pipelines, schemas, usage.

use serde_json::{Value, json};

use super::answer::Answer;
use super::portal::Portal;
use super::request::ApiRequest;

impl Portal {
    /// Who the account is; the first call after connecting.
    pub(super) fn account_details(&self) -> Answer {
        Answer::json(
            200,
            &json!({
                "portalId": self.id,
                "accountType": "STANDARD",
                "timeZone": "Europe/Berlin",
                "companyCurrency": "EUR",
                "additionalCurrencies": ["USD", "GBP", "AUD"],
                "utcOffset": "+01:00",
                "utcOffsetMilliseconds": 3_600_000,
                "uiDomain": "app.hubspot.com",
                "dataHostingLocation": "na1",
            }),
        )
    }

    /// The older shape of the same, under `integrations/v1/me`.
    pub(super) fn account_details_v1(&self) -> Answer {
        Answer::json(
            200,
            &json!({
                "portalId": self.id,
                "timeZone": "Europe/Berlin",
                "accountType": "STANDARD",
                "currency": "EUR",
                "utcOffset": "+01:00",
                "utcOffsetMilliseconds": 3_600_000,
            }),
        )
    }

    /// Calls counted today.
    pub(super) fn api_usage(&self) -> Answer {
        let left = self.limits.remaining(true);
        Answer::json(
            200,
            &json!({"results": [{
                "name": "private-apps-api-calls-daily",
                "usageLimit": left.daily_max,
                "currentUsage": self.limits.today(),
                "collectedAt": self.now().to_string(),
                "fetchStatus": "SUCCESS",
            }]}),
        )
    }

    /// Requests below `owners`.
    pub(super) fn owners_request(&mut self, request: &ApiRequest, rest: &[&str]) -> Answer {
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let archived = request.flag("archived");
                let limit = match request.query("limit").map_or(Ok(100), str::parse::<usize>) {
                    Ok(limit) if (1..=500).contains(&limit) => limit,
                    _ => return self.invalid("limit must be a number from 1 to 500"),
                };
                let after: u64 = request.query("after").and_then(|after| after.parse().ok()).unwrap_or(0);
                let email = request.query("email");
                let mut owners = self
                    .owners
                    .iter()
                    .filter(|owner| owner.archived == archived && owner.id >= after)
                    .filter(|owner| email.is_none_or(|email| owner.email.eq_ignore_ascii_case(email)));
                let results: Vec<Value> = owners.by_ref().take(limit).map(super::owner::Owner::json).collect();
                let mut body = json!({"results": results});
                if let (Some(next), Some(fields)) = (owners.next(), body.as_object_mut()) {
                    let after = next.id.to_string();
                    let link = request.link_to(&after);
                    fields.insert("paging".into(), json!({"next": {"after": after, "link": link}}));
                }
                Answer::json(200, &body)
            }
            ("GET", [id]) => {
                let by_user = request.query("idProperty") == Some("userId");
                let found = self.owners.iter().find(|owner| {
                    let own = if by_user { owner.user_id } else { owner.id };
                    own.to_string() == *id && owner.archived == request.flag("archived")
                });
                match found {
                    Some(owner) => Answer::json(200, &owner.json()),
                    None => self.not_found(),
                }
            }
            _ => self.not_found(),
        }
    }

    /// Requests below `account-info/activity`: nobody signs in here, and nobody changes a setting.
    pub(super) fn account_activity(&mut self, kind: &str) -> Answer {
        match kind {
            "audit-logs" | "login" | "security" => Answer::json(200, &json!({"results": []})),
            _ => self.not_found(),
        }
    }

    /// Requests below `property-validations/{type}`: no rule is configured.
    pub(super) fn property_rules(&mut self, request: &ApiRequest) -> Answer {
        if request.method == "GET" {
            Answer::json(200, &json!({"results": []}))
        } else {
            self.not_found()
        }
    }
}

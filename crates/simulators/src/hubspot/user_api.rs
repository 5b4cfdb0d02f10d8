//! Users of the account, as its settings show them.

use serde_json::{Value, json};

use super::answer::Answer;
use super::owner::Owner;
use super::portal::Portal;
use super::request::ApiRequest;

impl Portal {
    /// Requests below `settings/users`.
    pub(super) fn users_request(&mut self, request: &ApiRequest, rest: &[&str]) -> Answer {
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let users = self.owners.iter().filter(|owner| !owner.archived);
                let results: Vec<Value> = users.map(user).collect();
                Answer::json(200, &json!({"results": results}))
            }
            ("GET", ["roles"]) => Answer::json(
                200,
                &json!({"results": [{"id": "1001", "name": "Sales", "requiresBillingWrite": false}]}),
            ),
            ("GET", ["teams"]) => {
                let ids: Vec<String> = self.owners.iter().map(|owner| owner.user_id.to_string()).collect();
                let team = json!({"id": "2001", "name": "Sales", "userIds": ids, "secondaryUserIds": []});
                Answer::json(200, &json!({"results": [team]}))
            }
            ("GET", [id]) => {
                let by_email = request.query("idProperty") == Some("EMAIL");
                let found = self.owners.iter().find(|owner| match by_email {
                    true => owner.email.eq_ignore_ascii_case(id),
                    false => owner.user_id.to_string() == **id,
                });
                match found {
                    Some(owner) => Answer::json(200, &user(owner)),
                    None => self.not_found(),
                }
            }
            _ => self.not_found(),
        }
    }
}

fn user(owner: &Owner) -> Value {
    json!({
        "id": owner.user_id.to_string(),
        "email": owner.email,
        "firstName": owner.first_name,
        "lastName": owner.last_name,
        "roleIds": ["1001"],
        "roleId": "1001",
        "primaryTeamId": "2001",
        "secondaryTeamIds": [],
        "superAdmin": false,
    })
}

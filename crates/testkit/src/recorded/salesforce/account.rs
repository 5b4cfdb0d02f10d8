//! The organisation and the user behind a connection.

use serde_json::json;
use syncline_core::Result;
use syncline_core::io::Request;
use syncline_core::schema::Account;

use crate::connector::Remote;
use crate::connector::simulated::SimulatedSalesforce;
use crate::recorded::replay::Replay;
use crate::recorded::{Findings, Recording};

type Fits = fn(&Request) -> bool;

async fn account(answers: Vec<(Fits, syncline_core::io::Response)>) -> Result<Account> {
    let remote = SimulatedSalesforce::fresh(0);
    let io = Replay::new(&remote, answers);
    remote.connector().account(&io, &remote.config()).await
}

fn is_versions(request: &Request) -> bool {
    request.url.trim_end_matches('/').ends_with("/services/data")
}

fn is_userinfo(request: &Request) -> bool {
    request.url.ends_with("/services/oauth2/userinfo")
}

fn is_identity(request: &Request) -> bool {
    request.url.contains("/id/")
}

fn is_resources(request: &Request) -> bool {
    let path = request.url.trim_end_matches('/');
    path.rsplit('/')
        .next()
        .is_some_and(|last| last.starts_with('v') && last.ends_with(".0"))
}

/// The versions that an organisation has: the one agreed on is among them.
pub(super) async fn versions(recording: &Recording) -> Findings {
    let listed: Vec<&str> = recording
        .body
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|version| version["version"].as_str())
        .collect();
    let mut findings = Findings::of(format!("{} versions", listed.len()));
    match account(vec![(is_versions, recording.response())]).await {
        Ok(account) => {
            let agreed = account.api_version.unwrap_or_default();
            let newest = listed
                .iter()
                .filter_map(|version| version.parse::<f64>().ok())
                .fold(0.0, f64::max);
            let known = agreed.parse::<f64>().is_ok_and(|agreed| agreed <= newest);
            findings.check(known, || format!("{agreed} was agreed on, of {listed:?}"));
        }
        // Recorded while only versions were served that are older than the pinned one: told, and refused.
        Err(error) => findings.check(error.to_string().contains("version"), || format!("{error:?}")),
    }
    findings
}

/// Who the user is.
pub(super) async fn identity(recording: &Recording) -> Findings {
    let mut findings = Findings::of("the user");
    let (_, path) = recording.call();
    let by_url = path.contains("/id/");
    let answers: Vec<(Fits, _)> = if by_url {
        let mut refused = recording.response();
        refused.head.status = 403;
        refused.body = json!([{"errorCode": "FORBIDDEN", "message": "no scope"}])
            .to_string()
            .into();
        vec![(is_userinfo, refused), (is_identity, recording.response())]
    } else {
        vec![(is_userinfo, recording.response())]
    };
    match account(answers).await {
        Ok(account) => {
            let told = |name: &str| recording.body[name].as_str().unwrap_or_default().to_owned();
            findings.check(account.id.starts_with(&told("organization_id")), || {
                format!("the organisation is {}", account.id)
            });
            findings.check(account.user_id.starts_with(&told("user_id")), || {
                format!("the user is {}", account.user_id)
            });
            let email = Some(told("email")).filter(|email| !email.is_empty());
            findings.equal("the address", &account.user_email, &email);
        }
        Err(error) => findings.wrong.push(format!("{error:?}")),
    }
    findings
}

/// The resources of a version, which name the identity of the user.
pub(super) async fn resources(recording: &Recording) -> Findings {
    let mut findings = Findings::of("resources");
    let mut refused = recording.response();
    refused.head.status = 403;
    refused.body = json!([{"errorCode": "FORBIDDEN", "message": "no scope"}])
        .to_string()
        .into();
    let named = recording.body["identity"].as_str();
    let answers: Vec<(Fits, _)> = vec![
        (is_userinfo, refused.clone()),
        (is_identity, refused),
        (is_resources, recording.response()),
    ];
    match account(answers).await {
        Ok(account) => {
            let named = named.is_some_and(|url| url.contains(&account.user_id[..15]));
            findings.check(named, || format!("the user was read as {}", account.user_id));
        }
        Err(error) if named.is_none() => findings.dropped.push(format!("no identity is named: {error}")),
        Err(error) => findings.wrong.push(format!("{error:?}")),
    }
    findings
}

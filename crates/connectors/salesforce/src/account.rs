//! Who we are connected as, and which users there are.

use jiff::tz::TimeZone;
use serde::Deserialize;
use syncline_core::io::{Class, Config, Io, Request};
use syncline_core::schema::{Account, RemoteUser};
use syncline_core::{Error, ErrorKind, Result};

use crate::client::{Api, ask, read_json};
use crate::error::{failed, unreadable};
use crate::id::normalised_or_same;
use crate::manifest::PAGE_SIZE;
use crate::soql;
use crate::version;

const IDENTIFYING: &str = "asking Salesforce who we are";
const LISTING: &str = "listing the users of Salesforce";

/// Both the user-info and the identity answer; they name the same things a little differently.
#[derive(Deserialize)]
struct Identity {
    organization_id: String,
    user_id: String,
    #[serde(alias = "display_name")]
    name: Option<String>,
    #[serde(alias = "username")]
    preferred_username: Option<String>,
    email: Option<String>,
    #[serde(alias = "timezone")]
    zoneinfo: Option<String>,
}

#[derive(Deserialize)]
struct Resources {
    identity: Option<String>,
}

#[derive(Deserialize)]
struct Query<T> {
    records: Vec<T>,
    #[serde(default)]
    done: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Organization {
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct User {
    id: String,
    name: Option<String>,
    username: Option<String>,
    email: Option<String>,
    #[serde(default)]
    is_active: bool,
}

/// The organisation and the user behind the connection, and the version to speak with them.
pub(crate) async fn account(io: &dyn Io, api: &Api, config: &Config) -> Result<Account> {
    let agreed = version::negotiate(io, api, version::pinned(config)?).await?;
    let api = &api.with_version(agreed.version);
    let identity = identity(io, api).await?;
    let mut warnings = agreed.warnings;
    let name = match organisation_name(io, api, &mut warnings).await {
        Ok(Some(name)) => name,
        // A name for people is not worth a failed connection: not every profile may read it.
        Ok(None) => host(api.base_url()).to_owned(),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Rejected | ErrorKind::Forbidden | ErrorKind::NotFound
            ) =>
        {
            host(api.base_url()).to_owned()
        }
        Err(error) => return Err(error),
    };
    Ok(Account {
        id: normalised_or_same(&identity.organization_id),
        name,
        user_id: normalised_or_same(&identity.user_id),
        user_name: identity
            .preferred_username
            .or(identity.name)
            .unwrap_or_else(|| identity.user_id.clone()),
        user_email: identity.email.filter(|email| !email.is_empty()),
        time_zone: identity
            .zoneinfo
            .filter(|zone| TimeZone::get(zone).is_ok() || zone.contains('/')),
        api_version: Some(agreed.version.to_string()),
        warnings,
    })
}

async fn identity(io: &dyn Io, api: &Api) -> Result<Identity> {
    let (response, class) = ask(io, Request::get(api.instance("/services/oauth2/userinfo"))).await?;
    match class {
        Class::Success => {
            if let Ok(identity) = serde_json::from_slice(&response.body) {
                return Ok(identity);
            }
        }
        // A token without the scope for it.
        Class::Forbidden { .. } | Class::NotFound | Class::Rejected { .. } => {}
        class => return Err(failed(class, IDENTIFYING)),
    }
    let resources: Resources = read_json(io, Request::get(api.data("")), IDENTIFYING).await?;
    let path = resources.identity.as_deref().and_then(identity_path).ok_or_else(|| {
        Error::new(
            ErrorKind::Protocol,
            "Salesforce does not say who we are; the app needs the scope id",
        )
        .operation(IDENTIFYING)
    })?;
    // The identity lives on the login host too, but the token may only go to the instance.
    let (response, class) = ask(io, Request::get(api.instance(&path))).await?;
    match class {
        Class::Success => serde_json::from_slice(&response.body).map_err(|error| unreadable(IDENTIFYING, error)),
        Class::Forbidden { .. } | Class::NotFound | Class::Rejected { .. } => {
            let mut ids = path.rsplit('/').map(str::to_owned);
            let (user_id, organization_id) = (ids.next().unwrap_or_default(), ids.next().unwrap_or_default());
            let unknown = || None;
            Ok(Identity {
                organization_id,
                user_id,
                name: unknown(),
                preferred_username: unknown(),
                email: unknown(),
                zoneinfo: unknown(),
            })
        }
        class => Err(failed(class, IDENTIFYING)),
    }
}

/// The path `/id/{organisation}/{user}` of an identity URL.
fn identity_path(url: &str) -> Option<String> {
    let (_, path) = url.split_once("/id/")?;
    let (organisation, user) = path.split_once('/')?;
    let is_id = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric()) && matches!(text.len(), 15 | 18);
    (is_id(organisation) && is_id(user)).then(|| format!("/id/{path}"))
}

/// Also the first call that names the version, so that a warning about it comes with this answer.
async fn organisation_name(io: &dyn Io, api: &Api, warnings: &mut Vec<String>) -> Result<Option<String>> {
    let request = api.query("SELECT Name FROM Organization LIMIT 1", false, PAGE_SIZE)?;
    let (response, class) = ask(io, request).await?;
    warnings.extend(version::warning(&response.head));
    if class != Class::Success {
        return Err(failed(class, IDENTIFYING));
    }
    let answer: Query<Organization> =
        serde_json::from_slice(&response.body).map_err(|error| unreadable(IDENTIFYING, error))?;
    Ok(answer
        .records
        .into_iter()
        .next()
        .and_then(|organisation| organisation.name))
}

fn host(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}

/// All users, inactive ones included: records keep owners who have left.
pub(crate) async fn users(io: &dyn Io, api: &Api) -> Result<Vec<RemoteUser>> {
    let mut users: Vec<RemoteUser> = Vec::new();
    loop {
        let after = users
            .last()
            .map(|user| format!(" WHERE Id > {}", soql::text(&user.id)))
            .unwrap_or_default();
        let soql = format!("SELECT Id,Name,Username,Email,IsActive FROM User{after} ORDER BY Id");
        let page: Query<User> = read_json(io, api.query(&soql, false, PAGE_SIZE)?, LISTING).await?;
        let before = users.len();
        users.extend(page.records.into_iter().map(|user| RemoteUser {
            name: user.name.or(user.username).unwrap_or_else(|| user.id.clone()),
            id: normalised_or_same(&user.id),
            email: user.email.filter(|email| !email.is_empty()),
            active: user.is_active,
        }));
        if page.done || users.len() == before {
            return Ok(users);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ScriptedIo, api, config};

    const VERSIONS: &str = r#"[{"label":"Spring '26","url":"/services/data/v66.0","version":"66.0"}]"#;

    #[tokio::test]
    async fn the_account_is_told_by_user_info() {
        let io = ScriptedIo::new();
        io.answer(200, VERSIONS);
        io.answer(
            200,
            r#"{"sub":"https://login.salesforce.com/id/00D000000000001EAA/005000000000001AAA",
            "user_id":"005000000000001","organization_id":"00D000000000001EAA","preferred_username":"ada@acme.example",
            "name":"Ada","email":"ada@acme.example","zoneinfo":"Europe/Berlin"}"#,
        );
        io.answer(
            200,
            r#"{"totalSize":1,"done":true,"records":[{"attributes":{},"Name":"Acme"}]}"#,
        );
        let account = account(&io, &api(), &config()).await.unwrap();
        assert_eq!(
            (account.id.as_str(), account.name.as_str()),
            ("00D000000000001EAA", "Acme")
        );
        assert_eq!(account.user_id, "005000000000001AAA");
        assert_eq!(account.time_zone.as_deref(), Some("Europe/Berlin"));
    }

    #[tokio::test]
    async fn without_user_info_the_identity_on_the_instance_answers() {
        let io = ScriptedIo::new();
        io.answer(200, VERSIONS);
        io.answer(403, "Missing scope");
        io.answer(
            200,
            r#"{"identity":"https://login.salesforce.com/id/00D000000000001EAA/005000000000001AAA"}"#,
        );
        io.answer(
            200,
            r#"{"user_id":"005000000000001AAA","organization_id":"00D000000000001EAA","username":"ada@acme.example"}"#,
        );
        io.answer(
            400,
            r#"[{"errorCode":"INVALID_TYPE","message":"sObject type 'Organization' is not supported."}]"#,
        );
        let account = account(&io, &api(), &config()).await.unwrap();
        assert_eq!(
            (account.name.as_str(), account.user_name.as_str()),
            ("acme.my.salesforce.com", "ada@acme.example")
        );
        assert!(
            io.requests()[3]
                .url
                .starts_with("https://acme.my.salesforce.com/id/00D")
        );
    }

    #[tokio::test]
    async fn users_are_paged_by_id() {
        let io = ScriptedIo::new();
        io.answer(
            200,
            r#"{"done":false,"records":[{"Id":"005000000000001AAA","Name":"Ada","IsActive":true,"Email":null}]}"#,
        );
        io.answer(200, r#"{"done":true,"records":[{"Id":"005000000000002AAA","Name":"Bob","IsActive":false,"Email":"b@x.example"}]}"#);
        let users = users(&io, &api()).await.unwrap();
        assert_eq!(users.iter().map(|user| user.active).collect::<Vec<_>>(), [true, false]);
        assert!(io.soql(1).contains("WHERE Id > '005000000000001AAA'"));
    }
}

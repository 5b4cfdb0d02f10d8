//! The account at the other end, and the owners whom records can be assigned to.

use serde::Deserialize;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::io::Config;
use syncline_core::schema::{Account, RemoteUser};

use crate::client::{Client, encode};
use crate::page::{IdText, Paging};

const ACCOUNT: &str = "read account";
const USERS: &str = "read owners";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    portal_id: IdText,
    time_zone: Option<String>,
}

/// Who we are connected to. HubSpot does not say which user a token acts as, so that is what the connection knows.
///
/// # Errors
/// As [`Client::read`], and `Protocol` when the answer can't be read.
pub(crate) async fn account(client: &Client<'_>, config: &Config) -> Result<Account> {
    let details: Details = client.get(ACCOUNT, client.paths.account()).await?;
    let id = details.portal_id.0;
    Ok(Account {
        name: format!("HubSpot account {id}"),
        id,
        user_id: config.user_id.clone().unwrap_or_default(),
        user_name: String::new(),
        user_email: None,
        time_zone: details.time_zone.filter(|zone| !zone.is_empty()),
        ..Account::default()
    })
}

#[derive(Deserialize)]
struct Owners {
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    results: Vec<Owner>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owner {
    id: IdText,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
}

/// All owners: former ones too, since old records still name them.
///
/// # Errors
/// As [`account`].
pub(crate) async fn users(client: &Client<'_>) -> Result<Vec<RemoteUser>> {
    let mut users = Vec::new();
    for archived in [false, true] {
        let mut after: Option<String> = None;
        loop {
            let mut query = format!("?limit=100&archived={archived}");
            if let Some(after) = &after {
                query.push_str("&after=");
                query.push_str(&encode(after));
            }
            let page: Owners = client.get(USERS, client.paths.owners(&query)).await?;
            users.extend(page.results.into_iter().map(|owner| user(owner, !archived)));
            let next = page.paging.and_then(Paging::after);
            if next.is_none() {
                break;
            }
            if next == after {
                return Err(Error::new(ErrorKind::Protocol, "HubSpot's list did not move on").operation(USERS));
            }
            after = next;
        }
    }
    Ok(users)
}

fn user(owner: Owner, active: bool) -> RemoteUser {
    let parts = [owner.first_name, owner.last_name];
    let name = parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let email = owner.email.filter(|email| !email.is_empty());
    let name = if name.is_empty() {
        email.clone().unwrap_or_else(|| owner.id.0.clone())
    } else {
        name
    };
    RemoteUser {
        id: owner.id.0,
        name,
        email,
        active,
    }
}

//! Reading all records: by the engine, and by what one would write without it.

pub(crate) mod bare_loop;
pub(crate) mod engine;
pub(crate) mod parse;

use bytes::Bytes;
use serde::Deserialize;

use crate::failure::Result;
use crate::server::{Address, FIRST};

/// The head of a page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    next_records_url: Option<String>,
    records: Vec<T>,
}

/// A contact as the references parse it: all 17 fields, text borrowed where it has no escapes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(dead_code, reason = "what is parsed and forgotten is what is measured")]
struct Contact<'a> {
    #[serde(borrow)]
    id: &'a str,
    #[serde(borrow)]
    first_name: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    last_name: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    email: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    phone: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    mobile_phone: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    title: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    department: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    mailing_street: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    mailing_city: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    mailing_postal_code: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    mailing_country: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    lead_source: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    birthdate: Option<&'a str>,
    has_opted_out_of_email: bool,
    #[serde(borrow)]
    created_date: &'a str,
    #[serde(borrow)]
    system_modstamp: &'a str,
}

/// Fetches page after page and hands over the bodies; `take` returns the address of the next.
async fn pages(address: &Address, mut take: impl FnMut(Bytes) -> Result<Option<String>>) -> Result<()> {
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().build()?;
    let mut next = Some(FIRST.to_owned());
    while let Some(path) = next {
        let response = client.get(format!("{}{path}", address.url)).send().await?;
        next = take(response.error_for_status()?.bytes().await?)?;
    }
    Ok(())
}

/// A runtime on one thread, as a script has it.
fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

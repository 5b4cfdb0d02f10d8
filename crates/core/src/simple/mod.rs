//! [`SimpleConnector`]: a connector for a provider with an ordinary JSON API, in an hour: what it asks and what the answers
//! hold, and nothing else.
//!
//! [`Simple`] makes it a [`Connector`](crate::connector::Connector): it keeps checkpoints and cursors, writes record by
//! record, tells what became of each write, and answers what is asked the same everywhere. A provider that has more to
//! offer (batches, upserts by a key of ours, webhooks, a feed of changes) deserves an implementation of the whole contract.
//!
//! `docs/connector.md` writes one step by step.

mod adapter;
mod api;
mod record;
mod task;
#[cfg(test)]
mod tests;

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::connector::Access;
use crate::error::Result;
use crate::io::{Class, Head};
use crate::manifest::Manifest;
use crate::schema::{Account, FieldSchema, ObjectInfo, RemoteUser};

pub use adapter::Simple;
pub use api::{Api, classify_by_status};
pub use record::{Page, Record};

/// Which page of which records is wanted.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest<'a> {
    /// The object.
    pub object: &'a str,
    /// The fields wanted, by the provider's names. More may be given.
    pub fields: &'a [&'a str],
    /// Only records that were created or changed at this time or later; all of them without one.
    pub since: Option<Timestamp>,
    /// What the page before named as its [`Page::next`].
    pub page: Option<&'a str>,
    /// How many records to ask for.
    pub size: usize,
}

/// What has to be known of a provider. See the [module](self).
///
/// Each call is handed an [`Api`] to ask the provider with: the host adds the token, limits the rate, repeats reads and
/// checks the address. Keep no state between calls.
#[async_trait]
pub trait SimpleConnector: Send + Sync + Debug {
    /// What the connector is and can do; [`Manifest::new`] is a start. It is asked once.
    fn manifest(&self) -> Manifest;

    /// The least OAuth scopes for these objects. They are sorted for you.
    fn scopes(&self, objects: &[(&str, Access)]) -> Vec<String> {
        let _ = objects;
        Vec::new()
    }

    /// What an answer means, where its status does not tell.
    fn classify(&self, head: &Head, body: &[u8]) -> Class {
        classify_by_status(head, body)
    }

    /// Who we are connected as. The same account authorised again is the same connection.
    ///
    /// # Errors
    /// As [`Api::get`].
    async fn account(&self, api: &Api<'_>) -> Result<Account>;

    /// The objects that can be synced, in any order.
    ///
    /// # Errors
    /// As [`Api::get`].
    async fn objects(&self, api: &Api<'_>) -> Result<Vec<ObjectInfo>>;

    /// The fields of one of the [objects](SimpleConnector::objects).
    ///
    /// # Errors
    /// As [`Api::get`].
    async fn describe(&self, api: &Api<'_>, object: &str) -> Result<Vec<FieldSchema>>;

    /// The users that owner fields may name: whoever we are connected as, if the provider does not tell.
    ///
    /// # Errors
    /// As [`Api::get`].
    async fn users(&self, api: &Api<'_>) -> Result<Vec<RemoteUser>> {
        let account = self.account(api).await?;
        Ok(vec![RemoteUser {
            id: account.user_id,
            name: account.user_name,
            email: account.user_email,
            active: true,
        }])
    }

    /// A page of records. Pages have to stay in step while records change: ask for those after an id or a time rather
    /// than for the hundredth to the two hundredth.
    ///
    /// # Errors
    /// As [`Api::get`]; `CursorExpired` for a page that the provider no longer knows.
    async fn pull(&self, api: &Api<'_>, request: PageRequest<'_>) -> Result<Page>;

    /// These records as they are now: it has to see what was written just before. Those that are left out are gone. No
    /// more are asked for at once than the manifest's `fetch_size`.
    ///
    /// # Errors
    /// As [`Api::get`].
    async fn fetch(&self, api: &Api<'_>, object: &str, ids: &[String], fields: &[&str]) -> Result<Vec<Record>>;

    /// Makes a record and gives its id.
    ///
    /// # Errors
    /// As [`Api::post`]; a `Rejected` is this record's, and is shown with its reason.
    async fn create(&self, api: &Api<'_>, object: &str, values: Map<String, Json>) -> Result<String>;

    /// Changes these fields of a record, and no other; null clears one.
    ///
    /// # Errors
    /// As [`Api::patch`]; `NotFound` says that the record is gone.
    async fn update(&self, api: &Api<'_>, object: &str, id: &str, values: Map<String, Json>) -> Result<()>;

    /// Deletes a record.
    ///
    /// # Errors
    /// As [`Api::delete`]; `NotFound` says that it was gone already.
    async fn delete(&self, api: &Api<'_>, object: &str, id: &str) -> Result<()>;
}

//! The contract between the engine and a provider's connector.
//!
//! Each method's documentation lists its behaviour as sentences; the conformance suite tests exactly those.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use crate::batch::{Batch, Hint};
use crate::error::Result;
use crate::io::{Class, Config, Head, Io};
use crate::job::{Budget, Fetch, Job, Progress};
use crate::manifest::Manifest;
use crate::schema::{Account, Described, ObjectInfo, RemoteUser};

/// What a connection is going to do with an object, for computing the least scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Only read it.
    Read,
    /// Read and write it.
    Write,
}

/// A webhook request as it came in.
#[derive(Debug, Clone)]
pub struct RawRequest {
    /// The verb.
    pub method: String,
    /// The full public URL from our own configuration, never from the Host header.
    pub url: String,
    /// Headers; names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The raw body.
    pub body: Bytes,
}

/// The code that speaks a provider's API and does no I/O of its own.
#[async_trait]
pub trait Connector: Send + Sync + Debug {
    /// What the connector is and can do. Constant.
    fn manifest(&self) -> &Manifest;

    /// The least OAuth scopes for these objects, sorted, without duplicates.
    fn scopes(&self, objects: &[(&str, Access)]) -> Vec<String>;

    /// What an answer means.
    ///
    /// # Behaviour
    /// - A body that is not the provider's (HTML from a proxy) is classified by status alone.
    /// - An answer that proves the request was not applied is never `Unknown`.
    fn classify(&self, head: &Head, body: &[u8]) -> Class;

    /// Who we are connected as.
    ///
    /// # Errors
    /// As [`Io::send`], and `Protocol` when the answer can't be read.
    async fn account(&self, io: &dyn Io, config: &Config) -> Result<Account>;

    /// The objects that can be synced, custom ones included, sorted by name.
    ///
    /// # Errors
    /// As [`Connector::account`].
    async fn objects(&self, io: &dyn Io, config: &Config) -> Result<Vec<ObjectInfo>>;

    /// The fields of one object.
    ///
    /// # Behaviour
    /// - With the version of an earlier description it answers `Unchanged` where the provider can tell.
    ///
    /// # Errors
    /// As [`Connector::account`], and `NotFound` for an object that does not exist or is not visible.
    async fn describe(&self, io: &dyn Io, config: &Config, object: &str, version: Option<&str>) -> Result<Described>;

    /// The users that owner fields may name.
    ///
    /// # Errors
    /// As [`Connector::account`].
    async fn users(&self, io: &dyn Io, config: &Config) -> Result<Vec<RemoteUser>>;

    /// A strong read: sees every write that was answered before it began.
    ///
    /// # Behaviour
    /// - Adds rows of class [`crate::batch::ReadClass::Strong`] to `batch`.
    /// - Every id asked for is answered by a row of that id (see [`crate::job::FetchBy`]).
    ///
    /// # Errors
    /// As [`Connector::account`]. Rows added before an error are not to be used.
    async fn fetch(&self, io: &dyn Io, config: &Config, fetch: &Fetch, batch: &mut Batch) -> Result<()>;

    /// Starts a job, or goes on with one from a checkpoint that an earlier task of the same job returned.
    ///
    /// # Errors
    /// `Invalid` for a job the provider can't do, `CursorExpired` for a checkpoint or cursor that can't be read.
    fn open(&self, config: &Config, job: Job, resume: Option<Bytes>) -> Result<Box<dyn Task>>;

    /// Verifies and reads a webhook request. Hints only say "may have changed".
    ///
    /// # Errors
    /// `Forbidden` when the signature or its time is wrong, `Unsupported` without webhooks.
    async fn webhook(&self, io: &dyn Io, config: &Config, request: &RawRequest) -> Result<Vec<Hint>>;
}

/// A job under way. Dropping it cancels what it can.
#[async_trait]
pub trait Task: Send {
    /// Does one bounded step and adds its rows and outcomes to `batch`, which the caller has cleared.
    ///
    /// # Behaviour
    /// - A pull returns every record that was live or changed in its window at least once, however many share one
    ///   stamp; it may return some twice.
    /// - A deleted record shows as a row of state `Deleted` or `Archived`, a merged one as `Merged`, in a pull from a
    ///   cursor.
    /// - A push returns exactly one outcome per write over all its steps.
    /// - A push never repeats a write by itself whose outcome is unknown.
    ///
    /// # Errors
    /// As [`Io::send`]; `CursorExpired` when the provider no longer knows the cursor; the step may be repeated after
    /// an error whose retry advice is `After`. A push reports failures as outcomes, never as an error, once anything
    /// was sent.
    async fn step(&mut self, io: &dyn Io, budget: Budget, batch: &mut Batch) -> Result<Progress>;
}

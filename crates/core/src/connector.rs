//! The contract between the engine and a provider's connector.
//!
//! Each method's documentation lists its behaviour as sentences. The conformance suite of `testkit` has a case for each
//! of them, and a test holds the two lists equal. A sentence that begins with a capability of the
//! [manifest](crate::manifest::Capabilities) binds only connectors that declare it.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use crate::batch::{Batch, Hint};
use crate::error::{Error, ErrorKind, Result};
use crate::file::{FileBody, FileChanges, FileOf, NewFile, RemoteFile};
use crate::io::{Class, Config, Head, Io};
use crate::job::{Budget, Condition, Fetch, Job, Progress};
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

impl RawRequest {
    /// A request as a web framework hands it over. `url` is the route's public address, from the host's own configuration.
    ///
    /// ```
    /// use syncline_core::connector::RawRequest;
    /// let headers = [("X-Signature", "v1=00")];
    /// let request = RawRequest::new("POST", "https://app.example/hooks", headers, "[]");
    /// assert_eq!(request.headers["x-signature"], "v1=00");
    /// ```
    pub fn new<N: AsRef<str>, V: AsRef<[u8]>>(
        method: impl Into<String>,
        url: impl Into<String>,
        headers: impl IntoIterator<Item = (N, V)>,
        body: impl Into<Bytes>,
    ) -> Self {
        let headers = headers.into_iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_ref()).into_owned();
            (name.as_ref().to_ascii_lowercase(), value)
        });
        Self {
            method: method.into(),
            url: url.into(),
            headers: headers.collect(),
            body: body.into(),
        }
    }
}

/// The code that speaks a provider's API and does no I/O of its own.
#[async_trait]
pub trait Connector: Send + Sync + Debug {
    /// What the connector is and can do.
    ///
    /// # Behaviour
    /// - It says the same at every call.
    /// - Pages and batches hold at least one record.
    /// - Hosts are names without scheme and path, and so are those that authorisation needs.
    fn manifest(&self) -> &Manifest;

    /// The least OAuth scopes for these objects. [`FILES`](crate::file::FILES) among them stands for the files of records.
    ///
    /// # Behaviour
    /// - Scopes are sorted and hold no duplicate.
    /// - Reading an object asks for no scope that writing it does not ask for.
    /// - Another object never takes a scope away.
    fn scopes(&self, objects: &[(&str, Access)]) -> Vec<String>;

    /// The scopes of the app's own token, which requests with [`crate::io::Auth::App`] carry; none where there is no
    /// such token.
    fn app_scopes(&self) -> Vec<String> {
        Vec::new()
    }

    /// What an answer means.
    ///
    /// # Behaviour
    /// - An answer of status 2xx is a `Success`.
    /// - A body that is not the provider's (HTML from a proxy) is classified by status alone.
    /// - An answer that proves the request was not applied is never `Unknown`.
    /// - Status 429 is `RateLimited`, whatever the body says.
    /// - No body makes it panic.
    fn classify(&self, head: &Head, body: &[u8]) -> Class;

    /// Who we are connected as.
    ///
    /// # Behaviour
    /// - The account has an id and a name, the same at every call.
    ///
    /// # Errors
    /// As [`Io::send`], and `Protocol` when the answer can't be read.
    async fn account(&self, io: &dyn Io, config: &Config) -> Result<Account>;

    /// The objects that can be synced, custom ones included.
    ///
    /// # Behaviour
    /// - Objects are sorted by name, each there once.
    /// - The manifest's default objects are among them.
    ///
    /// # Errors
    /// As [`Connector::account`].
    async fn objects(&self, io: &dyn Io, config: &Config) -> Result<Vec<ObjectInfo>>;

    /// The fields of one object.
    ///
    /// # Behaviour
    /// - A field is described once.
    /// - A required field can be set by a create.
    /// - A reference names the objects it may point to, a set of links those of its members, and nothing else does.
    /// - With the version of an earlier description it answers `Unchanged` or the same fields, as long as they are.
    /// - A field that was added is in the next description, whatever version is given.
    /// - An object that does not exist is `NotFound`.
    ///
    /// # Errors
    /// As [`Connector::account`], and `NotFound` for an object that does not exist or is not visible.
    async fn describe(&self, io: &dyn Io, config: &Config, object: &str, version: Option<&str>) -> Result<Described>;

    /// The users that owner fields may name.
    ///
    /// # Behaviour
    /// - Users have ids, each there once, and somebody is active.
    ///
    /// # Errors
    /// As [`Connector::account`].
    async fn users(&self, io: &dyn Io, config: &Config) -> Result<Vec<RemoteUser>>;

    /// A strong read: sees every write that was answered before it began.
    ///
    /// # Behaviour
    /// - Its rows are of class [`crate::batch::ReadClass::Strong`].
    /// - It sees what was written just before.
    /// - Every id asked for is answered by a row of that id, however many are asked for.
    /// - An id that names nothing is answered as `Missing`.
    /// - A deleted record is answered as `Deleted`, `Archived` or `Missing`, never as `Live`.
    /// - Values come in the order of the projection, and a field that holds nothing is null.
    /// - Live rows carry the record's stamp.
    /// - `merges_reported`: a record that was merged away is answered as `Merged` into its survivor, whose own row is
    ///   beside it.
    /// - `create.marker`: by key it finds the records whose field holds one of the texts, and no others.
    ///
    /// # Errors
    /// As [`Connector::account`]. Rows added before an error are not to be used.
    async fn fetch(&self, io: &dyn Io, config: &Config, fetch: &Fetch, batch: &mut Batch) -> Result<()>;

    /// About how many records of an object there are, by the cheapest means that the provider has; `None` where it has
    /// none. Conditions may be left out, so it may be more than those that meet them.
    ///
    /// # Errors
    /// As [`Connector::account`].
    async fn count(&self, io: &dyn Io, config: &Config, object: &str, conditions: &[Condition]) -> Result<Option<u64>> {
        let _ = (io, config, object, conditions);
        Ok(None)
    }

    /// Makes a field that can carry our key, where the object has none of ours, lets the connection's user see it, and
    /// names it. Only on a person's request: it changes what the customer's people see.
    ///
    /// # Behaviour
    /// - `create.makes_marker`: the field that it names is described as one that can be the marker, and asked again it
    ///   names the same and makes no other.
    ///
    /// # Errors
    /// `Unsupported` where the provider has no such fields or lets no app make them, `Forbidden` when the user may not,
    /// `Invalid` when a field of that name is there and can't serve; otherwise as [`Connector::account`].
    async fn make_marker(&self, io: &dyn Io, config: &Config, object: &str) -> Result<String> {
        let _ = (io, config);
        let message = "this connector makes no field for our key; make a unique one, and name it as `marker`";
        Err(Error::new(ErrorKind::Unsupported, message).with("object", object))
    }

    /// The files of these records, however many they are.
    ///
    /// # Behaviour
    /// - `files`: a file that was uploaded is listed for its record alone, with its name, its size and a version.
    /// - `files`: a record without files has none, and so has one that does not exist.
    /// - Without `files` listing, downloading, uploading and asking for changes is `Unsupported`.
    ///
    /// # Errors
    /// As [`Connector::account`].
    async fn files(&self, io: &dyn Io, config: &Config, object: &str, records: &[String]) -> Result<Vec<FileOf>> {
        let _ = (io, config, object, records);
        Err(without_files())
    }

    /// Opens what a file holds.
    ///
    /// # Behaviour
    /// - `files`: what is downloaded is what was uploaded, byte for byte.
    /// - `files`: a file that does not exist is `NotFound`.
    ///
    /// # Errors
    /// As [`Connector::account`], and `NotFound`.
    async fn download(
        &self,
        io: &dyn Io,
        config: &Config,
        object: &str,
        file: &RemoteFile,
    ) -> Result<Box<dyn FileBody>> {
        let _ = (io, config, object, file);
        Err(without_files())
    }

    /// Gives a record a new file, and says what it is now: a name may have been changed. Sent once.
    ///
    /// # Behaviour
    /// - `files`: an upload to a record that does not exist is `NotFound`, and leaves no file.
    /// - `files`: a body that breaks off leaves no file.
    /// - `files`: two files of one name stand side by side.
    ///
    /// # Errors
    /// As [`Connector::account`], those of the body, and `NotFound`. With the advice `UnknownOutcome` the file may be there.
    async fn upload(
        &self,
        io: &dyn Io,
        config: &Config,
        object: &str,
        record: &str,
        file: &NewFile,
        body: Box<dyn FileBody>,
    ) -> Result<RemoteFile> {
        let _ = (io, config, object, record, file, body);
        Err(without_files())
    }

    /// Records of an object whose files may have changed since a cursor; without one, all that may have files. Some at a
    /// time: ask again from the cursor that came with them while there is more.
    ///
    /// # Behaviour
    /// - `files`: from the beginning every record is named that has a file, and from a cursor every one that got a file
    ///   since.
    /// - `files`: a cursor of file changes that can't be read is `CursorExpired`.
    ///
    /// # Errors
    /// As [`Connector::account`], and `CursorExpired`.
    async fn file_changes(
        &self,
        io: &dyn Io,
        config: &Config,
        object: &str,
        cursor: Option<&Bytes>,
    ) -> Result<FileChanges> {
        let _ = (io, config, object, cursor);
        Err(without_files())
    }

    /// Starts a job, or goes on with one from a checkpoint that an earlier task of the same job returned.
    ///
    /// # Behaviour
    /// - It sends nothing by itself.
    /// - A cursor or checkpoint that can't be read is `CursorExpired`.
    ///
    /// # Errors
    /// `Invalid` for a job the provider can't do, `Unsupported` for a feed that the provider, or this connection by its
    /// settings, does not have, `CursorExpired` for a checkpoint or cursor that can't be read.
    fn open(&self, config: &Config, job: Job, resume: Option<Bytes>) -> Result<Box<dyn Task>>;

    /// Verifies and reads a webhook request. Hints only say "may have changed".
    ///
    /// # Behaviour
    /// - `webhooks`: a request with the right signature gives a hint for the record that it names.
    /// - `webhooks`: a request with a wrong signature is `Forbidden`, and so is one signed too long ago.
    /// - Without `webhooks` it is `Unsupported`.
    ///
    /// # Errors
    /// `Forbidden` when the signature or its time is wrong, `Unsupported` without webhooks.
    async fn webhook(&self, io: &dyn Io, config: &Config, request: &RawRequest) -> Result<Vec<Hint>>;
}

fn without_files() -> Error {
    Error::new(ErrorKind::Unsupported, "this connector moves no files of records")
}

/// A job under way. Dropping it cancels what it can.
#[async_trait]
pub trait Task: Send {
    /// Does one bounded step and adds its rows and outcomes to `batch`, which the caller has cleared.
    ///
    /// # Behaviour
    ///
    /// Any job:
    /// - A task goes on from its checkpoint where the one before it stopped.
    /// - A step that failed with the advice `After` may be repeated, and nothing is lost or doubled by it.
    ///
    /// A pull:
    /// - A pull from the beginning returns every live record at least once, each with its id and its values.
    /// - It ends with a cursor, and a pull from there with nothing new ends too.
    /// - A pull from a cursor returns every record that was created or changed since.
    /// - Records that share one stamp are all returned, however many there are and however small a page is.
    /// - What changes while a pull is under way is returned by it or by the next one.
    /// - A change that becomes visible late, with its old stamp, is returned as long as it is within the overlap.
    /// - A pull since a time returns what changed after it.
    /// - Conditions leave no record out that meets them.
    /// - `delete_evidence`: a record that was deleted shows as `Deleted` or `Archived` in a pull from a cursor.
    /// - `merges_reported`: a record that was merged away shows as `Merged` into its survivor in a pull from a cursor.
    /// - `read.index_lags`: a record that the index shows late, or shows with old values, is returned with its values
    ///   of now.
    ///
    /// A sweep:
    /// - A sweep returns the id of every live record, and no other as `Live`.
    ///
    /// A push:
    /// - A push returns exactly one outcome per write over all its steps, however many writes there are.
    /// - A create makes one record that holds the fields, and its outcome carries the id.
    /// - `create.marker`: a create that is sent again makes no second record.
    /// - An update changes the fields it names and no other.
    /// - Null clears a field.
    /// - An update of a record that is gone is `Gone`.
    /// - A delete removes the record from the live ones; deleting it again is `Gone` or `Applied`.
    /// - A write that the provider refuses is `Rejected` with the reason, and the others of its batch are applied.
    /// - A row that comes with an outcome holds what a strong read finds then; a partial one tells at least every field
    ///   that was written.
    /// - A push never repeats a write by itself whose outcome is unknown.
    ///
    /// # Errors
    /// As [`Io::send`]; `CursorExpired` when the provider no longer knows the cursor; the step may be repeated after
    /// an error whose retry advice is `After`. A push reports failures as outcomes, never as an error, once anything
    /// was sent.
    async fn step(&mut self, io: &dyn Io, budget: Budget, batch: &mut Batch) -> Result<Progress>;
}

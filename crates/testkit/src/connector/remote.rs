//! [`Remote`]: the system on the other side, and what the suite does there as its users do.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use syncline_core::connector::{Connector, RawRequest};
use syncline_core::io::Config;
use syncline_engine::http::TransportError;
use syncline_simulators::Fault;

/// The object that the cases read and write, and the names that they need.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The object: people, preferably.
    pub object: String,
    /// A text field that every record has.
    pub name: String,
    /// A text field that may be empty.
    pub note: String,
    /// Another text field that may be empty.
    pub city: String,
    /// The unique key that an upsert takes, where there is one.
    pub marker: Option<String>,
    /// A field, and a text that the provider refuses for it.
    pub refused: (String, String),
    /// An id of the right form that names nothing.
    pub missing: String,
    /// An object that does not exist.
    pub no_object: String,
}

/// A live record as the provider holds it: fields with a value, as texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The provider's id.
    pub id: String,
    /// The fields that hold something.
    pub fields: BTreeMap<String, String>,
}

/// What a remote system may be able to do beyond the ordinary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Merge two records.
    Merge,
    /// Give all records one and the same stamp.
    TouchAll,
    /// Make an edit visible late, with its old stamp.
    CommitLate,
    /// Add a field to the object.
    AddField,
    /// Sign a webhook request.
    SignWebhook,
    /// Misbehave.
    Fault(Fault),
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Merge => f.write_str("merge two records"),
            Self::TouchAll => f.write_str("give all records one stamp"),
            Self::CommitLate => f.write_str("commit an edit late"),
            Self::AddField => f.write_str("add a field"),
            Self::SignWebhook => f.write_str("sign a webhook"),
            Self::Fault(fault) => write!(f, "misbehave by {fault}"),
        }
    }
}

/// A fresh system of the provider's kind, with the connector that is tested.
///
/// Acts that [`Remote::can`] denies are never asked for; their defaults do nothing.
#[async_trait]
pub trait Remote: Send + Sync + Debug {
    /// The connector under test.
    fn connector(&self) -> &dyn Connector;

    /// The connection's configuration.
    fn config(&self) -> Config;

    /// What the cases read and write.
    fn subject(&self) -> &Subject;

    /// Puts a request on the wire, with the access token that is valid now.
    ///
    /// # Errors
    /// As [`syncline_engine::http::Transport::send`].
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError>;

    /// Gets a new access token. Returns whether there is one.
    async fn renew_token(&self) -> bool;

    /// The time on both sides.
    fn now(&self) -> Timestamp;

    /// Lets time pass on both sides.
    fn pass(&self, time: Duration);

    /// Creates a record as a user and gives its id.
    fn create(&self, fields: &[(&str, &str)]) -> String;

    /// Changes fields of a record as a user.
    fn edit(&self, id: &str, fields: &[(&str, &str)]);

    /// Deletes a record as a user.
    fn delete(&self, id: &str);

    /// The live records.
    fn records(&self) -> Vec<Held>;

    /// Whether it can do this.
    fn can(&self, _act: Act) -> bool {
        false
    }

    /// Merges `loser` into `winner` and gives the survivor's id ([`Act::Merge`]).
    fn merge(&self, winner: &str, _loser: &str) -> String {
        winner.to_owned()
    }

    /// Gives all live records one and the same new stamp ([`Act::TouchAll`]).
    fn touch_all(&self) {}

    /// Keeps the next edit invisible for this long ([`Act::CommitLate`]).
    fn commit_next_late(&self, _delay: Duration) {}

    /// Adds a text field to the object and gives its name ([`Act::AddField`]).
    fn add_field(&self) -> String {
        String::new()
    }

    /// A webhook request that says that a record changed, signed at this time ([`Act::SignWebhook`]).
    fn webhook(&self, _id: &str, _signed: Timestamp) -> Option<RawRequest> {
        None
    }

    /// The key that signs webhooks ([`Act::SignWebhook`]).
    fn webhook_key(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Misbehaves once, at the next request or record that it can befall ([`Act::Fault`]).
    fn misbehave(&self, _fault: Fault) {}

    /// How often it misbehaved.
    fn misbehaved(&self) -> u64 {
        0
    }

    /// Ends all faults, and lets everything that is held back happen.
    async fn settle(&self) {}
}

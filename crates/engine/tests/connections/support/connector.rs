//! A connector that can say who it is, and no more.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use syncline_core::batch::{Batch, Hint};
use syncline_core::connector::{Access, Connector, RawRequest, Task};
use syncline_core::io::{Class, Config, Head, Io, Request};
use syncline_core::job::{Fetch, Job};
use syncline_core::manifest::{
    Authorisation, Capabilities, CompareAndSet, CreateCapabilities, DeleteEvidence, Manifest, RateLimit,
    ReadCapabilities, Revocation, Role, Setting, WriteCapabilities,
};
use syncline_core::schema::{Account, Described, ObjectInfo, RemoteUser};
use syncline_core::{Error, ErrorKind, Result};

#[derive(Debug)]
pub(crate) struct AcmeConnector(Manifest);

impl AcmeConnector {
    pub(crate) fn new() -> Self {
        let write = WriteCapabilities {
            batch_size: 1,
            compare_and_set: CompareAndSet::None,
        };
        Self(Manifest {
            provider: "acme".into(),
            label: "Acme".into(),
            api_version: "1".into(),
            authorisation: Authorisation {
                login_url: "https://login.acme.test".into(),
                authorize_path: "/authorize".into(),
                token_base_url: None,
                token_path: "/token".into(),
                revoke: Some(Revocation {
                    path: "/revoke".into(),
                    with_client: true,
                }),
                rotates_refresh_tokens: true,
                names_instance: true,
                api_base_url: None,
            },
            hosts: vec!["*.acme.test".into()],
            capabilities: Capabilities {
                read: ReadCapabilities {
                    page_size: 1,
                    fetch_size: 1,
                    stamp_milliseconds: 1,
                    overlap_seconds: 0,
                    index_lags: false,
                    hides_records: false,
                },
                create: CreateCapabilities {
                    job_size: None,
                    batch_size: 1,
                    makes_marker: false,
                    marker: false,
                },
                update: write.clone(),
                delete: write,
                delete_evidence: DeleteEvidence::Sweep,
                undelete: false,
                merges_reported: false,
                merge_makes_new_id: false,
                webhooks: false,
                files: false,
            },
            limits: vec![RateLimit {
                name: "second".into(),
                calls: 50,
                seconds: 1,
                bucket: None,
            }],
            default_objects: vec![],
            role: Role::Crm,
            settings: vec![Setting {
                name: "region".into(),
                description: "Where".into(),
                default: None,
            }],
        })
    }

    /// The same without rotation.
    pub(crate) fn without_rotation() -> Self {
        let mut connector = Self::new();
        connector.0.authorisation.rotates_refresh_tokens = false;
        connector
    }
}

fn unsupported<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, "not in this test"))
}

#[async_trait]
impl Connector for AcmeConnector {
    fn manifest(&self) -> &Manifest {
        &self.0
    }

    fn scopes(&self, objects: &[(&str, Access)]) -> Vec<String> {
        objects
            .iter()
            .map(|(name, access)| format!("{name}.{access:?}").to_lowercase())
            .collect()
    }

    fn classify(&self, head: &Head, body: &[u8]) -> Class {
        let after = head
            .header("retry-after")
            .and_then(|text| text.parse().ok())
            .map(Duration::from_secs);
        match head.status {
            200..300 => Class::Success,
            401 => Class::TokenExpired,
            403 if body == b"gone" => Class::Reauthorise,
            409 => Class::Conflict,
            423 => Class::Retryable { after },
            429 => Class::RateLimited { after, daily: false },
            500.. => Class::Unknown,
            _ => Class::Rejected {
                code: String::new(),
                message: String::new(),
            },
        }
    }

    async fn account(&self, io: &dyn Io, config: &Config) -> Result<Account> {
        let answer = io.send(Request::get(format!("{}/me", config.base_url))).await?;
        match answer.head.status {
            200 => serde_json::from_slice(&answer.body)
                .map_err(|error| Error::new(ErrorKind::Protocol, "unreadable").because(error)),
            status => Err(Error::new(ErrorKind::Unavailable, format!("status {status}"))),
        }
    }

    async fn objects(&self, _: &dyn Io, _: &Config) -> Result<Vec<ObjectInfo>> {
        unsupported()
    }

    async fn describe(&self, _: &dyn Io, _: &Config, _: &str, _: Option<&str>) -> Result<Described> {
        unsupported()
    }

    async fn users(&self, _: &dyn Io, _: &Config) -> Result<Vec<RemoteUser>> {
        unsupported()
    }

    async fn fetch(&self, _: &dyn Io, _: &Config, _: &Fetch, _: &mut Batch) -> Result<()> {
        unsupported()
    }

    fn open(&self, _: &Config, _: Job, _: Option<Bytes>) -> Result<Box<dyn Task>> {
        unsupported()
    }

    async fn webhook(&self, _: &dyn Io, _: &Config, _: &RawRequest) -> Result<Vec<Hint>> {
        unsupported()
    }
}

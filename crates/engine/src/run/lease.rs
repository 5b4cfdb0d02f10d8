//! At most one run of a connection at a time, over all processes of a store: a lease with an epoch that every commit of
//! the run checks.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::store::{DocumentKind, Mode, Transaction};

use crate::document::{self, Columns, Stored, Versioned};
use crate::engine::Inner;

/// How long a lease lasts without being renewed.
const LIFE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stake {
    #[serde(skip)]
    id: u64,
    connection: u64,
    owner: String,
    epoch: u64,
    expires: Timestamp,
}

impl Stored for Stake {
    const KIND: DocumentKind = DocumentKind::Lease;
    const NOUN: &'static str = "lease";

    fn id(&self) -> u64 {
        self.id
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    fn columns(&self) -> Columns {
        Columns {
            tenant: 0,
            scope: 0,
            key: Some(format!("run:{}", self.connection)),
            status: "held".to_owned(),
            at: self.expires,
        }
    }
}

/// A lease that this run holds.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    connection: u64,
    owner: String,
    epoch: u64,
}

/// Who this process is: its host and number, so that another process of the host can tell that it is gone.
pub(crate) fn owner() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}", host.trim(), std::process::id())
}

/// Whether an owner on this very host is certainly gone, so that its lease need not be waited for.
fn is_gone(owner: &str) -> bool {
    let mine = self::owner();
    let (Some((host, process)), Some((my_host, _))) = (owner.rsplit_once(':'), mine.rsplit_once(':')) else {
        return false;
    };
    host == my_host
        && std::path::Path::new("/proc/self").exists()
        && !std::path::Path::new(&format!("/proc/{process}")).exists()
}

impl Lease {
    /// Takes the lease of a connection, or says until when another process holds it.
    pub(crate) async fn take(inner: &Inner, connection: u64) -> Result<Result<Self, Timestamp>> {
        let mut tx = inner.store.begin(Mode::Write).await?;
        let now = inner.clock.now();
        let owner = owner();
        let known = document::by_key::<Stake>(tx.as_mut(), 0, 0, &format!("run:{connection}")).await?;
        let expires = now.saturating_add(LIFE).unwrap_or(now);
        let mut stake = match known {
            Some(known) if known.owner != owner && known.expires > now && !is_gone(&known.owner) => {
                return Ok(Err(known.expires));
            }
            Some(mut known) => {
                known.epoch += 1;
                known.owner.clone_from(&owner);
                known.expires = expires;
                known
            }
            None => Versioned {
                value: Stake {
                    id: 0,
                    connection,
                    owner: owner.clone(),
                    epoch: 1,
                    expires,
                },
                version: 0,
            },
        };
        document::put(tx.as_mut(), &mut stake).await?;
        tx.commit().await?;
        Ok(Ok(Self {
            connection,
            owner,
            epoch: stake.epoch,
        }))
    }

    /// Fails when another run has taken over; renews the lease when a third of its life is gone.
    pub(crate) async fn check(&self, inner: &Inner, tx: &mut dyn Transaction) -> Result<()> {
        let known = document::by_key::<Stake>(tx, 0, 0, &format!("run:{}", self.connection)).await?;
        let Some(mut stake) = known.filter(|stake| stake.epoch == self.epoch && stake.owner == self.owner) else {
            return Err(Error::new(
                ErrorKind::Stopped,
                "another process has taken this connection over; nothing of this step was kept",
            ));
        };
        let now = inner.clock.now();
        let renewed = now.saturating_add(LIFE).unwrap_or(now);
        if now.saturating_add(LIFE * 2 / 3).is_ok_and(|soon| stake.expires < soon) {
            stake.expires = renewed;
            document::put(tx, &mut stake).await?;
        }
        Ok(())
    }

    /// Gives the lease back.
    pub(crate) async fn release(&self, inner: &Inner) -> Result<()> {
        let mut tx = inner.store.begin(Mode::Write).await?;
        let known = document::by_key::<Stake>(tx.as_mut(), 0, 0, &format!("run:{}", self.connection)).await?;
        if let Some(mut stake) = known.filter(|stake| stake.epoch == self.epoch) {
            stake.expires = inner.clock.now();
            document::put(tx.as_mut(), &mut stake).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

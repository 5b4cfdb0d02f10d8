//! Who may do what only one may do at a time, over all processes of a store: a lease with an epoch that every commit
//! under it checks. A connection has one run at a time, and a blueprint one first matching.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{BlueprintId, TenantId};
use syncline_core::store::{DocumentKind, Mode, Transaction};

use super::reporter::Reporter;
use crate::document::{self, Columns, Stored, Versioned};
use crate::engine::Inner;

/// How long a lease lasts without being renewed.
const LIFE: Duration = Duration::from_secs(30);
/// How often who waits for a lease looks whether it was given back.
const GLANCE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stake {
    #[serde(skip)]
    id: u64,
    /// What it is on: the key of its document.
    #[serde(skip)]
    name: String,
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
            key: Some(self.name.clone()),
            status: "held".to_owned(),
            at: self.expires,
        }
    }
}

/// A lease that this run holds.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    /// Since when nobody held it before.
    free_since: Timestamp,
    /// Whose transactions it guards.
    tenant: TenantId,
    name: String,
    owner: String,
    epoch: u64,
}

/// Renews a lease for as long as it lives, also while its holder waits for a provider.
#[derive(Debug)]
pub(crate) struct Renewal(tokio::task::JoinHandle<()>);

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.abort();
    }
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

async fn stake(tx: &mut dyn Transaction, name: &str) -> Result<Option<Versioned<Stake>>> {
    let mut known = document::by_key::<Stake>(tx, 0, 0, name).await?;
    if let Some(known) = &mut known {
        name.clone_into(&mut known.value.name);
    }
    Ok(known)
}

impl Lease {
    /// Waits for the turn of a connection's run.
    pub(crate) async fn of_run(inner: &Inner, tenant: TenantId, connection: u64, reporter: &Reporter) -> Result<Self> {
        Self::wait_for(inner, tenant, format!("run:{connection}"), reporter).await
    }

    /// Waits for the turn to match the new records of a blueprint.
    pub(crate) async fn of_matching(
        inner: &Inner,
        tenant: TenantId,
        blueprint: BlueprintId,
        reporter: &Reporter,
    ) -> Result<Self> {
        Self::wait_for(inner, tenant, format!("match:{tenant}:{blueprint}"), reporter).await
    }

    /// Waits for the turn to carry files between the records of a blueprint.
    pub(crate) async fn of_files(
        inner: &Inner,
        tenant: TenantId,
        blueprint: BlueprintId,
        reporter: &Reporter,
    ) -> Result<Self> {
        Self::wait_for(inner, tenant, format!("files:{tenant}:{blueprint}"), reporter).await
    }

    /// Takes the turn of a connection's run unless another process has it. Of several workers that find a connection due,
    /// one gets it.
    pub(crate) async fn claim(inner: &Inner, tenant: TenantId, connection: u64) -> Result<Option<Self>> {
        Ok(Self::take(inner, tenant, &format!("run:{connection}")).await?.ok())
    }

    /// Whether somebody who may still live has the turn of a connection's run.
    pub(crate) async fn is_held(tx: &mut dyn Transaction, connection: u64, now: Timestamp) -> Result<bool> {
        let known = stake(tx, &format!("run:{connection}")).await?;
        Ok(known.is_some_and(|known| known.expires > now && !is_gone(&known.owner)))
    }

    /// Whether whoever waits in line for the turn of a connection's run since `asked` must be gone: who lives looks every
    /// [`GLANCE`], and the turn was there to take for the whole [`LIFE`] of a lease.
    pub(crate) fn was_left_waiting(&self, asked: Timestamp, now: Timestamp) -> bool {
        is_left(self.free_since, asked, now)
    }

    /// The same for who has no turn: nobody has it now, either.
    pub(crate) async fn is_left_waiting(
        tx: &mut dyn Transaction,
        connection: u64,
        asked: Timestamp,
        now: Timestamp,
    ) -> Result<bool> {
        let known = stake(tx, &format!("run:{connection}")).await?;
        Ok(is_left(known.map_or(Timestamp::MIN, |known| known.expires), asked, now))
    }

    async fn wait_for(inner: &Inner, tenant: TenantId, name: String, reporter: &Reporter) -> Result<Self> {
        loop {
            match Self::take(inner, tenant, &name).await? {
                Ok(lease) => return Ok(lease),
                Err(until) => {
                    let soon = after(inner.clock.now(), GLANCE);
                    reporter.wait_until(until.min(soon)).await?;
                }
            }
        }
    }

    /// Takes a lease, or says until when another process holds it.
    async fn take(inner: &Inner, tenant: TenantId, name: &str) -> Result<Result<Self, Timestamp>> {
        let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
        let now = inner.clock.now();
        let owner = owner();
        let known = stake(tx.as_mut(), name).await?;
        let free_since = known.as_ref().map_or(Timestamp::MIN, |known| known.expires.min(now));
        let expires = after(now, LIFE);
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
                    name: name.to_owned(),
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
            free_since,
            tenant,
            name: name.to_owned(),
            owner,
            epoch: stake.epoch,
        }))
    }

    async fn held(&self, tx: &mut dyn Transaction) -> Result<Versioned<Stake>> {
        let known = stake(tx, &self.name).await?;
        known
            .filter(|stake| stake.epoch == self.epoch && stake.owner == self.owner)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Stopped,
                    "another process has taken this connection over; nothing of this step was kept",
                )
            })
    }

    /// The tenant whose transactions it guards.
    pub(crate) const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Fails when another run has taken over; renews the lease when a third of its life is gone.
    pub(crate) async fn check(&self, inner: &Inner, tx: &mut dyn Transaction) -> Result<()> {
        let mut stake = self.held(tx).await?;
        let now = inner.clock.now();
        if stake.expires < after(now, LIFE * 2 / 3) {
            stake.expires = after(now, LIFE);
            document::put(tx, &mut stake).await?;
        }
        Ok(())
    }

    /// The same for who writes nothing else.
    pub(crate) async fn check_apart(&self, inner: &Inner) -> Result<()> {
        let mut tx = inner.store.begin_for(self.tenant, Mode::Read).await?;
        self.held(tx.as_mut()).await.map(|_| ())
    }

    /// Renews the lease until the value returned is dropped.
    pub(crate) fn renew(&self, inner: &Arc<Inner>) -> Renewal {
        let (lease, inner) = (self.clone(), Arc::clone(inner));
        Renewal(tokio::spawn(async move {
            loop {
                // By the process's own clock: it is about whether this process still lives.
                tokio::time::sleep(LIFE / 3).await;
                let renewed: Result<()> = async {
                    let mut tx = inner.store.begin_for(lease.tenant, Mode::Write).await?;
                    lease.check(&inner, tx.as_mut()).await?;
                    tx.commit().await
                }
                .await;
                match renewed {
                    Err(error) if error.kind() == ErrorKind::Stopped => return,
                    Err(error) => tracing::debug!(%error, "a lease could not be renewed yet"),
                    Ok(()) => {}
                }
            }
        }))
    }

    /// Gives the lease back.
    pub(crate) async fn release(&self, inner: &Inner) -> Result<()> {
        let mut tx = inner.store.begin_for(self.tenant, Mode::Write).await?;
        let known = stake(tx.as_mut(), &self.name).await?;
        if let Some(mut stake) = known.filter(|stake| stake.epoch == self.epoch) {
            stake.expires = inner.clock.now();
            document::put(tx.as_mut(), &mut stake).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

fn is_left(free_since: Timestamp, asked: Timestamp, now: Timestamp) -> bool {
    after(free_since.max(asked), LIFE) <= now
}

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(now)
}

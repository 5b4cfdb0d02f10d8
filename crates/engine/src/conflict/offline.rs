//! What a sync needs for a decision by a person, which sends no request to anybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::io::{Io, Level, MacAlgorithm, Mark, Request, Response};
use syncline_core::model::TenantId;
use syncline_core::store::Transaction;

use crate::actor::Actor;
use crate::connection::Connection;
use crate::document;
use crate::engine::Inner;
use crate::run::{Run, RunParameters, RunScope, RunStatus, SyncContext};
use crate::sync::Sync;

/// An [`Io`] that refuses: a decision only changes what is stored, and its writes are left to the next run.
struct NoTraffic(Timestamp);

fn refused() -> Error {
    Error::new(ErrorKind::Internal, "a decision by a person tried to send a request")
}

#[async_trait]
impl Io for NoTraffic {
    async fn send(&self, _: Request) -> Result<Response> {
        Err(refused())
    }

    async fn send_all(&self, requests: Vec<Request>) -> Vec<Result<Response>> {
        requests.iter().map(|_| Err(refused())).collect()
    }

    fn mark(&self) -> Mark {
        Mark(0)
    }

    fn now(&self) -> Timestamp {
        self.0
    }

    fn random(&self) -> u64 {
        0
    }

    fn log(&self, _: Level, _: &str) {}

    fn verify_mac(&self, _: &str, _: MacAlgorithm, _: &[u8], _: &[u8]) -> bool {
        false
    }
}

/// A sync as a run would see it, without a way to its CRM.
pub(super) async fn context_of(
    inner: &Inner,
    tx: &mut dyn Transaction,
    sync: u64,
    actor: &Actor,
) -> Result<SyncContext> {
    let sync = document::get::<Sync>(tx, sync).await?.value;
    let connection = document::get::<Connection>(tx, sync.connection).await?.value;
    let io = Arc::new(NoTraffic(inner.clock.now()));
    SyncContext::load(inner, tx, sync, &connection, io, &RunParameters::default(), &actor.name).await
}

/// What stands where planning expects a run. It is never stored.
pub(super) fn no_run(tenant: TenantId, actor: &Actor, now: Timestamp) -> Run {
    Run {
        id: 0,
        tenant,
        scope: RunScope::Tenant,
        connection: 0,
        parameters: RunParameters::default(),
        initiator: actor.name.clone(),
        status: RunStatus::Running,
        requested_at: now,
        started_at: None,
        finished_at: None,
        ledgers: BTreeMap::new(),
        error: None,
        brake: None,
        timeline: Vec::new(),
        plan: Vec::new(),
        planned: 0,
        rolls_back: None,
        release: None,
        diverged: Vec::new(),
        diverged_count: 0,
    }
}

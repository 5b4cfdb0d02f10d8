//! What a worker process does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use syncline_core::Result;
use syncline_core::model::TenantId;
use syncline_engine::actor::Actor;
use syncline_engine::http::{Limits, StopFlag, Transport, TransportError};
use syncline_engine::run::{RunParameters, RunRequest, RunScope, RunStatus};

use super::failing::{Failing, FailingStore};
use super::transport::Loopback;
use super::{machine_clock, open};
use crate::stage::Stage;

/// What a worker is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Assignment {
    /// Its database.
    pub database: String,
    /// Where the CRMs are.
    pub crms: String,
    /// Whose work it does.
    pub tenant: TenantId,
    /// What it does.
    pub work: Work,
    /// It dies at this failpoint, counted from 1.
    pub dies_at: Option<u64>,
}

/// What a worker does.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Runs the syncs of both CRMs in turn, so often, and ends.
    Rounds(usize),
    /// Runs what is due, until it is killed.
    Schedule,
}

/// Moments at which a worker may die: before and after each commit and each request.
#[derive(Debug)]
struct Failpoints {
    passed: AtomicU64,
    dies_at: Option<u64>,
}

impl Failpoints {
    fn pass(&self) {
        if Some(self.passed.fetch_add(1, Ordering::SeqCst) + 1) == self.dies_at {
            // As the kernel kills who takes too much memory: nothing is cleaned up, nobody is told.
            let myself = std::process::id().to_string();
            let _killed = std::process::Command::new("kill").args(["-KILL", &myself]).status();
            std::process::abort();
        }
    }
}

impl Failing for Failpoints {
    fn commit(&self, _done: bool) -> Result<()> {
        self.pass();
        Ok(())
    }
}

#[derive(Debug)]
struct Mortal {
    inner: Loopback,
    failpoints: Arc<Failpoints>,
}

#[async_trait]
impl Transport for Mortal {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        limits: &Limits,
    ) -> std::result::Result<http::Response<Bytes>, TransportError> {
        self.failpoints.pass();
        let answer = self.inner.send(request, limits).await;
        self.failpoints.pass();
        answer
    }
}

/// Does what it is told; whether every run went well.
///
/// # Errors
/// What the store and the engine report.
pub async fn work(assignment: Assignment) -> Result<bool> {
    let failpoints = Arc::new(Failpoints {
        passed: AtomicU64::new(0),
        dies_at: assignment.dies_at,
    });
    let store = FailingStore::new(open(&assignment.database).await?, failpoints.clone());
    let transport = Mortal {
        inner: Loopback::new(&assignment.crms)?,
        failpoints,
    };
    let seed = u64::from(std::process::id());
    let engine = Stage::engine_drawing(Arc::new(store), Arc::new(transport), &machine_clock(), seed)?;
    let actor = Actor::admin("worker");
    match assignment.work {
        Work::Schedule => {
            engine.run_schedule(StopFlag::new(), &actor).await?;
            Ok(true)
        }
        Work::Rounds(rounds) => {
            let mut well = true;
            for provider in ["salesforce", "hubspot"].iter().cycle().take(rounds * 2) {
                let request = RunRequest {
                    tenant: assignment.tenant,
                    scope: RunScope::Provider((*provider).to_owned()),
                    parameters: RunParameters::default(),
                };
                let runs = engine.runs().run(request, &actor).await?;
                well &= runs.iter().all(|run| run.status != RunStatus::Failed);
            }
            Ok(well)
        }
    }
}

//! Running syncs, and running them again until nothing is left to do.

use std::time::{Duration, Instant};

use syncline::run::{Run, RunParameters, RunRequest, RunScope, RunStatus};
use syncline::{Error, ErrorKind, Result};

use super::mapping::Syncs;
use super::world::World;

/// Rounds after which it counts as never getting quiet.
const ROUNDS: usize = 20;

/// How the first run goes.
pub(super) fn first(release_brake: bool) -> RunParameters {
    RunParameters {
        release_brake,
        ..RunParameters::default()
    }
}

/// Runs one CRM's syncs.
///
/// # Errors
/// What the engine reports, and `Stopped` or `Internal` for a run that broke off.
pub(super) async fn run(world: &World, provider: &str, parameters: RunParameters) -> Result<Run> {
    let request = RunRequest {
        tenant: world.tenant,
        scope: RunScope::Provider(provider.to_owned()),
        parameters,
    };
    let runs = world.engine.runs().run(request, &world.admin).await?;
    let run = runs
        .into_iter()
        .next()
        .ok_or_else(|| Error::new(ErrorKind::Internal, format!("no run was made for {provider}")))?;
    match run.status {
        RunStatus::Failed | RunStatus::Stopped => {
            let why = run.error.clone().unwrap_or_else(|| run.status.name().to_owned());
            Err(Error::new(
                ErrorKind::Internal,
                format!("the run of {provider} broke off: {why}"),
            ))
        }
        _ => Ok(run),
    }
}

/// Rounds under faults.
const TROUBLED: usize = 4;

/// Runs both CRMs' syncs while faults strike: a run may break off, and the next one goes on from there. Returns how
/// many records were read and written.
///
/// # Errors
/// What keeps a run from being made at all.
pub(super) async fn in_trouble(world: &World) -> Result<u64> {
    let mut records = 0;
    for _ in 0..if world.trouble.is_any() { TROUBLED } else { 0 } {
        for crm in world.crms() {
            let request = RunRequest {
                tenant: world.tenant,
                scope: RunScope::Provider(crm.provider().to_owned()),
                parameters: RunParameters::default(),
            };
            for run in world.engine.runs().run(request, &world.admin).await? {
                records += run.total("pull").read + run.total("push").read;
            }
        }
    }
    Ok(records)
}

/// Until so long after the last edit, and as long as a first page takes, silence proves nothing. Salesforce stamps whole seconds,
/// its answers tell the time in whole seconds that may be a second old, and what a pull of several pages leaves to the next
/// one begins a second before its first request did.
const EDGE: Duration = Duration::from_secs(3);

/// A first page takes no longer than this, however long its run does.
const FIRST_PAGE: Duration = Duration::from_secs(5);

/// What it took to get quiet.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Settled {
    /// Rounds over both CRMs, the quiet one included.
    pub(super) rounds: usize,
    /// Records read and written.
    pub(super) records: u64,
}

/// Runs both CRMs' syncs until a round sends nothing, changes nothing and leaves nothing marked for later.
///
/// # Errors
/// As [`run`], and `Internal` when it is not quiet after twenty rounds.
pub(super) async fn until_quiet(world: &World, syncs: &Syncs, release_brake: bool) -> Result<Settled> {
    let mut settled = Settled::default();
    let began = Instant::now();
    while settled.rounds < ROUNDS {
        settled.rounds += 1;
        let (waited, mut longest) = (began.elapsed(), Duration::ZERO);
        let before = world.mutating_requests();
        let mut changed = 0;
        let mut later = 0;
        for crm in world.crms() {
            let started = Instant::now();
            let run = run(world, crm.provider(), first(release_brake)).await?;
            longest = longest.max(started.elapsed()).min(FIRST_PAGE);
            let (pulled, pushed) = (run.total("pull"), run.total("push"));
            settled.records += pulled.read + pushed.read;
            changed += pulled.created + pulled.updated + pulled.deleted + pulled.conflicted;
            changed += pushed.created + pushed.updated + pushed.deleted;
            later += pulled.deferred + pushed.deferred + pulled.failed + pushed.failed;
        }
        let mut marked = 0;
        for sync in &syncs.all {
            let counts = world.engine.syncs().counts(&sync.sync, &world.admin).await?;
            marked += counts.push + counts.read;
        }
        let quiet = world.mutating_requests() == before && changed == 0 && marked == 0 && later == 0;
        if quiet && waited >= EDGE + longest {
            return Ok(settled);
        }
        if quiet {
            // A little more: the next round may take longer than this one did.
            let enough = EDGE + longest * 2;
            tokio::time::sleep(enough.saturating_sub(began.elapsed())).await;
        } else if later > 0 {
            // An open outcome is looked for after its horizon, a failed record after its wait; no sooner.
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
    Err(Error::new(
        ErrorKind::Internal,
        format!("the syncs did not get quiet within {ROUNDS} rounds"),
    ))
}

//! Playing the script: the app's user and those of both CRMs at work at the same time.

use std::time::Duration;

use serde_json::{Map, Value as Json};
use syncline::Result;
use syncline::run::{RunParameters, RunRequest, RunScope};
use syncline_simulators::Fields;

use super::app;
use super::crm::Crm;
use super::edit::{Action, Edit, Outcome, Who};
use super::mapping::{DemoSync, Syncs};
use super::scenario::{path, plan};
use super::targets::Targets;
use super::world::World;

/// When the users work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wave {
    /// All at once, between two syncs: every kind of conflict.
    Together,
    /// While a sync is running.
    DuringRun,
}

impl Wave {
    /// Its name for people.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Together => "edit, create, delete and merge on all sides, sync until quiet",
            Self::DuringRun => "go on editing while it syncs, sync until quiet",
        }
    }
}

/// Plays a wave and returns what was done.
///
/// # Errors
/// What the engine reports when it can't start the runs. What users are refused is in their edits.
pub(super) async fn play(world: &World, syncs: &Syncs, targets: &Targets, wave: Wave, seed: u64) -> Result<Vec<Edit>> {
    let edits = plan(world, syncs, targets, wave, seed).await?;
    let pause = if wave == Wave::DuringRun {
        for crm in world.crms() {
            let scope = RunScope::Provider(crm.provider().to_owned());
            let request = RunRequest {
                tenant: world.tenant,
                scope,
                parameters: RunParameters::default(),
            };
            world.engine.runs().start(request, &world.admin).await?;
        }
        Duration::from_millis(3)
    } else {
        Duration::ZERO
    };
    let (app, rest): (Vec<Edit>, Vec<Edit>) = edits.into_iter().partition(|edit| edit.who == Who::App);
    let (salesforce, hubspot): (Vec<Edit>, Vec<Edit>) = rest.into_iter().partition(|edit| edit.who == Who::Salesforce);
    let (mut done, salesforce, hubspot) = tokio::join!(
        work(world, syncs, app, pause),
        work(world, syncs, salesforce, pause),
        work(world, syncs, hubspot, pause),
    );
    done.extend(salesforce);
    done.extend(hubspot);
    done.sort_by_key(|edit| edit.number);
    Ok(done)
}

/// One user's day.
async fn work(world: &World, syncs: &Syncs, mut edits: Vec<Edit>, pause: Duration) -> Vec<Edit> {
    for edit in &mut edits {
        let done = match edit.who.provider() {
            None => in_app(world, edit).await.map_err(|error| error.to_string()),
            Some(provider) => in_crm(world.crm(provider), syncs, edit),
        };
        if let Err(refusal) = done {
            edit.outcome = Outcome::Refused(refusal);
        }
        if pause.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(pause).await;
        }
    }
    edits
}

async fn in_app(world: &World, edit: &mut Edit) -> Result<()> {
    match (&edit.action, edit.entity) {
        (Action::Set { field, value, read }, Some(uid)) => app::set(world, uid, field, value, *read).await,
        (Action::Create { values, .. }, _) => {
            let values: Map<String, Json> = values
                .iter()
                .map(|(field, value)| ((*field).to_owned(), Json::from(value.as_str())))
                .collect();
            edit.entity = Some(app::create(world, edit.blueprint, values).await?);
            Ok(())
        }
        (Action::Delete, Some(uid)) => app::delete(world, uid).await,
        _ => Ok(()),
    }
}

fn in_crm(crm: &Crm, syncs: &Syncs, edit: &mut Edit) -> std::result::Result<(), String> {
    let broken = |error: syncline_simulators::HookError| error.to_string();
    let sync = syncs.of(edit.blueprint).find(|sync| sync.provider == crm.provider());
    let sync = sync.ok_or_else(|| format!("{} has no such records", crm.label()))?;
    let record = edit.record.clone().unwrap_or_default();
    match &edit.action {
        Action::Set { field, value, .. } => crm
            .update(edit.blueprint, &record, fields(sync, [(*field, value)]))
            .map_err(broken),
        Action::Create { values, .. } => {
            let made = crm.create(
                edit.blueprint,
                fields(sync, values.iter().map(|(field, value)| (*field, value))),
            );
            edit.record = Some(made.map_err(broken)?);
            Ok(())
        }
        Action::Delete => crm.delete(edit.blueprint, &record).map_err(broken),
        Action::MergeInto { .. } => {
            let winner = edit.survivor.clone().unwrap_or_default();
            crm.merge(edit.blueprint, &winner, &record).map(|_| ()).map_err(broken)
        }
        Action::MergeIntoNew { values, .. } => {
            let winner = crm.create(
                edit.blueprint,
                fields(sync, values.iter().map(|(field, value)| (*field, value))),
            );
            let survivor = crm
                .merge(edit.blueprint, &winner.map_err(broken)?, &record)
                .map_err(broken)?;
            edit.survivor = Some(survivor);
            Ok(())
        }
    }
}

fn fields<'a>(sync: &DemoSync, values: impl IntoIterator<Item = (&'a str, &'a String)>) -> Fields {
    values
        .into_iter()
        .filter_map(|(field, value)| Some((path(sync, field)?.to_owned(), Json::from(value.as_str()))))
        .collect()
}

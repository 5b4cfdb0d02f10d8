//! `syncline demo`: an app, a Salesforce and a HubSpot on this machine, kept in agreement and then compared.
//!
//! Nothing here is part of the product's way to sync: the demo plays the user of the app, the users of both CRMs, the
//! person at the consent pages, and the auditor who reads all three sides back by himself and trusts no bookkeeping.

mod accounting;
mod app;
mod audit;
mod authorise;
mod compare;
mod conflicts;
mod crm;
mod edit;
mod links;
mod mapping;
mod people;
#[cfg(feature = "plugins")]
mod plugged;
mod progress;
mod quiet;
mod raw;
mod report;
mod scenario;
mod script;
mod show;
mod silence;
mod stage;
mod targets;
mod trouble;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::command::simulate::{FaultArgument, list_faults};
use crate::failure::Failure;
use crate::output;
use report::DemoReport;
use script::Wave;
use world::World;

/// What the demo is started with.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DemoArguments {
    /// People in each CRM (half of them in both), and a tenth as many companies.
    #[arg(long, default_value_t = 1_000, value_parser = crate::number::within(1_u64, 2_000_000))]
    pub(crate) records: u64,
    /// What every generated record and edit follows from.
    #[arg(long, default_value_t = 1, value_parser = crate::number::number)]
    pub(crate) seed: u64,
    /// Seeds Salesforce from a file of people instead. Without `--hubspot`, HubSpot starts empty.
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) salesforce: Option<PathBuf>,
    /// Seeds HubSpot from a file of people instead. Without `--salesforce`, Salesforce starts empty.
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) hubspot: Option<PathBuf>,
    /// Keeps the app's records in this SQLite file, with a key file beside it; a temporary one otherwise.
    #[arg(long, value_name = "PATH")]
    pub(crate) db: Option<PathBuf>,
    /// What goes wrong at both CRMs while everybody edits, and how often, such as `server-error=0.1`; `list` names the
    /// faults. Repeatable.
    #[arg(long, value_name = "NAME=RATE")]
    pub(crate) fault: Vec<FaultArgument>,
    /// Runs both connectors as plugins out of this folder, which is target/plugins if none is named: there
    /// `cargo xtask plugins` puts them.
    #[cfg(feature = "plugins")]
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = "target/plugins")]
    pub(crate) plugins: Option<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

impl DemoArguments {
    /// Whether people come from files.
    const fn has_files(&self) -> bool {
        self.salesforce.is_some() || self.hubspot.is_some()
    }

    /// Whether the connectors run as plugins.
    const fn has_plugins(&self) -> bool {
        #[cfg(feature = "plugins")]
        let has = self.plugins.is_some();
        #[cfg(not(feature = "plugins"))]
        let has = false;
        has
    }
}

// The one type of the global `--output`: clap takes a second type under the same name for a mistake.
pub(crate) use crate::output::Format as Output;

/// Runs the demo and prints its result. The exit code says whether all three sides agree.
///
/// # Errors
/// What keeps it from coming to a result: a file that can't be read, a store that fails, a run that breaks off.
pub(crate) async fn demo(arguments: DemoArguments) -> Result<ExitCode, Failure> {
    let out = output::Output::new(arguments.output);
    if arguments.fault.contains(&FaultArgument::List) {
        list_faults(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    trouble::Trouble::check(&arguments)?;
    for file in [&arguments.salesforce, &arguments.hubspot].into_iter().flatten() {
        if !file.is_file() {
            return Err(Failure::not_found(format!("there is no file {}", file.display())));
        }
    }
    let report = play(&arguments).await?;
    out.json(&report)?;
    show::show(&report, out);
    Ok(if report.passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn play(arguments: &DemoArguments) -> syncline::Result<DemoReport> {
    let mut report = DemoReport::new(arguments);
    let progress = progress::Progress::new();
    let mut stages = stage::Stages::new(&progress);

    stages.begin("start both simulators");
    let world = World::start(arguments).await?;
    progress.follow(&world.engine)?;
    stages.end(world.records() as u64);

    stages.begin("authorise and map");
    let connections = authorise::connect_both(&world).await?;
    let syncs = mapping::map_all(&world, &connections).await?;
    report.mappings = mapping::summary(&syncs);
    stages.end(0);

    // On first linking of dirty data one side overwrites most of the other, which is meant here.
    let release = arguments.has_files();
    stages.begin("first pull from Salesforce");
    let run = quiet::run(&world, "salesforce", quiet::first(release)).await?;
    stages.end(run.total("pull").read);
    report.first_runs.push(run.into());
    stages.begin("match and join HubSpot");
    let run = quiet::run(&world, "hubspot", quiet::first(release)).await?;
    stages.end(run.total("pull").read + run.total("push").read);
    report.first_runs.push(run.into());
    stages.begin("bring the rest to both");
    let settled = quiet::until_quiet(&world, &syncs, release).await?;
    stages.end(settled.records);

    if arguments.salesforce.is_some() && arguments.hubspot.is_some() {
        report.people = Some(people::judge(&world, &syncs).await?);
    }

    let mut trail = audit::Trail::from_here(&world).await?;
    let targets = targets::choose(&world, &syncs, arguments.seed).await?;
    let mut edits = Vec::new();
    for wave in [Wave::Together, Wave::DuringRun] {
        stages.begin(wave.label());
        world.trouble.begin();
        let mut made = script::play(&world, &syncs, &targets, wave, arguments.seed).await?;
        let troubled = quiet::in_trouble(&world).await?;
        world.trouble.end();
        let settled = quiet::until_quiet(&world, &syncs, false).await?;
        stages.end(made.len() as u64 + troubled + settled.records);
        trail.read_on(&world, &made).await?;
        accounting::account(&world, &syncs, &mut made, &trail).await?;
        edits.append(&mut made);
    }
    stages.begin("a person resolves what waits");
    let resolved = conflicts::resolve(&world).await?;
    let settled = quiet::until_quiet(&world, &syncs, false).await?;
    stages.end(resolved + settled.records);
    trail.read_on(&world, &edits).await?;
    accounting::account_again(&world, &syncs, &mut edits, &trail).await?;
    report.take_edits(edits);
    report.conflicts = conflicts::met(&world, &syncs, &trail).await?;

    stages.begin("read all three sides back and compare");
    report.comparison = compare::compare(&world, &syncs).await?;
    stages.end(report.comparison.records);

    stages.begin("second pass, nothing changed");
    let silence = silence::second_pass(&world, &syncs, false).await?;
    stages.end(silence.read);
    report.second_pass = silence;
    stages.begin("second pass, everything read anew");
    let silence = silence::second_pass(&world, &syncs, true).await?;
    stages.end(silence.read);
    report.full_pass = silence;

    report.stages = stages.finish();
    report.disturbances = world.trouble.struck();
    report.store = world.store.label();
    report.point_on(arguments.db.as_deref(), &world.tenant_name);
    report.conclude();
    progress.finish();
    Ok(report)
}

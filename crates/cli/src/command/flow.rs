//! `syncline flow`.

mod file;
mod records;

use std::path::PathBuf;
use std::process::ExitCode;

use syncline::ErrorKind;
use syncline::flow::{Flow, FlowVersion};
use syncline::model::{Finding, Severity};

use crate::assignment::Assignment;
use crate::failure::{Exit, Failure};
use crate::output::{note, print};
use crate::project::Project;
use crate::table::{Table, time};

/// What can be done with flows.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum FlowCommand {
    /// List flows.
    List,
    /// Show a flow with its transitions.
    Show {
        /// Its name.
        name: String,
        /// An earlier version.
        #[arg(long, value_parser = crate::number::number)]
        version: Option<u64>,
        /// Print it as a file that `flow edit` takes.
        #[arg(long, conflicts_with = "version")]
        toml: bool,
    },
    /// List the versions of a flow.
    Versions {
        /// Its name.
        name: String,
    },
    /// Make a flow from a file in TOML or JSON.
    Create {
        /// The file.
        file: PathBuf,
    },
    /// Save a file as the next version of its flow.
    Edit {
        /// The file.
        file: PathBuf,
    },
    /// Look for mistakes in a file, or in a saved flow: states that nothing leads to, guards that can't hold and so on.
    Check {
        /// The file, or the name of a flow.
        flow: String,
    },
    /// Remove a flow; records keep their states.
    Remove {
        /// Its name.
        name: String,
    },
    /// Draw a flow.
    Draw {
        /// The file, or the name of a flow.
        flow: String,
        /// In which language.
        #[arg(long, value_enum, default_value_t = Drawing::Mermaid)]
        format: Drawing,
    },
    /// What can be taken on a record, and why the rest can't.
    Available {
        /// The record's id.
        uid: String,
        /// Ask as somebody of this role.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// Take a transition on a record, or on many.
    Take(TakeArguments),
    /// The states that a record went through, and how long it stayed in each.
    History {
        /// The record's id.
        uid: String,
    },
}

/// What `flow take` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct TakeArguments {
    /// The transition.
    pub(crate) transition: String,
    /// The records' ids.
    #[arg(
        required_unless_present = "blueprint",
        conflicts_with = "blueprint",
        value_name = "UID"
    )]
    pub(crate) uids: Vec<String>,
    /// What it asks for, such as `recipient=Ada`.
    #[arg(long = "input", short, value_name = "FIELD=VALUE")]
    pub(crate) inputs: Vec<Assignment>,
    /// On all records of this blueprint that `--filter` selects.
    #[arg(long, value_name = "NAME", requires = "filter")]
    pub(crate) blueprint: Option<String>,
    /// Only those for which this expression is true: `status == "PENDING"`.
    #[arg(long, value_name = "CEL", requires = "blueprint")]
    pub(crate) filter: Option<String>,
    /// The flow, where several have a transition of this name.
    #[arg(long, value_name = "NAME")]
    pub(crate) flow: Option<String>,
    /// The revision that was looked at, so that a state that was changed meanwhile is noticed.
    #[arg(long, value_parser = crate::number::number)]
    pub(crate) rev: Option<u64>,
    /// Take it as somebody of this role.
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
}

/// Languages of drawings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Drawing {
    /// A Mermaid state diagram.
    Mermaid,
    /// A graph for Graphviz.
    Dot,
}

impl FlowCommand {
    /// The roles that the command is run with; those of the operator if there are none.
    pub(crate) fn roles(&self) -> Vec<String> {
        match self {
            Self::Available { roles, .. } | Self::Take(TakeArguments { roles, .. }) => roles.clone(),
            _ => Vec::new(),
        }
    }
}

/// Does it.
///
/// # Errors
/// When there is no such flow or record, when a flow has mistakes, or when a transition can't be taken.
pub(crate) async fn flow(project: &Project, command: FlowCommand) -> Result<ExitCode, Failure> {
    let (tenant, actor, output) = (project.tenant.id, &project.actor, &project.output);
    let flows = project.engine.flows();
    match command {
        FlowCommand::List => list(project).await?,
        FlowCommand::Show { name, version, toml } => {
            let flow = match version {
                None => flows.get(tenant, &name, actor).await?,
                Some(version) => earlier(project, &name, version).await?,
            };
            if toml {
                print(&file::to_toml(&flow)?);
            } else {
                show(project, &flow)?;
            }
        }
        FlowCommand::Versions { name } => {
            let versions = flows.versions(tenant, &name, actor).await?;
            output.listing(
                &versions,
                &["Version", "Saved", "By", "Transitions"],
                "it has no versions",
                Clone::clone,
                |version: &FlowVersion| {
                    vec![
                        version.flow.version.to_string(),
                        time(version.saved_at),
                        version.saved_by.clone(),
                        names(&version.flow),
                    ]
                },
            )?;
        }
        FlowCommand::Create { file } => save(project, &file, true).await?,
        FlowCommand::Edit { file } => save(project, &file, false).await?,
        FlowCommand::Check { flow } => return check(project, &flow).await,
        FlowCommand::Remove { name } => {
            flows.remove(tenant, &name, actor).await?;
            output.line(format_args!(
                "removed flow `{name}`; records keep their states, and change them freely"
            ));
        }
        FlowCommand::Draw { flow, format } => {
            let flow = named(project, &flow).await?;
            let drawn = match format {
                Drawing::Mermaid => flow.to_mermaid(),
                Drawing::Dot => flow.to_dot(),
            };
            if output.is_json() {
                output.json(&drawn)?;
            } else {
                print(&drawn);
            }
        }
        FlowCommand::Available { uid, .. } => records::available(project, &uid).await?,
        FlowCommand::Take(arguments) => return records::take(project, arguments).await,
        FlowCommand::History { uid } => records::history(project, &uid).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(project: &Project) -> Result<(), Failure> {
    let flows = project.engine.flows().list(project.tenant.id, &project.actor).await?;
    project.output.listing(
        &flows,
        &["Flow", "Blueprint", "Field", "States", "Transitions", "Version"],
        "there is no flow yet; `syncline flow create FILE` makes one",
        Clone::clone,
        |flow: &Flow| {
            vec![
                flow.name.clone(),
                flow.blueprint.clone(),
                flow.field.clone(),
                flow.states().join(", "),
                names(flow),
                flow.version.to_string(),
            ]
        },
    )
}

fn names(flow: &Flow) -> String {
    let names: Vec<&str> = flow.transitions.iter().map(|known| known.name.as_str()).collect();
    names.join(", ")
}

/// A flow by its name, or in a file.
async fn named(project: &Project, text: &str) -> Result<Flow, Failure> {
    if file::looks_like_one(text) {
        return file::read(text.as_ref());
    }
    let found = project
        .engine
        .flows()
        .get(project.tenant.id, text, &project.actor)
        .await;
    found.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::from(error).next("name a flow, or a file that ends in .toml or .json"),
        _ => error.into(),
    })
}

async fn earlier(project: &Project, name: &str, version: u64) -> Result<Flow, Failure> {
    let versions = project
        .engine
        .flows()
        .versions(project.tenant.id, name, &project.actor)
        .await?;
    let newest = versions.last().map_or(0, |known| known.flow.version);
    versions
        .into_iter()
        .map(|known| known.flow)
        .find(|known| u64::from(known.version) == version)
        .ok_or_else(|| {
            Failure::not_found(format!(
                "flow `{name}` has no version {version}; its newest is {newest}"
            ))
            .next(format!("`syncline flow versions {name}` lists them"))
        })
}

async fn save(project: &Project, path: &std::path::Path, fresh: bool) -> Result<(), Failure> {
    let (tenant, actor) = (project.tenant.id, &project.actor);
    let flow = file::read(path)?;
    let flows = project.engine.flows();
    let known = match flows.get(tenant, &flow.name, actor).await {
        Ok(known) => Some(known),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let file = path.display();
    match (&known, fresh) {
        (Some(_), true) => {
            return Err(Failure::refused(format!("there is a flow `{}` already", flow.name))
                .next(format!("`syncline flow edit {file}` makes its next version")));
        }
        (None, false) => {
            return Err(Failure::not_found(format!("there is no flow `{}`", flow.name))
                .next(format!("`syncline flow create {file}` makes it")));
        }
        _ => {}
    }
    let findings = flows.check(tenant, &flow, actor).await?;
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        tell(project, &findings)?;
        return Err(
            Failure::usage(format!("the flow `{}` can't be saved as it is", flow.name))
                .next(format!("mend {file}; `syncline flow check {file}` looks again")),
        );
    }
    let saved = flows.save(tenant, &flow, actor).await?;
    project.output.json(&saved)?;
    project.output.line(match known {
        Some(known) if known.version == saved.flow.version => {
            format!(
                "flow `{}` is like this already; version {} stays",
                flow.name, known.version
            )
        }
        _ => format!("saved version {} of flow `{}`", saved.flow.version, flow.name),
    });
    for finding in &saved.findings {
        note(format_args!("{}: {}", finding.place, finding.message));
    }
    Ok(())
}

async fn check(project: &Project, text: &str) -> Result<ExitCode, Failure> {
    let flow = named(project, text).await?;
    let findings = project
        .engine
        .flows()
        .check(project.tenant.id, &flow, &project.actor)
        .await?;
    project.output.json(&findings)?;
    tell(project, &findings)?;
    let is_sound = findings.iter().all(|finding| finding.severity != Severity::Error);
    if is_sound {
        project.output.line(format_args!("flow `{}` can be saved", flow.name));
        return Ok(ExitCode::SUCCESS);
    }
    Ok(Exit::Usage.into())
}

fn tell(project: &Project, findings: &[Finding]) -> Result<(), Failure> {
    if project.output.is_json() || findings.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["", "Where", "What"]);
    for finding in findings {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Notice => "notice",
        };
        table.row(vec![
            severity.to_owned(),
            finding.place.clone(),
            finding.message.clone(),
        ]);
    }
    project.output.table(&table);
    Ok(())
}

fn show(project: &Project, flow: &Flow) -> Result<(), Failure> {
    let output = &project.output;
    output.json(flow)?;
    output.line(format_args!(
        "flow {} (version {}): moves `{}` of a {}",
        flow.name, flow.version, flow.field, flow.blueprint
    ));
    output.line(format_args!(
        "begins with {}; ends with {}",
        flow.initial.join(", "),
        if flow.finals.is_empty() {
            "nothing".to_owned()
        } else {
            flow.finals.join(", ")
        }
    ));
    output.line(format_args!(
        "what breaks it: {} from a CRM, {} in the app",
        flow.inbound.name(),
        flow.edits.name()
    ));
    let mut table = Table::new(&["Transition", "From", "To", "Asks for", "Guard", "Sets", "Roles"]);
    for transition in &flow.transitions {
        let updates: Vec<String> = transition.updates.iter().map(ToString::to_string).collect();
        let optional = transition.optional.iter().map(|field| format!("{field} (optional)"));
        let asks: Vec<String> = transition.inputs.iter().cloned().chain(optional).collect();
        table.row(vec![
            transition.name.clone(),
            transition.from.join(", "),
            transition.to.clone(),
            asks.join(", "),
            transition.guard.clone().unwrap_or_default(),
            updates.join(", "),
            transition.roles.join(", "),
        ]);
    }
    output.table(&table);
    Ok(())
}

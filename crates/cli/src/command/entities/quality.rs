//! `syncline entities quality`: the rules of a blueprint, and how its records stand with them.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use syncline::quality::{QualityCheck, QualityReport, QualityRule};

use super::blueprint::blueprint;
use super::selection::{SelectionArguments, wrong};
use crate::failure::{Exit, Failure};
use crate::interrupt::StopAsked;
use crate::number::counted;
use crate::project::Project;
use crate::steps::Steps;
use crate::table::{Table, value, word};

/// What `entities quality` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct QualityArguments {
    /// The blueprint; may be left out where there is only one.
    blueprint: Option<String>,
    #[command(flatten)]
    selection: SelectionArguments,
    /// Show the rules and look at no record.
    #[arg(long, conflicts_with_all = ["filter", "search", "set_rules"])]
    rules: bool,
    /// Take the rules from this file, a JSON list, in place of those that there are.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["filter", "search"])]
    set_rules: Option<PathBuf>,
    /// End with exit code 5 where a record breaks any rule, and not only one that refuses.
    #[arg(long)]
    strict: bool,
}

/// Does it.
///
/// # Errors
/// When there is no such blueprint, or the rules or a filter are wrong.
pub(super) async fn quality(project: &Project, arguments: QualityArguments) -> Result<ExitCode, Failure> {
    let blueprint = blueprint(project, arguments.blueprint.as_deref()).await?;
    let quality = project.engine.quality();
    let (tenant, actor) = (project.tenant.id, &project.actor);
    if let Some(file) = &arguments.set_rules {
        let rules = read(file)?;
        quality
            .save_rules(tenant, &blueprint.name, &rules, actor)
            .await
            .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
        project.output.json(&rules)?;
        project.output.line(format_args!(
            "{} for {}; `syncline entities quality {}` shows how its records stand",
            counted(rules.len() as u64, "rule", "rules"),
            blueprint.name,
            blueprint.name
        ));
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.rules {
        let rules = quality.rules(tenant, &blueprint.name, actor).await?;
        project.output.listing(
            &rules,
            &["Rule", "Looks at", "When broken", "Says"],
            &none(&blueprint.name),
            Clone::clone,
            |rule| {
                vec![
                    rule.name.clone(),
                    looks_at(&rule.check),
                    word(&rule.severity),
                    rule.message.clone(),
                ]
            },
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let selection = arguments.selection.selection();
    let total = project
        .engine
        .entities()
        .count_selected(tenant, &blueprint.name, &selection, actor)
        .await
        .map_err(|error| wrong(error, &selection))?;
    let steps = Steps::new("records", Some(total));
    let asked = StopAsked::listen();
    let mut progress = |looked_at: u64| {
        steps.show(looked_at, "");
        if asked.is_set() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let report = quality
        .report(tenant, &blueprint.name, &selection, &mut progress, actor)
        .await
        .map_err(|error| wrong(error, &selection))?;
    steps.finish();
    project.output.json(&report)?;
    show(project, &report);
    let is_broken = report.rules.iter().any(|rule| rule.broken > 0);
    Ok(if report.stopped {
        Exit::Interrupted.into()
    } else if report.has_refused() || arguments.strict && is_broken {
        Exit::Partial.into()
    } else {
        ExitCode::SUCCESS
    })
}

fn none(blueprint: &str) -> String {
    format!("{blueprint} has no rules; `syncline entities quality {blueprint} --set-rules FILE` gives it some")
}

fn read(file: &PathBuf) -> Result<Vec<QualityRule>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::not_found(format!("{} can't be read: {error}", file.display())))?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("{} holds no rules: {error}", file.display())).next(
            "a rule is `{\"name\": \"age\", \"check\": \"range\", \"field\": \"age\", \"minimum\": 0}`; checks are format, \
             range, expression, reference and duplicate",
        )
    })
}

fn looks_at(check: &QualityCheck) -> String {
    match check {
        QualityCheck::Format { field, pattern } => format!("{field} matches {pattern}"),
        QualityCheck::Range {
            field,
            minimum,
            maximum,
        } => match (minimum, maximum) {
            (Some(least), Some(most)) => format!("{field} from {} to {}", value(least), value(most)),
            (Some(least), None) => format!("{field} at least {}", value(least)),
            (None, Some(most)) => format!("{field} at most {}", value(most)),
            (None, None) => field.clone(),
        },
        QualityCheck::Expression { expression } => expression.clone(),
        QualityCheck::Reference { field } => format!("{field} exists"),
        QualityCheck::Duplicate { fields, likeness } => {
            format!("no other {:.0} % alike in {}", likeness * 100.0, fields.join(", "))
        }
    }
}

fn show(project: &Project, report: &QualityReport) {
    let output = &project.output;
    for problem in &report.problems {
        output.line(format_args!("no longer fits the blueprint: {problem}"));
    }
    if report.rules.is_empty() {
        output.line(none(&report.blueprint));
        return;
    }
    let mut table = Table::new(&["Rule", "When broken", "Broken by", "Record", "What is wrong"]);
    for rule in &report.rules {
        let mut examples = rule.examples.iter();
        let shown = |example: Option<&syncline::quality::QualityExample>| match example {
            None => (String::new(), String::new()),
            Some(example) => {
                let other = example.other.map(|other| format!("\n{other}")).unwrap_or_default();
                (format!("{}{other}", example.uid), example.message.clone())
            }
        };
        let (record, message) = shown(examples.next());
        table.row(vec![
            rule.rule.clone(),
            word(&rule.severity),
            rule.broken.to_string(),
            record,
            message,
        ]);
        for example in examples {
            let (record, message) = shown(Some(example));
            table.row(vec![String::new(), String::new(), String::new(), record, message]);
        }
    }
    output.table(&table);
    output.line(format_args!(
        "{} of {} break no rule{}",
        report.clean,
        counted(report.records, "record", "records"),
        if report.stopped { "; stopped before the end" } else { "" }
    ));
}

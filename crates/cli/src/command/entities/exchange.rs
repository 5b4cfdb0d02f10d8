//! `syncline entities import` and `export`: records from and to files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Seek;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use serde_json::json;
use syncline::columns::{ColumnMatch, ColumnTarget};
use syncline::entity::{EntitySelection, ImportKey, ImportOutcome, ImportPreview, ImportRequest};
use syncline::exchange::{FileFormat, RefusedFile, fingerprint, read_rows, write_rows};

use super::blueprint::{blueprint, known_fields};
use super::selection::{SelectionArguments, wrong};
use crate::failure::{Exit, Failure};
use crate::interrupt::StopAsked;
use crate::number::counted;
use crate::output::note;
use crate::project::Project;
use crate::steps::Steps;
use crate::table::{Table, value};

/// What `entities import` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArguments {
    /// The blueprint.
    blueprint: String,
    /// The file: CSV, JSON lines or Excel, with the columns' names in the first row.
    file: PathBuf,
    /// What kind of file it is; by the end of its name otherwise.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// By what records are recognised: a unique field, `id`, or `new` where each row is a new record.
    #[arg(long, value_name = "FIELD|id|new")]
    key: Option<String>,
    /// The field of a column, where it is not found by itself: `"Full name=name"`; `Notes=` leaves one out.
    #[arg(long = "column", value_name = "COLUMN=FIELD")]
    columns: Vec<ColumnArgument>,
    /// Leave a field as it is where its cell is empty; it is emptied otherwise.
    #[arg(long)]
    keep_empty: bool,
    /// Where refused rows go; FILE.refused.csv, or .jsonl, if nothing is said. An existing file is not overwritten.
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,
    /// Show what the columns are taken for, and what would become of the first rows; nothing is written.
    #[arg(long)]
    dry_run: bool,
    /// Begin anew, also where an import of the same file was stopped.
    #[arg(long)]
    restart: bool,
}

/// A kind of file, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Comma-separated values; semicolons and tabs are recognised.
    Csv,
    /// One JSON object per line.
    Jsonl,
    /// An Excel workbook.
    Xlsx,
}

impl From<Format> for FileFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv,
            Format::Jsonl => Self::JsonLines,
            Format::Xlsx => Self::Excel,
        }
    }
}

/// `COLUMN=FIELD`.
#[derive(Debug, Clone)]
struct ColumnArgument {
    column: String,
    field: String,
}

impl FromStr for ColumnArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((column, field)) = text.rsplit_once('=') else {
            return Err(format!(
                "write COLUMN=FIELD, such as `{text}=name`, or `{text}=` to leave it out"
            ));
        };
        Ok(Self {
            column: column.trim().to_owned(),
            field: field.trim().to_owned(),
        })
    }
}

/// What `entities export` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArguments {
    /// The blueprint.
    blueprint: String,
    /// The file; `-` for standard output. An existing file is not overwritten.
    file: PathBuf,
    /// What kind of file; by the end of its name otherwise, and CSV on standard output.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The fields, separated by commas; all otherwise. The id is always the first column.
    #[arg(long, value_delimiter = ',', value_name = "FIELD,...")]
    fields: Vec<String>,
    #[command(flatten)]
    selection: SelectionArguments,
    /// Deleted records instead.
    #[arg(long)]
    deleted: bool,
}

/// Does `entities import`.
///
/// # Errors
/// When the file can't be read, a column is given that there is not, or nothing tells which record a row is.
pub(super) async fn import(project: &Project, arguments: ImportArguments) -> Result<ExitCode, Failure> {
    blueprint(project, Some(&arguments.blueprint)).await?;
    let format = format_of(&arguments.file, arguments.format)?;
    let mut file = File::open(&arguments.file)
        .map_err(|error| Failure::not_found(format!("{} can't be opened: {error}", arguments.file.display())))?;
    let hash = fingerprint(&mut file)?;
    file.rewind()
        .map_err(|error| Failure::failed(format!("{} can't be read: {error}", arguments.file.display())))?;
    let request = ImportRequest {
        columns: columns(arguments.columns)?,
        key: arguments.key.map(|key| match key.as_str() {
            "id" => ImportKey::Id,
            "new" => ImportKey::New,
            _ => ImportKey::Field(key),
        }),
        keep_empty: arguments.keep_empty,
        fingerprint: Some(hash),
    };
    let entities = project.engine.entities();
    let (tenant, actor) = (project.tenant.id, &project.actor);
    let mut rows = read_rows(format, file)?;
    let failed = |error: syncline::Error| {
        match error.kind() {
        syncline::ErrorKind::Invalid => Failure::from(error).next(
            "`--dry-run` shows what the columns are taken for; `--key` and `--column COLUMN=FIELD` say what is not found \
             by itself",
        ),
        _ => error.into(),
    }
    };
    if arguments.dry_run {
        let preview = entities
            .preview_import(tenant, &arguments.blueprint, &mut *rows, &request, actor)
            .await
            .map_err(failed)?;
        project.output.json(&preview)?;
        show(project, &preview);
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.restart {
        entities
            .forget_import(tenant, &arguments.blueprint, &request, actor)
            .await?;
    }
    let refused = arguments.refused.unwrap_or_else(|| {
        let ending = if format == FileFormat::JsonLines {
            "refused.jsonl"
        } else {
            "refused.csv"
        };
        arguments.file.with_extension(ending)
    });
    let mut refused = RefusedFile::new(refused, format, rows.columns());
    let steps = Steps::new("rows", None);
    let asked = StopAsked::listen();
    let mut progress = |outcome: &ImportOutcome| {
        steps.show(
            outcome.rows,
            &format!(
                "{} new, {} changed, {} refused",
                outcome.created, outcome.updated, outcome.refused
            ),
        );
        if asked.is_set() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let outcome = entities
        .import(
            tenant,
            &arguments.blueprint,
            &mut *rows,
            &request,
            &mut refused,
            &mut progress,
            actor,
        )
        .await
        .map_err(failed)?;
    steps.finish();
    project.output.json(&json!({
        "outcome": outcome,
        "refused": refused.is_made().then(|| refused.path().display().to_string()),
    }))?;
    if outcome.resumed > 0 {
        project.output.line(format_args!(
            "went on after row {} of an import that was stopped",
            outcome.resumed
        ));
    }
    project.output.line(format_args!(
        "{}: {} new, {} changed, {} like this already, {} refused",
        counted(outcome.rows, "row", "rows"),
        outcome.created,
        outcome.updated,
        outcome.unchanged,
        outcome.refused
    ));
    if outcome.refused > 0 {
        project.output.line(format_args!(
            "what was refused is in {}, with the reasons: mend it there and import that file",
            refused.path().display()
        ));
    }
    Ok(if outcome.stopped {
        note("stopped; the same command does the rest");
        Exit::Interrupted.into()
    } else if outcome.refused > 0 {
        Exit::Partial.into()
    } else {
        ExitCode::SUCCESS
    })
}

fn columns(given: Vec<ColumnArgument>) -> Result<BTreeMap<String, String>, Failure> {
    let mut columns = BTreeMap::new();
    for ColumnArgument { column, field } in given {
        if columns.insert(column.clone(), field).is_some() {
            return Err(Failure::usage(format!("column `{column}` is given twice")));
        }
    }
    Ok(columns)
}

fn format_of(file: &Path, given: Option<Format>) -> Result<FileFormat, Failure> {
    if let Some(format) = given {
        return Ok(format.into());
    }
    FileFormat::of_name(&file.to_string_lossy()).ok_or_else(|| {
        Failure::usage(format!("what kind of file is {}?", file.display()))
            .next("say `--format csv`, `jsonl` or `xlsx`, or end its name so")
    })
}

fn target(column: &ColumnMatch) -> String {
    match &column.target {
        ColumnTarget::Field(field) => field.clone(),
        ColumnTarget::Id => "the record's id".to_owned(),
        ColumnTarget::Ignored => "(left out)".to_owned(),
    }
}

fn show(project: &Project, preview: &ImportPreview) {
    let output = &project.output;
    let mut table = Table::new(&["Column", "Field", "Sure", "First values"]);
    for column in &preview.columns {
        let first: Vec<String> = match &column.target {
            ColumnTarget::Field(field) => preview
                .examples
                .iter()
                .filter_map(|example| example.get(field))
                .take(3)
                .map(value)
                .collect(),
            ColumnTarget::Id | ColumnTarget::Ignored => Vec::new(),
        };
        let sure = match column.target {
            ColumnTarget::Ignored => "-".to_owned(),
            _ => format!("{:.0} %", column.confidence * 100.0),
        };
        table.row(vec![column.column.clone(), target(column), sure, first.join(", ")]);
    }
    output.table(&table);
    if !preview.failures.is_empty() {
        let mut table = Table::new(&["Row", "Refused because"]);
        for failure in preview.failures.iter().take(20) {
            table.row(vec![failure.row.to_string(), failure.reason.clone()]);
        }
        output.table(&table);
    }
    output.line(match &preview.key {
        ImportKey::Id => "records are recognised by their id".to_owned(),
        ImportKey::Field(field) => format!("records are recognised by `{field}`"),
        ImportKey::New => "every row is a new record".to_owned(),
    });
    let tried = &preview.tried;
    output.line(format_args!(
        "of the first {}: {} new, {} changed, {} like this already, {} refused; nothing was written",
        counted(tried.rows, "row", "rows"),
        tried.created,
        tried.updated,
        tried.unchanged,
        tried.refused
    ));
    if preview.done > 0 {
        output.line(format_args!(
            "an import of this file was stopped after {}; it goes on there, or anew with `--restart`",
            counted(preview.done, "row", "rows")
        ));
    }
}

/// Does `entities export`.
///
/// # Errors
/// When there is no such blueprint or field, a filter is wrong, or the file is there already.
pub(super) async fn export(project: &Project, arguments: ExportArguments) -> Result<ExitCode, Failure> {
    let blueprint = blueprint(project, Some(&arguments.blueprint)).await?;
    known_fields(&blueprint, &arguments.fields)?;
    let is_stdout = arguments.file.as_os_str() == "-";
    let format = match (is_stdout, arguments.format) {
        (true, None) => FileFormat::Csv,
        (_, given) => format_of(&arguments.file, given)?,
    };
    let entities = project.engine.entities();
    let (tenant, actor) = (project.tenant.id, &project.actor);
    let selection = EntitySelection {
        deleted: arguments.deleted,
        ..arguments.selection.selection()
    };
    let total = entities
        .count_selected(tenant, &blueprint.name, &selection, actor)
        .await
        .map_err(|error| wrong(error, &selection))?;
    let columns = entities
        .export_columns(tenant, &blueprint.name, &arguments.fields, actor)
        .await?;
    let mut file = if is_stdout {
        write_rows(format, columns.clone(), std::io::stdout())?
    } else {
        let made = File::create_new(&arguments.file).map_err(|error| {
            let path = arguments.file.display();
            match error.kind() {
                std::io::ErrorKind::AlreadyExists => {
                    Failure::refused(format!("{path} is there already")).next("name another file, or move it away")
                }
                _ => Failure::failed(format!("{path} can't be written: {error}")),
            }
        })?;
        write_rows(format, columns.clone(), made)?
    };
    let steps = Steps::new("records", Some(total));
    let asked = StopAsked::listen();
    let mut progress = |written: u64| {
        steps.show(written, "");
        if asked.is_set() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let written = entities
        .export(
            tenant,
            &blueprint.name,
            &selection,
            &columns,
            &mut *file,
            &mut progress,
            actor,
        )
        .await
        .map_err(|error| wrong(error, &selection))?;
    steps.finish();
    if !is_stdout {
        let path = arguments.file.display().to_string();
        project.output.json(&json!({ "records": written, "file": path }))?;
        project
            .output
            .line(format_args!("{} in {path}", counted(written, "record", "records")));
    }
    Ok(if asked.is_set() {
        Exit::Interrupted.into()
    } else {
        ExitCode::SUCCESS
    })
}

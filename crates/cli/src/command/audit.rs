//! `syncline audit`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use syncline::audit::{AuditPosition, AuditVerdict};

use crate::failure::{Exit, Failure};
use crate::output::note;
use crate::project::Project;
use crate::table::{maybe, time, value, word};

/// What can be done with the audit.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum AuditCommand {
    /// List entries, oldest first.
    List {
        /// Only of this run.
        #[arg(long, value_parser = crate::number::number)]
        run: Option<u64>,
        /// Only those after this position: where the page before ended.
        #[arg(long, value_name = "BLOCK.ENTRY")]
        after: Option<Position>,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_name = "N", value_parser = crate::number::within(1_u16, 10_000))]
        limit: u16,
    },
    /// Check that nothing was changed, removed or added since it was written.
    Verify,
    /// Write the whole audit as JSON lines, oldest first.
    Export {
        /// The file; standard output if none is named. An existing one is not overwritten.
        #[arg(long)]
        file: Option<PathBuf>,
    },
}

/// A position as typed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position(pub(crate) AuditPosition);

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is no position; write BLOCK.ENTRY, such as 12.3");
        let (block, entry) = text.split_once('.').unwrap_or((text, "0"));
        let position = AuditPosition {
            block: block.parse().map_err(|_| wrong())?,
            entry: entry.parse().map_err(|_| wrong())?,
        };
        Ok(Self(position))
    }
}

/// Does it.
///
/// # Errors
/// When the audit can't be read or written.
pub(crate) async fn audit(project: &Project, command: AuditCommand) -> Result<ExitCode, Failure> {
    match command {
        AuditCommand::List { run, after, limit } => {
            list(
                project,
                run,
                after.map(|after| after.0).unwrap_or_default(),
                usize::from(limit),
            )
            .await
        }
        AuditCommand::Verify => {
            let verdict = project.engine.audit().verify(project.tenant.id, &project.actor).await?;
            project.output.json(&verdict)?;
            project.output.line(format_args!(
                "{} blocks with {} entries are intact; the chain ends at {}",
                verdict.blocks, verdict.entries, verdict.root
            ));
            Ok(judged(&verdict))
        }
        AuditCommand::Export { file } => export(project, file).await,
    }
}

async fn list(project: &Project, run: Option<u64>, after: AuditPosition, limit: usize) -> Result<ExitCode, Failure> {
    let found = project
        .engine
        .audit()
        .list(project.tenant.id, run, after, limit, &project.actor)
        .await?;
    if let (Some(run), true) = (run, found.is_empty()) {
        // Nothing of a run that did nothing is another answer than nothing of a run that never was.
        project.engine.runs().get(run, &project.actor).await?;
    }
    project.output.listing(
        &found,
        &["Position", "When", "Run", "What", "Record", "Sync", "Changes", "Note"],
        "nothing is in the audit here",
        |record| serde_json::json!(record),
        |record| {
            let changes: Vec<String> = record
                .changes
                .iter()
                .map(|change| {
                    let remote = change.remote.as_ref().filter(|remote| **remote != change.field);
                    let remote = remote.map(|remote| format!(" ({remote})")).unwrap_or_default();
                    format!(
                        "{}{remote}: {} -> {}",
                        change.field,
                        value(&change.before),
                        value(&change.after)
                    )
                })
                .collect();
            let of = record
                .record
                .clone()
                .or_else(|| record.entity.map(|entity| entity.to_string()));
            vec![
                format!("{}.{}", record.position.block, record.position.entry),
                time(record.at),
                record.run.map_or_else(|| "-".to_owned(), |run| run.to_string()),
                word(&record.kind).replace('_', " "),
                maybe(of.as_deref()),
                maybe(record.sync.as_deref()),
                changes.join("\n"),
                record.note.clone(),
            ]
        },
    )?;
    if let Some(last) = found.last().filter(|_| found.len() == limit) {
        project.output.line(format_args!(
            "more with `--after {}.{}`",
            last.position.block, last.position.entry
        ));
    }
    Ok(ExitCode::SUCCESS)
}

async fn export(project: &Project, file: Option<PathBuf>) -> Result<ExitCode, Failure> {
    let audit = project.engine.audit();
    let verdict = match &file {
        Some(path) => {
            let made = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
            let made = made.map_err(|error| match error.kind() {
                std::io::ErrorKind::AlreadyExists => {
                    Failure::refused(format!("{} is there already and was left as it is", path.display()))
                }
                _ => Failure::failed(format!("{} can't be written: {error}", path.display())),
            })?;
            let mut writer = std::io::BufWriter::new(made);
            let verdict = audit.export(project.tenant.id, &mut writer, &project.actor).await?;
            writer
                .flush()
                .map_err(|error| Failure::failed(format!("{} can't be written: {error}", path.display())))?;
            verdict
        }
        None => {
            let mut out = Pipe::default();
            let verdict = audit.export(project.tenant.id, &mut out, &project.actor).await?;
            if out.is_left {
                return Ok(judged(&verdict));
            }
            verdict
        }
    };
    note(format_args!(
        "{} entries written; the chain ends at {}",
        verdict.entries, verdict.root
    ));
    Ok(judged(&verdict))
}

/// Standard output. Someone who stopped reading, as `head` does, is no failure.
#[derive(Debug, Default)]
struct Pipe {
    is_left: bool,
}

impl Write for Pipe {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        if self.is_left {
            return Ok(buffer.len());
        }
        match std::io::stdout().lock().write(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.is_left = true;
                Ok(buffer.len())
            }
            written => written,
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match std::io::stdout().lock().flush() {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.is_left = true;
                Ok(())
            }
            flushed => flushed,
        }
    }
}

fn judged(verdict: &AuditVerdict) -> ExitCode {
    match &verdict.broken {
        Some(broken) => {
            note(format_args!(
                "error: the audit is not what was written: block {} of {}: {}\n  next: compare it with a backup or an export",
                broken.block,
                time(broken.at),
                broken.problem
            ));
            Exit::Failure.into()
        }
        None => ExitCode::SUCCESS,
    }
}

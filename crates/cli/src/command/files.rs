//! `syncline files`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use syncline::file::{NewFile, ReadBody, RemoteFile};
use tokio::io::AsyncWriteExt;

use crate::failure::Failure;
use crate::number::counted;
use crate::project::Project;

/// What `files` does.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum FilesCommand {
    /// List the files of a linked record.
    List(RecordArguments),
    /// Download a file of a linked record.
    Get(GetArguments),
    /// Give a linked record a file.
    Put(PutArguments),
}

/// Which record.
#[derive(Debug, clap::Args)]
pub(crate) struct RecordArguments {
    /// The sync.
    sync: String,
    /// The record's id at the provider, or its id in the app.
    record: String,
}

/// What `files get` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct GetArguments {
    #[command(flatten)]
    of: RecordArguments,
    /// The file: its id, or its name where only one has it.
    file: String,
    /// Where to write it; its own name here otherwise. What is there already is not overwritten.
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,
}

/// What `files put` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct PutArguments {
    #[command(flatten)]
    of: RecordArguments,
    /// The file on this machine.
    path: PathBuf,
    /// Its name there; as it is called here otherwise.
    #[arg(long)]
    name: Option<String>,
}

/// Lists, downloads and uploads files.
///
/// # Errors
/// When the sync has no link to the record, the provider has no files or refuses, or a file can't be read or written here.
pub(crate) async fn files(project: &Project, command: FilesCommand) -> Result<ExitCode, Failure> {
    match command {
        FilesCommand::List(of) => list(project, &of).await,
        FilesCommand::Get(arguments) => get(project, &arguments).await,
        FilesCommand::Put(arguments) => put(project, &arguments).await,
    }
}

async fn known(project: &Project, of: &RecordArguments) -> Result<(u64, Vec<RemoteFile>), Failure> {
    let sync = project.sync(&of.sync).await?;
    let files = project.engine.files().list(sync.id, &of.record, &project.actor).await?;
    Ok((sync.id, files))
}

async fn list(project: &Project, of: &RecordArguments) -> Result<ExitCode, Failure> {
    let (_, files) = known(project, of).await?;
    project.output.listing(
        &files,
        &["File", "Name", "Bytes", "Changed"],
        "the record has no files",
        Clone::clone,
        |file| {
            vec![
                file.id.clone(),
                file.name.clone(),
                file.size.to_string(),
                file.modified.map_or_else(String::new, |at| at.to_string()),
            ]
        },
    )?;
    Ok(ExitCode::SUCCESS)
}

async fn get(project: &Project, arguments: &GetArguments) -> Result<ExitCode, Failure> {
    let (sync, files) = known(project, &arguments.of).await?;
    let wanted = &arguments.file;
    let by_name: Vec<&RemoteFile> = files.iter().filter(|file| file.name == *wanted).collect();
    let file = match (files.iter().find(|file| file.id == *wanted), by_name.as_slice()) {
        (Some(file), _) => file,
        (None, [file]) => *file,
        (None, []) => {
            let message = format!("the record has no file {wanted}");
            return Err(Failure::not_found(message).next("`syncline files list` lists those that it has"));
        }
        (None, several) => {
            let message = format!("{} are called {wanted}", counted(several.len() as u64, "file", "files"));
            return Err(Failure::usage(message).next("name one by its id; `syncline files list` lists them"));
        }
    };
    let to = arguments.to.clone().unwrap_or_else(|| own_name(&file.name));
    let failed = |error: std::io::Error| Failure::failed(format!("{} can't be written: {error}", to.display()));
    let mut opened = project
        .engine
        .files()
        .open(sync, &arguments.of.record, &file.id, &project.actor)
        .await?;
    let mut out = tokio::fs::File::create_new(&to).await.map_err(failed)?;
    let written = async {
        let mut written = 0_u64;
        while let Some(piece) = opened.body.next().await? {
            written += piece.len() as u64;
            out.write_all(&piece).await.map_err(failed)?;
        }
        out.flush().await.map_err(failed)?;
        if written != file.size {
            let message = format!("{written} of {} bytes came", file.size);
            return Err(Failure::failed(message).next("try again"));
        }
        Ok(())
    };
    if let Err(failure) = written.await {
        // Half a file is worse than none.
        let _is_left = tokio::fs::remove_file(&to).await;
        return Err(failure);
    }
    if project.output.is_json() {
        project.output.json(&serde_json::json!({ "file": file, "path": to }))?;
        return Ok(ExitCode::SUCCESS);
    }
    project
        .output
        .line(format_args!("{}: {} bytes", to.display(), file.size));
    Ok(ExitCode::SUCCESS)
}

/// The name of a file, and nothing that leads elsewhere.
fn own_name(name: &str) -> PathBuf {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    match last {
        "" | "." | ".." => PathBuf::from("file"),
        last => PathBuf::from(last),
    }
}

async fn put(project: &Project, arguments: &PutArguments) -> Result<ExitCode, Failure> {
    let sync = project.sync(&arguments.of.sync).await?;
    let path = &arguments.path;
    let failed = |error: std::io::Error| Failure::not_found(format!("{} can't be read: {error}", path.display()));
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let size = file.metadata().await.map_err(failed)?.len();
    let name = arguments.name.clone().or_else(|| name_of(path));
    let name = name.ok_or_else(|| Failure::usage(format!("{} has no name", path.display())))?;
    let new = NewFile {
        name,
        content_type: None,
        size,
    };
    let body = Box::new(ReadBody::new(file));
    let made = project
        .engine
        .files()
        .put(sync.id, &arguments.of.record, &new, body, &project.actor)
        .await?;
    if project.output.is_json() {
        project.output.json(&made)?;
        return Ok(ExitCode::SUCCESS);
    }
    project.output.line(format_args!(
        "{} is file {} there: {} bytes",
        made.name, made.id, made.size
    ));
    Ok(ExitCode::SUCCESS)
}

fn name_of(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_a_crm_leads_nowhere_else() {
        for (name, own) in [
            ("a.pdf", "a.pdf"),
            ("../../a.pdf", "a.pdf"),
            ("c:\\x\\a.pdf", "a.pdf"),
            ("..", "file"),
        ] {
            assert_eq!(own_name(name), PathBuf::from(own), "{name}");
        }
    }
}

//! The rows that an import refused, in a file of their own that can be mended and imported again.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use csv::WriterBuilder;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};
use syncline_core::columns::REFUSAL_COLUMNS;
use syncline_core::error::{Error, ErrorKind, Result};

use super::cell::guarded;
use super::{FileFormat, unwritable};
use crate::entity::{ImportFailure, ImportFailures};

/// A file of refused rows: `import_row` and `import_reason`, then the columns of the file that they came from. JSON lines
/// for JSON lines, CSV otherwise. It is made with the first refused row, and never in the place of another file.
#[derive(Debug)]
pub struct RefusedFile {
    path: PathBuf,
    format: FileFormat,
    columns: Vec<String>,
    file: Option<File>,
}

impl RefusedFile {
    /// For the rows of a file of this format with these columns.
    pub fn new(path: impl Into<PathBuf>, format: FileFormat, columns: &[String]) -> Self {
        Self {
            path: path.into(),
            format,
            columns: columns
                .iter()
                .filter(|column| !REFUSAL_COLUMNS.contains(&column.as_str()))
                .cloned()
                .collect(),
            file: None,
        }
    }

    /// Where it is, or would be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether rows were refused.
    pub const fn is_made(&self) -> bool {
        self.file.is_some()
    }

    fn opened(&mut self) -> Result<&mut File> {
        if self.file.is_none() {
            let made = OpenOptions::new().write(true).create_new(true).open(&self.path);
            let mut made = made.map_err(|error| self.not_made(error))?;
            if self.format != FileFormat::JsonLines {
                let names = REFUSAL_COLUMNS
                    .into_iter()
                    .map(str::to_owned)
                    .chain(self.columns.clone());
                made.write_all(&record(names.map(guarded))?).map_err(unwritable)?;
            }
            self.file = Some(made);
        }
        self.file
            .as_mut()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "a file that was opened is not there"))
    }

    fn not_made(&self, error: std::io::Error) -> Error {
        let path = self.path.display();
        let message = match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                format!("{path} is there already; move it away, or name another file for the rows that are refused")
            }
            _ => format!("{path}, for the rows that are refused, can't be written"),
        };
        Error::new(ErrorKind::Refused, message).because(error)
    }

    fn line(&self, failure: &ImportFailure) -> Result<Vec<u8>> {
        if self.format == FileFormat::JsonLines {
            let mut line = Map::new();
            line.insert(REFUSAL_COLUMNS[0].to_owned(), failure.row.into());
            line.insert(REFUSAL_COLUMNS[1].to_owned(), failure.reason.as_str().into());
            let cells = failure.cells.iter();
            line.extend(
                cells
                    .filter(|(name, _)| !REFUSAL_COLUMNS.contains(&name.as_str()))
                    .map(|(name, cell)| (name.clone(), cell.clone())),
            );
            let mut bytes = serde_json::to_vec(&line).map_err(unwritable)?;
            bytes.push(b'\n');
            return Ok(bytes);
        }
        let cells = self.columns.iter().map(|column| match failure.cells.get(column) {
            None | Some(Json::Null) => String::new(),
            Some(Json::String(text)) => guarded(text.clone()),
            Some(other) => other.to_string(),
        });
        let told = [failure.row.to_string(), guarded(failure.reason.clone())];
        record(told.into_iter().chain(cells))
    }
}

/// A line of CSV.
fn record(cells: impl IntoIterator<Item = String>) -> Result<Vec<u8>> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(cells).map_err(unwritable)?;
    writer
        .into_inner()
        .map_err(|error| Error::new(ErrorKind::Internal, format!("a row can't be written: {error}")))
}

impl ImportFailures for RefusedFile {
    fn resume(&mut self, length: u64) -> Result<()> {
        if length == 0 {
            if self.path.exists() {
                return Err(self.not_made(std::io::ErrorKind::AlreadyExists.into()));
            }
            return Ok(());
        }
        let opened = OpenOptions::new().write(true).open(&self.path);
        let mut opened = opened.map_err(|error| {
            let message = format!(
                "{} has the rows that were refused before the import was stopped, and can't be opened; bring it back, \
                 or begin anew",
                self.path.display()
            );
            Error::new(ErrorKind::NotFound, message).because(error)
        })?;
        opened.set_len(length).map_err(unwritable)?;
        opened.seek(SeekFrom::End(0)).map_err(unwritable)?;
        self.file = Some(opened);
        Ok(())
    }

    fn take(&mut self, failures: &[ImportFailure]) -> Result<u64> {
        let mut bytes = Vec::new();
        for failure in failures {
            bytes.extend(self.line(failure)?);
        }
        let file = self.opened()?;
        file.write_all(&bytes)
            .and_then(|()| file.sync_data())
            .map_err(unwritable)?;
        file.stream_position().map_err(unwritable)
    }
}

/// What tells a file from others: a hash of all of it, by which an import that was stopped goes on.
///
/// # Errors
/// [`ErrorKind::Unavailable`] when it can't be read.
pub fn fingerprint(file: &mut impl Read) -> Result<String> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        let read = file
            .read(&mut piece)
            .map_err(|error| Error::new(ErrorKind::Unavailable, "the file can't be read").because(error))?;
        if read == 0 {
            break;
        }
        hash.update(&piece[..read]);
    }
    let full: [u8; 32] = hash.finalize().into();
    Ok(full[..16].iter().map(|byte| format!("{byte:02x}")).collect())
}

//! The note beside the database: `syncline.db` has `syncline.db.generation`.

use std::ffi::OsString;
use std::io::{ErrorKind as IoKind, Write};
use std::path::{Path, PathBuf};

use syncline_core::store::{Generation, Noted};
use syncline_core::{Error, ErrorKind, Result};

fn place(database: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(ending);
    PathBuf::from(name)
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    let text = format!(
        "the note {} beside the database can't be read or written; check that its folder can be written to",
        path.display()
    );
    Error::new(ErrorKind::Store, text).because(error)
}

pub(super) fn read(database: &Path) -> Result<Noted> {
    let path = place(database, ".generation");
    match std::fs::read(&path) {
        // What can't be understood says nothing, which counts as another database's.
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).map_or(Noted::Nothing, Noted::Generation)),
        Err(error) if error.kind() == IoKind::NotFound => Ok(Noted::Nothing),
        Err(error) => Err(failed(&path, error)),
    }
}

/// Written whole under another name, made durable, then given its name.
pub(super) fn write(database: &Path, generation: Generation) -> Result<()> {
    let path = place(database, ".generation");
    let fresh = place(database, ".generation.new");
    let written = || {
        let mut file = std::fs::File::create(&fresh)?;
        let text = serde_json::to_vec(&generation).map_err(std::io::Error::other)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&fresh, &path)?;
        // The name itself is durable only with its folder. Not every system lets a folder be opened.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Ok(folder) = std::fs::File::open(folder.unwrap_or_else(|| Path::new("."))) {
            folder.sync_all()?;
        }
        Ok(())
    };
    written().map_err(|error| failed(&path, error))
}

//! [`Shelf`]: the plugins that somebody agreed to, in a folder.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use syncline_core::{Error, ErrorKind, Result};

use crate::plugins::{Approval, Inspection, hash};

/// The list of a shelf, in its folder.
const LIST: &str = "plugins.json";
/// Most bytes of the list.
const LIST_BYTES: u64 = 4 << 20;

/// Plugins that somebody agreed to: their files and what was agreed to, in a folder. The files are copies, so that what
/// was looked at is what is run.
#[derive(Debug, Clone)]
pub struct Shelf {
    folder: PathBuf,
}

/// A plugin on a shelf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelved {
    /// The provider that it is for.
    pub provider: String,
    /// The provider's name for people.
    pub label: String,
    /// What was agreed to, and for which content.
    pub approval: Approval,
    /// Whose signature it bore, if it bore one that was trusted.
    pub signed_by: Option<String>,
}

impl Shelf {
    /// The shelf in a folder, which need not be there yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is on it, by provider.
    ///
    /// # Errors
    /// `Corrupt` when the list can't be read, `Unavailable` when the folder can't.
    pub fn list(&self) -> Result<Vec<Shelved>> {
        let path = self.folder.join(LIST);
        let length = match std::fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unavailable(&path, error)),
        };
        if length > LIST_BYTES {
            return Err(damaged(&path));
        }
        let text = std::fs::read(&path).map_err(|error| unavailable(&path, error))?;
        let list: Vec<Shelved> = serde_json::from_slice(&text).map_err(|error| damaged(&path).because(error))?;
        // A provider's name is part of a file's name.
        if list.iter().all(|entry| is_name(&entry.provider)) {
            Ok(list)
        } else {
            Err(damaged(&path))
        }
    }

    /// A plugin, by its provider.
    ///
    /// # Errors
    /// `NotFound` when it is not there, and as [`Shelf::list`].
    pub fn get(&self, provider: &str) -> Result<Shelved> {
        let mut list = self.list()?;
        match list.iter().position(|entry| entry.provider == provider) {
            Some(place) => Ok(list.swap_remove(place)),
            None => {
                let known: Vec<_> = list.iter().map(|entry| entry.provider.as_str()).collect();
                let known = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                let message = format!("there is no plugin for {provider:?}; there are: {known}");
                Err(Error::new(ErrorKind::NotFound, message))
            }
        }
    }

    /// A plugin's file, as long as it is the one that was agreed to.
    ///
    /// # Errors
    /// `Refused` when the file was changed since, `Unavailable` when it can't be read.
    pub fn file(&self, shelved: &Shelved) -> Result<Vec<u8>> {
        let path = self.path(&shelved.provider);
        let file = std::fs::read(&path).map_err(|error| unavailable(&path, error))?;
        if hash(&file) == shelved.approval.hash {
            return Ok(file);
        }
        Err(Error::new(
            ErrorKind::Refused,
            "the plugin's file was changed since it was approved; look at what it asks for now, and add it anew",
        )
        .with("plugin", &shelved.provider)
        .with("file", path.display()))
    }

    /// Puts a plugin on the shelf, in the place of one for the same provider.
    ///
    /// # Errors
    /// `Refused` when the approval is for another file, `Unavailable` when the folder can't be written.
    pub fn put(
        &self,
        file: &[u8],
        asks: &Inspection,
        approval: Approval,
        signed_by: Option<String>,
    ) -> Result<Shelved> {
        if hash(file) != approval.hash || asks.hash != approval.hash {
            return Err(Error::new(
                ErrorKind::Refused,
                "the approval is for another file than this one",
            ));
        }
        let shelved = Shelved {
            provider: asks.manifest.provider.clone(),
            label: asks.manifest.label.clone(),
            approval,
            signed_by,
        };
        let mut list = self.list()?;
        list.retain(|entry| entry.provider != shelved.provider);
        list.push(shelved.clone());
        list.sort_by(|left, right| left.provider.cmp(&right.provider));
        std::fs::create_dir_all(&self.folder).map_err(|error| unavailable(&self.folder, error))?;
        replace(&self.path(&shelved.provider), file)?;
        self.write(&list)?;
        Ok(shelved)
    }

    /// Takes a plugin off the shelf.
    ///
    /// # Errors
    /// As [`Shelf::get`], and `Unavailable` when the folder can't be written.
    pub fn remove(&self, provider: &str) -> Result<()> {
        self.get(provider)?;
        let mut list = self.list()?;
        list.retain(|entry| entry.provider != provider);
        self.write(&list)?;
        let path = self.path(provider);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(unavailable(&path, error)),
            _ => Ok(()),
        }
    }

    fn path(&self, provider: &str) -> PathBuf {
        self.folder.join(format!("{provider}.wasm"))
    }

    fn write(&self, list: &[Shelved]) -> Result<()> {
        let path = self.folder.join(LIST);
        let text = serde_json::to_vec_pretty(list).map_err(|error| damaged(&path).because(error))?;
        replace(&path, &text)
    }
}

fn is_name(provider: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    !provider.is_empty() && provider.bytes().all(fine)
}

/// Whole or not at all, whoever reads meanwhile.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = path.with_extension(format!("part-{}", std::process::id()));
    std::fs::write(&part, bytes)
        .and_then(|()| std::fs::rename(&part, path))
        .map_err(|error| unavailable(path, error))
}

fn damaged(path: &Path) -> Error {
    let message = "the list of plugins can't be read; bring it back from a copy, or remove it and add the plugins anew";
    Error::new(ErrorKind::Corrupt, message).with("file", path.display())
}

fn unavailable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "a plugin's file can't be read or written")
        .with("file", path.display())
        .because(error)
}

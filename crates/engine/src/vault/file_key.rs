//! Keys from a file that only its owner can read.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind as IoErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use syncline_core::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

use super::key::{KeyId, KeyProvider, SecretKey, find};
use crate::ports::Random;

/// Keys from a file: one per line, 32 bytes in base64, the last one current.
#[derive(Debug)]
pub struct FileKeyProvider {
    path: PathBuf,
    keys: RwLock<Vec<SecretKey>>,
}

impl FileKeyProvider {
    /// Reads the keys of a file.
    ///
    /// # Errors
    /// `NotFound` when there is no such file, `Refused` when others may read it, `Invalid` when it holds something else
    /// than keys, `Internal` when it can't be read.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let keys = read(&path)?;
        Ok(Self {
            path,
            keys: RwLock::new(keys),
        })
    }

    /// Reads the keys of a file, and makes the file with a random key if there is none.
    ///
    /// # Errors
    /// As [`FileKeyProvider::open`], and `Internal` when the file can't be made.
    pub fn open_or_create(path: impl Into<PathBuf>, random: &dyn Random) -> Result<Self> {
        let path = path.into();
        match append(&path, &SecretKey::generate(random), true) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Exists => {}
            Err(error) => return Err(error),
        }
        Self::open(path)
    }

    /// Adds a random key and makes it current. What was sealed before is sealed again as it is next written.
    ///
    /// # Errors
    /// `Internal` when the file can't be written.
    pub fn rotate(&self, random: &dyn Random) -> Result<KeyId> {
        let key = SecretKey::generate(random);
        append(&self.path, &key, false)?;
        let id = key.id();
        self.keys.write().unwrap_or_else(PoisonError::into_inner).push(key);
        Ok(id)
    }
}

impl KeyProvider for FileKeyProvider {
    fn current(&self) -> KeyId {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.last().map_or_else(|| KeyId(String::new()), SecretKey::id)
    }

    fn key(&self, id: &KeyId) -> Result<SecretKey> {
        if let Ok(key) = find(&self.keys.read().unwrap_or_else(PoisonError::into_inner), id) {
            return Ok(key);
        }
        // Another process may have rotated.
        let keys = read(&self.path)?;
        let found = find(&keys, id);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        found
    }
}

fn failed(path: &Path, error: std::io::Error, doing: &str) -> Error {
    let (kind, message) = match error.kind() {
        IoErrorKind::NotFound => (ErrorKind::NotFound, "there is no key file".to_owned()),
        IoErrorKind::AlreadyExists => (ErrorKind::Exists, "there is a key file already".to_owned()),
        _ => (ErrorKind::Internal, format!("the key file can't be {doing}: {error}")),
    };
    Error::new(kind, message).with("file", path.display())
}

fn read(path: &Path) -> Result<Vec<SecretKey>> {
    let mut file = File::open(path).map_err(|error| failed(path, error, "read"))?;
    check_owner_only(path, &file)?;
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)
        .map_err(|error| failed(path, error, "read"))?;
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys = lines.map(SecretKey::from_base64).collect::<Result<Vec<_>>>();
    let keys = keys.map_err(|error| error.with("file", path.display()))?;
    if keys.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "the key file holds no key").with("file", path.display()));
    }
    Ok(keys)
}

#[cfg(unix)]
fn check_owner_only(path: &Path, file: &File) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file
        .metadata()
        .map_err(|error| failed(path, error, "read"))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        let message = "others may read the key file; take that away with `chmod 600`";
        return Err(Error::new(ErrorKind::Refused, message).with("file", path.display()));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_owner_only(_: &Path, _: &File) -> Result<()> {
    Ok(())
}

fn append(path: &Path, key: &SecretKey, new: bool) -> Result<()> {
    let mut options = OpenOptions::new();
    if new {
        options.write(true).create_new(true);
    } else {
        options.append(true);
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| failed(path, error, "made"))?;
    let line = Zeroizing::new(format!("{}\n", *key.to_base64()));
    file.write_all(line.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| failed(path, error, "written"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::SeededRandom;

    #[test]
    fn a_new_file_is_its_owner_s_alone_and_opens_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("syncline.key");
        assert_eq!(FileKeyProvider::open(&path).unwrap_err().kind(), ErrorKind::NotFound);
        let made = FileKeyProvider::open_or_create(&path, &SeededRandom::new(1)).unwrap();
        let again = FileKeyProvider::open_or_create(&path, &SeededRandom::new(2)).unwrap();
        assert_eq!(made.current(), again.current());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert_eq!(FileKeyProvider::open(&path).unwrap_err().kind(), ErrorKind::Refused);
        }
    }

    #[test]
    fn a_rotation_is_seen_by_another_process_and_old_keys_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("syncline.key");
        let here = FileKeyProvider::open_or_create(&path, &SeededRandom::new(1)).unwrap();
        let there = FileKeyProvider::open(&path).unwrap();
        let old = here.current();
        let new = here.rotate(&SeededRandom::new(2)).unwrap();
        assert_eq!(here.current(), new);
        there.key(&new).unwrap();
        here.key(&old).unwrap();
    }
}

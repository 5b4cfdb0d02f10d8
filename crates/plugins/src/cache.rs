//! [`Cache`]: compiled plugins on disk, so that a plugin is compiled once for each version of the machine.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Bytes of a SHA-256 hash.
const HASH: usize = 32;

/// Compiled plugins in a folder, by the content of the plugin, and the version and settings of the machine.
///
/// What is in there runs as native code: whoever may write to the folder may do what the host may. So it is made for its
/// owner alone, and belongs beside the host's own program and not into a folder that others share.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    fn path(&self, engine: &Engine, hash: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.folder.join(format!("{hash}-{:016x}.compiled", hasher.finish()))
    }

    /// A plugin that was compiled before; `None` where it was not, or where its file is damaged.
    pub(crate) fn get(&self, engine: &Engine, hash: &str) -> Option<Component> {
        let file = std::fs::read(self.path(engine, hash)).ok()?;
        let (sum, compiled) = file.split_at_checked(HASH)?;
        if Sha256::digest(compiled).as_slice() != sum {
            return None;
        }
        #[expect(unsafe_code, reason = "compiled code can't be checked, only its origin")]
        // SAFETY: the file was written by `put`, from what this machine compiled: the folder is its owner's alone, the sum
        // says that the file is whole, and the machine itself refuses what another version of it has made.
        let component = unsafe { Component::deserialize(engine, compiled) };
        component.ok()
    }

    /// Keeps a compiled plugin. Without the file it is compiled again, so a failure is only told to the log.
    pub(crate) fn put(&self, engine: &Engine, hash: &str, component: &Component) {
        let kept = component
            .serialize()
            .map_err(|error| error.to_string())
            .and_then(|compiled| {
                self.write(&self.path(engine, hash), &compiled)
                    .map_err(|error| error.to_string())
            });
        if let Err(reason) = kept {
            tracing::warn!(folder = %self.folder.display(), reason, "a compiled plugin could not be kept");
        }
    }

    fn write(&self, path: &Path, compiled: &[u8]) -> std::io::Result<()> {
        make_folder(&self.folder)?;
        // A name of its own, then renamed: whoever reads meanwhile sees a whole file or none.
        let part = path.with_extension(format!("part-{}", std::process::id()));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&part)?;
        file.write_all(Sha256::digest(compiled).as_slice())?;
        file.write_all(compiled)?;
        file.sync_all()?;
        std::fs::rename(part, path)
    }
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

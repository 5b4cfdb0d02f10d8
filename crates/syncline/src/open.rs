//! An engine over one SQLite file, with everything that this build has.

use std::path::Path;
use std::sync::Arc;

use syncline_core::Result;
use syncline_engine::ports::SystemRandom;
use syncline_engine::vault::{EnvKeyProvider, FileKeyProvider, KeyProvider};
use syncline_engine::{Engine, EngineBuilder};
use syncline_storage::SqliteStore;

/// Opens an engine over a SQLite file with the defaults; see [`builder`].
///
/// # Errors
/// As [`builder`] and [`EngineBuilder::build`].
pub async fn open(database: impl AsRef<Path>) -> Result<Engine> {
    builder(database).await?.build()
}

/// Starts putting an engine together over a SQLite file, which is made if there is none, with every connector of this
/// build.
///
/// Credentials are sealed under the key in the variable `SYNCLINE_KEY`, or else under the key file beside the
/// database: the same name with the ending `key`, made if there is none, for its owner alone to read. Keep a copy of
/// the key elsewhere; without it every connection has to be authorised again.
///
/// # Errors
/// `Store` when the database can't be opened, when it is another program's, or when a newer Syncline wrote it;
/// `Refused` when others may read the key file; `Invalid` when the variable or the file holds something else than keys.
pub async fn builder(database: impl AsRef<Path>) -> Result<EngineBuilder> {
    let database = database.as_ref();
    let keys: Arc<dyn KeyProvider> = if std::env::var_os(EnvKeyProvider::VARIABLE).is_some() {
        Arc::new(EnvKeyProvider::from_env()?)
    } else {
        Arc::new(FileKeyProvider::open_or_create(
            database.with_extension("key"),
            &SystemRandom,
        )?)
    };
    let store = SqliteStore::open(database).await?;
    Ok(crate::connectors::add_all(Engine::builder(Arc::new(store), keys)))
}

//! An engine over one database, with everything that this build has.

use std::path::Path;
use std::sync::Arc;

use syncline_core::store::Store;
use syncline_core::{Error, ErrorKind, Result};
use syncline_engine::ports::SystemRandom;
use syncline_engine::vault::{EnvKeyProvider, FileKeyProvider, KeyProvider};
use syncline_engine::{Engine, EngineBuilder};

/// Opens an engine over a database with the defaults; see [`builder`].
///
/// # Errors
/// As [`builder`] and [`EngineBuilder::build`].
pub async fn open(database: impl AsRef<Path>) -> Result<Engine> {
    builder(database).await?.build()
}

/// Starts putting an engine together over a database, with every connector of this build.
///
/// The database is a SQLite file, which is made if there is none, or with the feature `postgres` the URL of a Postgres
/// database, such as `postgres://app:secret@db.example.com/app`: see [`open_store`].
///
/// Credentials are sealed under the key in the variable `SYNCLINE_KEY`, or else, of a file, under the key file beside it:
/// the same name with the ending `key`, made if there is none, for its owner alone to read. Keep a copy of the key
/// elsewhere; without it every connection has to be authorised again.
///
/// # Errors
/// As [`open_store`]; `Refused` when others may read the key file; `Invalid` when the variable or the file holds something
/// else than keys, or when the database is on a server and the variable is not set.
pub async fn builder(database: impl AsRef<Path>) -> Result<EngineBuilder> {
    let database = database.as_ref();
    let keys: Arc<dyn KeyProvider> = if std::env::var_os(EnvKeyProvider::VARIABLE).is_some() {
        Arc::new(EnvKeyProvider::from_env()?)
    } else if is_url(database) {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "a database on a server has no key file beside it; set {} to the key, the same for every process that \
                 uses the database",
                EnvKeyProvider::VARIABLE
            ),
        ));
    } else {
        Arc::new(FileKeyProvider::open_or_create(
            database.with_extension("key"),
            &SystemRandom,
        )?)
    };
    let store = open_store(database).await?;
    Ok(crate::connectors::add_all(Engine::builder(store, keys)))
}

/// Opens the store that a text names: the URL of a Postgres database (`postgres://...`, with `?schema=NAME` for another
/// schema than `syncline`), or else the path of a SQLite file, which is made if there is none.
///
/// # Errors
/// `Unsupported` when this build lacks the feature `sqlite` or `postgres` that it takes; `Invalid` when a URL can't be
/// read; `Store` when the database can't be opened or reached, when it is another program's, or when a newer Syncline
/// wrote it.
pub async fn open_store(database: impl AsRef<Path>) -> Result<Arc<dyn Store>> {
    let database = database.as_ref();
    if is_url(database) {
        return open_postgres(&database.to_string_lossy()).await;
    }
    open_sqlite(database).await
}

/// Whether a text is a database's URL and no file's path.
pub fn is_url(database: &Path) -> bool {
    let text = database.to_string_lossy();
    text.starts_with("postgres:") || text.starts_with("postgresql:")
}

#[cfg(feature = "postgres")]
async fn open_postgres(url: &str) -> Result<Arc<dyn Store>> {
    Ok(Arc::new(syncline_storage::PostgresStore::open(url).await?))
}

#[cfg(not(feature = "postgres"))]
async fn open_postgres(_url: &str) -> Result<Arc<dyn Store>> {
    Err(lacking("postgres", "Postgres"))
}

#[cfg(feature = "sqlite")]
async fn open_sqlite(path: &Path) -> Result<Arc<dyn Store>> {
    Ok(Arc::new(syncline_storage::SqliteStore::open(path).await?))
}

#[cfg(not(feature = "sqlite"))]
async fn open_sqlite(_path: &Path) -> Result<Arc<dyn Store>> {
    Err(lacking("sqlite", "SQLite"))
}

#[cfg(not(all(feature = "postgres", feature = "sqlite")))]
fn lacking(feature: &str, database: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("this build does not know {database}; build it with the feature `{feature}`"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_paths() {
        assert!(is_url(Path::new("postgres://db.test/app")) && is_url(Path::new("postgresql://db.test/app")));
        assert!(!is_url(Path::new("./postgres.db")) && !is_url(Path::new("/var/lib/app/syncline.db")));
    }

    #[cfg(not(feature = "postgres"))]
    #[tokio::test]
    async fn a_build_without_postgres_says_how_to_get_one() {
        let error = open_store("postgres://ada:s3cret@db.test/app").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("feature `postgres`"), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }

    #[cfg(feature = "postgres")]
    #[tokio::test]
    async fn a_server_that_is_not_there_is_reported_without_the_password() {
        let error = open_store("postgres://ada:s3cret@localhost/app?host=/nowhere")
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

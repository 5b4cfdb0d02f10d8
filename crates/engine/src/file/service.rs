//! [`Files`]: the files of linked records, for the host.

use std::sync::Arc;

use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::connector::Connector;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::file::{FileBody, NewFile, RemoteFile};
use syncline_core::io::{Config, Io};
use syncline_core::store::Mode;
use uuid::Uuid;

use crate::actor::{Action, Actor};
use crate::connection::Connection;
use crate::document;
use crate::engine::Engine;
use crate::http::StopFlag;
use crate::run::append_audit;
use crate::sync::Sync;

/// The files of linked records.
#[derive(Debug, Clone, Copy)]
pub struct Files<'a>(pub(crate) &'a Engine);

/// A file that is being read.
#[derive(Debug)]
pub struct OpenedFile {
    /// What it is.
    pub file: RemoteFile,
    /// What it holds, piece by piece.
    pub body: Box<dyn FileBody>,
}

/// A record whose files are looked at, and the way there.
struct Place {
    sync: Sync,
    connector: Arc<dyn Connector>,
    io: Arc<dyn Io>,
    config: Config,
    ext: String,
    entity: Uuid,
}

impl Engine {
    /// The files of linked records.
    pub const fn files(&self) -> Files<'_> {
        Files(self)
    }
}

impl Files<'_> {
    /// The files of a record, which is named by its id at the provider or by its entity's.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, or by the provider; [`ErrorKind::NotFound`] for a record that the sync has no
    /// link to; [`ErrorKind::Unsupported`] for a provider without files; otherwise as
    /// [`Connector::files`].
    pub async fn list(&self, sync: u64, record: &str, actor: &Actor) -> Result<Vec<RemoteFile>> {
        let place = self.place(sync, record, actor, Action::ReadEntities).await?;
        place.files().await
    }

    /// Opens a file of a record. What it holds comes piece by piece, and is read as fast as the pieces are taken.
    ///
    /// # Errors
    /// As [`Files::list`], and [`ErrorKind::NotFound`] for a file that the record does not have.
    pub async fn open(&self, sync: u64, record: &str, file: &str, actor: &Actor) -> Result<OpenedFile> {
        let place = self.place(sync, record, actor, Action::ReadEntities).await?;
        let files = place.files().await?;
        let file = files.into_iter().find(|known| known.id == file).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("the record has no file {file}")).with("record", &place.ext)
        })?;
        let (io, object) = (place.io.as_ref(), &place.sync.mapping.object);
        let body = place.connector.download(io, &place.config, object, &file).await?;
        Ok(OpenedFile { file, body })
    }

    /// Gives a record a new file, and says what it is at the provider. Sent once: with the advice
    /// [`UnknownOutcome`](syncline_core::Retry::UnknownOutcome) list the record's files before trying again.
    ///
    /// # Errors
    /// As [`Files::list`]; those of the body; as [`Connector::upload`].
    pub async fn put(
        &self,
        sync: u64,
        record: &str,
        file: &NewFile,
        body: Box<dyn FileBody>,
        actor: &Actor,
    ) -> Result<RemoteFile> {
        let place = self.place(sync, record, actor, Action::EditEntities).await?;
        let (io, object) = (place.io.as_ref(), &place.sync.mapping.object);
        let made = place
            .connector
            .upload(io, &place.config, object, &place.ext, file, body)
            .await?;
        let inner = &self.0.inner;
        let tenant = place.sync.tenant;
        let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
        let entry = AuditEntry::new(AuditKind::FileGiven, place.entity, place.sync.side, Some(&place.ext))
            .note(format!("{actor}: {} ({} bytes)", made.name, made.size));
        append_audit(inner, tx.as_mut(), tenant, 0, &[entry].into_iter().collect()).await?;
        tx.commit().await?;
        Ok(made)
    }

    async fn place(&self, sync: u64, record: &str, actor: &Actor, action: Action) -> Result<Place> {
        let inner = &self.0.inner;
        inner.allow(actor, action)?;
        let mut tx = inner.store.begin(Mode::Read).await?;
        let sync = document::get_for::<Sync>(tx.as_mut(), sync, actor).await?.value;
        let connection = document::get::<Connection>(tx.as_mut(), sync.connection).await?.value;
        let head = tx.heads(sync.side, &[record]).await?.pop().flatten();
        let id = match (head, record.parse::<Uuid>()) {
            (Some(head), _) => Some(head.key.entity),
            (None, Ok(uid)) => tx.find_uids(sync.tenant, &[uid]).await?.pop().flatten(),
            (None, Err(_)) => None,
        };
        let found = match id {
            Some(id) => tx.load(&[id]).await?.pop(),
            None => None,
        };
        drop(tx);
        let place = found.and_then(|linked| {
            let side = linked.side_index(sync.side)?;
            Some((linked.sides[side].ext.clone()?, linked.entity.uid))
        });
        let Some((ext, entity)) = place else {
            let message = format!("sync `{}` has no link to record {record}", sync.name);
            return Err(Error::new(ErrorKind::NotFound, message));
        };
        let connector = inner.connector(&connection.provider)?;
        let io = inner
            .connections
            .io_for_work(&connection, StopFlag::new())
            .await?
            .interactive();
        let config = connection.config();
        Ok(Place {
            sync,
            connector,
            io: Arc::new(io),
            config,
            ext,
            entity,
        })
    }
}

impl Place {
    async fn files(&self) -> Result<Vec<RemoteFile>> {
        let records = std::slice::from_ref(&self.ext);
        let (io, object) = (self.io.as_ref(), &self.sync.mapping.object);
        let found = self.connector.files(io, &self.config, object, records).await?;
        let mut files: Vec<RemoteFile> = found.into_iter().map(|found| found.file).collect();
        files.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        Ok(files)
    }
}

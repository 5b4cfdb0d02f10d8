//! What a store says when it refuses, in the same words whichever store it is.

use syncline_core::model::TenantId;
use syncline_core::state::{EntityId, SideId};
use syncline_core::store::Document;
use syncline_core::{Error, ErrorKind};
use uuid::Uuid;

use crate::packed::kind_name;

pub(crate) fn stale_document(document: &Document, stored: Option<u64>) -> Error {
    let what = kind_name(document.kind);
    let message = match stored {
        Some(stored) => format!(
            "{what} was changed meanwhile: version {} was read, version {stored} is stored; read it again and repeat \
             the change",
            document.version
        ),
        None => format!("{what} was deleted meanwhile; there is nothing left to change"),
    };
    Error::new(ErrorKind::Stale, message).with("number", document.id)
}

pub(crate) fn document_exists(document: &Document) -> Error {
    let what = kind_name(document.kind);
    let key = document.key.as_deref().unwrap_or_default();
    Error::new(
        ErrorKind::Exists,
        format!("there is already {what} called {key}; choose another name"),
    )
}

pub(crate) fn entity_exists(tenant: TenantId, uid: Option<Uuid>) -> Error {
    let error = Error::new(
        ErrorKind::Exists,
        "another entity of this tenant has the same uid; give the new one a uid of its own",
    )
    .with("tenant", tenant);
    match uid {
        Some(uid) => error.with("uid", uid),
        None => error,
    }
}

pub(crate) fn side_exists(side: SideId, ext: Option<&str>) -> Error {
    let error = Error::new(
        ErrorKind::Exists,
        "the remote record is already linked to another entity; unlink that one first",
    )
    .with("side", side);
    match ext {
        Some(ext) => error.with("remote id", ext),
        None => error,
    }
}

fn bad_entity_number(entity: EntityId) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!("{entity} is no entity number: reserve one from the store first"),
    )
}

pub(crate) fn entity_has_sides(entity: EntityId) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!("entity {entity} can't be removed while remote records are linked to it; remove their sides first"),
    )
}

pub(crate) fn stale_audit(tenant: TenantId, head: u64, offered: u64) -> Error {
    Error::new(
        ErrorKind::Stale,
        format!("audit block {offered} does not follow block {head}; read the head again"),
    )
    .with("tenant", tenant)
}

pub(crate) fn read_only() -> Error {
    Error::new(
        ErrorKind::Internal,
        "a transaction that was begun for reading can't write; begin it for writing",
    )
}

pub(crate) fn failed_before() -> Error {
    Error::new(
        ErrorKind::Store,
        "an earlier step of this transaction failed or was cancelled, so nothing of it is kept; begin a new one",
    )
}

pub(crate) fn crashed() -> Error {
    Error::new(
        ErrorKind::Store,
        "the store crashed during this transaction, so nothing of it is kept; begin a new one",
    )
}

/// Whether a number can be an entity's: positive, and small enough to leave room for the slot.
pub(crate) fn check_entity_number(entity: EntityId) -> Result<(), Error> {
    if (1..1 << 55).contains(&entity) {
        Ok(())
    } else {
        Err(bad_entity_number(entity))
    }
}

//! Typed documents over the store's JSON ones.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{Blueprint, Tenant, TenantId};
use syncline_core::store::{Document, DocumentKind, DocumentQuery, Transaction};

use crate::actor::Actor;

/// The columns by which a stored thing is found.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    pub(crate) tenant: TenantId,
    pub(crate) scope: u64,
    pub(crate) key: Option<String>,
    pub(crate) status: String,
    pub(crate) at: Timestamp,
}

/// A thing that is stored as a document.
pub(crate) trait Stored: Serialize + DeserializeOwned + Send + Sync {
    /// Its kind.
    const KIND: DocumentKind;
    /// What people call it, for messages.
    const NOUN: &'static str;
    /// Its number, 0 before it is stored.
    fn id(&self) -> u64;
    /// Takes the number that the store gave.
    fn set_id(&mut self, id: u64);
    /// How it is found.
    fn columns(&self) -> Columns;
}

/// A stored thing and the version in which it was read.
#[derive(Debug, Clone)]
pub(crate) struct Versioned<T> {
    pub(crate) value: T,
    pub(crate) version: u64,
}

impl<T> std::ops::Deref for Versioned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> std::ops::DerefMut for Versioned<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

pub(crate) fn read<T: Stored>(document: Document) -> Result<Versioned<T>> {
    let mut value: T = serde_json::from_value(document.body).map_err(|error| {
        Error::new(
            ErrorKind::Corrupt,
            format!("stored {} {} can't be read", T::NOUN, document.id),
        )
        .because(error)
    })?;
    value.set_id(document.id);
    Ok(Versioned {
        value,
        version: document.version,
    })
}

/// The thing of this number.
///
/// # Errors
/// `NotFound` when there is none.
pub(crate) async fn get<T: Stored>(tx: &mut dyn Transaction, id: u64) -> Result<Versioned<T>> {
    match tx.document(T::KIND, id).await? {
        Some(document) => read(document),
        None => Err(missing::<T>(id)),
    }
}

/// The thing of this number, for somebody: what belongs to a tenant that they don't reach is not there.
///
/// # Errors
/// `NotFound` when there is none for them.
pub(crate) async fn get_for<T: Stored>(tx: &mut dyn Transaction, id: u64, actor: &Actor) -> Result<Versioned<T>> {
    match tx.document(T::KIND, id).await? {
        Some(document) if actor.reaches(document.tenant) => read(document),
        _ => Err(missing::<T>(id)),
    }
}

fn missing<T: Stored>(id: u64) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no {} {id}", T::NOUN))
}

/// The thing with this key in a scope.
pub(crate) async fn by_key<T: Stored>(
    tx: &mut dyn Transaction,
    tenant: TenantId,
    scope: u64,
    key: &str,
) -> Result<Option<Versioned<T>>> {
    let query = DocumentQuery::new(T::KIND)
        .tenant(tenant)
        .scope(scope)
        .key(key)
        .limit(1);
    tx.documents(&query).await?.into_iter().next().map(read).transpose()
}

/// All things that a query finds, newest first.
pub(crate) async fn find<T: Stored>(tx: &mut dyn Transaction, query: &DocumentQuery) -> Result<Vec<Versioned<T>>> {
    tx.documents(query).await?.into_iter().map(read).collect()
}

/// Stores a thing; it takes its number and new version.
pub(crate) async fn put<T: Stored>(tx: &mut dyn Transaction, thing: &mut Versioned<T>) -> Result<()> {
    let Columns {
        tenant,
        scope,
        key,
        status,
        at,
    } = thing.columns();
    let body = serde_json::to_value(&thing.value)
        .map_err(|error| Error::new(ErrorKind::Internal, format!("a {} can't be written", T::NOUN)).because(error))?;
    let document = Document {
        kind: T::KIND,
        id: thing.id(),
        tenant,
        scope,
        key,
        status,
        at,
        version: thing.version,
        body,
    };
    let id = tx.put_document(&document).await?;
    thing.value.set_id(id);
    thing.version += 1;
    Ok(())
}

/// Stores a new thing.
pub(crate) async fn insert<T: Stored>(tx: &mut dyn Transaction, value: T) -> Result<Versioned<T>> {
    let mut thing = Versioned { value, version: 0 };
    put(tx, &mut thing).await?;
    Ok(thing)
}

impl Stored for Tenant {
    const KIND: DocumentKind = DocumentKind::Tenant;
    const NOUN: &'static str = "tenant";

    fn id(&self) -> u64 {
        u64::from(self.id)
    }

    fn set_id(&mut self, id: u64) {
        self.id = id as TenantId;
    }

    fn columns(&self) -> Columns {
        Columns {
            tenant: 0,
            scope: 0,
            key: Some(self.slug.clone()),
            status: "active".into(),
            at: Timestamp::UNIX_EPOCH,
        }
    }
}

impl Stored for Blueprint {
    const KIND: DocumentKind = DocumentKind::Blueprint;
    const NOUN: &'static str = "blueprint";

    fn id(&self) -> u64 {
        u64::from(self.id)
    }

    fn set_id(&mut self, id: u64) {
        self.id = id as u32;
    }

    fn columns(&self) -> Columns {
        Columns {
            tenant: self.tenant,
            scope: 0,
            key: Some(self.name.clone()),
            status: if self.trashed_at.is_some() { "trashed" } else { "active" }.into(),
            at: self.trashed_at.unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }
}

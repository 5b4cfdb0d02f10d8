//! Deleting a tenant for good.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{Blueprint, Tenant, TenantId};
use syncline_core::store::{DocumentKind, DocumentQuery, Mode};
use uuid::Uuid;

use crate::actor::{Action, Actor};
use crate::blueprint::forget_blueprint;
use crate::connection::{Connection, ConnectionStatus};
use crate::document;
use crate::engine::{Engine, Inner};
use crate::run::{Lease, Run, append_audit};
use crate::sync::{Sync, SyncStatus};

/// What deleting a tenant removed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DeletedTenant {
    /// Entities.
    pub entities: u64,
    /// Connections whose grant was revoked at the provider.
    pub revoked: u64,
    /// Connections whose provider could not be told: the app has to be removed there by hand.
    pub not_revoked: Vec<String>,
    /// Blocks of the audit whose entries were erased; the chain over them stays.
    pub audit: u64,
}

impl Engine {
    /// Deletes a tenant for good: revokes its grants, removes everything that it owns, erases what its audit says, and
    /// overwrites what that leaves in the store's files. No CRM's record is touched. What remains is the chain of the
    /// audit, which still verifies and says nothing of anybody. A deletion that broke off is gone on with by asking
    /// again.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`]; [`ErrorKind::Refused`] while another process runs
    /// one of its syncs; [`ErrorKind::Store`] when the store fails, also where all is removed and only the files could
    /// not be overwritten.
    pub async fn delete_tenant(&self, tenant: TenantId, actor: &Actor) -> Result<DeletedTenant> {
        let inner = &self.inner;
        inner.allow_in(actor, tenant, Action::ManageSettings)?;
        let connections = {
            let mut tx = inner.store.begin(Mode::Read).await?;
            document::get::<Tenant>(tx.as_mut(), u64::from(tenant)).await?;
            let query = DocumentQuery::new(DocumentKind::Connection)
                .tenant(tenant)
                .limit(usize::from(u16::MAX));
            document::find::<Connection>(tx.as_mut(), &query).await?
        };
        stop_all(inner, tenant).await?;
        let mut turns = Vec::new();
        for connection in &connections {
            turns.push(inner.runner.lane(connection.id).lock_owned().await);
            if Lease::claim(inner, tenant, connection.id).await?.is_none() {
                return Err(Error::new(
                    ErrorKind::Refused,
                    format!(
                        "connection `{}` has a run in another process; it was told to run no more, try again in a minute",
                        connection.name
                    ),
                ));
            }
        }
        let mut deleted = DeletedTenant::default();
        for connection in &connections {
            if connection.status == ConnectionStatus::Deleted {
                continue;
            }
            let ended = inner.connections.delete(connection.id, actor).await?;
            match ended.status_reason {
                Some(reason) if reason.contains("could not be told") => {
                    deleted
                        .not_revoked
                        .push(format!("{} ({})", connection.name, connection.provider));
                }
                _ => deleted.revoked += 1,
            }
        }
        self.forget_all(tenant, &mut deleted).await?;
        drop(turns);
        inner.store.scrub().await?;
        Ok(deleted)
    }

    async fn forget_all(&self, tenant: TenantId, deleted: &mut DeletedTenant) -> Result<()> {
        let inner = &self.inner;
        let blueprints = {
            let mut tx = inner.store.begin(Mode::Read).await?;
            let query = DocumentQuery::new(DocumentKind::Blueprint)
                .tenant(tenant)
                .limit(usize::from(u16::MAX));
            document::find::<Blueprint>(tx.as_mut(), &query).await?
        };
        for blueprint in blueprints {
            deleted.entities += forget_blueprint(inner, &blueprint).await?.entities;
        }
        for kind in DocumentKind::ALL {
            let query = DocumentQuery::new(kind).tenant(tenant);
            loop {
                let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
                let found = tx.documents(&query).await?;
                for document in &found {
                    if kind == DocumentKind::Space {
                        tx.clear_space(document.id).await?;
                    }
                    tx.delete_document(document.kind, document.id).await?;
                }
                tx.commit().await?;
                if found.len() < query.limit {
                    break;
                }
            }
        }
        let mut tx = inner.store.begin(Mode::Write).await?;
        deleted.audit = tx.purge_audit(tenant, Timestamp::MAX).await?;
        // Without a name: who asked for it is a person, too.
        let entry = AuditEntry::new(AuditKind::Configured, Uuid::nil(), 0, None).note("the tenant was deleted");
        append_audit(inner, tx.as_mut(), tenant, 0, &[entry].into_iter().collect()).await?;
        tx.delete_document(DocumentKind::Tenant, u64::from(tenant)).await?;
        tx.commit().await
    }
}

/// Lets no sync of a tenant run any more, and stops what runs in this process.
async fn stop_all(inner: &Inner, tenant: TenantId) -> Result<()> {
    let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
    let syncs = document::find::<Sync>(tx.as_mut(), &DocumentQuery::new(DocumentKind::Sync).tenant(tenant)).await?;
    for mut sync in syncs {
        if sync.status == SyncStatus::Active {
            sync.value.status = SyncStatus::Paused;
            sync.value.paused_because = Some("the tenant is being deleted".to_owned());
            document::put(tx.as_mut(), &mut sync).await?;
        }
    }
    let query = DocumentQuery::new(DocumentKind::Run)
        .tenant(tenant)
        .status("running")
        .status("queued");
    let running = document::find::<Run>(tx.as_mut(), &query).await?;
    tx.commit().await?;
    for run in running {
        inner.runner.stop_flag(run.id).stop();
    }
    Ok(())
}

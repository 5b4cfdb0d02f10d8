use serde::{Deserialize, Serialize};
use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{Blueprint, TenantId};
use syncline_core::plan::ReviewReason;
use syncline_core::store::{DocumentKind, DocumentQuery, Mode, Transaction};
use uuid::Uuid;

use super::fields::resolve_group;
use super::matches::{delete_loser, keep_both, link_to, separate, settled_meanwhile, staged};
use super::model::{Review, ReviewStatus};
use super::resolution::Resolution;
use crate::actor::{Action, Actor};
use crate::blueprint::history_of;
use crate::document::{self, Versioned};
use crate::engine::{Engine, Inner};
use crate::entity::{EntityNames, EntityView};
use crate::run::Page;
use crate::sync::Sync;

/// Conflicts on a page that does not say how many.
const PAGE: usize = 100;

/// Which conflicts to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ConflictQuery {
    /// Of this connection only.
    pub connection: Option<u64>,
    /// Of this sync only.
    pub sync: Option<u64>,
    /// Of this remote object only.
    pub object: Option<String>,
    /// About this entity only.
    pub entity: Option<Uuid>,
    /// With one of these statuses; empty for any.
    pub status: Vec<ReviewStatus>,
    /// Only numbers below this: where the page before ended.
    pub before: Option<u64>,
    /// At most this many; 100 if 0.
    pub limit: usize,
}

impl ConflictQuery {
    /// Those that wait for a person.
    pub fn pending() -> Self {
        Self {
            status: vec![ReviewStatus::Pending],
            ..Self::default()
        }
    }

    fn fits(&self, review: &Review) -> bool {
        self.connection.is_none_or(|connection| connection == review.connection)
            && self.object.as_ref().is_none_or(|object| *object == review.object)
            && self.entity.is_none_or(|entity| entity == review.uid)
    }
}

/// The conflicts of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Conflicts<'a>(pub(crate) &'a Engine);

impl Engine {
    /// The conflicts.
    pub const fn conflicts(&self) -> Conflicts<'_> {
        Conflicts(self)
    }
}

impl Conflicts<'_> {
    /// A page of conflicts.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy.
    pub async fn list(&self, tenant: TenantId, query: &ConflictQuery, actor: &Actor) -> Result<Vec<Review>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadConflicts)?;
        let limit = if query.limit == 0 { PAGE } else { query.limit };
        let mut wanted = DocumentQuery::new(DocumentKind::Review).tenant(tenant);
        wanted.scope = query.sync;
        wanted.before = query.before;
        wanted.status = query.status.iter().map(|status| status.name().to_owned()).collect();
        let mut tx = inner.store.begin(Mode::Read).await?;
        let mut found = Vec::new();
        while found.len() < limit {
            let page = document::find::<Review>(tx.as_mut(), &wanted).await?;
            let Some(last) = page.last().map(|item| item.id) else {
                break;
            };
            wanted.before = Some(last);
            found.extend(page.into_iter().map(shown).filter(|review| query.fits(review)));
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Number of conflicts that wait for a person.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy.
    pub async fn count_pending(&self, tenant: TenantId, actor: &Actor) -> Result<u64> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadConflicts)?;
        let query = DocumentQuery::new(DocumentKind::Review)
            .tenant(tenant)
            .status(ReviewStatus::Pending.name());
        inner.store.begin(Mode::Read).await?.count_documents(&query).await
    }

    /// A conflict as it stands now, with the version that a resolution has to name.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`], also for one of another tenant.
    pub async fn get(&self, tenant: TenantId, id: u64, actor: &Actor) -> Result<Review> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadConflicts)?;
        let mut tx = inner.store.begin(Mode::Read).await?;
        Ok(shown(item(tx.as_mut(), tenant, id).await?))
    }

    /// The records that a conflict is about: its own, which may wait to be matched and not be listed anywhere else, and
    /// the other ones that it may be the same as.
    ///
    /// # Errors
    /// As [`Conflicts::get`].
    pub async fn records(&self, tenant: TenantId, id: u64, actor: &Actor) -> Result<Vec<EntityView>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadConflicts)?;
        let mut tx = inner.store.begin(Mode::Read).await?;
        let review = item(tx.as_mut(), tenant, id).await?;
        let mut ids = review.candidates.clone();
        ids.push(review.entity);
        let loaded = tx.load(&ids).await?;
        let Some(first) = loaded.first() else {
            return Ok(Vec::new());
        };
        let blueprint = document::get::<Blueprint>(tx.as_mut(), u64::from(first.entity.blueprint)).await?;
        let query = DocumentQuery::new(DocumentKind::Sync).tenant(tenant);
        let syncs = document::find::<Sync>(tx.as_mut(), &query).await?;
        let syncs: Vec<Sync> = syncs.into_iter().map(|sync| sync.value).collect();
        let history = history_of(tx.as_mut(), &blueprint).await?;
        let names = EntityNames {
            blueprint: &blueprint,
            history: Some(&history),
            syncs: &syncs,
        };
        let (own, others): (Vec<_>, Vec<_>) = loaded.iter().partition(|linked| linked.entity.id == review.entity);
        Ok(own.into_iter().chain(others).map(|linked| names.view(linked)).collect())
    }

    /// Resolves a conflict, as it was seen in `version`. What was not chosen is audited, and what is now behind is
    /// written by the next run.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`], also for one of another tenant; [`ErrorKind::Stale`]
    /// when it was refreshed since (read it again and decide anew) or is settled; [`ErrorKind::Refused`] when somebody
    /// resolved it already, or a chosen candidate can't be linked; [`ErrorKind::Invalid`] when the resolution does not
    /// fit the conflict or a value its field; [`ErrorKind::Exists`] when a unique value is taken.
    pub async fn resolve(
        &self,
        tenant: TenantId,
        id: u64,
        version: u64,
        resolution: &Resolution,
        actor: &Actor,
    ) -> Result<Review> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ResolveConflicts)?;
        resolve_in(
            inner,
            Page::begin(inner, tenant).await?,
            tenant,
            id,
            version,
            resolution,
            actor,
        )
        .await
    }

    /// Leaves a conflict as it is: every side keeps what it holds, and nothing is written until one of them changes,
    /// which opens it again. It can still be resolved.
    ///
    /// # Errors
    /// As [`Conflicts::resolve`].
    pub async fn ignore(&self, tenant: TenantId, id: u64, version: u64, actor: &Actor) -> Result<Review> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ResolveConflicts)?;
        let mut page = Page::begin(inner, tenant).await?;
        let mut item = open_item(page.tx()?, tenant, id, version).await?;
        close(
            inner,
            &mut item,
            ReviewStatus::Ignored,
            "left as it is".to_owned(),
            actor,
        );
        document::put(page.tx()?, &mut item).await?;
        let entry = AuditEntry::new(AuditKind::ConflictResolved, item.uid, 0, None)
            .values(item.group, item.rev, Vec::new(), Vec::new())
            .note(format!("{}: conflict {id}: ignored", actor.name));
        page.audit.push(entry);
        page.finish(inner, tenant).await?;
        Ok(shown(item))
    }
}

/// Resolves one item and commits.
pub(super) async fn resolve_in(
    inner: &Inner,
    mut page: Page,
    tenant: TenantId,
    id: u64,
    version: u64,
    resolution: &Resolution,
    actor: &Actor,
) -> Result<Review> {
    let mut item = open_item(page.tx()?, tenant, id, version).await?;
    let words = match (item.reason, resolution) {
        (ReviewReason::AmbiguousMatch, Resolution::Link(_) | Resolution::Separate) => {
            let Some(staged) = staged(&mut page, &item).await? else {
                close(
                    inner,
                    &mut item,
                    ReviewStatus::Resolved,
                    "settled by a run".to_owned(),
                    &Actor::system(),
                );
                document::put(page.tx()?, &mut item).await?;
                page.finish(inner, tenant).await?;
                return Err(settled_meanwhile(&item));
            };
            match resolution {
                Resolution::Link(chosen) => link_to(inner, &mut page, &item, staged, *chosen, actor).await?,
                _ => separate(inner, &mut page, &item, staged, actor).await?,
            }
        }
        (ReviewReason::MergeCollision | ReviewReason::Converted, Resolution::KeepBoth) => {
            keep_both(&mut page, &item, actor).await?
        }
        (ReviewReason::MergeCollision | ReviewReason::Converted, Resolution::DeleteRecord) => {
            let (mut work, words) = delete_loser(inner, page, &item, actor).await?;
            close(inner, &mut item, ReviewStatus::Resolved, words, actor);
            document::put(work.page.tx()?, &mut item).await?;
            work.finish().await?;
            return Ok(shown(item));
        }
        (ReviewReason::AmbiguousMatch | ReviewReason::MergeCollision | ReviewReason::Converted, _) => {
            return Err(Resolution::does_not_fit(&item));
        }
        _ => {
            let (mut work, words) = resolve_group(inner, page, &item, resolution, actor).await?;
            close(inner, &mut item, ReviewStatus::Resolved, words, actor);
            document::put(work.page.tx()?, &mut item).await?;
            work.finish().await?;
            return Ok(shown(item));
        }
    };
    close(inner, &mut item, ReviewStatus::Resolved, words, actor);
    document::put(page.tx()?, &mut item).await?;
    page.finish(inner, tenant).await?;
    Ok(shown(item))
}

/// A tenant's item.
pub(super) async fn item(tx: &mut dyn Transaction, tenant: TenantId, id: u64) -> Result<Versioned<Review>> {
    let missing = || Error::new(ErrorKind::NotFound, format!("there is no conflict {id}"));
    let document = tx
        .document(DocumentKind::Review, id)
        .await?
        .filter(|found| found.tenant == tenant);
    document::read(document.ok_or_else(missing)?)
}

/// A tenant's item that can be decided, if it is still as it was looked at.
pub(super) async fn open_item(
    tx: &mut dyn Transaction,
    tenant: TenantId,
    id: u64,
    version: u64,
) -> Result<Versioned<Review>> {
    let item = item(tx, tenant, id).await?;
    if item.status == ReviewStatus::Resolved {
        let by = item
            .resolved_by
            .as_deref()
            .unwrap_or("the sync, since its sides agreed");
        let how = item
            .resolution
            .as_deref()
            .map(|how| format!(" ({how})"))
            .unwrap_or_default();
        return Err(Error::new(
            ErrorKind::Refused,
            format!("conflict {id} was resolved by {by}{how}"),
        ));
    }
    if item.version != version {
        return Err(Error::new(
            ErrorKind::Stale,
            format!("conflict {id} changed since you looked at it; look again and decide anew"),
        )
        .with("version", item.version));
    }
    Ok(item)
}

fn close(inner: &Inner, item: &mut Versioned<Review>, status: ReviewStatus, words: String, actor: &Actor) {
    item.status = status;
    item.resolution = Some(words);
    item.resolved_by = Some(actor.name.clone());
    item.resolved_at = Some(inner.clock.now());
}

/// An item with the version in which it was read.
fn shown(item: Versioned<Review>) -> Review {
    Review {
        version: item.version,
        ..item.value
    }
}

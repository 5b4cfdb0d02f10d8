//! "Always the app", "always the CRM": a field's policy for all records of a sync.

use serde::{Deserialize, Serialize};
use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::mapping::Strategy;
use syncline_core::model::{PRESENCE, TenantId};
use syncline_core::plan::ReviewReason;
use syncline_core::store::{DocumentKind, DocumentQuery, Mode};
use uuid::Uuid;

use super::model::{Review, ReviewStatus};
use super::resolution::{FieldChoice, Resolution};
use super::service::{Conflicts, item, open_item, resolve_in};
use crate::actor::{Action, Actor};
use crate::document;
use crate::run::Page;
use crate::sync::Sync;

/// Who wins from now on when both sides change a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Always {
    /// The app.
    App,
    /// The CRM.
    Crm,
}

impl Always {
    const fn choice(self) -> FieldChoice {
        match self {
            Self::App => FieldChoice::App,
            Self::Crm => FieldChoice::Crm,
        }
    }

    const fn strategy(self) -> (Strategy, &'static str) {
        match self {
            Self::App => (Strategy::AppWins, "app_wins"),
            Self::Crm => (Strategy::CrmWins, "crm_wins"),
        }
    }
}

/// What "always" came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlwaysResolved {
    /// The conflict that was looked at, as it ended.
    pub conflict: Review,
    /// Other conflicts on the same fields of the sync that were resolved alike.
    pub resolved: Vec<u64>,
    /// Other conflicts that could not be, and why. They stay open.
    pub left: Vec<(u64, String)>,
}

impl Conflicts<'_> {
    /// Resolves a conflict on fields for the app or the CRM, makes that the policy of these fields in the sync, and
    /// resolves the other open conflicts on them alike.
    ///
    /// The policy decides conflicts only: a change made on one side alone still reaches the other.
    ///
    /// # Errors
    /// As [`Conflicts::resolve`]; [`ErrorKind::Forbidden`] also for who may resolve conflicts but not manage mappings;
    /// [`ErrorKind::Invalid`] for a conflict that is not about fields.
    pub async fn resolve_always(
        &self,
        tenant: TenantId,
        id: u64,
        version: u64,
        always: Always,
        actor: &Actor,
    ) -> Result<AlwaysResolved> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ResolveConflicts)?;
        inner.allow_in(actor, tenant, Action::ManageMappings)?;
        let mut page = Page::begin(inner, tenant).await?;
        let looked_at = open_item(page.tx()?, tenant, id, version).await?;
        if looked_at.group == PRESENCE {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("conflict {id} is about a record, not about fields; resolve it by itself"),
            ));
        }
        set_strategy(&mut page, &looked_at, always, actor).await?;
        let resolution = Resolution::every(&looked_at, &always.choice());
        let conflict = resolve_in(inner, page, tenant, id, version, &resolution, actor).await?;
        let (mut resolved, mut left) = (Vec::new(), Vec::new());
        for other in self.alike(tenant, &looked_at).await? {
            let mut page = Page::begin(inner, tenant).await?;
            let open = item(page.tx()?, tenant, other).await?;
            if open.status != ReviewStatus::Pending {
                continue;
            }
            let resolution = Resolution::every(&open, &always.choice());
            match resolve_in(inner, page, tenant, other, open.version, &resolution, actor).await {
                Ok(_) => resolved.push(other),
                Err(error) if error.kind() == ErrorKind::Store => return Err(error),
                Err(error) => left.push((other, error.message().to_owned())),
            }
        }
        Ok(AlwaysResolved {
            conflict,
            resolved,
            left,
        })
    }

    /// The other open conflicts on the same fields of the same sync.
    async fn alike(&self, tenant: TenantId, looked_at: &Review) -> Result<Vec<u64>> {
        let mut tx = self.0.inner.store.begin(Mode::Read).await?;
        let mut query = DocumentQuery::new(DocumentKind::Review)
            .tenant(tenant)
            .scope(looked_at.sync)
            .status(ReviewStatus::Pending.name());
        let mut alike = Vec::new();
        loop {
            let page = document::find::<Review>(tx.as_mut(), &query).await?;
            let Some(last) = page.last().map(|item| item.id) else {
                break;
            };
            query.before = Some(last);
            let same = |item: &Review| item.group == looked_at.group && item.reason == ReviewReason::Conflict;
            alike.extend(
                page.iter()
                    .filter(|item| item.id != looked_at.id && same(item))
                    .map(|item| item.id),
            );
        }
        alike.reverse();
        Ok(alike)
    }
}

/// Makes it the policy of the fields. The mapping keeps its version: what values mean is as before, so nothing has to
/// be read again.
async fn set_strategy(page: &mut Page, review: &Review, always: Always, actor: &Actor) -> Result<()> {
    let mut sync = document::get::<Sync>(page.tx()?, review.sync).await?;
    let (strategy, name) = always.strategy();
    let about = |fields: &[String]| fields.iter().any(|field| review.fields.contains(field));
    let mut changed = false;
    for rule in sync.value.mapping.rules.iter_mut().filter(|rule| about(&rule.fields)) {
        changed |= rule.strategy != Some(strategy);
        rule.strategy = Some(strategy);
    }
    if !changed {
        return Ok(());
    }
    document::put(page.tx()?, &mut sync).await?;
    page.audit.push(
        AuditEntry::new(AuditKind::Configured, Uuid::nil(), sync.side, None).note(format!(
            "{}: {} of sync `{}` is decided by {name} from now on",
            actor.name,
            review.fields.join(", "),
            sync.name
        )),
    );
    Ok(())
}

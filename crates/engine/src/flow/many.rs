//! Taking one transition on many entities.

use serde::{Deserialize, Serialize};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::TenantId;
use uuid::Uuid;

use super::service::Flows;
use super::taking::TakeRequest;
use crate::actor::{Action, Actor};
use crate::entity::EntityListQuery;

/// Most entities that one call moves.
const MOST: usize = 1_000;

/// Which entities to take a transition on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// These, up to 1,000.
    Ids(Vec<Uuid>),
    /// Those of a blueprint for which a filter is true, a page at a time: up to `limit`, from where `after` says, both as
    /// in a list.
    Filter {
        /// The blueprint.
        blueprint: String,
        /// The filter, in CEL; all where there is none.
        filter: Option<String>,
        /// Where the call before ended.
        after: Option<String>,
        /// At most this many, up to 1,000.
        limit: usize,
    },
}

/// What became of one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenOne {
    /// The entity.
    pub uid: Uuid,
    /// The state that it was moved to; `None` where it was not.
    pub to: Option<String>,
    /// Why it was not moved.
    pub error: Option<String>,
}

/// What became of many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenMany {
    /// Each of them, in the order of the selection.
    pub results: Vec<TakenOne>,
    /// Where a filter goes on; `None` at its end.
    pub next: Option<String>,
}

impl TakenMany {
    /// How many were moved.
    pub fn taken(&self) -> usize {
        self.results.iter().filter(|one| one.error.is_none()).count()
    }
}

impl Flows<'_> {
    /// Takes a transition on many entities, each in a transaction of its own: what can't be moved stays where it is, with
    /// its reason, and keeps nobody else.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::Invalid`] for more than 1,000 ids or a request with a revision,
    /// which is one entity's; as [`Entities::list`](crate::entity::Entities::list) where a filter selects.
    pub async fn take_many(
        &self,
        tenant: TenantId,
        selection: &Selection,
        request: &TakeRequest,
        actor: &Actor,
    ) -> Result<TakenMany> {
        self.0.inner.allow_in(actor, tenant, Action::TakeTransitions)?;
        if request.read_rev.is_some() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a revision is that of one record; leave it out to take a transition on many",
            ));
        }
        let (ids, next) = match selection {
            Selection::Ids(ids) if ids.len() > MOST => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!("{} records are too many for one call, which takes {MOST}", ids.len()),
                ));
            }
            Selection::Ids(ids) => (ids.clone(), None),
            Selection::Filter {
                blueprint,
                filter,
                after,
                limit,
            } => {
                let query = EntityListQuery {
                    filter: filter.clone(),
                    after: after.clone(),
                    limit: *limit,
                    ..EntityListQuery::default()
                };
                let page = self.0.entities().list(tenant, blueprint, &query, actor).await?;
                (page.entities.into_iter().map(|entity| entity.uid).collect(), page.next)
            }
        };
        let mut results = Vec::with_capacity(ids.len());
        for uid in ids {
            results.push(match self.take(tenant, uid, request, actor).await {
                Ok(taken) => TakenOne {
                    uid,
                    to: Some(taken.to),
                    error: None,
                },
                Err(error) => TakenOne {
                    uid,
                    to: None,
                    error: Some(error.message().to_owned()),
                },
            });
        }
        Ok(TakenMany { results, next })
    }
}

//! Where the host has a say in conflicts.

use std::fmt;
use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use futures::FutureExt;
use syncline_core::error::Result;

use super::model::Review;
use super::resolution::Resolution;
use super::unattended::{opened, settle, waiting};
use crate::actor::Actor;
use crate::engine::Inner;
use crate::sync;

/// A rule of the host's for conflicts on fields that would otherwise wait for a person: those of rules with
/// [`Strategy::ManualReview`](syncline_core::mapping::Strategy::ManualReview). Added by
/// [`EngineBuilder::conflict_rule`](crate::EngineBuilder::conflict_rule); every run asks about what is open, before it
/// writes.
#[async_trait]
pub trait ConflictRule: Send + Sync + fmt::Debug {
    /// What its decisions are audited as, such as `the larger amount wins`.
    fn name(&self) -> &str;

    /// What is to become of a conflict, or nothing, which leaves it to the rules after this one and in the end to a person.
    /// It is asked outside of any transaction, and again by the next run as long as nobody decides: it should answer by
    /// what the conflict holds.
    ///
    /// # Errors
    /// Whatever keeps it from deciding; the conflict stays open, and the log has the message.
    async fn decide(&self, conflict: &Review) -> Result<Option<Resolution>>;
}

/// Asks the host's rules about the open conflicts of a sync. Each that is decided is audited like a person's decision, with
/// the rule as its reason.
pub(crate) async fn decide_by_rules(inner: &Inner, sync: &sync::Sync) -> Result<u64> {
    if inner.rules.is_empty() {
        return Ok(0);
    }
    let mut decided = 0;
    for (id, version) in waiting(inner, sync, None).await? {
        let Some((page, item)) = opened(inner, sync, id, version).await? else {
            continue;
        };
        // A rule may take its time.
        drop(page);
        let shown = Review {
            version: item.version,
            ..item.value.clone()
        };
        for rule in &inner.rules {
            let answer = match AssertUnwindSafe(rule.decide(&shown)).catch_unwind().await {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => {
                    tracing::warn!(conflict = id, rule = rule.name(), %error, "a rule could not decide");
                    None
                }
                Err(_) => {
                    tracing::warn!(conflict = id, rule = rule.name(), "a rule panicked");
                    None
                }
            };
            let Some(resolution) = answer else { continue };
            let actor = Actor {
                name: rule.name().to_owned(),
                ..Actor::system()
            };
            if let Some((page, item)) = opened(inner, sync, id, version).await? {
                decided += u64::from(settle(inner, page, &item, &resolution, &actor).await?);
            }
            break;
        }
    }
    Ok(decided)
}

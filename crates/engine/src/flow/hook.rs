//! Where the host has a say in transitions.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::flow::Inputs;

use super::taking::Taken;
use crate::actor::Actor;
use crate::entity::EntityView;

/// A transition that is about to be taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Taking {
    /// The entity as it is.
    pub entity: EntityView,
    /// The flow.
    pub flow: String,
    /// The transition.
    pub transition: String,
    /// The state that is left.
    pub from: String,
    /// The state to come.
    pub to: String,
    /// What is given; a hook may change it, add to it and take from it.
    pub inputs: Inputs,
    /// Who takes it.
    pub actor: Actor,
}

/// The host's say in transitions that are taken, added by
/// [`EngineBuilder::transition_hook`](crate::EngineBuilder::transition_hook). Changes that come from a CRM are not asked
/// about: they have happened.
#[async_trait]
pub trait TransitionHook: Send + Sync + fmt::Debug {
    /// Before a transition is taken, outside of any transaction: it may take its time. The guard is asked afterwards, over
    /// the inputs as they were left.
    ///
    /// # Errors
    /// Whatever keeps the transition from being taken; its message is told to who takes it.
    async fn before(&self, taking: &mut Taking) -> Result<()> {
        let _ = taking;
        Ok(())
    }

    /// After a transition was taken and everything about it is durable. What a process that dies in between leaves out is
    /// in the history.
    async fn after(&self, taken: &Taken, actor: &Actor) {
        let _ = (taken, actor);
    }
}

/// Asks all hooks, in the order in which they were added.
pub(super) async fn ask(hooks: &[Arc<dyn TransitionHook>], taking: &mut Taking) -> Result<()> {
    for hook in hooks {
        let name = taking.transition.clone();
        match caught(hook.before(taking)).await {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                let kind = match error.kind() {
                    ErrorKind::Internal => ErrorKind::Refused,
                    kind => kind,
                };
                let message = format!("`{name}` can't be taken: {}", error.message());
                return Err(Error::new(kind, message).because(error));
            }
            None => {
                let message = format!("`{name}` can't be taken: the host's own check of it panicked");
                return Err(Error::new(ErrorKind::Internal, message));
            }
        }
    }
    Ok(())
}

/// Tells all hooks. What becomes of it is their own business.
pub(super) async fn tell(hooks: &[Arc<dyn TransitionHook>], taken: &Taken, actor: &Actor) {
    for hook in hooks {
        if caught(hook.after(taken, actor)).await.is_none() {
            tracing::warn!(transition = %taken.transition, entity = %taken.entity.uid, "a hook panicked afterwards");
        }
    }
}

/// The outcome, or nothing after a panic.
async fn caught<T>(future: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(future).catch_unwind().await.ok()
}

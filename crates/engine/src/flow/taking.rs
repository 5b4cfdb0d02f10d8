//! Taking one transition on one entity, and what may be taken.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::flow::{CompiledFlow, Flow, Inputs, Standing, Taker};
use syncline_core::model::{Blueprint, TenantId};
use syncline_core::plan::ReadPoint;
use syncline_core::state::{Entity, Linked};
use syncline_core::store::Mode;
use syncline_core::value::Value;
use uuid::Uuid;

use super::history::{Moved, StateChange, last_change, note};
use super::hook::{Taking, ask, tell};
use super::service::Flows;
use super::stored::{StoredFlow, compiled, flows_of};
use crate::actor::{Action, Actor};
use crate::engine::Inner;
use crate::entity::{EntityNames, EntityTransaction, EntityView, Findings, stored_entity, syncs_of};

/// A transition to be taken.
///
/// ```
/// use syncline_engine::flow::TakeRequest;
/// let request = TakeRequest::new("deliver").input("recipient", "Ada").read(7);
/// assert_eq!(request.read_rev, Some(7));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TakeRequest {
    /// Its name.
    pub transition: String,
    /// The flow that it is of; needed only where several flows of the blueprint have one of this name.
    pub flow: Option<String>,
    /// What is given, by field.
    pub inputs: Map<String, Json>,
    /// The entity's revision that was looked at, so that a state that was changed meanwhile is noticed. Without it only
    /// the state that the transition leads from has to be right.
    pub read_rev: Option<u64>,
}

impl TakeRequest {
    /// A transition without inputs.
    pub fn new(transition: impl Into<String>) -> Self {
        Self {
            transition: transition.into(),
            ..Self::default()
        }
    }

    /// Gives a field.
    #[must_use]
    pub fn input(mut self, field: impl Into<String>, value: impl Into<Json>) -> Self {
        self.inputs.insert(field.into(), value.into());
        self
    }

    /// Says which revision of the entity was looked at.
    #[must_use]
    pub const fn read(mut self, rev: u64) -> Self {
        self.read_rev = Some(rev);
        self
    }

    /// Says which flow is meant.
    #[must_use]
    pub fn of(mut self, flow: impl Into<String>) -> Self {
        self.flow = Some(flow.into());
        self
    }
}

/// A transition that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    /// The entity as it is now.
    pub entity: EntityView,
    /// The flow.
    pub flow: String,
    /// The transition.
    pub transition: String,
    /// The state that was left.
    pub from: String,
    /// The state that the entity is in now.
    pub to: String,
    /// Fields that it changed.
    pub changed: Vec<String>,
}

impl Flows<'_> {
    /// Where an entity stands in each flow over its blueprint: what `actor` can take, and why they can't take the rest.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`].
    pub async fn available(&self, tenant: TenantId, uid: Uuid, actor: &Actor) -> Result<Vec<Standing>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadFlows)?;
        inner.allow_in(actor, tenant, Action::ReadEntities)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let (linked, blueprint) = stored_entity(tx.as_mut(), tenant, uid).await?;
        let flows = flows_of(tx.as_mut(), tenant, blueprint.id).await?;
        drop(tx);
        let (taker, now) = (taker(inner, actor), inner.clock.now());
        let standings = compiled(&flows, &blueprint).into_iter().map(|flow| {
            let mut standing = flow.available(&linked.entity.values, &taker, now);
            if let Some(why) = held(&linked.entity, &flow, &blueprint) {
                for mut offer in std::mem::take(&mut standing.available) {
                    offer.why_not = Some(why.clone());
                    standing.unavailable.push(offer);
                }
            }
            standing
        });
        Ok(standings.collect())
    }

    /// Takes a transition on an entity. Its state is read, the guard asked, the entity edited by the rules of edits by the
    /// app and the history written in one transaction: of two who take it at once, the second is told that the first
    /// was faster.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, or when it is for another role; [`ErrorKind::NotFound`] for an unknown entity,
    /// flow or transition; [`ErrorKind::Refused`] when it leads from another state, its guard does not hold, a hook of
    /// the host objects, a conflict asks about the state, a CRM is authoritative for a field that it changes, or the
    /// entity is deleted; [`ErrorKind::Stale`] when the state was changed since the revision that was looked at;
    /// [`ErrorKind::Invalid`] with everything that is wrong with the inputs; [`ErrorKind::Exists`] when a unique value is
    /// taken.
    pub async fn take(&self, tenant: TenantId, uid: Uuid, request: &TakeRequest, actor: &Actor) -> Result<Taken> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::TakeTransitions)?;
        let given = request.inputs.iter();
        let mut inputs: Inputs = given
            .map(|(name, json)| (name.clone(), Value::from_json(json.clone())))
            .collect();
        if !inner.hooks.is_empty() {
            inputs = self.asked(tenant, uid, request, inputs, actor).await?;
        }
        let taken = take_now(inner, tenant, uid, request, &inputs, actor).await?;
        tell(&inner.hooks, &taken, actor).await;
        Ok(taken)
    }

    /// Lets the host object or change the inputs, before any transaction is begun.
    async fn asked(
        &self,
        tenant: TenantId,
        uid: Uuid,
        request: &TakeRequest,
        inputs: Inputs,
        actor: &Actor,
    ) -> Result<Inputs> {
        let inner = &self.0.inner;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let (linked, blueprint) = stored_entity(tx.as_mut(), tenant, uid).await?;
        let flows = flows_of(tx.as_mut(), tenant, blueprint.id).await?;
        let syncs = syncs_of(tx.as_mut(), tenant).await?;
        drop(tx);
        let flow = chosen(&flows, &blueprint, request)?;
        check_state(&linked, &flow, &blueprint, request)?;
        // Nobody is asked about what can't be taken anyway.
        let standing = flow.available(&linked.entity.values, &taker(inner, actor), inner.clock.now());
        let refused = standing
            .unavailable
            .iter()
            .any(|offer| offer.transition == request.transition);
        let Some(transition) = flow.flow().transition(&request.transition).filter(|_| !refused) else {
            return Ok(inputs);
        };
        let names = EntityNames {
            blueprint: &blueprint,
            history: None,
            syncs: &syncs,
        };
        let mut taking = Taking {
            entity: names.view(&linked),
            flow: flow.flow().name.clone(),
            transition: transition.name.clone(),
            from: standing.state.unwrap_or_default(),
            to: transition.to.clone(),
            inputs,
            actor: actor.clone(),
        };
        ask(&inner.hooks, &mut taking).await?;
        Ok(taking.inputs)
    }
}

async fn take_now(
    inner: &Inner,
    tenant: TenantId,
    uid: Uuid,
    request: &TakeRequest,
    inputs: &Inputs,
    actor: &Actor,
) -> Result<Taken> {
    let (mut work, linked) = EntityTransaction::of_entity(inner, tenant, uid, actor).await?;
    let flow = chosen(&work.flows, &work.blueprint, request)?;
    check_state(&linked, &flow, &work.blueprint, request)?;
    let (entity, now) = (&linked.entity, inner.clock.now());
    let taken = flow.take(&entity.values, &request.transition, inputs, &taker(inner, actor), now);
    let patch = match taken {
        Ok(patch) => patch,
        Err(error) if error.kind() == ErrorKind::Refused => {
            let last = last_change(work.page.tx()?, tenant, entity.id, &flow.flow().name).await?;
            return Err(
                match last.filter(|last| last.transition.as_ref() == Some(&request.transition)) {
                    Some(last) => {
                        let text = format!("{}; {} took it at {}", error.message(), last.by, last.at);
                        Error::new(ErrorKind::Refused, text).because(error)
                    }
                    None => error,
                },
            );
        }
        Err(error) => return Err(error),
    };
    work.prepare(&[&patch], &[]).await?;
    let Flow { name, version, .. } = flow.flow().clone();
    work.taking(entity.id, &name);
    let from = flow.state_of(&entity.values).map(str::to_owned);
    let to = patch.get(&flow.field()).map(ToString::to_string);
    let outcome = work
        .edit(&linked, patch, &ReadPoint::Rev(entity.rev), Findings::default())
        .await?;
    let rev = work.written(entity.id).map_or(entity.rev, |written| written.entity.rev);
    let change = StateChange {
        id: 0,
        tenant,
        entity: entity.id,
        uid,
        flow: name.clone(),
        version,
        transition: Some(request.transition.clone()),
        from: from.clone(),
        to: to.clone(),
        at: now,
        by: actor.name.clone(),
        how: Moved::Taken,
        side: 0,
        rev,
        breaks: None,
    };
    note(work.page.tx()?, change).await?;
    let finished = work.finish().await?;
    let names = finished.names();
    let changed = outcome.changed.into_iter().flat_map(|group| names.fields_of(group));
    Ok(Taken {
        changed: changed.collect(),
        entity: names.view(finished.changed.first().unwrap_or(&linked)),
        flow: name,
        transition: request.transition.clone(),
        from: from.unwrap_or_default(),
        to: to.unwrap_or_default(),
    })
}

/// Who takes a transition.
pub(crate) fn taker(inner: &Inner, actor: &Actor) -> Taker {
    Taker {
        name: actor.name.clone(),
        roles: inner.policy.roles(actor),
        may_edit: inner.allow(actor, Action::EditEntities).is_ok(),
    }
}

/// The flow that a request means.
fn chosen(flows: &[StoredFlow], blueprint: &Blueprint, request: &TakeRequest) -> Result<CompiledFlow> {
    let named = |stored: &&StoredFlow| match &request.flow {
        Some(name) => stored.current.flow.name == *name,
        None => stored.current.flow.transition(&request.transition).is_some(),
    };
    let found: Vec<&StoredFlow> = flows.iter().filter(named).collect();
    match found.as_slice() {
        [one] => CompiledFlow::compile(&one.current.flow, blueprint),
        [] => Err(nothing_chosen(flows, blueprint, request)),
        several => {
            let names: Vec<&str> = several.iter().map(|flow| flow.current.flow.name.as_str()).collect();
            Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "several flows have a transition `{}`: {}; name the one that is meant",
                    request.transition,
                    names.join(", ")
                ),
            ))
        }
    }
}

fn nothing_chosen(flows: &[StoredFlow], blueprint: &Blueprint, request: &TakeRequest) -> Error {
    let known: Vec<String> = flows
        .iter()
        .map(|stored| {
            let flow = &stored.current.flow;
            let names: Vec<&str> = flow.transitions.iter().map(|known| known.name.as_str()).collect();
            format!("`{}` with {}", flow.name, names.join(", "))
        })
        .collect();
    let known = match known.as_slice() {
        [] => "there is none; save one first".to_owned(),
        known => format!("there are {}", known.join("; ")),
    };
    let message = match &request.flow {
        Some(name) => format!("no flow `{name}` moves a {}: {known}", blueprint.name),
        None => format!(
            "no flow of a {} has a transition `{}`: {known}",
            blueprint.name, request.transition
        ),
    };
    Error::new(ErrorKind::NotFound, message)
}

/// Refuses what can't be moved at all, and what was moved since it was looked at.
fn check_state(linked: &Linked, flow: &CompiledFlow, blueprint: &Blueprint, request: &TakeRequest) -> Result<()> {
    let (entity, name) = (&linked.entity, &request.transition);
    if let Some(why) = held(entity, flow, blueprint) {
        return Err(Error::new(
            ErrorKind::Refused,
            format!("`{name}` can't be taken: {why}"),
        ));
    }
    let decided = entity.rev_of(blueprint.group_of(flow.field()));
    match request.read_rev {
        Some(read) if read > entity.rev => Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "record {} is at revision {}; {read} can't have been read",
                entity.uid, entity.rev
            ),
        )),
        Some(read) if decided > read => Err(Error::new(
            ErrorKind::Stale,
            format!(
                "`{name}` can't be taken: record {} is {} since revision {decided}, and was looked at in revision {read}; \
                 look again",
                entity.uid,
                flow.state_of(&entity.values).unwrap_or("without a state"),
            ),
        )),
        _ => Ok(()),
    }
}

/// Why nothing at all can be taken on an entity.
fn held(entity: &Entity, flow: &CompiledFlow, blueprint: &Blueprint) -> Option<String> {
    if entity.deleted {
        return Some(format!("record {} is deleted; restore it first", entity.uid));
    }
    let conflict = entity.frozen_by(blueprint.group_of(flow.field()))?;
    let field = &flow.flow().field;
    Some(format!("conflict {conflict} asks about `{field}`; resolve it first"))
}

//! Which states entities went through, and how long they stayed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use syncline_core::error::Result;
use syncline_core::flow::{CompiledFlow, Flow, Judgement, Taker};
use syncline_core::model::{Blueprint, BlueprintId, TenantId};
use syncline_core::state::{Cause, Entity, EntityId, Linked, SideId};
use syncline_core::store::{DocumentKind, DocumentQuery, Mode, Transaction};
use syncline_core::value::Value;
use uuid::Uuid;

use super::service::Flows;
use super::stored::{StoredFlow, compiled, flows_of};
use crate::actor::{Action, Actor};
use crate::document::{self, Columns, Stored, Versioned};
use crate::entity::stored_entity;

/// How a state came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moved {
    /// A transition was taken.
    Taken,
    /// The app edited the field of the states.
    Edited,
    /// It was changed on a side.
    Pulled,
    /// A person resolved a conflict.
    Resolved,
    /// A run was rolled back.
    RolledBack,
    /// A new mapping was brought in.
    Remapped,
}

impl Moved {
    const fn by(cause: Cause) -> Self {
        match cause {
            Cause::App => Self::Edited,
            Cause::Side(_) => Self::Pulled,
            Cause::Review => Self::Resolved,
            Cause::Mapping => Self::Remapped,
            Cause::Rollback => Self::RolledBack,
        }
    }
}

/// One change of an entity's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// Its number, ascending.
    #[serde(default)]
    pub id: u64,
    /// The tenant.
    pub tenant: TenantId,
    /// The entity.
    pub entity: EntityId,
    /// The entity's id for the world.
    pub uid: Uuid,
    /// The flow.
    pub flow: String,
    /// The flow's version.
    pub version: u32,
    /// The transition that it was, also where the change was made in another way; `None` where it was none.
    pub transition: Option<String>,
    /// The state before.
    pub from: Option<String>,
    /// The state afterwards.
    pub to: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Who: a person, or the side that it came from.
    pub by: String,
    /// How.
    pub how: Moved,
    /// The side that it came from; 0 for the app.
    pub side: SideId,
    /// The entity's revision that it made.
    pub rev: u64,
    /// Why it follows no transition, where the flow let it pass all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaks: Option<String>,
}

impl Stored for StateChange {
    const KIND: DocumentKind = DocumentKind::StateChange;
    const NOUN: &'static str = "change of state";

    fn id(&self) -> u64 {
        self.id
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    fn columns(&self) -> Columns {
        Columns {
            tenant: self.tenant,
            scope: u64::try_from(self.entity).unwrap_or_default(),
            key: None,
            status: self.flow.clone(),
            at: self.at,
        }
    }
}

/// A time that an entity spent in a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// The state; `None` while it had none.
    pub state: Option<String>,
    /// Since when; of the first, since the entity is known.
    pub since: Timestamp,
    /// Until when; `None` while it goes on.
    pub until: Option<Timestamp>,
    /// How long, in seconds, up to now where it goes on.
    pub seconds: i64,
}

/// All the time that an entity spent in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateTime {
    /// The state; `None` while it had none.
    pub state: Option<String>,
    /// How often it was there.
    pub stays: usize,
    /// How long in all, in seconds.
    pub seconds: i64,
}

/// What happened to an entity in a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateHistory {
    /// The flow.
    pub flow: String,
    /// The state that it is in.
    pub state: Option<String>,
    /// The changes, oldest first.
    pub changes: Vec<StateChange>,
    /// The states one after the other.
    pub stays: Vec<Stay>,
    /// The time spent in each state, in the order of first entering it.
    pub times: Vec<StateTime>,
}

impl StateHistory {
    fn of(flow: &Flow, state: Option<&str>, changes: Vec<StateChange>, made: Timestamp, now: Timestamp) -> Self {
        let mut stays: Vec<Stay> = Vec::with_capacity(changes.len() + 1);
        let stay = |state: Option<String>, since: Timestamp| Stay {
            state,
            since,
            until: None,
            seconds: 0,
        };
        let first = changes
            .first()
            .map_or(state.map(str::to_owned), |change| change.from.clone());
        stays.push(stay(first, made));
        for change in &changes {
            if let Some(last) = stays.last_mut() {
                last.until = Some(change.at);
            }
            stays.push(stay(change.to.clone(), change.at));
        }
        let mut times: Vec<StateTime> = Vec::new();
        for stay in &mut stays {
            let lasted: SignedDuration = stay.until.unwrap_or(now).duration_since(stay.since);
            stay.seconds = lasted.as_secs().max(0);
            match times.iter_mut().find(|time| time.state == stay.state) {
                Some(time) => {
                    time.stays += 1;
                    time.seconds += stay.seconds;
                }
                None => times.push(StateTime {
                    state: stay.state.clone(),
                    stays: 1,
                    seconds: stay.seconds,
                }),
            }
        }
        Self {
            flow: flow.name.clone(),
            state: state.map(str::to_owned),
            changes,
            stays,
            times,
        }
    }
}

impl Flows<'_> {
    /// The states that an entity went through, with the time spent in each, in each flow over its blueprint.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`](syncline_core::ErrorKind::Forbidden) by policy,
    /// [`ErrorKind::NotFound`](syncline_core::ErrorKind::NotFound).
    pub async fn history(&self, tenant: TenantId, uid: Uuid, actor: &Actor) -> Result<Vec<StateHistory>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadFlows)?;
        inner.allow_in(actor, tenant, Action::ReadEntities)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let (linked, blueprint) = stored_entity(tx.as_mut(), tenant, uid).await?;
        let entity = &linked.entity;
        let changes = changes_of(tx.as_mut(), tenant, entity.id).await?;
        let now = inner.clock.now();
        let mut histories = Vec::new();
        for stored in flows_of(tx.as_mut(), tenant, blueprint.id).await? {
            let flow = &stored.current.flow;
            let own = changes
                .iter()
                .filter(|change| change.flow == flow.name)
                .cloned()
                .collect();
            let state = blueprint
                .position(&flow.field)
                .and_then(|field| state(entity.value(field)));
            histories.push(StateHistory::of(flow, state, own, entity.created_at, now));
        }
        Ok(histories)
    }
}

fn state(value: &Value) -> Option<&str> {
    value.as_text().filter(|state| !state.is_empty())
}

/// All changes of an entity's states, oldest first.
async fn changes_of(tx: &mut dyn Transaction, tenant: TenantId, entity: EntityId) -> Result<Vec<StateChange>> {
    let mut query = DocumentQuery::new(DocumentKind::StateChange)
        .tenant(tenant)
        .scope(u64::try_from(entity).unwrap_or_default());
    let mut changes = Vec::new();
    loop {
        let page = document::find::<StateChange>(tx, &query).await?;
        let (found, last) = (page.len(), page.last().map(|change| change.id));
        changes.extend(page.into_iter().map(|change| change.value));
        if found < query.limit {
            break;
        }
        query.before = last;
    }
    changes.reverse();
    Ok(changes)
}

/// The last change of an entity's state in a flow.
pub(super) async fn last_change(
    tx: &mut dyn Transaction,
    tenant: TenantId,
    entity: EntityId,
    flow: &str,
) -> Result<Option<StateChange>> {
    let query = DocumentQuery::new(DocumentKind::StateChange)
        .tenant(tenant)
        .scope(u64::try_from(entity).unwrap_or_default())
        .status(flow)
        .limit(1);
    let found = document::find::<StateChange>(tx, &query).await?;
    Ok(found.into_iter().next().map(|change| change.value))
}

/// Writes one change down.
pub(super) async fn note(tx: &mut dyn Transaction, value: StateChange) -> Result<()> {
    document::put(tx, &mut Versioned { value, version: 0 }).await
}

/// What is known already of changes of state, by entity and flow: how they were judged, or nothing where a transition is
/// taken, which writes its own history.
pub(crate) type Judged = BTreeMap<(EntityId, String), Option<Judgement>>;

/// Writes down which states entities are about to change: called before the store has them, since what they held until
/// now tells. An entity's first state is its making.
pub(crate) async fn note_changes(tx: &mut dyn Transaction, written: &[&Entity], judged: &Judged) -> Result<()> {
    let blueprints: BTreeSet<BlueprintId> = written.iter().map(|entity| entity.blueprint).collect();
    for id in blueprints {
        let own: Vec<&Entity> = written
            .iter()
            .filter(|entity| entity.blueprint == id)
            .copied()
            .collect();
        let Some(tenant) = own.first().map(|entity| entity.tenant) else {
            continue;
        };
        let flows = flows_of(tx, tenant, id).await?;
        if !flows.is_empty() {
            note_of_blueprint(tx, &flows, id, &own, judged).await?;
        }
    }
    Ok(())
}

async fn note_of_blueprint(
    tx: &mut dyn Transaction,
    flows: &[StoredFlow],
    id: BlueprintId,
    written: &[&Entity],
    judged: &Judged,
) -> Result<()> {
    let blueprint = document::get::<Blueprint>(tx, u64::from(id)).await?.value;
    let fields: Vec<Option<usize>> = flows
        .iter()
        .map(|stored| blueprint.position(&stored.current.flow.field))
        .collect();
    let ids: Vec<EntityId> = written.iter().map(|entity| entity.id).collect();
    let stored: BTreeMap<EntityId, Entity> = tx
        .load_entities(&ids)
        .await?
        .into_iter()
        .map(|entity| (entity.id, entity))
        .collect();
    let mut ready: Option<Vec<CompiledFlow>> = None;
    for entity in written {
        let Some(before) = stored.get(&entity.id) else {
            continue;
        };
        for (stored, field) in flows.iter().zip(&fields) {
            let Some(field) = *field else { continue };
            let flow = &stored.current.flow;
            let known = judged.get(&(entity.id, flow.name.clone()));
            if known == Some(&None) || before.value(field) == entity.value(field) {
                continue;
            }
            let ready = ready.get_or_insert_with(|| compiled(flows, &blueprint));
            let group = blueprint.group_of(field);
            let decision = entity.last_decision(group);
            let cause = decision.map_or(Cause::App, |decision| decision.cause);
            let by = entity.updated_by.0.clone();
            let taker = match cause {
                Cause::Side(_) => Taker::crm(&by),
                // Whoever edited was let pass by now.
                _ => Taker::new(&by, flow.transitions.iter().flat_map(|known| known.roles.clone())),
            };
            let judge = || {
                let ready = ready.iter().find(|ready| ready.flow().name == flow.name)?;
                Some(ready.judge(Some(&before.values), &entity.values, &taker, entity.updated_at))
            };
            let judgement = known.cloned().flatten().or_else(judge);
            let (transition, breaks) = match judgement {
                Some(Judgement::Follows(transition)) => (Some(transition), None),
                Some(Judgement::Breaks(why)) => (None, Some(why)),
                Some(Judgement::Begins | Judgement::Stays) | None => (None, None),
            };
            let change = StateChange {
                id: 0,
                tenant: entity.tenant,
                entity: entity.id,
                uid: entity.uid,
                flow: flow.name.clone(),
                version: flow.version,
                transition,
                from: state(before.value(field)).map(str::to_owned),
                to: state(entity.value(field)).map(str::to_owned),
                at: entity.updated_at,
                by,
                how: Moved::by(cause),
                side: match cause {
                    Cause::Side(side) => side,
                    _ => 0,
                },
                rev: decision.map_or(entity.rev, |decision| decision.rev),
                breaks,
            };
            note(tx, change).await?;
        }
    }
    Ok(())
}

/// Removes the history of entities that are removed for good.
pub(crate) async fn forget(tx: &mut dyn Transaction, gone: &[Linked]) -> Result<()> {
    for linked in gone {
        let entity = &linked.entity;
        for change in changes_of(tx, entity.tenant, entity.id).await? {
            tx.delete_document(DocumentKind::StateChange, change.id).await?;
        }
    }
    Ok(())
}

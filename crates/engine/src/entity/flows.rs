//! Edits by the app, held against the flows over their blueprint.

use syncline_core::flow::{Breach, CompiledFlow, Judgement};
use syncline_core::plan::Patch;
use syncline_core::state::{Entity, EntityId};
use syncline_core::value::Value;

use super::findings::Findings;
use super::transaction::EntityTransaction;
use crate::flow::{Judged, taker};

impl EntityTransaction<'_> {
    /// Says that a transition of a flow is taken on an entity.
    pub(crate) fn taking(&mut self, entity: EntityId, flow: &str) {
        self.judged.insert((entity, flow.to_owned()), None);
    }

    /// Finds states in which a new entity may not begin.
    pub(super) fn begins(&self, values: &[Value], findings: &mut Findings) {
        for stored in &self.flows {
            let flow = &stored.current.flow;
            let state = self.blueprint.position(&flow.field).and_then(|field| values.get(field));
            let Some(state) = state.and_then(Value::as_text).filter(|state| !state.is_empty()) else {
                continue;
            };
            if flow.edits == Breach::Refuse && !flow.initial.iter().any(|initial| initial == state) {
                let text = format!(
                    "`{}` begins with {}, not with {state}",
                    flow.field,
                    flow.initial.join(" or ")
                );
                findings.invalid(&flow.field, text);
            }
        }
    }

    /// Finds changes of state that break a flow, and returns what the transitions do that were followed (their updates, but
    /// for fields that were edited themselves) with how each change was judged.
    pub(super) fn follows(
        &self,
        before: &Entity,
        edited: &Entity,
        patch: &Patch,
        findings: &mut Findings,
    ) -> (Patch, Judged) {
        let mut updates = Patch::new();
        let mut judged = Judged::new();
        for stored in &self.flows {
            let flow = &stored.current.flow;
            let Some(field) = self.blueprint.position(&flow.field) else {
                continue;
            };
            let key = (before.id, flow.name.clone());
            let is_taken = self.judged.get(&key) == Some(&None);
            if is_taken || before.value(field) == edited.value(field) {
                continue;
            }
            let Ok(flow) = CompiledFlow::compile(flow, &self.blueprint) else {
                continue;
            };
            let (taker, now) = (taker(self.inner, self.actor), self.inner.clock.now());
            let judgement = flow.judge(Some(&before.values), &edited.values, &taker, now);
            judged.insert(key, Some(judgement.clone()));
            match judgement {
                Judgement::Follows(transition) => {
                    // What can't be evaluated breaks the flow, and was found by the judgement.
                    let follow_up = flow.follow_up(&transition, &before.values, &edited.values, &taker, now);
                    let follow_up = follow_up.unwrap_or_default().into_iter();
                    updates.extend(follow_up.filter(|(position, _)| !patch.contains_key(position)));
                }
                Judgement::Breaks(why) if flow.flow().edits == Breach::Refuse => {
                    let flow = flow.flow();
                    findings.invalid(&flow.field, format!("{why}; take a transition of flow `{}`", flow.name));
                }
                Judgement::Breaks(_) | Judgement::Begins | Judgement::Stays => {}
            }
        }
        (updates, judged)
    }
}

//! The deliberate faults: what an implementation of the algorithm could get wrong without any test of a single
//! function noticing.

use super::Sabotage;

/// All of them.
pub(super) const ALL: &[Sabotage] = &[
    Sabotage {
        name: "echo-check-off",
        file: "crates/core/src/plan/compare.rs",
        old: "Some(base) => base != observed && group.canon(&base) != group.canon(observed),",
        new: "Some(base) => SABOTAGED || base != observed && group.canon(&base) != group.canon(observed),",
    },
    Sabotage {
        name: "raw-values-compared",
        file: "crates/core/src/plan/compare.rs",
        old: "Ok(put) => Ok(put == observed || group.canon(&put) == group.canon(observed)),",
        new: "Ok(put) => Ok(put == observed || !SABOTAGED && group.canon(&put) == group.canon(observed)),",
    },
    Sabotage {
        name: "base-taken-from-what-was-sent",
        file: "crates/core/src/plan/confirm.rs",
        old: "        if kept {\n            state.base = Base::AsObserved;",
        new: "        if kept || SABOTAGED {\n            state.base = Base::AsObserved;",
    },
    Sabotage {
        name: "guard-read-left-out",
        file: "crates/engine/src/run/push.rs",
        old: "intend(inner, context, session, run, batch, Some(&guard)).await?;",
        new: "intend(inner, context, session, run, batch, Some(&guard).filter(|_| !SABOTAGED)).await?;",
    },
    Sabotage {
        name: "loser-not-written-down",
        file: "crates/core/src/plan/decision.rs",
        old: "            .values(group.group, linked.entity.rev, loser, hub)\n            .note(note);\n        self.effects.audit.push(entry);",
        new: "            .values(group.group, linked.entity.rev, loser, hub)\n            .note(note);\n        if !SABOTAGED {\n            self.effects.audit.push(entry);\n        }",
    },
    Sabotage {
        name: "conflicts-overlooked",
        file: "crates/core/src/plan/decide.rs",
        old: "let moved = linked.entity.rev_of(id) > linked.sides[self.index].base_rev(id);",
        new: "let moved = !SABOTAGED && linked.entity.rev_of(id) > linked.sides[self.index].base_rev(id);",
    },
    Sabotage {
        name: "late-writes-taken-for-edits",
        file: "crates/core/src/plan/decide.rs",
        old: "        if self.is_ghost(linked, group, &observed) {",
        new: "        if !SABOTAGED && self.is_ghost(linked, group, &observed) {",
    },
    Sabotage {
        name: "frozen-groups-decided",
        file: "crates/core/src/plan/decide.rs",
        old: "        } else if linked.entity.frozen_by(id).is_some() {\n            // No side",
        new: "        } else if !SABOTAGED && linked.entity.frozen_by(id).is_some() {\n            // No side",
    },
    Sabotage {
        name: "frozen-groups-written",
        file: "crates/core/src/plan/push.rs",
        old: "        if entity.frozen_by(group.group).is_some() {\n            continue;",
        new: "        if !SABOTAGED && entity.frozen_by(group.group).is_some() {\n            continue;",
    },
    Sabotage {
        name: "other-sides-not-told",
        file: "crates/core/src/plan/decide.rs",
        old: "            if place != index {\n                other.flags.set(SideFlags::PUSH);",
        new: "            if place != index && !SABOTAGED {\n                other.flags.set(SideFlags::PUSH);",
    },
    Sabotage {
        name: "edits-overwritten-by-pushes",
        file: "crates/core/src/plan/push.rs",
        old: "        if changed(side, group, &observed) {\n            plan.undecided = true;\n            continue;",
        new: "        if changed(side, group, &observed) && !SABOTAGED {\n            plan.undecided = true;\n            continue;",
    },
    Sabotage {
        name: "overlapping-reads-believed",
        file: "crates/core/src/plan/observe.rs",
        old: "    let overlaps = mark <= head.write_seq || head.flags.has(SideFlags::IN_FLIGHT);",
        new: "    let overlaps = !SABOTAGED && (mark <= head.write_seq || head.flags.has(SideFlags::IN_FLIGHT));",
    },
    Sabotage {
        name: "stale-rows-forgotten",
        file: "crates/engine/src/run/page.rs",
        old: "            Acceptance::Stale => {\n                tally.ledger.deferred += 1;\n                stale.push(head.key.entity);",
        new: "            Acceptance::Stale => {\n                tally.ledger.deferred += 1;\n                if !SABOTAGED {\n                    stale.push(head.key.entity);\n                }",
    },
    Sabotage {
        name: "unknown-outcome-taken-for-done",
        file: "crates/engine/src/run/outcome.rs",
        old: "        OutcomeKind::Unknown => {\n            operation.state = OperationState::Unknown;",
        new: "        OutcomeKind::Unknown if SABOTAGED => {\n            operation.state = OperationState::Confirmed;\n            applied_unseen(context, linked, index, operation, answer);\n            linked.sides[index].flags.clear(SideFlags::READ);\n            Ok(Effects::default())\n        }\n        OutcomeKind::Unknown => {\n            operation.state = OperationState::Unknown;",
    },
    Sabotage {
        name: "unknown-outcome-repeated-blindly",
        file: "crates/engine/src/run/outcome.rs",
        old: "        OutcomeKind::NotApplied { .. } | OutcomeKind::Conflict => {",
        new: "        OutcomeKind::Unknown if SABOTAGED => {\n            operation.state = OperationState::Superseded;\n            defer(context, run, verb);\n            linked.sides[index].flags.clear(SideFlags::IN_FLIGHT);\n            linked.sides[index].flags.set(SideFlags::PUSH);\n            Ok(Effects::default())\n        }\n        OutcomeKind::NotApplied { .. } | OutcomeKind::Conflict => {",
    },
    Sabotage {
        name: "intent-not-journaled",
        file: "crates/engine/src/run/push.rs",
        old: "        .put_operations(&operations.iter().collect::<Vec<_>>())",
        new: "        .put_operations(&operations.iter().filter(|_| !SABOTAGED).collect::<Vec<_>>())",
    },
    Sabotage {
        name: "open-operations-forgotten",
        file: "crates/engine/src/run/resolve.rs",
        old: "        reporter.check_stop()?;\n        let mut page = session.begin().await?;\n        let open = page",
        new: "        if SABOTAGED {\n            return Ok(());\n        }\n        reporter.check_stop()?;\n        let mut page = session.begin().await?;\n        let open = page",
    },
    Sabotage {
        name: "lease-not-checked",
        file: "crates/engine/src/run/lease.rs",
        old: ".filter(|stake| stake.epoch == self.epoch && stake.owner == self.owner)",
        new: ".filter(|stake| SABOTAGED || stake.epoch == self.epoch && stake.owner == self.owner)",
    },
    Sabotage {
        name: "decisions-not-written-down",
        file: "crates/core/src/plan/decision.rs",
        old: "            entry.note.push_str(\"; low confidence\");\n        }\n        self.effects.audit.push(entry);",
        new: "            entry.note.push_str(\"; low confidence\");\n        }\n        if !SABOTAGED {\n            self.effects.audit.push(entry);\n        }",
    },
    Sabotage {
        name: "out-of-sight-taken-for-deleted",
        file: "crates/engine/src/run/page.rs",
        old: "let effects = plan::gone(linked, index, Gone::Inaccessible, None, &scene)?;",
        new: "let effects = plan::gone(linked, index, if SABOTAGED { Gone::Deleted } else { Gone::Inaccessible }, None, &scene)?;",
    },
    Sabotage {
        name: "own-creates-taken-for-strangers",
        file: "crates/engine/src/run/own_creates.rs",
        old: "            Some(Named::Open) => sifted.open += 1,",
        new: "            Some(_) if SABOTAGED => sifted.strangers.push(row),\n            Some(Named::Open) => sifted.open += 1,",
    },
    Sabotage {
        name: "form-reverts-what-was-pulled",
        file: "crates/core/src/plan/app_edit.rs",
        old: "            && then.as_ref().is_none_or(|then| then[place] != *value)",
        new: "            && (SABOTAGED || then.as_ref().is_none_or(|then| then[place] != *value))",
    },
    Sabotage {
        name: "stale-decisions-accepted",
        file: "crates/engine/src/conflict/service.rs",
        old: "    if item.version != version {",
        new: "    if item.version != version && !SABOTAGED {",
    },
    Sabotage {
        name: "cursor-moved-too-far",
        file: "crates/engine/src/run/pull.rs",
        old: "            let tally = take_page(inner, context, &mut page, run, &batch, rows, mark).await?;\n            brake(inner, context, &mut page, run, &tally).await?;\n            match &progress {",
        new: "            if let (true, true, Progress::Done { cursor }) = (SABOTAGED, keeps_cursor, &progress) {\n                keep(inner, context, &mut page, NEXT, &of_object(context), cursor).await?;\n                session.commit(page, run).await?;\n                page = session.begin().await?;\n            }\n            let tally = take_page(inner, context, &mut page, run, &batch, rows, mark).await?;\n            brake(inner, context, &mut page, run, &tally).await?;\n            match &progress {",
    },
    Sabotage {
        name: "idempotency-key-changed-on-retry",
        file: "crates/engine/src/run/push.rs",
        old: ".map(|field| (field, linked.entity.uid.to_string())),",
        new: ".map(|field| (field, if SABOTAGED { uid(inner).to_string() } else { linked.entity.uid.to_string() })),",
    },
    Sabotage {
        name: "agreement-taken-from-an-older-read",
        file: "crates/core/src/plan/decide.rs",
        old: "            if began_after {\n                self.agree(linked, id);\n            }\n            thaw(",
        new: "            if began_after || SABOTAGED {\n                self.agree(linked, id);\n            }\n            thaw(",
    },
    Sabotage {
        name: "deleted-over-unseen-edits",
        file: "crates/core/src/plan/push.rs",
        old: "DeletePolicy::Delete | DeletePolicy::Archive if has_edits(entity, side, known.mapping)? => {",
        new: "DeletePolicy::Delete | DeletePolicy::Archive if !SABOTAGED && has_edits(entity, side, known.mapping)? => {",
    },
    Sabotage {
        name: "stale-index-believed",
        file: "crates/core/src/plan/observe.rs",
        old: "        if !(newer || repeated || other_mapping) {",
        new: "        if !SABOTAGED && !(newer || repeated || other_mapping) {",
    },
    Sabotage {
        name: "dirty-marks-cleared-by-older-reads",
        file: "crates/core/src/plan/observe.rs",
        old: "    if observation.mark.0 > side.dirty_seq {",
        new: "    if SABOTAGED || observation.mark.0 > side.dirty_seq {",
    },
    Sabotage {
        name: "refresh-token-not-saved-before-use",
        file: "crates/engine/src/oauth/refresh.rs",
        old: "        match self.commit(&refreshed, lease).await {",
        new: "        if SABOTAGED {\n            self.give_back(Some(lease)).await?;\n            return Ok(self.keep(refreshed.credential));\n        }\n        match self.commit(&refreshed, lease).await {",
    },
    Sabotage {
        name: "sent-writes-not-looked-out-for",
        file: "crates/engine/src/run/resolve.rs",
        old: "        if landed == OperationState::Sent {",
        new: "        if landed == OperationState::Sent && !SABOTAGED {",
    },
    Sabotage {
        name: "lost-writes-not-looked-out-for",
        file: "crates/engine/src/run/outcome.rs",
        old: "            haunt(inner, context, linked, index, operation);\n            page.audit.push(",
        new: "            if !SABOTAGED {\n                haunt(inner, context, linked, index, operation);\n            }\n            page.audit.push(",
    },
    Sabotage {
        name: "matched-without-taking-turns",
        file: "crates/engine/src/run/perform.rs",
        old: "    if session.is_dry() {\n        // It makes nobody, so nobody has to wait for it.",
        new: "    if session.is_dry() || SABOTAGED {\n        // It makes nobody, so nobody has to wait for it.",
    },
    Sabotage {
        name: "unheard-edits-not-written-down",
        file: "crates/core/src/plan/decide.rs",
        old: "        if !first || !observed.iter().all(Value::is_empty) {",
        new: "        if !SABOTAGED && (!first || !observed.iter().all(Value::is_empty)) {",
    },
    Sabotage {
        name: "overruled-by-the-app-without-a-word",
        file: "crates/core/src/plan/app_edit.rs",
        old: "    if overrules && !hub.iter().all(Value::is_empty) {",
        new: "    if !SABOTAGED && overrules && !hub.iter().all(Value::is_empty) {",
    },
    Sabotage {
        name: "rolled-back-over-later-decisions",
        file: "crates/engine/src/run/rollback/block.rs",
        old: "        let is_ours = linked.entity.rev_of(group) == entry.rev",
        new: "        let is_ours = SABOTAGED || linked.entity.rev_of(group) == entry.rev",
    },
];

//! The end of a history: faults and edits stop, everything is run, and then everything must agree and be silent.

use std::time::Duration;

use syncline_core::state::Presence;

use super::check::{Invariant, Knowledge, safe, settled};
use super::history::{Kind, Verdict};
use super::play::Play;

/// How many cycles of runs everything may take to agree.
const CYCLES: usize = 6;

impl Play {
    /// What must hold after every step.
    pub(super) async fn check_always(&mut self) {
        let world = self.world.clone();
        if let Err(error) = self.watermarks.check(&world).await {
            world.violate(
                Invariant::AuditCompleteness,
                format!("the store can't be read: {error}"),
            );
        }
    }

    /// What must hold in every state.
    pub(super) async fn check_safety(&self) -> Option<Knowledge> {
        match Knowledge::load(&self.world).await {
            Ok(known) => {
                safe(&self.world, &known);
                Some(known)
            }
            Err(error) => {
                self.world.violate(
                    Invariant::AuditCompleteness,
                    format!("the store can't be read: {error}"),
                );
                None
            }
        }
    }

    /// Stops all faults, runs everything until it must agree, and checks that it does and falls silent.
    pub(super) async fn settle(&mut self) {
        self.world.story(|| "--- faults and edits stop".to_owned());
        self.life.put_out();
        self.join().await;
        for (index, crm) in self.world.crms.iter().enumerate() {
            crm.faults().clear();
            self.world.automate(index, 0);
        }
        for crm in 0..self.world.crms.len() {
            self.share(crm);
        }
        // Beyond everything that may land late, every process that stood still, and the hour after which Salesforce is
        // asked again what was deleted for good.
        tokio::time::sleep(Duration::from_secs(3_700)).await;
        self.land_all().await;
        for crm in 0..self.world.crms.len() {
            self.pause(crm, false).await;
            if self.world.is_remapped(crm) {
                self.remap(crm, 7).await;
            }
        }
        // What only a sweep sees, it takes two to be sure of.
        self.cycle(Kind::Sweep).await;
        self.cycle(Kind::Sweep).await;
        self.until_quiet().await;
        if self.world.scenario.decides {
            for round in 0..3 {
                let mut decided = 0;
                for tenant in 0..self.world.scenario.tenants {
                    for item in 0..self.pending(tenant).await.len() {
                        decided += 1;
                        let verdict = if (item + round) % 2 == 0 {
                            Verdict::App
                        } else {
                            Verdict::Crm
                        };
                        self.decide(900_000 + item as u32, tenant, 0, verdict, false).await;
                    }
                }
                if decided == 0 {
                    break;
                }
                self.until_quiet().await;
            }
        }
        let Some(known) = self.check_safety().await else { return };
        settled(&self.world, &known);
        self.silence(&known).await;
    }

    async fn cycle(&mut self, kind: Kind) {
        for crm in 0..self.world.crms.len() {
            tokio::time::sleep(Duration::from_secs(120)).await;
            self.reconnect().await;
            self.run(crm, kind, false).await;
        }
    }

    /// Runs everything until a whole cycle changes nothing.
    async fn until_quiet(&mut self) {
        for _ in 0..CYCLES {
            let before = self.extent().await;
            self.cycle(Kind::Usual).await;
            if self.extent().await == before && !self.waits_for_a_delete().await {
                return;
            }
        }
        let what = format!("things still change after {CYCLES} cycles without an edit or a fault");
        self.world.violate(Invariant::Convergence, what);
    }

    /// Whether a record was reported as deleted, which is believed only after a while.
    async fn waits_for_a_delete(&self) -> bool {
        let known = Knowledge::load(&self.world).await.unwrap_or_default();
        let mut sides = known.entities.iter().flat_map(|known| &known.linked.sides);
        sides.any(|side| matches!(side.presence, Presence::ReportedDeleted(_)))
    }

    /// What every change makes larger: the changes of remote records, and the revisions of entities.
    async fn extent(&self) -> (usize, usize, u64) {
        let known = Knowledge::load(&self.world).await.unwrap_or_default();
        let revs = known.entities.iter().map(|known| known.linked.entity.rev).sum();
        (self.world.ghost().changes.len(), known.entities.len(), revs)
    }

    fn writes(&self) -> Vec<u64> {
        self.world.crms.iter().map(|crm| crm.log().mutating()).collect()
    }

    /// I4 and I5: with everything read again and every hint repeated, nothing is written and nothing changes.
    async fn silence(&mut self, known: &Knowledge) {
        self.world.story(|| "--- everything must be silent now".to_owned());
        let (before, changes) = (self.writes(), self.world.ghost().changes.len());
        for crm in 0..self.world.crms.len() {
            for record in 0..8 {
                self.hint_at(crm, record).await;
            }
        }
        self.cycle(Kind::Usual).await;
        for crm in 0..self.world.crms.len() {
            self.run(crm, Kind::Full, false).await;
        }
        let changed: Vec<String> = self.world.ghost().changes[changes..]
            .iter()
            .map(|change| {
                format!(
                    "crm{} {} {:?}: `{}` -> `{}`",
                    change.crm, change.ext, change.field, change.before, change.after
                )
            })
            .collect();
        if !changed.is_empty() {
            self.world.violate(
                Invariant::Silence,
                format!("written after everything agreed: {}", changed.join("; ")),
            );
        }
        // What a CRM refuses is tried again from time to time, to no effect.
        for (crm, (before, after)) in before.iter().zip(self.writes()).enumerate() {
            if *before != after && changed.is_empty() && known.failures.is_empty() {
                let count = after - before;
                self.world.violate(
                    Invariant::Silence,
                    format!("{count} writes to crm{crm} after everything agreed"),
                );
            }
        }
        let Ok(again) = Knowledge::load(&self.world).await else {
            return;
        };
        for (one, two) in known.entities.iter().zip(&again.entities) {
            if one.linked.entity.values != two.linked.entity.values || one.linked.entity.rev != two.linked.entity.rev {
                self.world.violate(
                    Invariant::IdempotentIngest,
                    format!(
                        "reading again what was read changed entity {}: {:?} (revision {}) to {:?} (revision {})",
                        one.linked.entity.uid,
                        one.linked.entity.values,
                        one.linked.entity.rev,
                        two.linked.entity.values,
                        two.linked.entity.rev
                    ),
                );
            }
        }
        if known.entities.len() != again.entities.len() {
            self.world.violate(
                Invariant::IdempotentIngest,
                format!(
                    "reading again made {} entities of {}",
                    again.entities.len(),
                    known.entities.len()
                ),
            );
        }
    }
}

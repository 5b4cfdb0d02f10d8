//! Administrators: pausing, remapping, rolling back; and the hints that CRMs send.

use syncline_core::mapping::{Direction, Strategy};
use syncline_core::store::{InboxEntry, Mode};
use syncline_engine::run::RollbackRelease;

use super::crm::Object;
use super::history::{Act, Step};
use super::play::Play;

impl Play {
    /// An administrator acts, or a CRM calls.
    pub(super) async fn administrator(&mut self, step: &Step) {
        match step.act {
            Act::Pause { crm } => self.pause(crm, true).await,
            Act::Resume { crm } => self.pause(crm, false).await,
            Act::Remap { crm, change } => self.remap(crm, change).await,
            Act::Rollback { crm, run, everywhere } => self.roll_back(crm, run, everywhere).await,
            Act::Retry { tenant } => self.retry(tenant).await,
            Act::Hint { crm, record, twice } => self.hint(crm, record, twice).await,
            _ => {}
        }
    }

    /// Takes one of the people of a CRM out of the engine's sight, as an administrator does who changes what is shared.
    pub(super) fn unshare(&mut self, crm: usize, record: u32) {
        let Some((ext, _)) = self.live_one(crm, Object::Person, record) else {
            return;
        };
        if self.world.crms[crm].share(Object::Person, &ext, false) {
            self.world.story(|| format!("    crm{crm}: {ext} is out of sight"));
            self.world.cover("a record was not shared any more");
            self.unshared.push((crm, ext));
        }
    }

    /// Everything of a CRM is in the engine's sight again.
    pub(super) fn share(&mut self, crm: usize) {
        for (_, ext) in self.unshared.extract_if(.., |(at, _)| *at == crm) {
            self.world.crms[crm].share(Object::Person, &ext, true);
            self.world.story(|| format!("    crm{crm}: {ext} is in sight again"));
        }
    }

    /// Pauses the sync of people of a CRM, or resumes it.
    pub(super) async fn pause(&mut self, crm: usize, pause: bool) {
        let (engine, actor) = (self.engine.clone(), self.actor.clone());
        let tenant = self.world.tenant(self.world.scenario.crms[crm].tenant);
        let name = format!("crm{crm}-person");
        let done = self.call(async move {
            let syncs = engine.syncs().list(tenant, false, &actor).await?;
            for sync in syncs.iter().filter(|sync| sync.name == name) {
                if pause {
                    engine.syncs().pause(sync.id, "because", &actor).await?;
                } else {
                    engine.syncs().resume(sync.id, &actor).await?;
                }
            }
            Ok(())
        });
        if let Some(Ok(())) = done.await {
            self.world.cover(if pause { "pause" } else { "resume" });
        }
    }

    /// Changes the mapping of people; 7 is what it was at first.
    pub(super) async fn remap(&mut self, crm: usize, change: u32) {
        let plan = &self.world.scenario.crms[crm];
        let companies = self.world.scenario.companies;
        let mut new = plan.sync(crm, Object::Person, self.connections[crm], companies);
        let mapping = &mut new.mapping;
        match change {
            0 => mapping.strategy = Strategy::CrmWins,
            1 => mapping.strategy = Strategy::AppWins,
            2 => mapping.strategy = Strategy::ManualReview,
            3 => mapping.rules.retain(|rule| rule.fields != ["city"]),
            4 => {
                for rule in mapping.rules.iter_mut().filter(|rule| rule.fields == ["phone"]) {
                    rule.direction = Direction::Pull;
                }
            }
            5 => {
                for rule in mapping.rules.iter_mut().filter(|rule| rule.fields == ["phone"]) {
                    rule.direction = Direction::Push;
                }
            }
            // Back to what it was at first.
            _ => {}
        }
        let (engine, actor) = (self.engine.clone(), self.actor.clone());
        let remapped = &self.world.remapped;
        remapped
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .insert(crm);
        match self.call(async move { engine.syncs().save(new, &actor).await }).await {
            Some(Ok(_)) => self.world.cover("mapping changed"),
            Some(Err(error)) => self.world.story(|| format!("    refused: {error}")),
            None => {}
        }
    }

    async fn roll_back(&mut self, crm: usize, run: u32, everywhere: u32) {
        let Some(ended) = self.runs.get(&crm).filter(|runs| !runs.is_empty()) else {
            return;
        };
        let undone = ended[ended.len() - 1 - run as usize % ended.len()];
        let release = match everywhere {
            0 => RollbackRelease::Hold,
            1 => RollbackRelease::AcceptSourceNext,
            _ => RollbackRelease::Everywhere,
        };
        let (engine, actor) = (self.engine.clone(), self.actor.clone());
        // It may have done something even where nobody is left to hear of it.
        self.world.cover("rollback asked for");
        let done = self.wait(async move { engine.runs().rollback(undone, release, false, &actor).await });
        match done.await {
            Some(Ok(run)) => {
                self.world.cover(format!("rollback, {release:?}"));
                // It can be rolled back itself.
                self.runs.entry(crm).or_default().push(run.id);
                self.world.story(|| {
                    format!(
                        "    rollback of run {undone}: {} diverged {} {}",
                        run.status.name(),
                        run.diverged_count,
                        run.error.as_deref().unwrap_or_default()
                    )
                });
            }
            Some(Err(error)) => self.world.story(|| format!("    refused: {error}")),
            None => {}
        }
    }

    async fn retry(&mut self, tenant: usize) {
        let (engine, actor, number) = (self.engine.clone(), self.actor.clone(), self.world.tenant(tenant));
        let done = self.call(async move {
            let failures = engine.runs().failures(number, None, &actor).await?;
            for failure in &failures {
                engine.runs().retry_failure(failure.id, &actor).await?;
            }
            Ok(failures.len())
        });
        if let Some(Ok(1..)) = done.await {
            self.world.cover("failure retried");
        }
    }

    async fn hint(&mut self, crm: usize, record: u32, twice: bool) {
        for _ in 0..=usize::from(twice) {
            self.hint_at(crm, record).await;
        }
    }

    /// A CRM says that one of its records changed.
    pub(super) async fn hint_at(&mut self, crm: usize, record: u32) {
        let live = self.live(crm, Object::Person);
        let Some(side) = self.world.side(crm, Object::Person).filter(|_| !live.is_empty()) else {
            return;
        };
        let (ext, _) = &live[record as usize % live.len()];
        let Ok(mut tx) = self.world.store.begin(Mode::Write).await else {
            return;
        };
        let hint = InboxEntry {
            side,
            ext: ext.clone(),
            seq: u64::try_from(self.world.clock.time().as_microsecond()).unwrap_or_default(),
        };
        if tx.put_hints(&[hint]).await.is_ok() && tx.commit().await.is_ok() {
            self.world.cover("hint");
        }
    }
}

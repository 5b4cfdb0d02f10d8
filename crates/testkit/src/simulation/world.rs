//! Everything outside of the engine: time, CRMs, the store's disk, and what is known of the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use syncline_core::model::TenantId;
use syncline_core::state::{OperationState, OperationVerb, SideId};
use syncline_core::store::{DocumentKind, Mode};
use syncline_simulators::{Faults, Options};
use xxhash_rust::xxh3::Xxh3;

use super::Disk;
use super::check::{Invariant, Violation};
use super::crm::{Object, Simulator};
use super::ghost::{Change, Ghost, Place, Who};
use super::resend::{Refreshes, Unanswered};
use super::scenario::Scenario;
use super::users::unique;
use crate::stage::VirtualClock;

/// See the [module](self).
pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) clock: VirtualClock,
    pub(super) crms: Vec<Simulator>,
    pub(super) routers: Vec<axum::Router>,
    pub(super) store: Arc<dyn Disk>,
    pub(super) tenants: Mutex<Vec<TenantId>>,
    /// Which CRM and object a sync's side is.
    pub(super) sides: Mutex<BTreeMap<SideId, (usize, Object)>>,
    ghost: Mutex<Ghost>,
    dice: Mutex<ChaCha8Rng>,
    trace: Mutex<Xxh3>,
    story: Option<Mutex<Vec<String>>>,
    violations: Mutex<Vec<Violation>>,
    coverage: Mutex<BTreeMap<String, u64>>,
    /// Writes that overwrote what nobody had read: value, field, record.
    pub(super) unseen: Mutex<BTreeSet<String>>,
    unanswered: Mutex<Unanswered>,
    refreshes: Mutex<Refreshes>,
    /// How often each CRM's automation still changes what the engine writes, and how often any did.
    automation: Mutex<(BTreeMap<usize, u32>, u32)>,
    /// Whether any user's commit was to show late.
    pub(super) late: AtomicBool,
    /// CRMs whose mapping was changed.
    pub(super) remapped: Mutex<BTreeSet<usize>>,
    /// Values that people chose when they decided, by tenant.
    pub(super) chosen: Mutex<Vec<(usize, String)>>,
    /// Entities that a person said to be nobody else's.
    pub(super) separate: Mutex<BTreeSet<String>>,
    /// The tokens that belong to each CRM.
    secrets: Vec<BTreeSet<String>>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("scenario", &self.scenario)
            .finish_non_exhaustive()
    }
}

/// The host under which a CRM is reached.
pub(super) fn host(crm: usize) -> String {
    format!("crm{crm}.localhost")
}

/// What the store says before a request arrives.
#[derive(Debug, Default)]
pub(super) struct Before {
    mutating: u64,
    /// Records with a write under way, by side: remote id, or none for a create.
    intended: Vec<(SideId, OperationVerb, Option<String>, u64)>,
    /// Groups that are frozen, by remote record.
    frozen: BTreeSet<(Object, String, &'static str)>,
}

impl World {
    pub(super) fn new(seed: u64, scenario: Scenario, disk: Arc<dyn Disk>, told: bool) -> std::io::Result<Self> {
        let clock = VirtualClock::new();
        let mut crms = Vec::new();
        let mut secrets = Vec::new();
        for (index, plan) in scenario.crms.iter().enumerate() {
            let faults = Faults::new(seed ^ (index as u64 + 1));
            // A write that lands later still lands within the horizon in which one is looked out for.
            faults.set_late_apply(SignedDuration::from_secs(20 + 40 * (seed % 3) as i64));
            faults.set_late_commit(SignedDuration::from_secs(30));
            faults.set_slow(Duration::from_secs(2 + seed % 40));
            let options = Options {
                records: 0,
                seed: seed.wrapping_mul(31).wrapping_add(index as u64),
                account: index as u64,
                clock: Arc::new(clock.clone()),
                rotate_refresh_tokens: plan.rotates,
                index_lag: SignedDuration::from_millis(plan.index_lag),
                faults,
                ..Options::default()
            };
            let simulator = Simulator::new(plan, options)?;
            let credentials = simulator.credentials();
            secrets.push([credentials.access_token, credentials.refresh_token].into());
            crms.push(simulator);
        }
        Ok(Self {
            scenario,
            clock,
            routers: crms.iter().map(Simulator::router).collect(),
            crms,
            store: disk,
            tenants: Mutex::default(),
            sides: Mutex::default(),
            ghost: Mutex::default(),
            dice: Mutex::new(ChaCha8Rng::seed_from_u64(seed ^ 0x6c61_7465_6e63_7900)),
            trace: Mutex::new(Xxh3::new()),
            story: told.then(Mutex::default),
            violations: Mutex::default(),
            coverage: Mutex::default(),
            unseen: Mutex::default(),
            unanswered: Mutex::default(),
            refreshes: Mutex::default(),
            automation: Mutex::default(),
            late: AtomicBool::new(false),
            remapped: Mutex::default(),
            chosen: Mutex::default(),
            separate: Mutex::default(),
            secrets,
        })
    }

    pub(super) fn ghost(&self) -> MutexGuard<'_, Ghost> {
        self.ghost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unanswered(&self) -> MutexGuard<'_, Unanswered> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn refreshes(&self) -> MutexGuard<'_, Refreshes> {
        self.refreshes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tenant(&self, tenant: usize) -> TenantId {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.get(tenant).copied().unwrap_or_default()
    }

    pub(super) fn side(&self, crm: usize, object: Object) -> Option<SideId> {
        let sides = self.sides.lock().unwrap_or_else(PoisonError::into_inner);
        sides
            .iter()
            .find(|(_, at)| **at == (crm, object))
            .map(|(side, _)| *side)
    }

    pub(super) fn all_sides(&self) -> BTreeMap<SideId, (usize, Object)> {
        self.sides.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn crm_of(&self, host: &str) -> Option<usize> {
        let number: usize = host.strip_prefix("crm")?.strip_suffix(".localhost")?.parse().ok()?;
        (number < self.crms.len()).then_some(number)
    }

    pub(super) fn latency(&self) -> Duration {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_millis(dice.random_range(1..=self.scenario.latency))
    }

    /// Adds to what has to be the same in every play of a seed.
    pub(super) fn trace(&self, parts: &[&str]) {
        let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        trace.update(&self.clock.time().as_microsecond().to_le_bytes());
        for part in parts {
            trace.update(part.as_bytes());
            trace.update(&[0]);
        }
    }

    pub(super) fn digest(&self) -> u64 {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).digest()
    }

    /// Adds a line to the story, if it is told.
    pub(super) fn story(&self, line: impl FnOnce() -> String) {
        if let Some(story) = &self.story {
            let time = self.clock.time().strftime("%d %H:%M:%S%.3f").to_string();
            let line = format!("{time}  {}", line());
            story.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    pub(super) fn told(&self) -> Vec<String> {
        let story = self.story.as_ref();
        story.map_or_else(Vec::new, |story| {
            story.lock().unwrap_or_else(PoisonError::into_inner).clone()
        })
    }

    pub(super) fn violate(&self, invariant: Invariant, what: String) {
        self.story(|| format!("*** {}: {what}", invariant.name()));
        let violation = Violation { invariant, what };
        self.violations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(violation);
    }

    pub(super) fn violations(&self) -> Vec<Violation> {
        self.violations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says that something was reached that every batch has to reach sometimes.
    pub(super) fn cover(&self, what: impl Into<String>) {
        let mut coverage = self.coverage.lock().unwrap_or_else(PoisonError::into_inner);
        *coverage.entry(what.into()).or_default() += 1;
    }

    pub(super) fn coverage(&self) -> BTreeMap<String, u64> {
        self.coverage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the mapping of a CRM was changed on the way.
    pub(super) fn is_remapped(&self, crm: usize) -> bool {
        self.remapped
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&crm)
    }

    /// Whether a person said that an entity is nobody else's, and so makes two of one.
    pub(super) fn is_separate(&self, uid: &str) -> bool {
        let separate = self.separate.lock().unwrap_or_else(PoisonError::into_inner);
        separate.contains(uid)
    }

    pub(super) fn decided(&self) -> Vec<(usize, String)> {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether any run was rolled back, which may delete what a run created.
    pub(super) fn rolled_back(&self) -> bool {
        self.coverage().keys().any(|what| what.starts_with("rollback"))
    }

    /// Looks at a CRM's records and says what changed since the last look.
    pub(super) fn look(&self, crm: usize, who: Who) -> Vec<Change> {
        let mut found = Vec::new();
        for object in Object::ALL {
            let now = self.crms[crm].shown(object);
            found.extend(self.ghost().look(crm, object, now, who));
        }
        if who == Who::Itself {
            // What shows late replaces what is there, whoever has seen that.
            let tenant = self.scenario.crms[crm].tenant;
            let mut ghost = self.ghost();
            for change in found.iter().filter(|change| change.field.is_some()) {
                ghost.replace(tenant, change.object, [change.before.clone()]);
            }
        }
        for change in &found {
            self.story(|| {
                let field = change.field.unwrap_or("(record)");
                format!(
                    "    crm{crm} {} {} {field}: `{}` -> `{}` by {:?}",
                    change.object.remote(self.crms[crm].provider()),
                    change.ext,
                    change.before,
                    change.after,
                    change.who
                )
            });
        }
        found
    }

    /// Lets a CRM's automation change what the engine writes, so many times.
    pub(super) fn automate(&self, crm: usize, times: u32) {
        let mut automation = self.automation.lock().unwrap_or_else(PoisonError::into_inner);
        automation.0.insert(crm, times);
    }

    /// A CRM's automation edits one of the fields that the engine has just written.
    fn edit_back(&self, changes: &[Change]) {
        let texts = ["title", "city", "first_name"];
        let written = changes
            .iter()
            .find(|change| change.object == Object::Person && change.field.is_some_and(|field| texts.contains(&field)));
        let Some((change, field)) = written.and_then(|change| Some((change, change.field?))) else {
            return;
        };
        let number = {
            let mut automation = self.automation.lock().unwrap_or_else(PoisonError::into_inner);
            let (left, done) = &mut *automation;
            match left.get_mut(&change.crm).filter(|left| **left > 0) {
                Some(left) => *left -= 1,
                None => return,
            }
            *done += 1;
            5_000 + *done
        };
        let value = unique(field, number);
        let simulator = &self.crms[change.crm];
        if simulator
            .update(change.object, &change.ext, &[(field, value.as_str())])
            .is_ok()
        {
            self.cover("an automation edits back");
            let place = Place::Crm(change.crm, change.ext.clone());
            let (at, tenant) = (self.clock.time(), self.scenario.crms[change.crm].tenant);
            self.ghost()
                .edit(number, at, tenant, place, change.object, field, &change.after, &value);
            self.look(change.crm, Who::Itself);
        }
    }

    /// Lets what is late land, and looks.
    pub(super) async fn land(&self, crm: usize) {
        if self.crms[crm].injector().deliver_due().await > 0 {
            self.cover("a write landed late");
            self.look(crm, Who::Late);
        }
    }

    /// A token is shown to nobody but the CRM that gave it (I22).
    pub(super) fn authorised(&self, crm: usize, header: Option<&str>) {
        let Some(token) = header.and_then(|header| header.strip_prefix("Bearer ")) else {
            return;
        };
        for (other, secrets) in self.secrets.iter().enumerate() {
            if other != crm && secrets.contains(token) {
                self.violate(
                    Invariant::Isolation,
                    format!("a token of crm{other} was shown to crm{crm}"),
                );
            }
        }
    }

    /// What is to be known before a request arrives at a CRM.
    pub(super) async fn before(&self, crm: usize) -> Before {
        self.land(crm).await;
        if self.late.load(Ordering::Relaxed) {
            // A user's commit that shows only now is not the request's doing.
            self.look(crm, Who::Itself);
        }
        let mut before = Before {
            mutating: self.crms[crm].log().mutating(),
            ..Before::default()
        };
        let Ok(mut tx) = self.store.begin(Mode::Read).await else {
            return before;
        };
        for (side, (_, object)) in self.all_sides().into_iter().filter(|(_, (at, _))| *at == crm) {
            let open = [OperationState::Intent, OperationState::Sent, OperationState::Unknown];
            for operation in tx.operations(side, &open, 1_000).await.unwrap_or_default() {
                let loaded = tx.load(&[operation.key.entity]).await.unwrap_or_default();
                let Some(linked) = loaded.first() else { continue };
                // A rollback holds what it takes back, but for its own writes.
                let run = tx.document(DocumentKind::Run, operation.run).await.ok().flatten();
                let rolls_back = run.is_some_and(|run| !run.body["rolls_back"].is_null());
                let ext = linked
                    .side_index(side)
                    .and_then(|index| linked.sides[index].ext.clone());
                for (group, _) in &linked.entity.frozen {
                    let field = object.fields().nth(usize::from(*group).saturating_sub(1));
                    if let (Some(field), Some(ext)) = (field, &ext)
                        && operation.groups.contains(group)
                        && !rolls_back
                    {
                        before.frozen.insert((object, ext.clone(), field));
                    }
                }
                before
                    .intended
                    .push((side, operation.verb, ext, operation.attempts.into()));
            }
        }
        before
    }

    /// What a request did, and whether it was allowed to.
    pub(super) async fn after(&self, crm: usize, life: u64, before: Before, request: &str, status: u16) {
        let entries = self.crms[crm].log();
        if entries.mutating() == before.mutating {
            return;
        }
        let changes = self.look(crm, Who::Engine(life));
        self.edit_back(&changes);
        self.story(|| format!("    process {life}: {request} = {status}"));
        for change in &changes {
            let side = self.side(crm, change.object);
            let wanted = match (change.field, change.after.as_str()) {
                (None, "") => OperationVerb::Delete,
                (None, _) => OperationVerb::Create,
                _ => OperationVerb::Update,
            };
            let made = changes
                .iter()
                .any(|other| other.ext == change.ext && other.field.is_none() && other.after == "live");
            let known = before.intended.iter().any(|(at, verb, ext, _)| {
                Some(*at) == side
                    && match (*verb, made) {
                        (OperationVerb::Create, true) => true,
                        // A create by unique key finds the record that an earlier attempt has made.
                        (OperationVerb::Create, false) => wanted == OperationVerb::Update,
                        (verb, _) => verb == wanted && ext.as_ref() == Some(&change.ext),
                    }
            });
            if !known {
                self.violate(
                    Invariant::IntentBeforeEffect,
                    format!(
                        "crm{crm} {} {:?}: `{}` -> `{}` was written without an open operation",
                        change.ext, change.field, change.before, change.after
                    ),
                );
            }
            if let Some(field) = change.field
                && before.frozen.contains(&(change.object, change.ext.clone(), field))
            {
                self.violate(
                    Invariant::Freeze,
                    format!("crm{crm} {} {field} is frozen and was written", change.ext),
                );
            }
        }
    }
}

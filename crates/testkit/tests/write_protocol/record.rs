//! The record as the store holds it, the planner over it, and what the CRM really holds.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;
use syncline_core::Result;
use syncline_core::audit::AuditKind;
use syncline_core::batch::{Carried, Projection, ReadClass, ValueKind};
use syncline_core::io::Mark;
use syncline_core::lens::{Lens, LensContext, NoLinks};
use syncline_core::mapping::{
    CompiledRule, DeletePolicy, Direction, EmptyPolicy, Role, SideGroup, SideMapping, Strategy,
};
use syncline_core::model::{Blueprint, Field, FieldType};
use syncline_core::plan::{self, Acceptance, Effects, Observation, ReadPoint, Readback, Scene};
use syncline_core::state::{
    Actor, Entity, Ghost, Linked, Operation, OperationState, Presence, Side, SideFlags, SideKey,
};
use syncline_core::store::SideHead;
use syncline_core::value::{Value, content_hash, encode_all};
use uuid::Uuid;

/// The one field's group.
const GROUP: u16 = 1;
const KEY: SideKey = SideKey {
    entity: 1,
    side: 1,
    slot: 1,
};
/// Nobody looks for a late write after this.
const HORIZON: Duration = Duration::from_secs(3_600);

#[derive(Debug)]
struct Same;

impl Lens for Same {
    fn get(&self, raw: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        Ok(raw.to_vec())
    }

    fn put(&self, canonical: &[Value], _: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        Ok(canonical.to_vec())
    }
}

static BLUEPRINT: LazyLock<Blueprint> =
    LazyLock::new(|| Blueprint::new(1, 1, "thing", vec![Field::new("name", FieldType::Text)]));
static MAPPING: LazyLock<SideMapping> = LazyLock::new(|| SideMapping {
    side: 1,
    slot: 1,
    label: "crm".into(),
    role: Role::Crm,
    rank: 1,
    version: 1,
    object: "contact".into(),
    projection: Projection::new([("name".to_owned(), ValueKind::Text)]),
    groups: vec![SideGroup {
        group: GROUP,
        rules: vec![CompiledRule {
            fields: vec![0],
            paths: vec![0],
            lens: Arc::new(Same),
        }],
        paths: vec![0],
        direction: Direction::Bidirectional,
        strategy: Strategy::LastWriteWins,
        empty: EmptyPolicy::Always,
        set: false,
        fields: vec![0],
    }],
    create_in_app: true,
    create_in_crm: true,
    on_crm_delete: DeletePolicy::Unlink,
    on_app_delete: DeletePolicy::Unlink,
    delete_strategy: Strategy::LastWriteWins,
    marker: None,
});

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_second(1_000_000 + i64::try_from(seconds).unwrap()).unwrap()
}

/// Short names of values, so that a path can be read.
pub(crate) type Text = String;

/// What a read has shown, and the mark at which it began.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Seen {
    pub(crate) mark: u64,
    pub(crate) value: Text,
    pub(crate) stamp: u64,
}

/// A write as it was journaled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Write {
    pub(crate) number: u8,
    pub(crate) target: Text,
    expected: Text,
    rev: u64,
}

/// The record in the store and in the CRM, and the truth about its values.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) linked: Linked,
    /// The open write, and whether it is known that its answer is lost.
    pub(crate) open: Option<(Write, bool)>,
    /// What the CRM holds, and since when.
    pub(crate) remote: (Text, u64),
    /// The engine's sequence.
    pub(crate) mark: u64,
    /// How many edits there were: the time.
    pub(crate) time: u64,
    pub(crate) writes: u8,
    /// Values that users set.
    pub(crate) edits: BTreeSet<Text>,
    /// Values that somebody saw and replaced.
    pub(crate) replaced: BTreeSet<Text>,
    /// Values that the audit names as losers.
    pub(crate) losers: BTreeSet<Text>,
    /// Values that the store has taken in.
    taken_in: BTreeSet<Text>,
    /// Values that a write met which nobody had read: the race that remains without compare-and-set.
    pub(crate) unseen: BTreeSet<Text>,
    /// Whether a late write was recognised as such.
    pub(crate) recognised: bool,
}

impl Record {
    pub(crate) fn agreed() -> Self {
        let initial = vec![Value::from("i")];
        let mut entity = Entity::new(Uuid::from_u128(1), &BLUEPRINT, at(0), Actor::default());
        entity.id = 1;
        entity.values.clone_from(&initial);
        let mut side = Side::new(KEY);
        side.ext = Some("x".into());
        side.presence = Presence::Live;
        side.obs = encode_all(&initial);
        side.hash = content_hash(&side.obs);
        side.stamp = Some(at(0));
        side.mapping_version = 1;
        Self {
            linked: Linked {
                entity,
                sides: vec![side],
            },
            open: None,
            remote: ("i".into(), 0),
            mark: 1,
            time: 0,
            writes: 0,
            edits: BTreeSet::new(),
            replaced: BTreeSet::new(),
            losers: BTreeSet::new(),
            taken_in: BTreeSet::from(["i".into()]),
            unseen: BTreeSet::new(),
            recognised: false,
        }
    }

    pub(crate) fn hub(&self) -> Text {
        self.linked.entity.value(0).to_string()
    }

    fn side(&mut self) -> &mut Side {
        &mut self.linked.sides[0]
    }

    fn next_mark(&mut self) -> u64 {
        self.mark += 1;
        self.mark
    }

    fn planned(&mut self, plan: impl FnOnce(&mut Linked, &Scene<'_>) -> Effects) {
        let mark = self.next_mark();
        let mut scene = Scene::new(&BLUEPRINT, at(self.time), mark).side(&MAPPING, &NoLinks);
        scene.late_write_horizon = HORIZON;
        let effects = plan(&mut self.linked, &scene);
        assert!(effects.failures.is_empty() && effects.reviews.is_empty());
        for entry in effects.audit {
            let names = match entry.kind {
                AuditKind::Overruled | AuditKind::Agreed => true,
                AuditKind::LateWriteOrUser => {
                    self.recognised = true;
                    true
                }
                AuditKind::Decided => entry.note.contains("conflict"),
                _ => false,
            };
            if names {
                self.losers.extend(entry.before.iter().map(ToString::to_string));
            }
        }
    }

    /// The app edits what it has just read.
    pub(crate) fn app_edit(&mut self) {
        self.time += 1;
        let value = format!("a{}", self.time);
        self.replaced.insert(self.hub());
        self.edits.insert(value.clone());
        let rev = self.linked.entity.rev;
        self.planned(|linked, scene| {
            let patch = [(0, Value::from(value.as_str()))].into();
            plan::app_edit(linked, &patch, &ReadPoint::Rev(rev), scene).unwrap()
        });
    }

    /// A user of the CRM edits what the CRM shows.
    pub(crate) fn user_edit(&mut self) {
        self.time += 1;
        let value = format!("u{}", self.time);
        self.replaced.insert(self.remote.0.clone());
        self.edits.insert(value.clone());
        self.remote = (value, self.time);
    }

    /// A strong read.
    pub(crate) fn read(&mut self) -> Seen {
        Seen {
            mark: self.next_mark(),
            value: self.remote.0.clone(),
            stamp: self.remote.1,
        }
    }

    /// The CRM applies a write.
    pub(crate) fn apply(&mut self, write: &Write) {
        let before = self.remote.0.clone();
        if self.edits.contains(&before) && before != write.target && !self.taken_in.contains(&before) {
            self.unseen.insert(before);
        }
        // A write does not take the CRM's time further than the last edit did.
        self.remote = (write.target.clone(), self.time);
    }

    /// Takes a read in, as every read is.
    pub(crate) fn take_in(&mut self, seen: &Seen) {
        let encoded = encode_all(&[Value::from(seen.value.as_str())]);
        let observation = Observation {
            mark: Mark(seen.mark),
            class: ReadClass::Strong,
            stamp: Some(at(seen.stamp)),
            encoded: &encoded,
            carried: Carried::default(),
        };
        let side = &self.linked.sides[0];
        let head = SideHead {
            key: side.key,
            presence: side.presence.clone(),
            flags: side.flags,
            stamp: side.stamp,
            obs_seq: side.obs_seq,
            write_seq: side.write_seq,
            dirty_seq: side.dirty_seq,
            mapping_version: side.mapping_version,
            hash: side.hash,
        };
        match plan::accept(&head, &observation, content_hash(&encoded), 1) {
            Acceptance::Same => {}
            Acceptance::Stale => {
                let mark = self.next_mark();
                self.side().flags.set(SideFlags::READ);
                self.side().dirty_seq = mark;
            }
            Acceptance::Touch => {
                let side = self.side();
                side.stamp = Some(at(seen.stamp));
                side.obs_seq = seen.mark;
                if seen.mark > side.dirty_seq {
                    side.dirty_seq = 0;
                    side.flags.clear(SideFlags::READ);
                }
            }
            Acceptance::Apply => self.observe(seen),
        }
    }

    fn observe(&mut self, seen: &Seen) {
        self.taken_in.insert(seen.value.clone());
        let encoded = encode_all(&[Value::from(seen.value.as_str())]);
        self.planned(|linked, scene| {
            let observation = Observation {
                mark: Mark(seen.mark),
                class: ReadClass::Strong,
                stamp: Some(at(seen.stamp)),
                encoded: &encoded,
                carried: Carried::default(),
            };
            plan::observe(linked, 0, &observation, scene).unwrap()
        });
    }

    /// First transaction: the guard read is taken in, and what is to be written is journaled.
    pub(crate) fn intend(&mut self, guard: &Seen) -> Option<Write> {
        self.take_in(guard);
        if self.linked.sides[0].flags.has(SideFlags::READ) {
            return None;
        }
        let scene = Scene::new(&BLUEPRINT, at(self.time), self.mark).side(&MAPPING, &NoLinks);
        let planned = plan::plan_push(&self.linked, 0, &scene).unwrap();
        planned.verb?;
        assert!(self.open.is_none(), "one write of a record is under way at a time");
        self.writes += 1;
        let write = Write {
            number: self.writes,
            target: planned.target[0].1.to_string(),
            expected: planned.expected[0].1.to_string(),
            rev: self.linked.entity.rev,
        };
        self.open = Some((write.clone(), false));
        self.side().flags.set(SideFlags::IN_FLIGHT);
        self.side().flags.clear(SideFlags::PUSH);
        Some(write)
    }

    /// Second transaction: what was read after the write is taken in as its outcome.
    pub(crate) fn confirm(&mut self, write: &Write, seen: &Seen) {
        self.open = None;
        self.taken_in.insert(seen.value.clone());
        let mark = Mark(self.next_mark());
        let encoded = encode_all(&[Value::from(seen.value.as_str())]);
        let operation = write.operation();
        self.planned(|linked, scene| {
            let readback = Readback {
                ext: "x",
                stamp: Some(at(seen.stamp)),
                encoded: &encoded,
                carried: Carried::all(),
                written_stamp: None,
            };
            plan::confirm(linked, 0, &operation, &readback, mark, scene).unwrap()
        });
    }

    /// Second transaction where no answer came.
    pub(crate) fn lose(&mut self, write: &Write) {
        self.haunt(write);
        self.open = Some((write.clone(), true));
    }

    fn haunt(&mut self, write: &Write) {
        let until = at(self.time) + HORIZON;
        let values = vec![Value::from(write.target.as_str())];
        let ghosts = &mut self.side().group_mut(GROUP).ghosts;
        ghosts.push(Ghost { values, until });
    }

    /// Finds out by a read what became of the open write.
    pub(crate) fn resolve(&mut self, seen: &Seen) {
        let Some((write, lost)) = self.open.clone() else {
            return;
        };
        self.side().flags.clear(SideFlags::IN_FLIGHT);
        if !lost {
            self.haunt(&write);
        }
        if seen.value == write.target {
            self.confirm(&write, seen);
        } else {
            self.open = None;
            self.side().flags.set(SideFlags::PUSH);
            self.observe(seen);
        }
    }

    /// Marks by their order, which is all that counts of them; the highest is returned.
    pub(crate) fn renumber(&mut self, seen: &mut [&mut Seen]) {
        let mut marks = BTreeSet::from([0]);
        let side = &self.linked.sides[0];
        marks.extend([side.obs_seq, side.write_seq, side.dirty_seq]);
        marks.extend(self.linked.entity.decisions.iter().map(|decision| decision.mark));
        marks.extend(seen.iter().map(|seen| seen.mark));
        let order: Vec<u64> = marks.into_iter().collect();
        let place = |mark: &mut u64| *mark = order.binary_search(mark).unwrap() as u64;
        let side = &mut self.linked.sides[0];
        place(&mut side.obs_seq);
        place(&mut side.write_seq);
        place(&mut side.dirty_seq);
        for decision in &mut self.linked.entity.decisions {
            place(&mut decision.mark);
        }
        for seen in seen {
            place(&mut seen.mark);
        }
        self.mark = order.len() as u64;
    }

    /// Everything that a state is told from another by.
    fn essence(&self) -> impl Hash + PartialEq + use<'_> {
        let side = &self.linked.sides[0];
        let entity = &self.linked.entity;
        let marks = (
            side.flags.0,
            side.obs_seq,
            side.write_seq,
            side.dirty_seq,
            side.base_rev,
        );
        let groups = format!("{:?}{:?}", side.groups, entity.decisions);
        let truth = (&self.edits, &self.replaced, &self.losers, &self.taken_in, &self.unseen);
        let side = (marks, &side.obs, side.stamp, groups);
        let rest = (
            &self.open,
            &self.remote,
            self.time,
            self.writes,
            self.mark,
            self.recognised,
        );
        (entity.rev, self.hub(), side, truth, rest)
    }
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.essence() == other.essence()
    }
}

impl Hash for Record {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.essence().hash(state);
    }
}

impl Write {
    fn operation(&self) -> Operation {
        Operation {
            id: Uuid::from_u128(self.number.into()),
            tenant: 1,
            key: KEY,
            run: 1,
            verb: syncline_core::state::OperationVerb::Update,
            state: OperationState::Confirmed,
            attempts: 1,
            rev: self.rev,
            mapping_version: 1,
            groups: vec![GROUP],
            target: vec![(0, Value::from(self.target.as_str()))],
            expected: vec![(0, Value::from(self.expected.as_str()))],
            marker: None,
            not_before: None,
            sent_at: None,
            created_at: at(0),
            error: None,
        }
    }
}

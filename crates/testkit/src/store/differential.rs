//! The same random calls on two stores, which must answer alike.

use std::fmt::Debug;

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use syncline_core::Result;
use syncline_core::state::{
    Base, Entity, EntityId, GroupState, Operation, OperationState, Presence, Side, SideFlags, SideId, SideKey,
};
use syncline_core::store::{
    AuditBlock, Document, DocumentKind, DocumentQuery, EntityQuery, InboxEntry, IndexEntry, IndexQuery, Key, Mode,
    Sequence, Store, Touch, Transaction,
};
use syncline_core::value::{Value, encode_all};
use uuid::Uuid;

use super::sample;

/// Makes `steps` random calls on both stores, in transactions that are randomly committed or dropped, and panics at
/// the first answer that differs. The same seed makes the same calls.
///
/// # Errors
/// The stores' own, where a transaction can't be begun or committed.
pub async fn compare(left: &dyn Store, right: &dyn Store, seed: u64, steps: usize) -> Result<()> {
    compare_calls(left, right, seed, steps, true).await
}

/// As [`compare`], but never removes what is old, which an overlay does not do, nor renames remote records: the port has
/// no way to find one below by a name that is an alias there and no longer is above.
///
/// # Errors
/// As [`compare`].
pub async fn compare_overlay(left: &dyn Store, right: &dyn Store, seed: u64, steps: usize) -> Result<()> {
    compare_calls(left, right, seed, steps, false).await
}

async fn compare_calls(left: &dyn Store, right: &dyn Store, seed: u64, steps: usize, all: bool) -> Result<()> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut done = 0;
    while done < steps {
        let mut pair = (left.begin(Mode::Write).await?, right.begin(Mode::Write).await?);
        let mut refused = false;
        for _ in 0..random.random_range(1..30) {
            done += 1;
            let call = Call::random(&mut random);
            if !all
                && matches!(
                    call,
                    Call::PurgeOperations(_) | Call::PurgeAudit(..) | Call::PutAlias(..)
                )
            {
                continue;
            }
            let answers = (call.answer(&mut *pair.0).await, call.answer(&mut *pair.1).await);
            assert_eq!(answers.0, answers.1, "seed {seed}, step {done}: {call:?}");
            refused = answers.0.starts_with(REFUSED);
            if refused {
                break;
            }
        }
        if !refused && random.random_ratio(3, 4) {
            pair.0.commit().await?;
            pair.1.commit().await?;
        }
    }
    let everything = (everything(left).await?, everything(right).await?);
    assert_eq!(
        everything.0, everything.1,
        "seed {seed}: the stores ended up with different content"
    );
    Ok(())
}

const REFUSED: &str = "refused: ";
const SIDES: [SideId; 3] = [1, 2, 3];
const ENTITIES: std::ops::RangeInclusive<EntityId> = 1..=12;
const KINDS: [DocumentKind; 3] = [DocumentKind::Run, DocumentKind::Cursor, DocumentKind::Tombstone];
const STATES: [OperationState; 6] = [
    OperationState::Intent,
    OperationState::Sent,
    OperationState::Unknown,
    OperationState::Confirmed,
    OperationState::Superseded,
    OperationState::Rejected,
];

/// A call with its arguments.
#[derive(Debug)]
enum Call {
    Reserve(Sequence, u64),
    Document(DocumentKind, u64),
    Documents(DocumentQuery),
    PutDocument(Document),
    /// Reads a document and writes it back changed.
    ChangeDocument(Document),
    DeleteDocument(DocumentKind, u64),
    Heads(SideId, Vec<String>),
    Load(Vec<EntityId>),
    FindUids(u32, Vec<Uuid>),
    Entities(EntityQuery),
    PutEntities(Vec<Entity>),
    /// Removes their sides first, but for the last entity's.
    DeleteEntities(Vec<EntityId>),
    PutSides(Vec<Side>),
    TouchSides(Vec<Touch>),
    FlagSides(Vec<EntityId>, SideFlags, SideId),
    Flagged(SideId, SideFlags, EntityId, usize),
    DeleteSides(Vec<SideKey>),
    LiveSides(SideId, EntityId, usize),
    WithoutSide(u32, SideId, EntityId, usize),
    SideCounts(SideId),
    PutAlias(SideId, String, String),
    ResolveAlias(SideId, String),
    LoadEntities(Vec<EntityId>),
    FindKeys(u64, Vec<u64>),
    PutKeys(Vec<Key>),
    DeleteKeys(Vec<Key>),
    FindIndex(IndexQuery),
    PutIndex(Vec<IndexEntry>),
    DeleteIndex(Vec<IndexEntry>),
    ClearSpace(u64),
    PutOperations(Vec<Operation>),
    Operations(SideId, Vec<OperationState>, usize),
    OperationsOfRun(u64, Option<Uuid>, usize),
    PurgeOperations(i64),
    PutHints(Vec<InboxEntry>),
    Hints(SideId, usize),
    ClearHints(SideId, Vec<String>, u64),
    AppendAudit(AuditBlock),
    Audit(u32, Option<u64>, u64, usize),
    PurgeAudit(u32, i64),
}

impl Call {
    fn random(r: &mut ChaCha8Rng) -> Self {
        let (entity, limit) = (r.random_range(0..=12), r.random_range(0..8));
        match r.random_range(0..53) {
            0 => Self::Reserve(
                [Sequence::Mark, Sequence::Entity, Sequence::Side][r.random_range(0..3)],
                r.random_range(0..5),
            ),
            1 => Self::Document(kind(r), r.random_range(1..8)),
            2 | 3 => Self::Documents(documents(r, limit)),
            4..=6 => Self::PutDocument(document(r)),
            7 | 8 => Self::ChangeDocument(document(r)),
            9 => Self::DeleteDocument(kind(r), r.random_range(1..8)),
            10 | 11 => Self::Heads(side_id(r), some(r, ext)),
            12 | 13 => Self::Load(some(r, entity_id)),
            14 => Self::FindUids(r.random_range(1..3), some(r, |r| sample::uid(entity_id(r)))),
            15 => Self::Entities(EntityQuery {
                tenant: r.random_range(1..3),
                blueprint: r.random_range(1..3),
                after: entity,
                deleted: maybe(r, RngExt::random),
                limit,
            }),
            16..=18 => Self::PutEntities(some(r, any_entity)),
            19..=22 => Self::PutSides(some(r, any_side)),
            23 => Self::TouchSides(some(r, touch)),
            24 => Self::FlagSides(some(r, entity_id), flags(r), r.random_range(0..4)),
            25 => Self::Flagged(side_id(r), flags(r), entity, limit),
            26 => Self::DeleteSides(some(r, key)),
            27 => Self::LiveSides(side_id(r), entity, limit),
            28 => Self::WithoutSide(r.random_range(1..3), side_id(r), entity, limit),
            29 => Self::SideCounts(side_id(r)),
            30 | 31 => Self::PutAlias(side_id(r), ext(r), ext(r)),
            32 => Self::ResolveAlias(side_id(r), ext(r)),
            33 => Self::FindKeys(r.random_range(1..3), some(r, hash)),
            34 => Self::PutKeys(some(r, match_key)),
            35 => Self::DeleteKeys(some(r, match_key)),
            46 | 47 => Self::PutIndex(some(r, index_entry)),
            48 => Self::DeleteIndex(some(r, index_entry)),
            49 | 50 => Self::FindIndex(index_query(r)),
            51 => match r.random_range(0..4) {
                0 => Self::ClearSpace(r.random_range(1..3)),
                _ => Self::LoadEntities(some(r, entity_id)),
            },
            36 | 37 => Self::PutOperations(some(r, operation)),
            38 => Self::Operations(side_id(r), some(r, |r| STATES[r.random_range(0..6)]), limit),
            39 => Self::OperationsOfRun(
                r.random_range(1..3),
                maybe(r, |r| sample::uid(r.random_range(1..30))),
                limit,
            ),
            40 => Self::PurgeOperations(r.random_range(0..20)),
            41 => Self::PutHints(some(r, |r| InboxEntry {
                side: side_id(r),
                ext: ext(r),
                seq: r.random_range(1..20),
            })),
            42 => Self::Hints(side_id(r), limit),
            43 => Self::ClearHints(side_id(r), some(r, ext), r.random_range(1..20)),
            44 => match r.random_range(0..3) {
                0 => Self::PurgeAudit(r.random_range(1..3), r.random_range(0..20)),
                _ => Self::Audit(
                    r.random_range(1..3),
                    maybe(r, |r| r.random_range(1..3)),
                    r.random_range(0..5),
                    limit,
                ),
            },
            45 => Self::DeleteEntities(some(r, entity_id)),
            _ => Self::AppendAudit(block(r)),
        }
    }

    /// What the store says, as text.
    async fn answer(&self, on: &mut dyn Transaction) -> String {
        match self {
            Self::Reserve(sequence, count) => told(on.reserve(*sequence, *count).await),
            Self::Document(kind, id) => told(on.document(*kind, *id).await),
            Self::Documents(query) => told(documents_and_count(on, query).await),
            Self::PutDocument(document) => told(on.put_document(document).await),
            Self::ChangeDocument(document) => told(change(on, document).await),
            Self::DeleteDocument(kind, id) => told(on.delete_document(*kind, *id).await),
            Self::Heads(side, exts) => told(on.heads(*side, &texts(exts)).await),
            Self::Load(entities) => told(on.load(entities).await),
            Self::FindUids(tenant, uids) => told(on.find_uids(*tenant, uids).await),
            Self::Entities(query) => told(entities_and_count(on, query).await),
            Self::PutEntities(entities) => told(on.put_entities(&all(entities)).await),
            Self::DeleteEntities(entities) => told(delete(on, entities).await),
            Self::PutSides(sides) => told(on.put_sides(&all(sides)).await),
            Self::TouchSides(touches) => told(on.touch_sides(touches).await),
            Self::FlagSides(entities, flags, but) => told(on.flag_sides(entities, *flags, *but).await),
            Self::Flagged(side, flags, after, limit) => told(on.flagged(*side, *flags, *after, *limit).await),
            Self::DeleteSides(keys) => told(on.delete_sides(keys).await),
            Self::LiveSides(side, after, limit) => told(on.live_sides(*side, *after, *limit).await),
            Self::WithoutSide(blueprint, side, after, limit) => {
                told(on.without_side(*blueprint, *side, *after, *limit).await)
            }
            Self::SideCounts(side) => told(on.side_counts(*side).await),
            Self::PutAlias(side, old, current) => told(on.put_alias(*side, old, current).await),
            Self::ResolveAlias(side, ext) => told(on.resolve_alias(*side, ext).await),
            Self::FindKeys(space, hashes) => told(on.find_keys(*space, hashes).await),
            Self::PutKeys(keys) => told(on.put_keys(keys).await),
            Self::DeleteKeys(keys) => told(on.delete_keys(keys).await),
            Self::LoadEntities(entities) => told(on.load_entities(entities).await),
            Self::FindIndex(query) => told(on.find_index(query).await),
            Self::PutIndex(entries) => told(on.put_index(entries).await),
            Self::DeleteIndex(entries) => told(on.delete_index(entries).await),
            Self::ClearSpace(space) => told(on.clear_space(*space).await),
            Self::PutOperations(operations) => told(on.put_operations(&all(operations)).await),
            Self::Operations(side, states, limit) => told(on.operations(*side, states, *limit).await),
            Self::OperationsOfRun(run, after, limit) => told(on.operations_of_run(*run, *after, *limit).await),
            Self::PurgeOperations(before) => told(on.purge_operations(sample::at(*before)).await),
            Self::PutHints(hints) => told(on.put_hints(hints).await),
            Self::Hints(side, limit) => told(on.hints(*side, *limit).await),
            Self::ClearHints(side, exts, mark) => told(on.clear_hints(*side, &texts(exts), *mark).await),
            Self::AppendAudit(block) => told(append(on, block).await),
            Self::Audit(tenant, run, after, limit) => told(on.audit(*tenant, *run, *after, *limit).await),
            Self::PurgeAudit(tenant, before) => told(on.purge_audit(*tenant, sample::at(*before)).await),
        }
    }
}

async fn documents_and_count(on: &mut dyn Transaction, query: &DocumentQuery) -> Result<(Vec<Document>, u64)> {
    Ok((on.documents(query).await?, on.count_documents(query).await?))
}

async fn entities_and_count(on: &mut dyn Transaction, query: &EntityQuery) -> Result<(Vec<Entity>, u64)> {
    Ok((on.entities(query).await?, on.count_entities(query).await?))
}

async fn change(on: &mut dyn Transaction, document: &Document) -> Result<Option<u64>> {
    let Some(stored) = on.document(document.kind, document.id).await? else {
        return Ok(None);
    };
    let changed = Document {
        version: stored.version,
        ..document.clone()
    };
    on.put_document(&changed).await.map(Some)
}

async fn delete(on: &mut dyn Transaction, entities: &[EntityId]) -> Result<()> {
    let all_but_last = &entities[..entities.len().saturating_sub(1)];
    let linked = on.load(all_but_last).await?;
    let sides = linked.iter().flat_map(|linked| &linked.sides);
    let keys: Vec<SideKey> = sides.map(|side| side.key).collect();
    on.delete_sides(&keys).await?;
    on.delete_entities(entities).await
}

/// Appends the block after the head, or rarely where it is not welcome.
async fn append(on: &mut dyn Transaction, block: &AuditBlock) -> Result<()> {
    let (head, root) = on.audit_head(block.tenant).await?;
    let block = AuditBlock {
        seq: head + block.seq,
        previous: root,
        ..block.clone()
    };
    on.append_audit(&block).await
}

/// All that can be listed, as text.
async fn everything(store: &dyn Store) -> Result<Vec<String>> {
    let mut on = store.begin(Mode::Read).await?;
    let entities: Vec<EntityId> = ENTITIES.collect();
    let hashes: Vec<u64> = (0..20).collect();
    let mut out = vec![told(on.load(&entities).await)];
    for kind in KINDS {
        out.push(told(on.documents(&DocumentQuery::new(kind)).await));
    }
    for side in SIDES {
        let exts: Vec<String> = (0..20).map(|number| format!("ext {number}")).collect();
        out.push(told(on.heads(side, &texts(&exts)).await));
        out.push(told(on.operations(side, &STATES, 1_000).await));
        out.push(told(on.hints(side, 1_000).await));
        out.push(told(on.side_counts(side).await));
    }
    for number in 1..3 {
        out.push(told(on.find_keys(number, &hashes).await));
        out.push(told(on.find_index(&whole_index(number)).await));
        out.push(told(on.audit(1, Some(number), 0, 1_000).await));
    }
    Ok(out)
}

fn told<T: Debug>(result: Result<T>) -> String {
    match result {
        Ok(answer) => format!("{answer:?}"),
        // The words may differ in what they can name.
        Err(error) => format!("{REFUSED}{:?}", error.kind()),
    }
}

fn all<T>(list: &[T]) -> Vec<&T> {
    list.iter().collect()
}

fn texts(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

fn some<T>(r: &mut ChaCha8Rng, make: impl Fn(&mut ChaCha8Rng) -> T) -> Vec<T> {
    let count = r.random_range(0..5);
    (0..count).map(|_| make(r)).collect()
}

fn maybe<T>(r: &mut ChaCha8Rng, make: impl Fn(&mut ChaCha8Rng) -> T) -> Option<T> {
    r.random::<bool>().then(|| make(r))
}

fn kind(r: &mut ChaCha8Rng) -> DocumentKind {
    KINDS[r.random_range(0..3)]
}

fn side_id(r: &mut ChaCha8Rng) -> SideId {
    SIDES.choose(r).copied().unwrap_or(1)
}

fn entity_id(r: &mut ChaCha8Rng) -> EntityId {
    r.random_range(ENTITIES)
}

fn ext(r: &mut ChaCha8Rng) -> String {
    format!("ext {}", r.random_range(0..14))
}

fn hash(r: &mut ChaCha8Rng) -> u64 {
    [0, 1, 2, 3, u64::MAX, 1 << 63][r.random_range(0..6)]
}

fn match_key(r: &mut ChaCha8Rng) -> Key {
    Key {
        space: r.random_range(1..3),
        hash: hash(r),
        entity: entity_id(r),
    }
}

fn sort(r: &mut ChaCha8Rng) -> Vec<u8> {
    let length = r.random_range(0..3);
    (0..length).map(|_| [0, 1, 0xff][r.random_range(0..3)]).collect()
}

fn index_entry(r: &mut ChaCha8Rng) -> IndexEntry {
    IndexEntry {
        space: r.random_range(1..3),
        sort: sort(r),
        entity: entity_id(r),
    }
}

const fn whole_index(space: u64) -> IndexQuery {
    IndexQuery {
        space,
        from: Vec::new(),
        until: None,
        after: None,
        descending: false,
        limit: 1_000,
    }
}

fn index_query(r: &mut ChaCha8Rng) -> IndexQuery {
    IndexQuery {
        from: sort(r),
        until: maybe(r, sort),
        after: maybe(r, |r| (sort(r), entity_id(r))),
        descending: r.random(),
        limit: r.random_range(0..8),
        ..whole_index(r.random_range(1..3))
    }
}

fn flags(r: &mut ChaCha8Rng) -> SideFlags {
    SideFlags(r.random_range(0..16))
}

fn key(r: &mut ChaCha8Rng) -> SideKey {
    sample::key(entity_id(r), side_id(r))
}

fn status(r: &mut ChaCha8Rng) -> String {
    ["open", "done", "failed"][r.random_range(0..3)].to_owned()
}

fn documents(r: &mut ChaCha8Rng, limit: usize) -> DocumentQuery {
    DocumentQuery {
        kind: kind(r),
        tenant: maybe(r, |r| r.random_range(1..3)),
        scope: maybe(r, |r| r.random_range(0..2)),
        key: maybe(r, |r| format!("key {}", r.random_range(0..4))),
        status: some(r, status),
        since: maybe(r, |r| sample::at(r.random_range(0..20))),
        until: maybe(r, |r| sample::at(r.random_range(0..20))),
        before: maybe(r, |r| r.random_range(0..9)),
        limit,
    }
}

fn document(r: &mut ChaCha8Rng) -> Document {
    Document {
        kind: kind(r),
        id: if r.random() { 0 } else { r.random_range(1..8) },
        tenant: r.random_range(1..3),
        scope: r.random_range(0..2),
        key: maybe(r, |r| format!("key {}", r.random_range(0..20))),
        status: status(r),
        at: sample::at(r.random_range(0..20)),
        version: if r.random_ratio(1, 9) { 1 } else { 0 },
        body: serde_json::json!({ "number": r.next_u32() }),
    }
}

fn any_entity(r: &mut ChaCha8Rng) -> Entity {
    let number = entity_id(r);
    Entity {
        // Now and then another one's uid, and a value whose canonical form is another variant.
        uid: sample::uid(if r.random_ratio(1, 20) { entity_id(r) } else { number }),
        tenant: r.random_range(1..3),
        blueprint: r.random_range(1..3),
        rev: r.next_u64(),
        deleted: r.random_ratio(1, 4),
        values: vec![Value::Int(r.random()), Value::from_number("7.00"), Value::Float(-0.0)],
        ..sample::entity(number)
    }
}

fn any_side(r: &mut ChaCha8Rng) -> Side {
    let key = key(r);
    let presence = match r.random_range(0..6) {
        0 => Presence::Deleted("feed".to_owned()),
        1 => Presence::Unlinked,
        _ => Presence::Live,
    };
    let obs = encode_all([&Value::Int(r.random())]);
    let mut side = Side {
        ext: if r.random_ratio(1, 6) { None } else { Some(ext(r)) },
        presence,
        flags: flags(r),
        dirty_seq: r.next_u64(),
        obs,
        ..sample::side(key.entity, key.side, "")
    };
    let group = GroupState {
        base: if r.random() { Base::Never } else { Base::AsObserved },
        ..GroupState::default()
    };
    side.groups.insert(r.random_range(0..4), group);
    side
}

fn touch(r: &mut ChaCha8Rng) -> Touch {
    Touch {
        key: key(r),
        stamp: maybe(r, |r| sample::at(r.random_range(0..20))),
        obs_seq: r.next_u64(),
        clean: r.random(),
    }
}

fn operation(r: &mut ChaCha8Rng) -> Operation {
    let state = STATES[r.random_range(0..6)];
    Operation {
        key: key(r),
        run: r.random_range(1..3),
        ..sample::operation(r.random_range(1..30), state, r.random_range(0..20))
    }
}

/// `seq` is how far it is above the head.
fn block(r: &mut ChaCha8Rng) -> AuditBlock {
    AuditBlock {
        seq: if r.random_ratio(1, 8) { 2 } else { 1 },
        tenant: r.random_range(1..3),
        run: r.random_range(1..3),
        at: sample::at(r.random_range(0..20)),
        count: r.random_range(0..9),
        previous: [0; 32],
        root: r.random(),
        body: vec![r.random(); r.random_range(0..4)],
    }
}

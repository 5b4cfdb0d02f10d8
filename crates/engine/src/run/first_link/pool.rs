//! What new records are compared with: the entities that share a key with one of them, and no others where that can be
//! told.

use std::collections::BTreeSet;

use syncline_core::error::Result;
use syncline_core::lens::NoLinks;
use syncline_core::mapping::MatchKey;
use syncline_core::matching::{Candidate, key_fields, keys_fields};
use syncline_core::plan;
use syncline_core::state::{Entity, EntityId, Linked, Presence, Side, SideFlags, SideId};
use syncline_core::store::EntityQuery;
use syncline_core::value::Value;

use crate::document::Versioned;
use crate::engine::Inner;
use crate::entity::{Definition, fill_all, space_of};
use crate::run::context::SyncContext;
use crate::run::model::Run;
use crate::run::session::Session;

/// Records to be matched, by the fields that are compared.
pub(super) struct Matchable {
    pub(super) ids: Vec<EntityId>,
    pub(super) candidates: Vec<Candidate>,
}

impl Matchable {
    pub(super) const fn new() -> Self {
        Self {
            ids: Vec::new(),
            candidates: Vec::new(),
        }
    }

    fn add(&mut self, entity: &Entity, fields: &[usize], wanted: Option<&Wanted>) {
        let values: Vec<Value> = fields.iter().map(|&field| entity.value(field).clone()).collect();
        if wanted.is_none_or(|wanted| wanted.has(&values)) {
            self.push(entity.id, values);
        }
    }

    /// Adds a staged record by what it holds itself: of fields that are only written, the entity has nothing.
    pub(super) fn add_staged(
        &mut self,
        context: &SyncContext,
        linked: &Linked,
        side: &Side,
        fields: &[usize],
    ) -> Result<()> {
        let groups = &context.mapping.groups;
        let raw = plan::raw_groups(side, groups)?;
        let value = |field: usize| {
            let held = linked.entity.value(field);
            let place = groups
                .iter()
                .position(|group| group.fields.contains(&field))
                .filter(|_| held.is_empty())?;
            let group = &groups[place];
            let got = group.get(&raw[place], &[], &NoLinks).ok()?;
            got.get(group.fields.iter().position(|of| *of == field)?).cloned()
        };
        let values = fields
            .iter()
            .map(|&field| value(field).unwrap_or_else(|| linked.entity.value(field).clone()));
        self.push(linked.entity.id, values.collect());
        Ok(())
    }

    fn push(&mut self, entity: EntityId, values: Vec<Value>) {
        self.ids.push(entity);
        self.candidates.push(Candidate { values });
    }
}

/// The keys by which candidates of some records are found.
pub(super) struct Wanted {
    keys: Vec<WantedKey>,
}

struct WantedKey {
    definition: Definition,
    /// Where its fields stand among those of all keys.
    places: Vec<usize>,
    hashes: BTreeSet<u64>,
}

impl WantedKey {
    fn hashes_of(&self, values: &[Value]) -> Vec<u64> {
        let values: Vec<Value> = self.places.iter().map(|&place| values[place].clone()).collect();
        self.definition.hold(&values).keys
    }
}

impl Wanted {
    fn by(keys: &[MatchKey], records: &[Candidate]) -> Self {
        let names = keys_fields(keys);
        let wanted = |key: &MatchKey| {
            let place = |name: &String| names.iter().position(|known| known == name);
            let mut wanted = WantedKey {
                definition: Definition::Match { key: key.clone() },
                places: key_fields(key).iter().filter_map(place).collect(),
                hashes: BTreeSet::new(),
            };
            for record in records {
                let hashes = wanted.hashes_of(&record.values);
                wanted.hashes.extend(hashes);
            }
            wanted
        };
        Self {
            keys: keys.iter().map(wanted).collect(),
        }
    }

    fn has(&self, values: &[Value]) -> bool {
        self.keys
            .iter()
            .any(|key| key.hashes_of(values).iter().any(|hash| key.hashes.contains(hash)))
    }
}

/// Whether candidates are found by their keys instead of by looking at everybody. Before the first import there are no
/// keys yet, and it would look at nearly everybody anyway; a fuzzy key has so many of them that keeping them costs more
/// than looking; and a dry run makes none.
pub(super) fn is_by_key(context: &SyncContext, session: &Session<'_>) -> bool {
    let keys = &context.sync.mapping.match_keys;
    let exact = |key: &MatchKey| matches!(key, MatchKey::Exact { .. });
    context.sync.last_run_at.is_some() && !session.is_dry() && keys.iter().all(exact)
}

/// The live entities that have one of the keys.
async fn having(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    wanted: &Wanted,
) -> Result<Vec<EntityId>> {
    let definitions: Vec<Definition> = wanted.keys.iter().map(|key| key.definition.clone()).collect();
    fill_all(inner, &context.blueprint, &definitions).await?;
    let mut page = session.begin().await?;
    let mut found = BTreeSet::new();
    for key in &wanted.keys {
        let Some(space) = space_of(page.tx()?, &context.blueprint, &key.definition).await? else {
            continue;
        };
        let hashes: Vec<u64> = key.hashes.iter().copied().collect();
        for hashes in hashes.chunks(inner.settings.page_rows) {
            let keys = page.tx()?.find_keys(space.id, hashes).await?;
            found.extend(keys.into_iter().map(|key| key.entity));
        }
    }
    session.commit(page, run).await?;
    Ok(found.into_iter().collect())
}

/// Whether an entity may be the one that a new record of this side is: it has none here, and none is being created.
fn is_free(linked: &Linked, side: SideId) -> bool {
    let of = linked.side_index(side).map(|index| &linked.sides[index]);
    let has_none = |side: &Side| side.presence == Presence::NeverSeen && !side.flags.has(SideFlags::IN_FLIGHT);
    !linked.entity.deleted && of.is_none_or(has_none)
}

/// The entities without a record of this sync that staged records may be.
pub(super) async fn free(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    staged: &Matchable,
    fields: &[usize],
) -> Result<Matchable> {
    let keys = &context.sync.mapping.match_keys;
    let size = inner.settings.page_rows;
    let mut free = Matchable::new();
    if is_by_key(context, session) {
        let wanted = Wanted::by(keys, &staged.candidates);
        for ids in having(inner, context, session, run, &wanted).await?.chunks(size) {
            let mut page = session.begin().await?;
            for linked in page.tx()?.load(ids).await? {
                if is_free(&linked, context.side()) {
                    free.add(&linked.entity, fields, Some(&wanted));
                }
            }
            session.commit(page, run).await?;
        }
        return Ok(free);
    }
    // Many are like nearly everybody, so that to sift would cost more than to keep.
    let few = staged.ids.len() <= size;
    let wanted = few.then(|| Wanted::by(keys, &staged.candidates));
    let mut page = session.begin().await?;
    let mut after = 0;
    loop {
        let ids = page
            .tx()?
            .without_side(context.sync.blueprint, context.side(), after, size)
            .await?;
        let Some(&last) = ids.last() else { break };
        after = last;
        for linked in page.tx()?.load(&ids).await? {
            free.add(&linked.entity, fields, wanted.as_ref());
        }
    }
    // Those that are held, and those that could not be created so far.
    let open = SideFlags(
        SideFlags::HELD.0 | SideFlags::PUSH.0 | SideFlags::WAITING.0 | SideFlags::QUARANTINED.0 | SideFlags::FAILED.0,
    );
    let mut after = 0;
    loop {
        let ids = page.tx()?.flagged(context.side(), open, after, size).await?;
        let Some(&last) = ids.last() else { break };
        after = last;
        for linked in page.tx()?.load(&ids).await? {
            if is_free(&linked, context.side()) {
                free.add(&linked.entity, fields, wanted.as_ref());
            }
        }
    }
    session.commit(page, run).await?;
    Ok(free)
}

/// All live entities that share a key with one of these records, linked or not.
pub(super) async fn everybody(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    records: &[Candidate],
    fields: &[usize],
) -> Result<Matchable> {
    let wanted = Wanted::by(&context.sync.mapping.match_keys, records);
    let size = inner.settings.page_rows;
    let mut alike = Matchable::new();
    if is_by_key(context, session) {
        for ids in having(inner, context, session, run, &wanted).await?.chunks(size) {
            let mut page = session.begin().await?;
            for entity in page
                .tx()?
                .load_entities(ids)
                .await?
                .iter()
                .filter(|entity| !entity.deleted)
            {
                alike.add(entity, fields, Some(&wanted));
            }
            session.commit(page, run).await?;
        }
        return Ok(alike);
    }
    let mut page = session.begin().await?;
    let mut query = EntityQuery {
        tenant: context.sync.tenant,
        blueprint: context.sync.blueprint,
        after: 0,
        deleted: Some(false),
        limit: size,
    };
    loop {
        let entities = page.tx()?.entities(&query).await?;
        let Some(last) = entities.last() else { break };
        query.after = last.id;
        for entity in &entities {
            alike.add(entity, fields, Some(&wanted));
        }
    }
    session.commit(page, run).await?;
    Ok(alike)
}

//! [`EntityTransaction`]: edits of entities of one blueprint, each decided on the state that is loaded with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{Blueprint, BlueprintId, GroupId, TenantId};
use syncline_core::plan::{self, Patch, ReadPoint, ReviewReason};
use syncline_core::state::{self, Cause, Entity, EntityId, Linked, SideFlags, Stamp};
use syncline_core::store::{DocumentKind, DocumentQuery, Sequence};
use syncline_core::value::Value;
use uuid::Uuid;

use super::consequences::Consequences;
use super::findings::Findings;
use super::input::{drop_unchanged, entered, patch_of, required, values_of_new};
use super::references::References;
use super::sides::{EntitySides, SideLinks};
use super::unique::UniqueFields;
use super::view::EntityNames;
use crate::actor::Actor;
use crate::blueprint::{Crosser, forget_failure, settle};
use crate::conflict::{ReviewPlace, close_settled, open_review_at};
use crate::document;
use crate::engine::Inner;
use crate::flow::{Judged, StoredFlow, flows_of};
use crate::quality::QualityGate;
use crate::run::{Page, compute, store_judged, uid};

/// Whether an entity waits to be matched and is not there for anybody yet.
pub(crate) fn is_provisional(linked: &Linked) -> bool {
    linked.sides.iter().any(|side| side.flags.has(SideFlags::STAGED))
}

/// Nothing is created where a person is still asked whether it exists already.
pub(crate) fn spare_held(linked: &mut Linked) {
    for side in linked.sides.iter_mut().filter(|side| side.flags.has(SideFlags::HELD)) {
        side.flags.clear(SideFlags::PUSH);
    }
}

/// A blueprint by its number.
pub(crate) async fn blueprint_by_id(page: &mut Page, id: BlueprintId) -> Result<Blueprint> {
    Ok(document::get::<Blueprint>(page.tx()?, u64::from(id)).await?.value)
}

/// A blueprint by its name.
pub(crate) async fn blueprint_by_name(
    tx: &mut dyn syncline_core::store::Transaction,
    tenant: TenantId,
    name: &str,
) -> Result<Blueprint> {
    if let Some(found) = document::by_key::<Blueprint>(tx, tenant, 0, name).await? {
        return Ok(found.value);
    }
    let query = DocumentQuery::new(DocumentKind::Blueprint).tenant(tenant);
    let mut names: Vec<String> = document::find::<Blueprint>(tx, &query)
        .await?
        .into_iter()
        .map(|found| found.value.name)
        .collect();
    names.sort();
    let known = if names.is_empty() {
        "save a mapping or blueprint first".to_owned()
    } else {
        format!("there are: {}", names.join(", "))
    };
    Err(Error::new(
        ErrorKind::NotFound,
        format!("there is no blueprint `{name}`; {known}"),
    ))
}

/// The entity of this id, with its sides. Provisional ones are not there.
pub(super) async fn entity_by_uid(
    tx: &mut dyn syncline_core::store::Transaction,
    tenant: TenantId,
    uid: Uuid,
) -> Result<Linked> {
    let number = tx.find_uids(tenant, &[uid]).await?.into_iter().flatten().next();
    let loaded = match number {
        Some(number) => tx.load(&[number]).await?.into_iter().next(),
        None => None,
    };
    loaded
        .filter(|linked| !is_provisional(linked))
        .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no record {uid}")))
}

/// The entity of this id with its blueprint.
pub(crate) async fn stored_entity(
    tx: &mut dyn syncline_core::store::Transaction,
    tenant: TenantId,
    uid: Uuid,
) -> Result<(Linked, Blueprint)> {
    let linked = entity_by_uid(tx, tenant, uid).await?;
    let blueprint = document::get::<Blueprint>(tx, u64::from(linked.entity.blueprint)).await?;
    Ok((linked, blueprint.value))
}

/// What an edit did to one entity.
#[derive(Debug, Default)]
pub(crate) struct EditOutcome {
    pub(crate) changed: Vec<GroupId>,
    pub(super) overruled: Vec<GroupId>,
    pub(super) conflicts: Vec<u64>,
}

/// Edits under way. Dropping it undoes them.
pub(crate) struct EntityTransaction<'a> {
    pub(crate) inner: &'a Inner,
    pub(crate) page: Page,
    pub(crate) blueprint: Blueprint,
    pub(crate) sides: EntitySides,
    pub(super) unique: UniqueFields,
    references: References,
    quality: Option<Arc<QualityGate>>,
    pub(super) actor: &'a Actor,
    changed: BTreeMap<EntityId, Linked>,
    /// The flows over the blueprint.
    pub(crate) flows: Vec<StoredFlow>,
    /// What is known already of changes of state.
    pub(super) judged: Judged,
}

impl<'a> EntityTransaction<'a> {
    /// Goes on with a transaction, over entities of a blueprint.
    pub(crate) async fn open(inner: &'a Inner, mut page: Page, blueprint: Blueprint, actor: &'a Actor) -> Result<Self> {
        blueprint.check_not_trashed()?;
        let sides = EntitySides::load(inner, page.tx()?, &blueprint).await?;
        let unique = UniqueFields::open(page.tx()?, &blueprint).await?;
        let quality = QualityGate::load(page.tx()?, &blueprint).await?;
        let flows = flows_of(page.tx()?, blueprint.tenant, blueprint.id).await?;
        Ok(Self {
            inner,
            page,
            blueprint,
            sides,
            unique,
            references: References::default(),
            quality,
            actor,
            changed: BTreeMap::new(),
            flows,
            judged: Judged::new(),
        })
    }

    /// Begins over the entities of the blueprint of this name.
    pub(super) async fn of_blueprint(inner: &'a Inner, tenant: TenantId, name: &str, actor: &'a Actor) -> Result<Self> {
        let mut page = Page::begin(inner, tenant).await?;
        let blueprint = blueprint_by_name(page.tx()?, tenant, name).await?;
        Self::open(inner, page, blueprint, actor).await
    }

    /// Begins over one entity.
    pub(crate) async fn of_entity(
        inner: &'a Inner,
        tenant: TenantId,
        uid: Uuid,
        actor: &'a Actor,
    ) -> Result<(Self, Linked)> {
        let mut page = Page::begin(inner, tenant).await?;
        let mut linked = entity_by_uid(page.tx()?, tenant, uid).await?;
        witness(inner, &linked);
        settle(inner, &mut page, std::slice::from_mut(&mut linked)).await?;
        let blueprint = blueprint_by_id(&mut page, linked.entity.blueprint).await?;
        Ok((Self::open(inner, page, blueprint, actor).await?, linked))
    }

    /// The names for showing entities.
    pub(crate) fn names(&self) -> EntityNames<'_> {
        EntityNames {
            blueprint: &self.blueprint,
            history: None,
            syncs: &self.sides.syncs,
        }
    }

    /// Reads values given by field name.
    pub(super) fn parse(&self, values: &Map<String, Json>, findings: &mut Findings) -> Patch {
        patch_of(&self.blueprint, values, findings)
    }

    /// Looks up, at once, what these patches and entities have to be checked against, and returns the entities that
    /// hold one of their unique values.
    pub(crate) async fn prepare(
        &mut self,
        patches: &[&Patch],
        entities: &[&Entity],
    ) -> Result<BTreeMap<EntityId, Linked>> {
        let size = self.blueprint.fields.len();
        let mut rows: Vec<Vec<Value>> = entities.iter().map(|entity| entity.values.clone()).collect();
        for patch in patches {
            let row = (0..size).map(|position| patch.get(&position).cloned().unwrap_or_default());
            rows.push(row.collect());
        }
        // A default may be taken as well.
        rows.push(
            self.blueprint
                .fields
                .iter()
                .map(|field| field.default.clone().unwrap_or_default())
                .collect(),
        );
        self.references
            .load(self.page.tx()?, self.blueprint.tenant, &self.blueprint, patches)
            .await?;
        self.unique.load(self.page.tx()?, &rows).await
    }

    /// An entity that was written in this transaction.
    pub(crate) fn written(&self, entity: EntityId) -> Option<&Linked> {
        self.changed.get(&entity)
    }

    /// The number of an entity that was written in this transaction.
    pub(super) fn number_of(&self, uid: Uuid) -> Option<EntityId> {
        let mut written = self.changed.values();
        written
            .find(|linked| linked.entity.uid == uid)
            .map(|linked| linked.entity.id)
    }

    /// Makes a new entity.
    pub(super) async fn create(&mut self, patch: &Patch, findings: Findings) -> Result<EntityId> {
        self.create_as(None, patch, findings).await
    }

    /// Makes a new entity, with this id if one is given that no other entity has.
    pub(super) async fn create_as(
        &mut self,
        given: Option<Uuid>,
        patch: &Patch,
        mut findings: Findings,
    ) -> Result<EntityId> {
        let values = values_of_new(&self.blueprint, patch, &mut findings);
        entered(&self.blueprint, patch, &mut findings);
        self.begins(&values, &mut findings);
        self.references.check(&self.blueprint, patch, &mut findings);
        self.find_taken(0, &[], &values, &mut findings);
        self.find_breaches(0, None, &values, &mut findings).await?;
        findings.check(&self.blueprint.name)?;
        let id = self.page.tx()?.reserve(Sequence::Entity, 1).await?;
        let inner = self.inner;
        let now = inner.clock.now();
        let mut entity = Entity::new(
            given.unwrap_or_else(|| uid(inner)),
            &self.blueprint,
            now,
            state::Actor(self.actor.name.clone()),
        );
        entity.id = EntityId::try_from(id).unwrap_or(EntityId::MAX);
        let stamp = Stamp {
            at: now.as_microsecond(),
            source: now.as_microsecond(),
            rank: 0,
        };
        let header = (1, inner.marks.next(now).0, Cause::App, stamp);
        for group in self.blueprint.group_ids() {
            let fields = self.blueprint.fields_of(group);
            let decided: Vec<Value> = fields.into_iter().map(|field| values[field].clone()).collect();
            // What was left empty was never decided: the first side that has a value gives it.
            if !decided.iter().all(Value::is_empty) {
                entity.decide(&self.blueprint, group, decided, header);
            }
        }
        entity.rev = 1;
        self.page.audit.push(
            AuditEntry::new(AuditKind::Created, entity.uid, 0, None)
                .values(0, 1, Vec::new(), entity.values.clone())
                .note(self.actor.name.clone()),
        );
        let id = entity.id;
        self.references.note_made(entity.uid, entity.blueprint);
        self.keep(
            None,
            Linked {
                entity,
                sides: Vec::new(),
            },
        );
        Ok(id)
    }

    /// Edits an entity by the rules of app edits. Nothing is changed when it is refused.
    pub(crate) async fn edit(
        &mut self,
        linked: &Linked,
        mut patch: Patch,
        read: &ReadPoint,
        mut findings: Findings,
    ) -> Result<EditOutcome> {
        let stored = linked;
        let (over, crossing) = match self.brought_over(linked, &patch).await? {
            Some((over, audit)) => (Some(over), audit),
            None => (None, Vec::new()),
        };
        let linked = over.as_ref().unwrap_or(stored);
        drop_unchanged(&mut patch, &linked.entity);
        entered(&self.blueprint, &patch, &mut findings);
        required(
            &self.blueprint,
            patch.iter().map(|(position, value)| (*position, value)),
            &mut findings,
        );
        self.references.check(&self.blueprint, &patch, &mut findings);
        findings.check(&self.blueprint.name)?;
        let mut edited = linked.clone();
        let links = SideLinks::new();
        let scene = self.sides.scene(self.inner, &self.blueprint, &links, &self.actor.name);
        let mut effects = plan::app_edit(&mut edited, &patch, read, &scene)?;
        let mut findings = Findings::default();
        let (mut updates, judged) = self.follows(&linked.entity, &edited.entity, &patch, &mut findings);
        findings.check(&self.blueprint.name)?;
        drop_unchanged(&mut updates, &edited.entity);
        if !updates.is_empty() {
            let now = ReadPoint::Rev(edited.entity.rev);
            effects.absorb(plan::app_edit(&mut edited, &updates, &now, &scene)?);
        }
        let mut findings = Findings::default();
        let (before, after) = (&linked.entity.values, &edited.entity.values);
        self.find_breaches(linked.entity.id, Some(before), after, &mut findings)
            .await?;
        self.find_taken(
            linked.entity.id,
            &linked.entity.values,
            &edited.entity.values,
            &mut findings,
        );
        findings.check(&self.blueprint.name)?;
        self.judged.extend(judged);
        spare_held(&mut edited);
        let mut outcome = EditOutcome {
            changed: effects.decided,
            ..EditOutcome::default()
        };
        self.page.audit.extend(crossing);
        for entry in effects.audit {
            if entry.kind == AuditKind::Overruled && !outcome.changed.contains(&entry.group) {
                outcome.overruled.push(entry.group);
            }
            self.page.audit.push(entry);
        }
        for change in effects.reviews {
            let Some(reason) = change.reason else {
                close_settled(
                    self.inner,
                    &mut self.page,
                    &edited,
                    change.group,
                    "the sides agree again",
                )
                .await?;
                continue;
            };
            if let Some(conflict) = self.open_conflict(&mut edited, change.group, reason).await? {
                outcome.conflicts.push(conflict);
            }
        }
        if over.is_some() {
            forget_failure(self.page.tx()?, &self.blueprint, stored.entity.uid).await?;
        }
        if !outcome.changed.is_empty() || over.is_some() {
            self.keep(Some(&stored.entity), edited);
        }
        Ok(outcome)
    }

    /// An entity of an older version as one of the current, for an edit: `None` if it is one already. What keeps it from
    /// coming over may be what the patch mends, so that is taken first.
    async fn brought_over(&mut self, linked: &Linked, patch: &Patch) -> Result<Option<(Linked, Vec<AuditEntry>)>> {
        if linked.entity.blueprint_version == self.blueprint.version {
            return Ok(None);
        }
        let crosser = Crosser::open(self.inner, self.page.tx()?, &self.blueprint).await?;
        if !crosser.is_step(&linked.entity) {
            return Ok(None);
        }
        let mut over = linked.clone();
        let mut answer = crosser.cross(self.inner, &mut over, &self.actor.name);
        if answer.is_err() {
            let own = crosser.history.blueprint(linked.entity.blueprint_version);
            for (place, value) in patch {
                let field = own.as_ref().and_then(|own| own.fields.get(*place));
                if let (Some(field), Some(held)) = (field, over.entity.values.get_mut(*place)) {
                    *held = field.kind.coerce(value.clone()).unwrap_or_default();
                }
            }
            answer = crosser.cross(self.inner, &mut over, &self.actor.name);
        }
        let crossed = answer.map_err(|failures| {
            let wrong: Vec<String> = failures.into_iter().map(|failure| failure.reason).collect();
            Error::new(
                ErrorKind::Invalid,
                format!(
                    "record {} is still of version {} of `{}` and can't be brought to version {}: {}",
                    linked.entity.uid,
                    linked.entity.blueprint_version,
                    self.blueprint.name,
                    self.blueprint.version,
                    wrong.join("; ")
                ),
            )
        })?;
        Ok(Some((over, crossed.audit)))
    }

    async fn open_conflict(
        &mut self,
        linked: &mut Linked,
        group: GroupId,
        reason: ReviewReason,
    ) -> Result<Option<u64>> {
        let asks = |side: &&super::sides::EntitySide| {
            side.mapping
                .group(group)
                .is_some_and(|rules| rules.strategy == syncline_core::mapping::Strategy::ManualReview)
        };
        let linked_here = |side: &&super::sides::EntitySide| linked.side_index(side.sync.side).is_some();
        let mut known = self.sides.active.iter().filter(linked_here);
        let Some(side) = known.clone().find(asks).or_else(|| known.next()) else {
            return Ok(None);
        };
        let place = ReviewPlace {
            sync: &side.sync,
            blueprint: &self.blueprint,
            mappings: self.sides.mappings(),
            explanation: "",
        };
        let review = open_review_at(self.inner, &mut self.page, 0, &place, linked, group, reason).await?;
        if let Some(frozen) = linked.entity.frozen.iter_mut().find(|(frozen, _)| *frozen == group) {
            frozen.1 = review;
        }
        Ok(Some(review))
    }

    /// Finds unique values that another entity holds.
    pub(crate) fn find_taken(&self, entity: EntityId, before: &[Value], after: &[Value], findings: &mut Findings) {
        for (position, _) in self.unique.taken(entity, before, after) {
            let name = &self.blueprint.fields[position].name;
            let value = after.get(position).map(ToString::to_string).unwrap_or_default();
            findings.taken(
                name,
                format!("`{name}` is unique and another {} has {value}", self.blueprint.name),
            );
        }
    }

    /// Finds rules of data quality that an entity has come to break.
    async fn find_breaches(
        &mut self,
        entity: EntityId,
        before: Option<&[Value]>,
        after: &[Value],
        findings: &mut Findings,
    ) -> Result<()> {
        let Some(quality) = self.quality.clone() else {
            return Ok(());
        };
        quality.find(before, after, findings);
        quality
            .find_duplicates(self.page.tx()?, entity, before, after, findings)
            .await
    }

    /// Takes an entity over as it is to be stored, its computed fields computed.
    pub(crate) fn keep(&mut self, before: Option<&Entity>, mut linked: Linked) {
        compute(&self.blueprint, &mut linked);
        self.unique.change(before, &linked.entity);
        self.changed.insert(linked.entity.id, linked);
    }

    /// Stores everything and gives the transaction back.
    pub(crate) async fn hand_over(mut self) -> Result<Page> {
        let changed: Vec<Linked> = self.changed.into_values().collect();
        store_judged(self.page.tx()?, &changed, &self.judged).await?;
        Ok(self.page)
    }

    /// Stores everything and commits.
    pub(crate) async fn finish(self) -> Result<Finished> {
        self.finish_with(Consequences::default(), Cause::App).await
    }

    /// Stores everything, with what follows from its deletes, and commits.
    pub(super) async fn finish_with(mut self, consequences: Consequences, cause: Cause) -> Result<Finished> {
        let changed: Vec<Linked> = self.changed.into_values().collect();
        store_judged(self.page.tx()?, &changed, &self.judged).await?;
        let page = Box::pin(consequences.carry_out(self.inner, self.page, cause, self.actor)).await?;
        page.finish(self.inner, self.blueprint.tenant).await?;
        Ok(Finished {
            blueprint: self.blueprint,
            sides: self.sides,
            changed,
        })
    }
}

/// What a transaction stored.
pub(crate) struct Finished {
    pub(super) blueprint: Blueprint,
    pub(super) sides: EntitySides,
    pub(crate) changed: Vec<Linked>,
}

impl Finished {
    /// The names for showing entities.
    pub(crate) fn names(&self) -> EntityNames<'_> {
        EntityNames {
            blueprint: &self.blueprint,
            history: None,
            syncs: &self.sides.syncs,
        }
    }
}

/// Takes notice of marks that another process gave, so that a decision taken now comes after them.
pub(crate) fn witness(inner: &Inner, linked: &Linked) {
    let decided = linked.entity.decisions.iter().map(|decision| decision.mark);
    let seen = linked
        .sides
        .iter()
        .flat_map(|side| [side.obs_seq, side.write_seq, side.dirty_seq]);
    inner.marks.witness(decided.chain(seen).max().unwrap_or(0));
}

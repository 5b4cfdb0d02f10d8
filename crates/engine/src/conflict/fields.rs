//! Resolving what freezes a group: fields that both sides changed, or a delete that met an edit.

use std::collections::BTreeMap;

use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::lens::{LensContext, NoLinks};
use syncline_core::model::PRESENCE;
use syncline_core::plan::{self, Choice, raw_groups};
use syncline_core::state::{Linked, Presence, Side, SideId};
use syncline_core::value::Value;

use super::model::Review;
use super::open::close_settled;
use super::resolution::{FieldChoice, Resolution};
use crate::actor::Actor;
use crate::engine::Inner;
use crate::entity::{EntitySides, EntityTransaction, Findings, blueprint_by_id, recreate, spare_held};
use crate::run::{Links, Page};

/// Decides a frozen group and returns the transaction, with what was decided in words.
pub(super) async fn resolve_group<'a>(
    inner: &'a Inner,
    mut page: Page,
    review: &Review,
    resolution: &Resolution,
    actor: &'a Actor,
) -> Result<(EntityTransaction<'a>, String)> {
    let Some(before) = page.load(inner, &[review.entity]).await?.into_iter().next() else {
        return Err(Error::new(
            ErrorKind::Stale,
            format!("the record of conflict {} is gone; ignore it", review.id),
        ));
    };
    let blueprint = blueprint_by_id(&mut page, before.entity.blueprint).await?;
    let mut work = EntityTransaction::open(inner, page, blueprint, actor).await?;
    crate::entity::witness(inner, &before);
    let links = work.sides.links(work.page.tx()?, &before).await?;
    let (choice, words) = match resolution {
        Resolution::KeepRecord if review.group == PRESENCE => (presence(true), "the record stays".to_owned()),
        Resolution::DeleteRecord if review.group == PRESENCE => (presence(false), "the record is deleted".to_owned()),
        Resolution::Fields(choices) if review.group != PRESENCE => {
            let chosen = values(&work, review, &before, choices, &links)?;
            (chosen, words(review, choices))
        }
        _ => return Err(Resolution::does_not_fit(review)),
    };
    let mut after = before.clone();
    let scene = work.sides.scene(inner, &work.blueprint, &links, &actor.name);
    let effects = plan::resolve(&mut after, review.group, &choice, &scene)?;
    drop(scene);
    if *resolution == Resolution::KeepRecord {
        let own = work.sides.syncs.iter().find(|sync| sync.id == review.sync);
        let own = own.map(|sync| sync.side);
        // Where the record was deleted long before, by another decision, it stays deleted.
        let is_asked = |side: &Side| match &side.presence {
            Presence::Deleted(how) => Some(side.key.side) == own || before.entity.deleted && how == plan::DELETED_BY_US,
            Presence::Archived => Some(side.key.side) == own,
            _ => false,
        };
        after.sides.iter_mut().filter(|side| is_asked(side)).for_each(recreate);
    }
    for change in &effects.reviews {
        close_settled(inner, &mut work.page, &after, change.group, "the record is deleted").await?;
    }
    spare_held(&mut after);
    if review.group != PRESENCE {
        work.prepare(&[], &[&after.entity]).await?;
        let mut findings = Findings::default();
        for field in work.blueprint.fields_of(review.group) {
            let declared = &work.blueprint.fields[field];
            if declared.required && after.entity.value(field).is_empty() {
                findings.invalid(
                    &declared.name,
                    format!("`{}` is required; choose a value", declared.name),
                );
            }
        }
        work.find_taken(
            after.entity.id,
            &before.entity.values,
            &after.entity.values,
            &mut findings,
        );
        findings.check(&work.blueprint.name)?;
    }
    work.page.audit.extend(effects.audit);
    work.keep(Some(&before.entity), after);
    Ok((work, words))
}

fn presence(live: bool) -> Choice {
    Choice::Values(vec![Value::Bool(live)])
}

/// Values that one choice per field comes to.
fn values(
    work: &EntityTransaction<'_>,
    review: &Review,
    linked: &Linked,
    choices: &BTreeMap<String, FieldChoice>,
    links: &BTreeMap<SideId, Links>,
) -> Result<Choice> {
    let fields = work.blueprint.fields_of(review.group);
    let names: Vec<&str> = fields
        .iter()
        .map(|&field| work.blueprint.fields[field].name.as_str())
        .collect();
    if let Some(unknown) = choices.keys().find(|name| !names.contains(&name.as_str())) {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "conflict {} is not about `{unknown}` but about {}",
                review.id,
                names.join(", ")
            ),
        ));
    }
    let hub = linked.entity.group_values(&work.blueprint, review.group);
    let mut values = Vec::with_capacity(fields.len());
    for (place, name) in names.iter().enumerate() {
        let choice = choices.get(*name).ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                format!("choose a value for `{name}` too: these fields change together"),
            )
        })?;
        values.push(match choice {
            FieldChoice::App => hub[place].clone(),
            FieldChoice::Value(json) => Value::from_json(json.clone()),
            FieldChoice::Crm => side_values(&work.sides, review, linked, crm_of(work, review, linked)?, &hub, links)?
                .get(place)
                .cloned()
                .unwrap_or_default(),
            FieldChoice::Side(side) => side_values(&work.sides, review, linked, *side, &hub, links)?
                .get(place)
                .cloned()
                .unwrap_or_default(),
        });
    }
    let is_apps = choices.values().all(|choice| *choice == FieldChoice::App);
    Ok(if is_apps { Choice::App } else { Choice::Values(values) })
}

/// The side that "the CRM" means: that of the conflict's sync, or the only other one.
fn crm_of(work: &EntityTransaction<'_>, review: &Review, linked: &Linked) -> Result<SideId> {
    let own = work
        .sides
        .active
        .iter()
        .find(|side| side.sync.id == review.sync)
        .map(|side| side.sync.side);
    let own = own.filter(|side| linked.side_index(*side).is_some());
    own.or_else(|| review.sides.first().map(|side| side.side))
        .ok_or_else(|| Error::new(ErrorKind::NotFound, "no CRM is linked to this record any more"))
}

fn side_values(
    sides: &EntitySides,
    review: &Review,
    linked: &Linked,
    side: SideId,
    hub: &[Value],
    links: &BTreeMap<SideId, Links>,
) -> Result<Vec<Value>> {
    let index = linked
        .side_index(side)
        .filter(|&index| !linked.sides[index].obs.is_empty())
        .ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("side {side} is not linked to this record, or was never read"),
            )
        })?;
    let mapping = sides
        .active
        .iter()
        .map(|known| &known.mapping)
        .find(|mapping| mapping.side == side);
    let place = mapping.and_then(|mapping| mapping.groups.iter().position(|rules| rules.group == review.group));
    let (Some(mapping), Some(place)) = (mapping, place) else {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("the mapping of side {side} does not have {}", review.fields.join(", ")),
        ));
    };
    let raw = raw_groups(&linked.sides[index], &mapping.groups)?;
    let links: &dyn LensContext = match links.get(&side) {
        Some(links) => links,
        None => &NoLinks,
    };
    mapping.groups[place].get(&raw[place], hub, links)
}

fn words(review: &Review, choices: &BTreeMap<String, FieldChoice>) -> String {
    let words: Vec<String> = choices
        .iter()
        .map(|(field, choice)| format!("{field}: {}", choice.words(review)))
        .collect();
    words.join("; ")
}

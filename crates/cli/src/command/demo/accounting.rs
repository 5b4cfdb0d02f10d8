//! Every edit is accounted for: it stands on all mapped sides, somebody replaced it knowingly, the audit names it as a
//! loser, or it waits before a person. Anything else is a lost update.

use std::collections::{BTreeMap, BTreeSet};

use syncline::audit::AuditKind;
use syncline::conflict::ReviewStatus;
use syncline::entity::EntityView;
use syncline::state::{EntityId, Presence};
use syncline::store::Mode;
use syncline::{ErrorKind, Result};
use uuid::Uuid;

use super::app;
use super::audit::Trail;
use super::compare;
use super::conflicts;
use super::edit::{Action, Edit, Outcome};
use super::links::Links;
use super::mapping::Syncs;
use super::world::World;

/// What waits before a person.
#[derive(Default)]
struct Waiting {
    entities: BTreeSet<Uuid>,
    /// Whom a record in question may be: nothing is created in the CRM for them until that is decided.
    candidates: BTreeSet<EntityId>,
    records: BTreeSet<String>,
    values: BTreeSet<String>,
}

/// Finds out what became of each edit.
///
/// # Errors
/// What the engine or the store reports.
pub(super) async fn account(world: &World, syncs: &Syncs, edits: &mut [Edit], trail: &Trail) -> Result<()> {
    let mut waiting = Waiting::default();
    conflicts::visit(world, |review| {
        if review.status != ReviewStatus::Pending {
            return;
        }
        waiting.entities.insert(review.uid);
        waiting.candidates.extend(&review.candidates);
        waiting
            .records
            .extend(review.sides.iter().filter_map(|side| side.record.clone()));
        let values = review
            .app
            .iter()
            .chain(review.sides.iter().flat_map(|side| &side.values));
        waiting
            .values
            .extend(values.filter_map(|value| value.as_str().map(str::to_owned)));
    })
    .await?;
    let last_on_side = last_on_side(edits);
    for (place, edit) in edits.iter_mut().enumerate() {
        if edit.outcome != Outcome::Open {
            continue;
        }
        find_entity(world, syncs, edit).await?;
        let entity = match edit.entity {
            Some(uid) => match app::get(world, uid).await {
                Ok(entity) => Some(entity),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            },
            None => None,
        };
        let is_last = last_on_side.get(&key(edit)).is_none_or(|last| *last == place);
        edit.outcome = outcome(world, syncs, edit, entity.as_ref(), trail, &waiting, is_last)?;
    }
    Ok(())
}

/// Finds out what became of the edits that waited for a person when they were last looked at.
///
/// # Errors
/// As [`account`].
pub(super) async fn account_again(world: &World, syncs: &Syncs, edits: &mut [Edit], trail: &Trail) -> Result<()> {
    for edit in edits.iter_mut().filter(|edit| edit.outcome == Outcome::InReview) {
        edit.outcome = Outcome::Open;
    }
    account(world, syncs, edits, trail).await
}

type SideField = (super::edit::Who, Option<Uuid>, Option<&'static str>, Option<String>);

fn key(edit: &Edit) -> SideField {
    let created = edit.entity.is_none().then(|| edit.record.clone()).flatten();
    (edit.who, edit.entity, edit.trace().map(|(field, _)| field), created)
}

/// The last edit of each field on each side: one before it was replaced by its own user.
fn last_on_side(edits: &[Edit]) -> BTreeMap<SideField, usize> {
    edits
        .iter()
        .enumerate()
        .map(|(place, edit)| (key(edit), place))
        .collect()
}

/// The entity that a record created in a CRM has become.
async fn find_entity(world: &World, syncs: &Syncs, edit: &mut Edit) -> Result<()> {
    let (None, Some(record), Some(provider)) = (edit.entity, &edit.record, edit.who.provider()) else {
        return Ok(());
    };
    let Some(sync) = syncs.of(edit.blueprint).find(|sync| sync.provider == provider) else {
        return Ok(());
    };
    let mut tx = world.store.begin(Mode::Read).await?;
    let head = tx.heads(sync.sync.side, &[record]).await?.into_iter().next().flatten();
    if let Some(head) = head {
        edit.entity = tx
            .load(&[head.key.entity])
            .await?
            .first()
            .map(|linked| linked.entity.uid);
    }
    Ok(())
}

fn outcome(
    world: &World,
    syncs: &Syncs,
    edit: &Edit,
    entity: Option<&EntityView>,
    trail: &Trail,
    waiting: &Waiting,
    is_last: bool,
) -> Result<Outcome> {
    let asked = edit.entity.is_some_and(|uid| waiting.entities.contains(&uid))
        || edit
            .record
            .as_ref()
            .is_some_and(|record| waiting.records.contains(record));
    Ok(match (&edit.action, edit.trace()) {
        (Action::Delete, _) => match deleted(edit, entity, trail) {
            Ok(outcome) => outcome,
            Err(_) if asked => Outcome::InReview,
            Err(why) => Outcome::Unaccounted(why),
        },
        (Action::MergeInto { .. }, _) => match (merged(edit, entity, trail), asked) {
            (_, true) => Outcome::InReview,
            (Ok(()), _) => Outcome::Visible,
            (Err(why), _) => Outcome::Unaccounted(why),
        },
        (_, Some((field, value))) => match visible(world, syncs, entity, field, value)? {
            Ok(()) => Outcome::Visible,
            Err(_) if !is_last => Outcome::Overwritten,
            Err(_) if trail.names_loser(value) => Outcome::Overruled,
            Err(_) if trail.was_replaced(value) => Outcome::Overwritten,
            Err(_) if waiting.values.contains(value) => Outcome::InReview,
            Err(_) if may_be_another(edit, entity, waiting) => Outcome::InReview,
            Err(why) => Outcome::Unaccounted(why),
        },
        (_, None) => Outcome::Unaccounted("it left no trace to look for".to_owned()),
    })
}

/// Whether an entity that the app made may be a record that somebody else made, and a person is asked which it is.
fn may_be_another(edit: &Edit, entity: Option<&EntityView>, waiting: &Waiting) -> bool {
    matches!(edit.action, Action::Create { .. })
        && entity.is_some_and(|entity| waiting.candidates.contains(&entity.number))
}

/// Whether a value stands in the app and in every linked record.
fn visible(
    world: &World,
    syncs: &Syncs,
    entity: Option<&EntityView>,
    field: &str,
    value: &str,
) -> Result<std::result::Result<(), String>> {
    let Some(entity) = entity else {
        return Ok(Err("no entity holds it".to_owned()));
    };
    if entity.deleted {
        return Ok(Err("its entity is deleted".to_owned()));
    }
    let hub = entity
        .values
        .get(field)
        .and_then(|json| json.as_str())
        .unwrap_or_default();
    if hub != value {
        return Ok(Err(format!("the app holds \"{hub}\"")));
    }
    let mut sides = 0;
    for link in entity.links.iter().filter(|link| link.presence == Presence::Live) {
        let (Some(sync), Some(record)) = (syncs.by_id(link.sync), &link.record) else {
            continue;
        };
        let crm = world.crm(sync.provider);
        let Some(held) = crm.record(&entity.blueprint, record) else {
            return Ok(Err(format!("{} has no record {record}", crm.label())));
        };
        let position = sync.blueprint.position(field).unwrap_or(usize::MAX);
        let Some(group) = sync.side.groups.iter().find(|group| group.fields.contains(&position)) else {
            continue;
        };
        if let Some((_, held)) = compare::difference(crm, sync, group, entity, &held, &Links::default())? {
            return Ok(Err(format!("{} holds \"{held}\"", crm.label())));
        }
        sides += 1;
    }
    Ok(if sides == 0 {
        Err("no CRM holds the record".to_owned())
    } else {
        Ok(())
    })
}

fn deleted(edit: &Edit, entity: Option<&EntityView>, trail: &Trail) -> std::result::Result<Outcome, String> {
    let Some(entity) = entity else {
        return Ok(Outcome::Visible);
    };
    if edit.who.provider().is_none() {
        return if entity.deleted {
            Ok(Outcome::Visible)
        } else if trail.tells_of_entity(entity.uid, &[AuditKind::Restored]) {
            Ok(Outcome::Overruled)
        } else {
            Err("the entity is live".to_owned())
        };
    }
    let record = edit.record.as_deref().unwrap_or_default();
    let linked = entity.links.iter().find(|link| link.record.as_deref() == Some(record));
    match linked.map(|link| &link.presence) {
        Some(Presence::Live | Presence::NeverSeen) => Err("the link is live".to_owned()),
        Some(_) => Ok(Outcome::Visible),
        // Another record stands in its place: it was made again, which has to be written down.
        None if trail.tells_of_record(record, &[AuditKind::Deleted, AuditKind::Restored, AuditKind::Unlinked]) => {
            Ok(Outcome::Overruled)
        }
        None => Err("the link has vanished".to_owned()),
    }
}

fn merged(edit: &Edit, entity: Option<&EntityView>, trail: &Trail) -> std::result::Result<(), String> {
    let record = edit.record.as_deref().unwrap_or_default();
    if !trail.tells_of_record(record, &[AuditKind::Merged]) {
        return Err("the audit does not know of it".to_owned());
    }
    let still = entity.is_some_and(|entity| {
        entity
            .links
            .iter()
            .any(|link| link.record.as_deref() == Some(record) && link.presence == Presence::Live)
    });
    if still {
        Err("the loser's link is live".to_owned())
    } else {
        Ok(())
    }
}

//! References to records that are not linked: by an external id, which is our own key or a unique value, then by a name
//! that only one record has. What none of these finds waits until all that could be referred to was read, and is then a
//! person's to resolve.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::error::Result;
use syncline_core::io::Mark;
use syncline_core::mapping::{MatchKey, MatchPart, Normalisation};
use syncline_core::matching::normalise;
use syncline_core::model::{Blueprint, FieldType};
use syncline_core::state::{EntityId, Side, SideFlags, SideId};
use syncline_core::store::Transaction;
use syncline_core::value::{Value, decode_all};
use uuid::Uuid;

use super::context::SyncContext;
use super::links::{Links, texts};
use crate::document;
use crate::entity::{Definition, UniqueFields, fill_within};

/// The field by which people know a record.
const NAME: &str = "name";

/// What the rows of a page refer to by one object.
#[derive(Debug, Default)]
struct Wanted {
    /// The blueprint that the reference belongs to.
    blueprint: String,
    texts: BTreeSet<String>,
}

/// Finds by other means what is not linked.
pub(super) async fn resolve_others<'a>(
    context: &SyncContext,
    tx: &mut dyn Transaction,
    links: &mut Links,
    rows: impl IntoIterator<Item = &'a [u8]>,
) -> Result<()> {
    let wanted = unresolved(context, links, rows)?;
    for (object, wanted) in wanted {
        let Some(blueprint) = document::by_key::<Blueprint>(tx, context.sync.tenant, 0, &wanted.blueprint).await?
        else {
            continue;
        };
        let blueprint = blueprint.value;
        let mut left = wanted.texts;
        for find in [Find::Key, Find::Unique, Find::Name] {
            if left.is_empty() {
                break;
            }
            for (text, entity) in find.find(tx, &blueprint, &left).await? {
                left.remove(&text);
                links.resolve(&object, text, entity);
            }
        }
    }
    Ok(())
}

fn unresolved<'a>(
    context: &SyncContext,
    links: &Links,
    rows: impl IntoIterator<Item = &'a [u8]>,
) -> Result<BTreeMap<String, Wanted>> {
    let mut references: Vec<(String, String, Vec<usize>)> = Vec::new();
    for rule in context.mapping.groups.iter().flat_map(|group| &group.rules) {
        let fields = rule
            .fields
            .iter()
            .filter_map(|&field| context.blueprint.fields.get(field));
        let Some(blueprint) = fields.into_iter().find_map(|field| match &field.kind {
            FieldType::Reference { blueprint } => Some(blueprint.clone()),
            _ => None,
        }) else {
            continue;
        };
        for object in rule.lens.references() {
            references.push((object, blueprint.clone(), rule.paths.clone()));
        }
    }
    let mut wanted: BTreeMap<String, Wanted> = BTreeMap::new();
    if references.is_empty() {
        return Ok(wanted);
    }
    for row in rows {
        let row = decode_all(row)?;
        for (object, blueprint, paths) in &references {
            for text in paths.iter().filter_map(|&path| row.get(path)).flat_map(texts) {
                if !links.is_resolved(object, &text) {
                    let of_object = wanted.entry(object.clone()).or_default();
                    of_object.blueprint.clone_from(blueprint);
                    of_object.texts.insert(text);
                }
            }
        }
    }
    Ok(wanted)
}

/// A way to find an entity.
#[derive(Debug, Clone, Copy)]
enum Find {
    /// By our own key, which the other record carries.
    Key,
    /// By a unique field.
    Unique,
    /// By the name that only one has.
    Name,
}

impl Find {
    /// Those that were found, each by one text and for certain.
    async fn find(
        self,
        tx: &mut dyn Transaction,
        blueprint: &Blueprint,
        texts: &BTreeSet<String>,
    ) -> Result<Vec<(String, Uuid)>> {
        match self {
            Self::Key => by_key(tx, blueprint, texts).await,
            Self::Unique => by_unique(tx, blueprint, texts).await,
            Self::Name => by_name(tx, blueprint, texts).await,
        }
    }
}

async fn by_key(
    tx: &mut dyn Transaction,
    blueprint: &Blueprint,
    texts: &BTreeSet<String>,
) -> Result<Vec<(String, Uuid)>> {
    let uids: Vec<(String, Uuid)> = texts
        .iter()
        .filter_map(|text| Some((text.clone(), text.parse().ok()?)))
        .collect();
    if uids.is_empty() {
        return Ok(Vec::new());
    }
    let asked: Vec<Uuid> = uids.iter().map(|(_, uid)| *uid).collect();
    let numbers: Vec<EntityId> = tx
        .find_uids(blueprint.tenant, &asked)
        .await?
        .into_iter()
        .flatten()
        .collect();
    let found: BTreeSet<Uuid> = tx
        .load_entities(&numbers)
        .await?
        .into_iter()
        .filter(|entity| entity.blueprint == blueprint.id && !entity.deleted)
        .map(|entity| entity.uid)
        .collect();
    Ok(uids.into_iter().filter(|(_, uid)| found.contains(uid)).collect())
}

async fn by_unique(
    tx: &mut dyn Transaction,
    blueprint: &Blueprint,
    texts: &BTreeSet<String>,
) -> Result<Vec<(String, Uuid)>> {
    let positions: Vec<usize> = (0..blueprint.fields.len())
        .filter(|&position| blueprint.fields[position].unique)
        .collect();
    let mut found = Vec::new();
    for position in positions {
        let mut unique = UniqueFields::open(tx, blueprint).await?;
        let mut rows = Vec::new();
        for text in texts {
            let value = blueprint.check_value(&blueprint.fields[position], Value::text(text.as_str()));
            let mut row = vec![Value::Null; blueprint.fields.len()];
            row[position] = value.unwrap_or_default();
            rows.push(row);
        }
        let holders = unique.load(tx, &rows).await?;
        for (text, row) in texts.iter().zip(&rows) {
            if let [only] = unique.owners(position, row).unwrap_or_default()[..]
                && let Some(linked) = holders.get(&only)
            {
                found.push((text.clone(), linked.entity.uid));
            }
        }
    }
    Ok(found)
}

async fn by_name(
    tx: &mut dyn Transaction,
    blueprint: &Blueprint,
    texts: &BTreeSet<String>,
) -> Result<Vec<(String, Uuid)>> {
    let Some(position) = blueprint.position(NAME) else {
        return Ok(Vec::new());
    };
    let key = MatchKey::Exact {
        parts: vec![MatchPart {
            field: NAME.to_owned(),
            normalise: Normalisation::Text,
        }],
    };
    let definition = Definition::Match { key };
    let space = fill_within(tx, blueprint, &definition).await?.id;
    let hash = |text: &str| definition.hold(&[Value::text(text)]).keys.first().copied();
    let hashes: Vec<u64> = texts.iter().filter_map(|text| hash(text)).collect();
    let numbers: Vec<EntityId> = tx
        .find_keys(space, &hashes)
        .await?
        .into_iter()
        .map(|key| key.entity)
        .collect();
    let mut named: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
    for entity in tx.load_entities(&numbers).await? {
        let name = normalise(entity.value(position), Normalisation::Text);
        if let Some(name) = name.filter(|_| !entity.deleted && entity.blueprint == blueprint.id) {
            named.entry(name).or_default().push(entity.uid);
        }
    }
    let of = |text: &String| {
        let name = normalise(&Value::text(text.as_str()), Normalisation::Text)?;
        match named.get(&name)?.as_slice() {
            [only] => Some((text.clone(), *only)),
            _ => None,
        }
    };
    Ok(texts.iter().filter_map(of).collect())
}

/// Whether what a record refers to, and was waited for, can come no more: all that could be referred to was read from
/// its beginning after the record was.
pub(super) fn is_final(context: &SyncContext, links: &Links, known: &BTreeMap<SideId, Mark>, side: &Side) -> bool {
    let is_staged = side.flags.has(SideFlags::STAGED) || links.waits_for_a_match();
    if !side.flags.has(SideFlags::WAITING) || is_staged {
        return false;
    }
    let rules = context.mapping.groups.iter().flat_map(|group| &group.rules);
    let mut objects = rules.flat_map(|rule| rule.lens.references());
    objects.all(|object| match context.objects.get(&object) {
        // Nobody will ever read it.
        None => true,
        Some(of) => known.get(of).is_some_and(|began| began.0 > side.obs_seq),
    })
}

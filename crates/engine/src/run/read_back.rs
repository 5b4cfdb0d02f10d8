//! Reading what became of writes whose outcome is not known.

use std::collections::BTreeMap;

use syncline_core::batch::{Batch, ReadClass, RowRef};
use syncline_core::error::Result;
use syncline_core::job::{Fetch, FetchBy};
use syncline_core::matching::key_fields;
use syncline_core::state::{EntityId, Linked, Operation, OperationVerb};
use syncline_core::value::{Value, decode_all};

use super::context::SyncContext;
use super::model::Run;
use super::session::Session;
use crate::document::Versioned;
use crate::engine::Inner;

/// What strong reads found of the operations' records.
pub(super) struct ReadBack {
    by_id: Batch,
    /// By the remote field that they were looked for by.
    by_key: BTreeMap<String, Batch>,
    /// The field that each create is looked for by.
    keys: BTreeMap<uuid::Uuid, (String, String)>,
}

impl ReadBack {
    pub(super) fn by_id(&self, ext: &str) -> Option<RowRef<'_>> {
        self.by_id.rows().find(|row| row.id() == ext)
    }

    pub(super) fn by_key(&self, operation: &Operation) -> impl Iterator<Item = RowRef<'_>> {
        let batch = self
            .keys
            .get(&operation.id)
            .and_then(|(field, _)| self.by_key.get(field));
        batch.into_iter().flat_map(Batch::rows)
    }
}

/// Reads the records of updates and deletes by id, and those of creates by our key or what comes nearest to one.
pub(super) async fn read(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    operations: &[Operation],
) -> Result<ReadBack> {
    let mut page = session.begin().await?;
    let ids: Vec<EntityId> = operations
        .iter()
        .filter(|operation| operation.verb != OperationVerb::Create)
        .map(|operation| operation.key.entity)
        .collect();
    let exts: Vec<String> = page
        .load(inner, &ids)
        .await?
        .iter()
        .filter_map(|linked| ext(context, linked))
        .collect();
    session.commit(page, run).await?;
    let by_id = if exts.is_empty() {
        Batch::default()
    } else {
        super::pull::fetch(inner, context, exts).await?.0
    };
    let keys: BTreeMap<uuid::Uuid, (String, String)> = operations
        .iter()
        .filter(|operation| operation.verb == OperationVerb::Create)
        .filter_map(|operation| Some((operation.id, key(context, operation)?)))
        .collect();
    let mut values: BTreeMap<&String, Vec<String>> = BTreeMap::new();
    for (field, value) in keys.values() {
        values.entry(field).or_default().push(value.clone());
    }
    let mut by_key = BTreeMap::new();
    for (field, values) in values {
        let mut batch = Batch::new(context.mapping.projection.fields.len());
        let fetch = Fetch {
            object: context.mapping.object.clone(),
            projection: context.mapping.projection.clone(),
            by: FetchBy::Key {
                field: field.clone(),
                values,
            },
        };
        context
            .connector
            .fetch(context.io.as_ref(), &context.config, &fetch, &mut batch)
            .await?;
        batch.class = ReadClass::Strong;
        by_key.insert(field.clone(), batch);
    }
    Ok(ReadBack { by_id, by_key, keys })
}

/// What a created record is looked for by: our key, else a text that it was given, preferably one that records are
/// matched by.
fn key(context: &SyncContext, operation: &Operation) -> Option<(String, String)> {
    if let Some(marker) = &operation.marker {
        return Some(marker.clone());
    }
    let mapping = &context.mapping;
    let matched: Vec<usize> = context
        .sync
        .mapping
        .match_keys
        .iter()
        .flat_map(key_fields)
        .filter_map(|name| context.blueprint.position(&name))
        .collect();
    let rules = || mapping.groups.iter().flat_map(|group| &group.rules);
    let rank = |path: usize| {
        let rule = rules().find(|rule| rule.paths.contains(&path));
        let refers = rule.is_none_or(|rule| !rule.lens.references().is_empty());
        let is_matched = rule.is_some_and(|rule| rule.fields.iter().any(|field| matched.contains(field)));
        (refers, !is_matched)
    };
    operation
        .target
        .iter()
        .filter_map(|(path, value)| Some((usize::from(*path), value.as_text().filter(|text| !text.is_empty())?)))
        .filter(|(path, _)| !rank(*path).0)
        .min_by_key(|(path, _)| rank(*path))
        .and_then(|(path, text)| Some((mapping.projection.fields.get(path)?.path.clone(), text.to_owned())))
}

/// Whether a record holds what a create without our key is looked for by: it may be the one, edited since.
pub(super) fn has_its_key(context: &SyncContext, operation: &Operation, encoded: &[u8]) -> Result<bool> {
    let Some((field, sent)) = key(context, operation) else {
        return Ok(false);
    };
    let Some(path) = context.mapping.projection.position(&field) else {
        return Ok(false);
    };
    let row = decode_all(encoded)?;
    let mut groups = context.mapping.groups.iter();
    let Some(group) = groups.find(|group| group.paths.contains(&path)) else {
        return Ok(false);
    };
    let value = |&of: &usize| row.get(of).cloned().unwrap_or_default();
    let now: Vec<Value> = group.paths.iter().map(value).collect();
    let mut then = now.clone();
    for (value, _) in then.iter_mut().zip(&group.paths).filter(|(_, of)| **of == path) {
        *value = Value::text(sent.as_str());
    }
    Ok(group.canon(&now) == group.canon(&then))
}

fn ext(context: &SyncContext, linked: &Linked) -> Option<String> {
    linked
        .side_index(context.side())
        .and_then(|index| linked.sides[index].ext.clone())
}

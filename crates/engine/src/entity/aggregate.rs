//! Aggregates over entities: counts, sums, averages, least and largest values, as a whole or by the values of a field.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use syncline_core::aggregate::{Accumulator, AggregateFunction};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{Blueprint, TenantId};
use syncline_core::sort_key::sort_key;
use syncline_core::store::Mode;
use syncline_core::value::{Value, encode_all};

use super::selection::{EntitySelection, Selection};
use super::service::Entities;
use crate::actor::{Action, Actor};

/// Most groups of one aggregate.
const MOST_GROUPS: usize = 10_000;

/// What to work out over entities.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EntityAggregateQuery {
    /// Over these entities.
    pub selection: EntitySelection,
    /// For each value of this field; over all of them as one otherwise.
    pub by: Option<String>,
    /// What to work out; how many there are is always told.
    pub of: Vec<EntityAggregate>,
}

/// One aggregate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityAggregate {
    /// What to work out.
    pub function: AggregateFunction,
    /// Of this field. Empty values do not count.
    pub field: String,
}

/// The aggregates of entities that have a value in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityGroup {
    /// The value; null for those without one, and where there are no groups.
    pub key: Json,
    /// Number of entities.
    pub count: u64,
    /// The aggregates, in the order in which they were asked for; null where no entity has a value.
    pub values: Vec<Json>,
}

impl Entities<'_> {
    /// Works aggregates out, group by group in the order of their values. All that is selected is looked through, a page
    /// at a time; sums of decimal numbers are exact.
    ///
    /// # Errors
    /// As [`Entities::list`]; [`ErrorKind::Invalid`] also when there is no such field, when a sum is asked of what is no
    /// number, and for more than 10,000 groups.
    pub async fn aggregate(
        &self,
        tenant: TenantId,
        blueprint: &str,
        query: &EntityAggregateQuery,
        actor: &Actor,
    ) -> Result<Vec<EntityGroup>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadEntities)?;
        let selection = Selection::open(inner, tenant, blueprint, &query.selection).await?;
        let blueprint = &selection.blueprint;
        let by = query.by.as_deref().map(|name| position(name, blueprint)).transpose()?;
        let mut of = Vec::with_capacity(query.of.len());
        for aggregate in &query.of {
            let position = position(&aggregate.field, blueprint)?;
            of.push((
                position,
                Accumulator::new(aggregate.function, &blueprint.fields[position])?,
            ));
        }
        let empty: Vec<Accumulator> = of.iter().map(|(_, accumulator)| accumulator.clone()).collect();
        // By the encoded value, since values that sort alike need not be equal.
        let mut groups: BTreeMap<(Vec<u8>, Vec<u8>), Group> = BTreeMap::new();
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let mut walk = selection.walk(tx.as_mut()).await?;
        while let Some(entities) = walk.next(&selection, tx.as_mut()).await? {
            for entity in &entities {
                let key = by.map_or(&Value::Null, |by| entity.value(by));
                let place = (sort_key(key), encode_all([key]));
                if groups.len() >= MOST_GROUPS && !groups.contains_key(&place) {
                    return Err(Error::new(
                        ErrorKind::Invalid,
                        format!(
                            "`{}` has more than {MOST_GROUPS} values; group by one with fewer, or filter",
                            query.by.as_deref().unwrap_or_default()
                        ),
                    ));
                }
                let group = groups.entry(place).or_insert_with(|| (key.clone(), 0, empty.clone()));
                group.1 += 1;
                for ((position, _), accumulator) in of.iter().zip(&mut group.2) {
                    accumulator.add(entity.value(*position));
                }
            }
        }
        if groups.is_empty() && by.is_none() {
            groups.insert((Vec::new(), Vec::new()), (Value::Null, 0, empty));
        }
        let group = |(key, count, accumulators): Group| EntityGroup {
            key: key.to_json(),
            count,
            values: accumulators
                .iter()
                .map(|accumulator| accumulator.outcome().to_json())
                .collect(),
        };
        Ok(groups.into_values().map(group).collect())
    }
}

/// What is summed up so far: the key's value, how many entities, and an accumulator for each aggregate.
type Group = (Value, u64, Vec<Accumulator>);

fn position(name: &str, blueprint: &Blueprint) -> Result<usize> {
    blueprint.position(name).ok_or_else(|| {
        let known: Vec<&str> = blueprint.field_names().collect();
        Error::new(
            ErrorKind::Invalid,
            format!(
                "a {} has no field `{name}`; it has {}",
                blueprint.name,
                known.join(", ")
            ),
        )
    })
}

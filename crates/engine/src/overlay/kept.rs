//! Records as they come back from a store: a dry run must not plan with a zero that a real one would never see.

use jiff::Timestamp;
use syncline_core::error::Result;
use syncline_core::state::{
    Entity, Operation, Side, decode_decisions, decode_side_groups, encode_decisions, encode_side_groups,
};
use syncline_core::value::{Value, decode_all, encode_all};

/// To the microsecond.
pub(super) fn time(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

pub(super) fn entity(entity: &Entity) -> Result<Entity> {
    let kept = decode_decisions(&encode_decisions(&entity.decisions, &entity.frozen, &entity.trail))?;
    Ok(Entity {
        values: decode_all(&encode_all(&entity.values))?,
        decisions: kept.decisions,
        frozen: kept.frozen,
        trail: kept.trail,
        created_at: time(entity.created_at),
        updated_at: time(entity.updated_at),
        ..entity.clone()
    })
}

pub(super) fn side(side: &Side) -> Result<Side> {
    Ok(Side {
        stamp: side.stamp.map(time),
        groups: decode_side_groups(encode_side_groups(&side.groups).as_deref())?,
        ..side.clone()
    })
}

pub(super) fn operation(operation: &Operation) -> Result<Operation> {
    let values = |pairs: &[(u16, Value)]| -> Result<Vec<(u16, Value)>> {
        let values = decode_all(&encode_all(pairs.iter().map(|(_, value)| value)))?;
        Ok(pairs.iter().map(|(path, _)| *path).zip(values).collect())
    };
    Ok(Operation {
        target: values(&operation.target)?,
        expected: values(&operation.expected)?,
        ..operation.clone()
    })
}

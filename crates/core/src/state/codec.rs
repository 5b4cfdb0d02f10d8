//! The packed forms of decision lists and of a side's special groups, shared by every store.

use jiff::Timestamp;

use super::{Base, Cause, Decision, Ghost, GroupState, Quarantine, Stamp, Visit};
use crate::error::{Error, ErrorKind, Result};
use crate::model::GroupId;
use crate::value::{Value, put_signed, put_unsigned, take, take_signed, take_text, take_unsigned};
use std::collections::BTreeMap;

/// Frozen groups with the numbers of their review items.
pub type Frozen = Vec<(GroupId, u64)>;

/// What is kept of an entity beside its values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Remembered {
    /// The decisions that still matter.
    pub decisions: Vec<Decision>,
    /// Frozen groups with the numbers of their review items.
    pub frozen: Frozen,
    /// Where groups that change often have been lately.
    pub trail: Vec<Visit>,
}

/// Packs what is kept of an entity beside its values.
pub fn encode_decisions(decisions: &[Decision], frozen: &[(GroupId, u64)], trail: &[Visit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(24);
    put_unsigned(decisions.len() as u64, &mut out);
    for decision in decisions {
        put_header(decision, &mut out);
        put_unsigned(decision.groups.len() as u64, &mut out);
        for (group, values) in &decision.groups {
            put_unsigned(u64::from(*group) << 1 | u64::from(values.is_some()), &mut out);
            if let Some(values) = values {
                put_values(values, &mut out);
            }
        }
    }
    put_unsigned(frozen.len() as u64, &mut out);
    for (group, review) in frozen {
        put_unsigned(u64::from(*group), &mut out);
        put_unsigned(*review, &mut out);
    }
    for visit in trail {
        put_unsigned(u64::from(visit.group) << 1 | u64::from(visit.is_return), &mut out);
        put_unsigned(visit.mark, &mut out);
        out.extend_from_slice(&visit.hash.to_le_bytes());
    }
    out
}

/// Packs what [`encode_decisions`] packs for one decision, on groups that have their current values, and nothing frozen.
pub(crate) fn put_lone_decision(decision: &Decision, groups: &[GroupId], out: &mut Vec<u8>) {
    put_unsigned(1, out);
    put_header(decision, out);
    put_unsigned(groups.len() as u64, out);
    for group in groups {
        put_unsigned(u64::from(*group) << 1, out);
    }
    put_unsigned(0, out);
}

fn put_header(decision: &Decision, out: &mut Vec<u8>) {
    put_unsigned(decision.rev, out);
    put_unsigned(decision.mark, out);
    put_unsigned(
        match decision.cause {
            Cause::App => 0,
            Cause::Review => 1,
            Cause::Mapping => 2,
            Cause::Rollback => 3,
            Cause::Side(side) => 4 + u64::from(side),
        },
        out,
    );
    put_signed(decision.stamp.at, out);
    put_signed(decision.stamp.source, out);
    put_signed(i64::from(decision.stamp.rank), out);
}

/// Unpacks what is kept of an entity beside its values.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when the bytes are not what [`encode_decisions`] writes.
pub fn decode_decisions(mut bytes: &[u8]) -> Result<Remembered> {
    let bytes = &mut bytes;
    let mut decisions = Vec::new();
    for _ in 0..take_unsigned(bytes)? {
        let (rev, mark) = (take_unsigned(bytes)?, take_unsigned(bytes)?);
        let cause = match take_unsigned(bytes)? {
            0 => Cause::App,
            1 => Cause::Review,
            2 => Cause::Mapping,
            3 => Cause::Rollback,
            side => Cause::Side(narrow(side - 4)?),
        };
        let stamp = Stamp {
            at: take_signed(bytes)?,
            source: take_signed(bytes)?,
            rank: i32::try_from(take_signed(bytes)?).map_err(|_| damaged())?,
        };
        let mut groups = Vec::new();
        for _ in 0..take_unsigned(bytes)? {
            let packed = take_unsigned(bytes)?;
            let values = if packed & 1 == 1 {
                Some(take_values(bytes)?)
            } else {
                None
            };
            groups.push((narrow(packed >> 1)?, values));
        }
        decisions.push(Decision {
            rev,
            mark,
            cause,
            stamp,
            groups,
        });
    }
    let mut frozen = Vec::new();
    for _ in 0..take_unsigned(bytes)? {
        frozen.push((narrow(take_unsigned(bytes)?)?, take_unsigned(bytes)?));
    }
    let mut trail = Vec::new();
    while !bytes.is_empty() {
        let packed = take_unsigned(bytes)?;
        let mark = take_unsigned(bytes)?;
        let mut hash = [0; 8];
        hash.copy_from_slice(take(bytes, 8)?);
        trail.push(Visit {
            group: narrow(packed >> 1)?,
            mark,
            hash: u64::from_le_bytes(hash),
            is_return: packed & 1 == 1,
        });
    }
    Ok(Remembered {
        decisions,
        frozen,
        trail,
    })
}

/// Packs a side's special groups; `None` when there are none, which is the usual case.
pub fn encode_side_groups(groups: &BTreeMap<GroupId, GroupState>) -> Option<Vec<u8>> {
    if groups.values().all(GroupState::is_default) {
        return None;
    }
    let mut out = Vec::new();
    for (group, state) in groups.iter().filter(|(_, state)| !state.is_default()) {
        put_unsigned(u64::from(*group), &mut out);
        match &state.base {
            Base::AsObserved => out.push(0),
            Base::Never => out.push(1),
            Base::Held(values) => {
                out.push(2);
                put_values(values, &mut out);
            }
        }
        put_unsigned(state.base_rev.map_or(0, |rev| rev + 1), &mut out);
        put_unsigned(state.ghosts.len() as u64, &mut out);
        for ghost in &state.ghosts {
            put_signed(ghost.until.as_microsecond(), &mut out);
            put_values(&ghost.values, &mut out);
        }
        match &state.quarantine {
            None => out.push(0),
            Some(quarantine) => {
                out.push(1);
                put_unsigned(quarantine.error.len() as u64, &mut out);
                out.extend_from_slice(quarantine.error.as_bytes());
                out.extend_from_slice(&quarantine.input_hash.to_le_bytes());
            }
        }
        match state.not_kept {
            None => out.push(0),
            Some(hash) => {
                out.push(NOT_KEPT);
                out.extend_from_slice(&hash.to_le_bytes());
            }
        }
    }
    Some(out)
}

/// Unpacks a side's special groups.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when the bytes are not what [`encode_side_groups`] writes.
pub fn decode_side_groups(bytes: Option<&[u8]>) -> Result<BTreeMap<GroupId, GroupState>> {
    let mut groups = BTreeMap::new();
    let mut rest = bytes.unwrap_or_default();
    let bytes = &mut rest;
    while !bytes.is_empty() {
        let group = narrow(take_unsigned(bytes)?)?;
        let base = match take(bytes, 1)?[0] {
            0 => Base::AsObserved,
            1 => Base::Never,
            2 => Base::Held(take_values(bytes)?),
            _ => return Err(damaged()),
        };
        let base_rev = take_unsigned(bytes)?.checked_sub(1);
        let mut ghosts = Vec::new();
        for _ in 0..take_unsigned(bytes)? {
            let until = Timestamp::from_microsecond(take_signed(bytes)?).map_err(|_| damaged())?;
            ghosts.push(Ghost {
                until,
                values: take_values(bytes)?,
            });
        }
        let quarantine = match take(bytes, 1)?[0] {
            0 => None,
            _ => {
                let error = take_text(bytes)?.to_owned();
                Some(Quarantine {
                    error,
                    input_hash: take_hash(bytes)?,
                })
            }
        };
        let not_kept = match take(bytes, 1)?[0] {
            NOT_KEPT => Some(take_hash(bytes)?),
            // Zero, or a count, as it was kept before: of what is not known.
            _ => None,
        };
        groups.insert(
            group,
            GroupState {
                base,
                base_rev,
                ghosts,
                quarantine,
                not_kept,
            },
        );
    }
    Ok(groups)
}

/// Says that the hash of a write that was not kept follows.
const NOT_KEPT: u8 = 3;

fn take_hash(bytes: &mut &[u8]) -> Result<u128> {
    let mut hash = [0; 16];
    hash.copy_from_slice(take(bytes, 16)?);
    Ok(u128::from_le_bytes(hash))
}

fn put_values(values: &[Value], out: &mut Vec<u8>) {
    put_unsigned(values.len() as u64, out);
    for value in values {
        value.encode(out);
    }
}

fn take_values(bytes: &mut &[u8]) -> Result<Vec<Value>> {
    let count = take_unsigned(bytes)?;
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(Value::decode(bytes)?);
    }
    Ok(values)
}

fn narrow<T: TryFrom<u64>>(number: u64) -> Result<T> {
    T::try_from(number).map_err(|_| damaged())
}

fn damaged() -> Error {
    Error::new(
        ErrorKind::Corrupt,
        "a record's stored state is damaged; restore the database from a backup",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decisions_and_frozen_groups_survive_their_encoding() {
        let decisions = vec![
            Decision {
                rev: 1,
                mark: 9,
                cause: Cause::Side(3),
                stamp: Stamp {
                    at: -5,
                    source: 7,
                    rank: -1,
                },
                groups: vec![(0, None), (1, Some(vec![Value::text("old"), Value::Null]))],
            },
            Decision {
                rev: 2,
                mark: 10,
                cause: Cause::App,
                stamp: Stamp::default(),
                groups: vec![(1, None)],
            },
        ];
        let frozen = vec![(1, 44)];
        let visit = |is_return| Visit {
            group: 1,
            mark: 8,
            hash: u64::MAX,
            is_return,
        };
        for trail in [Vec::new(), vec![visit(false), visit(true)]] {
            let packed = encode_decisions(&decisions, &frozen, &trail);
            let kept = Remembered {
                decisions: decisions.clone(),
                frozen: frozen.clone(),
                trail,
            };
            assert_eq!(decode_decisions(&packed).unwrap(), kept);
        }
    }

    #[test]
    fn special_groups_survive_their_encoding_and_plain_ones_cost_nothing() {
        let mut groups = BTreeMap::new();
        groups.insert(1, GroupState::default());
        assert_eq!(encode_side_groups(&groups), None);
        let special = GroupState {
            base: Base::Held(vec![Value::Int(1)]),
            base_rev: Some(0),
            ghosts: vec![Ghost {
                values: vec![Value::text("late")],
                until: Timestamp::UNIX_EPOCH,
            }],
            quarantine: Some(Quarantine {
                error: "too long".into(),
                input_hash: 7,
            }),
            not_kept: Some(9),
        };
        groups.insert(2, special.clone());
        groups.insert(
            3,
            GroupState {
                base: Base::Never,
                ..GroupState::default()
            },
        );
        groups.remove(&1);
        assert_eq!(
            decode_side_groups(encode_side_groups(&groups).as_deref()).unwrap(),
            groups
        );
    }

    proptest! {
        #[test]
        fn damaged_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = decode_decisions(&bytes);
            let _ = decode_side_groups(Some(&bytes));
        }
    }
}

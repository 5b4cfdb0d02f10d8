use syncline_core::state::{Operation, OperationState, SideId};
use syncline_core::value::{Value, put_unsigned, take_unsigned};
use syncline_core::{Error, ErrorKind, Result};
use uuid::Uuid;

use super::{damaged, micros};

/// An operation as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct PackedOperation {
    pub(crate) id: Uuid,
    pub(crate) side: SideId,
    pub(crate) state: OperationState,
    pub(crate) run: u64,
    pub(crate) created: i64,
    /// Everything but the values, as JSON.
    pub(crate) body: String,
    /// The values written and expected. In the canonical encoding: JSON would lose a float's last bit, and the guard
    /// would then see a change where there is none.
    pub(crate) vals: Vec<u8>,
}

impl PackedOperation {
    pub(crate) fn pack(operation: &Operation) -> Result<Self> {
        let mut vals = Vec::new();
        put_values(&operation.target, &mut vals);
        put_values(&operation.expected, &mut vals);
        let mut rest = operation.clone();
        rest.target = Vec::new();
        rest.expected = Vec::new();
        let body = serde_json::to_string(&rest).map_err(|error| {
            Error::new(ErrorKind::Internal, "the operation can't be written as JSON")
                .with("operation", operation.id)
                .because(error)
        })?;
        Ok(Self {
            id: operation.id,
            side: operation.key.side,
            state: operation.state,
            run: operation.run,
            created: micros(operation.created_at),
            body,
            vals,
        })
    }

    /// The operation; fails with `Corrupt`, naming it, when a column can't be read.
    pub(crate) fn unpack(id: Uuid, body: &str, vals: &[u8]) -> Result<Operation> {
        Self::open(body, vals).map_err(|error| error.with("operation", id))
    }

    fn open(body: &str, mut vals: &[u8]) -> Result<Operation> {
        let mut operation: Operation =
            serde_json::from_str(body).map_err(|error| damaged("an operation that can't be read").because(error))?;
        operation.target = take_values(&mut vals)?;
        operation.expected = take_values(&mut vals)?;
        Ok(operation)
    }
}

fn put_values(values: &[(u16, Value)], out: &mut Vec<u8>) {
    put_unsigned(values.len() as u64, out);
    for (position, value) in values {
        put_unsigned(u64::from(*position), out);
        value.encode(out);
    }
}

fn take_values(bytes: &mut &[u8]) -> Result<Vec<(u16, Value)>> {
    let count = take_unsigned(bytes)?;
    let mut values = Vec::new();
    for _ in 0..count {
        let position = u16::try_from(take_unsigned(bytes)?).map_err(|_| damaged("a position out of range"))?;
        values.push((position, Value::decode(bytes)?));
    }
    Ok(values)
}

//! Sample records, from which auto-map and preview learn.

use std::collections::BTreeMap;

use crate::batch::{Batch, Projection, RowState};
use crate::error::Result;
use crate::value::Value;

/// A remote record's values by path.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RowSample {
    /// The values that are known.
    pub values: BTreeMap<String, Value>,
}

impl RowSample {
    /// The live rows of a page.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`] when the page does not hold one value per field of the projection.
    pub fn from_batch(projection: &Projection, batch: &Batch) -> Result<Vec<Self>> {
        batch
            .rows()
            .filter(|row| row.state() == RowState::Live)
            .map(|row| {
                let mut values = BTreeMap::new();
                for (index, field) in projection.fields.iter().enumerate() {
                    if let Some(value) = row.value(index)? {
                        values.insert(field.path.clone(), value);
                    }
                }
                Ok(Self { values })
            })
            .collect()
    }

    /// A value that is set.
    pub fn set(&self, path: &str) -> Option<&Value> {
        self.values.get(path).filter(|value| !value.is_empty())
    }
}

//! Versions of a blueprint, and what brings entities from one to another and back.
//!
//! A version is made from the one before by a [`Migration`]: a list of rules that people write and read. Applying it to
//! a blueprint gives the new blueprint and the [`Step`]s that entities take. A field keeps its place (its *slot*) for
//! ever, whatever it is called and whatever type it has, so that bases, decisions and the audit go on meaning the same:
//! a rename touches nothing, and a field that is retyped stays what syncs already agree about. Only what becomes of
//! several fields, or of none, has a new slot.
//!
//! What a step takes away or can't keep exactly is *kept aside* within the entity, together with a hash of what the step
//! made of it. The way back restores it to the bit where that still is what the step made, and computes it by the
//! inverse rule where somebody has edited it since; so does the way forward for what the way back took away.
//!
//! ```
//! use syncline_core::migration::{History, Migration, MigrationRule};
//! use syncline_core::model::{Blueprint, Field, FieldType};
//! use syncline_core::Value;
//!
//! let first = Blueprint::new(1, 1, "stock", vec![Field::new("weight", FieldType::Text)]);
//! let migration = Migration::new(vec![MigrationRule::Retype {
//!     field: "weight".into(),
//!     to: FieldType::Decimal,
//!     or_empty: false,
//! }]);
//! let mut history = History::new(first);
//! let second = history.derive(1, &migration).map_err(|findings| format!("{findings:?}"))?;
//! history.push(second);
//! let mut values = vec![Value::text("01.50")];
//! history.migrate(&mut values, 1, 2).map_err(|failures| format!("{failures:?}"))?;
//! assert_eq!(values[0], Value::from_number("1.5"));
//! history.migrate(&mut values, 2, 1).map_err(|failures| format!("{failures:?}"))?;
//! assert_eq!(values[0], Value::text("01.50"));
//! # Ok::<(), String>(())
//! ```

mod change;
mod convert;
mod crossing;
mod difference;
mod draft;
mod history;
mod propose;
mod rule;
mod step;

pub use crossing::StepFailure;
pub use difference::{Difference, differences};
pub use history::{BlueprintVersion, History};
pub use propose::{Proposal, propose, propose_between};
pub use rule::{FieldSettings, Migration, MigrationRule};
pub use step::Step;

#[cfg(test)]
mod tests;

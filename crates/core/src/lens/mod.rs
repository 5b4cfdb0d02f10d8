//! Two-way value transforms between what a side holds (raw) and what the hub holds (canonical).
//!
//! # Laws
//! For every lens, tested for all of them:
//! - GetPut: putting back what was got changes nothing but what the canonicaliser says does not count:
//!   `canon(put(get(raw), raw)) == canon(raw)`.
//! - PutGet: getting what was put gives it back, modulo what the side can't hold:
//!   `get(put(canonical, raw)) == canonical` for canonical values that `get` can produce.
//! - The canonicaliser is idempotent, and `get` can't tell raw values apart that it makes equal.

mod bool_choice;
mod case;
mod cel;
mod chain;
mod choices;
mod constant;
mod country;
mod country_table;
mod currency;
mod currency_table;
mod date;
mod datetime;
mod default;
mod domain;
mod email;
mod html_to_text;
mod identity;
#[cfg(test)]
mod law_cases;
#[cfg(test)]
pub(crate) mod laws;
mod money;
mod name_join;
mod name_parts;
mod name_split;
mod normaliser;
mod number;
mod options;
mod parallel;
mod phone;
mod reference;
mod registry;
mod rule;
mod single;
mod table;
mod text;
mod trim;
mod truncate;
pub mod typed;
mod url;
mod whitespace;
mod wire;

pub use chain::Chain;
pub use options::Options;
pub use registry::{LensKind, LensOption, LensRegistry};
pub use single::{ValueLens, single};
pub(crate) use wire::{moment, whole_or_decimal};

use std::fmt::Debug;
use std::sync::Arc;

use uuid::Uuid;

use crate::error::Result;
use crate::value::Value;

/// What a lens may ask of its surroundings: never a clock, never the network.
pub trait LensContext: Sync {
    /// The entity behind a remote record of an object of the same connection; `None` when it is not linked (yet).
    fn entity_of(&self, object: &str, ext: &str) -> Option<Uuid>;

    /// The remote record of an entity in an object of the same connection; `None` when it is not linked (yet).
    fn remote_of(&self, object: &str, entity: Uuid) -> Option<String>;
}

/// A context without any links.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLinks;

impl LensContext for NoLinks {
    fn entity_of(&self, _: &str, _: &str) -> Option<Uuid> {
        None
    }

    fn remote_of(&self, _: &str, _: Uuid) -> Option<String> {
        None
    }
}

/// A two-way transform between the raw values of a rule's remote paths and the canonical values of its fields. Most
/// have one of each; a name split has one path and two fields.
pub trait Lens: Send + Sync + Debug {
    /// Canonical from raw.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] when the raw values can't be understood; the message says which and why.
    /// [`crate::ErrorKind::Pending`] when a reference is not linked yet.
    fn get(&self, raw: &[Value], context: &dyn LensContext) -> Result<Vec<Value>>;

    /// Raw from canonical, given what the side holds now (nulls before it holds anything).
    ///
    /// # Errors
    /// As [`Lens::get`], for canonical values that the side can't hold.
    fn put(&self, canonical: &[Value], old: &[Value], context: &dyn LensContext) -> Result<Vec<Value>>;

    /// The declared canonicaliser: raw values that this side does not tell apart become the same. What a side trims,
    /// rounds or re-cases by itself must be declared here, or it looks like an edit.
    fn canon(&self, raw: &[Value]) -> Vec<Value> {
        raw.to_vec()
    }

    /// Whether [`Lens::get`] certainly gives this one raw value back as it is. `encoded` is its canonical encoding, so
    /// that a value that only passes through is never built. `false` promises nothing.
    fn keeps(&self, encoded: &[u8]) -> bool {
        let _ = encoded;
        false
    }

    /// Whether [`Lens::put`] works. A lens that can't go back makes its rule pull-only.
    fn is_two_way(&self) -> bool {
        true
    }

    /// Objects whose links [`LensContext`] is asked for, so that they can be loaded beforehand.
    fn references(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A shared lens.
pub type SharedLens = Arc<dyn Lens>;

use crate::error::Result;
use crate::lens::{Lens, LensContext, SharedLens};
use crate::value::Value;

/// A lens between one raw and one canonical value: the easiest way to write one. [`single`] makes a [`Lens`] of it.
///
/// The laws of [`crate::lens`] hold for it in the same way.
pub trait ValueLens: Send + Sync + std::fmt::Debug {
    /// Canonical from raw.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] when the raw value can't be understood.
    fn get(&self, raw: &Value) -> Result<Value>;

    /// Raw from canonical. Only called when the old raw value does not give `canonical` already: what the side holds
    /// is kept then, with everything that the canonical form leaves out.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] when the side can't hold the canonical value.
    fn put(&self, canonical: &Value, old: &Value) -> Result<Value>;

    /// The canonicaliser, as [`Lens::canon`].
    fn canon(&self, raw: &Value) -> Value {
        raw.clone()
    }

    /// Whether [`ValueLens::get`] keeps the value, as [`Lens::keeps`].
    fn keeps(&self, encoded: &[u8]) -> bool {
        let _ = encoded;
        false
    }

    /// Whether [`ValueLens::put`] works.
    fn is_two_way(&self) -> bool {
        true
    }
}

/// Makes a [`Lens`] that applies `lens` to each value of a rule.
pub fn single(lens: impl ValueLens + 'static) -> SharedLens {
    std::sync::Arc::new(Single(lens))
}

#[derive(Debug)]
struct Single<L>(L);

impl<L: ValueLens> Lens for Single<L> {
    fn get(&self, raw: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        raw.iter().map(|value| self.0.get(value)).collect()
    }

    fn put(&self, canonical: &[Value], old: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        canonical
            .iter()
            .enumerate()
            .map(|(index, value)| {
                let old = old.get(index).unwrap_or(&Value::Null);
                match self.0.get(old) {
                    Ok(held) if held == *value => Ok(old.clone()),
                    _ => self.0.put(value, old),
                }
            })
            .collect()
    }

    fn canon(&self, raw: &[Value]) -> Vec<Value> {
        raw.iter().map(|value| self.0.canon(value)).collect()
    }

    fn keeps(&self, encoded: &[u8]) -> bool {
        self.0.keeps(encoded)
    }

    fn is_two_way(&self) -> bool {
        self.0.is_two_way()
    }
}

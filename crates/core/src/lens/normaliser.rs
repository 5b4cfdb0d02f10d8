use std::fmt::Debug;

use crate::error::Result;
use crate::lens::{SharedLens, ValueLens, single};
use crate::value::Value;

/// A lens that brings values into a normal form, the same one both ways. Applying it twice must change nothing more.
pub(super) trait Normalise: Send + Sync + Debug {
    /// The normal form.
    fn normalise(&self, value: &Value) -> Result<Value>;

    /// Whether the normal form of this encoded value is certainly the value itself.
    fn keeps(&self, encoded: &[u8]) -> bool {
        let _ = encoded;
        false
    }
}

/// The lens of a normal form: values that share it are the same to the side.
pub(super) fn normaliser(form: impl Normalise + 'static) -> SharedLens {
    single(Normaliser(form))
}

#[derive(Debug)]
struct Normaliser<N>(N);

impl<N: Normalise> ValueLens for Normaliser<N> {
    fn get(&self, raw: &Value) -> Result<Value> {
        self.0.normalise(raw)
    }

    fn put(&self, canonical: &Value, _: &Value) -> Result<Value> {
        self.0.normalise(canonical)
    }

    fn canon(&self, raw: &Value) -> Value {
        self.0.normalise(raw).unwrap_or_else(|_| raw.clone())
    }

    fn keeps(&self, encoded: &[u8]) -> bool {
        self.0.keeps(encoded)
    }
}

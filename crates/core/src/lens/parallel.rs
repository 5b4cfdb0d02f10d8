use std::sync::Arc;

use crate::error::Result;
use crate::lens::{Lens, LensContext, SharedLens};
use crate::value::Value;

/// A lens of its own for each value, side by side. Each has one raw and one canonical value.
#[derive(Debug)]
pub(super) struct Parallel {
    lenses: Vec<SharedLens>,
}

impl Parallel {
    /// One lens is itself.
    pub(super) fn of(mut lenses: Vec<SharedLens>) -> SharedLens {
        if lenses.len() == 1 {
            return lenses.remove(0);
        }
        Arc::new(Self { lenses })
    }

    fn each(&self, mut apply: impl FnMut(usize, &SharedLens) -> Result<Vec<Value>>) -> Result<Vec<Value>> {
        self.lenses
            .iter()
            .enumerate()
            .map(|(index, lens)| Ok(apply(index, lens)?.pop().unwrap_or_default()))
            .collect()
    }
}

/// The value at `index` as a slice of one.
fn at(values: &[Value], index: usize) -> &[Value] {
    values.get(index..=index).unwrap_or(&[Value::Null])
}

impl Lens for Parallel {
    fn get(&self, raw: &[Value], context: &dyn LensContext) -> Result<Vec<Value>> {
        self.each(|index, lens| lens.get(at(raw, index), context))
    }

    fn put(&self, canonical: &[Value], old: &[Value], context: &dyn LensContext) -> Result<Vec<Value>> {
        self.each(|index, lens| lens.put(at(canonical, index), at(old, index), context))
    }

    fn canon(&self, raw: &[Value]) -> Vec<Value> {
        self.lenses
            .iter()
            .enumerate()
            .map(|(index, lens)| lens.canon(at(raw, index)).pop().unwrap_or_default())
            .collect()
    }

    fn is_two_way(&self) -> bool {
        self.lenses.iter().all(|lens| lens.is_two_way())
    }

    fn references(&self) -> Vec<String> {
        self.lenses.iter().flat_map(|lens| lens.references()).collect()
    }
}

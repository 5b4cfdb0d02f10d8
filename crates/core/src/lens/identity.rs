//! `identity`: values as they are. No options.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("identity")])?;
//! assert_eq!(lens.get(&[Value::text(" a ")], &NoLinks)?, [Value::text(" a ")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use std::sync::Arc;

use crate::error::Result;
use crate::lens::{Lens, LensContext, LensKind};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    LensKind::new("Values as they are.", &[], |_| Ok(Arc::new(Identity)))
}

#[derive(Debug)]
pub(super) struct Identity;

impl Lens for Identity {
    fn get(&self, raw: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        Ok(raw.to_vec())
    }

    fn put(&self, canonical: &[Value], _: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        Ok(canonical.to_vec())
    }

    fn keeps(&self, _: &[u8]) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lens::NoLinks;

    #[test]
    fn nothing_changes_either_way() {
        let values = [Value::Int(1), Value::text(" ")];
        assert_eq!(Identity.get(&values, &NoLinks).unwrap(), values);
        assert_eq!(Identity.put(&values, &[], &NoLinks).unwrap(), values);
    }
}

//! `name_split`: one remote full name as two fields, given name and surname, in this order. White space does not count.
//!
//! `Ludwig van Beethoven` is split before `van`, and `Beethoven, Ludwig` at the comma. Written back, a name that would
//! be split elsewhere gets the comma: `García Márquez, Gabriel`. No options.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("name_split")])?;
//! let parts = [Value::text("Ann"), Value::text("Lee")];
//! assert_eq!(lens.get(&[Value::text("Ann Lee")], &NoLinks)?, parts);
//! assert_eq!(lens.put(&parts, &[Value::text("A. Lee")], &NoLinks)?, [Value::text("Ann Lee")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use std::sync::Arc;

use crate::error::Result;
use crate::lens::name_parts::{NameParts, full_name};
use crate::lens::text::non_empty;
use crate::lens::{Lens, LensContext, LensKind};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    LensKind::new("One remote full name as given name and surname.", &[], |_| {
        Ok(Arc::new(NameSplit))
    })
}

#[derive(Debug)]
struct NameSplit;

fn split(raw: &[Value]) -> Result<NameParts> {
    Ok(NameParts::split(&full_name(raw.first().unwrap_or(&Value::Null))?))
}

/// The full name that splits into the parts.
fn join(parts: &NameParts) -> String {
    let plain = parts.plain();
    if NameParts::split(&plain) == *parts {
        return plain;
    }
    let reversed = parts.reversed();
    if NameParts::split(&reversed) == *parts {
        reversed
    } else {
        plain
    }
}

impl Lens for NameSplit {
    fn get(&self, raw: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        Ok(split(raw)?.values())
    }

    fn put(&self, canonical: &[Value], old: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        let parts = NameParts::of(canonical)?;
        Ok(vec![match (split(old), old.first()) {
            (Ok(held), Some(old)) if held == parts => old.clone(),
            _ => non_empty(join(&parts)),
        }])
    }

    fn canon(&self, raw: &[Value]) -> Vec<Value> {
        match split(raw) {
            Ok(parts) => vec![non_empty(join(&parts))],
            Err(_) => raw.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lens::NoLinks;

    fn put(first: &str, last: &str) -> Value {
        NameSplit
            .put(&[first.into(), last.into()], &[Value::Null], &NoLinks)
            .unwrap()
            .remove(0)
    }

    #[test]
    fn a_name_that_would_be_split_elsewhere_gets_a_comma() {
        assert_eq!(put("Ann", "Lee"), Value::text("Ann Lee"));
        assert_eq!(put("Gabriel", "García Márquez"), Value::text("García Márquez, Gabriel"));
        assert_eq!(put("", "Acme Holding"), Value::text("Acme Holding,"));
        assert_eq!(put("", ""), Value::Null);
    }

    #[test]
    fn an_unchanged_name_keeps_its_notation() {
        let old = [Value::text("Lee,  Ann")];
        let parts = NameSplit.get(&old, &NoLinks).unwrap();
        assert_eq!(NameSplit.put(&parts, &old, &NoLinks).unwrap(), old);
    }
}

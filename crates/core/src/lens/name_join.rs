//! `name_join`: two remote fields, given name and surname in this order, as one full name. White space does not count.
//!
//! A changed full name keeps the surname that the remote side holds if it still ends with it; otherwise it is split
//! before the last word and its particles (`van`, `de`). No options.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("name_join")])?;
//! let parts = [Value::text("Gabriel"), Value::text("García Márquez")];
//! assert_eq!(lens.get(&parts, &NoLinks)?, [Value::text("Gabriel García Márquez")]);
//! let changed = lens.put(&[Value::text("Gabo García Márquez")], &parts, &NoLinks)?;
//! assert_eq!(changed, [Value::text("Gabo"), Value::text("García Márquez")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use std::sync::Arc;

use crate::error::Result;
use crate::lens::name_parts::{NameParts, full_name};
use crate::lens::text::non_empty;
use crate::lens::{Lens, LensContext, LensKind};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    LensKind::new("Two remote fields as one full name.", &[], |_| Ok(Arc::new(NameJoin)))
}

#[derive(Debug)]
struct NameJoin;

impl Lens for NameJoin {
    fn get(&self, raw: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        Ok(vec![non_empty(NameParts::of(raw)?.plain())])
    }

    fn put(&self, canonical: &[Value], old: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        let full = full_name(canonical.first().unwrap_or(&Value::Null))?;
        let held = NameParts::of(old).unwrap_or(NameParts {
            first: String::new(),
            last: String::new(),
        });
        if held.plain() == full && old.len() == 2 {
            return Ok(old.to_vec());
        }
        if let Some(first) = full.strip_suffix(&held.last).and_then(|rest| rest.strip_suffix(' '))
            && !held.last.is_empty()
        {
            return Ok(NameParts {
                first: first.to_owned(),
                last: held.last,
            }
            .values());
        }
        // A comma may belong to either part, and must not be lost.
        Ok(NameParts::split_words(&full).values())
    }

    fn canon(&self, raw: &[Value]) -> Vec<Value> {
        NameParts::of(raw).map_or_else(|_| raw.to_vec(), NameParts::values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lens::NoLinks;

    fn put(full: &str, first: &str, last: &str) -> Vec<String> {
        let put = NameJoin
            .put(&[full.into()], &[first.into(), last.into()], &NoLinks)
            .unwrap();
        put.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_surname_that_is_still_there_is_kept() {
        assert_eq!(
            put("Mary Jo de Vries Smit", "Mary", "de Vries Smit"),
            ["Mary Jo", "de Vries Smit"]
        );
        assert_eq!(put("Mary Bakker", "Mary", "de Vries"), ["Mary", "Bakker"]);
        assert_eq!(put("Bakker", "Mary", "de Vries"), ["(empty)", "Bakker"]);
    }

    #[test]
    fn an_unchanged_name_keeps_its_parts() {
        assert_eq!(put("Mary de Vries", "Mary de", "Vries"), ["Mary de", "Vries"]);
    }
}

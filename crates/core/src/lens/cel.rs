//! `cel`: the outcome of an expression, one way.
//!
//! Options: `expression` (required; `value` is the rule's first remote value) and `paths` (the rule's remote paths, so
//! that `remote.Account.Name` finds them).
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let spec = LensSpec::new("cel").with("expression", "value == null ? 'none' : value + '!'");
//! let lens = LensRegistry::standard().build(&[spec])?;
//! assert_eq!(lens.get(&[Value::text("hi")], &NoLinks)?, [Value::text("hi!")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use std::sync::Arc;

use crate::error::Result;
use crate::expression::{Expression, Variables};
use crate::lens::{Lens, LensContext, LensKind, LensOption, SharedLens};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[
        LensOption {
            name: "expression",
            meaning: "the expression over value and remote; required",
        },
        LensOption {
            name: "paths",
            meaning: "the rule's remote paths in order, for remote; none by default",
        },
    ];
    LensKind::new("The outcome of an expression, one way.", OPTIONS, |options| {
        let paths = match options.json("paths") {
            None => Vec::new(),
            Some(json) => {
                serde_json::from_value(json.clone()).map_err(|_| options.invalid("paths", "must be a list of texts"))?
            }
        };
        lens(options.required_text("expression")?, paths)
    })
}

/// The lens of an expression over the remote values at `paths`.
pub(super) fn lens(expression: &str, paths: Vec<String>) -> Result<SharedLens> {
    Ok(Arc::new(Cel {
        expression: Expression::compile(expression)?,
        paths,
    }))
}

#[derive(Debug)]
struct Cel {
    expression: Expression,
    paths: Vec<String>,
}

impl Lens for Cel {
    fn get(&self, raw: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        let mut variables = Variables::new();
        variables.set("value", raw.first().unwrap_or(&Value::Null));
        variables.record("remote", self.paths.iter().map(String::as_str).zip(raw));
        Ok(vec![self.expression.evaluate(&variables)?])
    }

    fn put(&self, canonical: &[Value], old: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        Ok(if old.is_empty() {
            vec![Value::Null; canonical.len()]
        } else {
            old.to_vec()
        })
    }

    fn is_two_way(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lens::NoLinks;

    #[test]
    fn the_record_is_found_by_path() {
        let lens = lens(
            "remote.Account.Name + '/' + remote.Id",
            vec!["Id".into(), "Account.Name".into()],
        )
        .unwrap();
        assert_eq!(
            lens.get(&["1".into(), "Acme".into()], &NoLinks).unwrap(),
            [Value::text("Acme/1")]
        );
    }

    #[test]
    fn the_remote_side_is_never_changed() {
        let lens = lens("1 + 1", Vec::new()).unwrap();
        assert_eq!(
            lens.put(&[Value::Int(3)], &["x".into()], &NoLinks).unwrap(),
            [Value::text("x")]
        );
        assert!(!lens.is_two_way());
    }
}

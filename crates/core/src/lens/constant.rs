//! `constant`: always the same value, one way.
//!
//! Options: `value` (required) and `side` (`app` or `crm`, default `app`): which side gets it. With `app` the field
//! always holds the value and nothing is written to the CRM; with `crm` the remote field always gets it and nothing is
//! read from there, so the rule's direction should be `push`.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("constant").with("value", "web")])?;
//! assert_eq!(lens.get(&[Value::text("anything")], &NoLinks)?, [Value::text("web")]);
//! assert!(!lens.is_two_way());
//! # Ok::<(), syncline_core::Error>(())
//! ```

use std::sync::Arc;

use crate::error::Result;
use crate::lens::{Lens, LensContext, LensKind, LensOption};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[
        LensOption {
            name: "value",
            meaning: "the value; required",
        },
        LensOption {
            name: "side",
            meaning: "app: the field always holds it (default); crm: the remote field always gets it",
        },
    ];
    LensKind::new("Always the same value, one way.", OPTIONS, |options| {
        let value = options
            .value("value")
            .ok_or_else(|| options.invalid("value", "is required"))?;
        let to_crm = options.one_of("side", &[("app", false), ("crm", true)])?;
        Ok(Arc::new(Constant {
            value,
            to_crm: to_crm.unwrap_or(false),
        }))
    })
}

#[derive(Debug)]
struct Constant {
    value: Value,
    to_crm: bool,
}

impl Lens for Constant {
    fn get(&self, _: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        Ok(vec![if self.to_crm { Value::Null } else { self.value.clone() }])
    }

    fn put(&self, canonical: &[Value], old: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        if self.to_crm {
            return Ok(vec![self.value.clone(); old.len().max(1)]);
        }
        Ok(if old.is_empty() {
            vec![Value::Null; canonical.len()]
        } else {
            old.to_vec()
        })
    }

    fn is_two_way(&self) -> bool {
        self.to_crm
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lens::NoLinks;

    #[test]
    fn the_remote_field_gets_the_value_whatever_it_holds() {
        let lens = Constant {
            value: "partner".into(),
            to_crm: true,
        };
        assert_eq!(
            lens.put(&[Value::Null], &["x".into()], &NoLinks).unwrap(),
            [Value::text("partner")]
        );
        assert!(lens.is_two_way());
    }

    #[test]
    fn a_constant_of_the_app_never_changes_the_remote_field() {
        let lens = Constant {
            value: "partner".into(),
            to_crm: false,
        };
        assert_eq!(
            lens.put(&["y".into()], &["x".into()], &NoLinks).unwrap(),
            [Value::text("x")]
        );
    }
}

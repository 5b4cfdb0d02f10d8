//! `reference`: the id of a remote record as the entity that it is linked to.
//!
//! Options: `object` (the remote object that the ids belong to, required). A record that is not linked yet is a pending
//! error, which is tried again once it is. Nothing stays nothing; a list of ids becomes a list of entities.
//!
//! ```
//! use syncline_core::{ErrorKind, Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("reference").with("object", "Account")])?;
//! assert_eq!(lens.references(), ["Account"]);
//! assert_eq!(lens.get(&[Value::Null], &NoLinks)?, [Value::Null]);
//! assert_eq!(lens.get(&[Value::text("001A")], &NoLinks).unwrap_err().kind(), ErrorKind::Pending);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use std::sync::Arc;

use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::lens::text::{excerpt, plain_text};
use crate::lens::{Lens, LensContext, LensKind, LensOption};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[LensOption {
        name: "object",
        meaning: "the remote object that the ids belong to; required",
    }];
    LensKind::new("The id of a remote record as its entity.", OPTIONS, |options| {
        Ok(Arc::new(Reference {
            object: options.required_text("object")?.to_owned(),
        }))
    })
}

#[derive(Debug)]
struct Reference {
    object: String,
}

impl Reference {
    fn entity(&self, id: &Value, context: &dyn LensContext) -> Result<Value> {
        let text = plain_text(id).ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                format!("`{}` is {}, not the id of a record", excerpt(id), id.kind_name()),
            )
        })?;
        let entity = context.entity_of(&self.object, &text).ok_or_else(|| {
            Error::new(
                ErrorKind::Pending,
                format!(
                    "the {} {text} that this record refers to is not linked yet",
                    self.object
                ),
            )
        })?;
        Ok(Value::Text(entity.to_string()))
    }

    fn remote(&self, entity: &Value, context: &dyn LensContext) -> Result<Value> {
        let uid: Uuid = entity.as_text().and_then(|text| text.parse().ok()).ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                format!(
                    "`{}` is {}, not the id of an entity",
                    excerpt(entity),
                    entity.kind_name()
                ),
            )
        })?;
        context.remote_of(&self.object, uid).map(Value::Text).ok_or_else(|| {
            Error::new(
                ErrorKind::Pending,
                format!("the entity {uid} that this one refers to has no {} yet", self.object),
            )
        })
    }
}

fn each(values: &[Value], convert: impl Fn(&Value) -> Result<Value>) -> Result<Vec<Value>> {
    values
        .iter()
        .map(|value| match value {
            value if value.is_empty() => Ok(Value::Null),
            Value::List(list) => Ok(Value::List(list.iter().map(&convert).collect::<Result<_>>()?)),
            one => convert(one),
        })
        .collect()
}

impl Lens for Reference {
    fn get(&self, raw: &[Value], context: &dyn LensContext) -> Result<Vec<Value>> {
        each(raw, |id| self.entity(id, context))
    }

    fn put(&self, canonical: &[Value], old: &[Value], context: &dyn LensContext) -> Result<Vec<Value>> {
        if self.get(old, context).is_ok_and(|held| held == canonical) {
            return Ok(old.to_vec());
        }
        each(canonical, |entity| self.remote(entity, context))
    }

    fn references(&self) -> Vec<String> {
        vec![self.object.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lens::laws::OneLink;

    #[test]
    fn ids_become_entities_and_back() {
        let lens = Reference {
            object: "Account".into(),
        };
        let entity = OneLink::ENTITY.to_string();
        for (raw, canonical) in [
            (Value::text(OneLink::REMOTE), Value::text(entity.as_str())),
            (
                Value::List(vec![OneLink::REMOTE.into()]),
                Value::List(vec![entity.as_str().into()]),
            ),
            (Value::Null, Value::Null),
        ] {
            assert_eq!(
                lens.get(std::slice::from_ref(&raw), &OneLink).unwrap(),
                std::slice::from_ref(&canonical)
            );
            assert_eq!(lens.put(&[canonical], &[Value::Null], &OneLink).unwrap(), [raw]);
        }
    }

    #[test]
    fn an_entity_without_a_record_is_pending() {
        let lens = Reference {
            object: "Account".into(),
        };
        let other = Value::text(Uuid::from_u128(9).to_string());
        let error = lens.put(&[other], &[Value::Null], &OneLink).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Pending);
        let error = lens.put(&["Acme".into()], &[Value::Null], &OneLink).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}

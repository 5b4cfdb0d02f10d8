//! One write as the JSON that a call carries, checked so that it can't spoil the others in its call.

use syncline_core::Value;
use syncline_core::job::{Verb, Write};

use crate::id::normalised;
use crate::{soql, wire};

/// The fields of a write as JSON members; the field and the reason if they can't be written.
pub(crate) fn members(write: &Write, out: &mut Vec<u8>) -> Result<(), (String, &'static str)> {
    let mut member = |name: &str, value: &Value| {
        out.extend_from_slice(format!(r#","{name}":"#).as_bytes());
        wire::write(value, out).map_err(|why| (name.to_owned(), why))
    };
    let mut key = None;
    match &write.verb {
        Verb::Create { marker: None } => {}
        Verb::Create {
            marker: Some((field, value)),
        } => {
            soql::name(field).map_err(|_| (field.clone(), "this is no name of a Salesforce field"))?;
            if value.is_empty() {
                return Err((field.clone(), "the key is empty"));
            }
            member(field, &Value::text(value))?;
            key = Some(field);
        }
        verb @ (Verb::Update { .. } | Verb::Delete { .. }) => {
            target(verb).ok_or(("Id".to_owned(), "this is no id of a Salesforce record"))?;
        }
    }
    for (path, value) in &write.fields {
        if path.contains('.') {
            return Err((
                path.clone(),
                "fields of a related record can't be written through this one",
            ));
        }
        if soql::name(path).is_err() || path.eq_ignore_ascii_case("Id") {
            return Err((path.clone(), "this is no field that can be written"));
        }
        if key.is_none_or(|key| !key.eq_ignore_ascii_case(path)) {
            member(path, value)?;
        }
    }
    Ok(())
}

/// The record that a write names, in the only form that is sent.
pub(crate) fn target(verb: &Verb) -> Option<String> {
    match verb {
        Verb::Create { .. } => None,
        Verb::Update { id, .. } | Verb::Delete { id } => normalised(id),
    }
}

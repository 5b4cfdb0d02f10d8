//! The lens of a whole rule, with the reference step that a describe lets us add.

use super::{LensSpec, Rule, Transform};
use crate::lens::{LensRegistry, SharedLens};
use crate::model::{Blueprint, FieldType};
use crate::schema::{FieldSchema, ObjectSchema};

/// Builds a rule's lens: its steps, between the remote's types and the blueprint's.
///
/// # Errors
/// A sentence for a finding: an unknown lens or option, a rule whose fields and paths do not pair up, or a reference
/// that does not say to which object.
pub(super) fn rule_lens(
    rule: &Rule,
    fields: &[usize],
    blueprint: &Blueprint,
    schema: &ObjectSchema,
    registry: &LensRegistry,
) -> Result<SharedLens, String> {
    let kinds: Vec<&FieldType> = fields.iter().map(|&field| &blueprint.fields[field].kind).collect();
    let described: Vec<Option<&FieldSchema>> = rule.remote.iter().map(|path| schema.field(path)).collect();
    let mut complete = rule.clone();
    if let ([kind], [remote]) = (kinds.as_slice(), described.as_slice())
        && let Some(step) = reference_step(rule, kind, *remote)?
    {
        complete = complete.lens(step);
    }
    registry
        .build_rule(&complete, &kinds, &described)
        .map_err(|error| error.message().to_owned())
}

/// The step that turns a remote id into an entity, unless the rule has one.
fn reference_step(rule: &Rule, kind: &FieldType, remote: Option<&FieldSchema>) -> Result<Option<LensSpec>, String> {
    let FieldType::Reference { blueprint } = kind else {
        return Ok(None);
    };
    match &rule.transform {
        Some(Transform::Cel { .. }) => return Ok(None),
        Some(Transform::Lens { steps }) if steps.iter().any(|step| step.lens == "reference") => return Ok(None),
        _ => {}
    }
    match remote.map_or(&[][..], |field| field.references.as_slice()) {
        [object] => Ok(Some(LensSpec::new("reference").with("object", object.as_str()))),
        [] => Err(format!(
            "it refers to blueprint `{blueprint}`, but the CRM does not say which object the remote field points to; \
             add the step `reference` with its `object`"
        )),
        several => Err(format!(
            "the remote field may point to {}; add the step `reference` with the `object` that you mean",
            several.join(", ")
        )),
    }
}

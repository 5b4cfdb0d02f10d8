//! Which lenses auto-map gives a rule.

use super::evidence::phones_parse;
use super::{LensSpec, RowSample};
use crate::model::FieldType;
use crate::schema::{FieldKind, FieldSchema};

/// What is written into a text field that must not be empty, when there is nothing to write. Salesforce's own clients
/// write the same, so it is read as nothing.
pub(super) const NOT_PROVIDED: &str = "[not provided]";

/// The steps between a remote field and a field of a blueprint, before conversion by type.
pub(super) fn steps(field: &FieldType, remote: &FieldSchema, provider: &str, samples: &[RowSample]) -> Vec<LensSpec> {
    let texts = matches!(
        remote.kind,
        FieldKind::Text
            | FieldKind::LongText
            | FieldKind::Email
            | FieldKind::Phone
            | FieldKind::Url
            | FieldKind::Choice
    );
    let mut steps = Vec::new();
    match field {
        FieldType::LongText | FieldType::Text if remote.kind == FieldKind::Html => {
            steps.push(LensSpec::new("html_to_text"));
        }
        FieldType::Email if texts => steps.push(LensSpec::new("email")),
        FieldType::Phone if texts && phones_parse(&remote.path, samples) => steps.push(LensSpec::new("phone")),
        FieldType::Phone | FieldType::Text | FieldType::LongText | FieldType::Url | FieldType::Choice { .. }
            if texts =>
        {
            steps.push(LensSpec::new("trim"));
        }
        FieldType::DateTime if provider == "salesforce" => {
            steps.push(LensSpec::new("datetime").with("precision", "second"));
        }
        _ => {}
    }
    let free_text = matches!(field, FieldType::Text | FieldType::LongText)
        && matches!(remote.kind, FieldKind::Text | FieldKind::LongText);
    if remote.required && free_text {
        let values = serde_json::json!({ NOT_PROVIDED: null });
        steps.push(LensSpec::new("table").with("values", values).with("unknown", "keep"));
    }
    steps
}

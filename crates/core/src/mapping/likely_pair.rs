//! How likely a remote field and a field of a blueprint are the same thing.

use super::RowSample;
use super::compatible::{Compatibility, compatibility};
use super::evidence::fit;
use super::names::key;
use super::standard::{StandardField, for_object};
use crate::model::{Field, FieldType};
use crate::schema::{FieldKind, FieldSchema};

/// A field that rules may be proposed for.
#[derive(Debug)]
pub(super) struct Target {
    /// The field.
    pub(super) field: Field,
    /// Whether the blueprint has it already.
    pub(super) exists: bool,
    /// The standard field that it is, or goes by the words of.
    pub(super) standard: Option<&'static StandardField>,
}

/// How likely, and why; `None` when it makes no sense.
pub(super) fn likelihood(target: &Target, remote: &FieldSchema, samples: &[RowSample]) -> Option<(f64, String)> {
    let (mut confidence, mut reason) = by_name(target, remote)?;
    if !points_there(&target.field.kind, remote) {
        return None;
    }
    let evidence = fit(&target.field.kind, &remote.path, samples);
    match compatibility(&target.field.kind, remote.kind) {
        Compatibility::Never(_) => return None,
        Compatibility::Same => {}
        Compatibility::Converts => confidence -= 0.02,
        Compatibility::Sometimes(why) => {
            // Only samples can show that the values at hand are among those that convert.
            match evidence {
                Some((fitting, set)) if fitting == set => confidence -= 0.1,
                _ if exactly_named(target, remote) && target.exists => confidence -= 0.2,
                _ => return None,
            }
            reason.push_str("; ");
            reason.push_str(why);
        }
    }
    if let Some((fitting, set)) = evidence {
        let share = fitting as f64 / set as f64;
        confidence += match share {
            share if share >= 0.9 => 0.02,
            share if share >= 0.5 => -0.1,
            _ => -0.5,
        };
        reason.push_str(&format!(
            "; {fitting} of {set} samples fit its type, {}",
            target.field.kind.label()
        ));
    }
    Some(((confidence.clamp(0.0, 0.99) * 100.0).round() / 100.0, reason))
}

fn exactly_named(target: &Target, remote: &FieldSchema) -> bool {
    key(&target.field.name) == key(&remote.path)
}

fn by_name(target: &Target, remote: &FieldSchema) -> Option<(f64, String)> {
    let (path, label) = (key(&remote.path), key(&remote.label));
    let name = key(&target.field.name);
    if path == name {
        return Some((0.97, "same name".to_owned()));
    }
    let rank = |word: &str| target.standard.and_then(|standard| standard.rank(word));
    if let Some(rank) = rank(&path) {
        return Some((
            0.95 - 0.01 * rank as f64,
            format!("`{}` is a usual name of it", remote.path),
        ));
    }
    if label == name || label == key(&target.field.label) {
        return Some((0.88, format!("same label, `{}`", remote.label)));
    }
    if let Some(rank) = rank(&label) {
        return Some((
            0.86 - 0.01 * rank as f64,
            format!("`{}` is a usual label of it", remote.label),
        ));
    }
    let likeness = strsim::normalized_damerau_levenshtein(&path, &name);
    (target.exists && name.len() >= 5 && likeness >= 0.8).then(|| (0.65 * likeness, "similar name".to_owned()))
}

/// Whether a reference points to records of the field's blueprint, and a plain field is none.
fn points_there(field: &FieldType, remote: &FieldSchema) -> bool {
    match field {
        FieldType::Reference { blueprint } => match remote.references.as_slice() {
            [object] if remote.kind == FieldKind::Reference => for_object(object).map_or_else(
                || key(object).starts_with(&key(blueprint)),
                |known| known.name == blueprint,
            ),
            _ => false,
        },
        _ => remote.kind != FieldKind::Reference,
    }
}

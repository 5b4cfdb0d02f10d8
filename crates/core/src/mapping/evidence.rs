//! What sample values say about a field's type.

use jiff::civil;

use super::RowSample;
use crate::lens::{LensRegistry, NoLinks};
use crate::mapping::LensSpec;
use crate::mapping::Normalisation;
use crate::matching::normalise;
use crate::model::FieldType;
use crate::value::Value;

/// How many of a path's set samples look like the type: fitting, set. `None` when the type accepts anything, or no
/// sample is set.
pub(super) fn fit(kind: &FieldType, path: &str, samples: &[RowSample]) -> Option<(usize, usize)> {
    let looks: fn(&Value) -> bool = match kind {
        FieldType::Email => |value| normalise(value, Normalisation::Email).is_some(),
        FieldType::Phone => |value| {
            normalise(value, Normalisation::Phone).is_some_and(|digits| digits.len() >= 7)
                && !value
                    .to_string()
                    .contains(|c: char| c.is_alphabetic() && !"xXetEXT".contains(c))
        },
        FieldType::Url => |value| normalise(value, Normalisation::Domain).is_some(),
        FieldType::Date | FieldType::DateTime => |value| match value {
            Value::Date(_) | Value::DateTime(_) => true,
            // Eight digits alone may be anything.
            Value::Text(text) => text.contains('-') && text.trim().parse::<civil::Date>().is_ok(),
            _ => false,
        },
        FieldType::Integer | FieldType::Decimal | FieldType::Float | FieldType::Bool => {
            let set: Vec<&Value> = samples.iter().filter_map(|sample| sample.set(path)).collect();
            let fitting = set
                .iter()
                .filter(|value| kind.coerce((**value).clone()).is_ok())
                .count();
            return (!set.is_empty()).then_some((fitting, set.len()));
        }
        _ => return None,
    };
    let set: Vec<&Value> = samples.iter().filter_map(|sample| sample.set(path)).collect();
    let fitting = set.iter().filter(|value| looks(value)).count();
    (!set.is_empty()).then_some((fitting, set.len()))
}

/// Whether most set samples are phone numbers that can be brought into E.164 form, so that the lens helps.
pub(super) fn phones_parse(path: &str, samples: &[RowSample]) -> bool {
    let Ok(lens) = LensRegistry::standard().build(&[LensSpec::new("phone")]) else {
        return false;
    };
    let set: Vec<&Value> = samples.iter().filter_map(|sample| sample.set(path)).collect();
    let parsed = set
        .iter()
        .filter(|value| {
            let canonical = lens
                .get(std::slice::from_ref(**value), &NoLinks)
                .ok()
                .and_then(|got| got.into_iter().next());
            canonical.as_ref().and_then(Value::as_text).is_some_and(|text| {
                text.strip_prefix('+')
                    .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
            })
        })
        .count();
    !set.is_empty() && parsed * 10 >= set.len() * 8
}

/// How many samples have a value that is usable for matching.
pub(super) fn usable(path: &str, how: Normalisation, samples: &[RowSample]) -> usize {
    samples
        .iter()
        .filter(|sample| sample.set(path).is_some_and(|value| normalise(value, how).is_some()))
        .count()
}

//! A value as the text of a cell, and back.

use serde_json::Value as Json;
use syncline_core::model::FieldType;
use syncline_core::value::Value;

/// Whether a spreadsheet would take this text for a formula, whatever apostrophes stand before it. Signed numbers and
/// phone numbers do no harm.
fn is_formula(text: &str) -> bool {
    let bare = text.trim_start_matches('\'');
    bare.starts_with(['=', '+', '-', '@', '\t', '\r'])
        && !(bare.starts_with(['+', '-']) && bare[1..].chars().all(|c| c.is_ascii_digit() || " ()./-".contains(c)))
}

/// Text that a spreadsheet shows as it is.
pub(super) fn guarded(text: String) -> String {
    if is_formula(&text) { format!("'{text}") } else { text }
}

/// What [`guarded`] was given.
pub(super) fn unguarded(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if is_formula(text) => rest,
        _ => text,
    }
}

/// Whether cells of a field hold JSON.
const fn is_json(kind: &FieldType) -> bool {
    matches!(
        kind,
        FieldType::List | FieldType::Json | FieldType::MultiChoice { .. } | FieldType::Money
    )
}

/// A value as text; nothing for nothing.
pub(super) fn to_text(value: &Value, kind: Option<&FieldType>) -> String {
    match value {
        Value::Null => String::new(),
        // Text within a field of JSON is told from other JSON by its quotes.
        Value::Text(text) if kind.is_none_or(|kind| !is_json(kind)) => text.clone(),
        Value::Decimal(decimal) => decimal.normalize().to_string(),
        other => match other.to_json() {
            Json::String(text) if kind.is_none_or(|kind| !is_json(kind)) => text,
            json => json.to_string(),
        },
    }
}

/// What the cell of a file holds for a field, as the app gives values. Where the text is no JSON, a multi-choice is its
/// parts between semicolons, and money an amount and its currency.
pub(crate) fn from_cell(cell: &Json, kind: &FieldType) -> Json {
    let Json::String(text) = cell else {
        return cell.clone();
    };
    if text.is_empty() {
        return Json::Null;
    }
    if is_json(kind) {
        let parsed = serde_json::from_str::<Json>(text).ok();
        return match (kind, parsed) {
            (FieldType::Json, Some(json)) => json,
            (_, Some(json @ Json::Array(_))) => json,
            (FieldType::MultiChoice { .. }, _) => text
                .split(';')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(Json::from)
                .collect(),
            (FieldType::Money, _) => match text.trim().rsplit_once(' ') {
                Some((amount, currency)) if currency.len() == 3 => Json::from(vec![amount.trim(), currency]),
                _ => cell.clone(),
            },
            _ => cell.clone(),
        };
    }
    if matches!(kind, FieldType::Float)
        && let Ok(number) = serde_json::from_str::<serde_json::Number>(text.trim())
    {
        return Json::Number(number);
    }
    cell.clone()
}

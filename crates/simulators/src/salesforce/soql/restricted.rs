//! Objects that can't be queried as a whole.

use super::ast::{Comparison, Expr, Name, Query};
use crate::salesforce::error::ApiError;

/// Refuses a query of links of files that names neither their files nor what they are linked to.
pub(super) fn check(object: &str, query: &Query) -> Result<(), ApiError> {
    if object != "ContentDocumentLink" || query.filter.as_ref().is_some_and(names_an_end) {
        return Ok(());
    }
    Err(ApiError::new(
        400,
        "MALFORMED_QUERY",
        "Implementation restriction: ContentDocumentLink requires a filter by a single Id on ContentDocumentId or \
         LinkedEntityId using the equals operator or multiple Id's using the IN operator.",
    ))
}

fn names_an_end(filter: &Expr) -> bool {
    let is_end = |field: &Name| {
        let name = field.text.to_ascii_lowercase();
        name == "contentdocumentid" || name == "linkedentityid"
    };
    match filter {
        Expr::And(parts) => parts.iter().any(names_an_end),
        Expr::Compare { term, comparison, .. } => {
            *comparison == Comparison::Equal && term.function.is_none() && is_end(&term.field)
        }
        Expr::In { field, negated, .. } | Expr::InQuery { field, negated, .. } => !negated && is_end(field),
        Expr::Or(_) | Expr::Not(_) | Expr::Includes { .. } => false,
    }
}

//! The three results of a bulk write, to one outcome per row. Rows come in any order and are known by their key.

use std::collections::BTreeMap;

use syncline_core::batch::{Outcome, OutcomeKind};
use syncline_core::job::{Verb, Write};
use syncline_core::{Error, ErrorKind, Result};

use crate::error::ProviderError;
use crate::id::{normalised, normalised_or_same};
use crate::outcome::{not_applied, refused};

/// Which of the three results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answered {
    Successful,
    Failed,
    Unprocessed,
}

impl Answered {
    /// The last step of its path; the third really is in lower case.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Successful => "successfulResults",
            Self::Failed => "failedResults",
            Self::Unprocessed => "unprocessedrecords",
        }
    }
}

/// The outcomes of the writes among `waiting` that a result names.
///
/// # Errors
/// `Protocol` when it can't be read as CSV.
pub(crate) fn answered(which: Answered, body: &[u8], writes: &[Write], waiting: &[usize]) -> Result<Vec<Outcome>> {
    let by_key: BTreeMap<String, usize> = waiting
        .iter()
        .filter_map(|index| Some((key(&writes[*index].verb)?, *index)))
        .collect();
    let key_column = waiting.first().map_or("Id", |index| match &writes[*index].verb {
        Verb::Create {
            marker: Some((field, _)),
        } => field.as_str(),
        _ => "Id",
    });
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(body);
    let unreadable = |error: csv::Error| {
        Error::new(ErrorKind::Protocol, "a result of the bulk job can't be read")
            .retry_as(syncline_core::Retry::After(std::time::Duration::ZERO))
            .because(error)
    };
    let header = reader.headers().map_err(unreadable)?.clone();
    let place = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
    let (id_at, created_at, error_at) = (place("sf__Id"), place("sf__Created"), place("sf__Error"));
    let key_at = place(key_column);
    let mut outcomes = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let cell = |at: Option<usize>| at.and_then(|at| record.get(at)).unwrap_or_default();
        let id = normalised(cell(id_at));
        let named = match key_column {
            "Id" => normalised(cell(key_at)).or_else(|| id.clone()),
            _ => Some(cell(key_at).trim().to_owned()),
        };
        let Some(index) = named.and_then(|named| by_key.get(&named)).copied() else {
            continue;
        };
        let verb = &writes[index].verb;
        outcomes.push(match which {
            Answered::Successful => {
                let created = matches!(verb, Verb::Create { .. }) && cell(created_at) == "true";
                Outcome {
                    id: id.or_else(|| match verb {
                        Verb::Update { id, .. } | Verb::Delete { id } => Some(normalised_or_same(id)),
                        Verb::Create { .. } => None,
                    }),
                    ..Outcome::new(index, OutcomeKind::Applied { created })
                }
            }
            Answered::Failed => refused(index, verb, &[error(cell(error_at))]),
            Answered::Unprocessed => not_applied(index, verb, None, "the bulk job ended before it came to this record"),
        });
    }
    Ok(outcomes)
}

/// What a row is known by.
fn key(verb: &Verb) -> Option<String> {
    match verb {
        Verb::Create {
            marker: Some((_, value)),
        } => Some(value.trim().to_owned()),
        Verb::Create { marker: None } => None,
        Verb::Update { id, .. } | Verb::Delete { id } => normalised(id),
    }
}

/// Reads `CODE:message:Field, Field --`.
fn error(text: &str) -> ProviderError {
    let (code, rest) = text.split_once(':').unwrap_or((text, ""));
    let rest = rest.trim_end();
    let (message, fields) = match rest.strip_suffix("--").and_then(|rest| rest.rsplit_once(':')) {
        Some((message, fields)) => (message, fields.trim()),
        None => (rest, ""),
    };
    ProviderError {
        code: code.trim().to_owned(),
        message: message.trim().to_owned(),
        fields: (!fields.is_empty()).then(|| fields.split(',').map(|field| field.trim().to_owned()).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(number: usize) -> Write {
        Write {
            operation: uuid::Uuid::nil(),
            verb: Verb::Update {
                id: format!("001{number:012}AAA"),
                expected_stamp: None,
            },
            fields: Vec::new(),
        }
    }

    #[test]
    fn errors_are_taken_apart_as_the_service_writes_them() {
        let told = error("REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --");
        assert_eq!(told.code, "REQUIRED_FIELD_MISSING");
        assert_eq!(told.message, "Required fields are missing: [LastName]");
        assert_eq!(told.fields, Some(vec!["LastName".to_owned()]));
        let plain = error("ENTITY_IS_DELETED:entity is deleted:--");
        assert_eq!((plain.message.as_str(), plain.fields), ("entity is deleted", None));
        assert_eq!(error("InvalidBatch").code, "InvalidBatch");
    }

    #[test]
    fn rows_are_known_by_key_whatever_their_order() {
        let writes = [update(1), update(2), update(3)];
        let body = "\"sf__Id\",\"sf__Error\",\"Id\",\"Name\"\n\
            \"001000000000003\",\"UNABLE_TO_LOCK_ROW:locked:--\",\"001000000000003\",\"a\nb\"\n\
            \"\",\"MALFORMED_ID:bad id:Id --\",\"001000000000001AAA\",\"\"\n\"\",\"X:y:--\",\"nobody\",\"\"\n";
        let outcomes = answered(Answered::Failed, body.as_bytes(), &writes, &[0, 1, 2]).unwrap();
        assert_eq!(outcomes.len(), 2);
        assert_eq!(
            (outcomes[0].index, &outcomes[0].kind),
            (2, &OutcomeKind::NotApplied { not_before: None })
        );
        assert_eq!(outcomes[1].index, 0);
    }
}

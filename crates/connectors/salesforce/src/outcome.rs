//! From Salesforce's answers to writes to one outcome per write.

use jiff::Timestamp;
use serde::Deserialize;
use syncline_core::batch::{Outcome, OutcomeKind};
use syncline_core::job::Verb;

use crate::error::ProviderError;
use crate::id::{normalised, normalised_or_same};

/// One row of a collection's answer.
#[derive(Debug, Deserialize)]
pub(crate) struct RowResult {
    id: Option<String>,
    success: bool,
    #[serde(default)]
    errors: Vec<ProviderError>,
    created: Option<bool>,
}

/// The outcome of one row.
pub(crate) fn of_row(index: usize, verb: &Verb, row: RowResult) -> Outcome {
    if !row.success {
        return refused(index, verb, &row.errors);
    }
    let created = match verb {
        Verb::Create { marker: None } => true,
        Verb::Create { marker: Some(_) } => row.created.unwrap_or_default(),
        Verb::Update { .. } | Verb::Delete { .. } => false,
    };
    let id = row.id.as_deref().map(normalised_or_same).or_else(|| own_id(verb));
    Outcome {
        id,
        ..Outcome::new(index, OutcomeKind::Applied { created })
    }
}

/// The outcome of a write that was refused, by what Salesforce says of it.
pub(crate) fn refused(index: usize, verb: &Verb, errors: &[ProviderError]) -> Outcome {
    let message = errors.iter().map(ProviderError::text).collect::<Vec<_>>().join("; ");
    let fields: Vec<String> = errors
        .iter()
        .flat_map(|error| error.fields.iter().flatten().cloned())
        .collect();
    let kind = errors
        .first()
        .map_or(OutcomeKind::Rejected { fields: Vec::new() }, |first| {
            kind(verb, first, fields)
        });
    Outcome {
        id: own_id(verb),
        message: Some(message),
        ..Outcome::new(index, kind)
    }
}

fn kind(verb: &Verb, error: &ProviderError, fields: Vec<String>) -> OutcomeKind {
    match error.code.as_str() {
        "UNABLE_TO_LOCK_ROW"
        | "SERVER_UNAVAILABLE"
        | "REQUEST_LIMIT_EXCEEDED"
        | "UNKNOWN_EXCEPTION"
        | "ALL_OR_NONE_OPERATION_ROLLED_BACK"
        | "PROCESSING_HALTED" => OutcomeKind::NotApplied { not_before: None },
        "ENTITY_IS_DELETED" | "NOT_FOUND" | "INVALID_CROSS_REFERENCE_KEY"
            // With another field's name it speaks of the record that the field refers to.
            if own_id(verb).is_some() && fields.iter().all(|field| field.eq_ignore_ascii_case("id")) =>
        {
            OutcomeKind::Gone
        }
        "DUPLICATE_VALUE" => match existing(&error.message) {
            Some(existing) => OutcomeKind::Duplicate { existing },
            None => OutcomeKind::Rejected { fields },
        },
        _ => OutcomeKind::Rejected { fields },
    }
}

/// The id in `duplicate value found: Ext__c duplicates value on record with id: 001…`.
fn existing(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("record with id:")?;
    let id: String = rest
        .trim_start()
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    normalised(&id)
}

/// Whether sending the rest without one record may work: what concerns the object or the connection concerns all.
pub(crate) fn is_one_records_fault(errors: &[ProviderError]) -> bool {
    let general = [
        "API_DISABLED_FOR_ORG",
        "FUNCTIONALITY_NOT_ENABLED",
        "INSUFFICIENT_ACCESS",
        "INVALID_TYPE",
        "METHOD_NOT_ALLOWED",
        "NOT_FOUND",
        "OPERATION_NOT_ALLOWED",
        "UNSUPPORTED_MEDIA_TYPE",
    ];
    errors
        .first()
        .is_some_and(|error| !general.contains(&error.code.as_str()))
}

/// The outcome of a write whose whole call was refused.
pub(crate) fn refused_call(index: usize, verb: &Verb, errors: &[ProviderError], single: bool) -> Outcome {
    let mut outcome = refused(index, verb, errors);
    let not_found = errors.first().is_some_and(|error| error.code == "NOT_FOUND");
    match (verb, &mut outcome.kind) {
        // The key field is not there, or not a key.
        (
            Verb::Create {
                marker: Some((field, _)),
            },
            OutcomeKind::Rejected { fields },
        ) if not_found => {
            fields.push(field.clone());
        }
        // Of a whole call this says that the resource is not there, which is no word about any record.
        (_, kind @ OutcomeKind::Gone) if not_found && !single => *kind = OutcomeKind::Rejected { fields: Vec::new() },
        _ => {}
    }
    outcome
}

/// The outcome of every write of a call that is known not to have been applied, but may be sent again.
pub(crate) fn not_applied(index: usize, verb: &Verb, not_before: Option<Timestamp>, message: &str) -> Outcome {
    with_message(index, verb, OutcomeKind::NotApplied { not_before }, message)
}

/// An outcome with what a person should read.
pub(crate) fn with_message(index: usize, verb: &Verb, kind: OutcomeKind, message: &str) -> Outcome {
    Outcome {
        id: own_id(verb),
        message: Some(message.to_owned()),
        ..Outcome::new(index, kind)
    }
}

/// The record that a write names.
fn own_id(verb: &Verb) -> Option<String> {
    match verb {
        Verb::Create { .. } => None,
        Verb::Update { id, .. } | Verb::Delete { id } => Some(normalised_or_same(id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::recorded;

    fn outcome(verb: &Verb, json: &str) -> Outcome {
        of_row(0, verb, serde_json::from_str(json).unwrap())
    }

    fn update() -> Verb {
        Verb::Update {
            id: "001000000000001".into(),
            expected_stamp: None,
        }
    }

    fn error(code: &str, message: &str, fields: &str) -> String {
        format!(r#"{{"success":false,"errors":[{{"statusCode":"{code}","message":"{message}","fields":[{fields}]}}]}}"#)
    }

    #[test]
    fn an_upsert_tells_whether_it_created() {
        let verb = Verb::Create {
            marker: Some(("Ext__c".into(), "1".into())),
        };
        let made = outcome(
            &verb,
            r#"{"id":"001A0000006Vm9r","success":true,"errors":[],"created":true}"#,
        );
        assert_eq!(made.kind, OutcomeKind::Applied { created: true });
        assert_eq!(made.id.as_deref(), Some("001A0000006Vm9rIAC"));
        let found = outcome(
            &verb,
            r#"{"id":"001A0000006Vm9rIAC","success":true,"errors":[],"created":false}"#,
        );
        assert_eq!(found.kind, OutcomeKind::Applied { created: false });
    }

    #[test]
    fn locks_wait_duplicates_name_the_other_and_the_rest_is_refused() {
        let lock = outcome(
            &update(),
            &error("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access", ""),
        );
        assert_eq!(lock.kind, OutcomeKind::NotApplied { not_before: None });
        let text = "duplicate value found: Ext__c duplicates value on record with id: 001A0000006Vm9r";
        let duplicate = outcome(&update(), &error("DUPLICATE_VALUE", text, ""));
        assert_eq!(
            duplicate.kind,
            OutcomeKind::Duplicate {
                existing: "001A0000006Vm9rIAC".into()
            }
        );
        let unknown = "duplicate value found: <unknown> duplicates value on record with id: <unknown>";
        assert_eq!(
            outcome(&update(), &error("DUPLICATE_VALUE", unknown, "")).kind,
            OutcomeKind::Rejected { fields: Vec::new() }
        );
        let required = outcome(
            &update(),
            &error("REQUIRED_FIELD_MISSING", "missing: [LastName]", r#""LastName""#),
        );
        assert_eq!(
            required.kind,
            OutcomeKind::Rejected {
                fields: vec!["LastName".into()]
            }
        );
        assert_eq!(
            required.message.as_deref(),
            Some("REQUIRED_FIELD_MISSING: missing: [LastName]")
        );
    }

    #[test]
    fn only_the_records_own_id_makes_it_gone() {
        assert_eq!(
            outcome(&update(), &error("ENTITY_IS_DELETED", "entity is deleted", "")).kind,
            OutcomeKind::Gone
        );
        let own = error("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", r#""Id""#);
        assert_eq!(outcome(&update(), &own).kind, OutcomeKind::Gone);
        let parent = error(
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
            r#""AccountId""#,
        );
        assert_eq!(
            outcome(&update(), &parent).kind,
            OutcomeKind::Rejected {
                fields: vec!["AccountId".into()]
            }
        );
        let create = outcome(
            &Verb::Create { marker: None },
            &error("ENTITY_IS_DELETED", "entity is deleted", ""),
        );
        assert!(matches!(create.kind, OutcomeKind::Rejected { .. }));
    }

    #[test]
    fn recorded_rows_are_read() {
        for file in [
            "cci-PATCH-composite-sobjects.json",
            "cci-PATCH-composite-sobjects-Contact-Id-2.json",
        ] {
            let Some(body) = recorded(file) else { return };
            let rows: Vec<RowResult> = serde_json::from_value(body).unwrap();
            for row in rows {
                assert!(matches!(
                    of_row(0, &update(), row).kind,
                    OutcomeKind::Applied { created: false }
                ));
            }
        }
        let Some(body) = recorded("amp-success-with-errors.json") else {
            return;
        };
        let refused = of_row(0, &update(), serde_json::from_value(body).unwrap());
        assert!(refused.message.unwrap().starts_with("MALFORMED_ID"));
    }
}

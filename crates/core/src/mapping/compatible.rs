//! Which types convert into which without a transform.

use crate::model::FieldType;
use crate::schema::FieldKind;

/// How well a field of a blueprint and a remote field go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compatibility {
    /// The same kind of thing.
    Same,
    /// Every value converts.
    Converts,
    /// Some values do not; the sentence says which.
    Sometimes(&'static str),
    /// No value does; the sentence says why.
    Never(&'static str),
}

use Compatibility::{Converts, Never, Same, Sometimes};

/// How well the two go together.
pub(super) fn compatibility(field: &FieldType, remote: FieldKind) -> Compatibility {
    use FieldKind as K;
    let texts = matches!(
        remote,
        K::Text | K::LongText | K::Html | K::Choice | K::Email | K::Phone | K::Url | K::Other
    );
    let number = matches!(remote, K::Integer | K::Decimal | K::Money | K::Percent);
    match field {
        FieldType::Text
        | FieldType::LongText
        | FieldType::Choice { .. }
        | FieldType::Email
        | FieldType::Phone
        | FieldType::Url => match (field, remote) {
            (FieldType::Text, K::Text)
            | (FieldType::LongText, K::LongText)
            | (FieldType::Choice { .. }, K::Choice)
            | (FieldType::Email, K::Email)
            | (FieldType::Phone, K::Phone)
            | (FieldType::Url, K::Url) => Same,
            _ if texts || matches!(remote, K::Id | K::Reference) => Converts,
            (_, K::MultiChoice) => Never("several choices do not fit one text; add the lens `choices`"),
            _ if number => Sometimes("only text that spells a number can be written"),
            (_, K::Bool) => Sometimes("only `true` and `false` can be written"),
            _ => Sometimes("only text that spells a date can be written"),
        },
        FieldType::Integer => match remote {
            K::Integer => Same,
            _ if number => Sometimes("a number with a fraction can't be read"),
            _ if texts => Sometimes("only text that spells a whole number can be read"),
            _ => Never("it is not a number"),
        },
        FieldType::Decimal | FieldType::Float | FieldType::Money => match (field, remote) {
            (FieldType::Money, K::Money) | (FieldType::Decimal | FieldType::Float, K::Decimal) => Same,
            (FieldType::Decimal | FieldType::Float, K::Integer) => Sometimes("fractions are rounded away when written"),
            _ if number => Converts,
            _ if texts => Sometimes("only text that spells a number can be read"),
            _ => Never("it is not a number"),
        },
        FieldType::Bool => match remote {
            K::Bool => Same,
            _ if texts || number => {
                Sometimes("only yes, no, true, false, 1 and 0 can be read; the lens `bool_choice` reads others")
            }
            _ => Never("it is neither true nor false"),
        },
        FieldType::Date => match remote {
            K::Date => Same,
            K::DateTime => Converts,
            _ if texts => Sometimes("only text such as 2026-11-20 can be read; the lens `date` reads other forms"),
            _ => Never("it is not a date"),
        },
        FieldType::DateTime => match remote {
            K::DateTime => Same,
            K::Date => Sometimes("the time of day is not kept"),
            _ if texts => {
                Sometimes("only text such as 2026-11-20T10:00:00Z can be read; the lens `datetime` reads other forms")
            }
            _ => Never("it is not a date and time"),
        },
        FieldType::MultiChoice { .. } => match remote {
            K::MultiChoice => Same,
            K::Choice => Sometimes("only one choice can be written"),
            _ if texts => Sometimes("the text is taken as one choice; the lens `choices` splits it"),
            _ => Never("it is not a list of choices"),
        },
        FieldType::Reference { .. } => match remote {
            K::Reference => Same,
            _ if texts || remote == K::Id => Sometimes("only the id of a record that is linked can be read"),
            _ => Never("it is not a record id"),
        },
        FieldType::List => match remote {
            K::MultiChoice => Converts,
            _ => Sometimes("only one value can be written"),
        },
        FieldType::Json => Converts,
    }
}

//! How `syncline conflicts resolve` is told what to do.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::Value;
use syncline::conflict::{FieldChoice, Resolution, Review};

use super::Winner;
use crate::command::entities::uid;
use crate::failure::Failure;

/// What `conflicts resolve` takes.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("resolution")
    .required(true)
    .args(["field", "all", "link", "separate", "keep_both", "keep_record", "delete_record"]))]
pub(crate) struct ResolveArguments {
    /// The conflict's number.
    #[arg(value_parser = crate::number::number)]
    pub(super) conflict: u64,
    /// What a field is to hold: `city=app`, `city=crm`, or another value: `city=value:Graz`, `tags:=["a"]` for JSON.
    /// Repeatable; name every field of the conflict.
    #[arg(long, value_name = "FIELD=CHOICE")]
    field: Vec<Chosen>,
    /// The same choice for every field.
    #[arg(long, value_enum, value_name = "SIDE")]
    all: Option<Winner>,
    /// It is the same as this record of the app.
    #[arg(long, value_name = "ID")]
    link: Option<String>,
    /// It is none of them, and becomes a record of its own.
    #[arg(long)]
    separate: bool,
    /// After a merge in the CRM: both records stay in the app.
    #[arg(long)]
    keep_both: bool,
    /// The record stays, and is created again where it was deleted.
    #[arg(long)]
    keep_record: bool,
    /// The record is deleted in the app.
    #[arg(long)]
    delete_record: bool,
    /// The version that was looked at; if it was refreshed since, this is refused. The current one by default.
    #[arg(long, value_name = "VERSION", value_parser = crate::number::number)]
    pub(super) if_version: Option<u64>,
}

/// A field and what it is to hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chosen {
    field: String,
    choice: FieldChoice,
}

impl FromStr for Chosen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("write `{text}=app`, `{text}=crm` or `{text}=value:...`");
        let (field, choice) = text.split_once('=').ok_or_else(wrong)?;
        let (field, choice) = match (field.strip_suffix(':'), choice) {
            (Some(field), json) => {
                let json = serde_json::from_str(json).map_err(|error| format!("`{json}` is no JSON: {error}"))?;
                (field, FieldChoice::Value(json))
            }
            (None, "app") => (field, FieldChoice::App),
            (None, "crm") => (field, FieldChoice::Crm),
            (None, other) => match other.strip_prefix("value:") {
                Some("") => (field, FieldChoice::Value(Value::Null)),
                Some(text) => (field, FieldChoice::Value(text.into())),
                // A mistyped side must not end up in somebody's record.
                None => {
                    return Err(format!(
                        "`{other}` is neither `app` nor `crm`; for a value of your own write `{field}=value:{other}`"
                    ));
                }
            },
        };
        Ok(Self {
            field: field.to_owned(),
            choice,
        })
    }
}
/// The resolution that was asked for.
///
/// # Errors
/// When it names a field that the conflict is not about, or no record's id.
pub(super) fn resolution(review: &Review, arguments: ResolveArguments) -> Result<Resolution, Failure> {
    if let Some(winner) = arguments.all {
        let choice = match winner {
            Winner::App => FieldChoice::App,
            Winner::Crm => FieldChoice::Crm,
        };
        return Ok(Resolution::every(review, &choice));
    }
    if let Some(link) = arguments.link {
        return Ok(Resolution::Link(uid(&link)?));
    }
    let flags = [
        (arguments.separate, Resolution::Separate),
        (arguments.keep_both, Resolution::KeepBoth),
        (arguments.keep_record, Resolution::KeepRecord),
        (arguments.delete_record, Resolution::DeleteRecord),
    ];
    if let Some((_, resolution)) = flags.into_iter().find(|(is, _)| *is) {
        return Ok(resolution);
    }
    if let Some(unknown) = arguments
        .field
        .iter()
        .find(|chosen| !review.fields.contains(&chosen.field))
    {
        return Err(Failure::usage(format!(
            "conflict {} is not about `{}`; it is about {}",
            review.id,
            unknown.field,
            review.fields.join(", ")
        )));
    }
    let choices: BTreeMap<String, FieldChoice> = arguments
        .field
        .into_iter()
        .map(|chosen| (chosen.field, chosen.choice))
        .collect();
    Ok(Resolution::Fields(choices))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_given_to_a_side_or_a_value() {
        let read = |text: &str| text.parse::<Chosen>().unwrap().choice;
        assert_eq!(read("city=app"), FieldChoice::App);
        assert_eq!(read("city=crm"), FieldChoice::Crm);
        assert_eq!(read("city=value:app"), FieldChoice::Value("app".into()));
        assert_eq!(read("city=value:Graz"), FieldChoice::Value("Graz".into()));
        assert_eq!(read("city=value:"), FieldChoice::Value(Value::Null));
        assert_eq!(read("tags:=[1]"), FieldChoice::Value(json!([1])));
        assert!("city".parse::<Chosen>().is_err());
        let mistyped = "city=ap".parse::<Chosen>().unwrap_err();
        assert!(mistyped.contains("city=value:ap"), "{mistyped}");
    }
}

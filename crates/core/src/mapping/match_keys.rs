//! The match keys that auto-map proposes.

use super::evidence::usable;
use super::{MatchKey, MatchPart, Normalisation, ProposedRule, RowSample};
use crate::matching::people_key;
use crate::schema::ObjectSchema;

/// What a proposal without any key says.
pub(super) const NO_KEY: &str =
    "No match key was found: records that exist on both sides are not recognised and would be doubled; add one.";

/// Keys for a blueprint of this name whose fields are mapped by these rules, with a sentence for people on each.
pub(super) fn match_keys(
    blueprint: &str,
    rules: &[ProposedRule],
    schema: &ObjectSchema,
    samples: &[RowSample],
) -> (Vec<MatchKey>, Vec<String>) {
    let path_of = |name: &str| -> Option<&str> {
        let rule = rules.iter().find(|proposed| proposed.rule.fields == [name])?;
        rule.rule.remote.first().map(String::as_str)
    };
    let mut keys = Vec::new();
    let mut notes = Vec::new();
    match blueprint {
        "person" => {
            let emails = path_of("email").map(|path| usable(path, Normalisation::Email, samples));
            let names: Vec<&str> = rules
                .iter()
                .filter_map(|proposed| proposed.rule.fields.first())
                .map(String::as_str)
                .collect();
            let by_email = emails.is_some_and(|count| samples.is_empty() || count * 5 >= samples.len());
            match (by_email, people_key(&names)) {
                (true, _) => keys.push(exact(&[("email", Normalisation::Email)])),
                (false, Some(key)) => {
                    notes.push(
                        "People are matched by the likeness of their names, addresses, dates of birth and identifiers, \
                         since the samples have no usable e-mail addresses; what is not clear goes to review."
                            .to_owned(),
                    );
                    keys.push(key);
                }
                (false, None) if emails.is_some() => keys.push(exact(&[("email", Normalisation::Email)])),
                (false, None) => {}
            }
        }
        "company" => {
            // The web address is what both CRMs fill; its domain is what they agree on.
            for name in ["website", "domain"] {
                if path_of(name).is_some() && keys.is_empty() {
                    keys.push(exact(&[(name, Normalisation::Domain)]));
                }
            }
            if path_of("name").is_some() {
                keys.push(exact(&[("name", Normalisation::Text)]));
            }
        }
        "deal" if path_of("name").is_some() && path_of("company").is_some() => {
            keys.push(exact(&[
                ("name", Normalisation::Text),
                ("company", Normalisation::Exact),
            ]));
        }
        "deal" | "ticket" => {}
        _ => {
            let unique = rules.iter().find(|proposed| {
                let field = proposed.rule.remote.first().and_then(|path| schema.field(path));
                field.is_some_and(|field| field.unique)
            });
            let name = rules.iter().find(|proposed| proposed.rule.fields == ["name"]);
            if let Some(proposed) = unique.or(name)
                && let Some(field) = proposed.rule.fields.first()
            {
                keys.push(exact(&[(field, Normalisation::Text)]));
            }
        }
    }
    if keys.is_empty() {
        notes.push(NO_KEY.to_owned());
    }
    (keys, notes)
}

fn exact(parts: &[(&str, Normalisation)]) -> MatchKey {
    MatchKey::Exact {
        parts: parts
            .iter()
            .map(|(field, normalise)| MatchPart {
                field: (*field).to_owned(),
                normalise: *normalise,
            })
            .collect(),
    }
}

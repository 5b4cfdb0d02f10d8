//! Adding a mapping and its sync to `syncline.toml`. What is there stays as it is, comments included.

use std::fmt::Write as _;
use std::path::Path;

use syncline::mapping::{LensSpec, Mapping, MatchKey, Normalisation, Proposal, Rule, Transform};
use syncline::model::{Field, FieldType};

use super::Loaded;
use crate::failure::Failure;
use crate::table::word;

/// What is added.
#[derive(Debug)]
pub(crate) struct Addition<'a> {
    /// Name of the mapping and of its sync.
    pub(crate) name: &'a str,
    /// The connection.
    pub(crate) connection: &'a str,
    /// The proposed mapping.
    pub(crate) proposal: &'a Proposal,
    /// When the sync runs, in words.
    pub(crate) schedule: &'a str,
}

/// Adds to the file.
///
/// # Errors
/// When the name is taken, or the file can't be written.
pub(crate) fn append(loaded: &Loaded, addition: &Addition<'_>) -> Result<(), Failure> {
    let name = addition.name;
    let (config, path) = (&loaded.config, loaded.path.display());
    if config.mappings.contains_key(name) || config.syncs.contains_key(name) {
        return Err(
            Failure::refused(format!("{path} has a mapping or sync `{name}` already"))
                .next("choose another name with `--name`, or remove the old one first"),
        );
    }
    let text = format!("{}\n{}", loaded.text.trim_end(), section(addition));
    // Whatever is written must be readable again, or the next command would stop at it.
    Loaded::parse(&loaded.path, text.clone())?;
    replace(&loaded.path, &text)
}

/// Puts a text in the place of a file, all of it or nothing.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("{} can't be written: {error}", path.display()));
    let fresh = path.with_extension("toml.new");
    std::fs::write(&fresh, text).map_err(failed)?;
    std::fs::rename(&fresh, path).map_err(failed)
}

/// The lines to add.
fn section(addition: &Addition<'_>) -> String {
    let Addition {
        name,
        connection,
        proposal,
        schedule,
    } = *addition;
    let mapping = &proposal.mapping;
    let mut text = String::new();
    let key = key(name);
    let _ = writeln!(text, "\n[mappings.{key}]");
    let _ = writeln!(text, "blueprint = {}", quoted(&mapping.blueprint));
    let _ = writeln!(text, "object = {}", quoted(&mapping.object));
    settings(&mut text, mapping);
    if !proposal.new_fields.is_empty() {
        text.push_str("# Added to the blueprint by this mapping.\nfields = [\n");
        for new in &proposal.new_fields {
            let _ = writeln!(text, "    {},", field(new));
        }
        text.push_str("]\n");
    }
    text.push_str("rules = [\n");
    for (index, written) in mapping.rules.iter().enumerate() {
        let why = proposal.rules.get(index).map_or_else(String::new, |proposed| {
            format!(" # {:.2}: {}", proposed.confidence, proposed.reason.replace('\n', " "))
        });
        let _ = writeln!(text, "    {},{why}", rule(written));
    }
    text.push_str("]\n");
    if !mapping.match_keys.is_empty() {
        text.push_str("match_keys = [\n");
        for written in &mapping.match_keys {
            let _ = writeln!(text, "    {},", match_key(written));
        }
        text.push_str("]\n");
    }
    let _ = writeln!(text, "\n[syncs.{key}]");
    let _ = writeln!(text, "connection = {}", quoted(connection));
    let _ = writeln!(text, "mapping = {}", quoted(name));
    let _ = writeln!(text, "schedule = {}", quoted(schedule));
    text
}

fn settings(text: &mut String, mapping: &Mapping) {
    let defaults = Mapping::new("", "");
    if mapping.direction != defaults.direction {
        let _ = writeln!(text, "direction = {}", quoted(&word(&mapping.direction)));
    }
    if mapping.strategy != defaults.strategy {
        let _ = writeln!(text, "strategy = {}", quoted(&word(&mapping.strategy)));
    }
    if mapping.empty_overwrites != defaults.empty_overwrites {
        let value = quoted(&word(&mapping.empty_overwrites));
        let _ = writeln!(text, "empty_overwrites = {value}");
    }
    if let Some(marker) = &mapping.marker {
        let _ = writeln!(
            text,
            "marker = {} # carries our unique key, so that a create sent twice makes one record",
            quoted(marker)
        );
    }
    if let Some(filter) = &mapping.filter {
        let _ = writeln!(text, "filter = {}", quoted(filter));
    }
    if !mapping.excluded.is_empty() {
        let _ = writeln!(text, "excluded = [{}]", list(&mapping.excluded));
    }
    for (name, value) in [
        ("create_in_app", mapping.create_in_app),
        ("create_in_crm", mapping.create_in_crm),
    ] {
        if !value {
            let _ = writeln!(text, "{name} = false");
        }
    }
    for (name, value) in [
        ("on_crm_delete", mapping.on_crm_delete),
        ("on_app_delete", mapping.on_app_delete),
    ] {
        if value != defaults.on_crm_delete {
            let _ = writeln!(text, "{name} = {}", quoted(&word(&value)));
        }
    }
    if mapping.on_delete_conflict != defaults.on_delete_conflict {
        let value = quoted(&word(&mapping.on_delete_conflict));
        let _ = writeln!(text, "on_delete_conflict = {value}");
    }
    if let Some(overdue) = &mapping.overdue_conflicts {
        let _ = writeln!(text, "overdue_conflicts = {}", quoted(&overdue.to_string()));
    }
    if let Some(most) = mapping.pause_above_conflicts {
        let _ = writeln!(text, "pause_above_conflicts = {most}");
    }
}

fn rule(rule: &Rule) -> String {
    let mut text = format!(
        "{{ field = {}, remote = {}",
        one_or_many(&rule.fields),
        one_or_many(&rule.remote)
    );
    if rule.direction != Default::default() {
        let _ = write!(text, ", direction = {}", quoted(&word(&rule.direction)));
    }
    if let Some(strategy) = &rule.strategy {
        let _ = write!(text, ", strategy = {}", quoted(&word(strategy)));
    }
    if let Some(empty) = &rule.empty_overwrites {
        let _ = write!(text, ", empty_overwrites = {}", quoted(&word(empty)));
    }
    match &rule.transform {
        Some(Transform::Lens { steps }) => {
            let steps: Vec<String> = steps.iter().map(lens).collect();
            let _ = write!(text, ", lens = [{}]", steps.join(", "));
        }
        Some(Transform::Cel { expression }) => {
            let _ = write!(text, ", cel = {}", quoted(expression));
        }
        None => {}
    }
    text.push_str(" }");
    text
}

fn lens(spec: &LensSpec) -> String {
    if spec.options.is_empty() {
        return quoted(&spec.lens);
    }
    let options = spec
        .options
        .iter()
        .map(|(name, value)| format!(", {} = {}", key(name), json(value)));
    format!("{{ lens = {}{} }}", quoted(&spec.lens), options.collect::<String>())
}

fn match_key(written: &MatchKey) -> String {
    match written {
        MatchKey::Exact { parts } => {
            let parts: Vec<String> = parts
                .iter()
                .map(|part| match part.normalise {
                    Normalisation::Text => quoted(&part.field),
                    other => format!(
                        "{{ field = {}, normalise = {} }}",
                        quoted(&part.field),
                        quoted(&word(&other))
                    ),
                })
                .collect();
            format!("{{ exact = [{}] }}", parts.join(", "))
        }
        MatchKey::Fuzzy { parts, link, review } => {
            let parts: Vec<String> = parts
                .iter()
                .map(|part| {
                    let swapped = if part.swapped_with.is_empty() {
                        String::new()
                    } else {
                        format!(", swapped_with = [{}]", list(&part.swapped_with))
                    };
                    format!(
                        "{{ field = {}, weight = {:?}, role = {}{swapped} }}",
                        quoted(&part.field),
                        part.weight,
                        quoted(&word(&part.role))
                    )
                })
                .collect();
            format!(
                "{{ fuzzy = [{}], link = {link:?}, review = {review:?} }}",
                parts.join(", ")
            )
        }
    }
}

fn field(field: &Field) -> String {
    let mut text = format!("{{ name = {}", quoted(&field.name));
    let kind = serde_json::to_value(&field.kind).unwrap_or_default();
    if let Some(kind) = kind
        .get("type")
        .and_then(serde_json::Value::as_str)
        .filter(|kind| *kind != "text")
    {
        let _ = write!(text, ", type = {}", quoted(kind));
    }
    if field.label != Field::new(field.name.as_str(), FieldType::Text).label && !field.label.is_empty() {
        let _ = write!(text, ", label = {}", quoted(&field.label));
    }
    for (name, value) in [
        ("required", field.required),
        ("unique", field.unique),
        ("indexed", field.indexed),
        ("searchable", field.searchable),
    ] {
        if value {
            let _ = write!(text, ", {name} = true");
        }
    }
    match &field.kind {
        FieldType::Choice { choices } | FieldType::MultiChoice { choices } if !choices.is_empty() => {
            let choices: Vec<String> = choices
                .iter()
                .map(|choice| {
                    if choice.label == choice.value {
                        quoted(&choice.value)
                    } else {
                        format!(
                            "{{ value = {}, label = {} }}",
                            quoted(&choice.value),
                            quoted(&choice.label)
                        )
                    }
                })
                .collect();
            let _ = write!(text, ", choices = [{}]", choices.join(", "));
        }
        FieldType::Reference { blueprint } => {
            let _ = write!(text, ", blueprint = {}", quoted(blueprint));
        }
        _ => {}
    }
    if let Some(default) = field.default.as_ref().filter(|default| !default.is_empty()) {
        let _ = write!(text, ", default = {}", json(&default.to_json()));
    }
    if !field.description.is_empty() {
        let _ = write!(text, ", description = {}", quoted(&field.description));
    }
    text.push_str(" }");
    text
}

fn one_or_many(names: &[String]) -> String {
    match names {
        [one] => quoted(one),
        many => format!("[{}]", list(many)),
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A key, bare where it can be.
fn key(name: &str) -> String {
    let bare = !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-');
    if bare { name.to_owned() } else { quoted(name) }
}

/// TOML of a JSON value, on one line.
fn json(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "\"\"".to_owned(),
        serde_json::Value::String(text) => quoted(text),
        serde_json::Value::Array(items) => format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(", ")),
        serde_json::Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{} = {}", key(name), json(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use syncline::mapping::{FuzzyPart, FuzzyRole, MatchPart, ProposedRule};
    use syncline::model::FieldChoice;

    use super::*;

    #[test]
    fn what_is_written_is_read_back_as_the_same_mapping() {
        let mut mapping = Mapping::new("contact", "Contact");
        let mut email = Rule::new("email", "Email").lens(LensSpec::new("trim")).lens(
            LensSpec::new("table")
                .with("entries", serde_json::json!([["a \"b\"", "c"]]))
                .with("unknown", "keep"),
        );
        email.empty_overwrites = Some(syncline::mapping::EmptyPolicy::Never);
        mapping.rules = vec![
            email,
            Rule::new("name", "Account.Name").direction(syncline::mapping::Direction::Pull),
        ];
        mapping.marker = Some("External_Id__c".to_owned());
        mapping.match_keys = vec![
            MatchKey::Exact {
                parts: vec![MatchPart {
                    field: "email".into(),
                    normalise: Normalisation::Email,
                }],
            },
            MatchKey::Fuzzy {
                parts: vec![FuzzyPart {
                    field: "name".into(),
                    weight: 2.0,
                    role: FuzzyRole::Decisive,
                    swapped_with: vec!["email".into()],
                }],
                link: 0.9,
                review: 0.75,
            },
        ];
        let choices = vec![FieldChoice {
            value: "a".into(),
            label: "A's \\ label".into(),
        }];
        let proposal = Proposal {
            rules: vec![ProposedRule {
                rule: mapping.rules[0].clone(),
                confidence: 0.9,
                reason: "same name".into(),
            }],
            mapping,
            new_fields: vec![
                Field::new("email", FieldType::Email),
                Field::new("name", FieldType::Text),
                Field::new("kind", FieldType::Choice { choices }),
                Field::new(
                    "account",
                    FieldType::Reference {
                        blueprint: "account".into(),
                    },
                ),
            ],
            left_out: Vec::new(),
            notes: Vec::new(),
        };
        let addition = Addition {
            name: "sales contact",
            connection: "sales",
            proposal: &proposal,
            schedule: "hourly",
        };
        let text = format!("[connections.sales]\nprovider = \"salesforce\"\n{}", section(&addition));
        let loaded = Loaded::parse(Path::new("x.toml"), text).unwrap();
        let table = loaded.config.mappings["sales contact"].get_ref();
        assert_eq!(table.mapping().unwrap(), proposal.mapping);
        assert_eq!(table.fields().unwrap(), proposal.new_fields);
    }
}

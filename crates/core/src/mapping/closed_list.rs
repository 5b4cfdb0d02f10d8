//! Remote lists of choices that refuse any other value.

use std::collections::BTreeSet;

use super::LensSpec;
use super::names::key;
use crate::model::{FieldChoice, FieldType};
use crate::schema::{Choice, FieldKind, FieldSchema};

/// What to do with a remote list of choices.
#[derive(Debug)]
pub(super) enum ListPlan {
    /// Nothing special.
    Plain,
    /// The values differ, their labels say which is which.
    Table(LensSpec),
    /// It can be read, and not every value can be written; the sentence says why.
    ReadOnly(String),
    /// It can't be mapped without a person; the sentence says why.
    Person(String),
}

/// Whether a field refuses values outside its list. HubSpot's always do, also those whose list lives in a pipeline.
pub(super) fn is_closed(provider: &str, remote: &FieldSchema) -> bool {
    (remote.restricted || provider == "hubspot") && matches!(remote.kind, FieldKind::Choice | FieldKind::MultiChoice)
}

/// The choices of a new field for a closed list.
pub(super) fn choices_of(provider: &str, remote: &FieldSchema) -> Vec<FieldChoice> {
    if !is_closed(provider, remote) {
        return Vec::new();
    }
    active(remote)
        .map(|choice| FieldChoice {
            value: choice.value.clone(),
            label: choice.label.clone(),
        })
        .collect()
}

/// How a remote field and a field that the blueprint has already go together.
pub(super) fn plan(field: &FieldType, provider: &str, remote: &FieldSchema) -> ListPlan {
    let (FieldType::Choice { choices } | FieldType::MultiChoice { choices }) = field else {
        return if is_closed(provider, remote) {
            ListPlan::ReadOnly(format!("`{}` takes only the choices of its list", remote.path))
        } else {
            ListPlan::Plain
        };
    };
    match (choices.is_empty(), is_closed(provider, remote)) {
        (true, false) => ListPlan::Plain,
        (true, true) => ListPlan::Person(
            "it takes only the choices of its list, and the blueprint's field takes anything; map it with the lens \
             `table` once you know which value is which"
                .to_owned(),
        ),
        (false, _) => pair(choices, remote),
    }
}

fn pair(choices: &[FieldChoice], remote: &FieldSchema) -> ListPlan {
    let values: BTreeSet<&str> = choices.iter().map(|choice| choice.value.as_str()).collect();
    let remotes: BTreeSet<&str> = active(remote).map(|choice| choice.value.as_str()).collect();
    if values == remotes {
        return ListPlan::Plain;
    }
    let mut table = serde_json::Map::new();
    let mut reached = BTreeSet::new();
    for choice in active(remote) {
        let same = |own: &&FieldChoice| {
            own.value == choice.value
                || [&own.value, &own.label]
                    .iter()
                    .any(|mine| key(mine) == key(&choice.value) || key(mine) == key(&choice.label))
        };
        if let Some(own) = choices.iter().find(same) {
            reached.insert(own.value.as_str());
            table.insert(choice.value.clone(), own.value.as_str().into());
        }
    }
    if table.len() == remotes.len() && reached == values {
        return ListPlan::Table(LensSpec::new("table").with("values", table));
    }
    ListPlan::Person(format!(
        "{} of its {} choices have a counterpart in the blueprint; map it with the lens `table`",
        table.len(),
        remotes.len()
    ))
}

fn active(remote: &FieldSchema) -> impl Iterator<Item = &Choice> {
    remote.choices.iter().filter(|choice| choice.active)
}

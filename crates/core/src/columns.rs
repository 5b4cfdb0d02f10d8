//! Which column of a file is which field of a blueprint.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::matching::fold;
use crate::model::Blueprint;

/// The column that holds an entity's id.
pub const ID_COLUMN: &str = "id";
/// What stands before the names of columns that an import writes beside a row that it refused.
pub const REFUSAL_COLUMNS: [&str; 2] = ["import_row", "import_reason"];

/// Below this a column is like no field.
const LIKELY: f64 = 0.88;

/// What a column is taken for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnMatch {
    /// The column's name in the file.
    pub column: String,
    /// What it is.
    pub target: ColumnTarget,
    /// How sure that is, from 0 to 1; 1 where it was said.
    pub confidence: f64,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnTarget {
    /// The field of this name.
    Field(String),
    /// The entity's id.
    Id,
    /// Nothing that is taken in.
    Ignored,
}

/// Finds out what each column is: as `given` by column name (a field, `id`, or nothing to leave it out), or else the field
/// with that name or label, or else the one that is most like it. A field has one column.
///
/// ```
/// use std::collections::BTreeMap;
/// use syncline_core::columns::{ColumnTarget, match_columns};
/// use syncline_core::model::{Blueprint, Field, FieldType};
/// let person = Blueprint::new(1, 1, "person", vec![Field::new("first_name", FieldType::Text)]);
/// let columns = ["First Name".to_owned(), "Colour".to_owned()];
/// let found = match_columns(&columns, &person, &BTreeMap::new())?;
/// assert_eq!(found[0].target, ColumnTarget::Field("first_name".into()));
/// assert_eq!(found[1].target, ColumnTarget::Ignored);
/// # Ok::<(), syncline_core::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Invalid`] when `given` names a column or a field that there is not, when two columns are given one field,
/// and when two columns have the same name.
pub fn match_columns(
    columns: &[String],
    blueprint: &Blueprint,
    given: &BTreeMap<String, String>,
) -> Result<Vec<ColumnMatch>> {
    check(columns, blueprint, given)?;
    let said = |column: &String| given.get(column);
    let mut found: Vec<ColumnMatch> = columns
        .iter()
        .map(|column| ColumnMatch {
            column: column.clone(),
            target: match said(column).map(String::as_str) {
                None | Some("") => ColumnTarget::Ignored,
                Some(ID_COLUMN) if blueprint.position(ID_COLUMN).is_none() => ColumnTarget::Id,
                Some(field) => ColumnTarget::Field(field.to_owned()),
            },
            confidence: 1.0,
        })
        .collect();
    // The likeliest pairs first, so that no field goes to a column that is less like it.
    let mut pairs: Vec<(f64, usize, ColumnTarget)> = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        if said(column).is_some() || REFUSAL_COLUMNS.contains(&column.as_str()) {
            continue;
        }
        if column == ID_COLUMN && blueprint.position(ID_COLUMN).is_none() {
            pairs.push((1.0, place, ColumnTarget::Id));
        }
        for (_, field) in blueprint.live_fields() {
            let likeness = likeness(column, &field.name, &field.label);
            if likeness >= LIKELY {
                pairs.push((likeness, place, ColumnTarget::Field(field.name.clone())));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut taken: Vec<ColumnTarget> = found.iter().map(|column| column.target.clone()).collect();
    let mut is_found: Vec<bool> = columns.iter().map(|column| said(column).is_some()).collect();
    for (confidence, place, target) in pairs {
        if !is_found[place] && !taken.contains(&target) {
            taken.push(target.clone());
            is_found[place] = true;
            found[place].target = target;
            found[place].confidence = confidence;
        }
    }
    for (column, is_found) in found.iter_mut().zip(is_found) {
        if !is_found {
            column.confidence = 0.0;
        }
    }
    Ok(found)
}

fn check(columns: &[String], blueprint: &Blueprint, given: &BTreeMap<String, String>) -> Result<()> {
    let refused = |message: String| Err(Error::new(ErrorKind::Invalid, message));
    for (place, column) in columns.iter().enumerate() {
        if columns[..place].contains(column) {
            return refused(format!("two columns are called `{column}`; rename one"));
        }
    }
    let mut fields: Vec<&String> = Vec::new();
    for (column, field) in given {
        if !columns.contains(column) {
            return refused(format!(
                "the file has no column `{column}`; it has: {}",
                columns.join(", ")
            ));
        }
        if field.is_empty() {
            continue;
        }
        if field != ID_COLUMN && blueprint.position(field).is_none() {
            let known: Vec<&str> = blueprint.field_names().collect();
            return refused(format!(
                "a {} has no field `{field}` for column `{column}`; it has: {}",
                blueprint.name,
                known.join(", ")
            ));
        }
        if fields.contains(&field) {
            return refused(format!("two columns are given to `{field}`; leave one out"));
        }
        fields.push(field);
    }
    Ok(())
}

/// How like a column's name is to a field's, from 0 to 1.
fn likeness(column: &str, name: &str, label: &str) -> f64 {
    if column == name {
        return 1.0;
    }
    let bare = |text: &str| -> String { fold(text).chars().filter(|c| c.is_alphanumeric()).collect() };
    let (column, name, label) = (bare(column), bare(name), bare(label));
    if column.is_empty() {
        return 0.0;
    }
    if column == name || column == label {
        return 0.98;
    }
    // Never as sure as an equal name.
    0.97 * strsim::jaro_winkler(&column, &name).max(strsim::jaro_winkler(&column, &label))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Field, FieldType};

    fn person() -> Blueprint {
        let mut fields = vec![
            Field::new("first_name", FieldType::Text),
            Field::new("last_name", FieldType::Text),
            Field::new("email", FieldType::Email),
            Field::new("phone", FieldType::Phone),
        ];
        fields[3].label = "Téléphone".to_owned();
        Blueprint::new(1, 1, "person", fields)
    }

    fn found(columns: &[&str], given: &[(&str, &str)]) -> Result<Vec<ColumnTarget>> {
        let columns: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
        let given = given
            .iter()
            .map(|(column, field)| ((*column).to_owned(), (*field).to_owned()));
        let found = match_columns(&columns, &person(), &given.collect())?;
        Ok(found.into_iter().map(|column| column.target).collect())
    }

    fn field(name: &str) -> ColumnTarget {
        ColumnTarget::Field(name.to_owned())
    }

    #[test]
    fn columns_are_found_by_name_label_and_likeness_each_field_once() {
        let targets = found(
            &[
                "id",
                "LAST NAME",
                "telephone",
                "E-Mail",
                "first_name",
                "firstname",
                "import_row",
            ],
            &[],
        );
        let expected = [
            ColumnTarget::Id,
            field("last_name"),
            field("phone"),
            field("email"),
            field("first_name"),
            ColumnTarget::Ignored,
            ColumnTarget::Ignored,
        ];
        assert_eq!(targets.unwrap(), expected);
    }

    #[test]
    fn what_is_said_counts() {
        let targets = found(&["email", "Contact"], &[("Contact", "email"), ("email", "")]).unwrap();
        assert_eq!(targets, [ColumnTarget::Ignored, field("email")]);
        for (given, said) in [
            (vec![("Colour", "email")], "no column `Colour`"),
            (vec![("email", "colour")], "no field `colour`"),
            (vec![("email", "email"), ("Contact", "email")], "two columns are given"),
        ] {
            let refused = found(&["email", "Contact"], &given).unwrap_err();
            assert!(refused.to_string().contains(said), "{refused}");
        }
        assert!(found(&["email", "email"], &[]).is_err());
    }
}

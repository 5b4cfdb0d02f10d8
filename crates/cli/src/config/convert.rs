//! From what the file writes to what the engine takes.

use serde_json::{Map, Value, json};
use syncline::mapping::{FuzzyPart, LensSpec, Mapping, MatchKey, MatchPart, Rule, Transform};
use syncline::model::{Field, FieldType};

use super::mapping::{ChoiceTable, FieldTable, LensTable, MappingTable, MatchKeyTable, PartTable, RuleTable};

impl MappingTable {
    /// The mapping.
    ///
    /// # Errors
    /// A sentence that names the rule or key that contradicts itself.
    pub(crate) fn mapping(&self) -> Result<Mapping, String> {
        let rules = self.rules.iter().map(RuleTable::rule).collect::<Result<_, _>>()?;
        let match_keys = self
            .match_keys
            .iter()
            .map(MatchKeyTable::key)
            .collect::<Result<_, _>>()?;
        let mut mapping = Mapping::new(self.blueprint.as_str(), self.object.as_str());
        mapping.direction = self.direction;
        mapping.strategy = self.strategy;
        mapping.empty_overwrites = self.empty_overwrites;
        mapping.rules = rules;
        mapping.excluded.clone_from(&self.excluded);
        mapping.match_keys = match_keys;
        mapping.filter.clone_from(&self.filter);
        mapping.create_in_app = self.create_in_app;
        mapping.create_in_crm = self.create_in_crm;
        mapping.on_crm_delete = self.on_crm_delete;
        mapping.on_app_delete = self.on_app_delete;
        mapping.on_delete_conflict = self.on_delete_conflict;
        mapping.overdue_conflicts = match &self.overdue_conflicts {
            Some(text) => Some(
                text.parse()
                    .map_err(|error: syncline::Error| error.message().to_owned())?,
            ),
            None => None,
        };
        mapping.pause_above_conflicts = self.pause_above_conflicts;
        mapping.marker.clone_from(&self.marker);
        Ok(mapping)
    }

    /// The fields that it adds to the blueprint.
    ///
    /// # Errors
    /// As [`FieldTable::field`].
    pub(crate) fn fields(&self) -> Result<Vec<Field>, String> {
        self.fields.iter().map(FieldTable::field).collect()
    }
}

impl RuleTable {
    fn rule(&self) -> Result<Rule, String> {
        let fields = self.field.list();
        let transform = match (&self.cel, self.lens.is_empty()) {
            (Some(_), false) => {
                return Err(format!(
                    "the rule for {} has both `lens` and `cel`; keep one",
                    fields.join(", ")
                ));
            }
            (Some(expression), true) => Some(Transform::Cel {
                expression: expression.clone(),
            }),
            (None, false) => {
                let steps = self.lens.iter().map(LensTable::spec).collect::<Result<_, _>>();
                Some(Transform::Lens {
                    steps: steps.map_err(|why| format!("the rule for {}: {why}", fields.join(", ")))?,
                })
            }
            (None, true) => None,
        };
        Ok(Rule {
            fields,
            remote: self.remote.list(),
            direction: self.direction,
            transform,
            strategy: self.strategy,
            empty_overwrites: self.empty_overwrites,
        })
    }
}

impl LensTable {
    fn spec(&self) -> Result<LensSpec, String> {
        let table = match self {
            Self::Name(name) => return Ok(LensSpec::new(name.as_str())),
            Self::Table(table) => table,
        };
        let Some(name) = table.get("lens").and_then(toml::Value::as_str) else {
            return Err("a lens with options names itself: { lens = \"phone\", country = \"AT\" }".to_owned());
        };
        let options = table.iter().filter(|(key, _)| *key != "lens");
        Ok(options.fold(LensSpec::new(name), |spec, (key, value)| spec.with(key, to_json(value))))
    }
}

impl MatchKeyTable {
    fn key(&self) -> Result<MatchKey, String> {
        match (self.exact.is_empty(), self.fuzzy.is_empty()) {
            (false, true) if self.link.is_some() || self.review.is_some() => {
                Err("an exact match key has no score; remove `link` and `review`".to_owned())
            }
            (false, true) => Ok(MatchKey::Exact {
                parts: self.exact.iter().map(PartTable::part).collect(),
            }),
            (true, false) => Ok(MatchKey::Fuzzy {
                parts: self
                    .fuzzy
                    .iter()
                    .map(|part| FuzzyPart {
                        field: part.field.clone(),
                        weight: part.weight,
                        role: part.role,
                        swapped_with: part.swapped_with.clone(),
                    })
                    .collect(),
                link: self.link.unwrap_or(0.9),
                review: self.review.unwrap_or(0.7),
            }),
            _ => Err("a match key has either `exact` or `fuzzy` fields".to_owned()),
        }
    }
}

impl PartTable {
    fn part(&self) -> MatchPart {
        match self {
            Self::Name(field) => MatchPart {
                field: field.clone(),
                normalise: Default::default(),
            },
            Self::Table { field, normalise } => MatchPart {
                field: field.clone(),
                normalise: *normalise,
            },
        }
    }
}

impl FieldTable {
    /// The field.
    ///
    /// # Errors
    /// A sentence when `choices` or `blueprint` do not go with its type.
    pub(crate) fn field(&self) -> Result<Field, String> {
        let name = &self.name;
        let mut kind = Map::new();
        kind.insert("type".to_owned(), json!(self.kind));
        if !self.choices.is_empty() {
            let choices = self.choices.iter().map(|choice| match choice {
                ChoiceTable::Value(value) => json!({ "value": value, "label": value }),
                ChoiceTable::Labelled { value, label } => json!({ "value": value, "label": label }),
            });
            kind.insert("choices".to_owned(), choices.collect());
        }
        if let Some(blueprint) = &self.blueprint {
            kind.insert("blueprint".to_owned(), json!(blueprint));
        }
        let kind: FieldType = serde_json::from_value(Value::Object(kind))
            .map_err(|_| format!("field `{name}` is a reference; name the `blueprint` that it refers to"))?;
        if !self.choices.is_empty() && !matches!(kind, FieldType::Choice { .. } | FieldType::MultiChoice { .. }) {
            return Err(format!("field `{name}` has choices, but its type is no choice"));
        }
        if self.blueprint.is_some() && !matches!(kind, FieldType::Reference { .. }) {
            return Err(format!(
                "field `{name}` names a blueprint, but its type is no reference"
            ));
        }
        let mut field = Field::new(name.as_str(), kind);
        if let Some(label) = &self.label {
            field.label.clone_from(label);
        }
        field.required = self.required;
        field.unique = self.unique;
        field.indexed = self.indexed;
        field.searchable = self.searchable;
        field.default = self
            .default
            .as_ref()
            .map(|default| syncline::Value::from_json(to_json(default)));
        field.description = self.description.clone().unwrap_or_default();
        Ok(field)
    }
}

/// JSON of a TOML value; dates become text.
fn to_json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => json!(text),
        toml::Value::Integer(integer) => json!(integer),
        toml::Value::Float(float) => json!(float),
        toml::Value::Boolean(truth) => json!(truth),
        toml::Value::Datetime(at) => json!(at.to_string()),
        toml::Value::Array(items) => items.iter().map(to_json).collect(),
        toml::Value::Table(table) => {
            Value::Object(table.iter().map(|(key, value)| (key.clone(), to_json(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_read_in_the_short_forms_of_the_file() {
        let table: MappingTable = toml::from_str(
            r#"
            blueprint = "contact"
            object = "Contact"
            rules = [
                { field = "email", remote = "Email", lens = ["trim"] },
                { fields = ["first_name", "last_name"], remote = "Name", lens = [{ lens = "name_split", order = "given_first" }] },
                { field = "size", remote = "X__c", cel = "remote.X__c" },
            ]
            match_keys = [{ exact = ["email"] }, { fuzzy = [{ field = "last_name", weight = 2.0 }], link = 0.95 }]
            "#,
        )
        .unwrap();
        let mapping = table.mapping().unwrap();
        assert_eq!(mapping.rules[1].fields, ["first_name", "last_name"]);
        assert!(matches!(&mapping.rules[0].transform, Some(Transform::Lens { steps }) if steps[0].lens == "trim"));
        assert!(matches!(&mapping.match_keys[1], MatchKey::Fuzzy { link, .. } if *link == 0.95));
    }

    #[test]
    fn contradictions_are_named() {
        let field: FieldTable = toml::from_str("name = \"owner\"\ntype = \"reference\"").unwrap();
        assert!(field.field().unwrap_err().contains("name the `blueprint`"));
        let field: FieldTable = toml::from_str("name = \"a\"\nchoices = [\"x\"]").unwrap();
        assert!(field.field().unwrap_err().contains("no choice"));
    }
}

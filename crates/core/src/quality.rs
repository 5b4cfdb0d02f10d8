//! Rules of data quality: what records of a blueprint should be like.

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::error::{Error, ErrorKind, Result};
use crate::expression::{Filter, Variables};
use crate::model::{Blueprint, FieldType};
use crate::sort_key::sort_key;
use crate::value::Value;

/// Most rules of a blueprint.
const MOST: usize = 200;
/// Largest compiled form of a pattern, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// What becomes of a record that breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QualitySeverity {
    /// It is in the report.
    #[default]
    Warn,
    /// It is not taken in where it breaks the rule anew; what did so before the rule is in the report.
    Refuse,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QualityRule {
    /// Its name, unique among those of its blueprint.
    pub name: String,
    /// What it looks at.
    #[serde(flatten)]
    pub check: QualityCheck,
    /// What becomes of what breaks it.
    #[serde(default)]
    pub severity: QualitySeverity,
    /// What a person reads, where the rule's own words do not do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// What a rule looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case")]
pub enum QualityCheck {
    /// The field's text matches a regular expression as a whole; an empty one passes.
    Format {
        /// The field.
        field: String,
        /// The regular expression.
        pattern: String,
    },
    /// The field's value lies between two, both included; an empty one passes.
    Range {
        /// The field.
        field: String,
        /// The least.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minimum: Option<Json>,
        /// The largest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        maximum: Option<Json>,
    },
    /// A CEL expression over the fields is true: `end == null || start <= end`.
    Expression {
        /// The expression.
        expression: String,
    },
    /// What a reference names exists, and is not deleted; an empty one passes.
    Reference {
        /// The field.
        field: String,
    },
    /// No other record is likely the same.
    Duplicate {
        /// The fields that are compared.
        fields: Vec<String>,
        /// How alike records have to be, from 0 to 1.
        #[serde(default = "likely")]
        likeness: f64,
    },
}

const fn likely() -> f64 {
    0.85
}

/// A rule that a record breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The position of the rule.
    pub rule: usize,
    /// The field that it is about; `None` where it is about several.
    pub field: Option<String>,
    /// What is wrong.
    pub message: String,
}

/// What a record alone can be held against.
#[derive(Debug, Clone)]
enum Test {
    Format(Regex),
    Range(Option<Value>, Option<Value>),
    Expression(Box<Filter>),
    /// Others are needed to tell.
    Elsewhere,
}

#[derive(Debug, Clone)]
struct Compiled {
    rule: QualityRule,
    test: Test,
    /// The positions of the fields that it reads.
    fields: Vec<usize>,
}

/// The rules of a blueprint, ready for many records.
///
/// ```
/// use syncline_core::Value;
/// use syncline_core::model::{Blueprint, Field, FieldType};
/// use syncline_core::quality::{QualityCheck, QualityRule, QualityRules, QualitySeverity};
/// let item = Blueprint::new(1, 1, "item", vec![Field::new("weight", FieldType::Decimal)]);
/// let rule = QualityRule {
///     name: "weight".into(),
///     check: QualityCheck::Range { field: "weight".into(), minimum: Some(0.into()), maximum: None },
///     severity: QualitySeverity::Refuse,
///     message: String::new(),
/// };
/// let rules = QualityRules::compile(&[rule], &item)?;
/// assert_eq!(rules.breaches(&item, &[Value::from_number("-0.5")]).len(), 1);
/// assert!(rules.breaches(&item, &[Value::Null]).is_empty());
/// # Ok::<(), syncline_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct QualityRules {
    rules: Vec<Compiled>,
}

impl QualityRules {
    /// Compiles rules.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with everything that is wrong, each by the name of its rule.
    pub fn compile(rules: &[QualityRule], blueprint: &Blueprint) -> Result<Self> {
        let mut faults = Vec::new();
        let mut compiled: Vec<Compiled> = Vec::new();
        if rules.len() > MOST {
            faults.push(format!("a blueprint has at most {MOST} rules"));
        }
        for (place, rule) in rules.iter().enumerate() {
            if rule.name.trim().is_empty() {
                faults.push("a rule has no name".to_owned());
            }
            if rules[..place].iter().any(|known| known.name == rule.name) {
                faults.push(format!("two rules are called `{}`", rule.name));
            }
            match one(rule, blueprint) {
                Ok(rule) => compiled.push(rule),
                Err(error) => faults.push(format!("rule `{}`: {}", rule.name, error.message())),
            }
        }
        if faults.is_empty() {
            return Ok(Self { rules: compiled });
        }
        Err(Error::new(ErrorKind::Invalid, faults.join("; ")))
    }

    /// Compiles those rules that can be, and tells what is wrong with the others: a blueprint may have changed since they
    /// were saved.
    pub fn compile_known(rules: &[QualityRule], blueprint: &Blueprint) -> (Self, Vec<String>) {
        let mut known = Self::default();
        let mut faults = Vec::new();
        for rule in rules {
            match one(rule, blueprint) {
                Ok(rule) => known.rules.push(rule),
                Err(error) => faults.push(format!("rule `{}`: {}", rule.name, error.message())),
            }
        }
        (known, faults)
    }

    /// The rules, in their order.
    pub fn rules(&self) -> impl Iterator<Item = &QualityRule> {
        self.rules.iter().map(|compiled| &compiled.rule)
    }

    /// Whether nothing is refused.
    pub fn refuses_nothing(&self) -> bool {
        self.rules().all(|rule| rule.severity == QualitySeverity::Warn)
    }

    /// The positions of the fields that a rule reads.
    pub fn fields(&self, rule: usize) -> &[usize] {
        self.rules.get(rule).map_or(&[], |compiled| &compiled.fields)
    }

    /// The rules that a record with these values breaks, as far as the record alone tells.
    pub fn breaches(&self, blueprint: &Blueprint, values: &[Value]) -> Vec<Breach> {
        let rules = self.rules.iter().enumerate();
        rules
            .filter_map(|(place, rule)| rule.breach(place, blueprint, values))
            .collect()
    }

    /// The rules that refuse what a record has become, where it has changed in the fields that they read.
    pub fn refusals(&self, blueprint: &Blueprint, before: Option<&[Value]>, after: &[Value]) -> Vec<Breach> {
        let rules = self.rules.iter().enumerate();
        rules
            .filter(|(_, rule)| rule.rule.severity == QualitySeverity::Refuse && rule.has_changed(before, after))
            .filter_map(|(place, rule)| rule.breach(place, blueprint, after))
            .collect()
    }

    /// The rules that refuse likely duplicates, where a record has changed in the fields that they compare.
    pub fn refused_duplicates(&self, before: Option<&[Value]>, after: &[Value]) -> Vec<usize> {
        let rules = self.rules.iter().enumerate();
        rules
            .filter(|(_, rule)| {
                rule.rule.severity == QualitySeverity::Refuse
                    && matches!(rule.rule.check, QualityCheck::Duplicate { .. })
                    && rule.has_changed(before, after)
            })
            .map(|(place, _)| place)
            .collect()
    }
}

impl Compiled {
    fn has_changed(&self, before: Option<&[Value]>, after: &[Value]) -> bool {
        before.is_none_or(|before| {
            let mut fields = self.fields.iter();
            fields.any(|field| value(before, *field) != value(after, *field))
        })
    }

    fn breach(&self, place: usize, blueprint: &Blueprint, values: &[Value]) -> Option<Breach> {
        let first = self.fields.first().copied();
        let name = first
            .map(|first| blueprint.fields[first].name.as_str())
            .unwrap_or_default();
        let (field, message) = match &self.test {
            Test::Elsewhere => return None,
            Test::Format(pattern) => {
                let held = value(values, first?);
                if held.is_empty() || pattern.is_match(&held.to_string()) {
                    return None;
                }
                (
                    Some(name),
                    format!(
                        "`{name}` is {}, which is not in the form that it should have",
                        shown(held)
                    ),
                )
            }
            Test::Range(minimum, maximum) => {
                let held = value(values, first?);
                if held.is_empty() {
                    return None;
                }
                let key = sort_key(held);
                match (minimum, maximum) {
                    (Some(least), _) if key < sort_key(least) => (
                        Some(name),
                        format!("`{name}` is {}, and at least {} is expected", shown(held), shown(least)),
                    ),
                    (_, Some(most)) if key > sort_key(most) => (
                        Some(name),
                        format!("`{name}` is {}, and at most {} is expected", shown(held), shown(most)),
                    ),
                    _ => return None,
                }
            }
            Test::Expression(filter) => {
                let mut variables = Variables::new();
                let fields = self.fields.iter().map(|field| &blueprint.fields[*field].name);
                for (name, field) in fields.clone().zip(&self.fields) {
                    variables.set(name, value(values, *field));
                }
                variables.record(
                    "entity",
                    fields
                        .zip(&self.fields)
                        .map(|(name, field)| (name.as_str(), value(values, *field))),
                );
                match filter.matches(&variables) {
                    Ok(true) => return None,
                    Ok(false) => (None, format!("`{}` does not hold", filter.text())),
                    Err(error) => (None, error.message().to_owned()),
                }
            }
        };
        let message = if self.rule.message.is_empty() {
            message
        } else {
            self.rule.message.clone()
        };
        Some(Breach {
            rule: place,
            field: field.map(str::to_owned),
            message,
        })
    }
}

fn value(values: &[Value], field: usize) -> &Value {
    static NULL: Value = Value::Null;
    values.get(field).unwrap_or(&NULL)
}

/// A value in a sentence, cut short.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn one(rule: &QualityRule, blueprint: &Blueprint) -> Result<Compiled> {
    let refused = |message: String| Err(Error::new(ErrorKind::Invalid, message));
    let position = |name: &str| {
        blueprint.position(name).ok_or_else(|| {
            let known: Vec<&str> = blueprint.field_names().collect();
            let message = format!(
                "a {} has no field `{name}`; it has {}",
                blueprint.name,
                known.join(", ")
            );
            Error::new(ErrorKind::Invalid, message)
        })
    };
    let (test, fields) = match &rule.check {
        QualityCheck::Format { field, pattern } => {
            let position = position(field)?;
            let read = |pattern: &str| regex::RegexBuilder::new(pattern).size_limit(PATTERN_SIZE).build();
            // By itself first, then as a whole, whatever alternatives it has.
            let whole = read(pattern).and_then(|_| read(&format!("^(?:{pattern})$")));
            let pattern = whole.map_err(|error| {
                let message = format!("`{pattern}` is no regular expression: {error}");
                Error::new(ErrorKind::Invalid, message)
            })?;
            (Test::Format(pattern), vec![position])
        }
        QualityCheck::Range {
            field,
            minimum,
            maximum,
        } => {
            let position = position(field)?;
            let kind = &blueprint.fields[position].kind;
            if matches!(
                kind,
                FieldType::List | FieldType::Json | FieldType::Money | FieldType::MultiChoice { .. } | FieldType::Bool
            ) {
                return refused(format!("`{field}` is a {}, which has no range", kind.label()));
            }
            let bound = |bound: &Option<Json>| {
                let bound = bound.as_ref().filter(|bound| !bound.is_null());
                bound
                    .map(|bound| kind.coerce(Value::from_json(bound.clone())))
                    .transpose()
            };
            let (minimum, maximum) = (bound(minimum)?, bound(maximum)?);
            if minimum.is_none() && maximum.is_none() {
                return refused("it has neither a minimum nor a maximum".to_owned());
            }
            if let (Some(least), Some(most)) = (&minimum, &maximum)
                && sort_key(least) > sort_key(most)
            {
                return refused(format!(
                    "its minimum {least} is above its maximum {most}, so nothing passes"
                ));
            }
            (Test::Range(minimum, maximum), vec![position])
        }
        QualityCheck::Expression { expression } => {
            let filter = Filter::compile(expression)?;
            let mut fields = Vec::new();
            for path in filter.paths() {
                let name = path.strip_prefix("entity.").unwrap_or(&path);
                fields.push(position(name.split('.').next().unwrap_or(name))?);
            }
            if fields.is_empty() {
                return refused("its expression reads no field".to_owned());
            }
            fields.sort_unstable();
            fields.dedup();
            (Test::Expression(Box::new(filter)), fields)
        }
        QualityCheck::Reference { field } => {
            let position = position(field)?;
            if !matches!(blueprint.fields[position].kind, FieldType::Reference { .. }) {
                return refused(format!("`{field}` is no reference"));
            }
            (Test::Elsewhere, vec![position])
        }
        QualityCheck::Duplicate { fields, likeness } => {
            if fields.is_empty() {
                return refused("it compares no field".to_owned());
            }
            if !(0.5..=1.0).contains(likeness) {
                return refused("its `likeness` has to be between 0.5 and 1".to_owned());
            }
            let fields = fields
                .iter()
                .map(|field| position(field))
                .collect::<Result<Vec<usize>>>()?;
            (Test::Elsewhere, fields)
        }
    };
    Ok(Compiled {
        rule: rule.clone(),
        test,
        fields,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Field;

    fn stay() -> Blueprint {
        let fields = vec![
            Field::new("zip", FieldType::Text),
            Field::new("nights", FieldType::Integer),
            Field::new("start", FieldType::Date),
            Field::new("end", FieldType::Date),
            Field::new(
                "guest",
                FieldType::Reference {
                    blueprint: "person".into(),
                },
            ),
        ];
        Blueprint::new(1, 1, "stay", fields)
    }

    fn rules(json: serde_json::Value) -> Result<QualityRules> {
        let rules: Vec<QualityRule> = serde_json::from_value(json).unwrap();
        QualityRules::compile(&rules, &stay())
    }

    fn dates(start: &str, end: &str) -> Vec<Value> {
        let date = |text: &str| FieldType::Date.coerce(Value::text(text)).unwrap();
        vec![Value::Null, Value::Null, date(start), date(end)]
    }

    #[test]
    fn each_kind_of_rule_finds_what_breaks_it_and_lets_empty_values_pass() {
        let rules = rules(json!([
            { "name": "zip", "check": "format", "field": "zip", "pattern": "\\d{4}|\\d{5}" },
            { "name": "nights", "check": "range", "field": "nights", "minimum": 1, "maximum": 30 },
            { "name": "order", "check": "expression", "expression": "end == null || start <= end", "message": "ends before it starts" }
        ]))
        .unwrap();
        let broken = |values: &[Value]| -> Vec<(usize, String)> {
            let breaches = rules.breaches(&stay(), values);
            breaches
                .into_iter()
                .map(|breach| (breach.rule, breach.message))
                .collect()
        };
        assert!(broken(&[]).is_empty());
        assert!(broken(&[Value::text("80105"), Value::Int(30)]).is_empty());
        let found = broken(&[Value::text("8010x"), Value::Int(31)]);
        assert_eq!(found.len(), 2);
        assert!(found[1].1.contains("at most 30"), "{found:?}");
        assert!(broken(&dates("2026-01-01", "2026-01-02")).is_empty());
        assert_eq!(
            broken(&dates("2026-01-03", "2026-01-02")),
            [(2, "ends before it starts".to_owned())]
        );
    }

    #[test]
    fn only_what_changed_is_refused() {
        let rules = rules(json!([
            { "name": "nights", "check": "range", "field": "nights", "minimum": 1, "severity": "refuse" },
            { "name": "zip", "check": "format", "field": "zip", "pattern": "\\d{4}" }
        ]))
        .unwrap();
        let old = [Value::text("x"), Value::Int(0)];
        let moved = [Value::text("y"), Value::Int(0)];
        assert!(rules.refusals(&stay(), Some(&old), &moved).is_empty());
        assert_eq!(rules.refusals(&stay(), None, &old).len(), 1);
        assert_eq!(rules.refusals(&stay(), Some(&[]), &old).len(), 1);
    }

    #[test]
    fn every_fault_of_rules_is_told_by_its_rule() {
        let refused = rules(json!([
            { "name": "a", "check": "format", "field": "zip", "pattern": "(" },
            { "name": "a", "check": "range", "field": "nights" },
            { "name": "b", "check": "range", "field": "nights", "minimum": 3, "maximum": 1 },
            { "name": "c", "check": "expression", "expression": "colour == 1" },
            { "name": "d", "check": "reference", "field": "zip" },
            { "name": "e", "check": "duplicate", "fields": ["zip"], "likeness": 0.1 }
        ]))
        .unwrap_err()
        .to_string();
        for said in [
            "`(` is no regular expression",
            "two rules are called `a`",
            "neither a minimum",
            "nothing passes",
            "no field `colour`",
            "`zip` is no reference",
            "between 0.5 and 1",
        ] {
            assert!(refused.contains(said), "{said}: {refused}");
        }
    }
}

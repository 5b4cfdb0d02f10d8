//! The filters of a search: parsed against the properties, then asked of records.

use serde_json::Value;

use super::portal::Portal;
use super::property::{Kind, Source};
use super::record::Record;
use super::request::{strings, text_or_number};
use super::schema::ObjectType;
use super::stamp::Stamp;

/// Conditions that must all hold.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Eq,
    Neq,
    Lt,
    Lte,
    Gt,
    Gte,
    Between,
    In,
    NotIn,
    HasProperty,
    NotHasProperty,
    ContainsToken,
    NotContainsToken,
}

/// A value in the form it is compared in.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Operand {
    Id(u64),
    Stamp(Stamp),
    Number(f64),
    Text(String),
}

/// One filter.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    source: Source,
    kind: Kind,
    operator: Operator,
    operands: Vec<Operand>,
    /// Operands of a token filter, and of a list, as given.
    texts: Vec<String>,
    /// Ids of records linked to the one asked for, when the filter is about an association.
    linked: Option<Vec<u64>>,
}

/// Reads one group.
///
/// # Errors
/// What is wrong with it, for the error body.
pub(super) fn parse_group(portal: &Portal, object: usize, group: &Value, most: usize) -> Result<Group, String> {
    let filters = group
        .get("filters")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    if filters.len() > most {
        return Err(format!("a filter group must not have more than {most} filters"));
    }
    let conditions = filters
        .iter()
        .map(|filter| parse(portal, object, filter))
        .collect::<Result<_, _>>()?;
    Ok(Group { conditions })
}

fn parse(portal: &Portal, object: usize, filter: &Value) -> Result<Condition, String> {
    let name = filter.get("propertyName").and_then(Value::as_str).unwrap_or_default();
    let operator = operator(filter.get("operator").and_then(Value::as_str).unwrap_or_default())?;
    let value = text_or_number(filter.get("value")).or_else(|| {
        filter
            .get("value")
            .and_then(Value::as_bool)
            .map(|flag| flag.to_string())
    });
    if let Some(other) = name.strip_prefix("associations.") {
        let other = portal
            .object(other)
            .ok_or_else(|| format!("Property name '{name}' does not exist"))?;
        let wanted = value
            .into_iter()
            .chain(strings(filter.get("values")))
            .filter_map(|id| id.parse::<u64>().ok());
        let linked = wanted
            .flat_map(|id| portal.associations.links((other, object), id, 0))
            .map(|(id, _)| id)
            .collect();
        return Ok(Condition {
            source: Source::Id,
            kind: Kind::Number,
            operator,
            operands: Vec::new(),
            texts: Vec::new(),
            linked: Some(linked),
        });
    }
    let property = portal
        .store(object)
        .object
        .properties
        .get(name)
        .ok_or_else(|| format!("Property name '{name}' does not exist"))?;
    let given: Vec<String> = match operator {
        Operator::HasProperty | Operator::NotHasProperty => Vec::new(),
        Operator::In | Operator::NotIn => {
            let values = strings(filter.get("values"));
            if values.is_empty() || values.len() > 100 {
                return Err(format!("operator on '{name}' needs `values` with 1 to 100 items"));
            }
            values
        }
        Operator::Between => {
            let high = text_or_number(filter.get("highValue"));
            value
                .into_iter()
                .zip(high)
                .flat_map(|(low, high)| [low, high])
                .collect()
        }
        _ => value.into_iter().collect(),
    };
    if given.is_empty() && !matches!(operator, Operator::HasProperty | Operator::NotHasProperty) {
        return Err(format!("operator on '{name}' needs a value"));
    }
    let operands = given
        .iter()
        .map(|text| {
            operand(property.source, property.kind, text).ok_or_else(|| format!("'{text}' is not a value of '{name}'"))
        })
        .collect::<Result<_, _>>()?;
    Ok(Condition {
        source: property.source,
        kind: property.kind,
        operator,
        operands,
        texts: given,
        linked: None,
    })
}

fn operator(name: &str) -> Result<Operator, String> {
    Ok(match name {
        "EQ" => Operator::Eq,
        "NEQ" => Operator::Neq,
        "LT" => Operator::Lt,
        "LTE" => Operator::Lte,
        "GT" => Operator::Gt,
        "GTE" => Operator::Gte,
        "BETWEEN" => Operator::Between,
        "IN" => Operator::In,
        "NOT_IN" => Operator::NotIn,
        "HAS_PROPERTY" => Operator::HasProperty,
        "NOT_HAS_PROPERTY" => Operator::NotHasProperty,
        "CONTAINS_TOKEN" => Operator::ContainsToken,
        "NOT_CONTAINS_TOKEN" => Operator::NotContainsToken,
        other => return Err(format!("operator '{other}' does not exist")),
    })
}

fn operand(source: Source, kind: Kind, text: &str) -> Option<Operand> {
    match (source, kind) {
        (Source::Id, _) => text.parse().ok().map(Operand::Id),
        (Source::Created | Source::Modified, _) | (_, Kind::Date | Kind::DateTime) => {
            Stamp::parse(text).map(Operand::Stamp)
        }
        (_, Kind::Number) => text.parse().ok().map(Operand::Number),
        _ => Some(Operand::Text(text.to_lowercase())),
    }
}

impl Condition {
    fn read(&self, record: &Record) -> Option<Operand> {
        match self.source {
            Source::Id => Some(Operand::Id(record.id)),
            Source::Created => Some(Operand::Stamp(record.created)),
            Source::Modified => Some(Operand::Stamp(record.modified)),
            Source::Stored(number) => operand(self.source, self.kind, record.stored(number)?),
        }
    }

    /// Whether the record fits.
    pub(super) fn holds(&self, object: &ObjectType, record: &Record) -> bool {
        if let Some(linked) = &self.linked {
            let is_linked = linked.contains(&record.id);
            return is_linked
                != matches!(
                    self.operator,
                    Operator::Neq | Operator::NotIn | Operator::NotHasProperty
                );
        }
        let value = self.read(record);
        let first = self.operands.first();
        match self.operator {
            Operator::HasProperty => value.is_some(),
            Operator::NotHasProperty => value.is_none(),
            Operator::Eq => value.as_ref() == first,
            Operator::Neq => value.as_ref() != first,
            Operator::In => value.is_some_and(|value| self.in_list(object, &value)),
            Operator::NotIn => !value.is_some_and(|value| self.in_list(object, &value)),
            Operator::ContainsToken => value.is_some_and(|value| self.has_token(&value)),
            Operator::NotContainsToken => !value.is_some_and(|value| self.has_token(&value)),
            Operator::Lt => value.zip(first).is_some_and(|(value, bound)| value < *bound),
            Operator::Lte => value.zip(first).is_some_and(|(value, bound)| value <= *bound),
            Operator::Gt => value.zip(first).is_some_and(|(value, bound)| value > *bound),
            Operator::Gte => value.zip(first).is_some_and(|(value, bound)| value >= *bound),
            Operator::Between => match (value, self.operands.as_slice()) {
                (Some(value), [low, high]) => *low <= value && value <= *high,
                _ => false,
            },
        }
    }

    fn in_list(&self, object: &ObjectType, value: &Operand) -> bool {
        match value {
            // The stored text is lower-cased for comparison and the list is not: upper case in it finds nothing.
            Operand::Text(text) => {
                let many = match self.source {
                    Source::Stored(number) => object
                        .properties
                        .numbered(number)
                        .is_some_and(super::property::Property::many),
                    _ => false,
                };
                if many {
                    text.split(';').any(|one| self.texts.iter().any(|wanted| wanted == one))
                } else {
                    self.texts.contains(text)
                }
            }
            other => self.operands.contains(other),
        }
    }

    fn has_token(&self, value: &Operand) -> bool {
        let (Operand::Text(text), Some(wanted)) = (value, self.texts.first()) else {
            return self.operands.first() == Some(value);
        };
        let wanted = wanted.to_lowercase();
        if wanted.contains('*') {
            return matches_pattern(text, &wanted) || tokens(text).any(|token| matches_pattern(token, &wanted));
        }
        tokens(&wanted).all(|wanted| tokens(text).any(|token| token == wanted))
    }

    /// The ids that the condition leaves, if all it does is bound the id.
    fn id_bounds(&self) -> Option<(u64, u64)> {
        if self.source != Source::Id || self.linked.is_some() {
            return None;
        }
        let ids: Vec<u64> = self
            .operands
            .iter()
            .filter_map(|operand| match operand {
                Operand::Id(id) => Some(*id),
                _ => None,
            })
            .collect();
        match (self.operator, ids.as_slice()) {
            (Operator::Gt, [id]) => Some((id.saturating_add(1), u64::MAX)),
            (Operator::Gte, [id]) => Some((*id, u64::MAX)),
            (Operator::Lt, [id]) => Some((0, id.saturating_sub(1))),
            (Operator::Lte, [id]) => Some((0, *id)),
            (Operator::Eq, [id]) => Some((*id, *id)),
            (Operator::Between, [low, high]) => Some((*low, *high)),
            _ => None,
        }
    }

    /// The stamps that the condition leaves, if all it does is bound the last change.
    fn modified_bounds(&self) -> Option<(Stamp, Stamp)> {
        if self.source != Source::Modified {
            return None;
        }
        let stamps: Vec<i64> = self
            .operands
            .iter()
            .filter_map(|operand| match operand {
                Operand::Stamp(stamp) => Some(stamp.0),
                _ => None,
            })
            .collect();
        let (low, high) = match (self.operator, stamps.as_slice()) {
            (Operator::Gt, [stamp]) => (stamp.saturating_add(1), i64::MAX),
            (Operator::Gte, [stamp]) => (*stamp, i64::MAX),
            (Operator::Lt, [stamp]) => (i64::MIN, stamp.saturating_sub(1)),
            (Operator::Lte, [stamp]) => (i64::MIN, *stamp),
            (Operator::Eq, [stamp]) => (*stamp, *stamp),
            (Operator::Between, [low, high]) => (*low, *high),
            _ => return None,
        };
        Some((Stamp(low), Stamp(high)))
    }
}

impl Group {
    /// Whether the record fits every condition.
    pub(super) fn holds(&self, object: &ObjectType, record: &Record) -> bool {
        self.conditions.iter().all(|condition| condition.holds(object, record))
    }

    pub(super) fn lowest_id(&self) -> u64 {
        self.conditions
            .iter()
            .filter_map(Condition::id_bounds)
            .map(|(low, _)| low)
            .max()
            .unwrap_or(0)
    }

    pub(super) fn highest_id(&self) -> u64 {
        self.conditions
            .iter()
            .filter_map(Condition::id_bounds)
            .map(|(_, high)| high)
            .min()
            .unwrap_or(u64::MAX)
    }

    pub(super) fn id_within(&self, id: u64) -> bool {
        (self.lowest_id()..=self.highest_id()).contains(&id)
    }

    /// The stamps between which a record must have been modified, both included.
    pub(super) fn modified_window(&self) -> (Stamp, Stamp) {
        self.conditions
            .iter()
            .filter_map(Condition::modified_bounds)
            .fold((Stamp(i64::MIN), Stamp(i64::MAX)), |(from, to), (low, high)| {
                (from.max(low), to.min(high))
            })
    }

    /// The conditions that are neither about the id nor about the last change.
    pub(super) fn rest(&self) -> impl Iterator<Item = &Condition> {
        self.conditions
            .iter()
            .filter(|condition| condition.id_bounds().is_none() && condition.modified_bounds().is_none())
    }

    /// What makes the match the same from page to page; `None` when links, which the index does not watch, decide.
    pub(super) fn cache_key(&self) -> Option<String> {
        if self.conditions.iter().any(|condition| condition.linked.is_some()) {
            return None;
        }
        let rest: Vec<&Condition> = self.rest().collect();
        Some(format!("{:?} {rest:?}", self.modified_window()))
    }
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|token| !token.is_empty())
}

/// Whether the whole text fits a pattern in which `*` stands for anything.
fn matches_pattern(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(position) => rest = rest.get(position + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.is_empty()
}

use std::collections::{BTreeMap, HashMap};

use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString};
use cel::common::value::Val;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::error::{Error, ErrorKind, Result};
use crate::value::Value;

/// Longest list that an expression may be given.
const LONGEST_LIST: usize = 1_000;

/// What an expression is evaluated with: values by dotted path.
///
/// ```
/// use syncline_core::Value;
/// use syncline_core::expression::Variables;
/// let mut variables = Variables::new();
/// variables.set("me.id", &Value::text("005A"));
/// variables.record("remote", [("Account.Name", &Value::text("Acme"))]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Variables {
    roots: BTreeMap<String, Node>,
}

#[derive(Debug, Clone)]
enum Node {
    Value(Value),
    Record(BTreeMap<String, Node>),
}

impl Variables {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value at a path; dots nest. A path within a value that is set already replaces that value.
    pub fn set(&mut self, path: &str, value: &Value) {
        insert(&mut self.roots, path, value);
    }

    /// Sets a record's fields by their paths, below `name`. A record without fields is one too.
    pub fn record<'a>(&mut self, name: &str, fields: impl IntoIterator<Item = (&'a str, &'a Value)>) {
        let mut record = BTreeMap::new();
        for (path, value) in fields {
            insert(&mut record, path, value);
        }
        self.roots.insert(name.to_owned(), Node::Record(record));
    }

    /// The value at a path, if one is set there.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Value> {
        let (last, records) = path.split_last()?;
        let mut nodes = &self.roots;
        for step in records {
            match nodes.get(*step)? {
                Node::Record(record) => nodes = record,
                Node::Value(_) => return None,
            }
        }
        match nodes.get(*last)? {
            Node::Value(value) => Some(value),
            Node::Record(_) => None,
        }
    }

    /// The variables as CEL values.
    pub(super) fn values(&self) -> Result<Vec<(&str, Box<dyn Val>)>> {
        let roots = self.roots.iter();
        roots
            .map(|(name, node)| Ok((name.as_str(), node_value(node)?)))
            .collect()
    }
}

fn insert(nodes: &mut BTreeMap<String, Node>, path: &str, value: &Value) {
    match path.split_once('.') {
        None => {
            nodes.insert(path.to_owned(), Node::Value(value.clone()));
        }
        Some((step, rest)) => {
            let node = nodes
                .entry(step.to_owned())
                .or_insert_with(|| Node::Record(BTreeMap::new()));
            if let Node::Value(_) = node {
                *node = Node::Record(BTreeMap::new());
            }
            if let Node::Record(record) = node {
                insert(record, rest, value);
            }
        }
    }
}

fn node_value(node: &Node) -> Result<Box<dyn Val>> {
    match node {
        Node::Value(value) => to_cel(value),
        Node::Record(record) => {
            let mut map: HashMap<CelMapKey<'static>, Box<dyn Val>> = HashMap::with_capacity(record.len());
            for (name, node) in record {
                // What is empty is not there: `has` then says whether a field is set.
                if !matches!(node, Node::Value(Value::Null)) {
                    map.insert(CelMapKey::from(name.clone()), node_value(node)?);
                }
            }
            Ok(Box::new(CelMap::from(map)))
        }
    }
}

fn to_cel(value: &Value) -> Result<Box<dyn Val>> {
    Ok(match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(bool) => Box::new(CelBool::from(*bool)),
        Value::Int(int) => Box::new(CelInt::from(*int)),
        Value::Decimal(decimal) => number(*decimal),
        Value::Float(float) => Box::new(CelDouble::from(*float)),
        Value::Text(text) => Box::new(CelString::from(text.clone())),
        Value::Date(date) => Box::new(CelString::from(date.to_string())),
        Value::DateTime(at) => Box::new(CelString::from(at.instant.to_string())),
        Value::List(list) => {
            check_length(list.len())?;
            let items: Vec<Box<dyn Val>> = list.iter().map(to_cel).collect::<Result<_>>()?;
            Box::new(CelList::from(items))
        }
        Value::Json(json) => json_value(json)?,
    })
}

fn number(decimal: Decimal) -> Box<dyn Val> {
    let decimal = decimal.normalize();
    match i64::try_from(decimal) {
        Ok(int) if decimal.scale() == 0 => Box::new(CelInt::from(int)),
        _ => Box::new(CelDouble::from(decimal.to_f64().unwrap_or(f64::NAN))),
    }
}

fn json_value(json: &serde_json::Value) -> Result<Box<dyn Val>> {
    Ok(match json {
        serde_json::Value::Array(items) => {
            check_length(items.len())?;
            let items: Vec<Box<dyn Val>> = items.iter().map(json_value).collect::<Result<_>>()?;
            Box::new(CelList::from(items))
        }
        serde_json::Value::Object(object) => {
            let mut map: HashMap<CelMapKey<'static>, Box<dyn Val>> = HashMap::with_capacity(object.len());
            for (name, json) in object.iter().filter(|(_, json)| !json.is_null()) {
                map.insert(CelMapKey::from(name.clone()), json_value(json)?);
            }
            Box::new(CelMap::from(map))
        }
        scalar => to_cel(&Value::from_json(scalar.clone()))?,
    })
}

fn check_length(length: usize) -> Result<()> {
    if length > LONGEST_LIST {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("a list of {length} values is too long for an expression, which takes {LONGEST_LIST}"),
        ));
    }
    Ok(())
}

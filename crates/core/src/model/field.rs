use jiff::civil;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::mapping::Normalisation;
use crate::matching::normalise;
use crate::value::{DateTime, Precision, Value};

/// One choice of a choice field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChoice {
    /// What is stored.
    pub value: String,
    /// What people see.
    pub label: String,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FieldType {
    /// One line of text.
    Text,
    /// Several lines of text.
    LongText,
    /// A whole number.
    Integer,
    /// An exact decimal number.
    Decimal,
    /// A floating-point number.
    Float,
    /// True or false.
    Bool,
    /// A calendar day.
    Date,
    /// An instant.
    #[serde(rename = "datetime")]
    DateTime,
    /// One of a list; an empty list of choices accepts any text.
    Choice {
        /// What may be chosen.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        choices: Vec<FieldChoice>,
    },
    /// Several of a list, as a set; an empty list of choices accepts any texts.
    MultiChoice {
        /// What may be chosen.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        choices: Vec<FieldChoice>,
    },
    /// E-mail address.
    Email,
    /// Phone number.
    Phone,
    /// Web address.
    Url,
    /// An amount with its currency, as one atomic value: a list of a decimal and an ISO 4217 code.
    Money,
    /// Another entity, by its unique id.
    Reference {
        /// Name of the blueprint that it belongs to.
        blueprint: String,
    },
    /// Any number of values.
    List,
    /// Any JSON.
    Json,
}

impl FieldType {
    /// What people call it.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::LongText => "long text",
            Self::Integer => "whole number",
            Self::Decimal => "decimal number",
            Self::Float => "floating-point number",
            Self::Bool => "yes or no",
            Self::Date => "date",
            Self::DateTime => "date and time",
            Self::Choice { .. } => "choice",
            Self::MultiChoice { .. } => "multi-choice",
            Self::Email => "e-mail address",
            Self::Phone => "phone number",
            Self::Url => "web address",
            Self::Money => "money",
            Self::Reference { .. } => "reference",
            Self::List => "list",
            Self::Json => "JSON",
        }
    }

    /// Whether values are sets, which merge three ways instead of conflicting.
    pub const fn is_set(&self) -> bool {
        matches!(self, Self::MultiChoice { .. })
    }

    /// Brings a value into the form in which this type stores it: text that spells a number becomes the number, empty
    /// text becomes null, and so on. Choices are not checked here: a CRM may know one that we don't yet.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the value can't be of this type; the message says what it is instead.
    ///
    /// ```
    /// use syncline_core::{Value, model::FieldType};
    /// assert_eq!(FieldType::Integer.coerce(Value::text(" 12 "))?, Value::Int(12));
    /// assert!(FieldType::Date.coerce(Value::text("soon")).is_err());
    /// # Ok::<(), syncline_core::Error>(())
    /// ```
    pub fn coerce(&self, value: Value) -> Result<Value> {
        if value.is_empty() {
            return Ok(Value::Null);
        }
        match (self, value) {
            (Self::Text | Self::LongText | Self::Email | Self::Phone | Self::Url | Self::Choice { .. }, value) => {
                match value {
                    Value::Text(_) => Ok(value),
                    Value::List(_) | Value::Json(_) => Err(self.mismatch(&value)),
                    other => Ok(Value::Text(other.to_string())),
                }
            }
            (Self::Integer, value) => self.number(&value).and_then(|number| {
                let whole = number.normalize();
                i64::try_from(whole)
                    .ok()
                    .filter(|_| whole.scale() == 0)
                    .map(Value::Int)
                    .ok_or_else(|| self.mismatch(&value))
            }),
            (Self::Decimal, value) => self.number(&value).map(|number| Value::Decimal(number.normalize())),
            (Self::Float, Value::Float(float)) => Ok(Value::Float(float)),
            (Self::Float, value) => {
                let number = self.number(&value)?;
                number
                    .to_string()
                    .parse()
                    .map(Value::Float)
                    .map_err(|_| self.mismatch(&value))
            }
            (Self::Bool, Value::Bool(bool)) => Ok(Value::Bool(bool)),
            (Self::Bool, value) => match value.to_string().trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Ok(Value::Bool(true)),
                "false" | "no" | "0" => Ok(Value::Bool(false)),
                _ => Err(self.mismatch(&value)),
            },
            (Self::Date, Value::Date(date)) => Ok(Value::Date(date)),
            (Self::Date, Value::DateTime(at)) => Ok(Value::Date(at.instant.to_zoned(jiff::tz::TimeZone::UTC).date())),
            (Self::Date, Value::Text(text)) => text
                .trim()
                .parse::<civil::Date>()
                .map(Value::Date)
                .map_err(|_| self.mismatch(&Value::Text(text))),
            (Self::DateTime, Value::DateTime(at)) => Ok(Value::DateTime(at)),
            (Self::DateTime, Value::Text(text)) => text
                .trim()
                .parse()
                .map(|instant| Value::DateTime(DateTime::new(instant, Precision::Microsecond)))
                .map_err(|_| self.mismatch(&Value::Text(text))),
            (Self::MultiChoice { .. }, Value::List(mut list)) => {
                // A set: order and repetition say nothing.
                list.sort_by_key(ToString::to_string);
                list.dedup();
                Ok(Value::List(list))
            }
            (Self::MultiChoice { .. }, Value::Text(text)) => Ok(Value::List(vec![Value::Text(text)])),
            (Self::Money, Value::List(list)) => match list.as_slice() {
                [amount, currency] if amount.is_empty() && currency.is_empty() => Ok(Value::Null),
                [amount, currency] => {
                    let number = if amount.is_empty() {
                        Value::Null
                    } else {
                        Value::Decimal(self.number(amount)?)
                    };
                    Ok(Value::List(vec![number, currency.clone()]))
                }
                _ => Err(self.mismatch(&Value::List(list))),
            },
            (Self::Money, value) => self
                .number(&value)
                .map(|number| Value::List(vec![Value::Decimal(number), Value::Null])),
            (Self::Reference { .. }, Value::Text(text)) => text
                .parse::<uuid::Uuid>()
                .map(|uid| Value::Text(uid.to_string()))
                .map_err(|_| self.mismatch(&Value::Text(text))),
            (Self::List, Value::List(list)) => Ok(Value::List(list)),
            (Self::List, value) => Ok(Value::List(vec![value])),
            (Self::Json, value) => Ok(match value {
                Value::Json(json) => Value::Json(json),
                other => Value::from_json(other.to_json()),
            }),
            (_, value) => Err(self.mismatch(&value)),
        }
    }

    /// Checks the form of what somebody enters in the app: an e-mail address has something on both sides of its `@`, a
    /// phone number a digit, a web address a host. What comes from a CRM is not held to it, since a record that the CRM
    /// accepts as it is would never get into agreement otherwise; a data quality rule tells of those.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with what is wrong about it.
    ///
    /// ```
    /// use syncline_core::{Value, model::FieldType};
    /// assert!(FieldType::Email.check_entered(&Value::text("ada@example.org")).is_ok());
    /// assert!(FieldType::Email.check_entered(&Value::text("notanemail")).is_err());
    /// ```
    pub fn check_entered(&self, value: &Value) -> Result<()> {
        let Value::Text(text) = value else {
            return Ok(());
        };
        let (fits, wanted) = match self {
            Self::Email => (
                normalise(value, Normalisation::Email).is_some(),
                "an e-mail address, such as ada@example.org",
            ),
            Self::Phone => (
                text.contains(|c: char| c.is_ascii_digit()),
                "a phone number: it has no digit",
            ),
            Self::Url => (is_web_address(text), "a web address, such as https://example.org"),
            _ => return Ok(()),
        };
        if fits {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Invalid,
            format!("`{}` is not {wanted}", shortened(value)),
        ))
    }

    fn number(&self, value: &Value) -> Result<Decimal> {
        match value {
            Value::Int(int) => Ok(Decimal::from(*int)),
            Value::Decimal(decimal) => Ok(*decimal),
            Value::Float(float) => Decimal::from_str_exact(&float.to_string()).map_err(|_| self.mismatch(value)),
            Value::Text(text) => Decimal::from_str_exact(text.trim())
                .or_else(|_| Decimal::from_scientific(text.trim()))
                .map_err(|_| self.mismatch(value)),
            _ => Err(self.mismatch(value)),
        }
    }

    fn mismatch(&self, value: &Value) -> Error {
        Error::new(
            ErrorKind::Invalid,
            format!(
                "`{}` is {}, not a {}",
                shortened(value),
                value.kind_name(),
                self.label()
            ),
        )
    }
}

fn shortened(value: &Value) -> String {
    let whole = value.to_string();
    let mut shown: String = whole.chars().take(40).collect();
    if shown.len() < whole.len() {
        shown.push('…');
    }
    shown
}

/// With or without a scheme.
fn is_web_address(text: &str) -> bool {
    let text = text.trim();
    if text.contains(char::is_whitespace) {
        return false;
    }
    let parsed = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("https://{text}"))
    };
    parsed.is_ok_and(|url| url.host_str().is_some_and(|host| !host.is_empty()))
}

/// What becomes of an entity when another one that it refers to is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteRule {
    /// Nothing: the reference stays, so that restoring the other one mends it.
    #[default]
    Keep,
    /// The other one can't be deleted.
    Restrict,
    /// The reference is emptied.
    Clear,
    /// It is deleted, too.
    Cascade,
}

impl DeleteRule {
    /// Whether nothing is done.
    pub const fn keeps(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

/// One field of a blueprint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Its name in code and configuration: a lower-case letter, then letters, digits and underscores.
    pub name: String,
    /// Its name for people.
    #[serde(default)]
    pub label: String,
    /// What it holds.
    #[serde(flatten)]
    pub kind: FieldType,
    /// Whether an entity must have it.
    #[serde(default)]
    pub required: bool,
    /// Whether no two live entities may hold the same value.
    #[serde(default)]
    pub unique: bool,
    /// Whether lists filter and sort by it quickly.
    #[serde(default)]
    pub indexed: bool,
    /// Whether text search looks into it. Where no field of a blueprint says so, it looks into all short texts.
    #[serde(default)]
    pub searchable: bool,
    /// Value of a new entity that gives none. In files it may be plain JSON.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "tagged_or_plain"
    )]
    pub default: Option<Value>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Of a reference: what becomes of the entity when the one that it refers to is deleted.
    #[serde(default, skip_serializing_if = "DeleteRule::keeps")]
    pub on_delete: DeleteRule,
    /// A CEL expression over the entity's other fields by name, whose outcome is the field's value. Nobody else sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed: Option<String>,
    /// Whether this version has no such field any more. Its place is kept, so that no other field moves.
    #[serde(default, skip_serializing_if = "is_false")]
    pub retired: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_false(bool: &bool) -> bool {
    !*bool
}

/// A default as it is stored, or as people write it.
fn tagged_or_plain<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Value>, D::Error> {
    let Some(json) = Option::<serde_json::Value>::deserialize(deserializer)? else {
        return Ok(None);
    };
    if json.is_object()
        && let Ok(tagged) = serde_json::from_value(json.clone())
    {
        return Ok(Some(tagged));
    }
    Ok(Some(Value::from_json(json)).filter(|value| !value.is_empty()))
}

impl Field {
    /// Gives the field up: its place stays, and nothing is asked of what it holds.
    pub(crate) fn retire(&mut self) {
        self.retired = true;
        (self.required, self.unique, self.indexed, self.searchable) = (false, false, false, false);
        self.default = None;
        self.computed = None;
        self.on_delete = DeleteRule::Keep;
    }

    /// An optional field.
    pub fn new(name: impl Into<String>, kind: FieldType) -> Self {
        let name = name.into();
        let mut label = name.replace('_', " ");
        if let Some(first) = label.get_mut(0..1) {
            first.make_ascii_uppercase();
        }
        Self {
            name,
            label,
            kind,
            required: false,
            unique: false,
            indexed: false,
            searchable: false,
            default: None,
            description: String::new(),
            on_delete: DeleteRule::Keep,
            computed: None,
            retired: false,
        }
    }
}

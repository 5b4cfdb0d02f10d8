//! What a provider says of its objects and fields.

use serde::{Deserialize, Serialize};

use crate::batch::ValueKind;

/// The account at the other end of a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Id of the organisation or portal: what makes two connections the same.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Id of the user whom the connection acts as.
    pub user_id: String,
    /// That user's login or name.
    pub user_name: String,
    /// That user's e-mail address.
    pub user_email: Option<String>,
    /// The account's time zone, as an IANA name.
    pub time_zone: Option<String>,
    /// The API version agreed on with the account: never newer than the account knows. Absent where the provider has
    /// none to agree on.
    #[serde(default)]
    pub api_version: Option<String>,
    /// What a person should look at before it becomes a failure, such as an API version that is soon retired.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A provider-side table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectInfo {
    /// The provider's name.
    pub name: String,
    /// The name for people.
    pub label: String,
    /// Whether the customer made it.
    pub custom: bool,
    /// Whether records can be created.
    pub creatable: bool,
    /// Whether records can be changed.
    pub updatable: bool,
    /// Whether records can be deleted.
    pub deletable: bool,
}

impl ObjectInfo {
    /// An object whose records can be created, changed and deleted.
    pub fn new(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            label: label.into(),
            custom: false,
            creatable: true,
            updatable: true,
            deletable: true,
        }
    }
}

/// A full description, or the news that nothing changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Described {
    /// The description under the given version is still right.
    Unchanged,
    /// The description now.
    Schema(ObjectSchema),
}

/// An object with its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectSchema {
    /// The object.
    pub object: ObjectInfo,
    /// Its fields, in the provider's order.
    pub fields: Vec<FieldSchema>,
    /// Version to give back to the next describe (an entity tag or a date).
    pub version: Option<String>,
    /// Fields that the provider has and that can't be synced.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
}

/// A field that can't be synced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The provider's name.
    pub path: String,
    /// Why, in words that follow the name.
    pub reason: String,
}

impl ObjectSchema {
    /// A field by its path. A relationship path is found through its first step only.
    pub fn field(&self, path: &str) -> Option<&FieldSchema> {
        self.fields.iter().find(|field| field.path == path)
    }
}

/// What people would call the type of a provider's field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// One line of text.
    Text,
    /// Several lines of text.
    LongText,
    /// Text with HTML.
    Html,
    /// A whole number.
    Integer,
    /// A decimal number.
    Decimal,
    /// An amount of money.
    Money,
    /// A percentage, 50 meaning 50 %.
    Percent,
    /// True or false.
    Bool,
    /// A calendar day.
    Date,
    /// An instant.
    DateTime,
    /// One of a list.
    Choice,
    /// Several of a list.
    MultiChoice,
    /// E-mail address.
    Email,
    /// Phone number.
    Phone,
    /// Web address.
    Url,
    /// The id of another record.
    Reference,
    /// The record's own id.
    Id,
    /// Anything else.
    Other,
}

/// One choice of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What is stored.
    pub value: String,
    /// What people see.
    pub label: String,
    /// Whether it may still be chosen.
    pub active: bool,
}

/// One field of an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldSchema {
    /// The provider's name.
    pub path: String,
    /// The name for people.
    pub label: String,
    /// What people would call its type.
    pub kind: FieldKind,
    /// How its wire form is read.
    pub value_kind: ValueKind,
    /// The provider's own word for the type.
    pub provider_type: String,
    /// Whether a create may set it.
    pub creatable: bool,
    /// Whether an update may change it.
    pub updatable: bool,
    /// Whether a create must set it.
    pub required: bool,
    /// Whether no two records may hold the same value.
    pub unique: bool,
    /// Whether it can serve as our marker: a unique key that an upsert accepts.
    pub external_id: bool,
    /// Whether the provider computes it; such a field changes without moving the record's stamp.
    pub calculated: bool,
    /// Longest text, in characters.
    pub length: Option<u32>,
    /// Digits behind the point.
    pub scale: Option<u32>,
    /// What may be chosen.
    pub choices: Vec<Choice>,
    /// Whether values outside `choices` are refused.
    pub restricted: bool,
    /// Objects that a reference, or each member of a set of links, may point to.
    pub references: Vec<String>,
    /// Name that walks to the referenced record in a path (`Account` for `AccountId`).
    pub relationship: Option<String>,
}

impl FieldKind {
    /// How the wire form of such a field is usually read.
    pub const fn value_kind(self) -> ValueKind {
        match self {
            Self::Integer | Self::Decimal | Self::Money | Self::Percent => ValueKind::Number,
            Self::Bool => ValueKind::Bool,
            Self::Date => ValueKind::Date,
            Self::DateTime => ValueKind::DateTime,
            Self::MultiChoice => ValueKind::Choices,
            Self::Other => ValueKind::Json,
            _ => ValueKind::Text,
        }
    }
}

impl FieldSchema {
    /// A field that can be set and changed, and of which nothing else is known. Say the rest by struct update.
    ///
    /// ```
    /// use syncline_core::schema::{FieldKind, FieldSchema};
    /// let name = FieldSchema { required: true, ..FieldSchema::new("name", FieldKind::Text) };
    /// assert!(name.writable());
    /// ```
    pub fn new(path: impl Into<String>, kind: FieldKind) -> Self {
        let path = path.into();
        Self {
            label: path.clone(),
            path,
            kind,
            value_kind: kind.value_kind(),
            provider_type: format!("{kind:?}").to_lowercase(),
            creatable: true,
            updatable: true,
            required: false,
            unique: false,
            external_id: false,
            calculated: false,
            length: None,
            scale: None,
            choices: Vec::new(),
            restricted: false,
            references: Vec::new(),
            relationship: None,
        }
    }

    /// A field that only the provider sets.
    pub fn read_only(path: impl Into<String>, kind: FieldKind) -> Self {
        Self {
            creatable: false,
            updatable: false,
            ..Self::new(path, kind)
        }
    }

    /// Whether it can be written at all.
    pub fn writable(&self) -> bool {
        self.creatable || self.updatable
    }
}

/// A user of the provider, for owner fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteUser {
    /// The id that owner fields hold.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether records may still be assigned to them.
    pub active: bool,
}

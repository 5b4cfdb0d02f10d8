//! Mappings and fields as the file writes them.

use serde::{Deserialize, Serialize};
use syncline::mapping::{
    DeleteConflictPolicy, DeletePolicy, Direction, EmptyPolicy, FuzzyRole, Normalisation, Strategy,
};

/// Which field is which, between one blueprint and one object.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MappingTable {
    /// Name of the blueprint.
    pub(crate) blueprint: String,
    /// The provider's object.
    pub(crate) object: String,
    /// Which way values flow, for all rules.
    #[serde(default)]
    pub(crate) direction: Direction,
    /// Who wins, unless a rule says otherwise.
    #[serde(default)]
    pub(crate) strategy: Strategy,
    /// What an empty value does, unless a rule says otherwise.
    #[serde(default)]
    pub(crate) empty_overwrites: EmptyPolicy,
    /// The rules.
    #[serde(default)]
    pub(crate) rules: Vec<RuleTable>,
    /// Remote fields that are never requested, mapped or written.
    #[serde(default)]
    pub(crate) excluded: Vec<String>,
    /// How records are recognised on first linking, tried in this order.
    #[serde(default)]
    pub(crate) match_keys: Vec<MatchKeyTable>,
    /// Which remote records belong.
    pub(crate) filter: Option<String>,
    /// Whether a record that is new in the CRM becomes one in the app.
    #[serde(default = "yes")]
    pub(crate) create_in_app: bool,
    /// Whether a record that is new in the app becomes one in the CRM.
    #[serde(default = "yes")]
    pub(crate) create_in_crm: bool,
    /// What a delete in the CRM does in the app.
    #[serde(default)]
    pub(crate) on_crm_delete: DeletePolicy,
    /// What a delete in the app does in the CRM.
    #[serde(default)]
    pub(crate) on_app_delete: DeletePolicy,
    /// Who decides where a delete meets an edit.
    #[serde(default)]
    pub(crate) on_delete_conflict: DeleteConflictPolicy,
    /// Who wins a conflict that nobody decides, and when: `14 days => crm_wins`.
    pub(crate) overdue_conflicts: Option<String>,
    /// With more open conflicts than this the sync pauses.
    pub(crate) pause_above_conflicts: Option<u64>,
    /// Remote field that carries our unique key.
    pub(crate) marker: Option<String>,
    /// Fields that this mapping adds to the blueprint.
    #[serde(default)]
    pub(crate) fields: Vec<FieldTable>,
}

/// One correspondence.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleTable {
    /// The blueprint's field, or several.
    #[serde(alias = "fields")]
    pub(crate) field: OneOrMany,
    /// The remote path, or several.
    pub(crate) remote: OneOrMany,
    /// Which way values flow.
    #[serde(default)]
    pub(crate) direction: Direction,
    /// Who wins.
    pub(crate) strategy: Option<Strategy>,
    /// What an empty value does.
    #[serde(alias = "empty")]
    pub(crate) empty_overwrites: Option<EmptyPolicy>,
    /// How values are transformed, from the CRM to the app: names of lenses, or tables with a `lens` and its options.
    #[serde(default)]
    pub(crate) lens: Vec<LensTable>,
    /// An expression over `remote` instead; from the CRM to the app only.
    pub(crate) cel: Option<String>,
}

/// One name or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn list(&self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one.clone()],
            Self::Many(many) => many.clone(),
        }
    }
}

/// One step of a transform.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum LensTable {
    /// A lens without options.
    Name(String),
    /// A lens and its options.
    Table(toml::Table),
}

/// How a record is recognised: all fields of `exact` equal, or likeness scored over `fuzzy`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MatchKeyTable {
    /// Fields that must be equal.
    #[serde(default)]
    pub(crate) exact: Vec<PartTable>,
    /// Fields whose likeness is scored.
    #[serde(default)]
    pub(crate) fuzzy: Vec<FuzzyTable>,
    /// Least score that links.
    pub(crate) link: Option<f64>,
    /// Least score that asks a person.
    pub(crate) review: Option<f64>,
}

/// A field of an exact match key.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum PartTable {
    /// Compared as text.
    Name(String),
    /// Compared in another way.
    Table {
        /// The field.
        field: String,
        /// How it is made comparable.
        #[serde(default)]
        normalise: Normalisation,
    },
}

/// A field of a fuzzy match key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FuzzyTable {
    /// The field.
    pub(crate) field: String,
    /// How much it counts.
    pub(crate) weight: f64,
    /// What it can decide by itself.
    #[serde(default)]
    pub(crate) role: FuzzyRole,
    /// Fields that may hold the same thing by mistake.
    #[serde(default)]
    pub(crate) swapped_with: Vec<String>,
}

/// A field of a blueprint.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldTable {
    /// Its name.
    pub(crate) name: String,
    /// What it holds.
    #[serde(rename = "type", default)]
    pub(crate) kind: FieldKind,
    /// Its name for people.
    pub(crate) label: Option<String>,
    /// Whether a record must have it.
    #[serde(default)]
    pub(crate) required: bool,
    /// Whether no two records may hold the same value.
    #[serde(default)]
    pub(crate) unique: bool,
    /// Whether lists filter and sort by it quickly.
    #[serde(default)]
    pub(crate) indexed: bool,
    /// Whether text search looks into it.
    #[serde(default)]
    pub(crate) searchable: bool,
    /// Value of a new record that gives none.
    pub(crate) default: Option<toml::Value>,
    /// What it is for.
    pub(crate) description: Option<String>,
    /// What may be chosen, for choices.
    #[serde(default)]
    pub(crate) choices: Vec<ChoiceTable>,
    /// The blueprint referred to, for references.
    pub(crate) blueprint: Option<String>,
}

/// What may be chosen.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum ChoiceTable {
    /// The same for people and in the store.
    Value(String),
    /// With a label for people.
    Labelled {
        /// What is stored.
        value: String,
        /// What people see.
        label: String,
    },
}

/// What a field holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FieldKind {
    /// One line of text.
    #[default]
    Text,
    /// Several lines.
    LongText,
    /// A whole number.
    Integer,
    /// A decimal number.
    Decimal,
    /// A floating-point number.
    Float,
    /// Yes or no.
    Bool,
    /// A day.
    Date,
    /// An instant.
    #[serde(rename = "datetime")]
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
    /// Amount and currency.
    Money,
    /// Another record.
    Reference,
    /// Any number of values.
    List,
    /// Any JSON.
    Json,
}

const fn yes() -> bool {
    true
}

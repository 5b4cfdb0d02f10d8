use serde::{Deserialize, Deserializer, Serialize};

use super::overdue::OverdueConflicts;

/// Which way values flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    #[default]
    Bidirectional,
    /// From the CRM to the app.
    Pull,
    /// From the app to the CRM.
    Push,
    /// Neither.
    None,
}

impl Direction {
    /// Whether the CRM's edits reach the app.
    pub const fn pulls(self) -> bool {
        matches!(self, Self::Bidirectional | Self::Pull)
    }

    /// Whether the app's values reach the CRM.
    pub const fn pushes(self) -> bool {
        matches!(self, Self::Bidirectional | Self::Push)
    }

    /// What both allow.
    #[must_use]
    pub const fn intersect(self, other: Self) -> Self {
        match (self.pulls() && other.pulls(), self.pushes() && other.pushes()) {
            (true, true) => Self::Bidirectional,
            (true, false) => Self::Pull,
            (false, true) => Self::Push,
            (false, false) => Self::None,
        }
    }
}

/// Who wins when both sides changed the same field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The later edit.
    #[default]
    LastWriteWins,
    /// The CRM with the highest rank.
    CrmWins,
    /// The app.
    AppWins,
    /// A person decides; the field is frozen until then.
    ManualReview,
    /// The CRM, and an edit made in the app alone is refused.
    CrmAuthoritative,
    /// The app, and an edit made in the CRM alone is reverted.
    AppAuthoritative,
}

/// What an empty value does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyPolicy {
    /// It is an ordinary value once the sides have agreed, and loses to a set one when they are first linked.
    #[default]
    Always,
    /// It never overwrites a set value.
    Never,
    /// As `Always`, but only where the CRM's answer carried the field and said that it is empty. A field that an answer
    /// merely left out is not taken for one that somebody cleared.
    OnClearEvent,
}

/// What happens on one side when the record is deleted on the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletePolicy {
    /// The link is cut and both keep what they have.
    #[default]
    Unlink,
    /// It is deleted there too.
    Delete,
    /// It is archived there, where that exists; deleted otherwise.
    Archive,
}

/// Who decides where a delete on one side meets an edit on the other, or a field that a person is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteConflictPolicy {
    /// A person. Nothing is deleted, created or written meanwhile.
    #[default]
    Review,
    /// The mapping's strategy for conflicts.
    Strategy,
    /// Whichever came later.
    LastWriteWins,
    /// What was done in the CRM.
    CrmWins,
    /// What was done in the app.
    AppWins,
}

impl DeleteConflictPolicy {
    /// The strategy by which such a conflict is decided, in a mapping whose own is `mapping`.
    pub const fn strategy(self, mapping: Strategy) -> Strategy {
        match self {
            Self::Review => Strategy::ManualReview,
            Self::Strategy => mapping,
            Self::LastWriteWins => Strategy::LastWriteWins,
            Self::CrmWins => Strategy::CrmWins,
            Self::AppWins => Strategy::AppWins,
        }
    }
}

/// One step of a lens chain: a registered lens and its options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LensSpec {
    /// The lens's registered name, such as `trim` or `phone`.
    pub lens: String,
    /// Its options.
    #[serde(flatten)]
    pub options: serde_json::Map<String, serde_json::Value>,
}

impl LensSpec {
    /// A lens without options.
    pub fn new(lens: impl Into<String>) -> Self {
        Self {
            lens: lens.into(),
            options: serde_json::Map::new(),
        }
    }

    /// Adds an option.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.options.insert(name.to_owned(), value.into());
        self
    }
}

/// How a rule's values are transformed, tagged with the language so that others can join.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "language", rename_all = "snake_case")]
pub enum Transform {
    /// A chain of lenses, from the remote side to the app's.
    Lens {
        /// The steps, in the order of reading.
        steps: Vec<LensSpec>,
    },
    /// An expression over the remote record's fields. One way: from the CRM to the app.
    Cel {
        /// The expression; `remote` holds the record's fields by path.
        expression: String,
    },
}

/// One correspondence between fields of the blueprint and fields of the remote object. Usually one of each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The blueprint's fields.
    #[serde(alias = "field", deserialize_with = "one_or_many")]
    pub fields: Vec<String>,
    /// The remote paths.
    #[serde(deserialize_with = "one_or_many")]
    pub remote: Vec<String>,
    /// Which way values flow.
    #[serde(default)]
    pub direction: Direction,
    /// How values are transformed; by type alone if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Transform>,
    /// Who wins; the mapping's strategy otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// What an empty value does; as the mapping says otherwise.
    #[serde(default, alias = "empty", skip_serializing_if = "Option::is_none")]
    pub empty_overwrites: Option<EmptyPolicy>,
}

impl Rule {
    /// A two-way rule between one field and one path.
    pub fn new(field: impl Into<String>, remote: impl Into<String>) -> Self {
        Self {
            fields: vec![field.into()],
            remote: vec![remote.into()],
            direction: Direction::Bidirectional,
            transform: None,
            strategy: None,
            empty_overwrites: None,
        }
    }

    /// Adds a lens step.
    #[must_use]
    pub fn lens(mut self, spec: LensSpec) -> Self {
        match &mut self.transform {
            Some(Transform::Lens { steps }) => steps.push(spec),
            _ => self.transform = Some(Transform::Lens { steps: vec![spec] }),
        }
        self
    }

    /// Sets the direction.
    #[must_use]
    pub fn direction(mut self, direction: Direction) -> Self {
        self.direction = direction;
        self
    }
}

/// How texts are made comparable for matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalisation {
    /// As it is.
    Exact,
    /// Trimmed, lower-cased, without accents, white space folded.
    #[default]
    Text,
    /// As an e-mail address.
    Email,
    /// As a phone number: digits only.
    Phone,
    /// The domain of a web or e-mail address.
    Domain,
}

/// One field of a match key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatchPart {
    /// The blueprint's field.
    pub field: String,
    /// How its values are made comparable.
    #[serde(default)]
    pub normalise: Normalisation,
}

/// How a record that is new on one side is recognised on the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MatchKey {
    /// All parts are set and equal after normalisation.
    Exact {
        /// The fields compared.
        parts: Vec<MatchPart>,
    },
    /// Scored by the likeness of several fields. Only a score at or above `link`, with no second candidate near it, is
    /// linked; from `review` up a person is asked.
    Fuzzy {
        /// The fields compared.
        parts: Vec<FuzzyPart>,
        /// Least score, from 0 to 1, that links.
        #[serde(default = "default_link")]
        link: f64,
        /// Least score, from 0 to 1, that asks a person.
        #[serde(default = "default_review")]
        review: f64,
    },
}

pub use fuzzy::{FuzzyPart, FuzzyRole};

mod fuzzy {
    use serde::{Deserialize, Serialize};

    /// What a part of a fuzzy match key can decide by itself.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum FuzzyRole {
        /// It counts by its weight.
        #[default]
        Evidence,
        /// Records that differ in it are linked only if an identifier agrees: relatives share all but their given
        /// names and dates of birth.
        Decisive,
        /// Given to one record only, such as a social security number.
        Identifier,
    }

    /// One field of a fuzzy match key.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct FuzzyPart {
        /// The blueprint's field.
        pub field: String,
        /// How much it counts, relative to the others.
        pub weight: f64,
        /// What it can decide by itself.
        #[serde(default)]
        pub role: FuzzyRole,
        /// Other fields that may hold the same thing by mistake (given name and surname swapped).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub swapped_with: Vec<String>,
    }
}

const fn default_link() -> f64 {
    0.9
}

const fn default_review() -> f64 {
    0.7
}

/// Versioned field rules between one blueprint and one object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    /// Name of the blueprint.
    pub blueprint: String,
    /// The provider's object.
    pub object: String,
    /// Goes up by one with each saved change.
    #[serde(default = "one")]
    pub version: u32,
    /// Which way values flow, for all rules.
    #[serde(default)]
    pub direction: Direction,
    /// Who wins, unless a rule says otherwise.
    #[serde(default)]
    pub strategy: Strategy,
    /// What an empty value does, unless a rule says otherwise.
    #[serde(default)]
    pub empty_overwrites: EmptyPolicy,
    /// The rules.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Remote fields that are never requested, auto-mapped or written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<String>,
    /// How records are recognised on first linking, tried in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_keys: Vec<MatchKey>,
    /// Which remote records belong: a CEL expression over `remote`, which may name the connection's own user `me.id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Whether a record that is new in the CRM becomes an entity.
    #[serde(default = "yes")]
    pub create_in_app: bool,
    /// Whether an entity that is new in the app becomes a record in the CRM.
    #[serde(default = "yes")]
    pub create_in_crm: bool,
    /// What a delete in the CRM does in the app.
    #[serde(default)]
    pub on_crm_delete: DeletePolicy,
    /// What a delete in the app does in the CRM.
    #[serde(default)]
    pub on_app_delete: DeletePolicy,
    /// Who decides where a delete meets an edit.
    #[serde(default)]
    pub on_delete_conflict: DeleteConflictPolicy,
    /// Who wins a conflict on fields that nobody decides; without it, it waits for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_conflicts: Option<OverdueConflicts>,
    /// With more open conflicts than this the sync pauses; without it, with more than the engine's settings say. 0 is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_above_conflicts: Option<u64>,
    /// Remote field that carries our unique key, so that a create sent twice makes one record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
}

impl Mapping {
    /// A two-way mapping without rules, with the defaults.
    pub fn new(blueprint: impl Into<String>, object: impl Into<String>) -> Self {
        Self {
            blueprint: blueprint.into(),
            object: object.into(),
            version: 1,
            direction: Direction::Bidirectional,
            strategy: Strategy::LastWriteWins,
            empty_overwrites: EmptyPolicy::Always,
            rules: Vec::new(),
            excluded: Vec::new(),
            match_keys: Vec::new(),
            filter: None,
            create_in_app: true,
            create_in_crm: true,
            on_crm_delete: DeletePolicy::Unlink,
            on_app_delete: DeletePolicy::Unlink,
            on_delete_conflict: DeleteConflictPolicy::Review,
            overdue_conflicts: None,
            pause_above_conflicts: None,
            marker: None,
        }
    }
}

const fn one() -> u32 {
    1
}

const fn yes() -> bool {
    true
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

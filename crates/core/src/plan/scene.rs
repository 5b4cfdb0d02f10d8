use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::rebase::EarlierMapping;
use crate::audit::AuditEntry;
use crate::error::Error;
use crate::flow::CompiledFlow;
use crate::lens::LensContext;
use crate::mapping::{Direction, SideMapping};
use crate::model::{Blueprint, GroupId};
use crate::state::{EntityId, SideId};
use crate::value::Value;

/// One side as the plan sees it.
#[derive(Clone, Copy)]
pub struct SceneSide<'a> {
    /// Its mapping.
    pub mapping: &'a SideMapping,
    /// The links of its connection.
    pub links: &'a dyn LensContext,
    /// Earlier versions of the mapping, under which its records may have been read last.
    pub earlier: &'a [EarlierMapping],
}

impl std::fmt::Debug for SceneSide<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SceneSide")
            .field("mapping", self.mapping)
            .finish_non_exhaustive()
    }
}

/// Whose values win this run whatever the policies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// The app's.
    App,
    /// This side's.
    Side(SideId),
}

/// Who holds the values of unique fields.
pub trait UniqueValues: std::fmt::Debug + Sync {
    /// Whether another live entity holds this value in the field at this position of the blueprint.
    fn is_taken(&self, entity: EntityId, field: usize, value: &Value) -> bool;
}

/// When a field counts as flipping: automations on several sides undo each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oscillation {
    /// So many edits that bring back an earlier value.
    pub returns: usize,
    /// Within this time.
    pub window: Duration,
}

/// Everything that a decision depends on besides the record itself.
#[derive(Debug, Clone)]
pub struct Scene<'a> {
    /// The blueprint.
    pub blueprint: &'a Blueprint,
    /// The sides whose mappings are known. A side that is not here is left alone.
    pub sides: BTreeMap<SideId, SceneSide<'a>>,
    /// The time.
    pub now: Timestamp,
    /// The engine sequence: the mark of decisions taken now.
    pub mark: u64,
    /// Whose values win this run.
    pub force: Option<Force>,
    /// Which way this run lets values flow, beside what the mappings say. What it holds back is neither consumed nor
    /// forgotten.
    pub direction: Direction,
    /// When a field is frozen since it keeps flipping; never if nothing is said.
    pub oscillation: Option<Oscillation>,
    /// How long an attempt whose outcome was unknown may still land.
    pub late_write_horizon: Duration,
    /// Whether a reference that is still unresolved is put before a person: all that could resolve it was read. Otherwise
    /// it waits.
    pub ask_unresolved: bool,
    /// Whether a person is asked before any delete, whatever the policies say: the store may not know of edits.
    pub hold_deletes: bool,
    /// Who holds the values of unique fields; not checked here where nobody says.
    pub unique: Option<&'a dyn UniqueValues>,
    /// The flows over the blueprint: they say what becomes of a side's change of a state.
    pub flows: &'a [CompiledFlow],
    /// Who asked, for the audit.
    pub actor: &'a str,
}

impl<'a> Scene<'a> {
    /// A scene without sides, with the default horizon of one hour.
    pub fn new(blueprint: &'a Blueprint, now: Timestamp, mark: u64) -> Self {
        Self {
            blueprint,
            sides: BTreeMap::new(),
            now,
            mark,
            force: None,
            direction: Direction::Bidirectional,
            oscillation: None,
            late_write_horizon: Duration::from_secs(3600),
            ask_unresolved: false,
            hold_deletes: false,
            unique: None,
            flows: &[],
            actor: "",
        }
    }

    /// The mark from which on visits count.
    pub(super) fn oscillates_since(&self) -> u64 {
        let window = self
            .oscillation
            .map_or(Duration::ZERO, |oscillation| oscillation.window);
        // Marks count microseconds.
        self.mark
            .saturating_sub(u64::try_from(window.as_micros()).unwrap_or(u64::MAX))
    }

    /// Adds a side.
    #[must_use]
    pub fn side(mut self, mapping: &'a SideMapping, links: &'a dyn LensContext) -> Self {
        let earlier = &[];
        self.sides.insert(
            mapping.side,
            SceneSide {
                mapping,
                links,
                earlier,
            },
        );
        self
    }

    /// Says what a side's mapping was before.
    #[must_use]
    pub fn earlier(mut self, side: SideId, earlier: &'a [EarlierMapping]) -> Self {
        if let Some(known) = self.sides.get_mut(&side) {
            known.earlier = earlier;
        }
        self
    }
}

/// Why something is put before a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewReason {
    /// Both sides changed the same field.
    Conflict,
    /// One side deleted what the other changed.
    DeleteConflict,
    /// Several records could be the same.
    AmbiguousMatch,
    /// Two linked records were merged in the CRM.
    MergeCollision,
    /// A record became one of another kind in the CRM, which is not synced.
    Converted,
    /// A create may have made a record, and several look like it.
    AmbiguousCreate,
    /// A field keeps flipping between values.
    Oscillation,
    /// A reference could not be resolved.
    UnresolvedReference,
    /// A rollback holds this field.
    RollbackHold,
    /// A side changed a state in a way that the flow does not know.
    BreaksFlow,
}

/// A change to the review queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewChange {
    /// The group concerned; 0 for the record as a whole.
    pub group: GroupId,
    /// Why; `None` closes the item since the sides agree again.
    pub reason: Option<ReviewReason>,
}

/// What a planning step did beside changing the record.
#[derive(Debug, Default)]
pub struct Effects {
    /// Groups on which decisions were taken.
    pub decided: Vec<GroupId>,
    /// What is to be written down.
    pub audit: Vec<AuditEntry>,
    /// Review items to open, refresh or close. A group that is frozen by a new item has 0 as its item's number in
    /// [`crate::state::Entity::frozen`] until the engine has stored the item.
    pub reviews: Vec<ReviewChange>,
    /// Groups that could not be processed, and why. The edit stays unconsumed.
    pub failures: Vec<(GroupId, Error)>,
    /// Why groups were put before a person, where there is more to say than the reason.
    pub explanations: Vec<(GroupId, String)>,
    /// Whether a reference has to be resolved before all is done.
    pub waiting: bool,
}

impl Effects {
    /// Whether the hub changed, so that other sides may be behind.
    pub fn hub_moved(&self) -> bool {
        !self.decided.is_empty()
    }

    /// Takes over what another step did.
    pub fn absorb(&mut self, other: Self) {
        self.decided.extend(other.decided);
        self.audit.extend(other.audit);
        self.reviews.extend(other.reviews);
        self.failures.extend(other.failures);
        self.explanations.extend(other.explanations);
        self.waiting |= other.waiting;
    }
}

//! What a seed sets up before anything happens: tenants, CRMs, mappings, policies.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use syncline_core::mapping::{DeletePolicy, Direction, EmptyPolicy, LensSpec, Strategy};
use syncline_engine::sync::NewSync;

use super::crm::Object;
use crate::stage::{company_mapping, person_mapping};

/// Which CRM it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Provider {
    Salesforce,
    HubSpot,
}

impl Provider {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Salesforce => "salesforce",
            Self::HubSpot => "hubspot",
        }
    }
}

/// One CRM of a tenant, and how its people are mapped.
#[derive(Debug, Clone)]
pub(super) struct CrmPlan {
    pub(super) tenant: usize,
    pub(super) provider: Provider,
    /// By field of a person; the first is the mapping's own.
    pub(super) strategies: Vec<(&'static str, Strategy)>,
    pub(super) directions: Vec<(&'static str, Direction)>,
    pub(super) marker: bool,
    /// Whether records leave the sync while their city begins with `x`.
    pub(super) filter: bool,
    /// Whether the title keeps its first characters only, as the mapping says.
    pub(super) truncate: bool,
    /// Whether an empty value never overwrites the title.
    pub(super) keeps_title: bool,
    pub(super) on_crm_delete: DeletePolicy,
    pub(super) on_app_delete: DeletePolicy,
    pub(super) index_lag: i64,
    pub(super) rotates: bool,
}

/// How many characters of a title a truncating mapping keeps.
pub(super) const TITLE: usize = 12;

/// Everything that a seed sets up.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) tenants: usize,
    pub(super) crms: Vec<CrmPlan>,
    /// The longest answer time, in milliseconds.
    pub(super) latency: u64,
    /// Whether people decide what was put before them before the end.
    pub(super) decides: bool,
    /// Whether people are referred to companies.
    pub(super) companies: bool,
}

const STRATEGIES: [Strategy; 6] = [
    Strategy::LastWriteWins,
    Strategy::CrmWins,
    Strategy::AppWins,
    Strategy::ManualReview,
    Strategy::CrmAuthoritative,
    Strategy::AppAuthoritative,
];

fn pick<T: Copy>(dice: &mut ChaCha8Rng, from: &[T]) -> T {
    from[dice.random_range(0..from.len())]
}

impl Scenario {
    pub(super) fn draw(dice: &mut ChaCha8Rng) -> Self {
        let tenants = if dice.random_bool(0.15) {
            dice.random_range(2..=4)
        } else {
            1
        };
        let mut crms = Vec::new();
        for tenant in 0..tenants {
            let count = if tenants > 1 {
                dice.random_range(1..=2)
            } else {
                pick(dice, &[1, 2, 2, 2, 2, 3])
            };
            // One strategy for everybody, as people set it up; fields differ here and there.
            let usual = pick(dice, &STRATEGIES[..4]);
            let usual = if dice.random_bool(0.3) {
                Strategy::LastWriteWins
            } else {
                usual
            };
            let mut authoritative = None;
            for place in 0..count {
                let provider = if count == 2 && dice.random_bool(0.7) {
                    [Provider::Salesforce, Provider::HubSpot][place]
                } else {
                    pick(dice, &[Provider::Salesforce, Provider::HubSpot])
                };
                let mut strategies = vec![("", usual)];
                for field in ["first_name", "title", "city"] {
                    if dice.random_bool(0.25) {
                        let mut strategy = pick(dice, &STRATEGIES);
                        if strategy == Strategy::CrmAuthoritative {
                            // One authoritative side per field.
                            if authoritative.is_some_and(|other| other != place) {
                                strategy = usual;
                            } else {
                                authoritative = Some(place);
                            }
                        }
                        strategies.push((field, strategy));
                    }
                }
                let mut directions = Vec::new();
                if dice.random_bool(0.2) && strategies.iter().all(|(field, _)| *field != "first_name") {
                    directions.push(("first_name", pick(dice, &[Direction::Pull, Direction::Push])));
                }
                let deletes = [DeletePolicy::Unlink, DeletePolicy::Delete, DeletePolicy::Archive];
                crms.push(CrmPlan {
                    tenant,
                    provider,
                    strategies,
                    directions,
                    marker: dice.random_bool(0.85),
                    filter: dice.random_bool(0.15),
                    truncate: dice.random_bool(0.2),
                    keeps_title: dice.random_bool(0.1),
                    on_crm_delete: pick(dice, &deletes),
                    on_app_delete: pick(dice, &deletes),
                    index_lag: pick(dice, &[0, 0, 500, 5_000]),
                    rotates: dice.random_bool(0.3),
                });
            }
        }
        Self {
            tenants,
            crms,
            latency: pick(dice, &[5, 50, 400]),
            decides: dice.random_bool(0.5),
            companies: dice.random_bool(0.4),
        }
    }
}

impl CrmPlan {
    /// The sync of an object, as this CRM's administrator set it up.
    pub(super) fn sync(&self, index: usize, object: Object, connection: u64, companies: bool) -> NewSync {
        let provider = self.provider.name();
        let mut new = match object {
            Object::Person => person_mapping(provider, connection),
            Object::Company => company_mapping(provider, connection),
        };
        new.name = format!("crm{index}-{}", object.blueprint());
        let mapping = &mut new.mapping;
        if !companies {
            mapping.rules.retain(|rule| rule.fields != ["company"]);
            new.fields.retain(|field| field.name != "company");
        }
        mapping.strategy = self.strategies[0].1;
        mapping.on_crm_delete = self.on_crm_delete;
        mapping.on_app_delete = self.on_app_delete;
        if !self.marker {
            mapping.marker = None;
        }
        if object == Object::Person {
            for rule in &mut mapping.rules {
                let field = rule.fields[0].as_str();
                if let Some((_, strategy)) = self.strategies.iter().find(|(name, _)| *name == field) {
                    rule.strategy = Some(*strategy);
                }
                if let Some((_, direction)) = self.directions.iter().find(|(name, _)| *name == field) {
                    rule.direction = *direction;
                }
                if field == "title" {
                    if self.keeps_title {
                        rule.empty = EmptyPolicy::Never;
                    }
                    if self.truncate {
                        *rule = rule.clone().lens(LensSpec::new("truncate").with("length", TITLE));
                    }
                }
            }
            if self.filter {
                let city = object.remote_field(self.provider, "city");
                mapping.filter = Some(format!("!(remote.{city} != null && remote.{city}.startsWith('x'))"));
            }
        }
        new
    }
}

//! The app's side of things: tenants, blueprints and their fields.

mod blueprint;
mod computed;
mod field;
mod json_schema;
mod tenant;

pub(crate) use blueprint::is_name;
pub use blueprint::{Blueprint, Finding, Severity};
pub use computed::{Computation, Computed};
pub use field::{DeleteRule, Field, FieldChoice, FieldType};
pub use json_schema::{BlueprintForm, from_json_schema, to_json_schema};
pub use tenant::Tenant;

/// Number of an atomic group of fields of a blueprint. Group 0 is presence (live or deleted); the group of a field
/// that stands alone is its position plus one, that of several fields the position of the first of them plus one.
pub type GroupId = u16;

/// The group of presence, so that deletes and undeletes are decisions like any other.
pub const PRESENCE: GroupId = 0;

/// Number of a tenant.
pub type TenantId = u32;

/// Number of a blueprint.
pub type BlueprintId = u32;

use serde::{Deserialize, Serialize};

use super::TenantId;

/// Owns everything below it; nothing crosses tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its number.
    pub id: TenantId,
    /// Name for people.
    pub name: String,
    /// Name in addresses and configuration: lower-case letters, digits and dashes, unique.
    pub slug: String,
    /// IANA name of the zone that daily schedules mean, such as `Europe/Vienna`.
    pub time_zone: String,
    /// BCP 47 tag of the language for people, such as `en`.
    pub language: String,
}

impl Tenant {
    /// A tenant in UTC and English, with a slug made of its name.
    ///
    /// ```
    /// use syncline_core::model::Tenant;
    /// assert_eq!(Tenant::new(1, "Acme & Co.").slug, "acme-co");
    /// ```
    pub fn new(id: TenantId, name: &str) -> Self {
        let mut slug = String::new();
        for character in name.chars() {
            if character.is_ascii_alphanumeric() {
                slug.push(character.to_ascii_lowercase());
            } else if !slug.ends_with('-') && !slug.is_empty() {
                slug.push('-');
            }
        }
        Self {
            id,
            name: name.to_owned(),
            slug: slug.trim_end_matches('-').to_owned(),
            time_zone: "UTC".to_owned(),
            language: "en".to_owned(),
        }
    }
}

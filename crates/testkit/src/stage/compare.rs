use std::collections::BTreeMap;

use syncline_core::error::Result;
use syncline_core::value::Value;

use super::Stage;

/// The remote names of the person fields that are plain text, by provider.
const PERSON: [(usize, &str, &str); 6] = [
    (0, "Email", "email"),
    (1, "FirstName", "firstname"),
    (2, "LastName", "lastname"),
    (3, "Phone", "phone"),
    (4, "Title", "jobtitle"),
    (5, "MailingCity", "city"),
];

impl Stage {
    /// Reads all three sides of every person directly and says where they differ.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn differences(&self) -> Result<Vec<String>> {
        let blueprint = self.engine.blueprint(self.tenant, "person", &self.actor).await?;
        let syncs = self.engine.syncs().list(self.tenant, false, &self.actor).await?;
        let side_of: BTreeMap<u32, &str> = syncs
            .iter()
            .filter(|sync| sync.blueprint == blueprint.id)
            .map(|sync| {
                (
                    sync.side,
                    if sync.mapping.object == "Contact" {
                        "salesforce"
                    } else {
                        "hubspot"
                    },
                )
            })
            .collect();
        let mut found = Vec::new();
        for linked in self.entities("person").await? {
            for side in linked.sides.iter().filter(|side| side.presence.is_live()) {
                let (Some(provider), Some(ext)) = (side_of.get(&side.key.side), &side.ext) else {
                    continue;
                };
                let record = match *provider {
                    "salesforce" => self.salesforce.record("Contact", ext),
                    _ => self.hubspot.record("contacts", ext),
                };
                let Some(record) = record.filter(|record| !record.deleted) else {
                    found.push(format!("{provider} {ext} is gone, and the app holds it as live"));
                    continue;
                };
                for (field, salesforce, hubspot) in PERSON {
                    let name = if *provider == "salesforce" { salesforce } else { hubspot };
                    let theirs = record
                        .fields
                        .get(name)
                        .and_then(serde_json::Value::as_str)
                        .unwrap_or_default();
                    let ours = match linked.entity.value(field) {
                        Value::Null => String::new(),
                        value => value.to_string(),
                    };
                    if !theirs.trim().eq_ignore_ascii_case(ours.trim()) {
                        found.push(format!(
                            "{provider} {ext} {name}: `{theirs}`, app: `{ours}` (flags {:?}, {:?})",
                            side.flags, side.groups
                        ));
                    }
                }
            }
        }
        Ok(found)
    }
}

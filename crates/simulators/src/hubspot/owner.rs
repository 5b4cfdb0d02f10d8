//! Owners: the portal's users as records refer to them.

use serde_json::{Value, json};

/// One owner. The owner id is not the user id.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) id: u64,
    pub(super) user_id: u64,
    pub(super) email: String,
    pub(super) first_name: &'static str,
    pub(super) last_name: &'static str,
    /// Whether the user was deactivated; old records still refer to them.
    pub(super) archived: bool,
}

impl Owner {
    pub(super) fn json(&self) -> Value {
        let mut shown = json!({
            "id": self.id.to_string(),
            "email": self.email,
            "type": "PERSON",
            "firstName": self.first_name,
            "lastName": self.last_name,
        });
        if let Some(fields) = shown.as_object_mut() {
            if !self.archived {
                fields.insert("userId".into(), self.user_id.into());
            }
            fields.insert("userIdIncludingInactive".into(), self.user_id.into());
            fields.insert("createdAt".into(), "2024-01-15T09:00:00.000Z".into());
            fields.insert("updatedAt".into(), "2025-03-02T14:30:00.000Z".into());
            fields.insert("archived".into(), self.archived.into());
        }
        shown
    }
}

/// The portal's owners; the first is the person who signs in on the consent page.
pub(super) fn owners(username: &str) -> Vec<Owner> {
    let owner = |number: u64, email: &str, first_name, last_name, archived| Owner {
        id: 41_180_000 + number,
        user_id: 9_700_000 + number * 7,
        email: email.to_owned(),
        first_name,
        last_name,
        archived,
    };
    vec![
        owner(1, username, "Ada", "Admin", false),
        owner(2, "sales.north@example.com", "Nils", "North", false),
        owner(3, "sales.south@example.com", "Sara", "South", false),
        owner(4, "support@example.com", "Uma", "Usher", false),
        owner(5, "left@example.com", "Lea", "Left", true),
    ]
}

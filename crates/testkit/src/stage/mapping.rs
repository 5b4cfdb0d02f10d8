use syncline_core::mapping::{LensSpec, Mapping, MatchKey, MatchPart, Normalisation, Rule};
use syncline_core::model::{Field, FieldType};
use syncline_engine::sync::{NewSync, Schedule, SweepInterval};

/// The fields of a person.
pub fn person_fields() -> Vec<Field> {
    vec![
        Field::new("email", FieldType::Email),
        Field::new("first_name", FieldType::Text),
        Field::new("last_name", FieldType::Text),
        Field::new("phone", FieldType::Phone),
        Field::new("title", FieldType::Text),
        Field::new("city", FieldType::Text),
        Field::new(
            "company",
            FieldType::Reference {
                blueprint: "company".into(),
            },
        ),
    ]
}

fn company_fields() -> Vec<Field> {
    vec![
        Field::new("name", FieldType::Text),
        Field::new("phone", FieldType::Phone),
        Field::new("city", FieldType::Text),
    ]
}

fn key(field: &str, normalise: Normalisation) -> MatchKey {
    MatchKey::Exact {
        parts: vec![MatchPart {
            field: field.into(),
            normalise,
        }],
    }
}

fn trimmed(field: &str, remote: &str) -> Rule {
    Rule::new(field, remote).lens(LensSpec::new("trim"))
}

/// A sync of people.
pub fn person_mapping(provider: &str, connection: u64) -> NewSync {
    let (object, remote, company, marker) = match provider {
        "salesforce" => (
            "Contact",
            ["Email", "FirstName", "LastName", "Phone", "Title", "MailingCity"],
            "AccountId",
            "External_Id__c",
        ),
        _ => (
            "contacts",
            ["email", "firstname", "lastname", "phone", "jobtitle", "city"],
            "associations.company",
            "external_id",
        ),
    };
    let mut mapping = Mapping::new("person", object);
    mapping.rules = vec![Rule::new("email", remote[0]).lens(LensSpec::new("email"))];
    for (field, remote) in ["first_name", "last_name", "phone", "title", "city"]
        .into_iter()
        .zip(&remote[1..])
    {
        mapping.rules.push(trimmed(field, remote));
    }
    mapping.rules.push(Rule::new("company", company));
    mapping.marker = Some(marker.into());
    mapping.match_keys = vec![key("email", Normalisation::Email)];
    sync(format!("{provider}-people"), connection, mapping, person_fields())
}

/// A sync of companies.
pub fn company_mapping(provider: &str, connection: u64) -> NewSync {
    let (object, remote, marker) = match provider {
        "salesforce" => ("Account", ["Name", "Phone", "BillingCity"], "External_Id__c"),
        _ => ("companies", ["name", "phone", "city"], "external_id"),
    };
    let mut mapping = Mapping::new("company", object);
    mapping.rules = ["name", "phone", "city"]
        .into_iter()
        .zip(remote)
        .map(|(field, remote)| trimmed(field, remote))
        .collect();
    mapping.marker = Some(marker.into());
    mapping.match_keys = vec![key("name", Normalisation::Text)];
    sync(format!("{provider}-companies"), connection, mapping, company_fields())
}

fn sync(name: String, connection: u64, mapping: Mapping, fields: Vec<Field>) -> NewSync {
    NewSync {
        name,
        connection,
        mapping,
        fields,
        groups: Vec::new(),
        schedule: Schedule::Manual,
        sweep: SweepInterval::Usual,
        files: false,
        start: false,
    }
}

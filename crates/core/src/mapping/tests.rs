use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::batch::{Batch, ValueKind};
use crate::lens::LensRegistry;
use crate::model::{Blueprint, Field, FieldType, Finding, Severity};
use crate::schema::{Choice, FieldKind, FieldSchema, ObjectInfo, ObjectSchema};
use crate::value::Value;

/// A schema as test cases write it: what is not said is as in most fields.
#[derive(Deserialize)]
struct ShortSchema {
    object: String,
    #[serde(default)]
    custom: bool,
    fields: Vec<ShortField>,
}

#[derive(Deserialize)]
struct ShortField {
    path: String,
    #[serde(default)]
    label: Option<String>,
    kind: FieldKind,
    /// Words: readonly, createonly, required, unique, external, calculated, restricted.
    #[serde(default)]
    flags: String,
    #[serde(default)]
    choices: Vec<(String, String)>,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    relationship: Option<String>,
}

impl ShortSchema {
    fn full(self) -> ObjectSchema {
        ObjectSchema {
            object: ObjectInfo {
                label: self.object.clone(),
                name: self.object,
                custom: self.custom,
                creatable: true,
                updatable: true,
                deletable: true,
            },
            fields: self.fields.into_iter().map(ShortField::full).collect(),
            version: None,
        }
    }
}

impl ShortField {
    fn full(self) -> FieldSchema {
        let has = |flag: &str| self.flags.split_whitespace().any(|word| word == flag);
        let writable = !has("readonly") && !has("calculated");
        FieldSchema {
            label: self.label.clone().unwrap_or_else(|| self.path.clone()),
            value_kind: match self.kind {
                FieldKind::Integer | FieldKind::Decimal | FieldKind::Money | FieldKind::Percent => ValueKind::Number,
                FieldKind::Bool => ValueKind::Bool,
                FieldKind::Date => ValueKind::Date,
                FieldKind::DateTime => ValueKind::DateTime,
                FieldKind::MultiChoice => ValueKind::Choices,
                _ => ValueKind::Text,
            },
            provider_type: format!("{:?}", self.kind).to_lowercase(),
            creatable: writable,
            updatable: writable && !has("createonly"),
            required: has("required"),
            unique: has("unique") || has("external"),
            external_id: has("external"),
            calculated: has("calculated"),
            length: None,
            scale: None,
            choices: self
                .choices
                .iter()
                .map(|(value, label)| Choice {
                    value: value.clone(),
                    label: label.clone(),
                    active: true,
                })
                .collect(),
            restricted: has("restricted"),
            references: self.references.clone(),
            relationship: self.relationship.clone(),
            kind: self.kind,
            path: self.path,
        }
    }
}

fn schema(json: serde_json::Value) -> ObjectSchema {
    serde_json::from_value::<ShortSchema>(json).unwrap().full()
}

fn place() -> SidePlace {
    SidePlace {
        side: 7,
        slot: 1,
        label: "test".into(),
        role: Role::Crm,
        rank: 3,
    }
}

fn run(mapping: &Mapping, blueprint: &Blueprint, schema: &ObjectSchema) -> serde_json::Value {
    let registry = LensRegistry::standard();
    let findings = check(mapping, blueprint, schema, &registry);
    let compiled = match compile(mapping, blueprint, schema, &registry, place()) {
        Err(_) => json!(null),
        Ok(side) => json!({
            "projection": side.projection.fields,
            "groups": side.groups.iter().map(|group| json!({
                "name": blueprint.group_name(group.group),
                "direction": group.direction,
                "strategy": group.strategy,
                "paths": group.paths.iter().map(|&path| &side.projection.fields[path].path).collect::<Vec<_>>(),
                "set": group.set,
            })).collect::<Vec<_>>(),
        }),
    };
    json!({ "findings": findings, "compiled": compiled })
}

fn read(folder: &Path, file: &str) -> serde_json::Value {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Each folder below `golden` is a case; `SYNCLINE_GOLDEN=write` writes what it gives.
#[test]
fn golden_cases_give_what_is_expected_of_them() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/mapping/golden"));
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    assert!(!folders.is_empty());
    for folder in folders {
        let mapping: Mapping = serde_json::from_value(read(&folder, "mapping.json")).unwrap();
        let blueprint: Blueprint = serde_json::from_value(read(&folder, "blueprint.json")).unwrap();
        let found = run(&mapping, &blueprint, &schema(read(&folder, "schema.json")));
        let expected = folder.join("expected.json");
        if std::env::var_os("SYNCLINE_GOLDEN").is_some() {
            std::fs::write(&expected, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
        }
        assert_eq!(read(&folder, "expected.json"), found, "{}", folder.display());
    }
}

fn field(path: &str, label: &str, kind: &str) -> serde_json::Value {
    json!({ "path": path, "label": label, "kind": kind })
}

fn salesforce_contact(people_file: bool) -> ObjectSchema {
    let mut fields = vec![
        field("Id", "Contact ID", "id"),
        json!({ "path": "AccountId", "label": "Account ID", "kind": "reference", "references": ["Account"], "relationship": "Account" }),
        json!({ "path": "LastName", "label": "Last Name", "kind": "text", "flags": "required" }),
        field("FirstName", "First Name", "text"),
        field("Salutation", "Salutation", "choice"),
        field("OtherStreet", "Other Street", "long_text"),
        field("OtherCity", "Other City", "text"),
        field("MailingStreet", "Mailing Street", "long_text"),
        field("MailingCity", "Mailing City", "text"),
        field("MailingState", "Mailing State/Province", "text"),
        field("MailingPostalCode", "Mailing Zip/Postal Code", "text"),
        field("MailingCountry", "Mailing Country", "text"),
        field("Phone", "Business Phone", "phone"),
        field("Fax", "Business Fax", "phone"),
        field("MobilePhone", "Mobile Phone", "phone"),
        field("HomePhone", "Home Phone", "phone"),
        json!({ "path": "ReportsToId", "label": "Reports To ID", "kind": "reference", "references": ["Contact"], "relationship": "ReportsTo" }),
        field("Email", "Email", "email"),
        field("Title", "Title", "text"),
        field("Department", "Department", "text"),
        field("Birthdate", "Birthdate", "date"),
        json!({ "path": "OwnerId", "label": "Owner ID", "kind": "reference", "references": ["User"], "relationship": "Owner" }),
        json!({ "path": "SystemModstamp", "label": "System Modstamp", "kind": "date_time", "flags": "readonly" }),
        json!({ "path": "External_Id__c", "label": "External ID", "kind": "text", "flags": "external" }),
    ];
    if people_file {
        fields.extend([
            field("Address_2__c", "Address 2", "text"),
            field("Date_Of_Birth__c", "Date Of Birth", "text"),
            field("Soc_Sec_Id__c", "Soc Sec Id", "text"),
            field("Rec_Id__c", "Rec Id", "text"),
        ]);
    }
    schema(json!({ "object": "Contact", "fields": fields }))
}

fn hubspot_contacts(people_file: bool) -> ObjectSchema {
    let mut fields = vec![
        json!({ "path": "email", "label": "Email", "kind": "email", "flags": "unique" }),
        field("firstname", "First Name", "text"),
        field("lastname", "Last Name", "text"),
        field("salutation", "Salutation", "text"),
        field("phone", "Phone Number", "phone"),
        field("mobilephone", "Mobile Phone Number", "phone"),
        field("fax", "Fax Number", "phone"),
        field("jobtitle", "Job Title", "text"),
        field("company", "Company Name", "text"),
        field("website", "Website URL", "url"),
        field("address", "Street Address", "text"),
        field("city", "City", "text"),
        field("state", "State/Region", "text"),
        field("zip", "Postal Code", "text"),
        field("country", "Country/Region", "text"),
        field("date_of_birth", "Date of birth", "text"),
        field("gender", "Gender", "text"),
        json!({ "path": "lifecyclestage", "label": "Lifecycle Stage", "kind": "choice", "flags": "restricted", "choices": [["lead", "Lead"]] }),
        json!({ "path": "hubspot_owner_id", "label": "Contact owner", "kind": "reference", "references": ["owners"] }),
        field("associatedcompanyid", "Primary Associated Company ID", "decimal"),
        json!({ "path": "hs_object_id", "label": "Record ID", "kind": "id", "flags": "readonly" }),
        json!({ "path": "external_id", "label": "External ID", "kind": "text", "flags": "external" }),
        json!({ "path": "associations.company", "label": "Primary company", "kind": "reference", "references": ["companies"] }),
    ];
    if people_file {
        fields.extend([
            field("address_2", "address_2", "text"),
            field("soc_sec_id", "soc_sec_id", "text"),
            field("rec_id", "rec_id", "text"),
        ]);
    }
    schema(json!({ "object": "contacts", "fields": fields }))
}

fn sample(values: &[(&str, &str)]) -> RowSample {
    RowSample {
        values: values
            .iter()
            .map(|(path, text)| ((*path).to_owned(), Value::text(*text)))
            .collect(),
    }
}

fn remote_of<'a>(proposal: &'a Proposal, field: &str) -> Option<&'a str> {
    let rule = proposal.mapping.rules.iter().find(|rule| rule.fields == [field])?;
    rule.remote.first().map(String::as_str)
}

fn errors(findings: &[Finding]) -> Vec<&Finding> {
    findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect()
}

/// Auto-maps both CRMs onto one blueprint and checks both mappings.
fn map_both(
    first: (&ObjectSchema, &str, &[RowSample]),
    second: (&ObjectSchema, &str, &[RowSample]),
) -> (Proposal, Proposal, Blueprint) {
    let registry = LensRegistry::standard();
    let one = propose(None, first.0, first.1, first.2);
    let mut blueprint = one.blueprint(1, 1);
    assert_eq!(blueprint.check(), []);
    let other = propose(Some(&blueprint), second.0, second.1, second.2);
    other.extend(&mut blueprint);
    assert_eq!(blueprint.check(), []);
    for (proposal, schema) in [(&one, first.0), (&other, second.0)] {
        let findings = check(&proposal.mapping, &blueprint, schema, &registry);
        assert_eq!(errors(&findings), Vec::<&Finding>::new());
        assert_eq!(proposal.rules.len(), proposal.mapping.rules.len());
        compile(&proposal.mapping, &blueprint, schema, &registry, place()).unwrap();
    }
    (one, other, blueprint)
}

#[test]
fn both_crms_people_are_mapped_onto_the_same_fields() {
    let (salesforce, hubspot) = (salesforce_contact(false), hubspot_contacts(false));
    let s = [sample(&[
        ("Email", "ada@example.org"),
        ("Phone", "+1 201-555-0123"),
        ("Birthdate", "1980-02-01"),
    ])];
    let h = [sample(&[
        ("email", "ada@example.org"),
        ("phone", "+1 201-555-0123"),
        ("date_of_birth", "1980-02-01"),
    ])];
    let (one, other, blueprint) = map_both((&salesforce, "salesforce", &s), (&hubspot, "hubspot", &h));
    assert_eq!(blueprint.name, "person");
    for (field, at_salesforce, at_hubspot) in [
        ("email", "Email", "email"),
        ("first_name", "FirstName", "firstname"),
        ("last_name", "LastName", "lastname"),
        ("job_title", "Title", "jobtitle"),
        ("phone", "Phone", "phone"),
        ("mobile_phone", "MobilePhone", "mobilephone"),
        ("street", "MailingStreet", "address"),
        ("city", "MailingCity", "city"),
        ("state", "MailingState", "state"),
        ("postcode", "MailingPostalCode", "zip"),
        ("country", "MailingCountry", "country"),
        ("company", "AccountId", "associations.company"),
        ("birthdate", "Birthdate", "date_of_birth"),
        ("salutation", "Salutation", "salutation"),
    ] {
        assert_eq!(remote_of(&one, field), Some(at_salesforce), "{field}");
        assert_eq!(remote_of(&other, field), Some(at_hubspot), "{field}");
    }
    assert_eq!(remote_of(&other, "company_name"), Some("company"));
    for (proposal, marker) in [(&one, "External_Id__c"), (&other, "external_id")] {
        assert_eq!(proposal.mapping.marker.as_deref(), Some(marker));
        assert!(matches!(&proposal.mapping.match_keys[..], [MatchKey::Exact { parts }] if parts[0].field == "email"));
        assert!(proposal.mapping.create_in_crm, "{:?}", proposal.notes);
    }
    let left_out: Vec<&str> = one.left_out.iter().map(|left| left.remote.as_str()).collect();
    for noise in ["Id", "OwnerId", "SystemModstamp", "OtherCity", "ReportsToId"] {
        assert!(left_out.contains(&noise), "{noise}");
    }
    let phone = one.mapping.rules.iter().find(|rule| rule.fields == ["phone"]).unwrap();
    assert_eq!(
        phone.transform,
        Some(Transform::Lens {
            steps: vec![LensSpec::new("phone")]
        })
    );
    assert!(
        one.rules
            .iter()
            .all(|proposed| proposed.confidence >= 0.5 && !proposed.reason.is_empty())
    );
}

#[test]
fn people_without_email_get_a_fuzzy_key_and_shared_custom_fields_join() {
    let (salesforce, hubspot) = (salesforce_contact(true), hubspot_contacts(true));
    let s = [sample(&[
        ("LastName", "[not provided]"),
        ("Date_Of_Birth__c", "19651013"),
        ("Soc_Sec_Id__c", "5304218"),
    ])];
    let h = [sample(&[
        ("lastname", "white"),
        ("date_of_birth", "19651013"),
        ("soc_sec_id", "5304218"),
    ])];
    for swapped in [false, true] {
        let (one, other) = ((&salesforce, "salesforce", &s[..]), (&hubspot, "hubspot", &h[..]));
        let (first, second, _) = if swapped {
            map_both(other, one)
        } else {
            map_both(one, other)
        };
        let (at_salesforce, at_hubspot) = if swapped { (second, first) } else { (first, second) };
        for (field, salesforce, hubspot) in [
            ("address_2", "Address_2__c", "address_2"),
            ("date_of_birth", "Date_Of_Birth__c", "date_of_birth"),
            ("soc_sec_id", "Soc_Sec_Id__c", "soc_sec_id"),
            ("rec_id", "Rec_Id__c", "rec_id"),
        ] {
            assert_eq!(remote_of(&at_salesforce, field), Some(salesforce), "{field}");
            assert_eq!(remote_of(&at_hubspot, field), Some(hubspot), "{field}");
        }
        for proposal in [&at_salesforce, &at_hubspot] {
            let [MatchKey::Fuzzy { parts, .. }] = &proposal.mapping.match_keys[..] else {
                panic!("{:?}", proposal.mapping.match_keys);
            };
            let fields: Vec<&str> = parts.iter().map(|part| part.field.as_str()).collect();
            assert!(fields.contains(&"soc_sec_id") && fields.contains(&"date_of_birth") && !fields.contains(&"rec_id"));
            assert_eq!(fields.len(), 9);
        }
    }
}

#[test]
fn what_stands_for_nothing_in_a_required_field_is_nothing() {
    let contact = salesforce_contact(false);
    let proposal = propose(None, &contact, "salesforce", &[]);
    let blueprint = proposal.blueprint(1, 1);
    let side = compile(
        &proposal.mapping,
        &blueprint,
        &contact,
        &LensRegistry::standard(),
        place(),
    )
    .unwrap();
    let group = side
        .group(blueprint.group_of(blueprint.position("last_name").unwrap()))
        .unwrap();
    let placeholder = [Value::text("[not provided]")];
    let links = crate::lens::NoLinks;
    assert_eq!(group.get(&placeholder, &[], &links).unwrap(), [Value::Null]);
    let put = |old: &[Value]| group.put(&[Value::Null], old, &links).unwrap();
    assert_eq!(put(&[Value::text("White")]), placeholder);
    assert_eq!(put(&placeholder), placeholder);
}

#[test]
fn a_closed_list_is_not_written_before_a_person_has_paired_it() {
    let open = schema(json!({ "object": "Account", "fields": [
        field("Name", "Account Name", "text"),
        json!({ "path": "Industry", "label": "Industry", "kind": "choice", "choices": [["Banking", "Banking"]] }),
    ] }));
    let closed = schema(json!({ "object": "companies", "fields": [
        field("name", "Company name", "text"),
        json!({ "path": "industry", "label": "Industry", "kind": "choice", "flags": "restricted",
            "choices": [["BANKING", "Banking"], ["OIL", "Oil & Energy"]] }),
    ] }));
    let (one, other, _) = map_both((&open, "salesforce", &[]), (&closed, "hubspot", &[]));
    assert_eq!(
        (remote_of(&one, "industry"), remote_of(&other, "industry")),
        (Some("Industry"), None)
    );
    let why = other.left_out.iter().find(|left| left.remote == "industry").unwrap();
    assert!(why.reason.contains("`table`"), "{}", why.reason);
}

#[test]
fn labels_pair_lists_that_differ_only_in_their_values() {
    let mut blueprint = Blueprint::new(1, 1, "ticket", vec![Field::new("subject", FieldType::Text)]);
    blueprint.fields.push(Field::new(
        "priority",
        serde_json::from_value(json!({ "type": "choice", "choices": [
            { "value": "Low", "label": "Low" }, { "value": "High", "label": "High" }
        ] }))
        .unwrap(),
    ));
    let tickets = schema(json!({ "object": "tickets", "fields": [
        field("subject", "Ticket name", "text"),
        json!({ "path": "hs_ticket_priority", "label": "Priority", "kind": "choice", "flags": "restricted",
            "choices": [["LOW", "Low"], ["HIGH", "High"]] }),
    ] }));
    let proposal = propose(Some(&blueprint), &tickets, "hubspot", &[]);
    let rule = proposal
        .mapping
        .rules
        .iter()
        .find(|rule| rule.fields == ["priority"])
        .unwrap();
    let values = json!({ "LOW": "Low", "HIGH": "High" });
    let table = LensSpec::new("table").with("values", values);
    assert_eq!(rule.transform, Some(Transform::Lens { steps: vec![table] }));
}

#[test]
fn two_authoritative_crms_on_one_field_are_refused() {
    let mut one = Mapping::new("person", "Contact");
    one.rules = vec![Rule::new("email", "Email"), Rule::new("phone", "Phone")];
    let mut other = Mapping::new("person", "contacts");
    other.strategy = Strategy::CrmAuthoritative;
    other.rules = vec![Rule::new("email", "email"), Rule::new("phone", "phone")];
    assert_eq!(check_together(&one, &[&other]), []);
    one.rules[0].strategy = Some(Strategy::CrmAuthoritative);
    let findings = check_together(&one, &[&other]);
    assert_eq!(findings.len(), 1);
    assert!(findings[0].place.contains("email") && findings[0].message.contains("contacts"));
    one.rules[0].direction = Direction::Push;
    assert_eq!(check_together(&one, &[&other]), []);
}

#[test]
fn a_preview_shows_values_errors_and_what_is_missing() {
    let mut blueprint = Blueprint::new(
        1,
        1,
        "person",
        vec![
            Field::new("name", FieldType::Text),
            Field::new("age", FieldType::Integer),
            Field::new(
                "company",
                FieldType::Reference {
                    blueprint: "company".into(),
                },
            ),
            Field::new("code", FieldType::Text),
        ],
    );
    blueprint.fields[0].required = true;
    blueprint.fields[3].required = true;
    let contact = schema(json!({ "object": "Contact", "fields": [
        field("Name", "Name", "text"),
        field("Age", "Age", "text"),
        json!({ "path": "AccountId", "kind": "reference", "references": ["Account"] }),
    ] }));
    let mut mapping = Mapping::new("person", "Contact");
    mapping.rules = vec![
        Rule::new("name", "Name"),
        Rule::new("age", "Age"),
        Rule::new("company", "AccountId"),
    ];
    let side = compile(&mapping, &blueprint, &contact, &LensRegistry::standard(), place()).unwrap();
    let mut batch = Batch::new(side.projection.fields.len());
    for (id, name, age) in [("1", "Ada", "37"), ("2", "", "many")] {
        let mut row = batch.row(id);
        row.set(0, &Value::text(name));
        row.set(1, &Value::text(age));
        row.set(2, &Value::text("001A"));
        row.finish();
    }
    let records = preview(&side, &blueprint, &batch);
    assert_eq!(unfilled_required(&side, &blueprint), ["code"]);
    assert_eq!(records[0].missing, ["code"]);
    assert_eq!(records[1].missing, ["name", "code"]);
    assert_eq!(records[0].fields[1].value, Some(json!(37)));
    assert!(records[1].fields[1].error.as_ref().unwrap().contains("many"));
    assert!(records[0].fields[2].error.as_ref().unwrap().contains("001A"));
}

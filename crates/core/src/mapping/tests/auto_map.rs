//! What auto-map proposes for both CRMs.

use serde_json::json;

use super::contacts::{hubspot_contacts, salesforce_contact};
use super::place;
use super::short_schema::{field, schema};
use crate::lens::LensRegistry;
use crate::mapping::{
    LensSpec, MatchKey, MatchPart, Normalisation, Proposal, RowSample, Transform, check, compile, propose,
};
use crate::model::{Blueprint, Field, FieldType, Finding, Severity};
use crate::schema::ObjectSchema;
use crate::value::Value;

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
fn what_refers_to_an_object_that_is_not_synced_is_left_out_and_says_so() {
    for (schema, provider, path, object) in [
        (salesforce_contact(false), "salesforce", "AccountId", "Account"),
        (hubspot_contacts(false), "hubspot", "associations.company", "companies"),
    ] {
        let proposed = propose(None, &schema, provider, &[]);
        assert_eq!(remote_of(&proposed, "company"), Some(path));
        let mut kept = proposed.clone();
        kept.leave_out_references(&schema, |synced| synced == object);
        assert_eq!(kept, proposed);
        let mut alone = proposed.clone();
        alone.leave_out_references(&schema, |_| false);
        assert_eq!(remote_of(&alone, "company"), None);
        assert_eq!(alone.rules.len(), alone.mapping.rules.len());
        assert!(alone.new_fields.iter().all(|field| field.name != "company"));
        let left_out = alone.left_out.iter().find(|left_out| left_out.remote == path).unwrap();
        assert!(left_out.reason.contains(object), "{left_out:?}");
        assert!(
            alone
                .notes
                .iter()
                .any(|note| note.contains(path) && note.contains("map that first"))
        );
    }
}

#[test]
fn a_match_key_of_what_is_left_out_is_left_out_with_it_and_that_is_said() {
    let schema = salesforce_contact(false);
    let mut proposed = propose(None, &schema, "salesforce", &[]);
    let part = |field: &str| MatchPart {
        field: field.into(),
        normalise: Normalisation::Exact,
    };
    let key = |fields: &[&str]| MatchKey::Exact {
        parts: fields.iter().map(|field| part(field)).collect(),
    };
    proposed.mapping.match_keys = vec![key(&["last_name", "company"]), key(&["last_name"])];
    let mut alone = proposed.clone();
    alone.leave_out_references(&schema, |_| false);
    assert_eq!(alone.mapping.match_keys, [key(&["last_name"])]);
    proposed.mapping.match_keys.truncate(1);
    proposed.leave_out_references(&schema, |_| false);
    assert_eq!(proposed.mapping.match_keys, []);
    assert!(
        proposed
            .notes
            .iter()
            .any(|note| note.contains("No match key was found")),
        "{:?}",
        proposed.notes
    );
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

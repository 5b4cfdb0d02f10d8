use syncline_core::mapping::{Direction, LensSpec, Rule};
use syncline_core::model::{Field, FieldType};
use syncline_engine::sync::NewSync;
use syncline_testkit::stage::person_mapping;

use crate::play::{HUBSPOT, Play, SALESFORCE};

fn people(play: &Play, provider: &str) -> NewSync {
    person_mapping(provider, play.stage.connections[provider].id)
}

#[tokio::test(start_paused = true)]
async fn a_rule_added_later_fills_the_field_for_records_that_have_not_changed() {
    let mut play = Play::empty().await;
    let ext = play.create(SALESFORCE, "a@x.org", &[("Department", "Sales")]);
    play.settle().await;
    let mut wider = people(&play, SALESFORCE);
    wider.fields.push(Field::new("department", FieldType::Text));
    wider.mapping.rules.push(Rule::new("department", "Department"));
    play.save(wider).await;
    play.settle().await;
    assert_eq!(play.person("a@x.org").await.entity.value(7).to_string(), "Sales");
    assert_eq!(play.held(SALESFORCE, &ext, "Department"), "Sales");
    play.is_quiet().await;
}

/// What the app decided before the mapping changed is not taken back by what the CRM held all along.
#[tokio::test(start_paused = true)]
async fn a_mapping_change_reverts_no_edit_that_waits_to_be_written() {
    let mut play = Play::empty().await;
    let ext = play.create(SALESFORCE, "a@x.org", &[("city", "Bern"), ("title", "Captain")]);
    play.settle().await;
    play.later().await;
    play.app_edit("a@x.org", "city", "Genf").await;
    play.later().await;
    // Another field is edited in the CRM, so that its record is the younger one.
    play.edit(SALESFORCE, &ext, "title", "Admiral");
    let mut wider = people(&play, SALESFORCE);
    wider.fields.push(Field::new("department", FieldType::Text));
    wider.mapping.rules.insert(0, Rule::new("department", "Department"));
    play.save(wider).await;
    play.settle().await;
    assert_eq!(play.app("a@x.org", "city").await, "Genf");
    assert_eq!(play.held(SALESFORCE, &ext, "city"), "Genf");
    assert_eq!(play.app("a@x.org", "title").await, "Admiral");
    play.is_quiet().await;
}

/// A CRM's edit from before the change is not lost either.
#[tokio::test(start_paused = true)]
async fn a_mapping_change_loses_no_edit_that_waits_to_be_read() {
    let mut play = Play::empty().await;
    let ext = play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    play.settle().await;
    play.later().await;
    play.edit(SALESFORCE, &ext, "city", "Genf");
    let mut wider = people(&play, SALESFORCE);
    wider.fields.push(Field::new("department", FieldType::Text));
    wider.mapping.rules.insert(0, Rule::new("department", "Department"));
    play.save(wider).await;
    play.settle().await;
    assert_eq!(play.app("a@x.org", "city").await, "Genf");
    play.is_quiet().await;
}

/// While a field is only read, its side agrees with whatever the app holds; written to again, it is compared.
#[tokio::test(start_paused = true)]
async fn a_field_that_was_only_read_for_a_while_gets_what_the_app_decided_meanwhile() {
    let mut play = Play::empty().await;
    let ext = play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    play.settle().await;
    let mut reading = people(&play, SALESFORCE);
    let rule = reading.mapping.rules.iter_mut().find(|rule| rule.fields == ["city"]);
    rule.unwrap().direction = Direction::Pull;
    play.save(reading).await;
    play.later().await;
    play.app_edit("a@x.org", "city", "Genf").await;
    play.edit(SALESFORCE, &ext, "title", "Admiral");
    play.settle().await;
    assert_eq!(play.held(SALESFORCE, &ext, "city"), "Bern");
    play.save(people(&play, SALESFORCE)).await;
    play.later().await;
    play.settle().await;
    assert_eq!(play.held(SALESFORCE, &ext, "city"), "Genf");
    assert_eq!(play.app("a@x.org", "city").await, "Genf");
    play.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_removed_and_comes_back_does_not_undo_what_the_app_did_meanwhile() {
    let mut play = Play::empty().await;
    let ext = play.create(SALESFORCE, "a@x.org", &[("city", "Bern"), ("title", "Captain")]);
    play.settle().await;
    let mut narrower = people(&play, SALESFORCE);
    narrower.mapping.rules.retain(|rule| rule.fields != ["city"]);
    play.save(narrower).await;
    play.settle().await;
    assert_eq!(
        play.app("a@x.org", "city").await,
        "Bern",
        "removing a rule destroys no value"
    );
    play.app_edit("a@x.org", "city", "Genf").await;
    play.settle().await;
    assert_eq!(play.held(SALESFORCE, &ext, "city"), "Bern", "not mapped, not written");
    assert_eq!(play.crm(HUBSPOT, "a@x.org", "city").await, "Genf");
    play.later().await;
    play.edit(SALESFORCE, &ext, "title", "Admiral");
    play.settle().await;
    let all = people(&play, SALESFORCE);
    play.save(all).await;
    play.settle().await;
    assert_eq!(play.app("a@x.org", "city").await, "Genf");
    assert_eq!(play.crm(HUBSPOT, "a@x.org", "city").await, "Genf");
    play.is_quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_another_kind_rereads_without_an_echo() {
    let mut play = Play::empty().await;
    play.create(SALESFORCE, "a@x.org", &[("city", "  Bern"), ("title", "Captain")]);
    play.settle().await;
    let mut other = people(&play, SALESFORCE);
    for rule in &mut other.mapping.rules {
        if rule.fields == ["title"] {
            *rule = Rule::new("title", "Title").lens(LensSpec::new("case").with("to", "upper"));
        }
    }
    play.save(other).await;
    play.settle().await;
    let writes = play.writes();
    play.settle().await;
    assert_eq!(play.writes(), writes, "it falls silent");
}

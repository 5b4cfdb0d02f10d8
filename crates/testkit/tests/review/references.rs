use syncline_core::mapping::{LensSpec, Rule};
use syncline_core::model::{Field, FieldType};
use syncline_simulators::Fields;
use syncline_testkit::stage::company_mapping;

use crate::play::{HUBSPOT, Play, SALESFORCE};

fn fields(values: &[(&str, &str)]) -> Fields {
    values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), serde_json::Value::from(*value)))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_company_that_comes_later_is_joined_to_its_people_everywhere() {
    let mut play = Play::empty().await;
    // Companies of Salesforce are not synced yet.
    let companies = play
        .syncs
        .iter()
        .find(|sync| sync.name == "salesforce-companies")
        .unwrap()
        .id;
    play.stage
        .engine
        .syncs()
        .pause(companies, "later", &play.stage.actor)
        .await
        .unwrap();
    let account = play
        .stage
        .salesforce
        .create("Account", fields(&[("Name", "Acme")]))
        .unwrap();
    play.create(SALESFORCE, "a@x.org", &[("AccountId", &account)]);
    play.settle().await;
    let person = play.person("a@x.org").await;
    assert!(person.entity.value(6).is_empty(), "it waits");
    assert_eq!(play.count(HUBSPOT), 1, "and the person does not");
    play.stage
        .engine
        .syncs()
        .resume(companies, &play.stage.actor)
        .await
        .unwrap();
    play.settle().await;
    let person = play.person("a@x.org").await;
    assert!(!person.entity.value(6).is_empty());
    let ext = play.ext(&person, HUBSPOT);
    assert_eq!(play.stage.hubspot.associated("contacts", &ext, "companies").len(), 1);
    play.is_quiet().await;
    let _ = &mut play;
}

/// Accounts that are each other's parents, which no order of creating can satisfy.
#[tokio::test(start_paused = true)]
async fn records_that_refer_to_each_other_are_created_and_then_joined() {
    let mut play = Play::empty().await;
    for provider in [SALESFORCE, HUBSPOT] {
        let mut companies = company_mapping(provider, play.stage.connections[provider].id);
        companies.fields.push(Field::new(
            "parent",
            FieldType::Reference {
                blueprint: "company".into(),
            },
        ));
        if provider == SALESFORCE {
            let rule = Rule::new("parent", "ParentId").lens(LensSpec::new("reference").with("object", "Account"));
            companies.mapping.rules.push(rule);
        }
        play.save(companies).await;
    }
    let entities = play.stage.engine.entities();
    let (tenant, actor) = (play.stage.tenant, &play.stage.actor);
    let named = |name: &str| {
        [("name".to_owned(), serde_json::Value::from(name))]
            .into_iter()
            .collect()
    };
    let one = entities.create(tenant, "company", named("One"), actor).await.unwrap();
    let two = entities.create(tenant, "company", named("Two"), actor).await.unwrap();
    for (child, parent) in [(&one, &two), (&two, &one)] {
        let patch = [("parent".to_owned(), serde_json::Value::from(parent.uid.to_string()))]
            .into_iter()
            .collect();
        let read = syncline_engine::entity::EntityRead::Blind;
        entities.update(tenant, child.uid, patch, read, actor).await.unwrap();
    }
    play.settle().await;
    let accounts = play.stage.salesforce.records("Account");
    let parent = |name: &str| {
        let account = accounts.iter().find(|account| account.fields["Name"] == name).unwrap();
        account
            .fields
            .get("ParentId")
            .and_then(|id| id.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let id = |name: &str| {
        accounts
            .iter()
            .find(|account| account.fields["Name"] == name)
            .unwrap()
            .id
            .clone()
    };
    assert_eq!((parent("One"), parent("Two")), (id("Two"), id("One")));
    play.is_quiet().await;
}

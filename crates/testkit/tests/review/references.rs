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

/// Salesforce's companies are not synced, and people name theirs.
async fn people_who_name_their_company() -> Play {
    let play = Play::mapped(|provider, sync| {
        if provider == SALESFORCE {
            sync.mapping
                .rules
                .retain(|rule| !rule.fields.contains(&"company".to_owned()));
            let named = Rule::new("company", "Account.Name").lens(LensSpec::new("reference").with("object", "Account"));
            sync.mapping.rules.push(named);
        }
    })
    .await;
    leave_companies_out(&play).await;
    play
}

async fn leave_companies_out(play: &Play) {
    let companies = play
        .syncs
        .iter()
        .find(|sync| sync.name == "salesforce-companies")
        .unwrap();
    let syncs = play.stage.engine.syncs();
    syncs.delete(companies.id, &play.stage.actor).await.unwrap();
}

async fn company(play: &Play, name: &str) -> String {
    let values = [("name".to_owned(), serde_json::Value::from(name))]
        .into_iter()
        .collect();
    let (entities, actor) = (play.stage.engine.entities(), &play.stage.actor);
    let made = entities
        .create(play.stage.tenant, "company", values, actor)
        .await
        .unwrap();
    made.uid.to_string()
}

fn employ(play: &Play, account: &str, email: &str) -> String {
    let accounts = play.stage.salesforce.records("Account");
    let known = accounts.into_iter().find(|of| of.fields["Name"] == account);
    let id = known.map_or_else(
        || {
            play.stage
                .salesforce
                .create("Account", fields(&[("Name", account)]))
                .unwrap()
        },
        |known| known.id,
    );
    play.create(SALESFORCE, email, &[("AccountId", &id), ("city", "Bern")])
}

#[tokio::test]
async fn a_company_that_is_not_synced_is_found_by_its_key_or_by_a_name_that_only_one_has() {
    let play = people_who_name_their_company().await;
    let acme = company(&play, "ACME  Corp").await;
    employ(&play, "Acme Corp", "a@x.org");
    // Its account carries our key for a name.
    employ(&play, &acme, "b@x.org");
    play.run(SALESFORCE).await;
    for email in ["a@x.org", "b@x.org"] {
        let person = play.person(email).await;
        assert_eq!(person.entity.value(6).to_string(), acme, "{email}");
    }
    assert_eq!(play.conflicts().await.len(), 0);
}

#[tokio::test]
async fn a_reference_that_nothing_resolves_is_asked_about_and_holds_nothing_else_up() {
    let play = people_who_name_their_company().await;
    for _ in 0..2 {
        company(&play, "Twin").await;
    }
    let twin = employ(&play, "Twin", "a@x.org");
    employ(&play, "Unheard of", "b@x.org");
    for _ in 0..3 {
        play.run(SALESFORCE).await;
        play.run(HUBSPOT).await;
    }
    let asked = play.conflicts().await;
    assert_eq!(asked.len(), 2, "{asked:#?}");
    for review in &asked {
        assert_eq!(review.reason, syncline_core::plan::ReviewReason::UnresolvedReference);
        assert_eq!(review.fields, ["company"]);
    }
    assert_eq!(play.app("a@x.org", "city").await, "Bern");
    assert_eq!(play.count(HUBSPOT), 2);
    play.later().await;
    play.edit(SALESFORCE, &twin, "city", "Genf");
    play.run(SALESFORCE).await;
    assert_eq!(play.app("a@x.org", "city").await, "Genf");
    assert_eq!(play.conflicts().await.len(), 2, "the same question once");
    // Now that there is one of this name, the question answers itself at the next look.
    let heard = company(&play, "unheard OF").await;
    play.stage
        .sync(
            SALESFORCE,
            syncline_engine::run::RunParameters {
                full: true,
                ..Default::default()
            },
        )
        .await
        .unwrap();
    let other = play.person("b@x.org").await;
    play.edit(SALESFORCE, &play.ext(&other, SALESFORCE), "city", "Basel");
    play.run(SALESFORCE).await;
    assert_eq!(play.person("b@x.org").await.entity.value(6).to_string(), heard);
    assert_eq!(play.conflicts().await.len(), 1);
}

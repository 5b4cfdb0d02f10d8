use syncline_core::plan::ReviewReason;
use syncline_core::state::Presence;
use syncline_engine::conflict::Resolution;
use syncline_engine::sync::NewSync;
use syncline_simulators::Fields;
use syncline_testkit::stage::person_mapping;

use crate::play::{HUBSPOT, Play, SALESFORCE};

/// People are leads in Salesforce; some of them are contacts as well where `contacts` says so.
async fn leads(contacts: bool, contacts_first: bool) -> Play {
    let mut play = Play::mapped(|provider, sync| {
        if provider == SALESFORCE {
            *sync = if contacts_first { only_read(sync) } else { lead(sync) };
        }
    })
    .await;
    if contacts {
        let connection = play.stage.connections[SALESFORCE].id;
        let people = person_mapping(SALESFORCE, connection);
        let other = if contacts_first {
            lead(&people)
        } else {
            only_read(&people)
        };
        let other = NewSync {
            name: "salesforce-others".to_owned(),
            ..other
        };
        play.save(other).await;
    }
    play
}

fn lead(people: &NewSync) -> NewSync {
    let mut new = people.clone();
    new.mapping.object = "Lead".to_owned();
    new.mapping.create_in_crm = false;
    new.mapping.marker = None;
    new.mapping.rules.retain(|rule| rule.fields != ["company"]);
    for rule in &mut new.mapping.rules {
        if rule.remote == ["MailingCity"] {
            rule.remote = vec!["City".to_owned()];
        }
    }
    new
}

fn only_read(people: &NewSync) -> NewSync {
    let mut new = people.clone();
    new.mapping.create_in_crm = false;
    new
}

fn new_lead(play: &Play) -> String {
    let fields: Fields = [
        ("LastName", "Lovelace"),
        ("Company", "Engines"),
        ("Email", "ada@x.org"),
        ("City", "London"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.into()))
    .collect();
    play.stage.salesforce.create("Lead", fields).unwrap()
}

#[tokio::test]
async fn a_converted_lead_goes_on_as_its_contact_in_the_sync_of_contacts() {
    for contacts_first in [false, true] {
        let play = leads(true, contacts_first).await;
        let lead = new_lead(&play);
        play.settle().await;
        let before = play.person("ada@x.org").await;
        play.later().await;
        let became = play.stage.salesforce.convert_lead(&lead, None).unwrap();
        play.settle().await;
        let after = play.person("ada@x.org").await;
        assert_eq!(after.entity.uid, before.entity.uid, "the same person as before");
        let live: Vec<_> = after
            .sides
            .iter()
            .filter(|side| side.presence == Presence::Live)
            .filter_map(|side| side.ext.clone())
            .collect();
        assert!(live.contains(&became.contact), "{live:?}");
        assert!(
            after
                .sides
                .iter()
                .any(|side| side.presence == Presence::Converted(became.contact.clone())),
            "{:?}",
            after.sides
        );
        assert!(play.conflicts().await.is_empty(), "{:#?}", play.conflicts().await);
        assert_eq!((play.people().await.len(), play.count(HUBSPOT)), (1, 1));
        // What is edited in the contact from now on is edited in this person.
        play.later().await;
        play.edit(SALESFORCE, &became.contact, "title", "Countess");
        play.settle().await;
        assert_eq!(play.app("ada@x.org", "title").await, "Countess");
        assert_eq!(play.crm(HUBSPOT, "ada@x.org", "title").await, "Countess");
    }
}

#[tokio::test]
async fn a_lead_converted_into_what_is_not_synced_is_asked_about_and_nothing_is_deleted() {
    for (resolution, left) in [(Resolution::KeepBoth, 1), (Resolution::DeleteRecord, 0)] {
        let play = leads(false, false).await;
        let lead = new_lead(&play);
        play.settle().await;
        play.later().await;
        let became = play.stage.salesforce.convert_lead(&lead, Some("Engine")).unwrap();
        play.settle().await;
        let open = play.conflicts().await;
        assert_eq!(open.len(), 1, "{open:#?}");
        assert_eq!(open[0].reason, ReviewReason::Converted);
        assert!(open[0].explanation.contains(&format!("Contact {}", became.contact)));
        assert!(open[0].explanation.contains("Opportunity "), "{}", open[0].explanation);
        assert_eq!((play.people().await.len(), play.count(HUBSPOT)), (1, 1));
        let (conflicts, actor) = (play.stage.engine.conflicts(), &play.stage.actor);
        conflicts
            .resolve(play.stage.tenant, open[0].id, open[0].version, &resolution, actor)
            .await
            .unwrap();
        play.settle().await;
        assert_eq!(play.people().await.len(), left);
        assert!(play.conflicts().await.is_empty());
    }
}

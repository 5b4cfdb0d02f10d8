//! Pushes.

use syncline_core::batch::OutcomeKind;
use syncline_simulators::Fault;

use crate::connector::scene::{delete, update};
use crate::connector::{Act, Need, Scene, Written};

topic! { "push":
    one_outcome_per_write(Need::Nothing, 230) "A push returns exactly one outcome per write over all its steps, however many writes there are.",
    a_create_makes_one_record(Need::Nothing, 3) "A create makes one record that holds the fields, and its outcome carries the id.",
    a_marked_create_makes_one_record(Need::Marker, 3) "`create.marker`: a create that is sent again makes no second record.",
    an_update_changes_what_it_names(Need::Nothing, 3) "An update changes the fields it names and no other.",
    null_clears(Need::Nothing, 3) "Null clears a field.",
    an_update_of_nothing_is_gone(Need::Nothing, 5) "An update of a record that is gone is `Gone`.",
    a_delete_deletes(Need::Nothing, 5) "A delete removes the record from the live ones; deleting it again is `Gone` or `Applied`.",
    a_refusal_is_one_records_alone(Need::Nothing, 10) "A write that the provider refuses is `Rejected` with the reason, and the others of its batch are applied.",
    rows_tell_what_is_held(Need::Nothing, 5) "A row that comes with an outcome holds what a strong read finds then; a partial one tells at least every field that was written.",
    nothing_unknown_is_repeated(Need::Act(Act::Fault(Fault::AppliedTimeout)), 5) "A push never repeats a write by itself whose outcome is unknown.",
}

async fn push(scene: &Scene<'_>, writes: Vec<syncline_core::job::Write>) -> Vec<Written> {
    scene.push(writes).await.expect("a push that can begin")
}

async fn one_outcome_per_write(scene: &Scene<'_>) {
    let subject = scene.subject();
    let ids: Vec<String> = scene.live().into_iter().collect();
    let mut writes: Vec<_> = (0..230)
        .map(|number| scene.create(None, &[(&subject.name, &format!("New {number}"))]))
        .collect();
    writes.extend(ids[..115].iter().map(|id| update(id, &[(&subject.city, "Changed")])));
    writes.extend(ids[115..].iter().map(|id| delete(id)));
    let written = push(scene, writes).await;
    for written in &written {
        assert!(
            matches!(written.outcome.kind, OutcomeKind::Applied { .. }),
            "{written:?}"
        );
    }
    let records = scene.remote.records();
    let with = |field: &str, text: &str| {
        records
            .iter()
            .filter(|held| held.fields.get(field).is_some_and(|held| held.starts_with(text)))
            .count()
    };
    assert_eq!(
        (
            records.len(),
            with(&subject.name, "New "),
            with(&subject.city, "Changed")
        ),
        (345, 230, 115)
    );
    assert!(push(scene, Vec::new()).await.is_empty());
}

async fn a_create_makes_one_record(scene: &Scene<'_>) {
    let subject = scene.subject();
    let write = scene.create(None, &[(&subject.name, "Ümläut \"'\\"), (&subject.city, "東京\nTokyo")]);
    let written = push(scene, vec![write]).await;
    assert_eq!(written[0].outcome.kind, OutcomeKind::Applied { created: true });
    let id = written[0].outcome.id.clone().expect("the id");
    let held = scene.held(&id).expect("the record");
    assert_eq!(held.fields[&subject.name], "Ümläut \"'\\");
    assert_eq!(held.fields[&subject.city], "東京\nTokyo");
    assert_eq!(scene.live().len(), 4);
}

async fn a_marked_create_makes_one_record(scene: &Scene<'_>) {
    let subject = scene.subject();
    let write = |city: &str| scene.create(Some("key-1"), &[(&subject.name, "Once"), (&subject.city, city)]);
    let first = push(scene, vec![write("Ulm")]).await;
    scene.pass(10);
    let second = push(scene, vec![write("Bonn")]).await;
    assert_eq!(first[0].outcome.kind, OutcomeKind::Applied { created: true });
    assert_eq!(second[0].outcome.kind, OutcomeKind::Applied { created: false });
    assert_eq!(first[0].outcome.id, second[0].outcome.id);
    assert_eq!(scene.live().len(), 4);
    let held = scene.held(first[0].outcome.id.as_ref().unwrap()).unwrap();
    assert_eq!(held.fields[&subject.city], "Bonn");
    assert_eq!(held.fields[subject.marker.as_ref().unwrap()], "key-1");
}

async fn an_update_changes_what_it_names(scene: &Scene<'_>) {
    let subject = scene.subject();
    let id = scene.remote.create(&[
        (&subject.name, "Name"),
        (&subject.note, "Note"),
        (&subject.city, "City"),
    ]);
    scene.apply(vec![update(&id, &[(&subject.city, "Else")])]).await;
    let held = scene.held(&id).unwrap();
    let texts = [&subject.name, &subject.note, &subject.city].map(|field| held.fields[field].as_str());
    assert_eq!(texts, ["Name", "Note", "Else"]);
}

async fn null_clears(scene: &Scene<'_>) {
    let subject = scene.subject();
    let id = scene.remote.create(&[(&subject.name, "Name"), (&subject.note, "Note")]);
    scene.apply(vec![update(&id, &[(&subject.note, "")])]).await;
    let held = scene.held(&id).unwrap();
    assert_eq!(held.fields.get(&subject.note).map_or("", String::as_str), "");
    assert_eq!(held.fields[&subject.name], "Name");
}

async fn an_update_of_nothing_is_gone(scene: &Scene<'_>) {
    let subject = scene.subject();
    let ids: Vec<String> = scene.live().into_iter().collect();
    scene.remote.delete(&ids[0]);
    let change = [(subject.city.as_str(), "Changed")];
    let writes = [&ids[0], &ids[1], &subject.missing].map(|id| update(id, &change));
    let kinds: Vec<_> = push(scene, writes.into())
        .await
        .into_iter()
        .map(|written| written.outcome.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            OutcomeKind::Gone,
            OutcomeKind::Applied { created: false },
            OutcomeKind::Gone
        ]
    );
}

async fn a_delete_deletes(scene: &Scene<'_>) {
    let ids: Vec<String> = scene.live().into_iter().collect();
    scene.apply(vec![delete(&ids[0]), delete(&ids[1])]).await;
    assert_eq!(scene.live(), ids[2..].iter().cloned().collect());
    let again = push(scene, vec![delete(&ids[0]), delete(&scene.subject().missing)]).await;
    for written in again {
        let kind = &written.outcome.kind;
        assert!(
            matches!(kind, OutcomeKind::Gone | OutcomeKind::Applied { .. }),
            "{written:?}"
        );
    }
}

async fn a_refusal_is_one_records_alone(scene: &Scene<'_>) {
    let subject = scene.subject();
    let (field, text) = (&subject.refused.0, &subject.refused.1);
    let ids: Vec<String> = scene.live().into_iter().collect();
    let mut writes: Vec<_> = ids.iter().map(|id| update(id, &[(&subject.city, "Changed")])).collect();
    writes[3] = update(&ids[3], &[(&subject.city, "Changed"), (field, text)]);
    for (index, written) in push(scene, writes).await.into_iter().enumerate() {
        let outcome = written.outcome;
        if index == 3 {
            let OutcomeKind::Rejected { fields } = &outcome.kind else {
                panic!("{outcome:?}")
            };
            assert!(fields.contains(field), "{outcome:?}");
            assert!(outcome.message.is_some_and(|message| !message.is_empty()));
        } else {
            assert_eq!(outcome.kind, OutcomeKind::Applied { created: false }, "{outcome:?}");
        }
    }
    let changed = scene.remote.records();
    let changed = changed
        .iter()
        .filter(|held| held.fields.get(&subject.city).is_some_and(|city| city == "Changed"));
    assert_eq!(changed.count(), ids.len() - 1);
}

async fn rows_tell_what_is_held(scene: &Scene<'_>) {
    let subject = scene.subject();
    let id = scene.live().into_iter().next().unwrap();
    let writes = vec![
        update(&id, &[(&subject.city, "Ulm "), (&subject.note, "")]),
        scene.create(None, &[(&subject.name, "Row"), (&subject.city, " Bonn")]),
    ];
    // Name, note and city: what each of the two names.
    let named = [[false, true, true], [true, false, true]];
    for (written, named) in push(scene, writes).await.into_iter().zip(named) {
        let id = written.outcome.id.clone().expect("the id");
        let read = scene.fetch_one(&id).await;
        if let Some(row) = written.row {
            assert_eq!(row.id, id);
            for (place, (told, held)) in row.values.iter().zip(&read.values).enumerate() {
                assert!(
                    told == held || told.is_none() && !named[place],
                    "{place}: {told:?}, {held:?}"
                );
            }
        }
        if let (Some(told), Some(read)) = (written.outcome.stamp, read.stamp) {
            assert_eq!(told, read, "the stamp of the outcome");
        }
    }
}

async fn nothing_unknown_is_repeated(scene: &Scene<'_>) {
    let subject = scene.subject();
    let ids: Vec<String> = scene.live().into_iter().collect();
    let writes = [
        scene.create(None, &[(&subject.name, "Once")]),
        update(&ids[0], &[(&subject.city, "Once")]),
        delete(&ids[1]),
    ];
    for write in writes {
        let before = scene.host.writes().len();
        scene.remote.misbehave(Fault::AppliedTimeout);
        let written = push(scene, vec![write]).await;
        assert_eq!(written[0].outcome.kind, OutcomeKind::Unknown, "{written:?}");
        assert_eq!(scene.host.writes().len(), before + 1, "sent once");
    }
    assert_eq!(scene.live().len(), 5);
}

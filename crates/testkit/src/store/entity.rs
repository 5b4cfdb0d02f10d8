use syncline_core::model::BlueprintId;
use syncline_core::state::{Entity, EntityId};
use syncline_core::store::{EntityQuery, Store};
use syncline_core::value::{DateTime, Precision, Value};
use syncline_core::{ErrorKind, Result};

use super::sample::{BLUEPRINT, OTHER, SIDE, TENANT, at, entity, put, read, refused, side, uid, write};

topic![
    an_entity_comes_back_as_it_was,
    every_kind_of_value_survives,
    an_entity_is_replaced_by_its_number,
    a_number_must_have_been_given,
    a_uid_belongs_to_one_entity_of_a_tenant,
    load_gives_each_entity_once_by_number_with_its_sides_by_slot,
    a_large_page_is_stored_and_loaded_whole,
    uids_are_found_in_the_given_order,
    entities_are_listed_by_number,
    listings_keep_to_tenant_blueprint_and_deletion,
    entities_without_a_side_are_found,
    removed_entities_are_gone_with_their_uids,
    an_entity_with_a_side_is_not_removed,
];

async fn an_entity_comes_back_as_it_was(store: &dyn Store) -> Result<()> {
    put(store, &[entity(3)], &[]).await?;
    let found = read(store).await?.load(&[3]).await?;
    assert_eq!(found[0].entity, entity(3));
    assert!(found[0].sides.is_empty());
    Ok(())
}

async fn every_kind_of_value_survives(store: &dyn Store) -> Result<()> {
    let values = vec![
        Value::Null,
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::from_number("12.50"),
        Value::Float(-0.1),
        Value::text("naïve \u{1F600}\n"),
        Value::Date(jiff::civil::date(1969, 12, 31)),
        Value::DateTime(DateTime::new(at(1), Precision::Second)),
        Value::List(vec![Value::Int(1), Value::text("b")]),
        Value::Json(serde_json::json!({ "a": [1, { "b": null }] })),
    ];
    let wanted = Entity { values, ..entity(1) };
    put(store, std::slice::from_ref(&wanted), &[]).await?;
    assert_eq!(read(store).await?.load(&[1]).await?[0].entity, wanted);
    Ok(())
}

async fn an_entity_is_replaced_by_its_number(store: &dyn Store) -> Result<()> {
    put(store, &[entity(1)], &[]).await?;
    let changed = Entity {
        rev: 2,
        deleted: true,
        values: vec![Value::text("other")],
        decisions: Vec::new(),
        frozen: Vec::new(),
        ..entity(1)
    };
    put(store, std::slice::from_ref(&changed), &[]).await?;
    assert_eq!(read(store).await?.load(&[1]).await?[0].entity, changed);
    Ok(())
}

async fn a_number_must_have_been_given(store: &dyn Store) -> Result<()> {
    for number in [0, -1, 1 << 55] {
        let mut transaction = write(store).await?;
        let refusal = transaction.put_entities(&[&entity(number)]).await;
        assert_eq!(refused(refusal)?, ErrorKind::Invalid, "{number}");
    }
    Ok(())
}

async fn a_uid_belongs_to_one_entity_of_a_tenant(store: &dyn Store) -> Result<()> {
    put(store, &[entity(1)], &[]).await?;
    let elsewhere = Entity {
        uid: uid(1),
        tenant: 2,
        ..entity(2)
    };
    put(store, &[elsewhere], &[]).await?;
    let twin = Entity {
        uid: uid(1),
        ..entity(3)
    };
    let refusal = write(store).await?.put_entities(&[&twin]).await;
    assert_eq!(refused(refusal)?, ErrorKind::Exists);
    Ok(())
}

async fn load_gives_each_entity_once_by_number_with_its_sides_by_slot(store: &dyn Store) -> Result<()> {
    let sides = [side(2, OTHER, "b"), side(2, SIDE, "a"), side(9, SIDE, "c")];
    put(store, &[entity(2), entity(1)], &sides).await?;
    let found = read(store).await?.load(&[9, 2, 1, 2, 77]).await?;
    let numbers: Vec<EntityId> = found.iter().map(|linked| linked.entity.id).collect();
    assert_eq!(numbers, [1, 2]);
    assert!(found[0].sides.is_empty());
    assert_eq!(found[1].sides, [side(2, SIDE, "a"), side(2, OTHER, "b")]);
    Ok(())
}

async fn a_large_page_is_stored_and_loaded_whole(store: &dyn Store) -> Result<()> {
    let numbers: Vec<EntityId> = (1..=2_777).collect();
    let entities: Vec<Entity> = numbers.iter().map(|number| entity(*number)).collect();
    let sides: Vec<_> = numbers
        .iter()
        .map(|number| side(*number, SIDE, &format!("ext {number}")))
        .collect();
    put(store, &entities, &sides).await?;
    let found = read(store).await?.load(&numbers).await?;
    assert_eq!(found.len(), numbers.len());
    for (linked, number) in found.iter().zip(&numbers) {
        assert_eq!(linked.entity, entity(*number));
        assert_eq!(linked.sides, [side(*number, SIDE, &format!("ext {number}"))]);
    }
    Ok(())
}

async fn uids_are_found_in_the_given_order(store: &dyn Store) -> Result<()> {
    put(store, &[entity(1), entity(2)], &[]).await?;
    let wanted = [uid(2), uid(5), uid(1), uid(2)];
    let mut reader = read(store).await?;
    assert_eq!(
        reader.find_uids(TENANT, &wanted).await?,
        [Some(2), None, Some(1), Some(2)]
    );
    assert_eq!(reader.find_uids(TENANT + 1, &wanted).await?, [None; 4]);
    Ok(())
}

async fn entities_are_listed_by_number(store: &dyn Store) -> Result<()> {
    put(store, &[entity(3), entity(1), entity(2)], &[side(1, SIDE, "a")]).await?;
    let query = EntityQuery {
        tenant: TENANT,
        blueprint: BLUEPRINT,
        after: 0,
        deleted: None,
        limit: 2,
    };
    let mut reader = read(store).await?;
    assert_eq!(reader.entities(&query).await?, [entity(1), entity(2)]);
    let next = EntityQuery {
        after: 2,
        ..query.clone()
    };
    assert_eq!(reader.entities(&next).await?, [entity(3)]);
    assert_eq!(reader.entity_after(&query, 2).await?, Some(3));
    assert_eq!(reader.entity_after(&query, 3).await?, None);
    assert_eq!(reader.entity_after(&next, 0).await?, Some(3));
    assert_eq!(reader.count_entities(&next).await?, 3);
    Ok(())
}

async fn listings_keep_to_tenant_blueprint_and_deletion(store: &dyn Store) -> Result<()> {
    let deleted = Entity {
        deleted: true,
        ..entity(2)
    };
    let other_tenant = Entity { tenant: 2, ..entity(3) };
    let other_blueprint = Entity {
        blueprint: 2,
        ..entity(4)
    };
    put(store, &[entity(1), deleted, other_tenant, other_blueprint], &[]).await?;
    let mut reader = read(store).await?;
    let wanted: [(u32, BlueprintId, Option<bool>, &[EntityId]); 6] = [
        (1, 1, None, &[1, 2]),
        (1, 1, Some(false), &[1]),
        (1, 1, Some(true), &[2]),
        (2, 1, None, &[3]),
        (1, 2, None, &[4]),
        (2, 2, None, &[]),
    ];
    for (tenant, blueprint, deleted, numbers) in wanted {
        let query = EntityQuery {
            tenant,
            blueprint,
            after: 0,
            deleted,
            limit: 10,
        };
        let found = reader.entities(&query).await?;
        let found: Vec<EntityId> = found.iter().map(|entity| entity.id).collect();
        assert_eq!(found, numbers, "{query:?}");
        assert_eq!(
            reader.entity_after(&query, 0).await?,
            numbers.first().copied(),
            "{query:?}"
        );
        assert_eq!(reader.count_entities(&query).await?, numbers.len() as u64);
    }
    Ok(())
}

async fn entities_without_a_side_are_found(store: &dyn Store) -> Result<()> {
    let deleted = Entity {
        deleted: true,
        ..entity(4)
    };
    let other_blueprint = Entity {
        blueprint: 2,
        ..entity(6)
    };
    let mut gone = side(3, SIDE, "gone");
    gone.presence = syncline_core::state::Presence::Unlinked;
    put(
        store,
        &[entity(1), entity(2), entity(3), deleted, entity(5), other_blueprint],
        &[side(1, SIDE, "a"), side(2, OTHER, "b"), gone],
    )
    .await?;
    let mut reader = read(store).await?;
    assert_eq!(reader.without_side(BLUEPRINT, SIDE, 0, 10).await?, [2, 5]);
    assert_eq!(reader.without_side(BLUEPRINT, SIDE, 0, 1).await?, [2]);
    assert_eq!(reader.without_side(BLUEPRINT, SIDE, 2, 10).await?, [5]);
    assert_eq!(reader.without_side(BLUEPRINT, OTHER, 0, 10).await?, [1, 3, 5]);
    Ok(())
}

async fn removed_entities_are_gone_with_their_uids(store: &dyn Store) -> Result<()> {
    put(store, &[entity(1), entity(2)], &[]).await?;
    let mut transaction = write(store).await?;
    transaction.delete_entities(&[1, 77]).await?;
    assert_eq!(transaction.load(&[1, 2]).await?.len(), 1);
    assert_eq!(transaction.find_uids(TENANT, &[uid(1)]).await?, [None]);
    let heir = Entity {
        uid: uid(1),
        ..entity(3)
    };
    transaction.put_entities(&[&heir]).await?;
    transaction.commit().await
}

async fn an_entity_with_a_side_is_not_removed(store: &dyn Store) -> Result<()> {
    put(store, &[entity(1), entity(2)], &[side(2, SIDE, "a")]).await?;
    let refusal = write(store).await?.delete_entities(&[1, 2]).await;
    assert_eq!(refused(refusal)?, ErrorKind::Internal);
    let mut transaction = write(store).await?;
    transaction.delete_sides(&[side(2, SIDE, "a").key]).await?;
    transaction.delete_entities(&[1, 2]).await?;
    assert!(transaction.load(&[1, 2]).await?.is_empty());
    Ok(())
}

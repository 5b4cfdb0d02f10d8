//! What a pull asks for by the page: comparing what was seen, and storing what is new.

use syncline_core::sighting::{Known, Sighting};
use syncline_core::state::{CreatedPage, CreatedRecord, Entity, Presence, Side, SideFlags, encode_decisions};
use syncline_core::store::Store;
use syncline_core::value::{content_hash, encode_all};
use syncline_core::{ErrorKind, Result};

use super::sample::{SIDE, at, entity, key, put, read, refused, side, write};

topic![
    a_page_of_creations_is_stored_as_its_records_would_be,
    a_page_that_takes_a_remote_id_of_another_is_refused,
    a_sighting_is_compared_with_the_whole_head,
    a_page_of_unknown_records_is_unknown,
    a_sighting_follows_aliases,
];

/// Entities as a first creation makes them, and their sides.
fn first_creations() -> Vec<(Entity, Side)> {
    (1..=7)
        .map(|number| {
            let mut entity = entity(number);
            entity.rev = 1;
            entity.deleted = false;
            entity.frozen.clear();
            let obs = encode_all(&entity.values);
            let side = Side {
                ext: Some(format!("ext \"{number}")),
                presence: Presence::Live,
                stamp: (number % 2 == 0).then_some(entity.created_at),
                obs_seq: 8,
                base_rev: 1,
                mapping_version: 3,
                hash: content_hash(&obs),
                obs,
                ..Side::new(key(number, SIDE))
            };
            (entity, side)
        })
        .collect()
}

async fn create(store: &dyn Store, records: &[(Entity, Side)]) -> Result<()> {
    let packed: Vec<(Vec<u8>, Vec<u8>)> = records
        .iter()
        .map(|(entity, _)| {
            (
                encode_all(&entity.values),
                encode_decisions(&entity.decisions, &entity.frozen),
            )
        })
        .collect();
    let (template, first) = &records[0];
    let mut page = CreatedPage::new(template.clone(), first.key, first.mapping_version, first.obs_seq);
    for ((entity, side), (values, decisions)) in records.iter().zip(&packed) {
        page.push(CreatedRecord {
            id: entity.id,
            uid: entity.uid,
            ext: side.ext.as_deref().unwrap_or_default(),
            stamp: side.stamp,
            hash: side.hash,
            obs: &side.obs,
            values,
            decisions,
        });
    }
    let mut tx = write(store).await?;
    tx.put_created(&page).await?;
    tx.commit().await
}

async fn a_page_of_creations_is_stored_as_its_records_would_be(store: &dyn Store) -> Result<()> {
    let records = first_creations();
    create(store, &records).await?;
    let found = read(store).await?.load(&[1, 2, 3, 4, 5, 6, 7]).await?;
    assert_eq!(found.len(), records.len());
    let (template, _) = records[0].clone();
    for (found, (entity, side)) in found.into_iter().zip(records) {
        let entity = Entity {
            created_at: template.created_at,
            updated_at: template.updated_at,
            updated_by: template.updated_by.clone(),
            ..entity
        };
        assert_eq!(found.entity, entity);
        assert_eq!(found.sides, [side]);
    }
    Ok(())
}

async fn a_page_that_takes_a_remote_id_of_another_is_refused(store: &dyn Store) -> Result<()> {
    put(store, &[entity(50)], &[side(50, SIDE, "ext \"3")]).await?;
    assert_eq!(refused(create(store, &first_creations()).await)?, ErrorKind::Exists);
    assert!(read(store).await?.load(&[1]).await?.is_empty());
    Ok(())
}

/// A live side about which nothing is left to do.
fn settled(number: i64) -> Side {
    Side {
        presence: Presence::Live,
        flags: SideFlags::PUSH,
        // All hold the same, so that only what is said of each tells them apart.
        hash: 7,
        stamp: Some(at(0)),
        ..side(number, SIDE, &format!("ext {number}"))
    }
}

async fn a_sighting_is_compared_with_the_whole_head(store: &dyn Store) -> Result<()> {
    let mut sides: Vec<Side> = (1..=8).map(settled).collect();
    sides[1].flags.set(SideFlags::READ);
    sides[2].flags.set(SideFlags::WAITING);
    sides[3].flags.set(SideFlags::FAILED);
    sides[4].presence = Presence::Archived;
    sides[5].stamp = None;
    sides[6].mapping_version += 1;
    let entities: Vec<Entity> = (1..=8).map(entity).collect();
    put(store, &entities, &sides).await?;
    let version = sides[0].mapping_version;
    let exts: Vec<String> = (1..=9).map(|number| format!("ext {number}")).collect();
    for (hash, stamp) in [
        (Some(sides[0].hash), sides[0].stamp),
        (Some(sides[0].hash), None),
        (Some(sides[0].hash ^ 1), sides[0].stamp),
        (None, sides[0].stamp),
    ] {
        // The last first: answers come in the order of the questions.
        let sightings: Vec<Sighting<'_>> = exts.iter().rev().map(|ext| Sighting { ext, hash, stamp }).collect();
        let mut tx = read(store).await?;
        let asked: Vec<&str> = sightings.iter().map(|sighting| sighting.ext).collect();
        let heads = tx.heads(SIDE, &asked).await?;
        let known = tx.compare(SIDE, &sightings, version).await?;
        let expected: Vec<Known> = sightings
            .iter()
            .zip(heads)
            .map(|(sighting, head)| Known::of(sighting, head, version))
            .collect();
        let kinds = |known: &[Known]| -> Vec<Option<bool>> {
            let kind = |known: &Known| match known {
                Known::Unknown => None,
                Known::Same(_) => Some(true),
                Known::Side(_) => Some(false),
            };
            known.iter().map(kind).collect()
        };
        assert_eq!(kinds(&known), kinds(&expected), "{hash:?} {stamp:?}");
        for (known, expected) in known.iter().zip(&expected) {
            match (known, expected) {
                // It may tell the mark of all of them at once.
                (Known::Same(mark), Known::Same(own)) => assert!(mark >= own),
                _ => assert_eq!(known, expected),
            }
        }
    }
    Ok(())
}

async fn a_page_of_unknown_records_is_unknown(store: &dyn Store) -> Result<()> {
    put(store, &[entity(1)], &[settled(1)]).await?;
    let sighting = |ext| Sighting {
        ext,
        hash: Some(1),
        stamp: None,
    };
    let mut tx = read(store).await?;
    let known = tx.compare(SIDE, &[sighting("zz"), sighting("zy")], 1).await?;
    assert_eq!(known, [Known::Unknown, Known::Unknown]);
    assert!(tx.compare(SIDE, &[], 1).await?.is_empty());
    Ok(())
}

async fn a_sighting_follows_aliases(store: &dyn Store) -> Result<()> {
    let side = settled(1);
    put(store, &[entity(1)], std::slice::from_ref(&side)).await?;
    let mut tx = write(store).await?;
    tx.put_alias(SIDE, "zz", "ext 1").await?;
    let sighting = Sighting {
        ext: "zz",
        hash: Some(side.hash),
        stamp: side.stamp,
    };
    let known = tx.compare(SIDE, &[sighting], side.mapping_version).await?;
    assert!(matches!(known.as_slice(), [Known::Same(_)]), "{known:?}");
    Ok(())
}

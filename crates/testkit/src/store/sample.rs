//! Small records to store, each different from the next.

use std::collections::BTreeMap;

use jiff::Timestamp;
use syncline_core::model::TenantId;
use syncline_core::state::{
    Actor, Base, Cause, Decision, Entity, EntityId, Ghost, GroupState, Operation, OperationState, OperationVerb,
    Presence, Quarantine, Side, SideId, SideKey, Stamp,
};
use syncline_core::store::{Document, DocumentKind, Mode, Store, Transaction};
use syncline_core::value::{Value, content_hash, encode_all};
use syncline_core::{Error, ErrorKind, Result};
use uuid::Uuid;

pub(super) const TENANT: TenantId = 1;
pub(super) const BLUEPRINT: u32 = 1;
pub(super) const SIDE: SideId = 7;
pub(super) const OTHER: SideId = 8;

/// Seconds after a fixed moment.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(super) fn uid(number: i64) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | u128::from(number.unsigned_abs()))
}

pub(super) fn document(kind: DocumentKind, key: Option<&str>) -> Document {
    Document {
        kind,
        id: 0,
        tenant: TENANT,
        scope: 0,
        key: key.map(str::to_owned),
        status: "open".to_owned(),
        at: at(0),
        version: 0,
        body: serde_json::json!({ "name": key, "list": [1, 2.5, null] }),
    }
}

pub(super) fn entity(id: EntityId) -> Entity {
    Entity {
        id,
        uid: uid(id),
        tenant: TENANT,
        blueprint: BLUEPRINT,
        blueprint_version: 1,
        rev: 1,
        deleted: false,
        values: vec![Value::Int(id), Value::text(format!("name {id}")), Value::Null],
        decisions: vec![Decision {
            rev: 1,
            mark: 5,
            cause: Cause::App,
            stamp: Stamp {
                at: id,
                source: id,
                rank: 1,
            },
            groups: vec![(1, None), (2, Some(vec![Value::text("before")]))],
        }],
        frozen: vec![(2, 3)],
        trail: Vec::new(),
        created_at: at(0),
        updated_at: at(id),
        updated_by: Actor("alice".to_owned()),
    }
}

pub(super) const fn key(entity: EntityId, side: SideId) -> SideKey {
    SideKey {
        entity,
        side,
        slot: side as u8,
    }
}

/// A live side with all its columns filled.
pub(super) fn side(entity: EntityId, side: SideId, ext: &str) -> Side {
    let obs = encode_all([&Value::text(ext), &Value::Int(entity)]);
    Side {
        key: key(entity, side),
        ext: Some(ext.to_owned()),
        presence: Presence::Live,
        stamp: Some(at(entity)),
        obs_seq: 11,
        write_seq: 12,
        base_rev: 1,
        mapping_version: 2,
        marker: Some(format!("marker {entity}")),
        hash: content_hash(&obs),
        obs,
        groups: BTreeMap::from([(
            2,
            GroupState {
                base: Base::Held(vec![Value::text("held")]),
                base_rev: Some(4),
                ghosts: vec![Ghost {
                    values: vec![Value::Int(9)],
                    until: at(60),
                }],
                quarantine: Some(Quarantine {
                    error: "too long".to_owned(),
                    input_hash: 77,
                }),
                not_kept: Some(2),
            },
        )]),
        ..Side::new(key(entity, side))
    }
}

/// An operation planned `seconds` after the start.
pub(super) fn operation(number: i64, state: OperationState, seconds: i64) -> Operation {
    Operation {
        id: uid(number),
        tenant: TENANT,
        key: key(number, SIDE),
        run: 3,
        verb: OperationVerb::Update,
        state,
        attempts: 1,
        rev: 4,
        mapping_version: 2,
        groups: vec![1, 2],
        target: vec![(0, Value::text("new")), (3, Value::Float(0.1 + 0.2))],
        expected: vec![(0, Value::text("old")), (3, Value::Float(f64::NAN))],
        marker: Some(("External_Id__c".to_owned(), "x".to_owned())),
        not_before: None,
        sent_at: Some(at(seconds)),
        created_at: at(seconds),
        error: None,
    }
}

pub(super) async fn read(store: &dyn Store) -> Result<Box<dyn Transaction>> {
    store.begin(Mode::Read).await
}

pub(super) async fn write(store: &dyn Store) -> Result<Box<dyn Transaction>> {
    store.begin(Mode::Write).await
}

/// Commits entities and sides.
pub(super) async fn put(store: &dyn Store, entities: &[Entity], sides: &[Side]) -> Result<()> {
    let mut transaction = write(store).await?;
    let entities: Vec<&Entity> = entities.iter().collect();
    let sides: Vec<&Side> = sides.iter().collect();
    transaction.put_entities(&entities).await?;
    transaction.put_sides(&sides).await?;
    transaction.commit().await
}

/// What kind of error it is; fails where there is none.
pub(super) fn refused<T>(result: Result<T>) -> Result<ErrorKind> {
    match result {
        Ok(_) => Err(Error::new(ErrorKind::Internal, "the store should have refused this")),
        Err(error) => Ok(error.kind()),
    }
}

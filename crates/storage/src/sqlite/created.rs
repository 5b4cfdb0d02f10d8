//! New entities with the side that they were read from: what a first pull writes, page after page.
//!
//! The rows are new, so nothing is looked for before they go in; what a page's records share is one parameter for all
//! of them.

use sqlx::SqliteConnection;
use syncline_core::Result;
use syncline_core::state::{CreatedPage, CreatedRecord, SideKey};

use super::error::{failed, is_duplicate};
use super::rows::Rows;
use super::{entity, side};
use crate::packed::{micros, row_of};
use crate::refusal;

pub(super) static ENTITIES: Rows = Rows::new(
    "INSERT INTO entity (tenant, blueprint, blueprint_version, rev, deleted, created, updated, updated_by, \
     id, uid, vals, dec) SELECT ?, ?, ?, 1, 0, ?, ?, ?, column1, column2, column3, column4 FROM (VALUES ",
    4,
    ")",
);
pub(super) static SIDES: Rows = Rows::new(
    "INSERT INTO side (side, presence, flags, obs_seq, write_seq, dirty_seq, mapping_version, base_rev, \
     id, stamp, hash, ext, obs) SELECT ?, 1, 0, ?, 0, 0, ?, 1, column1, column2, column3, column4, column5 \
     FROM (VALUES ",
    5,
    ")",
);

pub(super) async fn put(connection: &mut SqliteConnection, page: &CreatedPage<'_>) -> Result<()> {
    let records: Vec<CreatedRecord<'_>> = page.records().collect();
    for record in &records {
        refusal::check_entity_number(record.id)?;
    }
    match insert(&mut *connection, page, &records).await {
        // Perhaps a remote id that moves, or a number that is taken: the general way knows, and names it.
        Err(error) if is_duplicate(&error) => {
            let linked = page.linked()?;
            let entities: Vec<_> = linked.iter().map(|linked| &linked.entity).collect();
            entity::put(&mut *connection, &entities).await?;
            let sides: Vec<_> = linked.iter().flat_map(|linked| &linked.sides).collect();
            side::put(connection, &sides).await
        }
        result => result.map_err(failed),
    }
}

async fn insert(
    connection: &mut SqliteConnection,
    page: &CreatedPage<'_>,
    records: &[CreatedRecord<'_>],
) -> Result<(), sqlx::Error> {
    let share = |shared: &mut super::rows::Bound| {
        shared
            .add(page.tenant)?
            .add(page.blueprint)?
            .add(page.blueprint_version)?
            .add(micros(page.created_at))?
            .add(micros(page.updated_at))?
            .add(page.updated_by.0.as_str())?;
        Ok(())
    };
    let entities = ENTITIES.execute_with(&mut *connection, records, share, |record, row| {
        row.add(record.id)?
            .add(&record.uid.as_bytes()[..])?
            .add(record.values)?
            .add(record.decisions)?;
        Ok(())
    });
    entities.await?;
    let share = |shared: &mut super::rows::Bound| {
        shared
            .add(page.side)?
            .add(page.obs_seq.cast_signed())?
            .add(page.mapping_version)?;
        Ok(())
    };
    let sides = SIDES.execute_with(connection, records, share, |record, row| {
        let key = SideKey {
            entity: record.id,
            side: page.side,
            slot: page.slot,
        };
        row.add(row_of(key))?
            .add(record.stamp.map(micros))?
            .add(&record.hash.to_be_bytes()[..])?
            .add(record.ext)?
            .add(record.obs)?;
        Ok(())
    });
    sides.await
}

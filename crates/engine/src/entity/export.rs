//! Records to files.

use std::ops::ControlFlow;

use syncline_core::columns::ID_COLUMN;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{Blueprint, TenantId};
use syncline_core::store::Mode;
use syncline_core::value::Value;

use super::selection::{EntitySelection, Selection};
use super::service::Entities;
use super::transaction::blueprint_by_name;
use crate::actor::{Action, Actor};
use crate::exchange::{FileColumn, WriteRows};

impl Entities<'_> {
    /// The columns of an export: the id, then these fields, or all of them where none is named.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint; [`ErrorKind::Invalid`] when
    /// it has no such field.
    pub async fn export_columns(
        &self,
        tenant: TenantId,
        blueprint: &str,
        fields: &[String],
        actor: &Actor,
    ) -> Result<Vec<FileColumn>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadEntities)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let blueprint = blueprint_by_name(tx.as_mut(), tenant, blueprint).await?;
        let column = |name: &str| -> Result<FileColumn> {
            let position = blueprint.position(name);
            let field = position.map(|position| &blueprint.fields[position]).ok_or_else(|| {
                let known: Vec<&str> = blueprint.field_names().collect();
                Error::new(
                    ErrorKind::Invalid,
                    format!(
                        "a {} has no field `{name}`; it has {}",
                        blueprint.name,
                        known.join(", ")
                    ),
                )
            })?;
            Ok(FileColumn {
                name: field.name.clone(),
                field: Some(field.clone()),
            })
        };
        let mut columns = Vec::new();
        if blueprint.position(ID_COLUMN).is_none() {
            columns.push(FileColumn {
                name: ID_COLUMN.to_owned(),
                field: None,
            });
        }
        if fields.is_empty() {
            for (_, field) in blueprint.live_fields() {
                columns.push(column(&field.name)?);
            }
        }
        for name in fields.iter().filter(|name| *name != ID_COLUMN) {
            columns.push(column(name)?);
        }
        Ok(columns)
    }

    /// Writes what is selected to a file with these columns, in the order of their making, a page at a time; returns how
    /// many there were. Each page is as it was when it was read. `progress` is told after each page and can stop it.
    ///
    /// # Errors
    /// As [`Entities::list`] for the selection; what the file says.
    #[expect(
        clippy::too_many_arguments,
        reason = "what is written, where it goes and who is told are three owners"
    )]
    pub async fn export(
        &self,
        tenant: TenantId,
        blueprint: &str,
        selection: &EntitySelection,
        columns: &[FileColumn],
        file: &mut dyn WriteRows,
        progress: &mut (dyn FnMut(u64) -> ControlFlow<()> + Send),
        actor: &Actor,
    ) -> Result<u64> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadEntities)?;
        let selection = Selection::open(inner, tenant, blueprint, selection).await?;
        let places = places(columns, &selection.blueprint);
        let mut walk = {
            let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
            selection.walk(tx.as_mut()).await?
        };
        let mut written = 0;
        loop {
            let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
            let Some(entities) = walk.next(&selection, tx.as_mut()).await? else {
                break;
            };
            drop(tx);
            for entity in &entities {
                let row: Vec<Value> = places
                    .iter()
                    .map(|place| match place {
                        Some(position) => entity.value(*position).clone(),
                        None => Value::Text(entity.uid.to_string()),
                    })
                    .collect();
                file.write(&row)?;
                written += 1;
            }
            if progress(written).is_break() {
                break;
            }
        }
        file.finish()?;
        Ok(written)
    }
}

/// The fields of columns; `None` for the id.
fn places(columns: &[FileColumn], blueprint: &Blueprint) -> Vec<Option<usize>> {
    columns
        .iter()
        .map(|column| column.field.as_ref().and_then(|field| blueprint.position(&field.name)))
        .collect()
}

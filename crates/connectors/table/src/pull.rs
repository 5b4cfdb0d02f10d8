//! Reading a table, or what changed in it, page by page: each goes on behind the last row of the one before.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;
use syncline_core::batch::{Batch, ReadClass, RowState};
use syncline_core::connector::Task;
use syncline_core::io::Io;
use syncline_core::job::{Budget, Progress, Pull, Start};
use syncline_core::{Error, ErrorKind, Result};

use crate::catalog::Shape;
use crate::database::{Bind, Database, Statement};
use crate::decode::{Found, Selected};
use crate::manifest::PAGE;
use crate::outbox;
use crate::position::{Checkpoint, Cursor, OutboxPlace, Place, read, stamp_bind, stamp_like, write};
use crate::read::{put_all, within_scope};
use crate::spec::TableSpec;

/// Versions that every pull by version reads again: so many rows may become visible after later ones.
const VERSION_OVERLAP: i64 = 1_000;

/// Reading a table.
pub(crate) struct PullTask {
    database: Database,
    spec: TableSpec,
    scope: Option<String>,
    pull: Pull,
    start: From,
    checkpoint: Option<Checkpoint>,
    shape: Option<Shape>,
}

/// Where it starts.
enum From {
    Beginning,
    Since(Timestamp),
    Cursor(Cursor),
}

impl PullTask {
    pub(crate) fn open(
        database: Database,
        spec: TableSpec,
        scope: Option<String>,
        pull: Pull,
        resume: Option<Bytes>,
    ) -> Result<Self> {
        let start = match &pull.start {
            Start::Beginning => From::Beginning,
            Start::Since(time) => From::Since(*time),
            Start::Cursor(cursor) => From::Cursor(read(cursor)?),
        };
        Ok(Self {
            checkpoint: resume.map(|place| read(&place)).transpose()?,
            database,
            spec,
            scope,
            pull,
            start,
            shape: None,
        })
    }

    async fn shape(&mut self) -> Result<Shape> {
        if let Some(shape) = &self.shape {
            return Ok(shape.clone());
        }
        let shape = Shape::read(&self.database, &self.spec, self.scope.as_deref()).await?;
        if shape.spec.outbox {
            outbox::check(&self.database, &shape).await?;
        }
        Ok(self.shape.insert(shape).clone())
    }

    /// Where the first page starts, and the cursor with which all will end: it is taken before anything is read.
    async fn begin(&self, shape: &Shape, now: Timestamp) -> Result<Checkpoint> {
        let cursor = self.cursor(shape, now).await?;
        let everything = Place::Key { key: String::new() };
        let place = match (&self.start, &cursor) {
            (From::Beginning, _) => everything,
            // What the table is told by now may be something else than when the cursor was given.
            (From::Cursor(Cursor::Outbox { after, at }), Cursor::Outbox { .. }) => {
                if outbox::is_too_old(*at, now) {
                    return Err(expired("the outbox no longer holds what changed since then"));
                }
                Place::Outbox { place: *after }
            }
            (From::Cursor(Cursor::Version { above }), Cursor::Version { .. }) => Place::Version {
                version: *above,
                key: String::new(),
            },
            (From::Cursor(Cursor::Stamp { since }), Cursor::Stamp { .. }) => self.since(shape, *since).await?,
            (From::Cursor(Cursor::Everything { .. }), Cursor::Everything { .. }) => everything,
            (From::Cursor(_), _) => return Err(expired("the table's changes were found in another way then")),
            (From::Since(time), _) if shape.spec.stamp.is_some() => self.since(shape, *time).await?,
            (From::Since(time), Cursor::Outbox { .. }) if !outbox::is_too_old(*time, now) => Place::Outbox {
                place: outbox::since(&self.database, shape, *time).await?,
            },
            // Nothing says when a row changed.
            (From::Since(_), _) => everything,
        };
        Ok(Checkpoint { place, cursor })
    }

    async fn cursor(&self, shape: &Shape, now: Timestamp) -> Result<Cursor> {
        let spec = &shape.spec;
        if spec.outbox {
            let after = outbox::end(&self.database, shape).await?;
            return Ok(Cursor::Outbox { after, at: now });
        }
        if let Some(column) = spec.version.as_ref().and_then(|name| shape.column(name)) {
            let largest = shape.dialect.text(&format!("COALESCE(MAX({}), 0)", column.quoted()?));
            let statement = Statement::new(format!("SELECT {largest} FROM {}", shape.table));
            let rows = self.database.rows(&statement).await?;
            let largest = rows
                .into_iter()
                .next()
                .and_then(|cells| cells.into_iter().next().flatten());
            let largest: i64 = largest.and_then(|largest| largest.parse().ok()).unwrap_or_default();
            return Ok(Cursor::Version {
                above: largest.saturating_sub(VERSION_OVERLAP),
            });
        }
        if spec.stamp.is_some() {
            let overlap = SignedDuration::from_secs(i64::from(spec.overlap_seconds));
            return Ok(Cursor::Stamp {
                since: now.saturating_sub(overlap).unwrap_or(now),
            });
        }
        Ok(Cursor::Everything { at: now })
    }

    /// The place before the first row that has this stamp or a later one.
    async fn since(&self, shape: &Shape, time: Timestamp) -> Result<Place> {
        let column = shape.spec.stamp.as_ref().and_then(|name| shape.column(name));
        let column = column.ok_or_else(|| Error::new(ErrorKind::Internal, "a table without a stamp"))?;
        let name = column.quoted()?;
        let list = shape.dialect.list(&[format!("MAX({name})")]);
        let statement = Statement::new(format!("SELECT {list} FROM {}", shape.table));
        let rows = self.database.rows(&statement).await?;
        let latest = rows
            .into_iter()
            .next()
            .and_then(|cells| cells.into_iter().next().flatten());
        let latest: Option<Vec<Json>> = latest.and_then(|list| serde_json::from_str(&list).ok());
        let stamp = match stamp_like(time, latest.as_ref().and_then(|list| list.first())) {
            Bind::Int(number) => number.into(),
            Bind::Text(text) => text.into(),
            Bind::Null => Json::Null,
        };
        Ok(Place::Stamp {
            stamp,
            key: String::new(),
        })
    }

    /// A page of rows behind a place, in its order.
    fn page(&self, shape: &Shape, selected: &Selected, place: &Place, size: usize) -> Result<Statement> {
        let key = shape.key.quoted()?;
        let mut statement = Statement::new(format!("SELECT {} FROM {} WHERE 1 = 1", selected.columns, shape.table));
        let behind_key = |statement: &mut Statement, id: &str| {
            shape.key_bind(id).map(|bind| {
                let number = statement.bind(bind);
                shape.dialect.value(number, &shape.key.column_type)
            })
        };
        let order = match place {
            Place::Key { key: id } => {
                if let Some(value) = behind_key(&mut statement, id) {
                    statement.push(&format!(" AND {key} > {value}"));
                }
                key.clone()
            }
            Place::Stamp { stamp, key: id } => {
                let column = shape.spec.stamp.as_ref().and_then(|name| shape.column(name));
                self.behind(shape, &mut statement, column, stamp_bind(stamp)?, id)?
            }
            Place::Version { version, key: id } => {
                let column = shape.spec.version.as_ref().and_then(|name| shape.column(name));
                self.behind(shape, &mut statement, column, Bind::Int(*version), id)?
            }
            Place::Outbox { .. } => return Err(Error::new(ErrorKind::Internal, "an outbox has pages of its own")),
        };
        within_scope(shape, &mut statement)?;
        statement.push(&format!(" ORDER BY {order} LIMIT {size}"));
        Ok(statement)
    }

    /// Rows at or behind a place in the order of a column and then of the key.
    fn behind(
        &self,
        shape: &Shape,
        statement: &mut Statement,
        column: Option<&crate::catalog::Column>,
        from: Bind,
        id: &str,
    ) -> Result<String> {
        let column = column.ok_or_else(|| expired("the table's changes were found in another way then"))?;
        let (name, key) = (column.quoted()?, shape.key.quoted()?);
        let from = statement.bind(from);
        let from = shape.dialect.value(from, &column.column_type);
        match shape.key_bind(id) {
            // At the beginning rows that have just this value are wanted.
            None => statement.push(&format!(" AND {name} >= {from}")),
            Some(bind) => {
                let after = statement.bind(bind);
                let after = shape.dialect.value(after, &shape.key.column_type);
                statement.push(&format!(" AND ({name}, {key}) > ({from}, {after})"));
            }
        }
        Ok(format!("{name}, {key}"))
    }

    async fn outbox_step(
        &self,
        shape: &Shape,
        place: OutboxPlace,
        size: usize,
        batch: &mut Batch,
    ) -> Result<Option<OutboxPlace>> {
        let Some((keys, last)) = outbox::page(&self.database, shape, place, size).await? else {
            return Ok(None);
        };
        put_all(
            &self.database,
            shape,
            &self.pull.projection,
            &keys,
            RowState::Deleted,
            batch,
        )
        .await?;
        Ok(Some(last))
    }
}

fn expired(why: &str) -> Error {
    Error::new(ErrorKind::CursorExpired, why)
}

/// The place of a row in the order of the one before.
fn place_of(place: &Place, row: &Found) -> Place {
    let key = row.id.clone();
    match place {
        Place::Stamp { .. } => Place::Stamp {
            stamp: row.stamp.clone().unwrap_or_default(),
            key,
        },
        Place::Version { .. } => Place::Version {
            version: row.version.unwrap_or_default(),
            key,
        },
        _ => Place::Key { key },
    }
}

#[async_trait]
impl Task for PullTask {
    async fn step(&mut self, io: &dyn Io, budget: Budget, batch: &mut Batch) -> Result<Progress> {
        // The database that is written is the one that is read.
        batch.class = ReadClass::Strong;
        let shape = self.shape().await?;
        let mut checkpoint = match self.checkpoint.take() {
            Some(checkpoint) => checkpoint,
            None => self.begin(&shape, io.now()).await?,
        };
        let size = self.pull.page_size.unwrap_or(PAGE).min(PAGE).min(budget.rows).max(1);
        let more = match &checkpoint.place {
            Place::Outbox { place } => {
                let last = self.outbox_step(&shape, *place, size, batch).await?;
                let Cursor::Outbox { after, .. } = &mut checkpoint.cursor else {
                    return Err(expired("the table's changes were found in another way then"));
                };
                // Up to where it ended when this pull began: who writes all the time would never let it end.
                let more = last.is_some_and(|last| last < *after);
                if more {
                    checkpoint.place = Place::Outbox {
                        place: last.unwrap_or(*place),
                    };
                } else {
                    *after = last.map_or(*after, |last| last.max(*after));
                    outbox::remove_old(&self.database, &shape, io.now()).await?;
                }
                more
            }
            place => {
                let selected = Selected::of(&shape, &self.pull.projection)?;
                let statement = self.page(&shape, &selected, place, size)?;
                let rows = self.database.rows(&statement).await?;
                let full = rows.len() == size;
                let incremental = !matches!(place, Place::Key { .. });
                let mut next = None;
                for cells in rows {
                    let row = selected.read(cells)?;
                    next = Some(place_of(place, &row));
                    // All that there is holds no deleted ones, what changed does.
                    if incremental || !row.deleted {
                        row.put(batch, &self.pull.projection)?;
                    }
                }
                if let Some(next) = next {
                    checkpoint.place = next;
                }
                full
            }
        };
        if !more {
            return Ok(Progress::Done {
                cursor: write(&checkpoint.cursor)?,
            });
        }
        let written = write(&checkpoint)?;
        self.checkpoint = Some(checkpoint);
        Ok(Progress::More {
            checkpoint: Some(written),
            total: None,
        })
    }
}

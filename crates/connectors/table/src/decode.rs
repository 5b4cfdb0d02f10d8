//! Rows on their way out of the database: a key, a place in the order of changes, a mark for deleted ones, and a JSON list of
//! values.

use jiff::Timestamp;
use serde_json::Value as Json;
use syncline_core::batch::{Batch, ProjectedField, Projection, RowState, ValueKind};
use syncline_core::value::{DateTime, Precision};
use syncline_core::{Error, ErrorKind, Result, Value};

use crate::catalog::{Column, Shape};
use crate::database::Cells;
use crate::position::read_stamp;

/// Values in one list: functions take a hundred at most.
const LIST: usize = 50;

/// What a statement selects of each row.
pub(crate) struct Selected {
    /// The expressions, separated by commas.
    pub(crate) columns: String,
    /// Values that it has places for, and so lists.
    width: usize,
}

/// A row that was read.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) id: String,
    /// The stamp as JSON, where the table has one.
    pub(crate) stamp: Option<Json>,
    /// The version.
    pub(crate) version: Option<i64>,
    pub(crate) deleted: bool,
    values: Vec<Json>,
}

impl Selected {
    /// The key, stamp, version, deletion and projected values of a table's rows.
    ///
    /// # Errors
    /// As [`Shape::synced`].
    pub(crate) fn of(shape: &Shape, projection: &Projection) -> Result<Self> {
        let dialect = shape.dialect;
        let optional = |name: &Option<String>| name.as_ref().and_then(|name| shape.column(name));
        let stamp = optional(&shape.spec.stamp).map(Column::quoted);
        let version = optional(&shape.spec.version).map(Column::quoted);
        let deleted = shape
            .is_deleted()?
            .map(|is| format!("CASE WHEN {is} THEN '1' ELSE '0' END"));
        let mut columns = vec![
            dialect.text(&shape.key.quoted()?),
            stamp.transpose()?.map_or("NULL".into(), |stamp| dialect.list(&[stamp])),
            version
                .transpose()?
                .map_or("NULL".into(), |version| dialect.text(&version)),
            deleted.unwrap_or_else(|| "'0'".into()),
        ];
        let values: Vec<String> = projection
            .fields
            .iter()
            .map(|field| shape.synced(&field.path)?.quoted())
            .collect::<Result<_>>()?;
        columns.extend(values.chunks(LIST).map(|values| dialect.list(values)));
        // Postgres would not know the type of a bare NULL, and takes a name in an order for the text that is selected rather
        // than for the column, so everything selected has a name that no column has.
        let columns: Vec<String> = columns
            .into_iter()
            .enumerate()
            .map(|(place, column)| match column.as_str() {
                "NULL" => format!("CAST(NULL AS TEXT) AS \"syncline.{place}\""),
                _ => format!("{column} AS \"syncline.{place}\""),
            })
            .collect();
        Ok(Self {
            columns: columns.join(", "),
            width: values.len(),
        })
    }

    /// Reads a row of such a statement.
    ///
    /// # Errors
    /// `Protocol` when it is none.
    pub(crate) fn read(&self, cells: Cells) -> Result<Found> {
        let unreadable = || Error::new(ErrorKind::Protocol, "the database answered a row that can't be read");
        let mut cells = cells.into_iter();
        let mut next = || cells.next().ok_or_else(unreadable);
        let id = next()?.ok_or_else(unreadable)?;
        let list = |text: String| serde_json::from_str::<Vec<Json>>(&text).map_err(|error| unreadable().because(error));
        let stamp = next()?.map(list).transpose()?.and_then(|list| list.into_iter().next());
        let version = next()?.and_then(|version| version.parse().ok());
        let deleted = next()?.as_deref() == Some("1");
        let mut values = Vec::with_capacity(self.width);
        for text in cells {
            values.extend(list(text.ok_or_else(unreadable)?)?);
        }
        Ok(Found {
            id,
            stamp: stamp.filter(|stamp| !stamp.is_null()),
            version,
            deleted,
            values,
        })
    }
}

impl Found {
    /// When the row was last changed.
    ///
    /// # Errors
    /// As [`read_stamp`].
    pub(crate) fn changed_at(&self) -> Result<Option<Timestamp>> {
        self.stamp
            .as_ref()
            .map(|stamp| read_stamp(stamp).map_err(|error| error.with("row", &self.id)))
            .transpose()
    }

    /// Adds it to a batch.
    ///
    /// # Errors
    /// As [`Found::changed_at`].
    pub(crate) fn put(&self, batch: &mut Batch, projection: &Projection) -> Result<()> {
        let stamp = self.changed_at()?;
        let mut row = batch.row(&self.id);
        if let Some(stamp) = stamp {
            row.stamp(stamp);
        }
        if self.deleted {
            row.state(RowState::Deleted);
        }
        for (place, (field, json)) in projection.fields.iter().zip(&self.values).enumerate() {
            row.set(place, &value(field, json));
        }
        row.finish();
        Ok(())
    }
}

/// Adds a row that says that a record is gone.
pub(crate) fn put_gone(batch: &mut Batch, id: &str, state: RowState) {
    let mut row = batch.row(id);
    row.state(state);
    row.finish();
}

/// What does not fit the kind stays what it is: a decoder never loses data.
fn value(field: &ProjectedField, json: &Json) -> Value {
    match (field.kind, json) {
        (_, Json::Null) => Value::Null,
        (ValueKind::Bool, Json::Number(number)) => number
            .as_i64()
            .map_or_else(|| Value::from_json(json.clone()), |number| Value::Bool(number != 0)),
        (ValueKind::Number, Json::String(text)) => Value::from_number(text),
        (ValueKind::Date, Json::String(text)) => text
            .get(..10)
            .and_then(|day| day.parse().ok())
            .map_or_else(|| Value::text(text), Value::Date),
        (ValueKind::DateTime, _) => read_stamp(json).map_or_else(
            |_| Value::from_json(json.clone()),
            |instant| Value::DateTime(DateTime::new(instant, Precision::Microsecond)),
        ),
        (ValueKind::Text, Json::Number(number)) => Value::text(number.to_string()),
        (ValueKind::Json, Json::String(text)) => {
            serde_json::from_str(text).map_or_else(|_| Value::text(text), Value::Json)
        }
        (ValueKind::Json, json) => Value::Json(json.clone()),
        _ => Value::from_json(json.clone()),
    }
}

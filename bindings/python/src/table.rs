//! Entities as a table that pandas, polars, DuckDB and pyarrow read without a copy, through Arrow's C stream.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, RecordBatchReader,
    StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use jiff::civil::Date;
use jiff::{Timestamp, Unit};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use rust_decimal::Decimal;
use serde_json::Value as Json;
use syncline::actor::Actor;
use syncline::entity::{EntityListQuery, EntityView};
use syncline::model::Blueprint;

use crate::error::raised;
use crate::runtime::{runtime, wait};

/// Digits of decimals, as many as Arrow has.
const PRECISION: u8 = 38;
/// Digits behind the point.
const SCALE: i8 = 9;
/// Entities in one batch.
const PAGE: usize = 1_000;

/// The entities of a blueprint as a table. It is read anew each time that it is asked for.
#[pyclass(frozen, module = "syncline._native")]
#[derive(Debug)]
pub(crate) struct Table(Pages);

impl Table {
    pub(crate) fn new(
        engine: syncline::Engine,
        actor: Actor,
        tenant: u32,
        blueprint: &Blueprint,
        query: EntityListQuery,
    ) -> Self {
        let kinds: Vec<(String, String)> = blueprint
            .fields
            .iter()
            .map(|field| {
                let kind = serde_json::to_value(&field.kind).unwrap_or_default();
                (field.name.clone(), kind["type"].as_str().unwrap_or("text").to_owned())
            })
            .collect();
        let mut columns = vec![
            Field::new("_uid", DataType::Utf8, false),
            Field::new("_rev", DataType::Int64, false),
            Field::new("_updated_at", instants(), false),
        ];
        columns.extend(
            kinds
                .iter()
                .map(|(name, kind)| Field::new(name, column_type(kind), true)),
        );
        Self(Pages {
            engine,
            actor,
            tenant,
            blueprint: blueprint.name.clone(),
            query: EntityListQuery { limit: PAGE, ..query },
            kinds: kinds.into(),
            schema: Arc::new(Schema::new(columns)),
            is_over: false,
        })
    }
}

#[pymethods]
impl Table {
    /// Arrow's PyCapsule interface. Another schema that is asked for is not heeded, which the interface allows.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        drop(requested_schema);
        let mut pages = self.0.clone();
        // The first page is read here, where what is wrong can be raised as it is.
        let first = wait(py, async { pages.read().await.map_err(raised) })?;
        let batches = first.map(|entities| pages.batch(&entities)).into_iter().collect();
        let reader = Reader { pages, batches };
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), c"arrow_array_stream")
    }
}

/// Where reading stands.
#[derive(Debug, Clone)]
struct Pages {
    engine: syncline::Engine,
    actor: Actor,
    tenant: u32,
    blueprint: String,
    query: EntityListQuery,
    kinds: Arc<[(String, String)]>,
    schema: SchemaRef,
    is_over: bool,
}

impl Pages {
    async fn read(&mut self) -> syncline::Result<Option<Vec<EntityView>>> {
        if self.is_over {
            return Ok(None);
        }
        let entities = self.engine.entities();
        let page = entities
            .list(self.tenant, &self.blueprint, &self.query, &self.actor)
            .await?;
        self.is_over = page.next.is_none();
        self.query.after = page.next;
        Ok(Some(page.entities))
    }

    fn batch(&self, entities: &[EntityView]) -> Result<RecordBatch, ArrowError> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(
                entities.iter().map(|one| one.uid.to_string()),
            )),
            Arc::new(Int64Array::from_iter_values(
                entities.iter().map(|one| one.rev.cast_signed()),
            )),
            Arc::new(
                TimestampMicrosecondArray::from_iter_values(entities.iter().map(|one| one.updated_at.as_microsecond()))
                    .with_timezone("UTC"),
            ),
        ];
        for (name, kind) in &*self.kinds {
            let values: Vec<Option<&Json>> = entities
                .iter()
                .map(|one| one.values.get(name).filter(|value| !value.is_null()))
                .collect();
            let wrong = |error: ArrowError| {
                ArrowError::InvalidArgumentError(format!("field `{name}` of {}: {error}", self.blueprint))
            };
            columns.push(column(kind, &values).map_err(wrong)?);
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

/// Pages as Arrow reads them.
struct Reader {
    pages: Pages,
    batches: VecDeque<Result<RecordBatch, ArrowError>>,
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(batch) = self.batches.pop_front() {
            return Some(batch);
        }
        match runtime().block_on(self.pages.read()) {
            Ok(page) => page.map(|entities| self.pages.batch(&entities)),
            Err(error) => {
                self.pages.is_over = true;
                Some(Err(ArrowError::ExternalError(Box::new(error))))
            }
        }
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.pages.schema)
    }
}

fn instants() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn money() -> Fields {
    Fields::from(vec![
        Field::new("amount", DataType::Decimal128(PRECISION, SCALE), true),
        Field::new("currency", DataType::Utf8, true),
    ])
}

fn column_type(kind: &str) -> DataType {
    match kind {
        "integer" => DataType::Int64,
        "decimal" => DataType::Decimal128(PRECISION, SCALE),
        "float" => DataType::Float64,
        "bool" => DataType::Boolean,
        "date" => DataType::Date32,
        "datetime" => instants(),
        "money" => DataType::Struct(money()),
        "multi_choice" | "list" => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        _ => DataType::Utf8,
    }
}

fn column(kind: &str, values: &[Option<&Json>]) -> Result<ArrayRef, ArrowError> {
    let each = values.iter().copied();
    Ok(match kind {
        "integer" => Arc::new(each.map(|value| value?.as_i64()).collect::<Int64Array>()),
        "decimal" => Arc::new(decimals(each.map(|value| value.map(spelt)))?),
        "float" => Arc::new(each.map(|value| value?.as_f64()).collect::<Float64Array>()),
        "bool" => Arc::new(each.map(|value| value?.as_bool()).collect::<BooleanArray>()),
        "date" => Arc::new(each.map(|value| days(value?.as_str()?)).collect::<Date32Array>()),
        "datetime" => {
            let micros = each.map(|value| Some(value?.as_str()?.parse::<Timestamp>().ok()?.as_microsecond()));
            Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
        "money" => {
            let amounts = decimals(
                each.clone()
                    .map(|value| value?.get(0).filter(|one| !one.is_null()).map(spelt)),
            )?;
            let currencies: StringArray = each.clone().map(|value| value?.get(1)?.as_str()).collect();
            let present = each.map(|value| value.is_some()).collect::<Vec<bool>>();
            let columns: Vec<ArrayRef> = vec![Arc::new(amounts), Arc::new(currencies)];
            Arc::new(StructArray::try_new(money(), columns, Some(present.into()))?)
        }
        "multi_choice" | "list" => {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for value in each {
                let items = value.and_then(Json::as_array);
                for item in items.into_iter().flatten() {
                    lists.values().append_value(spelt(item));
                }
                lists.append(items.is_some());
            }
            Arc::new(lists.finish())
        }
        "json" => Arc::new(each.map(|value| value.map(Json::to_string)).collect::<StringArray>()),
        _ => Arc::new(each.map(|value| value.map(spelt)).collect::<StringArray>()),
    })
}

/// A value as text: a text as it is, anything else as JSON spells it.
fn spelt(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn days(text: &str) -> Option<i32> {
    let date: Date = text.parse().ok()?;
    Date::constant(1970, 1, 1)
        .until((Unit::Day, date))
        .ok()
        .map(|span| span.get_days())
}

fn decimals(texts: impl Iterator<Item = Option<String>>) -> Result<Decimal128Array, ArrowError> {
    let numbers = texts.map(|text| text.map(|text| scaled(&text)).transpose());
    let numbers = numbers.collect::<Result<Vec<Option<i128>>, ArrowError>>()?;
    Decimal128Array::from(numbers).with_precision_and_scale(PRECISION, SCALE)
}

/// A number in units of the last digit that a column has; one that has more digits is an error, never rounded.
fn scaled(text: &str) -> Result<i128, ArrowError> {
    let wrong = |why: &str| ArrowError::InvalidArgumentError(format!("`{text}` {why}"));
    let number = Decimal::from_str_exact(text)
        .or_else(|_| Decimal::from_scientific(text))
        .map_err(|_| wrong("is no number"))?
        .normalize();
    let missing = SCALE.unsigned_abs().into();
    let missing = u32::checked_sub(missing, number.scale())
        .ok_or_else(|| wrong("has more than 9 digits behind the point, which a table of decimals can't hold"))?;
    let unit = 10_i128.pow(missing);
    number
        .mantissa()
        .checked_mul(unit)
        .ok_or_else(|| wrong("is too large for a table"))
}

//! [`Shape`]: a table as the database's catalog describes it. Every name in a statement comes from here.

mod kind;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use syncline_core::schema::FieldKind;
use syncline_core::{Error, ErrorKind, Result};

use crate::database::{Bind, Database};
use crate::dialect::{Dialect, quoted};
use crate::spec::TableSpec;

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The type as the database writes it.
    pub(crate) column_type: String,
    pub(crate) kind: FieldKind,
    pub(crate) required: bool,
    pub(crate) generated: bool,
    pub(crate) unique: bool,
    pub(crate) references: Option<String>,
    pub(crate) length: Option<u32>,
    pub(crate) scale: Option<u32>,
    pub(crate) choices: Vec<String>,
    /// Why it can't be synced, in words that follow the name.
    pub(crate) left_out: Option<&'static str>,
}

impl Column {
    pub(crate) fn quoted(&self) -> Result<String> {
        quoted(&self.name)
    }
}

/// What kind of key a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Number,
    Text,
    Uuid,
}

/// A table as it is now.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) spec: TableSpec,
    pub(crate) dialect: Dialect,
    /// The table's name as it stands in statements.
    pub(crate) table: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) key: Column,
    pub(crate) key_kind: KeyKind,
    /// Which of the host's customers, where the table has rows of several.
    pub(crate) scope: Option<String>,
}

impl Shape {
    /// Reads it.
    ///
    /// # Errors
    /// `NotFound` when the table is not there, `Invalid` when its key or a column that the specification names does not fit.
    pub(crate) async fn read(database: &Database, spec: &TableSpec, scope: Option<&str>) -> Result<Self> {
        let dialect = database.dialect();
        let table = dialect.table(&spec.name)?;
        let (columns, keys) = match database {
            #[cfg(feature = "sqlite")]
            Database::Sqlite(_) => sqlite::columns(database, &spec.name).await?,
            #[cfg(feature = "postgres")]
            Database::Postgres(_) => postgres::columns(database, &table).await?,
        };
        if columns.is_empty() {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("the database has no table `{}`", spec.name),
            ));
        }
        let unfit = |what: String| Error::new(ErrorKind::Invalid, format!("the table `{}` {what}", spec.name));
        let [key] = keys.as_slice() else {
            return Err(unfit(
                "has no primary key of one column, by which its rows could be told apart".into(),
            ));
        };
        let find = |name: &str| columns.iter().find(|column| column.name == name);
        let key = find(key)
            .cloned()
            .ok_or_else(|| unfit(format!("has no column `{key}`")))?;
        let key_kind = kind::key_kind(dialect, &key).ok_or_else(|| {
            unfit(format!(
                "has a key of the type {}; it takes numbers, text or UUIDs",
                key.column_type
            ))
        })?;
        let named = [&spec.stamp, &spec.version, &spec.deleted, &spec.scope];
        for name in named.into_iter().flatten() {
            if find(name).is_none() {
                return Err(unfit(format!("has no column `{name}`")));
            }
        }
        let scope = match (&spec.scope, scope) {
            (None, _) => None,
            (Some(_), Some(scope)) => Some(scope.to_owned()),
            (Some(column), None) => {
                return Err(unfit(format!(
                    "is scoped by `{column}`: the connection's setting `scope` has to say whose rows it means"
                )));
            }
        };
        Ok(Self {
            spec: spec.clone(),
            dialect,
            table,
            columns,
            key,
            key_kind,
            scope,
        })
    }

    /// A column by its name.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// A column that a mapping names.
    ///
    /// # Errors
    /// `Invalid` when there is none, or it can't be synced.
    pub(crate) fn synced(&self, name: &str) -> Result<&Column> {
        let unfit = |why: &str| {
            let message = format!("the column `{name}` of `{}` {why}", self.spec.name);
            Error::new(ErrorKind::Invalid, message)
        };
        let column = self.column(name).ok_or_else(|| unfit("is not there"))?;
        match column.left_out {
            Some(reason) => Err(unfit(reason)),
            None => Ok(column),
        }
    }

    /// A record's id as a key, or nothing for an id that no row can have.
    pub(crate) fn key_bind(&self, id: &str) -> Option<Bind> {
        match self.key_kind {
            KeyKind::Number => id.parse().ok().map(Bind::Int),
            KeyKind::Text => (!id.is_empty() && !id.contains('\0')).then(|| Bind::Text(id.to_owned())),
            KeyKind::Uuid => kind::is_uuid(id).then(|| Bind::Text(id.to_owned())),
        }
    }

    /// A value of the column that says whose a row is.
    pub(crate) fn scope_bind(&self) -> Option<(&Column, Bind)> {
        let column = self.column(self.spec.scope.as_ref()?)?;
        let scope = self.scope.as_ref()?;
        let bind = match column.kind {
            FieldKind::Integer => scope.parse().map_or_else(|_| Bind::Text(scope.clone()), Bind::Int),
            _ => Bind::Text(scope.clone()),
        };
        Some((column, bind))
    }

    /// Whether an expression for "this row is deleted" exists, and it.
    ///
    /// # Errors
    /// As [`quoted`].
    pub(crate) fn is_deleted(&self) -> Result<Option<String>> {
        let Some(column) = self.spec.deleted.as_ref().and_then(|name| self.column(name)) else {
            return Ok(None);
        };
        let name = column.quoted()?;
        Ok(Some(match column.kind {
            FieldKind::Bool if self.dialect == Dialect::Postgres => format!("COALESCE({name}, FALSE)"),
            FieldKind::Bool | FieldKind::Integer => format!("(COALESCE({name}, 0) <> 0)"),
            _ => format!("({name} IS NOT NULL)"),
        }))
    }
}

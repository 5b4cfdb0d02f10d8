//! [`Selection`]: what a read asks of an object, as a SELECT list and as the tree that decodes the answer.

use syncline_core::batch::{Projection, ValueKind};
use syncline_core::decode::FieldTree;
use syncline_core::{Error, ErrorKind, Result};

use crate::soql;
use crate::system::SystemColumns;

/// The wanted fields of one object, and the system columns beside them.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// The object's name, checked.
    pub(crate) object: String,
    /// The wanted fields; their paths are checked.
    pub(crate) projection: Projection,
    /// The system columns that are asked for too.
    pub(crate) columns: SystemColumns,
    /// Where the fields stand in a record.
    pub(crate) tree: FieldTree,
}

impl Selection {
    /// # Errors
    /// `Invalid` for an object or path that is no name.
    pub(crate) fn new(object: &str, projection: Projection, columns: SystemColumns) -> Result<Self> {
        soql::name(object)?;
        for field in &projection.fields {
            soql::path(&field.path)?;
        }
        let tree = FieldTree::new(&projection, true);
        Ok(Self {
            object: object.to_owned(),
            projection,
            columns,
            tree,
        })
    }

    /// Place and kind of a field in the projection.
    pub(crate) fn slot(&self, name: &str) -> Option<(usize, ValueKind)> {
        let index = self.projection.position(name)?;
        Some((index, self.projection.fields[index].kind))
    }

    /// Whether fields of related records are wanted, which only a query can give.
    pub(crate) fn walks_relationships(&self) -> bool {
        self.projection.fields.iter().any(|field| field.path.contains('.'))
    }

    /// Everything that a read of live records selects.
    pub(crate) fn retrieved(&self) -> Vec<&str> {
        self.with(
            self.columns
                .stamp
                .as_deref()
                .into_iter()
                .chain(self.columns.conversion()),
        )
    }

    fn with<'a>(&'a self, columns: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let mut names: Vec<&str> = vec!["Id"];
        // Naming a column twice is an error in SOQL.
        for name in columns.chain(self.projection.fields.iter().map(|field| field.path.as_str())) {
            if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                names.push(name);
            }
        }
        names
    }

    /// A query without conditions; `all` for one that finds deleted records too, which must be told apart then.
    pub(crate) fn soql(&self, all: bool) -> String {
        let names = if all {
            self.with(self.columns.names())
        } else {
            self.retrieved()
        };
        format!("SELECT {} FROM {}", names.join(","), self.object)
    }

    /// The stamp's column.
    ///
    /// # Errors
    /// `Unsupported` when the object has none.
    pub(crate) fn stamp(&self) -> Result<&str> {
        self.columns.stamp.as_deref().ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                "this object tells no time of change; it can only be read as a whole",
            )
            .with("object", &self.object)
        })
    }
}

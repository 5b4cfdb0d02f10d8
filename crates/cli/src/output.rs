//! Everything that commands print goes through here: tables or JSON to standard output, the rest to standard error.

use std::io::{IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::failure::Failure;
use crate::table::Table;

/// How listings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// Tables that fit the terminal.
    #[default]
    Table,
    /// JSON, for programs.
    Json,
    /// Tables in Markdown, for documents.
    #[value(hide = true)]
    Markdown,
}

/// Prints what a command has to say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
}

impl Output {
    /// Output in a format.
    pub(crate) const fn new(format: Format) -> Self {
        Self { format }
    }

    /// Whether JSON was asked for.
    pub(crate) const fn is_json(self) -> bool {
        matches!(self.format, Format::Json)
    }

    /// A line for people; nothing when JSON was asked for.
    pub(crate) fn line(self, text: impl std::fmt::Display) {
        if !self.is_json() {
            print(&format!("{text}\n"));
        }
    }

    /// A table for people; nothing when JSON was asked for.
    pub(crate) fn table(self, table: &Table) {
        if !self.is_json() {
            let text = if self.format == Format::Markdown {
                table.markdown()
            } else {
                table.to_string()
            };
            print(&format!("{text}\n"));
        }
    }

    /// A value for programs; nothing unless JSON was asked for.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub(crate) fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        if self.is_json() {
            let text = serde_json::to_string_pretty(value)
                .map_err(|error| Failure::failed(format!("this can't be written as JSON: {error}")))?;
            print(&format!("{text}\n"));
        }
        Ok(())
    }

    /// A listing: JSON for programs, else a table, or a sentence when there is nothing.
    ///
    /// # Errors
    /// When an item has no JSON form.
    pub(crate) fn listing<T, J: Serialize>(
        self,
        items: &[T],
        headers: &[&str],
        nothing: &str,
        json: impl Fn(&T) -> J,
        row: impl Fn(&T) -> Vec<String>,
    ) -> Result<(), Failure> {
        if self.is_json() {
            return self.json(&items.iter().map(json).collect::<Vec<J>>());
        }
        if items.is_empty() {
            self.line(nothing);
            return Ok(());
        }
        let mut table = Table::new(headers);
        for item in items {
            table.row(row(item));
        }
        self.table(&table);
        Ok(())
    }
}

/// Text to standard output as it is. Someone who stopped reading is no failure.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _nobody_reads = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A line to standard error, where nobody parses it.
pub(crate) fn note(text: impl std::fmt::Display) {
    complain(&text.to_string());
}

/// A line to standard error.
pub(crate) fn complain(text: &str) {
    let mut err = std::io::stderr().lock();
    let _nobody_reads = writeln!(err, "{text}");
}

/// Whether a person sits at standard input.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal()
}

/// An item with its number, which the engine's types leave out of their stored form.
pub(crate) fn with_id<T: Serialize>(id: u64, item: &T) -> serde_json::Value {
    let mut object = serde_json::Map::new();
    object.insert("id".to_owned(), id.into());
    match serde_json::to_value(item) {
        Ok(serde_json::Value::Object(fields)) => object.extend(fields.into_iter().filter(|(name, _)| name != "id")),
        Ok(other) => {
            object.insert("value".to_owned(), other);
        }
        Err(_) => {}
    }
    serde_json::Value::Object(object)
}

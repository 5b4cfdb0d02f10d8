//! Everything that is wrong with one edit, told at once.

use std::fmt::Write;

use syncline_core::error::{Error, ErrorKind, Result};

/// What was found, each with the field that it is about.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: Vec<(String, String)>,
    /// Whether anything but a taken unique value was found.
    invalid: bool,
}

impl Findings {
    /// Something that can't be stored. The message names the field.
    pub(crate) fn invalid(&mut self, field: &str, message: impl Into<String>) {
        self.invalid = true;
        self.found.push((field.to_owned(), message.into()));
    }

    /// A unique value that another record holds. The message names the field.
    pub(crate) fn taken(&mut self, field: &str, message: impl Into<String>) {
        self.found.push((field.to_owned(), message.into()));
    }

    /// Whether something was found about a field.
    pub(crate) fn names(&self, field: &str) -> bool {
        self.found.iter().any(|(found, _)| found == field)
    }

    /// Passes when nothing was found.
    ///
    /// # Errors
    /// `Invalid` with all findings, or `Exists` when all of them are unique values that are taken. Each field is also
    /// in the error's context, under `field`.
    pub(crate) fn check(self, blueprint: &str) -> Result<()> {
        if self.found.is_empty() {
            return Ok(());
        }
        let kind = if self.invalid {
            ErrorKind::Invalid
        } else {
            ErrorKind::Exists
        };
        let mut message = format!("this {blueprint} can't be saved");
        for (place, (_, finding)) in self.found.iter().enumerate() {
            let _ = write!(message, "{} {finding}", if place == 0 { ":" } else { ";" });
        }
        let error = Error::new(kind, message);
        Err(self
            .found
            .into_iter()
            .fold(error, |error, (field, _)| error.with("field", field)))
    }
}

//! Tables that fit the terminal, and how values are written in their cells.

use std::fmt;

use comfy_table::{ContentArrangement, presets};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A table for people.
#[derive(Debug)]
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// A table with these column headers.
    pub(crate) fn new(headers: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        // Into a pipe there is no terminal to ask; a person who pages sets COLUMNS.
        if let Some(width) = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()) {
            table.set_width(width);
        }
        table.set_header(headers.to_vec());
        Self(table)
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.0.add_row(cells.iter().map(|cell| plain(cell)).collect::<Vec<_>>());
    }
}

impl Table {
    /// The table in Markdown, one line per row however long.
    pub(crate) fn markdown(&self) -> String {
        let mut table = self.0.clone();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.to_string()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Text without control characters: what a CRM holds must not drive the terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' => '\n',
            '\t' => ' ',
            other if other.is_control() => '\u{fffd}',
            other => other,
        })
        .collect()
}

/// A time in the person's own zone, to the second.
pub(crate) fn time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// A time, or a dash.
pub(crate) fn maybe_time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), time)
}

/// A text, or a dash.
pub(crate) fn maybe(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned()
}

/// A value as a person would write it, cut short where it is very long.
pub(crate) fn value(json: &serde_json::Value) -> String {
    let text = match json {
        serde_json::Value::Null => "-".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => items.iter().map(value).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    };
    shortened(&text, 200)
}

/// Whom a connection acts as, by the best name that the provider gave.
pub(crate) fn user(account: &syncline::schema::Account) -> String {
    let named = Some(account.user_name.as_str()).filter(|name| !name.is_empty());
    named
        .or(account.user_email.as_deref())
        .unwrap_or(&account.user_id)
        .to_owned()
}

/// Several values, as those of one group of fields.
pub(crate) fn values(json: &[serde_json::Value]) -> String {
    json.iter().map(value).collect::<Vec<_>>().join(", ")
}

/// At most so many characters, the last one an ellipsis if there were more.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// `snake_case` of a value that serialises as one word.
pub(crate) fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_crm_holds_cannot_drive_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\tc"), "a\u{fffd}[2Jb c");
    }

    #[test]
    fn long_values_are_cut_and_say_so() {
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("abcd", 4), "abcd");
    }
}

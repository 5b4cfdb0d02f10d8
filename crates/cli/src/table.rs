//! Tables that fit the terminal, and how values are written in their cells.

mod fit;

use std::fmt;

use comfy_table::{ColumnConstraint, ContentArrangement, Width, presets};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use fit::{Fit, fit, left_out};

/// Narrowest terminal that is reckoned with.
const NARROWEST: u16 = 20;

/// A table for people.
#[derive(Debug)]
pub(crate) struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column headers.
    pub(crate) fn new(headers: &[&str]) -> Self {
        Self {
            headers: headers.iter().map(|header| plain(header)).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|cell| plain(cell)).collect());
    }

    /// The table in Markdown, one line per row however long.
    pub(crate) fn markdown(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(&self.headers);
        table.add_rows(&self.rows);
        table.to_string()
    }

    /// The table, at most so many characters wide where that can be.
    fn within(&self, width: Option<u16>) -> String {
        let width = width.map(|width| usize::from(width.max(NARROWEST)));
        match fit(&self.headers, &self.rows, width) {
            Fit::Boxed(columns) => self.laid_out(&columns, true),
            Fit::Light(columns) => self.laid_out(&columns, false),
            Fit::Records => self.records(width.unwrap_or_default()),
        }
    }

    fn laid_out(&self, columns: &[(usize, usize)], boxed: bool) -> String {
        let cell = |row: &[String], index: usize| row.get(index).cloned().unwrap_or_default();
        let mut table = comfy_table::Table::new();
        table.load_style(if boxed {
            presets::UTF8_FULL_CONDENSED
        } else {
            presets::NOTHING
        });
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::MAX);
        table.set_header(
            columns
                .iter()
                .map(|(index, _)| cell(&self.headers, *index))
                .collect::<Vec<_>>(),
        );
        if !boxed {
            table.add_row(columns.iter().map(|(_, width)| "─".repeat(*width)).collect::<Vec<_>>());
        }
        for row in &self.rows {
            table.add_row(columns.iter().map(|(index, _)| cell(row, *index)).collect::<Vec<_>>());
        }
        let padding = if boxed { (1, 1) } else { (0, 2) };
        for (column, (_, width)) in table.column_iter_mut().zip(columns) {
            column.set_padding(padding);
            let width = u16::try_from(width + usize::from(padding.0 + padding.1)).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
        }
        let mut text = if boxed { table.to_string() } else { table.trim_fmt() };
        let left_out = left_out(&self.headers, columns);
        if !left_out.is_empty() {
            text.push_str(&format!("\nnothing in: {}", left_out.join(", ")));
        }
        text
    }

    /// Each row as lines of its own; what is empty is left out.
    fn records(&self, width: usize) -> String {
        let mut records = Vec::new();
        for row in &self.rows {
            let mut table = comfy_table::Table::new();
            table.load_style(presets::NOTHING);
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
            for (header, cell) in self
                .headers
                .iter()
                .zip(row)
                .filter(|(_, cell)| !matches!(cell.as_str(), "" | "-"))
            {
                table.add_row([header, cell]);
            }
            for column in table.column_iter_mut() {
                column.set_padding((0, 1));
            }
            if let Some(names) = table.column_mut(0) {
                names.set_constraint(ColumnConstraint::ContentWidth);
            }
            records.push(table.trim_fmt());
        }
        records.join("\n\n")
    }
}

/// How wide the terminal is. Into a pipe there is none to ask; a person who pages sets COLUMNS.
fn width() -> Option<u16> {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.trim().parse().ok())
        .filter(|columns| *columns > 0)
        .or_else(|| comfy_table::Table::new().width())
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.within(width()))
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
    match named.or(account.user_email.as_deref()) {
        Some(name) => name.to_owned(),
        None if account.user_id.is_empty() => "-".to_owned(),
        None => format!("user {}", account.user_id),
    }
}

/// An account by its name, with its id where the name does not say it.
pub(crate) fn account(account: &syncline::schema::Account) -> String {
    if account.name.contains(&account.id) {
        account.name.clone()
    } else {
        format!("{} ({})", account.name, account.id)
    }
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
    fn no_line_is_wider_than_the_terminal_and_no_id_is_cut() {
        let id = "01a2225f-2ae2-7d1e-bdbb-8915fed7cfff";
        let mut table = Table::new(&["Id", "Direction", "What became of it", "Deleted", "Error"]);
        table.row(vec![
            id.to_owned(),
            "bidirectional".to_owned(),
            "read from the CRM and written to the app, and to the other CRM afterwards".to_owned(),
            "0".to_owned(),
            "-".to_owned(),
        ]);
        for width in 40..=200 {
            let text = table.within(Some(width));
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(usize::from(width)), "{width}:\n{text}");
            assert!(text.contains("bidirectional"), "{width}:\n{text}");
            assert!(width < 60 || text.contains(id), "{width}:\n{text}");
        }
        assert!(table.within(Some(100)).contains("nothing in: Error"));
    }

    #[test]
    fn long_values_are_cut_and_say_so() {
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("abcd", 4), "abcd");
    }
}

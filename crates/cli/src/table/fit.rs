//! How a table is made to fit: which columns are shown, how wide each one is, and when it is better told row by row.

use unicode_width::UnicodeWidthStr;

/// Longest word that is never broken: an id that is cut can't be copied.
const LONGEST_WORD: usize = 36;
/// What a column of a boxed table takes beside its text, and what the table takes once.
const BOXED: (usize, usize) = (3, 1);
/// The same of a table without lines; the last column needs nothing after it.
const LIGHT: (usize, usize) = (2, 0);

/// How a table is laid out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// With lines, these columns at these widths of text.
    Boxed(Vec<(usize, usize)>),
    /// Without lines, these columns at these widths of text.
    Light(Vec<(usize, usize)>),
    /// Each row as lines of its own: a column's name and its value.
    Records,
}

/// Lays out a table. Words stay whole: a table that is too wide first loses the columns that say nothing, then those
/// that only say 0, then its lines, and is told row by row in the end.
pub(super) fn fit(headers: &[String], rows: &[Vec<String>], available: Option<usize>) -> Fit {
    let columns: Vec<Column> = (0..headers.len())
        .map(|index| Column::of(headers, rows, index))
        .collect();
    let Some(available) = available else {
        return Fit::Boxed(columns.iter().map(|column| (column.index, column.natural)).collect());
    };
    let all: Vec<&Column> = columns.iter().collect();
    let speaking: Vec<&Column> = columns.iter().filter(|column| !column.is_empty).collect();
    let counting: Vec<&Column> = columns.iter().filter(|column| !column.is_zero).collect();
    if natural(&all, BOXED) <= available {
        return Fit::Boxed(all.iter().map(|column| (column.index, column.natural)).collect());
    }
    for columns in [&speaking, &counting] {
        if let Some(widths) = share(columns, available, BOXED) {
            return Fit::Boxed(widths);
        }
    }
    share(&counting, available, LIGHT).map_or(Fit::Records, Fit::Light)
}

/// The names of the columns that a layout leaves out.
pub(super) fn left_out<'a>(headers: &'a [String], shown: &[(usize, usize)]) -> Vec<&'a str> {
    headers
        .iter()
        .enumerate()
        .filter(|(index, _)| shown.iter().all(|(shown, _)| shown != index))
        .map(|(_, header)| header.as_str())
        .collect()
}

/// What one column needs.
#[derive(Debug)]
struct Column {
    index: usize,
    /// Its longest line.
    natural: usize,
    /// Its longest word, as far as words are kept whole.
    least: usize,
    /// Whether no row has anything in it.
    is_empty: bool,
    /// Whether no row has anything but nothing or 0 in it.
    is_zero: bool,
}

impl Column {
    fn of(headers: &[String], rows: &[Vec<String>], index: usize) -> Self {
        let cells = || rows.iter().filter_map(|row| row.get(index)).map(String::as_str);
        let header = headers.get(index).map_or("", String::as_str);
        let lines = || cells().chain([header]).flat_map(str::lines);
        let natural = lines().map(UnicodeWidthStr::width).max().unwrap_or(0).max(1);
        let words = lines().flat_map(str::split_whitespace).map(UnicodeWidthStr::width);
        Self {
            index,
            natural,
            least: words.max().unwrap_or(1).clamp(1, LONGEST_WORD).min(natural),
            is_empty: cells().all(|cell| matches!(cell, "" | "-")),
            is_zero: cells().all(|cell| matches!(cell, "" | "-" | "0")),
        }
    }
}

fn natural(columns: &[&Column], (each, once): (usize, usize)) -> usize {
    columns.iter().map(|column| column.natural + each).sum::<usize>() + once
}

/// Every column gets what its words need; what is left goes to those that need least to be whole. Nothing where the
/// words don't fit.
fn share(columns: &[&Column], available: usize, (each, once): (usize, usize)) -> Option<Vec<(usize, usize)>> {
    let least: usize = columns.iter().map(|column| column.least + each).sum::<usize>() + once;
    let mut left = available.checked_sub(least)?;
    let mut order: Vec<&&Column> = columns.iter().collect();
    order.sort_by_key(|column| (column.natural - column.least, column.index));
    let mut widths: Vec<(usize, usize)> = Vec::with_capacity(order.len());
    for (given, column) in order.iter().enumerate() {
        let extra = (column.natural - column.least).min(left / (order.len() - given));
        left -= extra;
        widths.push((column.index, column.least + extra));
    }
    widths.sort_unstable();
    Some(widths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn a_table_that_fits_is_left_as_it_is() {
        let (headers, rows) = (texts(&["Name", "Error"]), [texts(&["sales", "-"])]);
        assert_eq!(fit(&headers, &rows, Some(80)), Fit::Boxed(vec![(0, 5), (1, 5)]));
        assert_eq!(fit(&headers, &rows, None), Fit::Boxed(vec![(0, 5), (1, 5)]));
    }

    #[test]
    fn columns_that_say_nothing_go_first_and_zeros_next() {
        let (headers, rows) = (texts(&["Name", "Error", "Failed"]), [texts(&["sales", "-", "0"])]);
        assert_eq!(fit(&headers, &rows, Some(20)), Fit::Boxed(vec![(0, 5), (2, 6)]));
        assert_eq!(fit(&headers, &rows, Some(12)), Fit::Boxed(vec![(0, 5)]));
        assert_eq!(left_out(&headers, &[(0, 5)]), ["Error", "Failed"]);
    }

    #[test]
    fn words_stay_whole_and_what_is_left_goes_where_it_helps() {
        let (headers, rows) = (texts(&["Id", "Why"]), [texts(&["01a2-225f", "same name as that"])]);
        assert_eq!(fit(&headers, &rows, Some(24)), Fit::Boxed(vec![(0, 9), (1, 8)]));
        assert_eq!(fit(&headers, &rows, Some(18)), Fit::Light(vec![(0, 9), (1, 5)]));
        assert_eq!(fit(&headers, &rows, Some(12)), Fit::Records);
    }
}

//! Relative dates as spans of days.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// Whether a word, in upper case, is a relative date.
pub(super) fn is_relative(word: &str) -> bool {
    const NAMES: [&str; 20] = [
        "TODAY",
        "YESTERDAY",
        "TOMORROW",
        "LAST_WEEK",
        "THIS_WEEK",
        "NEXT_WEEK",
        "LAST_MONTH",
        "THIS_MONTH",
        "NEXT_MONTH",
        "LAST_90_DAYS",
        "NEXT_90_DAYS",
        "LAST_YEAR",
        "THIS_YEAR",
        "NEXT_YEAR",
        "LAST_QUARTER",
        "THIS_QUARTER",
        "NEXT_QUARTER",
        "LAST_N_DAYS",
        "NEXT_N_DAYS",
        "N_DAYS_AGO",
    ];
    const NUMBERED: [&str; 6] = [
        "LAST_N_WEEKS",
        "LAST_N_MONTHS",
        "LAST_N_YEARS",
        "N_WEEKS_AGO",
        "N_MONTHS_AGO",
        "N_YEARS_AGO",
    ];
    NAMES.contains(&word) || NUMBERED.contains(&word)
}

/// The first day and the day after the last one; `None` if the span leaves the calendar.
pub(super) fn span(name: &str, number: i64, today: Date) -> Option<(Date, Date)> {
    let days = |from: i64, to: i64| Some((today.checked_add(from.days()).ok()?, today.checked_add(to.days()).ok()?));
    let weeks = |from: i64, to: i64| {
        let start = today
            .checked_sub(i64::from(today.weekday().since(Weekday::Sunday)).days())
            .ok()?;
        Some((
            start.checked_add(from.weeks()).ok()?,
            start.checked_add(to.weeks()).ok()?,
        ))
    };
    let months = |start: Date, from: i64, to: i64| {
        Some((
            start.checked_add(from.months()).ok()?,
            start.checked_add(to.months()).ok()?,
        ))
    };
    let month = today.first_of_month();
    let year = today.first_of_year();
    let quarter = month.checked_sub(i64::from((month.month() - 1) % 3).months()).ok()?;
    match name {
        "TODAY" => days(0, 1),
        "YESTERDAY" => days(-1, 0),
        "TOMORROW" => days(1, 2),
        "LAST_WEEK" => weeks(-1, 0),
        "THIS_WEEK" => weeks(0, 1),
        "NEXT_WEEK" => weeks(1, 2),
        "LAST_MONTH" => months(month, -1, 0),
        "THIS_MONTH" => months(month, 0, 1),
        "NEXT_MONTH" => months(month, 1, 2),
        "LAST_90_DAYS" => days(-90, 1),
        "NEXT_90_DAYS" => days(1, 91),
        "LAST_YEAR" => months(year, -12, 0),
        "THIS_YEAR" => months(year, 0, 12),
        "NEXT_YEAR" => months(year, 12, 24),
        "LAST_QUARTER" => months(quarter, -3, 0),
        "THIS_QUARTER" => months(quarter, 0, 3),
        "NEXT_QUARTER" => months(quarter, 3, 6),
        // The current day counts, as the documentation says.
        "LAST_N_DAYS" => days(-number, 1),
        "NEXT_N_DAYS" => days(1, number.checked_add(1)?),
        "N_DAYS_AGO" => days(-number, -number + 1),
        "LAST_N_WEEKS" => weeks(-number, 0),
        "N_WEEKS_AGO" => weeks(-number, -number + 1),
        "LAST_N_MONTHS" => months(month, -number, 0),
        "N_MONTHS_AGO" => months(month, -number, -number + 1),
        "LAST_N_YEARS" => months(year, number.checked_mul(-12)?, 0),
        "N_YEARS_AGO" => months(
            year,
            number.checked_mul(-12)?,
            number.checked_mul(-12)?.checked_add(12)?,
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::span;

    #[test]
    fn spans_are_half_open() {
        let today = date(2026, 11, 20);
        assert_eq!(span("TODAY", 0, today), Some((today, date(2026, 11, 21))));
        assert_eq!(
            span("LAST_N_DAYS", 7, today),
            Some((date(2026, 11, 13), date(2026, 11, 21)))
        );
        assert_eq!(
            span("THIS_QUARTER", 0, today),
            Some((date(2026, 10, 1), date(2027, 1, 1)))
        );
        assert_eq!(
            span("LAST_WEEK", 0, today),
            Some((date(2026, 11, 8), date(2026, 11, 15)))
        );
    }
}

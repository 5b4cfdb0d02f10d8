//! Relative dates as spans of days.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// Whether a word, in upper case, is a relative date.
pub(super) fn is_relative(word: &str) -> bool {
    const PLAIN: [&str; 5] = ["TODAY", "YESTERDAY", "TOMORROW", "LAST_90_DAYS", "NEXT_90_DAYS"];
    const UNITS: [&str; 6] = ["WEEK", "MONTH", "QUARTER", "YEAR", "FISCAL_QUARTER", "FISCAL_YEAR"];
    const COUNTED: [&str; 7] = [
        "DAYS",
        "WEEKS",
        "MONTHS",
        "QUARTERS",
        "YEARS",
        "FISCAL_QUARTERS",
        "FISCAL_YEARS",
    ];
    if PLAIN.contains(&word) {
        return true;
    }
    let unit = |rest: &str| UNITS.contains(&rest);
    let counted = |rest: &str| COUNTED.contains(&rest);
    match word.split_once('_') {
        Some(("THIS", rest)) => unit(rest),
        Some(("LAST" | "NEXT", rest)) => unit(rest) || rest.strip_prefix("N_").is_some_and(counted),
        Some(("N", rest)) => rest.strip_suffix("_AGO").is_some_and(counted),
        _ => false,
    }
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
    let quarters = |from: i64, to: i64| months(quarter, from.checked_mul(3)?, to.checked_mul(3)?);
    let years = |from: i64, to: i64| months(year, from.checked_mul(12)?, to.checked_mul(12)?);
    // The simulated organisation's fiscal year is the calendar's.
    let name = name.replace("FISCAL_", "");
    match name.as_str() {
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
        "LAST_YEAR" => years(-1, 0),
        "THIS_YEAR" => years(0, 1),
        "NEXT_YEAR" => years(1, 2),
        "LAST_QUARTER" => quarters(-1, 0),
        "THIS_QUARTER" => quarters(0, 1),
        "NEXT_QUARTER" => quarters(1, 2),
        // The current day counts, as the documentation says.
        "LAST_N_DAYS" => days(-number, 1),
        "NEXT_N_DAYS" => days(1, number.checked_add(1)?),
        "N_DAYS_AGO" => days(-number, -number + 1),
        "LAST_N_WEEKS" => weeks(-number, 0),
        "NEXT_N_WEEKS" => weeks(1, number.checked_add(1)?),
        "N_WEEKS_AGO" => weeks(-number, -number + 1),
        "LAST_N_MONTHS" => months(month, -number, 0),
        "NEXT_N_MONTHS" => months(month, 1, number.checked_add(1)?),
        "N_MONTHS_AGO" => months(month, -number, -number + 1),
        "LAST_N_QUARTERS" => quarters(-number, 0),
        "NEXT_N_QUARTERS" => quarters(1, number.checked_add(1)?),
        "N_QUARTERS_AGO" => quarters(-number, -number + 1),
        "LAST_N_YEARS" => years(-number, 0),
        "NEXT_N_YEARS" => years(1, number.checked_add(1)?),
        "N_YEARS_AGO" => years(-number, -number + 1),
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

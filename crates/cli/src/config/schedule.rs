//! Schedules in words.

use syncline::sync::{Schedule, SweepInterval};

/// How schedules are written.
const FORMS: &str = "`manual`, `hourly`, `every 15 minutes`, `daily at 06:30` or `cron 0 9 * * 1`";

/// Reads a schedule.
///
/// # Errors
/// A sentence that lists the forms, when it is none of them.
pub(crate) fn parse(text: &str) -> Result<Schedule, String> {
    let wrong = || format!("`{text}` is no schedule; write {FORMS}");
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["manual"] => Ok(Schedule::Manual),
        ["hourly"] => Ok(Schedule::Hour),
        ["every", "minute"] => Ok(Schedule::Minutes { minutes: 1 }),
        ["every", minutes, "minutes" | "minute"] => match minutes.parse() {
            Ok(minutes) if minutes > 0 => Ok(Schedule::Minutes { minutes }),
            _ => Err(wrong()),
        },
        ["daily", "at", at] | ["daily", at] if at.parse::<jiff::civil::Time>().is_ok() => {
            Ok(Schedule::Day { at: (*at).to_owned() })
        }
        ["cron", expression @ ..] if expression.len() >= 5 => Ok(Schedule::Cron {
            expression: expression.join(" "),
        }),
        _ => Err(wrong()),
    }
}

/// Reads how often a sync is swept; the usual interval if nothing is said.
///
/// # Errors
/// A sentence that lists the forms, when it is none of them.
pub(crate) fn parse_sweep(text: Option<&str>) -> Result<SweepInterval, String> {
    let Some(text) = text else {
        return Ok(SweepInterval::Usual);
    };
    let wrong =
        || format!("`{text}` does not say how often to sweep; write `daily`, `every 12 hours`, `weekly` or `never`");
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["never"] => Ok(SweepInterval::Never),
        ["hourly"] | ["every", "hour"] => Ok(SweepInterval::Hours(1)),
        ["daily"] | ["every", "day"] => Ok(SweepInterval::Hours(24)),
        ["weekly"] | ["every", "week"] => Ok(SweepInterval::Hours(7 * 24)),
        ["every", hours, "hours" | "hour"] => match hours.parse() {
            Ok(hours) if hours > 0 => Ok(SweepInterval::Hours(hours)),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

/// Writes a schedule as [`parse`] reads it.
pub(crate) fn show(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Manual => "manual".to_owned(),
        Schedule::Minutes { minutes } => format!("every {minutes} minutes"),
        Schedule::Hour => "hourly".to_owned(),
        Schedule::Day { at } => format!("daily at {at}"),
        Schedule::Cron { expression } => format!("cron {expression}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_back() {
        for text in [
            "manual",
            "hourly",
            "every 15 minutes",
            "daily at 06:30",
            "cron 0 9 * * 1",
        ] {
            assert_eq!(show(&parse(text).unwrap()), text);
        }
    }

    #[test]
    fn sweeps_are_told_in_words_too() {
        let forms = [
            (None, SweepInterval::Usual),
            (Some("never"), SweepInterval::Never),
            (Some("daily"), SweepInterval::Hours(24)),
            (Some("weekly"), SweepInterval::Hours(168)),
            (Some("every 12 hours"), SweepInterval::Hours(12)),
        ];
        for (text, expected) in forms {
            assert_eq!(parse_sweep(text), Ok(expected));
        }
        for text in ["", "often", "every 0 hours", "every x hours"] {
            assert!(
                parse_sweep(Some(text)).unwrap_err().contains("every 12 hours"),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_answered_with_the_forms_there_are() {
        for text in [
            "",
            "sometimes",
            "every 0 minutes",
            "every -1 minutes",
            "daily at 25:00",
            "cron 0 9",
        ] {
            assert!(parse(text).unwrap_err().contains("every 15 minutes"), "{text}");
        }
    }
}

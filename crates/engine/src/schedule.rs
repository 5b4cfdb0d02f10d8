//! When syncs run by themselves.

use std::str::FromStr;

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};
use syncline_core::error::{Error, ErrorKind, Result};

use crate::sync::{Schedule, SweepInterval};

/// Refuses a schedule that never comes or can't be read.
pub(crate) fn check(schedule: &Schedule) -> Result<()> {
    match schedule {
        Schedule::Minutes { minutes: 0 } => Err(Error::new(
            ErrorKind::Invalid,
            "a schedule of every 0 minutes never rests; use at least 1",
        )),
        Schedule::Day { at } => at.parse::<civil::Time>().map(|_| ()).map_err(|_| {
            Error::new(
                ErrorKind::Invalid,
                format!("`{at}` is no time of day; write it as 06:30"),
            )
        }),
        Schedule::Cron { expression } => Cron::from_str(expression).map(|_| ()).map_err(|error| {
            Error::new(
                ErrorKind::Invalid,
                format!("`{expression}` is no cron expression: {error}"),
            )
        }),
        _ => Ok(()),
    }
}

/// Refuses an interval of sweeps that never rests.
pub(crate) fn check_sweep(sweep: SweepInterval) -> Result<()> {
    if sweep == SweepInterval::Hours(0) {
        return Err(Error::new(
            ErrorKind::Invalid,
            "a sweep every 0 hours never rests; use at least 1, or never",
        ));
    }
    Ok(())
}

/// The next time after `now`; `None` when it only runs by hand.
pub(crate) fn next(schedule: &Schedule, now: Timestamp, time_zone: &str) -> Option<Timestamp> {
    let zone = TimeZone::get(time_zone).unwrap_or(TimeZone::UTC);
    match schedule {
        Schedule::Manual => None,
        Schedule::Minutes { minutes } => now.checked_add(SignedDuration::from_mins(i64::from(*minutes))).ok(),
        Schedule::Hour => now.checked_add(SignedDuration::from_hours(1)).ok(),
        Schedule::Day { at } => {
            let time: civil::Time = at.parse().ok()?;
            let local = now.to_zoned(zone);
            let today = local.with().time(time).build().ok()?;
            let next = if today.timestamp() > now {
                today
            } else {
                today.tomorrow().ok()?.with().time(time).build().ok()?
            };
            Some(next.timestamp())
        }
        Schedule::Cron { expression } => {
            let cron = Cron::from_str(expression).ok()?;
            cron.find_next_occurrence(&now.to_zoned(zone), false)
                .ok()
                .map(|next| next.timestamp())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn daily_means_the_tenants_own_clock_also_when_it_is_put_forward() {
        let daily = Schedule::Day { at: "06:30".into() };
        assert_eq!(
            next(&daily, at("2026-03-28T10:00:00Z"), "Europe/Vienna"),
            Some(at("2026-03-29T04:30:00Z"))
        );
        assert_eq!(
            next(&daily, at("2026-01-01T04:00:00Z"), "Europe/Vienna"),
            Some(at("2026-01-01T05:30:00Z"))
        );
    }

    #[test]
    fn a_time_that_the_clock_skips_or_shows_twice_comes_once() {
        let daily = Schedule::Day { at: "02:30".into() };
        let all = |from: &str| {
            let mut times = Vec::new();
            let mut now = at(from);
            for _ in 0..3 {
                now = next(&daily, now, "Europe/Vienna").unwrap();
                times.push(now.to_string());
            }
            times
        };
        assert_eq!(
            all("2026-03-28T12:00:00Z"),
            ["2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z"],
            "skipped: an hour later by the clock"
        );
        assert_eq!(
            all("2026-10-24T12:00:00Z"),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z"],
            "shown twice: the first time"
        );
    }

    #[test]
    fn cron_expressions_are_read_in_the_tenants_zone_and_nonsense_is_refused() {
        let cron = Schedule::Cron {
            expression: "0 9 * * 1".into(),
        };
        assert_eq!(
            next(&cron, at("2026-11-21T00:00:00Z"), "America/New_York"),
            Some(at("2026-11-23T14:00:00Z"))
        );
        assert!(
            check(&Schedule::Cron {
                expression: "every day".into()
            })
            .is_err()
        );
        assert!(check(&Schedule::Day { at: "25:00".into() }).is_err());
        assert!(check(&Schedule::Minutes { minutes: 0 }).is_err());
    }
}

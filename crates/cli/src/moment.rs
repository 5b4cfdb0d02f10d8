//! Times as people type them.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, civil};

use crate::failure::Failure;

/// Reads `2026-05-01T12:00:00Z`, `2026-05-01 12:00`, `2026-05-01` (both in the zone), or how long ago: `2h`, `3 days`.
///
/// # Errors
/// When it is none of these.
pub(crate) fn parse(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, Failure> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let local = text
        .parse::<civil::DateTime>()
        .or_else(|_| text.parse::<civil::Date>().map(civil::DateTime::from));
    if let Ok(zoned) = local.and_then(|local| local.to_zoned(zone.clone())) {
        return Ok(zoned.timestamp());
    }
    let ago = text.trim_end_matches("ago").trim().parse::<Span>();
    let past = ago
        .ok()
        .and_then(|ago| now.to_zoned(zone.clone()).checked_sub(ago.abs()).ok());
    past.map(|past| past.timestamp()).ok_or_else(|| {
        Failure::usage(format!(
            "`{text}` is no time; write 2026-05-01T12:00:00Z, 2026-05-01, or how long ago, such as 2h or \"3 days\""
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_form_that_help_names() {
        let now: Timestamp = "2026-05-10T12:00:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Vienna").unwrap();
        for (text, meant) in [
            ("2026-05-01T12:00:00Z", "2026-05-01T12:00:00Z"),
            ("2026-05-01 12:00", "2026-05-01T10:00:00Z"),
            ("2026-05-01", "2026-04-30T22:00:00Z"),
            ("2h", "2026-05-10T10:00:00Z"),
            ("3 days ago", "2026-05-07T12:00:00Z"),
        ] {
            assert_eq!(
                parse(text, now, &zone).unwrap(),
                meant.parse::<Timestamp>().unwrap(),
                "{text}"
            );
        }
        assert!(parse("yesterday-ish", now, &zone).is_err());
    }
}

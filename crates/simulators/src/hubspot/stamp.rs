//! Instants as HubSpot keeps them: milliseconds since 1970, written as ISO 8601 with three decimals.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;

/// An instant in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Stamp(pub(super) i64);

/// Milliseconds in a day.
pub(super) const DAY: i64 = 86_400_000;

impl Stamp {
    pub(super) fn of(instant: Timestamp) -> Self {
        Self(instant.as_millisecond())
    }

    /// The instant itself; a count beyond the range of timestamps becomes its end.
    pub(super) fn instant(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }

    /// Reads epoch milliseconds, an ISO instant with a zone, or a plain date, which means its UTC midnight.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(millis) = text.parse::<i64>() {
            return Some(Self(millis));
        }
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Some(Self::of(instant));
        }
        Self::parse_date(text)
    }

    /// Reads `YYYY-MM-DD` as its UTC midnight.
    pub(super) fn parse_date(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
            return None;
        }
        let date: Date = text.parse().ok()?;
        let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Self::of(midnight.timestamp()))
    }

    /// The day as `YYYY-MM-DD`.
    pub(super) fn date_text(self) -> String {
        self.instant().to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.instant())
    }
}

impl serde::Serialize for Stamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::Stamp;

    #[test]
    fn stamps_are_written_with_three_decimals_and_read_in_all_forms() {
        let stamp = Stamp::parse("2026-11-20T10:00:00.120Z").unwrap();
        assert_eq!(stamp.to_string(), "2026-11-20T10:00:00.120Z");
        assert_eq!(Stamp::parse(&stamp.0.to_string()), Some(stamp));
        assert_eq!(Stamp::parse("2026-11-20T12:00:00.12+02:00"), Some(stamp));
        assert_eq!(
            Stamp::parse("2026-11-20").unwrap().to_string(),
            "2026-11-20T00:00:00.000Z"
        );
        assert_eq!(Stamp(0).to_string(), "1970-01-01T00:00:00.000Z");
    }
}

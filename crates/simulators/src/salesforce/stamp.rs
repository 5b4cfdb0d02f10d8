//! Instants and dates as the service writes and reads them. Stamps are whole seconds since 1970.

use jiff::civil::Date;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// The second that `instant` lies in.
pub(crate) fn seconds(instant: Timestamp) -> i64 {
    instant.as_millisecond().div_euclid(1000)
}

/// The instant at the start of a second.
pub(crate) fn instant(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Appends `2026-11-20T10:00:00.000+0000`, without quotes.
pub(crate) fn write_datetime(seconds: i64, out: &mut Vec<u8>) {
    let when = TimeZone::UTC.to_datetime(instant(seconds));
    write_date(when.date(), out);
    out.push(b'T');
    for (index, part) in [when.hour(), when.minute(), when.second()].into_iter().enumerate() {
        if index > 0 {
            out.push(b':');
        }
        two_digits(part, out);
    }
    out.extend_from_slice(b".000+0000");
}

/// Appends `2026-11-20`, without quotes.
pub(crate) fn write_date(date: Date, out: &mut Vec<u8>) {
    let year = date.year();
    two_digits(i8::try_from(year / 100).unwrap_or(0), out);
    two_digits(i8::try_from(year % 100).unwrap_or(0), out);
    out.push(b'-');
    two_digits(date.month(), out);
    out.push(b'-');
    two_digits(date.day(), out);
}

fn two_digits(number: i8, out: &mut Vec<u8>) {
    let number = number.unsigned_abs();
    out.push(b'0' + number / 10 % 10);
    out.push(b'0' + number % 10);
}

pub(crate) fn datetime_text(seconds: i64) -> String {
    let mut out = Vec::with_capacity(28);
    write_datetime(seconds, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Reads an ISO 8601 instant: `Z`, `+01:00` or `+0100`, with or without a fraction, which is cut off. A date alone is
/// its midnight in UTC.
pub(crate) fn parse_datetime(text: &str) -> Option<i64> {
    if text.len() == 10 {
        let date: Date = parse_date(text)?;
        return Some(seconds(date.to_zoned(TimeZone::UTC).ok()?.timestamp()));
    }
    let (clock, zone) = match text.rfind(['Z', 'z', '+', '-']) {
        Some(at) if at > 10 => text.split_at(at),
        _ => return None,
    };
    let when: jiff::civil::DateTime = clock.parse().ok()?;
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let digits: String = zone[1..].chars().filter(|letter| *letter != ':').collect();
            if digits.len() != 4 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                return None;
            }
            let hours: i32 = digits[..2].parse().ok()?;
            let minutes: i32 = digits[2..].parse().ok()?;
            (hours * 3600 + minutes * 60) * if zone.starts_with('-') { -1 } else { 1 }
        }
    };
    let offset = Offset::from_seconds(offset).ok()?;
    Some(seconds(offset.to_timestamp(when).ok()?))
}

/// Reads `2026-11-20`, four-digit years only.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if shape { text.parse().ok() } else { None }
}

/// An HTTP date.
pub(crate) fn http_date(instant: Timestamp) -> String {
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&instant)
        .unwrap_or_default()
}

/// Reads an HTTP date, or an ISO instant, which the service takes too.
pub(crate) fn parse_http_date(text: &str) -> Option<i64> {
    jiff::fmt::rfc2822::parse(text)
        .ok()
        .map(|zoned| seconds(zoned.timestamp()))
        .or_else(|| parse_datetime(text))
}

/// The start of the minute.
pub(crate) fn whole_minute(seconds: i64) -> i64 {
    seconds - seconds.rem_euclid(60)
}

/// `instant` moved by `step`, or the end of time.
pub(crate) fn later(instant: Timestamp, step: SignedDuration) -> Timestamp {
    instant.checked_add(step).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_have_no_colon_in_their_offset() {
        let stamp = parse_datetime("2026-11-20T10:00:00.999Z").unwrap();
        assert_eq!(datetime_text(stamp), "2026-11-20T10:00:00.000+0000");
        assert_eq!(parse_datetime("2026-11-20T11:00:00+01:00"), Some(stamp));
        assert_eq!(parse_datetime("2026-11-20T10:00:00.000+0000"), Some(stamp));
        assert_eq!(parse_datetime("2026-11-20T10:00:00"), None);
        assert_eq!(parse_http_date(&http_date(instant(stamp))), Some(stamp));
    }
}

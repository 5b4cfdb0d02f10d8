//! `datetime`: an instant, from text in any notation, at a chosen precision.
//!
//! Options: `format` (how the remote text is written, such as `%d/%m/%Y %H:%M`; ISO 8601 if it is not given), `zone`
//! (IANA name of the zone of texts that name none; UTC if it is not given) and `precision` (`minute`, `second` or
//! `millisecond`; what is finer does not count). A remote whole number is milliseconds since 1970.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let spec = LensSpec::new("datetime").with("format", "%Y-%m-%d %H:%M").with("zone", "Europe/Berlin");
//! let lens = LensRegistry::standard().build(&[spec])?;
//! let instant = lens.get(&[Value::text("2026-07-01 12:00")], &NoLinks)?;
//! assert_eq!(instant[0].to_string(), "2026-07-01T10:00:00Z");
//! # Ok::<(), syncline_core::Error>(())
//! ```

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

use crate::error::{Error, ErrorKind, Result};
use crate::lens::text::excerpt;
use crate::lens::{LensKind, LensOption, ValueLens, date, single};
use crate::value::{DateTime, Precision, Value};

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[
        LensOption {
            name: "format",
            meaning: "how the remote text is written, such as %d/%m/%Y %H:%M; ISO 8601 by default",
        },
        LensOption {
            name: "zone",
            meaning: "IANA time zone of texts that name none; UTC by default",
        },
        LensOption {
            name: "precision",
            meaning: "minute, second or millisecond: what is finer does not count; as the side gives it by default",
        },
    ];
    const PRECISIONS: &[(&str, Precision)] = &[
        ("minute", Precision::Minute),
        ("second", Precision::Second),
        ("millisecond", Precision::Millisecond),
    ];
    LensKind::new("An instant, from text or at a chosen precision.", OPTIONS, |options| {
        let lens = Instant {
            format: options.text("format")?.map(str::to_owned),
            zone: date::zone(options)?.unwrap_or(TimeZone::UTC),
            precision: options.one_of("precision", PRECISIONS)?,
        };
        // 2026-11-23 13:00 UTC: neither month and day nor the hours of the two halves of a day can be mixed up.
        let sample = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1_795_438_800);
        if let Some(format) = &lens.format
            && lens.write(format, sample).and_then(|text| lens.parse(&text)) != Some(sample)
        {
            return Err(options.invalid("format", "must write day, month, year and hour, such as %d/%m/%Y %H:%M"));
        }
        Ok(single(lens))
    })
}

#[derive(Debug)]
struct Instant {
    format: Option<String>,
    zone: TimeZone,
    precision: Option<Precision>,
}

impl Instant {
    fn parse(&self, text: &str) -> Option<Timestamp> {
        let text = text.trim();
        if let Some(format) = &self.format {
            let parsed = strtime::parse(format, text).ok()?;
            return parsed
                .to_timestamp()
                .ok()
                .or_else(|| self.local(parsed.to_datetime().ok()?));
        }
        text.parse().ok().or_else(|| self.local(text.parse().ok()?))
    }

    fn local(&self, local: civil::DateTime) -> Option<Timestamp> {
        self.zone.to_ambiguous_timestamp(local).compatible().ok()
    }

    fn write(&self, format: &str, instant: Timestamp) -> Option<String> {
        strtime::format(format, &instant.to_zoned(self.zone.clone())).ok()
    }

    fn cut(&self, at: DateTime) -> DateTime {
        match self.precision {
            Some(precision) => DateTime::new(at.instant, precision.min(at.precision)),
            None => at,
        }
    }

    /// An instant in the form of `like`.
    fn written(&self, at: DateTime, like: &Value) -> Option<Value> {
        let at = self.cut(at);
        Some(match (&self.format, like) {
            (Some(format), _) => Value::Text(self.write(format, at.instant)?),
            (None, Value::Text(_)) => Value::Text(at.instant.to_string()),
            (None, Value::Int(_)) => Value::Int(at.instant.as_millisecond()),
            (None, Value::DateTime(old)) => Value::DateTime(DateTime::new(at.instant, old.precision)),
            _ => Value::DateTime(at),
        })
    }
}

impl ValueLens for Instant {
    fn get(&self, raw: &Value) -> Result<Value> {
        let at = match raw {
            raw if raw.is_empty() => return Ok(Value::Null),
            Value::Text(text) if text.trim().is_empty() => return Ok(Value::Null),
            Value::Text(text) => self
                .parse(text)
                .map(|instant| DateTime::new(instant, Precision::Microsecond)),
            Value::DateTime(at) => Some(*at),
            Value::Date(date) => self
                .local(date.at(0, 0, 0, 0))
                .map(|instant| DateTime::new(instant, Precision::Minute)),
            Value::Int(millis) => Timestamp::from_millisecond(*millis)
                .ok()
                .map(|instant| DateTime::new(instant, Precision::Millisecond)),
            _ => None,
        };
        at.map(|at| Value::DateTime(self.cut(at))).ok_or_else(|| {
            let expected = self.format.as_deref().unwrap_or("2026-07-01T10:00:00Z");
            Error::new(
                ErrorKind::Invalid,
                format!("`{}` is no date and time written as {expected}", excerpt(raw)),
            )
        })
    }

    fn put(&self, canonical: &Value, old: &Value) -> Result<Value> {
        match canonical {
            value if value.is_empty() => Ok(Value::Null),
            Value::DateTime(at) => self.written(*at, old).ok_or_else(|| {
                Error::new(
                    ErrorKind::Invalid,
                    format!("{} can't be written as the remote field wants it", at.instant),
                )
            }),
            other => Err(Error::new(
                ErrorKind::Invalid,
                format!("`{}` is {}, not a date and time", excerpt(other), other.kind_name()),
            )),
        }
    }

    fn canon(&self, raw: &Value) -> Value {
        match self.get(raw) {
            Ok(Value::DateTime(at)) => self.written(at, raw).unwrap_or_else(|| raw.clone()),
            Ok(_) => Value::Null,
            Err(_) => raw.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lens::{LensRegistry, NoLinks};
    use crate::mapping::LensSpec;

    fn instant(text: &str) -> Value {
        Value::DateTime(DateTime::new(text.parse().unwrap(), Precision::Millisecond))
    }

    fn lens(precision: Option<Precision>) -> Instant {
        Instant {
            format: None,
            zone: TimeZone::get("Europe/Berlin").unwrap(),
            precision,
        }
    }

    #[test]
    fn what_is_finer_than_the_precision_does_not_count() {
        let lens = lens(Some(Precision::Second));
        let fine = instant("2026-01-01T00:00:00.750Z");
        assert_eq!(lens.get(&fine).unwrap(), instant("2026-01-01T00:00:00Z"));
        assert_eq!(lens.canon(&fine), instant("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn local_text_is_read_in_the_zone_and_an_offset_wins() {
        let lens = lens(None);
        assert_eq!(
            lens.get(&"2026-01-01T12:00:00".into()).unwrap(),
            instant("2026-01-01T11:00:00Z")
        );
        assert_eq!(
            lens.get(&"2026-01-01T12:00:00-05:00".into()).unwrap(),
            instant("2026-01-01T17:00:00Z")
        );
    }

    #[test]
    fn a_whole_number_is_milliseconds_both_ways() {
        let lens = lens(None);
        let got = lens.get(&Value::Int(1_500)).unwrap();
        assert_eq!(got, instant("1970-01-01T00:00:01.5Z"));
        assert_eq!(lens.put(&got, &Value::Int(7)).unwrap(), Value::Int(1_500));
    }

    #[test]
    fn an_hour_that_the_zone_skips_is_read_as_the_one_after() {
        let lens = lens(None);
        assert_eq!(
            lens.get(&"2026-03-29T02:30:00".into()).unwrap(),
            instant("2026-03-29T01:30:00Z")
        );
    }

    #[test]
    fn a_format_with_an_offset_needs_no_zone() {
        let spec = LensSpec::new("datetime").with("format", "%d.%m.%Y %H:%M %z");
        let lens = LensRegistry::standard().build(&[spec]).unwrap();
        let got = lens.get(&["01.02.2026 10:00 +0200".into()], &NoLinks).unwrap();
        assert_eq!(got, [instant("2026-02-01T08:00:00Z")]);
    }

    #[test]
    fn a_format_that_loses_the_half_of_the_day_is_refused() {
        let spec = LensSpec::new("datetime").with("format", "%d.%m.%Y %I:%M");
        assert!(LensRegistry::standard().build(&[spec]).is_err());
    }
}

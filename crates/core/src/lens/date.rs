//! `date`: a calendar day, from text in any notation or from an instant.
//!
//! Options: `format` (how the remote text is written, such as `%d/%m/%Y`; ISO 8601 if it is not given) and `zone` (IANA
//! name of the zone whose days count, for remote instants; UTC if it is not given). The time of day of a remote instant
//! does not count; a changed day is written as its first moment.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("date").with("format", "%d.%m.%Y")])?;
//! let day = lens.get(&[Value::text("03.02.2026")], &NoLinks)?;
//! assert_eq!(day[0].to_string(), "2026-02-03");
//! assert_eq!(lens.put(&day, &[Value::Null], &NoLinks)?, [Value::text("03.02.2026")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use jiff::civil;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use crate::error::{Error, ErrorKind, Result};
use crate::lens::text::excerpt;
use crate::lens::{LensKind, LensOption, Options, ValueLens, single};
use crate::value::{DateTime, Precision, Value};

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[
        LensOption {
            name: "format",
            meaning: "how the remote text is written, such as %d/%m/%Y; ISO 8601 by default",
        },
        LensOption {
            name: "zone",
            meaning: "IANA time zone whose days count, for remote instants; UTC by default",
        },
    ];
    LensKind::new("A calendar day, from text or from an instant.", OPTIONS, |options| {
        let format = options.text("format")?.map(str::to_owned);
        let sample = civil::date(2026, 11, 23);
        let reads_back = |format: &String| write(format, sample).and_then(|text| read(format, &text)) == Some(sample);
        if format.as_ref().is_some_and(|format| !reads_back(format)) {
            return Err(options.invalid("format", "must write day, month and year, such as %d/%m/%Y"));
        }
        Ok(single(Date {
            format,
            zone: zone(options)?,
        }))
    })
}

/// The time zone of option `zone`.
pub(super) fn zone(options: &Options<'_>) -> Result<Option<TimeZone>> {
    options
        .text("zone")?
        .map(|name| {
            TimeZone::get(name).map_err(|_| {
                options.invalid(
                    "zone",
                    &format!("must be a time zone such as Europe/Berlin, not `{name}`"),
                )
            })
        })
        .transpose()
}

fn read(format: &str, text: &str) -> Option<civil::Date> {
    strtime::parse(format, text.trim())
        .and_then(|parsed| parsed.to_date())
        .ok()
}

fn write(format: &str, date: civil::Date) -> Option<String> {
    strtime::format(format, date).ok()
}

#[derive(Debug)]
struct Date {
    format: Option<String>,
    zone: Option<TimeZone>,
}

impl Date {
    fn zone(&self) -> TimeZone {
        self.zone.clone().unwrap_or(TimeZone::UTC)
    }

    fn parse(&self, text: &str) -> Option<civil::Date> {
        if let Some(format) = &self.format {
            return read(format, text);
        }
        let text = text.trim();
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Some(instant.to_zoned(self.zone()).date());
        }
        text.parse().ok()
    }

    fn first_moment(&self, date: civil::Date) -> Option<Value> {
        let start = date.to_zoned(self.zone()).ok()?;
        Some(Value::DateTime(DateTime::new(start.timestamp(), Precision::Second)))
    }

    /// A day in the form of `like`.
    fn written(&self, date: civil::Date, like: &Value) -> Option<Value> {
        match (&self.format, like) {
            (Some(format), _) => write(format, date).map(Value::Text),
            (None, Value::Text(_)) => Some(Value::Text(date.to_string())),
            (None, Value::DateTime(_)) => self.first_moment(date),
            (None, _) if self.zone.is_some() => self.first_moment(date),
            _ => Some(Value::Date(date)),
        }
    }
}

impl ValueLens for Date {
    fn get(&self, raw: &Value) -> Result<Value> {
        let date = match raw {
            raw if raw.is_empty() => return Ok(Value::Null),
            Value::Date(date) => Some(*date),
            Value::DateTime(at) => Some(at.instant.to_zoned(self.zone()).date()),
            Value::Text(text) if text.trim().is_empty() => return Ok(Value::Null),
            Value::Text(text) => self.parse(text),
            _ => None,
        };
        date.map(Value::Date).ok_or_else(|| {
            let expected = self.format.as_deref().unwrap_or("%Y-%m-%d");
            Error::new(
                ErrorKind::Invalid,
                format!("`{}` is no date written as {expected}", excerpt(raw)),
            )
        })
    }

    fn put(&self, canonical: &Value, old: &Value) -> Result<Value> {
        match canonical {
            value if value.is_empty() => Ok(Value::Null),
            Value::Date(date) => self.written(*date, old).ok_or_else(|| {
                Error::new(
                    ErrorKind::Invalid,
                    format!("{date} can't be written as the remote field wants it"),
                )
            }),
            other => Err(Error::new(
                ErrorKind::Invalid,
                format!("`{}` is {}, not a date", excerpt(other), other.kind_name()),
            )),
        }
    }

    fn canon(&self, raw: &Value) -> Value {
        match self.get(raw) {
            Ok(Value::Date(date)) => self.written(date, raw).unwrap_or_else(|| raw.clone()),
            Ok(_) => Value::Null,
            Err(_) => raw.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> Value {
        Value::DateTime(DateTime::new(text.parse().unwrap(), Precision::Second))
    }

    #[test]
    fn the_day_of_an_instant_is_that_of_the_zone() {
        let lens = Date {
            format: None,
            zone: TimeZone::get("America/New_York").ok(),
        };
        let raw = instant("2026-03-01T02:00:00Z");
        let day = Value::Date(civil::date(2026, 2, 28));
        assert_eq!(lens.get(&raw).unwrap(), day);
        assert_eq!(lens.canon(&raw), instant("2026-02-28T05:00:00Z"));
        assert_eq!(lens.put(&day, &Value::Null).unwrap(), instant("2026-02-28T05:00:00Z"));
    }

    #[test]
    fn text_that_is_no_date_says_how_it_should_be_written() {
        let lens = Date {
            format: Some("%d/%m/%Y".into()),
            zone: None,
        };
        let error = lens.get(&"31/02/2026".into()).unwrap_err();
        assert_eq!(error.message(), "`31/02/2026` is no date written as %d/%m/%Y");
        assert_eq!(lens.get(&" ".into()).unwrap(), Value::Null);
    }

    #[test]
    fn iso_text_is_the_default() {
        let lens = Date {
            format: None,
            zone: None,
        };
        let day = Value::Date(civil::date(2026, 2, 28));
        assert_eq!(lens.get(&"2026-02-28".into()).unwrap(), day);
        assert_eq!(lens.put(&day, &"2026-01-01".into()).unwrap(), Value::text("2026-02-28"));
    }

    #[test]
    fn a_format_that_loses_the_year_is_refused() {
        use crate::lens::LensRegistry;
        use crate::mapping::LensSpec;
        for spec in [
            LensSpec::new("date").with("format", "%d/%m"),
            LensSpec::new("date").with("zone", "Mars/Base"),
        ] {
            assert!(LensRegistry::standard().build(&[spec]).is_err());
        }
    }
}

//! Functions of fields: parts of dates, aggregates, and forms for people.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::evaluate::order_of;
use crate::salesforce::cell::View;
use crate::salesforce::stamp::instant;

/// A function by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Aggregate(Aggregate),
    Part(DatePart),
    /// `FORMAT`, `toLabel`, `convertCurrency`: the value for people.
    Shown(Shown),
    /// `GROUPING`: whether a row sums over the field.
    Grouping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Count,
    CountDistinct,
    Sum,
    Average,
    Least,
    Most,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DatePart {
    Year,
    Quarter,
    Month,
    DayInMonth,
    DayInWeek,
    DayInYear,
    DayOnly,
    HourInDay,
    WeekInMonth,
    WeekInYear,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Format,
    Label,
    Currency,
}

impl Function {
    /// The function of this name, in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "COUNT" => Self::Aggregate(Aggregate::Count),
            "COUNT_DISTINCT" => Self::Aggregate(Aggregate::CountDistinct),
            "SUM" => Self::Aggregate(Aggregate::Sum),
            "AVG" => Self::Aggregate(Aggregate::Average),
            "MIN" => Self::Aggregate(Aggregate::Least),
            "MAX" => Self::Aggregate(Aggregate::Most),
            // The simulated organisation's fiscal year is the calendar's.
            "CALENDAR_YEAR" | "FISCAL_YEAR" => Self::Part(DatePart::Year),
            "CALENDAR_QUARTER" | "FISCAL_QUARTER" => Self::Part(DatePart::Quarter),
            "CALENDAR_MONTH" | "FISCAL_MONTH" => Self::Part(DatePart::Month),
            "DAY_IN_MONTH" => Self::Part(DatePart::DayInMonth),
            "DAY_IN_WEEK" => Self::Part(DatePart::DayInWeek),
            "DAY_IN_YEAR" => Self::Part(DatePart::DayInYear),
            "DAY_ONLY" => Self::Part(DatePart::DayOnly),
            "HOUR_IN_DAY" => Self::Part(DatePart::HourInDay),
            "WEEK_IN_MONTH" => Self::Part(DatePart::WeekInMonth),
            "WEEK_IN_YEAR" => Self::Part(DatePart::WeekInYear),
            "FORMAT" => Self::Shown(Shown::Format),
            "TOLABEL" => Self::Shown(Shown::Label),
            "CONVERTCURRENCY" => Self::Shown(Shown::Currency),
            "GROUPING" => Self::Grouping,
            _ => return None,
        })
    }
}

impl DatePart {
    /// The part of a date or an instant, in UTC.
    pub(super) fn of(self, value: &View<'_>) -> View<'static> {
        let (date, hour) = match value {
            View::Date(date) => (*date, 0),
            View::DateTime(seconds) => {
                let when = TimeZone::UTC.to_datetime(instant(*seconds));
                (when.date(), when.hour())
            }
            _ => return View::Null,
        };
        let day = |number: i8| i64::from(number);
        View::Int(match self {
            Self::Year => i64::from(date.year()),
            Self::Quarter => day((date.month() - 1) / 3 + 1),
            Self::Month => day(date.month()),
            Self::DayInMonth => day(date.day()),
            Self::DayInWeek => day(date.weekday().to_sunday_one_offset()),
            Self::DayInYear => i64::from(date.day_of_year()),
            Self::DayOnly => return View::Date(date),
            Self::HourInDay => day(hour),
            Self::WeekInMonth => day((date.day() - 1) / 7 + 1),
            Self::WeekInYear => i64::from((date.day_of_year() - 1) / 7 + 1),
        })
    }
}

impl Aggregate {
    /// The name as error messages show it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Count => "COUNT",
            Self::CountDistinct => "COUNT_DISTINCT",
            Self::Sum => "SUM",
            Self::Average => "AVG",
            Self::Least => "MIN",
            Self::Most => "MAX",
        }
    }

    /// The aggregate of values that are not null.
    pub(super) fn of<'a>(self, values: impl Iterator<Item = View<'a>>) -> View<'a> {
        let values = values.filter(|value| !value.is_null());
        let count = |count: usize| View::Int(i64::try_from(count).unwrap_or(i64::MAX));
        match self {
            Self::Count => count(values.count()),
            Self::CountDistinct => {
                let mut seen: Vec<View<'a>> = values.collect();
                seen.sort_by(order_of);
                seen.dedup_by(|a, b| order_of(a, b).is_eq());
                count(seen.len())
            }
            Self::Least => values.min_by(order_of).unwrap_or(View::Null),
            Self::Most => values.max_by(order_of).unwrap_or(View::Null),
            Self::Sum | Self::Average => {
                let numbers: Vec<f64> = values.filter_map(|value| number(&value)).collect();
                let sum: f64 = numbers.iter().sum();
                #[allow(clippy::cast_precision_loss, reason = "fewer records than 2^53")]
                match (self, numbers.is_empty()) {
                    (_, true) => View::Null,
                    (Self::Average, false) => View::Double(sum / numbers.len() as f64),
                    (_, false) => View::Double(sum),
                }
            }
        }
    }
}

/// A value as a number.
pub(super) fn number(value: &View<'_>) -> Option<f64> {
    match value {
        #[allow(clippy::cast_precision_loss, reason = "whole numbers have at most nine digits")]
        View::Int(value) => Some(*value as f64),
        View::Double(value) => Some(*value),
        _ => None,
    }
}

impl Shown {
    /// The value as a person in the United States sees it.
    pub(super) fn of<'a>(self, value: View<'a>, type_name: &str) -> View<'a> {
        if self != Self::Format {
            return value;
        }
        let date = |date: Date| format!("{}/{}/{}", date.month(), date.day(), date.year());
        match value {
            View::Int(value) => text(grouped(&value.to_string())),
            View::Double(value) if type_name == "currency" => text(format!("USD {}", grouped(&format!("{value:.2}")))),
            View::Double(value) if type_name == "percent" => text(format!("{value}%")),
            View::Double(value) => text(grouped(&value.to_string())),
            View::Date(value) => text(date(value)),
            View::DateTime(value) => {
                let when = TimeZone::UTC.to_datetime(instant(value));
                let (hour, half) = match when.hour() {
                    0 => (12, "AM"),
                    hour @ 1..12 => (hour, "AM"),
                    12 => (12, "PM"),
                    hour => (hour - 12, "PM"),
                };
                text(format!("{}, {hour}:{:02} {half}", date(when.date()), when.minute()))
            }
            other => other,
        }
    }
}

fn text(text: String) -> View<'static> {
    View::Text(text.into())
}

/// A number with commas between its thousands.
fn grouped(number: &str) -> String {
    let (whole, rest) = match number.split_once('.') {
        Some((whole, rest)) => (whole, format!(".{rest}")),
        None => (number, String::new()),
    };
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{sign}{out}{rest}")
}

/// A view that outlives what it was read from.
pub(super) fn owned(view: &View<'_>) -> View<'static> {
    match view {
        View::Null => View::Null,
        View::Bool(value) => View::Bool(*value),
        View::Int(value) => View::Int(*value),
        View::Double(value) => View::Double(*value),
        View::Text(value) => View::Text(value.clone().into_owned().into()),
        View::Id(value) => View::Id(*value),
        View::Date(value) => View::Date(*value),
        View::DateTime(value) => View::DateTime(*value),
        View::Json(value) => View::Json(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn parts_of_dates_count_as_the_documentation_does() {
        let day = View::Date(date(2026, 11, 20));
        let part = |part: DatePart| part.of(&day).to_json();
        assert_eq!(part(DatePart::Year), 2026);
        assert_eq!(part(DatePart::Quarter), 4);
        assert_eq!(part(DatePart::DayInWeek), 6, "Sunday is 1, Friday 6");
        assert_eq!(part(DatePart::WeekInMonth), 3);
        assert_eq!(part(DatePart::DayInYear), 324);
        assert_eq!(grouped("-1234567.50"), "-1,234,567.50");
    }
}

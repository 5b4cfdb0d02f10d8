//! Aggregates of a field's values, worked out one value at a time.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Field, FieldType};
use crate::sort_key::sort_key;
use crate::value::Value;

/// What to work out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AggregateFunction {
    /// How many have a value.
    Count,
    /// The sum, exact for whole and decimal numbers.
    Sum,
    /// The average, to 28 digits.
    Average,
    /// The least value, in the order in which lists are sorted.
    Minimum,
    /// The largest value, in the order in which lists are sorted.
    Maximum,
}

impl AggregateFunction {
    /// What people call it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Average => "average",
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
        }
    }
}

/// An aggregate under way. Empty values do not count.
///
/// ```
/// use syncline_core::Value;
/// use syncline_core::aggregate::{Accumulator, AggregateFunction};
/// use syncline_core::model::{Field, FieldType};
/// let mut sum = Accumulator::new(AggregateFunction::Sum, &Field::new("price", FieldType::Decimal))?;
/// for price in ["0.1", "0.2", "-0.05"] {
///     sum.add(&Value::from_number(price));
/// }
/// assert_eq!(sum.outcome(), Value::from_number("0.25"));
/// # Ok::<(), syncline_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Accumulator {
    function: AggregateFunction,
    count: u64,
    /// By currency; without one where numbers have none.
    sums: BTreeMap<Option<String>, (ExactSum, u64)>,
    extreme: Option<(Vec<u8>, Value)>,
}

impl Accumulator {
    /// An aggregate of a field. Amounts of money are summed by currency.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for the sum or average of what is no number.
    pub fn new(function: AggregateFunction, field: &Field) -> Result<Self> {
        let is_number = matches!(
            field.kind,
            FieldType::Integer | FieldType::Decimal | FieldType::Float | FieldType::Money
        );
        if matches!(function, AggregateFunction::Sum | AggregateFunction::Average) && !is_number {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "`{}` is a {} and has no {}; count it, or ask for its minimum or maximum",
                    field.name,
                    field.kind.label(),
                    function.label()
                ),
            ));
        }
        Ok(Self {
            function,
            count: 0,
            sums: BTreeMap::new(),
            extreme: None,
        })
    }

    /// Takes a value in.
    pub fn add(&mut self, value: &Value) {
        if value.is_empty() {
            return;
        }
        self.count += 1;
        match self.function {
            AggregateFunction::Count => {}
            AggregateFunction::Sum | AggregateFunction::Average => {
                let (amount, currency) = match value {
                    Value::List(list) => match list.as_slice() {
                        [amount, currency] => (amount, currency.as_text().map(str::to_owned)),
                        _ => return,
                    },
                    amount => (amount, None),
                };
                let sum = self.sums.entry(currency).or_default();
                if sum.0.add(amount) {
                    sum.1 += 1;
                }
            }
            AggregateFunction::Minimum | AggregateFunction::Maximum => {
                let key = sort_key(value);
                let is_better = self.extreme.as_ref().is_none_or(|(known, _)| {
                    if self.function == AggregateFunction::Minimum {
                        key < *known
                    } else {
                        key > *known
                    }
                });
                if is_better {
                    self.extreme = Some((key, value.clone()));
                }
            }
        }
    }

    /// What it comes to; null where there was no value. Money is an amount with its currency, or a list of these where
    /// there are several currencies.
    pub fn outcome(&self) -> Value {
        match self.function {
            AggregateFunction::Count => Value::Int(i64::try_from(self.count).unwrap_or(i64::MAX)),
            AggregateFunction::Minimum | AggregateFunction::Maximum => self
                .extreme
                .as_ref()
                .map(|(_, value)| value.clone())
                .unwrap_or_default(),
            AggregateFunction::Sum | AggregateFunction::Average => {
                let number = |(sum, count): &(ExactSum, u64)| match self.function {
                    AggregateFunction::Average => sum.average(*count),
                    _ => sum.total(),
                };
                let mut sums: Vec<Value> = Vec::new();
                for (currency, sum) in &self.sums {
                    sums.push(match currency {
                        Some(currency) => Value::List(vec![number(sum), Value::text(currency.as_str())]),
                        None => number(sum),
                    });
                }
                match sums.len() {
                    0 | 1 => sums.pop().unwrap_or_default(),
                    _ => Value::List(sums),
                }
            }
        }
    }
}

/// Digits after the point that a decimal number can have.
const PLACES: u32 = 28;
/// One, in units of the last of these digits.
const ONE: i128 = 10_i128.pow(PLACES);

/// A sum that loses no digit: whole parts and fractions by themselves, and floating-point numbers beside them.
#[derive(Debug, Clone, Default)]
struct ExactSum {
    whole: i128,
    /// In units of the last digit that a decimal number can have.
    fraction: i128,
    float: f64,
    /// What adding to `float` lost so far.
    lost: f64,
    has_float: bool,
}

impl ExactSum {
    /// Adds a number; says whether it was one.
    fn add(&mut self, value: &Value) -> bool {
        match value {
            Value::Int(int) => self.whole += i128::from(*int),
            // Either part is below 10^29, so that a sum of a thousand million of them fits.
            Value::Decimal(decimal) => {
                let unit = 10_i128.pow(decimal.scale());
                self.whole += decimal.mantissa() / unit;
                self.fraction += decimal.mantissa() % unit * 10_i128.pow(PLACES - decimal.scale());
            }
            Value::Float(float) => {
                self.has_float = true;
                let sum = self.float + float;
                self.lost += if self.float.abs() >= float.abs() {
                    (self.float - sum) + float
                } else {
                    (float - sum) + self.float
                };
                self.float = sum;
            }
            _ => return false,
        }
        true
    }

    fn approximate(&self) -> f64 {
        self.whole as f64 + self.fraction as f64 / ONE as f64 + self.float + self.lost
    }

    /// All digits.
    fn digits(&self) -> String {
        let (mut whole, mut fraction) = (self.whole + self.fraction / ONE, self.fraction % ONE);
        // Both of one sign.
        if whole > 0 && fraction < 0 {
            (whole, fraction) = (whole - 1, fraction + ONE);
        } else if whole < 0 && fraction > 0 {
            (whole, fraction) = (whole + 1, fraction - ONE);
        }
        let sign = if whole < 0 || fraction < 0 { "-" } else { "" };
        let (whole, fraction) = (whole.unsigned_abs(), fraction.unsigned_abs());
        let places = format!("{fraction:028}");
        let places = places.trim_end_matches('0');
        let point = if places.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{places}")
    }

    fn total(&self) -> Value {
        if self.has_float {
            return Value::Float(self.approximate());
        }
        let digits = self.digits();
        if let Ok(int) = digits.parse() {
            return Value::Int(int);
        }
        // Text where no decimal number has so many digits.
        Decimal::from_str_exact(&digits).map_or(Value::Text(digits), Value::Decimal)
    }

    fn average(&self, count: u64) -> Value {
        if count == 0 {
            return Value::Null;
        }
        let exact = Decimal::from_str_exact(&self.digits()).ok().filter(|_| !self.has_float);
        match exact.and_then(|total| total.checked_div(Decimal::from(count))) {
            Some(average) => Value::Decimal(average.normalize()),
            None => Value::Float(self.approximate() / count as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(function: AggregateFunction, kind: FieldType, values: &[Value]) -> Value {
        let mut accumulator = Accumulator::new(function, &Field::new("field", kind)).unwrap();
        values.iter().for_each(|value| accumulator.add(value));
        accumulator.outcome()
    }

    #[test]
    fn no_digit_of_a_sum_is_lost() {
        let values = [
            Value::from_number("7000000000000000000000000000"),
            Value::from_number("0.0000000001"),
            Value::from_number("-0.00000000005"),
        ];
        assert_eq!(
            of(AggregateFunction::Sum, FieldType::Decimal, &values),
            Value::text("7000000000000000000000000000.00000000005")
        );
        assert_eq!(
            of(
                AggregateFunction::Sum,
                FieldType::Integer,
                &[Value::Int(i64::MAX), Value::Int(1)]
            ),
            Value::from_number("9223372036854775808")
        );
    }

    #[test]
    fn empty_values_do_not_count() {
        let values = [Value::Null, Value::Int(1), Value::text(""), Value::Int(2)];
        let of = |function| of(function, FieldType::Integer, &values);
        assert_eq!(of(AggregateFunction::Count), Value::Int(2));
        assert_eq!(of(AggregateFunction::Average), Value::from_number("1.5"));
        assert_eq!(of(AggregateFunction::Minimum), Value::Int(1));
        assert_eq!(
            super::tests::of(AggregateFunction::Sum, FieldType::Integer, &[]),
            Value::Null
        );
    }

    #[test]
    fn money_is_summed_by_currency() {
        let money = |amount: &str, currency: &str| Value::List(vec![Value::from_number(amount), Value::text(currency)]);
        let values = [money("1.5", "EUR"), money("2", "USD"), money("0.25", "EUR")];
        assert_eq!(
            of(AggregateFunction::Sum, FieldType::Money, &values),
            Value::List(vec![money("1.75", "EUR"), money("2", "USD")])
        );
    }

    #[test]
    fn a_sum_of_texts_is_refused_by_the_field() {
        let refused = Accumulator::new(AggregateFunction::Sum, &Field::new("name", FieldType::Text)).unwrap_err();
        assert!(refused.to_string().contains("`name` is a text"), "{refused}");
    }

    proptest! {
        #[test]
        fn the_order_of_values_does_not_matter(mantissas in prop::collection::vec((any::<i64>(), 0u32..20), 1..20)) {
            let mut values: Vec<Value> =
                mantissas.iter().map(|(mantissa, scale)| Value::Decimal(Decimal::new(*mantissa, *scale))).collect();
            let forward = of(AggregateFunction::Sum, FieldType::Decimal, &values);
            values.reverse();
            prop_assert_eq!(forward, of(AggregateFunction::Sum, FieldType::Decimal, &values));
        }
    }
}

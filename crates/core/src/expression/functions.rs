use std::cmp::Ordering;
use std::sync::{Arc, LazyLock};

use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelNull, CelString, CelUInt, DYN_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{Env, ExecutionError};
use jiff::Timestamp;

use crate::lens::moment;

/// Longest text that an expression may build, in bytes.
const LONGEST_TEXT: usize = 1 << 18;

/// Longest list that an expression may build.
const LONGEST_LIST: i64 = 10_000;

/// Operators and helpers that [`super::lenient`] writes in place of CEL's. No expression can name them: `@` is no letter.
pub(super) mod name {
    pub(in super::super) const OR: &str = "@or";
    pub(in super::super) const ORDERED: &str = "@ordered";
    pub(in super::super) const EQUAL: &str = "@equal";
    pub(in super::super) const NOT_EQUAL: &str = "@not_equal";
    pub(in super::super) const LESS: &str = "@less";
    pub(in super::super) const LESS_OR_EQUAL: &str = "@less_or_equal";
    pub(in super::super) const GREATER: &str = "@greater";
    pub(in super::super) const GREATER_OR_EQUAL: &str = "@greater_or_equal";
    pub(in super::super) const ADD: &str = "@add";
    pub(in super::super) const SUBTRACT: &str = "@subtract";
    pub(in super::super) const MULTIPLY: &str = "@multiply";
    pub(in super::super) const DIVIDE: &str = "@divide";
}

/// The standard functions with ours.
pub(super) fn environment() -> Arc<Env> {
    static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
        let mut env = Env::stdlib();
        let two: [(&str, cel::common::functions::Function); 11] = [
            (name::OR, or),
            (name::EQUAL, |args| Ok(bool(equal(&args)?))),
            (name::NOT_EQUAL, |args| Ok(bool(!equal(&args)?))),
            (name::LESS, |args| ordered_as(&args, Ordering::is_lt)),
            (name::LESS_OR_EQUAL, |args| ordered_as(&args, Ordering::is_le)),
            (name::GREATER, |args| ordered_as(&args, Ordering::is_gt)),
            (name::GREATER_OR_EQUAL, |args| ordered_as(&args, Ordering::is_ge)),
            (name::ADD, add),
            (name::SUBTRACT, subtract),
            (name::MULTIPLY, multiply),
            (name::DIVIDE, divide),
        ];
        for (function, body) in two {
            // Only a second declaration of the same name can fail, and these names are ours.
            let _ = env.add_overload(function, function, vec![DYN_TYPE, DYN_TYPE], body);
        }
        let _ = env.add_overload(name::ORDERED, name::ORDERED, vec![DYN_TYPE], ordered);
        Arc::new(env)
    });
    Arc::clone(&ENVIRONMENT)
}

fn bool<'b, 'v>(bool: bool) -> CowVal<'b, 'v> {
    CowVal::owned(CelBool::from(bool))
}

/// The two arguments that the overloads declare.
fn pair<'a, 'b, 'v>(args: &'a [CowVal<'b, 'v>]) -> Result<(&'a (dyn Val + 'v), &'a (dyn Val + 'v)), ExecutionError> {
    match args {
        [left, right] => Ok((left.as_ref(), right.as_ref())),
        _ => Err(ExecutionError::invalid_argument_count(2, args.len())),
    }
}

fn mismatch(operator: &str, left: &dyn Val, right: &dyn Val) -> ExecutionError {
    let types = [left, right].map(|value| value.get_type().name().to_owned());
    ExecutionError::no_such_overload(operator, types.to_vec())
}

fn is_null(value: &dyn Val) -> bool {
    value.downcast_ref::<CelNull>().is_some()
}

/// The second value if the first is null.
fn or<'b, 'v>(mut args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    pair(&args)?;
    let fallback = args.swap_remove(1);
    let value = args.swap_remove(0);
    Ok(if is_null(value.as_ref()) { fallback } else { value })
}

/// The keys of a map in order, so that the outcome is the same every time; anything else as it is.
fn ordered<'b, 'v>(mut args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let Some(value) = args.pop() else {
        return Err(ExecutionError::invalid_argument_count(1, 0));
    };
    let Some(map) = value.downcast_ref::<CelMap>() else {
        return Ok(value);
    };
    let mut keys: Vec<_> = map.inner().keys().cloned().collect();
    keys.sort();
    let keys: Vec<Box<dyn Val + 'v>> = keys.iter().map(|key| key.inner().clone_as_boxed()).collect();
    Ok(CowVal::owned(CelList::from(keys)))
}

/// Two texts as instants, if both are dates or instants.
fn instants(left: &dyn Val, right: &dyn Val) -> Option<(Timestamp, Timestamp)> {
    let left = left.downcast_ref::<CelString>()?;
    let right = right.downcast_ref::<CelString>()?;
    Some((moment(left.inner())?, moment(right.inner())?))
}

fn equal(args: &[CowVal<'_, '_>]) -> Result<bool, ExecutionError> {
    let (left, right) = pair(args)?;
    Ok(match instants(left, right) {
        Some((left, right)) => left == right,
        None => left.equals(right),
    })
}

fn ordered_as<'b, 'v>(args: &[CowVal<'_, '_>], holds: fn(Ordering) -> bool) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (left, right) = pair(args)?;
    if is_null(left) || is_null(right) {
        return Ok(bool(false));
    }
    let ordering = match instants(left, right) {
        Some((left, right)) => left.cmp(&right),
        None => left
            .as_comparer()
            .and_then(|left| left.compare(right).ok())
            .ok_or_else(|| mismatch("comparison", left, right))?,
    };
    Ok(bool(holds(ordering)))
}

/// Two numbers of which one is whole and one is not, as floating-point numbers.
fn mixed(left: &dyn Val, right: &dyn Val) -> Option<(CelDouble, CelDouble)> {
    let is_double = |value: &dyn Val| value.downcast_ref::<CelDouble>().is_some();
    let double = |value: &dyn Val| -> Option<CelDouble> {
        if let Some(double) = value.downcast_ref::<CelDouble>() {
            return Some(CelDouble::from(*double.inner()));
        }
        if let Some(int) = value.downcast_ref::<CelInt>() {
            return Some(CelDouble::from(*int.inner() as f64));
        }
        let whole = value.downcast_ref::<CelUInt>()?;
        Some(CelDouble::from(*whole.inner() as f64))
    };
    if is_double(left) == is_double(right) {
        return None;
    }
    Some((double(left)?, double(right)?))
}

macro_rules! arithmetic {
    ($(#[$attribute:meta])* $function:ident, $sign:literal, $accessor:ident, $apply:ident) => {
        $(#[$attribute])*
        fn $function<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
            let (left, right) = pair(&args)?;
            if let Some((left, right)) = mixed(left, right) {
                let operand = left.$accessor().ok_or_else(|| mismatch($sign, &left, &right))?;
                return Ok(CowVal::Owned(operand.$apply(&right)?.into_owned()));
            }
            let operand = left.$accessor().ok_or_else(|| mismatch($sign, left, right))?;
            Ok(CowVal::Owned(operand.$apply(right)?.into_owned()))
        }
    };
}

arithmetic!(plus, "+", as_adder, add);
arithmetic!(subtract, "-", as_subtractor, sub);
arithmetic!(multiply, "*", as_multiplier, mul);
arithmetic!(divide, "/", as_divider, div);

/// Addition that can't grow texts and lists without end.
fn add<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let (left, right) = pair(&args)?;
    let bytes = |value: &dyn Val| value.downcast_ref::<CelString>().map_or(0, |text| text.inner().len());
    if bytes(left) + bytes(right) > LONGEST_TEXT {
        return Err(ExecutionError::function_error("+", "the text grows too long"));
    }
    let items = |value: &dyn Val| {
        let list = value.downcast_ref::<CelList>();
        list.map_or(0, |list| i64::try_from(list.inner().len()).unwrap_or(i64::MAX))
    };
    if items(left).saturating_add(items(right)) > LONGEST_LIST {
        return Err(ExecutionError::function_error("+", "the list grows too long"));
    }
    plus(args)
}

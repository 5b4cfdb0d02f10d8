//! Expressions in the Common Expression Language (CEL): filters, one-way transforms and guards.
//!
//! Evaluation is safe and bounded: no clock, no I/O, no unbounded loop, and limits on length, depth and size. It is
//! ordinary CEL, made lenient where records have gaps, so that a filter selects what the same condition of a provider's
//! query language would:
//! - A field that is missing or empty is `null`, at any depth, instead of an error. `has(remote.Email)` says whether it
//!   is set. In place of a truth value it is false, of a list an empty one, and for `contains`, `startsWith`, `endsWith`,
//!   `matches` and `size` an empty text.
//! - `<`, `<=`, `>` and `>=` with `null` are false.
//! - Whole and other numbers mix in arithmetic.
//! - Dates and instants are ISO 8601 texts. Two texts compare as instants when both are dates or instants.
//! - `now()` is the variable `now`: who evaluates the expression says what time it is.

mod bounds;
mod certain;
mod conditions;
mod filter;
mod functions;
mod kinds;
mod lenient;
mod names;
mod outcome;
mod stack;
mod variables;

pub use certain::Certainty;
pub use conditions::{FieldCondition, FieldTest};
pub use filter::Filter;
pub use kinds::ExpressionKind;
pub use variables::Variables;

use std::collections::BTreeSet;
use std::fmt;

use cel::{Context, IdedExpr};

use crate::error::{Error, ErrorKind, Result};
use crate::value::Value;

use lenient::Gap;

/// A compiled expression.
///
/// ```
/// use syncline_core::Value;
/// use syncline_core::expression::{Expression, Variables};
/// let expression = Expression::compile("remote.Amount * 2 + 0.5")?;
/// let mut variables = Variables::new();
/// variables.set("remote.Amount", &Value::Int(10));
/// assert_eq!(expression.evaluate(&variables)?, Value::from_number("20.5"));
/// # Ok::<(), syncline_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Expression {
    text: String,
    /// As written.
    tree: IdedExpr,
    /// With gaps filled.
    lenient: IdedExpr,
    /// Whether evaluation recurses deeper than a caller's stack can be trusted with.
    deep: bool,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it is not CEL (the message says where), longer than 4,096 bytes, nested too deeply,
    /// or when it loops within loops within loops.
    pub fn compile(text: &str) -> Result<Self> {
        Self::compile_for(text, Gap::Null)
    }

    fn compile_for(text: &str, gap: Gap) -> Result<Self> {
        bounds::check_text(text)?;
        stack::with_room(|| Self::parse(text, gap))
    }

    fn parse(text: &str, gap: Gap) -> Result<Self> {
        let tree = functions::environment().parser().parse(text).map_err(|errors| {
            let place = errors.errors.first().map_or_else(String::new, |first| {
                format!(
                    " in line {}, column {}: {}",
                    first.pos.0.max(1),
                    first.pos.1.max(0) + 1,
                    first.msg
                )
            });
            Error::new(ErrorKind::Invalid, format!("the expression can't be read{place}"))
        })?;
        bounds::check_tree(&tree)?;
        let lenient = lenient::rewrite(&tree, gap);
        Ok(Self {
            text: text.to_owned(),
            deep: bounds::levels(&lenient) > bounds::SHALLOW,
            tree,
            lenient,
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The outcome with these variables. Whole numbers come as [`Value::Int`], others as [`Value::Decimal`], maps as
    /// [`Value::Json`].
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the expression names a variable that is not given, applies an operator to a type that
    /// has none (text minus number), divides by zero, or grows a text or list beyond the limits.
    pub fn evaluate(&self, variables: &Variables) -> Result<Value> {
        if self.deep {
            stack::with_room(|| self.run(variables))
        } else {
            self.run(variables)
        }
    }

    fn run(&self, variables: &Variables) -> Result<Value> {
        let mut context = Context::with_env(functions::environment());
        for (name, value) in variables.values()? {
            context.add_variable_as_val(name, value);
        }
        let failed = |why: String| {
            Error::new(
                ErrorKind::Invalid,
                format!("the expression `{}` can't be evaluated: {why}", shortened(&self.text)),
            )
        };
        let outcome =
            cel::Value::resolve_val(&self.lenient, &context).map_err(|error| failed(outcome::reason(&error)))?;
        outcome::value(outcome.as_ref()).map_err(failed)
    }

    /// Names of the variables referred to, such as `remote` and `me`.
    pub fn variables(&self) -> BTreeSet<String> {
        names::paths(&self.tree)
            .into_iter()
            .map(|path| match path.split_once('.') {
                Some((root, _)) => root.to_owned(),
                None => path,
            })
            .collect()
    }

    /// The longest paths referred to, such as `remote.Account.Name` and `me.id`: what a record must be read with.
    pub fn paths(&self) -> BTreeSet<String> {
        names::paths(&self.tree)
    }
}

fn shortened(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;

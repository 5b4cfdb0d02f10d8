use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, ErrorKind, Result};
use crate::expression::conditions::FieldCondition;
use crate::expression::lenient::Gap;
use crate::expression::{Expression, Variables, conditions, shortened};
use crate::job::Condition;
use crate::schema::ObjectSchema;
use crate::value::Value;

/// An expression that says whether a record belongs.
///
/// ```
/// use syncline_core::Value;
/// use syncline_core::expression::{Filter, Variables};
/// let filter = Filter::compile("remote.Industry == 'Energy' && remote.Employees > 100")?;
/// let mut variables = Variables::new();
/// variables.record("remote", [("Industry", &Value::text("Energy"))]);
/// assert!(!filter.matches(&variables)?);
/// assert_eq!(filter.conditions().len(), 2);
/// # Ok::<(), syncline_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    expression: Expression,
    fields: Vec<String>,
}

impl Filter {
    /// Compiles a filter.
    ///
    /// # Errors
    /// As [`Expression::compile`].
    pub fn compile(text: &str) -> Result<Self> {
        let expression = Expression::compile_for(text, Gap::False)?;
        let paths = expression.paths();
        let fields = paths.iter().filter_map(|path| path.strip_prefix("remote."));
        Ok(Self {
            fields: fields.map(str::to_owned).collect(),
            expression,
        })
    }

    /// Paths of the remote fields that the filter reads, in alphabetical order.
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// Whether a remote record belongs: `remote` holds its fields by path, and `me.id` is the connection's own user.
    ///
    /// # Errors
    /// As [`Filter::matches`].
    pub fn matches_remote(&self, remote: &BTreeMap<String, Value>, me_id: Option<&str>) -> Result<bool> {
        let mut variables = Variables::new();
        variables.record("remote", remote.iter().map(|(path, value)| (path.as_str(), value)));
        let id = me_id.map_or(Value::Null, Value::text);
        variables.record("me", [("id", &id)]);
        self.matches(&variables)
    }

    /// Whether the filter holds. A missing outcome counts as no.
    ///
    /// # Errors
    /// As [`Expression::evaluate`], and [`ErrorKind::Invalid`] when the outcome is neither true nor false.
    pub fn matches(&self, variables: &Variables) -> Result<bool> {
        match self.expression.evaluate(variables)? {
            Value::Bool(bool) => Ok(bool),
            Value::Null => Ok(false),
            other => Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the filter `{}` gives {} and should give true or false",
                    shortened(self.expression.text()),
                    other.kind_name()
                ),
            )),
        }
    }

    /// The comparisons of a remote field with a fixed value that must all hold: what a provider can evaluate for us. All
    /// records that the filter selects meet them; some others may too.
    ///
    /// A text that looks like a date or instant is given as one in an ordering and left out in an equality, since only
    /// the field's type tells; [`Filter::conditions_for`] knows it.
    pub fn conditions(&self) -> Vec<Condition> {
        conditions::of(&self.expression.tree, &Variables::new(), conditions::by_look)
    }

    /// As [`Filter::conditions`], with values of the types that the fields of `schema` have, and with `known` variables
    /// (such as `me.id`) as fixed values. Comparisons with fields that the schema lacks or of another type are left out.
    pub fn conditions_for(&self, schema: &ObjectSchema, known: &Variables) -> Vec<Condition> {
        conditions::of(&self.expression.tree, known, |field, comparison, value| {
            conditions::by_type(schema.field(field)?.value_kind, comparison, value)
        })
    }

    /// What must hold of single fields of the record `record`, named `record.field` or `field` alone. All records that
    /// the filter selects meet these; some others may too.
    ///
    /// ```
    /// use syncline_core::expression::Filter;
    /// let filter = Filter::compile("entity.city == 'Graz' && name.startsWith('A') && size(name) > 3")?;
    /// let fields: Vec<String> = filter.field_conditions("entity").into_iter().map(|found| found.field).collect();
    /// assert_eq!(fields, ["city", "name"]);
    /// # Ok::<(), syncline_core::Error>(())
    /// ```
    pub fn field_conditions(&self, record: &str) -> Vec<FieldCondition> {
        conditions::of_fields(&self.expression.tree, record)
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        self.expression.text()
    }

    /// As [`Expression::variables`].
    pub fn variables(&self) -> BTreeSet<String> {
        self.expression.variables()
    }

    /// As [`Expression::paths`].
    pub fn paths(&self) -> BTreeSet<String> {
        self.expression.paths()
    }
}

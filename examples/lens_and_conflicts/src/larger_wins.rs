//! A rule for conflicts: of two numbers the larger one wins.

use syncline::conflict::{ConflictRule, FieldChoice, Resolution, Review};
use syncline::{Result, async_trait};

/// Decides conflicts on this field, and leaves all others to people.
#[derive(Debug)]
pub(crate) struct LargerWins(pub(crate) &'static str);

#[async_trait]
impl ConflictRule for LargerWins {
    fn name(&self) -> &str {
        "the larger number wins"
    }

    async fn decide(&self, conflict: &Review) -> Result<Option<Resolution>> {
        if conflict.fields != [self.0] {
            return Ok(None);
        }
        // What the app holds, and then each CRM, one value per field.
        let sides = conflict.sides.iter().map(|side| &side.values);
        let numbers: Vec<f64> = std::iter::once(&conflict.app)
            .chain(sides)
            .filter_map(|values| values.first()?.as_f64())
            .collect();
        let larger = numbers.iter().copied().reduce(f64::max);
        let app = conflict.app.first().and_then(serde_json::Value::as_f64);
        let choice = match larger {
            None => return Ok(None),
            larger if larger == app => FieldChoice::App,
            _ => FieldChoice::Crm,
        };
        Ok(Some(Resolution::every(conflict, &choice)))
    }
}

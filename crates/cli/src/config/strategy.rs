//! Writing down who wins a field from now on, in the rule that the file has for it.

use syncline::mapping::Strategy;
use toml_edit::{DocumentMut, Item, TableLike, Value};

use super::Loaded;
use crate::failure::Failure;
use crate::table::word;

/// Sets the strategy of the rules for these fields in the mapping of a sync. Comments and order stay.
///
/// # Errors
/// When the file has no such rule, or can't be written; says what to add by hand.
pub(crate) fn set_strategy(loaded: &Loaded, sync: &str, fields: &[String], strategy: Strategy) -> Result<(), Failure> {
    let text = edited(&loaded.text, sync, fields, strategy).ok_or_else(|| {
        Failure::failed(format!(
            "the rule for {} was not found in {}",
            fields.join(", "),
            loaded.shown()
        ))
        .next(format!(
            "add strategy = \"{}\" to it, or the next `check` or `sync` takes it back",
            word(&strategy)
        ))
    })?;
    Loaded::parse(&loaded.path, text.clone())?;
    super::write::replace(&loaded.path, &text)
}

fn edited(text: &str, sync: &str, fields: &[String], strategy: Strategy) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let mapping = document.get("syncs")?.get(sync)?.get("mapping")?.as_str()?.to_owned();
    let rules = document.get_mut("mappings")?.get_mut(&mapping)?.get_mut("rules")?;
    let mut found = false;
    let mut edit = |rule: &mut dyn TableLike| {
        if touches(rule, fields) {
            rule.insert("strategy", toml_edit::value(word(&strategy)));
            found = true;
        }
    };
    match rules {
        Item::ArrayOfTables(tables) => tables.iter_mut().for_each(|table| edit(table)),
        Item::Value(Value::Array(array)) => {
            for rule in array.iter_mut().filter_map(Value::as_inline_table_mut) {
                edit(rule);
            }
        }
        _ => {}
    }
    found.then(|| document.to_string())
}

fn touches(rule: &dyn TableLike, fields: &[String]) -> bool {
    let Some(field) = rule.get("field").or_else(|| rule.get("fields")) else {
        return false;
    };
    let is_one = |text: Option<&str>| text.is_some_and(|text| fields.iter().any(|field| field == text));
    is_one(field.as_str())
        || field
            .as_array()
            .is_some_and(|several| several.iter().any(|one| is_one(one.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_gets_its_strategy_and_everything_else_stays() {
        let text = "# mine\n[mappings.m]\nrules = [\n    { field = \"a\", remote = \"A\" }, # why\n    { field = \"b\", remote = \"B\", strategy = \"crm_wins\" },\n]\n[syncs.s]\nmapping = \"m\"\n";
        let once = edited(text, "s", &["b".to_owned()], Strategy::AppWins).unwrap();
        assert_eq!(once, text.replace("crm_wins", "app_wins"));
        let both = edited(&once, "s", &["a".to_owned()], Strategy::ManualReview).unwrap();
        assert!(
            both.contains("\"A\" , strategy = \"manual_review\"")
                || both.contains("\"A\", strategy = \"manual_review\""),
            "{both}"
        );
        assert!(both.contains("# why") && both.starts_with("# mine"));
        assert!(edited(text, "s", &["c".to_owned()], Strategy::AppWins).is_none());
    }
}

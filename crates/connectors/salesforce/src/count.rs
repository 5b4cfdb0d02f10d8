//! How many records there are, without reading any.

use serde::Deserialize;
use syncline_core::Result;
use syncline_core::io::Io;
use syncline_core::job::Condition;

use crate::client::{Api, read_json};
use crate::manifest::PAGE_SIZE;
use crate::soql;

const COUNTING: &str = "counting records of Salesforce";

#[derive(Deserialize)]
struct Count {
    #[serde(rename = "totalSize")]
    total: u64,
}

/// See [`syncline_core::connector::Connector::count`].
pub(crate) async fn count(io: &dyn Io, api: &Api, object: &str, conditions: &[Condition]) -> Result<Option<u64>> {
    let conditions: Result<Vec<_>> = conditions.iter().map(soql::condition).collect();
    let conditions: Vec<String> = conditions?.into_iter().flatten().collect();
    let narrowed = if conditions.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", conditions.join(" AND "))
    };
    let soql = format!("SELECT COUNT() FROM {}{narrowed}", soql::name(object)?);
    let count: Count = read_json(io, api.query(&soql, false, PAGE_SIZE)?, COUNTING).await?;
    Ok(Some(count.total))
}

#[cfg(test)]
mod tests {
    use syncline_core::job::Comparison;
    use syncline_core::value::Value;

    use super::*;
    use crate::testing::{ScriptedIo, api};

    #[tokio::test]
    async fn counting_costs_one_query_without_rows() {
        let io = ScriptedIo::new();
        io.answer(200, r#"{"totalSize":1234,"done":true,"records":[]}"#);
        let swiss = Condition {
            field: "MailingCountry".into(),
            comparison: Comparison::Equal,
            value: Value::text("CH"),
        };
        let total = count(&io, &api(), "Contact", &[swiss]).await.unwrap();
        assert_eq!(total, Some(1234));
    }
}

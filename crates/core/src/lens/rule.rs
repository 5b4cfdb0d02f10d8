use crate::error::{Error, ErrorKind, Result};
use crate::lens::parallel::Parallel;
use crate::lens::{Chain, LensRegistry, SharedLens, cel, identity, typed};
use crate::mapping::{Rule, Transform};
use crate::model::FieldType;
use crate::schema::FieldSchema;

impl LensRegistry {
    /// The whole lens of a rule: its transform with conversion by type at both ends. `fields` are the types of the
    /// rule's fields and `schemas` the descriptions of its remote paths, in the rule's order; a path that the provider
    /// does not describe (one through a relationship) has none.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] as [`LensRegistry::build`]; when an expression does not compile; and when a rule without
    /// transform has not as many fields as paths.
    pub fn build_rule(
        &self,
        rule: &Rule,
        fields: &[&FieldType],
        schemas: &[Option<&FieldSchema>],
    ) -> Result<SharedLens> {
        let to_fields = || Parallel::of(fields.iter().map(|field| typed::for_field(field, None)).collect());
        match &rule.transform {
            Some(Transform::Lens { steps }) if !steps.is_empty() => {
                let from_remote = schemas.iter().map(|schema| match schema {
                    Some(schema) => typed::for_remote(schema),
                    None => std::sync::Arc::new(identity::Identity),
                });
                let mut chain = vec![Parallel::of(from_remote.collect()), self.build(steps)?];
                chain.push(to_fields());
                Ok(Chain::of(chain))
            }
            Some(Transform::Cel { expression }) => Ok(Chain::of(vec![
                cel::lens(expression, rule.remote.clone())?,
                to_fields(),
            ])),
            _ if fields.len() == schemas.len() => Ok(Parallel::of(
                fields
                    .iter()
                    .zip(schemas)
                    .map(|(field, schema)| typed::for_field(field, *schema))
                    .collect(),
            )),
            _ => Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the rule for {} has {} fields and {} remote paths; without a lens they go one to one",
                    rule.fields.join(", "),
                    fields.len(),
                    schemas.len()
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::ValueKind;
    use crate::lens::NoLinks;
    use crate::lens::laws::schema_of;
    use crate::mapping::LensSpec;
    use crate::value::Value;

    #[test]
    fn a_lens_between_types_writes_what_the_remote_field_holds() {
        let rule = Rule::new("active", "Active__c").lens(LensSpec::new("bool_choice"));
        let schema = schema_of(ValueKind::Text);
        let lens = LensRegistry::standard()
            .build_rule(&rule, &[&FieldType::Bool], &[Some(&schema)])
            .unwrap();
        assert_eq!(lens.get(&[Value::text("yes")], &NoLinks).unwrap(), [Value::Bool(true)]);
        let put = |old: &str| lens.put(&[Value::Bool(true)], &[Value::text(old)], &NoLinks).unwrap();
        assert_eq!(put("No"), [Value::text("Yes")]);
        assert_eq!(put("YES"), [Value::text("YES")]);
    }

    #[test]
    fn the_length_of_the_remote_field_is_checked_behind_lenses_too() {
        let rule = Rule::new("name", "Name").lens(LensSpec::new("trim"));
        let mut schema = schema_of(ValueKind::Text);
        schema.length = Some(2);
        let lens = LensRegistry::standard()
            .build_rule(&rule, &[&FieldType::Text], &[Some(&schema)])
            .unwrap();
        let error = lens.put(&[Value::text(" abc ")], &[Value::Null], &NoLinks).unwrap_err();
        assert!(error.message().contains("at most 2 characters"), "{error}");
    }

    #[test]
    fn an_expression_sees_the_record_by_path_and_is_one_way() {
        let mut rule = Rule::new("label", "Name");
        rule.remote.push("Account.Name".into());
        rule.transform = Some(Transform::Cel {
            expression: "remote.Name + ' of ' + remote.Account.Name".into(),
        });
        let lens = LensRegistry::standard()
            .build_rule(&rule, &[&FieldType::Text], &[None, None])
            .unwrap();
        assert!(!lens.is_two_way());
        assert_eq!(
            lens.get(&[Value::text("Ann"), Value::text("Acme")], &NoLinks).unwrap(),
            [Value::text("Ann of Acme")]
        );
    }

    #[test]
    fn fields_and_paths_must_pair_up_without_a_lens() {
        let mut rule = Rule::new("first", "Name");
        rule.fields.push("last".into());
        let error = LensRegistry::standard()
            .build_rule(&rule, &[&FieldType::Text, &FieldType::Text], &[None])
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}

use std::sync::Arc;

use crate::error::Result;
use crate::lens::identity::Identity;
use crate::lens::{Lens, LensContext, NoLinks, SharedLens};
use crate::value::Value;

/// Several lenses, one after the other: the canonical values of a step are the raw values of the next.
#[derive(Debug)]
pub struct Chain {
    steps: Vec<SharedLens>,
}

impl Chain {
    /// The lens of these steps, in the order of reading. One step is itself, none changes nothing.
    pub fn of(mut steps: Vec<SharedLens>) -> SharedLens {
        match steps.len() {
            0 => Arc::new(Identity),
            1 => steps.remove(0),
            _ => Arc::new(Self { steps }),
        }
    }

    /// The canonical form as the steps before the last see it: what a later step makes equal is written back through
    /// the earlier ones.
    fn canon_from(steps: &[SharedLens], raw: &[Value]) -> Vec<Value> {
        let Some((first, rest)) = steps.split_first() else {
            return raw.to_vec();
        };
        let canon = first.canon(raw);
        if rest.is_empty() {
            return canon;
        }
        let Ok(seen) = first.get(&canon, &NoLinks) else {
            return canon;
        };
        let later = Self::canon_from(rest, &seen);
        if later == seen {
            return canon;
        }
        // From nothing, so that the outcome depends on what is seen alone.
        let nothing = vec![Value::Null; raw.len()];
        match first.put(&later, &nothing, &NoLinks) {
            Ok(written) => first.canon(&written),
            Err(_) => canon,
        }
    }
}

impl Lens for Chain {
    fn get(&self, raw: &[Value], context: &dyn LensContext) -> Result<Vec<Value>> {
        let mut values = raw.to_vec();
        for step in &self.steps {
            values = step.get(&values, context)?;
        }
        Ok(values)
    }

    fn put(&self, canonical: &[Value], old: &[Value], context: &dyn LensContext) -> Result<Vec<Value>> {
        let mut olds = Vec::with_capacity(self.steps.len());
        let mut seen = old.to_vec();
        for step in &self.steps {
            // What the side holds may be unreadable; it is then written as if it held nothing.
            let next = step
                .get(&seen, context)
                .unwrap_or_else(|_| vec![Value::Null; canonical.len()]);
            olds.push(std::mem::replace(&mut seen, next));
        }
        let mut values = canonical.to_vec();
        for (step, old) in self.steps.iter().zip(&olds).rev() {
            values = step.put(&values, old, context)?;
        }
        Ok(values)
    }

    fn canon(&self, raw: &[Value]) -> Vec<Value> {
        // One pass settles nearly always; steps that undo each other's form may need another.
        const PASSES: usize = 4;
        let mut canon = Self::canon_from(&self.steps, raw);
        for _ in 1..PASSES {
            let again = Self::canon_from(&self.steps, &canon);
            if again == canon {
                break;
            }
            canon = again;
        }
        canon
    }

    fn keeps(&self, encoded: &[u8]) -> bool {
        self.steps.iter().all(|step| step.keeps(encoded))
    }

    fn is_two_way(&self) -> bool {
        self.steps.iter().all(|step| step.is_two_way())
    }

    fn references(&self) -> Vec<String> {
        let mut objects: Vec<String> = self.steps.iter().flat_map(|step| step.references()).collect();
        objects.sort();
        objects.dedup();
        objects
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lens::LensRegistry;
    use crate::mapping::LensSpec;

    fn chain(specs: &[LensSpec]) -> SharedLens {
        LensRegistry::standard().build(specs).unwrap()
    }

    #[test]
    fn a_put_that_changes_nothing_keeps_what_the_side_holds() {
        let lens = chain(&[LensSpec::new("trim"), LensSpec::new("email")]);
        let held = [Value::text("  Bob@X.com ")];
        let got = lens.get(&held, &NoLinks).unwrap();
        assert_eq!(got, [Value::text("bob@x.com")]);
        assert_eq!(lens.put(&got, &held, &NoLinks).unwrap(), held);
    }

    #[test]
    fn what_a_later_step_makes_equal_is_equal_through_the_earlier_one() {
        let lens = chain(&[LensSpec::new("choices"), LensSpec::new("case").with("to", "lower")]);
        let upper = lens.canon(&[Value::text("B;A")]);
        let lower = lens.canon(&[Value::text("a;b")]);
        assert_eq!(upper, lower);
    }

    #[test]
    fn one_step_that_can_not_go_back_makes_the_chain_one_way() {
        let lens = chain(&[LensSpec::new("html_to_text"), LensSpec::new("trim")]);
        assert!(!lens.is_two_way());
    }

    #[test]
    fn a_chain_asks_for_the_links_of_its_steps() {
        let lens = chain(&[
            LensSpec::new("trim"),
            LensSpec::new("reference").with("object", "Account"),
        ]);
        assert_eq!(lens.references(), ["Account"]);
    }
}

//! How well the people of two dirty files were recognised, judged by the column that says who is who and that the
//! engine never saw.

use std::collections::{BTreeMap, BTreeSet};

use syncline::Result;
use syncline::conflict::ReviewStatus;
use syncline::state::Presence;

use super::app;
use super::conflicts;
use super::mapping::{Syncs, TRUTH};
use super::report::PeopleReport;
use super::world::World;

/// Compares the links with the truth.
///
/// # Errors
/// What the engine or the store reports.
pub(super) async fn judge(world: &World, syncs: &Syncs) -> Result<PeopleReport> {
    let person = |provider: &str, record: &str| {
        let record = world.crm(provider).record("person", record)?;
        TRUTH
            .iter()
            .find_map(|field| record.fields.get(*field)?.as_str().and_then(number))
    };
    let in_both = in_both(world);
    let mut report = PeopleReport {
        people: in_both.len() as u64,
        ..PeopleReport::default()
    };
    let mut linked = BTreeSet::new();
    let mut after = None;
    loop {
        let page = app::page(world, "person", after.take(), false).await?;
        for entity in &page.entities {
            let mut who = Vec::new();
            for link in entity.links.iter().filter(|link| link.presence == Presence::Live) {
                if let (Some(sync), Some(record)) = (syncs.by_id(link.sync), &link.record)
                    && let Some(person) = person(sync.provider, record)
                {
                    who.push(person);
                }
            }
            if let [one, other] = who[..] {
                if one == other {
                    report.matched += 1;
                    linked.insert(one);
                } else {
                    report.wrong += 1;
                }
            }
        }
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    // Somebody is in review when either of their records waits for a person's word.
    let mut asked = BTreeSet::new();
    conflicts::visit(world, |review| {
        if review.status == ReviewStatus::Pending {
            let records = review.sides.iter().filter_map(|side| side.record.as_deref());
            asked.extend(records.filter_map(|record| {
                let provider = syncs.by_id(review.sync)?.provider;
                person(provider, record)
            }));
        }
    })
    .await?;
    for someone in in_both.difference(&linked) {
        if asked.contains(someone) {
            report.review += 1;
        } else {
            report.missed += 1;
        }
    }
    Ok(report)
}

/// The people who are in both files.
fn in_both(world: &World) -> BTreeSet<u64> {
    let mut sides = BTreeMap::new();
    for crm in world.crms() {
        let known: BTreeSet<u64> = crm
            .records("person")
            .iter()
            .filter_map(|record| {
                TRUTH
                    .iter()
                    .find_map(|field| number(record.fields.get(*field)?.as_str()?))
            })
            .collect();
        sides.insert(crm.provider(), known);
    }
    let none = BTreeSet::new();
    let side = |provider: &str| sides.get(provider).unwrap_or(&none);
    side("salesforce").intersection(side("hubspot")).copied().collect()
}

/// The person's number in `rec-17-org` and `rec-17-dup-0`.
fn number(rec_id: &str) -> Option<u64> {
    rec_id.trim().strip_prefix("rec-")?.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn the_same_person_has_the_same_number_in_both_files() {
        assert_eq!(number(" rec-17-org"), Some(17));
        assert_eq!(number("rec-17-dup-0"), Some(17));
        assert_eq!(number("17"), None);
    }
}

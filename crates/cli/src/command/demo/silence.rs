//! The proof that it is over: another pass that sends no write and moves no entity.

use syncline::Result;
use syncline::model::BlueprintId;
use syncline::run::RunParameters;
use syncline::store::{EntityQuery, Mode};

use super::mapping::{BLUEPRINTS, Syncs};
use super::quiet;
use super::report::PassReport;
use super::world::World;

/// Entities looked at at once.
const PAGE: usize = 2_000;

/// Runs both CRMs' syncs once more, from the cursors or reading everything, and looks for anything that moved.
///
/// # Errors
/// What the engine or the store reports.
pub(super) async fn second_pass(world: &World, syncs: &Syncs, full: bool) -> Result<PassReport> {
    let revisions = revisions(world, syncs).await?;
    let requests = world.mutating_requests();
    let began = std::time::Instant::now();
    let mut read = 0;
    for crm in world.crms() {
        let parameters = RunParameters {
            full,
            ..RunParameters::default()
        };
        read += quiet::run(world, crm.provider(), parameters).await?.total("pull").read;
    }
    let seconds = began.elapsed().as_secs_f64();
    let now = self::revisions(world, syncs).await?;
    Ok(PassReport {
        full,
        read,
        records_per_second: if seconds > 0.0 {
            (read as f64 / seconds).round()
        } else {
            0.0
        },
        mutating_requests: world.mutating_requests() - requests,
        entities_changed: differing(&revisions, &now),
    })
}

/// Number, revision and presence of every entity, in the order of their numbers.
async fn revisions(world: &World, syncs: &Syncs) -> Result<Vec<(BlueprintId, i64, u64, bool)>> {
    let mut found = Vec::new();
    for name in BLUEPRINTS {
        let blueprint = syncs.blueprint(name)?.id;
        let mut query = EntityQuery {
            tenant: world.tenant,
            blueprint,
            after: 0,
            deleted: None,
            limit: PAGE,
        };
        loop {
            let mut tx = world.store.begin(Mode::Read).await?;
            let page = tx.entities(&query).await?;
            let Some(last) = page.last() else { break };
            query.after = last.id;
            found.extend(
                page.iter()
                    .map(|entity| (blueprint, entity.id, entity.rev, entity.deleted)),
            );
        }
    }
    Ok(found)
}

/// How many entities are in one list and not, or not alike, in the other. Both are sorted.
fn differing<T: Ord>(before: &[T], after: &[T]) -> u64 {
    let (mut left, mut right, mut count) = (before.iter().peekable(), after.iter().peekable(), 0);
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        match a.cmp(b) {
            std::cmp::Ordering::Equal => {
                left.next();
                right.next();
            }
            std::cmp::Ordering::Less => {
                left.next();
                count += 1;
            }
            std::cmp::Ordering::Greater => {
                right.next();
            }
        }
    }
    // What is only in the new list without an old counterpart is new.
    count + left.count() as u64 + (after.len().saturating_sub(before.len())) as u64
}

#[cfg(test)]
mod tests {
    use super::differing;

    #[test]
    fn a_moved_revision_and_a_new_entity_are_both_seen() {
        assert_eq!(differing(&[(1, 1), (2, 1)], &[(1, 1), (2, 1)]), 0);
        assert_eq!(differing(&[(1, 1), (2, 1)], &[(1, 2), (2, 1)]), 1);
        assert_eq!(differing(&[(1, 1)], &[(1, 1), (2, 1)]), 1);
    }
}

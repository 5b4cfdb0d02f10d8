//! The conflicts that the demo met, and how they ended.

use syncline::conflict::{FieldChoice, Resolution, Review, ReviewStatus};
use syncline::model::PRESENCE;
use syncline::plan::ReviewReason;
use syncline::store::{DocumentKind, DocumentQuery, Mode};
use syncline::{Actor, Error, ErrorKind, Result};

use super::audit::Trail;
use super::mapping::Syncs;
use super::report::{ConflictReport, Conflicts};
use super::world::World;
use crate::command::conflicts::why;

/// Conflicts shown in the report; all are counted.
const SHOWN: usize = 10;
/// Conflicts read at once.
const PAGE: usize = 500;

/// Hands every review item to `visit`, newest first.
///
/// # Errors
/// What the store reports.
pub(super) async fn visit(world: &World, mut visit: impl FnMut(Review)) -> Result<()> {
    let mut query = DocumentQuery::new(DocumentKind::Review)
        .tenant(world.tenant)
        .limit(PAGE);
    loop {
        let mut tx = world.store.begin(Mode::Read).await?;
        let page = tx.documents(&query).await?;
        let Some(last) = page.last() else { return Ok(()) };
        query.before = Some(last.id);
        for document in page {
            let (id, version) = (document.id, document.version);
            let mut review: Review = serde_json::from_value(document.body)
                .map_err(|error| Error::new(ErrorKind::Corrupt, "a conflict can't be read").because(error))?;
            (review.id, review.version) = (id, version);
            visit(review);
        }
    }
}

/// A person decides everything that is clear enough to decide without knowing the people: fields in turn by the app,
/// the CRM and a value of their own; records that were merged or deleted elsewhere stay. Records that may be the same
/// are left to somebody who knows. Returns how many were decided.
///
/// # Errors
/// What the engine reports.
pub(super) async fn resolve(world: &World) -> Result<u64> {
    let reviewer = Actor::member("reviewer");
    let mut pending = Vec::new();
    visit(world, |review| {
        if review.status == ReviewStatus::Pending && review.reason != ReviewReason::AmbiguousMatch {
            pending.push(review);
        }
    })
    .await?;
    let mut decided = 0;
    for (turn, review) in pending.iter().enumerate() {
        let resolution = match (review.reason, review.group) {
            (ReviewReason::MergeCollision | ReviewReason::Converted, _) => Resolution::KeepBoth,
            (_, PRESENCE) => Resolution::KeepRecord,
            _ => Resolution::every(review, &choice(turn, review)),
        };
        let conflicts = world.engine.conflicts();
        conflicts
            .resolve(world.tenant, review.id, review.version, &resolution, &reviewer)
            .await?;
        decided += 1;
    }
    Ok(decided)
}

fn choice(turn: usize, review: &Review) -> FieldChoice {
    match turn % 3 {
        0 => FieldChoice::Crm,
        1 => FieldChoice::App,
        _ => FieldChoice::Value(format!("Decided {}", review.id).into()),
    }
}

/// All conflicts since the users began to work, settled by policy or put before a person.
///
/// # Errors
/// What the store reports.
pub(super) async fn met(world: &World, syncs: &Syncs, trail: &Trail) -> Result<Conflicts> {
    let mut conflicts = Conflicts {
        settled_by_policy: trail.lost.len() as u64,
        ..Conflicts::default()
    };
    for lost in trail.lost.iter().take(SHOWN) {
        conflicts.shown.push(ConflictReport {
            entity: lost.entity,
            fields: syncs.blueprint(lost.blueprint)?.group_name(lost.group),
            reason: settled(&lost.note).to_owned(),
            ended: format!("\"{}\" won over \"{}\"", lost.won, lost.lost),
        });
    }
    let mut reviews = Vec::new();
    visit(world, |review| {
        match review.status {
            ReviewStatus::Pending => conflicts.waiting += 1,
            ReviewStatus::Resolved => conflicts.resolved += 1,
            ReviewStatus::Ignored => conflicts.ignored += 1,
        }
        if reviews.len() < SHOWN {
            let ended = match (&review.resolution, review.status) {
                (Some(resolution), _) => {
                    format!(
                        "{resolution}, by {}",
                        review.resolved_by.as_deref().unwrap_or("the sync itself")
                    )
                }
                (None, ReviewStatus::Pending) => "waits for a person".to_owned(),
                (None, status) => status.name().to_owned(),
            };
            reviews.push(ConflictReport {
                entity: review.uid,
                fields: if review.group == 0 {
                    "(the record)".to_owned()
                } else {
                    review.fields.join("+")
                },
                reason: reason(&review),
                ended,
            });
        }
    })
    .await?;
    conflicts.shown.extend(reviews);
    Ok(conflicts)
}

fn settled(note: &str) -> &'static str {
    if note.contains("low confidence") {
        "changed on both sides at about the same time"
    } else if note.contains("conflict") {
        "changed on both sides"
    } else {
        "replaced unseen"
    }
}

fn reason(review: &Review) -> String {
    if review.reason == ReviewReason::Conflict {
        return "changed on both sides, and a person decides this field".to_owned();
    }
    let name = why(review.reason);
    if review.explanation.is_empty() {
        name.to_owned()
    } else {
        format!("{name}: {}", review.explanation)
    }
}

/// Hands the records that wait before a person to `visit`: the sync and the remote id.
///
/// # Errors
/// What the store reports.
pub(super) async fn visit_pending_records(world: &World, mut visit: impl FnMut(u64, String)) -> Result<()> {
    self::visit(world, |review| {
        if review.status == ReviewStatus::Pending {
            for record in review.sides.iter().filter_map(|side| side.record.clone()) {
                visit(review.sync, record);
            }
        }
    })
    .await
}

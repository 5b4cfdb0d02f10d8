//! After rules were removed from a mapping: its records are brought to the new one as they are kept, without reading.

use syncline_core::error::Result;
use syncline_core::plan;
use syncline_core::state::{EntityId, Linked, Side};

use super::context::SyncContext;
use super::links::Links;
use super::model::Run;
use super::reporter::Reporter;
use super::session::Session;
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::sync::Sync;

/// Brings all live records of a sync to its mapping, as far as that needs no reading. What broke off is begun again by
/// the next run.
pub(super) async fn refile(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    reporter: &Reporter,
) -> Result<()> {
    if !context.sync.refile {
        return Ok(());
    }
    let nothing = Links::default();
    let mut after: EntityId = 0;
    loop {
        reporter.check_stop()?;
        let mut page = session.begin().await?;
        let live = page
            .tx()?
            .live_sides(context.side(), after, inner.settings.page_rows)
            .await?;
        let ids: Vec<EntityId> = live.iter().map(|(key, _, _)| key.entity).collect();
        let Some(&last) = ids.last() else {
            let mut sync = document::get::<Sync>(page.tx()?, context.sync.id).await?;
            // Somebody may have changed it once more.
            if sync.mapping == context.sync.mapping {
                sync.refile = false;
                document::put(page.tx()?, &mut sync).await?;
            }
            return session.commit(page, run).await;
        };
        after = last;
        let scene = context.scene(inner, &nothing, &nothing);
        let mut refiled: Vec<Side> = Vec::new();
        for mut linked in page.load(inner, &ids).await? {
            let Some(index) = linked.side_index(context.side()) else {
                continue;
            };
            if plan::refile(&mut linked, index, &scene)? {
                let Linked { mut sides, .. } = linked;
                refiled.push(sides.swap_remove(index));
            }
        }
        page.tx()?.put_sides(&refiled.iter().collect::<Vec<_>>()).await?;
        session.commit(page, run).await?;
    }
}

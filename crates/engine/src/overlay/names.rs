use rpds::RedBlackTreeMapSync;
use syncline_core::error::Result;
use syncline_core::state::SideId;
use syncline_core::store::Transaction;

/// Aliases of remote ids. One that names itself is current, whatever the store below says.
#[derive(Clone, Default)]
pub(super) struct Names {
    aliases: RedBlackTreeMapSync<(SideId, String), String>,
}

impl Names {
    pub(super) async fn resolve(&self, base: &mut dyn Transaction, side: SideId, ext: &str) -> Result<String> {
        let mut current = ext.to_owned();
        loop {
            let next = match self.aliases.get(&(side, current.clone())) {
                Some(mine) => mine.clone(),
                None => base.resolve_alias(side, &current).await?,
            };
            if next == current {
                return Ok(current);
            }
            current = next;
        }
    }

    /// Where the new one closes a circle, the record it names is current again.
    pub(super) async fn put_alias(
        &mut self,
        base: &mut dyn Transaction,
        side: SideId,
        old: &str,
        current: &str,
    ) -> Result<()> {
        let end = match self.resolve(base, side, current).await? {
            end if end == old => current.to_owned(),
            end => end,
        };
        self.aliases.insert_mut((side, old.to_owned()), end.clone());
        self.aliases.insert_mut((side, end.clone()), end);
        Ok(())
    }

    /// Whether nothing was renamed here, so that the store below resolves alike.
    pub(super) fn is_empty(&self) -> bool {
        self.aliases.is_empty()
    }
}

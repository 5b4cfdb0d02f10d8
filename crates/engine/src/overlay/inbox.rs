use rpds::RedBlackTreeMapSync;
use std::collections::BTreeMap;
use syncline_core::error::Result;
use syncline_core::state::SideId;
use syncline_core::store::{InboxEntry, Transaction};

#[derive(Clone, Default)]
pub(super) struct Inbox {
    /// Latest sequence number of each record's hints.
    latest: RedBlackTreeMapSync<(SideId, String), u64>,
    /// Hints below with a sequence number under this do not count.
    cleared: RedBlackTreeMapSync<(SideId, String), u64>,
}

impl Inbox {
    pub(super) fn put(&mut self, hints: &[InboxEntry]) {
        for hint in hints {
            let record = (hint.side, hint.ext.clone());
            let latest = self.latest.get(&record).copied().unwrap_or(0);
            self.latest.insert_mut(record, latest.max(hint.seq));
        }
    }

    pub(super) async fn find(&self, base: &mut dyn Transaction, side: SideId, limit: usize) -> Result<Vec<InboxEntry>> {
        let of_side = |map: &RedBlackTreeMapSync<(SideId, String), u64>| {
            map.range((side, String::new())..)
                .take_while(|((of, _), _)| *of == side)
                .map(|((_, ext), seq)| (ext.clone(), *seq))
                .collect::<BTreeMap<String, u64>>()
        };
        let (mine, cleared) = (of_side(&self.latest), of_side(&self.cleared));
        let below = base.hints(side, limit + mine.len() + cleared.len()).await?;
        let mut latest = mine;
        for hint in below {
            if cleared.get(&hint.ext).is_none_or(|mark| hint.seq >= *mark) {
                let known = latest.entry(hint.ext).or_insert(0);
                *known = (*known).max(hint.seq);
            }
        }
        let mut found: Vec<InboxEntry> = latest
            .into_iter()
            .map(|(ext, seq)| InboxEntry { side, ext, seq })
            .collect();
        found.sort_by(|a, b| (a.seq, &a.ext).cmp(&(b.seq, &b.ext)));
        found.truncate(limit);
        Ok(found)
    }

    pub(super) fn clear(&mut self, side: SideId, exts: &[&str], mark: u64) {
        for ext in exts {
            let record = (side, (*ext).to_owned());
            match self.latest.get(&record) {
                // One kept here is the latest of all that count, so those below go with it or stay behind it.
                Some(seq) if *seq >= mark => {}
                _ => {
                    self.latest.remove_mut(&record);
                }
            }
            let cleared = self.cleared.get(&record).copied().unwrap_or(0);
            self.cleared.insert_mut(record, cleared.max(mark));
        }
    }
}

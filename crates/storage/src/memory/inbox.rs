use rpds::RedBlackTreeMapSync;
use syncline_core::state::SideId;
use syncline_core::store::InboxEntry;

/// Latest sequence number of each record's hints.
#[derive(Clone, Default)]
pub(super) struct Inbox {
    latest: RedBlackTreeMapSync<(SideId, String), u64>,
}

impl Inbox {
    pub(super) fn put(&mut self, hints: &[InboxEntry]) {
        for hint in hints {
            let record = (hint.side, hint.ext.clone());
            let latest = self.latest.get(&record).copied().unwrap_or(0);
            self.latest.insert_mut(record, latest.max(hint.seq));
        }
    }

    pub(super) fn find(&self, side: SideId, limit: usize) -> Vec<InboxEntry> {
        let mut found: Vec<(u64, &String)> = self
            .latest
            .range((side, String::new())..)
            .take_while(|((of, _), _)| *of == side)
            .map(|((_, ext), seq)| (*seq, ext))
            .collect();
        found.sort_unstable();
        found
            .into_iter()
            .take(limit)
            .map(|(seq, ext)| InboxEntry {
                side,
                ext: ext.clone(),
                seq,
            })
            .collect()
    }

    /// All hints of a side.
    pub(super) fn forget(&mut self, side: SideId) {
        let own = self.latest.range((side, String::new())..);
        let own: Vec<_> = own
            .take_while(|((of, _), _)| *of == side)
            .map(|(record, _)| record.clone())
            .collect();
        for record in own {
            self.latest.remove_mut(&record);
        }
    }

    pub(super) fn clear(&mut self, side: SideId, exts: &[&str], mark: u64) {
        for ext in exts {
            let record = (side, (*ext).to_owned());
            if self.latest.get(&record).is_some_and(|seq| *seq < mark) {
                self.latest.remove_mut(&record);
            }
        }
    }
}

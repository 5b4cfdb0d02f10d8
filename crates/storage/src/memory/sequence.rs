use rpds::RedBlackTreeMapSync;
use syncline_core::store::Sequence;

/// Last number given, by sequence.
#[derive(Clone, Default)]
pub(super) struct Sequences {
    last: RedBlackTreeMapSync<Sequence, u64>,
}

impl Sequences {
    pub(super) fn reserve(&mut self, sequence: Sequence, count: u64) -> u64 {
        let last = self.last.get(&sequence).copied().unwrap_or(0);
        self.last.insert_mut(sequence, last + count);
        last + 1
    }
}

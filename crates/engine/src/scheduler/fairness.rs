//! Whose turn it is: deficit round robin, by API calls.

use std::collections::BTreeMap;

/// API calls that each waiting party is granted per round.
const QUANTUM: i64 = 200;
/// Debt beyond this many API calls is forgiven, so that one large import does not lock its owner out for long.
const LARGEST_DEBT: i64 = 100 * QUANTUM;

/// Takes turns between those who wait, such that each gets the same number of API calls over time, whatever a single
/// turn costs. What a turn cost is only known afterwards, so it is charged afterwards.
#[derive(Debug, Clone)]
pub(crate) struct Turns<K> {
    /// Calls that each may still spend; below zero after an expensive turn.
    credit: BTreeMap<K, i64>,
    /// Who had the last turn: the next one in order is looked at first.
    last: Option<K>,
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self {
            credit: BTreeMap::new(),
            last: None,
        }
    }
}

impl<K: Ord + Copy> Turns<K> {
    /// Chooses among those who wait, in ascending order; `None` if nobody does.
    pub(crate) fn next(&mut self, waiting: &[K]) -> Option<K> {
        if waiting.is_empty() {
            return None;
        }
        // Who does not wait can't save credit up; debt stays.
        self.credit.retain(|who, credit| *credit < 0 || waiting.contains(who));
        let best = waiting.iter().map(|who| self.credit_of(*who)).max().unwrap_or(0);
        if best <= 0 {
            let rounds = (-best) / QUANTUM + 1;
            for who in waiting {
                *self.credit.entry(*who).or_default() += rounds * QUANTUM;
            }
        }
        let start = self
            .last
            .map_or(0, |last| waiting.iter().position(|who| *who > last).unwrap_or(0));
        let (before, after) = waiting.split_at(start);
        let chosen = after
            .iter()
            .chain(before)
            .copied()
            .find(|who| self.credit_of(*who) > 0)?;
        self.last = Some(chosen);
        Some(chosen)
    }

    /// Charges what a turn cost, in API calls; every turn costs something.
    pub(crate) fn charge(&mut self, who: K, calls: u64) {
        let credit = self.credit.entry(who).or_default();
        *credit = (*credit - i64::try_from(calls.max(1)).unwrap_or(LARGEST_DEBT)).max(-LARGEST_DEBT);
    }

    fn credit_of(&self, who: K) -> i64 {
        self.credit.get(&who).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns_of(costs: &[(u32, u64)], calls: u64) -> BTreeMap<u32, u64> {
        let waiting: Vec<u32> = costs.iter().map(|(who, _)| *who).collect();
        let mut turns = Turns::default();
        let mut spent = BTreeMap::new();
        while spent.values().sum::<u64>() < calls {
            let who = turns.next(&waiting).unwrap();
            let cost = costs.iter().find(|(candidate, _)| *candidate == who).unwrap().1;
            turns.charge(who, cost);
            *spent.entry(who).or_default() += cost;
        }
        spent
    }

    #[test]
    fn who_makes_expensive_runs_gets_fewer_of_them() {
        let spent = turns_of(&[(1, 1_000), (2, 10)], 50_000);
        let share = spent[&1] as f64 / 50_000.0;
        assert!((0.45..0.56).contains(&share), "{spent:?}");
    }

    #[test]
    fn equal_runs_take_turns() {
        let spent = turns_of(&[(1, 300), (2, 300), (3, 300)], 90_000);
        assert!(
            spent.values().all(|spent| (29_000..=31_000).contains(spent)),
            "{spent:?}"
        );
    }

    #[test]
    fn who_did_not_wait_has_saved_nothing() {
        let mut turns = Turns::default();
        for _ in 0..100 {
            assert_eq!(turns.next(&[1]), Some(1));
            turns.charge(1, 10);
        }
        let mut first = 0;
        for _ in 0..100 {
            let who = turns.next(&[1, 2]).unwrap();
            first += u32::from(who == 1);
            turns.charge(who, 10);
        }
        assert!((40..=60).contains(&first), "{first}");
    }

    #[test]
    fn a_debt_is_bounded() {
        let mut turns = Turns::default();
        turns.next(&[1]);
        turns.charge(1, u64::MAX);
        let mut waited = 0;
        while turns.next(&[1, 2]) == Some(2) {
            turns.charge(2, 100);
            waited += 1;
        }
        assert!(waited <= 210, "{waited}");
    }
}

//! What statements over many rows share.

/// A limit as Postgres takes it.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Cuts a list where a row comes a second time: a statement can't write one twice, and the later one counts. A page that
/// names each of its rows once, as every page of the engine does, stays whole.
pub(super) fn without_repeats<T, K: Ord>(list: &[T], key: impl Fn(&T) -> K) -> Vec<&[T]> {
    let mut parts = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        let mut seen = std::collections::BTreeSet::new();
        let end = rest.iter().position(|row| !seen.insert(key(row))).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_cut_where_a_row_repeats_and_nowhere_else() {
        let parts = without_repeats(&[1, 2, 3, 2, 4, 4], |row| *row);
        assert_eq!(parts, [&[1, 2, 3][..], &[2, 4], &[4]]);
        assert!(without_repeats::<u8, u8>(&[], |row| *row).is_empty());
    }
}

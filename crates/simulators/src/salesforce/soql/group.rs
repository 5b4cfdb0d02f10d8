//! Making groups of records and answering with them.

use indexmap::IndexMap;

use super::ast::GroupingKind;
use super::compiled::{GroupFilter, GroupValue, Groups};
use super::evaluate::{compare, order_of};
use super::function::owned;
use crate::salesforce::cell::{View, write_text};
use crate::salesforce::state::State;
use crate::salesforce::table::Slot;

/// One group: its keys, which of them it sums over, and its records.
struct Group {
    keys: Vec<View<'static>>,
    summed: Vec<bool>,
    slots: Vec<Slot>,
}

impl State {
    /// The answer of a grouped query over these records.
    pub(super) fn write_groups(&self, table: usize, slots: &[Slot], groups: &Groups) -> Vec<u8> {
        let mut made = self.make_groups(table, slots, groups);
        if let Some(having) = &groups.having {
            made.retain(|group| self.has(table, group, having));
        }
        made.sort_by(|left, right| {
            for (value, descending, nulls_last) in &groups.order {
                let (a, b) = (
                    self.group_value(table, left, value),
                    self.group_value(table, right, value),
                );
                let order = match (a.is_null(), b.is_null()) {
                    (true, true) => std::cmp::Ordering::Equal,
                    (true, false) if *nulls_last => std::cmp::Ordering::Greater,
                    (true, false) => std::cmp::Ordering::Less,
                    (false, true) if *nulls_last => std::cmp::Ordering::Less,
                    (false, true) => std::cmp::Ordering::Greater,
                    (false, false) if *descending => order_of(&b, &a),
                    (false, false) => order_of(&a, &b),
                };
                if order.is_ne() {
                    return order;
                }
            }
            std::cmp::Ordering::Equal
        });
        // More groups than this would need a locator, which grouped queries do not have.
        let shown: Vec<Group> = made
            .into_iter()
            .skip(groups.offset)
            .take(groups.limit.unwrap_or(2_000).min(2_000))
            .collect();
        let mut out = format!("{{\"totalSize\":{},\"done\":true,\"records\":[", shown.len()).into_bytes();
        for (index, group) in shown.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(b"{\"attributes\":{\"type\":\"AggregateResult\"}");
            for (name, value) in &groups.output {
                out.push(b',');
                write_text(name, &mut out);
                out.push(b':');
                self.group_value(table, group, value).write_json(&mut out);
            }
            out.push(b'}');
        }
        out.extend_from_slice(b"]}");
        out
    }

    fn make_groups(&self, table: usize, slots: &[Slot], groups: &Groups) -> Vec<Group> {
        let width = groups.keys.len();
        if width == 0 {
            return vec![Group {
                keys: Vec::new(),
                summed: Vec::new(),
                slots: slots.to_vec(),
            }];
        }
        let sets: Vec<Vec<bool>> = match groups.kind {
            GroupingKind::Plain => vec![vec![false; width]],
            GroupingKind::Rollup => (0..=width)
                .rev()
                .map(|kept| (0..width).map(|key| key >= kept).collect())
                .collect(),
            GroupingKind::Cube => (0..1_usize << width)
                .map(|mask| (0..width).map(|key| mask & (1 << key) != 0).collect())
                .collect(),
        };
        let mut made = Vec::new();
        for summed in sets {
            let mut found: IndexMap<String, Group> = IndexMap::new();
            for slot in slots {
                let Some(record) = self.tables[table].get(*slot) else {
                    continue;
                };
                let keys: Vec<View<'static>> = groups
                    .keys
                    .iter()
                    .zip(&summed)
                    .map(|((path, part), summed)| {
                        if *summed {
                            return View::Null;
                        }
                        let value = self.read_path(table, *slot, record, path);
                        part.map_or_else(|| owned(&value), |part| part.of(&value))
                    })
                    .collect();
                // Texts that differ in case alone are one group.
                let mut name = Vec::new();
                for key in &keys {
                    key.write_json(&mut name);
                    name.push(b',');
                }
                let name = String::from_utf8_lossy(&name).to_lowercase();
                let group = found.entry(name).or_insert_with(|| Group {
                    keys,
                    summed: summed.clone(),
                    slots: Vec::new(),
                });
                group.slots.push(*slot);
            }
            made.extend(found.into_values());
        }
        made
    }

    fn group_value<'a>(&'a self, table: usize, group: &'a Group, value: &GroupValue) -> View<'a> {
        match value {
            GroupValue::Key(key) => group.keys.get(*key).map_or(View::Null, owned),
            GroupValue::Grouping(key) => View::Int(i64::from(group.summed.get(*key).copied().unwrap_or(false))),
            GroupValue::Aggregate(aggregate, path) => {
                let records = group.slots.iter().filter_map(|slot| {
                    let record = self.tables[table].get(*slot)?;
                    Some(self.read_path(table, *slot, record, path))
                });
                aggregate.of(records)
            }
        }
    }

    fn has(&self, table: usize, group: &Group, filter: &GroupFilter) -> bool {
        match filter {
            GroupFilter::And(operands) => operands.iter().all(|operand| self.has(table, group, operand)),
            GroupFilter::Or(operands) => operands.iter().any(|operand| self.has(table, group, operand)),
            GroupFilter::Not(operand) => !self.has(table, group, operand),
            GroupFilter::Compare(value, comparison, operand) => {
                compare(&self.group_value(table, group, value), *comparison, operand, false)
            }
            GroupFilter::OneOf(value, negated, operands) => {
                let value = self.group_value(table, group, value);
                let equal = |operand| compare(&value, super::ast::Comparison::Equal, operand, false);
                operands.iter().any(equal) != *negated
            }
        }
    }
}

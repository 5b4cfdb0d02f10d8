//! Which records have to be looked at: the difference between a page and a table.

use std::ops::RangeInclusive;

use super::ast::Comparison;
use super::compiled::{Compiled, Filter, Operand, OrderKey, Path};
use crate::salesforce::id::RecordId;
use crate::salesforce::schema::Source;
use crate::salesforce::table::{Slot, Table};

/// Where candidates come from. Each still has to pass the filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scan {
    /// These slots, ascending.
    Slots(Vec<Slot>),
    /// A range of the order by (stamp, slot).
    Stamps(RangeInclusive<(i64, Slot)>),
    /// A range of slots, that is of ids.
    Ids(RangeInclusive<Slot>),
}

/// Whether the scan already gives the order asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sorting {
    Done,
    /// The scan has to run backwards.
    Reversed,
    /// By id, which is the default.
    BySlot,
    Needed,
}

/// What a filter surely implies about stamp, id and the pair of both.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    stamps: (i64, i64),
    slots: (Slot, Slot),
    keys: ((i64, Slot), (i64, Slot)),
}

const ANYTHING: Bounds = Bounds {
    stamps: (i64::MIN, i64::MAX),
    slots: (0, Slot::MAX),
    keys: ((i64::MIN, 0), (i64::MAX, Slot::MAX)),
};

pub(super) fn plan(table: &Table, query: &Compiled) -> (Scan, Sorting) {
    let by_slot = match order_kind(table, &query.order) {
        OrderKind::Id => Sorting::BySlot,
        OrderKind::Stamp | OrderKind::StampDescending | OrderKind::Other => Sorting::Needed,
    };
    let bounds = query.filter.as_ref().map_or(ANYTHING, |filter| bounds(table, filter));
    if let Some(mut slots) = query.filter.as_ref().and_then(|filter| candidates(table, filter)) {
        slots.sort_unstable();
        slots.dedup();
        let sorting = if by_slot == Sorting::BySlot {
            Sorting::Done
        } else {
            Sorting::Needed
        };
        return (Scan::Slots(slots), sorting);
    }
    let stamps = Scan::Stamps(bounds.keys.0..=bounds.keys.1);
    match order_kind(table, &query.order) {
        OrderKind::Stamp => (stamps, Sorting::Done),
        OrderKind::StampDescending => (stamps, Sorting::Reversed),
        OrderKind::Id if bounds.stamps == ANYTHING.stamps => {
            (Scan::Ids(bounds.slots.0..=bounds.slots.1), Sorting::Done)
        }
        OrderKind::Id => (stamps, Sorting::BySlot),
        OrderKind::Other => (stamps, Sorting::Needed),
    }
}

enum OrderKind {
    Id,
    Stamp,
    StampDescending,
    Other,
}

fn order_kind(table: &Table, order: &[OrderKey]) -> OrderKind {
    let keys: Vec<(Option<Source>, bool)> = order
        .iter()
        .map(|key| (own_source(table, &key.path), key.descending))
        .collect();
    match keys.as_slice() {
        [] | [(Some(Source::Id), false)] => OrderKind::Id,
        [(Some(Source::SystemModstamp), false)]
        | [(Some(Source::SystemModstamp), false), (Some(Source::Id), false)] => OrderKind::Stamp,
        [(Some(Source::SystemModstamp), true), (Some(Source::Id), true)] => OrderKind::StampDescending,
        _ => OrderKind::Other,
    }
}

fn own_source(table: &Table, path: &Path) -> Option<Source> {
    match path {
        Path::Own(field) => Some(table.schema.field(*field).source),
        Path::Kind | Path::Parent(..) => None,
    }
}

fn bounds(table: &Table, filter: &Filter) -> Bounds {
    match filter {
        Filter::And(operands) => {
            let mut all = operands
                .iter()
                .map(|operand| bounds(table, operand))
                .fold(ANYTHING, |a, b| Bounds {
                    stamps: (a.stamps.0.max(b.stamps.0), a.stamps.1.min(b.stamps.1)),
                    slots: (a.slots.0.max(b.slots.0), a.slots.1.min(b.slots.1)),
                    keys: (a.keys.0.max(b.keys.0), a.keys.1.min(b.keys.1)),
                });
            if all.stamps.0 == all.stamps.1 {
                // One stamp only: the ids of that stamp are a range of their own.
                all.keys.0 = all.keys.0.max((all.stamps.0, all.slots.0));
                all.keys.1 = all.keys.1.min((all.stamps.1, all.slots.1));
            }
            all
        }
        Filter::Or(operands) => operands
            .iter()
            .map(|operand| bounds(table, operand))
            .reduce(|a, b| Bounds {
                stamps: (a.stamps.0.min(b.stamps.0), a.stamps.1.max(b.stamps.1)),
                slots: (a.slots.0.min(b.slots.0), a.slots.1.max(b.slots.1)),
                keys: (a.keys.0.min(b.keys.0), a.keys.1.max(b.keys.1)),
            })
            .unwrap_or(ANYTHING),
        Filter::Compare(path, comparison, operand) => match (own_source(table, path), operand) {
            (Some(Source::SystemModstamp), Operand::Span(first, after)) => {
                let stamps = match comparison {
                    Comparison::Equal => (*first, after - 1),
                    Comparison::Less => (i64::MIN, first - 1),
                    Comparison::LessOrEqual => (i64::MIN, after - 1),
                    Comparison::Greater => (*after, i64::MAX),
                    Comparison::GreaterOrEqual => (*first, i64::MAX),
                    Comparison::NotEqual | Comparison::Like => return ANYTHING,
                };
                Bounds {
                    stamps,
                    keys: ((stamps.0, 0), (stamps.1, Slot::MAX)),
                    ..ANYTHING
                }
            }
            (Some(Source::Id), Operand::Id(text)) => {
                let slots = match comparison {
                    Comparison::Less => (0, table.first_slot(text, false).saturating_sub(1)),
                    Comparison::LessOrEqual => (0, table.first_slot(text, true).saturating_sub(1)),
                    Comparison::Greater => (table.first_slot(text, true), Slot::MAX),
                    Comparison::GreaterOrEqual => (table.first_slot(text, false), Slot::MAX),
                    Comparison::Equal | Comparison::NotEqual | Comparison::Like => return ANYTHING,
                };
                Bounds { slots, ..ANYTHING }
            }
            _ => ANYTHING,
        },
        _ => ANYTHING,
    }
}

/// The slots that an index names, or `None` where no index helps.
fn candidates(table: &Table, filter: &Filter) -> Option<Vec<Slot>> {
    match filter {
        Filter::And(operands) => operands
            .iter()
            .filter_map(|operand| candidates(table, operand))
            .min_by_key(Vec::len),
        Filter::Or(operands) => {
            let mut all = Vec::new();
            for operand in operands {
                all.extend(candidates(table, operand)?);
            }
            Some(all)
        }
        Filter::Compare(Path::Own(field), Comparison::Equal, operand) => {
            let text = match operand {
                Operand::Text(text, _) => text,
                Operand::Id(text) => text,
                _ => return None,
            };
            by_text(table, *field, text)
        }
        Filter::In {
            path: Path::Own(field),
            negated: false,
            texts,
            null: false,
            ..
        } => {
            let mut all = Vec::with_capacity(texts.len());
            for text in texts {
                all.extend(by_text(table, *field, text)?);
            }
            Some(all)
        }
        _ => None,
    }
}

fn by_text(table: &Table, field: u16, text: &str) -> Option<Vec<Slot>> {
    if table.schema.field(field).source == Source::Id {
        return Some(
            RecordId::parse(text)
                .and_then(|id| table.slot(id))
                .into_iter()
                .collect(),
        );
    }
    table.is_indexed(field).then(|| table.lookup(field, text).to_vec())
}

//! Links between records: their types, and the pairs that are linked.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The direction-neutral number of a link type within a pair of object types.
pub(super) type LinkBit = u32;

/// One type of link, as seen from one side.
#[derive(Clone, Debug)]
pub(super) struct LinkType {
    pub(super) category: &'static str,
    pub(super) type_id: u64,
    pub(super) label: Option<String>,
    /// As inline associations of a GET name it.
    pub(super) name: String,
    pub(super) primary: bool,
    /// Whether the account has deleted it.
    pub(super) removed: bool,
}

impl LinkType {
    pub(super) fn json(&self) -> Value {
        json!({"category": self.category, "typeId": self.type_id, "label": self.label})
    }
}

/// A link of one record: the other type's index, the other id, the bits of the link.
pub(super) type LinkEnd = (usize, u64, u64);

/// Indices of two object types in the portal, from and to.
pub(super) type Pair = (usize, usize);

/// Every link type, and every link. Both directions are kept, always in step.
#[derive(Debug, Default)]
pub(super) struct Associations {
    /// Position in the list is the link's bit, the same in both directions.
    types: BTreeMap<Pair, Vec<LinkType>>,
    links: BTreeMap<Pair, BTreeMap<(u64, u64), u64>>,
    next_type_id: u64,
}

/// From, to, unlabelled id, its inverse, and the same for the primary link where there is one.
type Defined = (&'static str, &'static str, u64, u64, Option<(u64, u64)>);

const DEFINED: &[Defined] = &[
    ("contact", "company", 279, 280, Some((1, 2))),
    ("contact", "deal", 4, 3, None),
    ("deal", "company", 341, 342, Some((5, 6))),
    ("contact", "ticket", 15, 16, None),
    ("ticket", "company", 339, 340, Some((26, 25))),
    ("ticket", "deal", 28, 27, None),
    ("note", "contact", 202, 201, None),
    ("note", "company", 190, 189, None),
    ("note", "deal", 214, 213, None),
    ("note", "ticket", 228, 227, None),
    ("task", "contact", 204, 203, None),
    ("task", "company", 192, 191, None),
    ("task", "deal", 216, 215, None),
    ("task", "ticket", 230, 229, None),
    ("call", "contact", 194, 193, None),
    ("call", "company", 182, 181, None),
    ("call", "deal", 206, 205, None),
    ("call", "ticket", 220, 219, None),
    ("email", "contact", 198, 197, None),
    ("email", "company", 186, 185, None),
    ("email", "deal", 210, 209, None),
    ("email", "ticket", 224, 223, None),
    ("meeting", "contact", 200, 199, None),
    ("meeting", "company", 188, 187, None),
    ("meeting", "deal", 212, 211, None),
    ("meeting", "ticket", 226, 225, None),
    ("line_item", "deal", 20, 19, None),
    ("quote", "deal", 64, 63, None),
    ("quote", "line_item", 67, 68, None),
    ("lead", "contact", 578, 579, None),
    ("lead", "company", 610, 609, None),
    ("contact", "contact", 449, 449, None),
    ("company", "company", 450, 450, None),
    ("deal", "deal", 451, 451, None),
    ("ticket", "ticket", 452, 452, None),
];

impl Associations {
    /// The link types that every portal has, for object types of these singular names in this order.
    /// `custom` are those of them that the portal made itself.
    pub(super) fn new(singular: &[&'static str], custom: &[&'static str]) -> Self {
        let mut all = Self {
            next_type_id: 36,
            ..Self::default()
        };
        let position = |name: &str| singular.iter().position(|known| *known == name);
        for (from, to, forward, backward, primary) in DEFINED {
            let (Some(from_index), Some(to_index)) = (position(from), position(to)) else {
                continue;
            };
            let unlabelled = |from: &str, to: &str| {
                if primary.is_some() {
                    format!("{from}_to_{to}_unlabeled")
                } else {
                    format!("{from}_to_{to}")
                }
            };
            all.add(
                (from_index, to_index),
                "HUBSPOT_DEFINED",
                [
                    (*forward, None, unlabelled(from, to), false),
                    (*backward, None, unlabelled(to, from), false),
                ],
            );
            if let Some((forward, backward)) = primary {
                let label = Some("Primary".to_owned());
                all.add(
                    (from_index, to_index),
                    "HUBSPOT_DEFINED",
                    [
                        (*forward, label.clone(), format!("{from}_to_{to}"), true),
                        (*backward, label, format!("{to}_to_{from}"), true),
                    ],
                );
            }
        }
        // A custom type can be linked with anything; its own types are the portal's.
        let mut type_id = 1_001;
        for (from_index, from) in singular.iter().enumerate() {
            for (to_index, to) in singular.iter().enumerate().skip(from_index) {
                if all.types.contains_key(&(from_index, to_index)) {
                    continue;
                }
                let custom = [from, to].iter().any(|name| custom.contains(name));
                let category = if custom { "USER_DEFINED" } else { "HUBSPOT_DEFINED" };
                all.add(
                    (from_index, to_index),
                    category,
                    [
                        (type_id, None, format!("{from}_to_{to}"), false),
                        (type_id + 1, None, format!("{to}_to_{from}"), false),
                    ],
                );
                type_id += 2;
            }
        }
        all
    }

    fn add(&mut self, pair: Pair, category: &'static str, sides: [(u64, Option<String>, String, bool); 2]) {
        let [forward, backward] = sides.map(|(type_id, label, name, primary)| LinkType {
            category,
            type_id,
            label,
            name,
            primary,
            removed: false,
        });
        self.types.entry(pair).or_default().push(forward);
        if pair.0 != pair.1 {
            self.types.entry((pair.1, pair.0)).or_default().push(backward);
        }
    }

    /// Makes the types of a link without a label, which a pair of types needs to be linked at all; gives the id of the
    /// first direction.
    pub(super) fn add_plain(&mut self, pair: Pair, forward: String, backward: String) -> u64 {
        let id = self.next_type_id;
        self.next_type_id += 2;
        let other = if pair.0 == pair.1 { id } else { id + 1 };
        self.add(
            pair,
            "USER_DEFINED",
            [(id, None, forward, false), (other, None, backward, false)],
        );
        id
    }

    /// Renames a label of a pair, in one direction; `false` when there is none that may be renamed.
    pub(super) fn rename(&mut self, pair: Pair, type_id: u64, label: &str) -> bool {
        let types = self.types.get_mut(&pair).into_iter().flatten();
        let mut found = types.filter(|known| known.type_id == type_id && known.category == "USER_DEFINED");
        match found.next() {
            Some(known) => {
                known.label = Some(label.to_owned());
                true
            }
            None => false,
        }
    }

    /// Removes a type of the account's own in both directions. Its place stays, so that no other one's bit changes; no
    /// id fits it any more.
    pub(super) fn remove_type(&mut self, object: usize, type_id: u64) {
        let pairs: Vec<Pair> = self.types.keys().copied().filter(|(from, _)| *from == object).collect();
        for pair in pairs {
            let position = self
                .types(pair)
                .iter()
                .position(|known| known.type_id == type_id && known.category == "USER_DEFINED");
            let Some(position) = position else { continue };
            for pair in [pair, (pair.1, pair.0)] {
                if let Some(known) = self.types.get_mut(&pair).and_then(|types| types.get_mut(position)) {
                    known.removed = true;
                }
                for bits in self.links.get_mut(&pair).into_iter().flat_map(BTreeMap::values_mut) {
                    *bits &= !(1 << position);
                }
                if let Some(links) = self.links.get_mut(&pair) {
                    links.retain(|_, bits| *bits != 0);
                }
            }
        }
    }

    /// Makes a label for a pair; gives the type ids of both directions.
    pub(super) fn add_label(&mut self, pair: Pair, name: &str, label: &str, inverse: Option<&str>) -> (u64, u64) {
        let forward = self.next_type_id;
        let backward = if pair.0 == pair.1 { forward } else { forward + 1 };
        self.next_type_id += 2;
        self.add(
            pair,
            "USER_DEFINED",
            [
                (forward, Some(label.to_owned()), name.to_owned(), false),
                (
                    backward,
                    Some(inverse.unwrap_or(label).to_owned()),
                    name.to_owned(),
                    false,
                ),
            ],
        );
        (forward, backward)
    }

    /// The link types of a pair, in the order of their bits.
    pub(super) fn types(&self, pair: Pair) -> &[LinkType] {
        self.types.get(&pair).map_or(&[], Vec::as_slice)
    }

    /// The bit of a link type.
    pub(super) fn bit(&self, pair: Pair, category: &str, type_id: u64) -> Option<LinkBit> {
        let position = self
            .types(pair)
            .iter()
            .position(|known| known.type_id == type_id && known.category == category && !known.removed)?;
        u32::try_from(position).ok()
    }

    /// The bit of the link that makes its target the primary one.
    pub(super) fn primary_bit(&self, pair: Pair) -> Option<LinkBit> {
        let position = self.types(pair).iter().position(|known| known.primary)?;
        u32::try_from(position).ok()
    }

    /// The linked records of one record, with the types of each link as bits.
    pub(super) fn links(&self, pair: Pair, from: u64, after: u64) -> impl Iterator<Item = (u64, u64)> {
        self.links
            .get(&pair)
            .into_iter()
            .flat_map(move |links| links.range((from, after)..=(from, u64::MAX)))
            .map(|((_, to), bits)| (*to, *bits))
    }

    /// The types of the link between two records, as bits; 0 where there is none.
    pub(super) fn bits_of(&self, pair: Pair, from: u64, to: u64) -> u64 {
        let links = self.links.get(&pair);
        links.and_then(|links| links.get(&(from, to))).copied().unwrap_or(0)
    }

    /// The link types among `bits`: labelled ones first, as HubSpot shows them.
    pub(super) fn shown(&self, pair: Pair, bits: u64) -> Vec<&LinkType> {
        let mut types: Vec<&LinkType> = self
            .types(pair)
            .iter()
            .enumerate()
            .filter(|(bit, _)| bits & (1 << bit) != 0)
            .map(|(_, link_type)| link_type)
            .collect();
        types.sort_by_key(|link_type| (!link_type.primary, link_type.label.is_none()));
        types
    }

    /// The record that is linked as primary.
    pub(super) fn primary(&self, pair: Pair, from: u64) -> Option<u64> {
        let bit = self.primary_bit(pair)?;
        self.links(pair, from, 0)
            .find(|(_, bits)| bits & (1 << bit) != 0)
            .map(|(to, _)| to)
    }

    /// Sets and clears bits of one link, in both directions; a link without bits is gone.
    pub(super) fn change(&mut self, pair: Pair, from: u64, to: u64, set: u64, clear: u64) {
        for (pair, key) in [(pair, (from, to)), ((pair.1, pair.0), (to, from))] {
            let links = self.links.entry(pair).or_default();
            let bits = (links.get(&key).copied().unwrap_or(0) | set) & !clear;
            if bits == 0 {
                links.remove(&key);
            } else {
                links.insert(key, bits);
            }
        }
    }

    /// Every link of one record: the other type, the other id, the bits.
    pub(super) fn all_of(&self, object: usize, id: u64) -> Vec<LinkEnd> {
        self.links
            .range((object, 0)..=(object, usize::MAX))
            .flat_map(|((_, to), links)| {
                links
                    .range((id, 0)..=(id, u64::MAX))
                    .map(|((_, other), bits)| (*to, *other, *bits))
            })
            .collect()
    }
}

//! Decoding a page of JSON straight from bytes into [`Batch`](crate::batch::Batch) rows, without an intermediate tree.
//!
//! A connector describes where the projected fields stand ([`FieldTree`]) and how its texts are read ([`ReadText`]);
//! [`FieldsSeed`] then drives serde over one record.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use rust_decimal::Decimal;
use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::batch::{Projection, RowBuilder, ValueKind};
use crate::value::{Value, encode_decimal, encode_int, encode_null, encode_text};

/// Reads a provider's text for a kind of field and appends exactly one canonical value. Text that does not fit the
/// kind stays text: a decoder never loses data.
pub trait ReadText: Sync {
    /// Appends the value of `text`, read as `kind`.
    fn read(&self, kind: ValueKind, text: &str, out: &mut Vec<u8>);
}

/// The projected fields as a tree of JSON names: `Account.Name` is the leaf `Name` below the branch `Account`.
#[derive(Debug, Default)]
pub struct FieldTree {
    nodes: Vec<(String, Node)>,
    /// The place behind the one found last. Records name their members in the same order one after the other, so the
    /// next member asked for is nearly always there.
    next: AtomicUsize,
}

impl Clone for FieldTree {
    fn clone(&self) -> Self {
        Self {
            nodes: self.nodes.clone(),
            next: AtomicUsize::default(),
        }
    }
}

#[derive(Debug, Clone)]
enum Node {
    Leaf(usize, ValueKind),
    Branch(FieldTree),
}

impl FieldTree {
    /// The tree of a projection. `nested` says whether dots walk into objects; where a provider's names may hold
    /// dots themselves they stay whole.
    pub fn new(projection: &Projection, nested: bool) -> Self {
        let mut root = Self::default();
        for (index, field) in projection.fields.iter().enumerate() {
            root.insert(&field.path, Node::Leaf(index, field.kind), nested);
        }
        root
    }

    fn insert(&mut self, path: &str, leaf: Node, nested: bool) {
        match path.split_once('.').filter(|_| nested) {
            None => {
                self.place(path, || leaf);
            }
            Some((head, tail)) => {
                if let Node::Branch(tree) = self.place(head, || Node::Branch(Self::default())) {
                    tree.insert(tail, leaf, nested);
                }
            }
        }
    }

    /// The node of a name, made if there is none.
    fn place(&mut self, name: &str, make: impl FnOnce() -> Node) -> &mut Node {
        let known = self.nodes.iter().position(|(known, _)| known == name);
        let place = known.unwrap_or_else(|| {
            self.nodes.push((name.to_owned(), make()));
            self.nodes.len() - 1
        });
        &mut self.nodes[place].1
    }

    /// The node of a name.
    fn find(&self, name: &str) -> Option<&Node> {
        let next = self.next.load(Ordering::Relaxed);
        let place = match self.nodes.get(next) {
            Some((expected, _)) if expected == name => next,
            _ => self.nodes.iter().position(|(known, _)| known == name)?,
        };
        self.next.store(place + 1, Ordering::Relaxed);
        self.nodes.get(place).map(|(_, node)| node)
    }

    /// Whether the tree has this name at its root.
    pub fn contains(&self, name: &str) -> bool {
        self.nodes.iter().any(|(known, _)| known == name)
    }

    /// Reads the value of a record's member `name` from `map` into `row`, or skips it if it is not asked for. For
    /// decoders that look at some members themselves (`Id`, `SystemModstamp`).
    ///
    /// # Errors
    /// What `map` reports.
    pub fn read_member<'de, A: MapAccess<'de>>(
        &self,
        name: &str,
        map: &mut A,
        row: &mut RowBuilder<'_>,
        text: &dyn ReadText,
    ) -> Result<(), A::Error> {
        match self.find(name) {
            None => map.next_value::<IgnoredAny>().map(|_| ()),
            Some(Node::Branch(tree)) => map.next_value_seed(FieldsSeed { tree, row, text }),
            Some(Node::Leaf(index, kind)) => map.next_value_seed(LeafSeed {
                index: *index,
                kind: *kind,
                row,
                text,
            }),
        }
    }
}

/// Reads one JSON object's projected members into a row; null is an object without members.
pub struct FieldsSeed<'a, 'b> {
    /// Where the fields stand.
    pub tree: &'a FieldTree,
    /// The row to fill.
    pub row: &'a mut RowBuilder<'b>,
    /// How texts are read.
    pub text: &'a dyn ReadText,
}

impl fmt::Debug for FieldsSeed<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldsSeed")
            .field("tree", self.tree)
            .finish_non_exhaustive()
    }
}

impl<'de> DeserializeSeed<'de> for FieldsSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FieldsSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of fields")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            self.tree.read_member(&name, &mut map, self.row, self.text)?;
        }
        Ok(())
    }
}

struct LeafSeed<'a, 'b> {
    index: usize,
    kind: ValueKind,
    row: &'a mut RowBuilder<'b>,
    text: &'a dyn ReadText,
}

impl<'de> DeserializeSeed<'de> for LeafSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for LeafSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.row.encode(self.index, encode_null);
        Ok(())
    }

    fn visit_bool<E>(self, bool: bool) -> Result<(), E> {
        self.row.set(self.index, &Value::Bool(bool));
        Ok(())
    }

    fn visit_i64<E>(self, int: i64) -> Result<(), E> {
        self.row.encode(self.index, |out| encode_int(int, out));
        Ok(())
    }

    fn visit_u64<E>(self, int: u64) -> Result<(), E> {
        self.row
            .encode(self.index, |out| encode_decimal(Decimal::from(int), out));
        Ok(())
    }

    fn visit_f64<E>(self, float: f64) -> Result<(), E> {
        // The shortest text that reads back as this number is what the provider wrote, so going through it keeps 0.1.
        self.row
            .encode(self.index, |out| match Decimal::from_str_exact(&float.to_string()) {
                Ok(decimal) => encode_decimal(decimal, out),
                Err(_) => Value::Float(float).encode(out),
            });
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        let Self {
            index,
            kind,
            row,
            text: reader,
        } = self;
        row.encode(index, |out| match kind {
            ValueKind::Text => encode_text(text, out),
            kind => reader.read(kind, text, out),
        });
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let json = serde::Deserialize::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        self.row.set(self.index, &Value::Json(json));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut list = Vec::new();
        while let Some(item) = seq.next_element::<serde_json::Value>()? {
            list.push(Value::from_json(item));
        }
        self.row.set(self.index, &Value::List(list));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Batch;

    struct Plain;

    impl ReadText for Plain {
        fn read(&self, _: ValueKind, text: &str, out: &mut Vec<u8>) {
            encode_text(text, out);
        }
    }

    #[test]
    fn nested_paths_and_numbers_reach_their_slots_and_the_rest_is_skipped() {
        let projection = Projection::new([("Account.Name", ValueKind::Text), ("Amount", ValueKind::Number)]);
        let tree = FieldTree::new(&projection, true);
        let mut batch = Batch::new(2);
        let mut row = batch.row("1");
        let json = r#"{"Other":{"deep":[1,2]},"Amount":0.1,"Account":{"attributes":{},"Name":"Ac\"me"}}"#;
        let mut deserializer = serde_json::Deserializer::from_str(json);
        FieldsSeed {
            tree: &tree,
            row: &mut row,
            text: &Plain,
        }
        .deserialize(&mut deserializer)
        .unwrap();
        row.finish();
        let row = batch.get(0).unwrap();
        assert_eq!(row.value(0).unwrap(), Some(Value::text("Ac\"me")));
        assert_eq!(row.value(1).unwrap(), Some(Value::Decimal("0.1".parse().unwrap())));
    }
}

//! Records to JSON, written straight from the cells.

use super::compiled::{Compiled, Node, Output};
use crate::salesforce::cell::{View, write_text};
use crate::salesforce::id::RecordId;
use crate::salesforce::state::State;
use crate::salesforce::table::{Record, Slot};

/// Appends `"attributes":{"type":…,"url":…}`.
pub(crate) fn attributes(object: &str, id: RecordId, base: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"attributes\":{\"type\":\"");
    out.extend_from_slice(object.as_bytes());
    out.extend_from_slice(b"\",\"url\":\"");
    out.extend_from_slice(base.as_bytes());
    out.extend_from_slice(b"/sobjects/");
    out.extend_from_slice(object.as_bytes());
    out.push(b'/');
    out.extend_from_slice(id.as_str().as_bytes());
    out.extend_from_slice(b"\"}");
}

impl State {
    pub(super) fn write_page(
        &self,
        query: &Compiled,
        page: &[Slot],
        total: usize,
        all_rows: bool,
        next: Option<&str>,
        base: &str,
    ) -> Vec<u8> {
        let Output::Records(nodes) = &query.output else {
            return Vec::new();
        };
        let mut out = Vec::with_capacity(128 + page.len() * (200 + nodes.len() * 40));
        out.extend_from_slice(format!("{{\"totalSize\":{total},\"done\":{}", next.is_none()).as_bytes());
        if let Some(next) = next {
            out.extend_from_slice(b",\"nextRecordsUrl\":\"");
            out.extend_from_slice(next.as_bytes());
            out.push(b'"');
        }
        out.extend_from_slice(b",\"records\":[");
        let table = &self.tables[query.table];
        let mut first = true;
        for slot in page {
            // A record that was deleted since the query began is left out without a word.
            let Some(record) = table.get(*slot).filter(|record| all_rows || record.deleted.is_none()) else {
                continue;
            };
            if !first {
                out.push(b',');
            }
            first = false;
            self.write_nodes(query.table, *slot, record, nodes, base, &mut out);
        }
        out.extend_from_slice(b"]}");
        out
    }

    fn write_nodes(&self, table: usize, slot: Slot, record: &Record, nodes: &[Node], base: &str, out: &mut Vec<u8>) {
        let source = &self.tables[table];
        out.push(b'{');
        attributes(&source.schema.name, source.id(slot), base, out);
        for node in nodes {
            out.push(b',');
            match node {
                Node::Field(field) => {
                    write_text(&source.schema.field(*field).name, out);
                    out.push(b':');
                    source.read(slot, record, *field).write_json(out);
                }
                Node::Kind => {
                    write_text("Type", out);
                    out.push(b':');
                    write_text(&source.schema.name, out);
                }
                Node::Named(field) => {
                    write_text("Name", out);
                    out.push(b':');
                    source.read(slot, record, *field).write_json(out);
                }
                Node::Lacking(name) => {
                    write_text(name, out);
                    out.extend_from_slice(b":null");
                }
                Node::Parent(name, lookup, targets) => {
                    write_text(name, out);
                    out.push(b':');
                    let parent = match source.read(slot, record, *lookup) {
                        View::Id(id) => self.record(id),
                        _ => None,
                    };
                    let nodes = parent.and_then(|(table, ..)| targets.iter().find(|(target, _)| *target == table));
                    match (parent, nodes) {
                        (Some((table, slot, record)), Some((_, nodes))) => {
                            self.write_nodes(table, slot, record, nodes, base, out);
                        }
                        _ => out.extend_from_slice(b"null"),
                    }
                }
                Node::Shown(key, path, shown, type_name) => {
                    write_text(key, out);
                    out.push(b':');
                    let value = self.read_path(table, slot, record, path);
                    shown.of(value, type_name).write_json(out);
                }
                Node::Children(name, field, query) => {
                    write_text(name, out);
                    out.push(b':');
                    self.write_children(source.id(slot), *field, query, base, out);
                }
            }
        }
        out.push(b'}');
    }

    /// The records that point to one, as an answer within the answer; null where there are none.
    fn write_children(&self, parent: RecordId, field: u16, query: &Compiled, base: &str, out: &mut Vec<u8>) {
        let slots = self.matching_children(query, field, parent);
        if slots.is_empty() {
            out.extend_from_slice(b"null");
            return;
        }
        out.extend_from_slice(&self.write_page(query, &slots, slots.len(), true, None, base));
    }
}

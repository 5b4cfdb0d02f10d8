//! What is written down for ever: entries, their packed form, and the hash chain over them.
//!
//! Each entry enters the chain as a salted 16-byte leaf, so a privacy deletion can rewrite an entry's body and keep its
//! leaf, and the chain stays valid.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{GroupId, TenantId};
use crate::state::{CreatedPage, SideId};
use crate::store::AuditBlock;
use crate::value::{Value, decode_all, encode_all, put_unsigned, take, take_text, take_unsigned};

/// What an entry tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum AuditKind {
    /// An entity was made; `after` holds all its values.
    Created = 0,
    /// A decision changed a group; `before` and `after` are its values.
    Decided = 1,
    /// A side's edit agreed with what the hub held already.
    Agreed = 2,
    /// A value lost: `before` is the loser, `after` the winner. Nothing is lost silently.
    Overruled = 3,
    /// A conflict was opened; `before` is the hub's value, `after` the side's.
    ConflictOpened = 4,
    /// A conflict was resolved; `after` is the choice.
    ConflictResolved = 5,
    /// A write was intended; `before` is what the side held, `after` what is to be written.
    Intended = 6,
    /// A write was confirmed; `after` is what the side holds.
    Confirmed = 7,
    /// A write's outcome is not known.
    UnknownOutcome = 8,
    /// A write was refused, or dropped since somebody else was faster.
    NotWritten = 9,
    /// The provider accepted a write and kept its old value.
    WriteIgnored = 10,
    /// A value appeared that an earlier write of ours, or a user, may have set.
    LateWriteOrUser = 11,
    /// A record was linked to an entity.
    Linked = 12,
    /// A link was cut.
    Unlinked = 13,
    /// An entity or remote record was deleted.
    Deleted = 14,
    /// An entity or remote record came back.
    Restored = 15,
    /// A remote record was merged into another.
    Merged = 16,
    /// A remote record can no longer be seen.
    Inaccessible = 17,
    /// Settings were changed: a connection, a mapping, a sync.
    Configured = 18,
    /// A run was rolled back.
    RolledBack = 19,
    /// A file was given to a remote record; the note names it.
    FileGiven = 20,
}

impl AuditKind {
    const ALL: [Self; 21] = [
        Self::Created,
        Self::Decided,
        Self::Agreed,
        Self::Overruled,
        Self::ConflictOpened,
        Self::ConflictResolved,
        Self::Intended,
        Self::Confirmed,
        Self::UnknownOutcome,
        Self::NotWritten,
        Self::WriteIgnored,
        Self::LateWriteOrUser,
        Self::Linked,
        Self::Unlinked,
        Self::Deleted,
        Self::Restored,
        Self::Merged,
        Self::Inaccessible,
        Self::Configured,
        Self::RolledBack,
        Self::FileGiven,
    ];
}

/// A field that a write is about, by its names on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditField {
    /// The remote path.
    pub remote: String,
    /// The blueprint's field, or several joined by `+`; empty where none is mapped to it.
    pub field: String,
}

/// One fact. Never holds a secret.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// What it tells.
    pub kind: AuditKind,
    /// The entity; nil for settings.
    pub entity: Uuid,
    /// The sync's side, or 0 for the app.
    pub side: SideId,
    /// The remote record.
    pub ext: String,
    /// The group of fields, or 0.
    pub group: GroupId,
    /// The entity's revision afterwards.
    pub rev: u64,
    /// The values before.
    pub before: Vec<Value>,
    /// The values afterwards.
    pub after: Vec<Value>,
    /// Who asked for it, and anything else a person should read.
    pub note: String,
    /// Of a write: which fields the values are of, in their order. The group tells it otherwise.
    pub fields: Vec<AuditField>,
}

impl AuditEntry {
    /// An entry about an entity.
    pub fn new(kind: AuditKind, entity: Uuid, side: SideId, ext: Option<&str>) -> Self {
        Self {
            kind,
            entity,
            side,
            ext: ext.unwrap_or_default().to_owned(),
            group: 0,
            rev: 0,
            before: Vec::new(),
            after: Vec::new(),
            note: String::new(),
            fields: Vec::new(),
        }
    }

    /// Sets the group, its revision and its values.
    #[must_use]
    pub fn values(mut self, group: GroupId, rev: u64, before: Vec<Value>, after: Vec<Value>) -> Self {
        (self.group, self.rev, self.before, self.after) = (group, rev, before, after);
        self
    }

    /// Sets the note.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_subject(self.kind, self.entity, self.side, &self.ext, out);
        put_unsigned(u64::from(self.group), out);
        put_unsigned(self.rev, out);
        for values in [&self.before, &self.after] {
            let encoded = encode_all(values);
            put_unsigned(encoded.len() as u64, out);
            out.extend_from_slice(&encoded);
        }
        put_text(&self.note, out);
        for field in &self.fields {
            put_text(&field.remote, out);
            put_text(&field.field, out);
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self> {
        let kind = usize::from(take(bytes, 1)?[0]);
        let kind = *AuditKind::ALL.get(kind).ok_or_else(damaged)?;
        let entity = Uuid::from_slice(take(bytes, 16)?).map_err(|_| damaged())?;
        let side = SideId::try_from(take_unsigned(bytes)?).map_err(|_| damaged())?;
        let ext = take_text(bytes)?.to_owned();
        let group = GroupId::try_from(take_unsigned(bytes)?).map_err(|_| damaged())?;
        let rev = take_unsigned(bytes)?;
        let mut values = || -> Result<Vec<Value>> {
            let length = usize::try_from(take_unsigned(bytes)?).map_err(|_| damaged())?;
            decode_all(take(bytes, length)?)
        };
        let (before, after) = (values()?, values()?);
        let note = take_text(bytes)?.to_owned();
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            fields.push(AuditField {
                remote: take_text(bytes)?.to_owned(),
                field: take_text(bytes)?.to_owned(),
            });
        }
        Ok(Self {
            kind,
            entity,
            side,
            ext,
            group,
            rev,
            before,
            after,
            note,
            fields,
        })
    }
}

fn put_subject(kind: AuditKind, entity: Uuid, side: SideId, ext: &str, out: &mut Vec<u8>) {
    out.push(kind as u8);
    out.extend_from_slice(entity.as_bytes());
    put_unsigned(u64::from(side), out);
    put_text(ext, out);
}

/// The entries of one transaction, packed as they are written down: a page's may be thousands.
#[derive(Debug, Clone, Default)]
pub struct AuditEntries {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl AuditEntries {
    /// Adds an entry.
    pub fn push(&mut self, entry: AuditEntry) {
        entry.encode(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// Adds entries.
    pub fn extend(&mut self, entries: impl IntoIterator<Item = AuditEntry>) {
        for entry in entries {
            self.push(entry);
        }
    }

    /// Adds that the entities of a page were made: the same entries as planning them one by one gives.
    pub fn push_created(&mut self, page: &CreatedPage<'_>, note: &str) {
        for record in page.records() {
            let out = &mut self.bytes;
            put_subject(AuditKind::Created, record.uid, page.side, record.ext, out);
            // No group, the first revision, and nothing before.
            out.extend_from_slice(&[0, 1, 0]);
            put_unsigned(record.values.len() as u64, out);
            out.extend_from_slice(record.values);
            put_text(note, out);
            self.ends.push(out.len());
        }
    }

    /// The entities that entries are about, but for those that tell that one was made.
    pub fn changed(&self) -> BTreeSet<Uuid> {
        let subject = |entry: &[u8]| {
            let (kind, rest) = entry.split_first()?;
            let uid = Uuid::from_slice(rest.get(..16)?).ok()?;
            (*kind != AuditKind::Created as u8 && !uid.is_nil()).then_some(uid)
        };
        self.iter().filter_map(subject).collect()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

impl FromIterator<AuditEntry> for AuditEntries {
    fn from_iter<I: IntoIterator<Item = AuditEntry>>(entries: I) -> Self {
        let mut all = Self::default();
        all.extend(entries);
        all
    }
}

/// Packs the entries of one transaction into a block that follows `head` (number and root of the last block).
///
/// `salt` must be fresh random bytes; it keeps a leaf from being guessed back to the value that it stands for.
pub fn seal_block(
    tenant: TenantId,
    run: u64,
    at: Timestamp,
    head: (u64, [u8; 32]),
    entries: &AuditEntries,
    salt: [u8; 16],
) -> AuditBlock {
    // Leaf and length beside each entry, and the salt.
    let mut body = Vec::with_capacity(entries.bytes.len() + 19 * entries.len() + 16);
    body.extend_from_slice(&salt);
    let mut chain = Sha256::new();
    chain.update(head.1);
    chain.update((head.0 + 1).to_le_bytes());
    chain.update(tenant.to_le_bytes());
    chain.update(run.to_le_bytes());
    chain.update(at.as_microsecond().to_le_bytes());
    for (index, entry) in entries.iter().enumerate() {
        let leaf = leaf(&salt, index, entry);
        chain.update(leaf);
        body.extend_from_slice(&leaf);
        put_unsigned(entry.len() as u64, &mut body);
        body.extend_from_slice(entry);
    }
    AuditBlock {
        seq: head.0 + 1,
        tenant,
        run,
        at,
        count: u32::try_from(entries.len()).unwrap_or(u32::MAX),
        previous: head.1,
        root: chain.finalize().into(),
        body,
    }
}

/// Reads a block's entries and verifies them against its root. A block whose body was purged gives no entries.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when the block was tampered with or damaged.
pub fn open_block(block: &AuditBlock) -> Result<Vec<AuditEntry>> {
    if block.body.is_empty() {
        return Ok(Vec::new());
    }
    let mut bytes = block.body.as_slice();
    let mut salt = [0; 16];
    salt.copy_from_slice(take(&mut bytes, 16)?);
    let mut chain = Sha256::new();
    chain.update(block.previous);
    chain.update(block.seq.to_le_bytes());
    chain.update(block.tenant.to_le_bytes());
    chain.update(block.run.to_le_bytes());
    chain.update(block.at.as_microsecond().to_le_bytes());
    let mut entries = Vec::new();
    for index in 0..block.count as usize {
        let stored = take(&mut bytes, 16)?;
        let length = usize::try_from(take_unsigned(&mut bytes)?).map_err(|_| damaged())?;
        let mut entry = take(&mut bytes, length)?;
        chain.update(stored);
        if entry.is_empty() {
            continue; // erased on request; its leaf keeps the chain
        }
        if leaf(&salt, index, entry) != stored {
            return Err(damaged());
        }
        entries.push(AuditEntry::decode(&mut entry)?);
    }
    let root: [u8; 32] = chain.finalize().into();
    if root == block.root {
        Ok(entries)
    } else {
        Err(damaged())
    }
}

fn leaf(salt: &[u8; 16], index: usize, entry: &[u8]) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(salt);
    hash.update((index as u64).to_le_bytes());
    hash.update(entry);
    let full: [u8; 32] = hash.finalize().into();
    let mut leaf = [0; 16];
    leaf.copy_from_slice(&full[..16]);
    leaf
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    put_unsigned(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

fn damaged() -> Error {
    Error::new(ErrorKind::Corrupt, "the audit trail is damaged or was tampered with")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block() -> AuditBlock {
        let entry = AuditEntry::new(AuditKind::Decided, Uuid::from_u128(7), 3, Some("003A"))
            .values(2, 5, vec![Value::text("old")], vec![Value::text("new")])
            .note("low confidence");
        seal_block(
            1,
            9,
            Timestamp::UNIX_EPOCH,
            (4, [1; 32]),
            &[entry.clone(), entry].into_iter().collect(),
            [9; 16],
        )
    }

    #[test]
    fn a_block_gives_back_its_entries() {
        let entries = open_block(&block()).unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!((entries[0].group, entries[0].after[0].clone()), (2, Value::text("new")));
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        for position in 16..block().body.len() {
            let mut block = block();
            block.body[position] ^= 1;
            assert!(open_block(&block).is_err(), "byte {position}");
        }
        let mut moved = block();
        moved.seq += 1;
        assert!(open_block(&moved).is_err());
        let mut other_run = block();
        other_run.run += 1;
        assert!(open_block(&other_run).is_err());
    }
}

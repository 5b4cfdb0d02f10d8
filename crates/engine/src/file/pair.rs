//! Which files of two sides are the same, and which one side lacks. A pure function of what is known and what is listed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use syncline_core::file::RemoteFile;
use syncline_core::state::SideId;

/// A file of an entity, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownFile {
    pub(crate) name: String,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) md5: Option<String>,
    /// Where it is or was: what was there once is never given again.
    pub(crate) sides: BTreeMap<SideId, Held>,
    /// Sides that can't take it, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) refused: BTreeMap<SideId, String>,
}

/// A file at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    /// Its id; empty once another content took its place.
    pub(crate) id: String,
    pub(crate) version: String,
}

/// The files of one record, as they are listed now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed<'a> {
    pub(crate) side: SideId,
    pub(crate) files: &'a [RemoteFile],
}

impl Listed<'_> {
    fn holds(&self, id: &str) -> bool {
        !id.is_empty() && self.files.iter().any(|file| file.id == id)
    }
}

impl KnownFile {
    fn of(side: SideId, file: &RemoteFile) -> Self {
        Self {
            name: file.name.clone(),
            size: file.size,
            md5: file.md5.clone(),
            sides: [(side, held(file))].into(),
            refused: BTreeMap::new(),
        }
    }

    /// Notes that it is on a side.
    pub(crate) fn is_on(&mut self, side: SideId, file: &RemoteFile) {
        self.sides.insert(side, held(file));
        self.md5 = self.md5.take().or_else(|| file.md5.clone());
    }

    /// Whether it holds what a listed file holds, as far as both sides tell.
    fn has_content_of(&self, file: &RemoteFile) -> bool {
        match (&self.md5, &file.md5) {
            (Some(known), Some(listed)) => known.eq_ignore_ascii_case(listed),
            _ => self.size == file.size,
        }
    }

    fn is_like(&self, file: &RemoteFile) -> bool {
        let is_sure = self.md5.is_some() && file.md5.is_some();
        self.has_content_of(file) && (is_sure || same_name(&self.name, &file.name))
    }
}

fn held(file: &RemoteFile) -> Held {
    Held {
        id: file.id.clone(),
        version: file.version.clone(),
    }
}

/// The same name, but for case and for the number by which a provider tells namesakes apart.
fn same_name(one: &str, other: &str) -> bool {
    let bare = |name: &str| {
        let name = name.to_lowercase();
        let (stem, extension) = match name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => (stem.to_owned(), extension.to_owned()),
            _ => (name, String::new()),
        };
        let plain = stem.trim_end_matches(|char: char| char.is_ascii_digit());
        let stem = match plain.strip_suffix('-') {
            Some(plain) if plain.len() + 1 < stem.len() => plain.to_owned(),
            _ => stem,
        };
        (stem, extension)
    };
    bare(one) == bare(other)
}

/// Takes in what is listed on both sides, and says which of the known files the target has never had: their places, each
/// with the source's file.
pub(crate) fn compare(known: &mut Vec<KnownFile>, source: Listed<'_>, target: Listed<'_>) -> Vec<(usize, RemoteFile)> {
    for listed in [source, target] {
        let mut taken: BTreeSet<usize> = BTreeSet::new();
        let mut unknown = Vec::new();
        for file in listed.files {
            let place = known
                .iter()
                .position(|known| known.sides.get(&listed.side).is_some_and(|held| held.id == file.id));
            let Some(place) = place else {
                unknown.push(file);
                continue;
            };
            let same = known[place]
                .sides
                .get(&listed.side)
                .is_some_and(|held| held.version == file.version);
            if same || known[place].has_content_of(file) {
                known[place].sides.insert(listed.side, held(file));
                taken.insert(place);
            } else {
                // Another content under the same id is another file.
                let gone = Held {
                    id: String::new(),
                    version: String::new(),
                };
                known[place].sides.insert(listed.side, gone);
                unknown.push(file);
            }
        }
        for file in unknown {
            let free = |known: &KnownFile| {
                known
                    .sides
                    .get(&listed.side)
                    .is_none_or(|held| !held.id.is_empty() && !listed.holds(&held.id))
            };
            let like = (0..known.len())
                .find(|place| !taken.contains(place) && free(&known[*place]) && known[*place].is_like(file));
            let place = like.unwrap_or(known.len());
            match known.get_mut(place) {
                Some(known) => known.is_on(listed.side, file),
                None => known.push(KnownFile::of(listed.side, file)),
            }
            taken.insert(place);
        }
    }
    let lacking = known.iter().enumerate().filter_map(|(place, known)| {
        if known.sides.contains_key(&target.side) || known.refused.contains_key(&target.side) {
            return None;
        }
        let held = known.sides.get(&source.side)?;
        let file = source.files.iter().find(|file| file.id == held.id)?;
        Some((place, file.clone()))
    });
    lacking.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(id: &str, name: &str, size: u64) -> RemoteFile {
        RemoteFile {
            id: id.into(),
            name: name.into(),
            size,
            version: "1".into(),
            md5: None,
            content_type: None,
            modified: None,
        }
    }

    fn lacks(known: &mut Vec<KnownFile>, source: &[RemoteFile], target: &[RemoteFile]) -> Vec<String> {
        let (source, target) = (Listed { side: 1, files: source }, Listed { side: 2, files: target });
        compare(known, source, target)
            .into_iter()
            .map(|(_, file)| file.id)
            .collect()
    }

    /// As the stage of a run does it.
    fn carry(known: &mut Vec<KnownFile>, source: &[RemoteFile], target: &mut Vec<RemoteFile>) -> usize {
        let sides = (
            Listed { side: 1, files: source },
            Listed {
                side: 2,
                files: &target.clone(),
            },
        );
        let lacking = compare(known, sides.0, sides.1);
        for (place, file) in &lacking {
            let made = RemoteFile {
                id: format!("made-{}-{}", file.id, file.version),
                ..file.clone()
            };
            known[*place].is_on(2, &made);
            target.push(made);
        }
        lacking.len()
    }

    #[test]
    fn what_was_carried_is_not_carried_again_and_comes_back_as_no_file_of_its_own() {
        let (mut known, mut target) = (Vec::new(), Vec::new());
        let source = [file("a", "offer.pdf", 10), file("b", "plan.pdf", 20)];
        assert_eq!(carry(&mut known, &source, &mut target), 2);
        assert_eq!(carry(&mut known, &source, &mut target), 0);
        let (one, two) = (
            Listed {
                side: 2,
                files: &target,
            },
            Listed {
                side: 1,
                files: &source,
            },
        );
        assert!(compare(&mut known, one, two).is_empty(), "no echo");
        assert_eq!(known.len(), 2);
    }

    #[test]
    fn files_that_are_on_both_sides_already_are_found_by_name_and_size() {
        let source = [file("a", "Offer.PDF", 10), file("b", "offer.pdf", 11)];
        let target = [file("x", "offer-1.pdf", 10)];
        assert_eq!(lacks(&mut Vec::new(), &source, &target), ["b"]);
    }

    #[test]
    fn a_checksum_that_both_sides_tell_counts_more_than_names() {
        let with = |file: RemoteFile, md5: &str| RemoteFile {
            md5: Some(md5.into()),
            ..file
        };
        let source = [with(file("a", "offer.pdf", 10), "aa")];
        let renamed = [with(file("x", "old.pdf", 10), "AA")];
        assert!(lacks(&mut Vec::new(), &source, &renamed).is_empty());
        let other = [with(file("x", "offer.pdf", 10), "bb")];
        assert_eq!(lacks(&mut Vec::new(), &source, &other), ["a"]);
    }

    #[test]
    fn namesakes_are_as_many_on_one_side_as_on_the_other() {
        let (mut known, mut target) = (Vec::new(), vec![file("x", "a.txt", 1)]);
        let source = [file("a", "a.txt", 1), file("b", "a.txt", 1), file("c", "a.txt", 1)];
        assert_eq!(carry(&mut known, &source, &mut target), 2);
        assert_eq!(target.len(), 3);
    }

    #[test]
    fn a_deleted_file_is_neither_deleted_elsewhere_nor_given_back() {
        let (mut known, mut target) = (Vec::new(), Vec::new());
        let source = [file("a", "a.txt", 1)];
        carry(&mut known, &source, &mut target);
        assert!(lacks(&mut known, &source, &[]).is_empty(), "deleted on the target");
        assert!(lacks(&mut known, &[], &target).is_empty(), "deleted on the source");
        let (one, two) = (
            Listed {
                side: 2,
                files: &target,
            },
            Listed { side: 1, files: &[] },
        );
        assert!(compare(&mut known, one, two).is_empty(), "not given back");
        // Put there anew it is the same file.
        assert!(lacks(&mut known, &[file("b", "a.txt", 1)], &target).is_empty());
    }

    #[test]
    fn a_new_content_is_carried_beside_the_old_one() {
        let (mut known, mut target) = (Vec::new(), Vec::new());
        carry(&mut known, &[file("a", "a.txt", 1)], &mut target);
        let changed = RemoteFile {
            version: "2".into(),
            ..file("a", "a.txt", 7)
        };
        assert_eq!(carry(&mut known, std::slice::from_ref(&changed), &mut target), 1);
        assert_eq!(carry(&mut known, std::slice::from_ref(&changed), &mut target), 0);
        let renamed = RemoteFile {
            version: "3".into(),
            name: "b.txt".into(),
            ..changed
        };
        assert_eq!(
            carry(&mut known, &[renamed], &mut target),
            0,
            "another name is no other content"
        );
        assert_eq!(target.len(), 2);
        let (one, two) = (
            Listed {
                side: 2,
                files: &target,
            },
            Listed { side: 1, files: &[] },
        );
        assert!(
            compare(&mut known, one, two).is_empty(),
            "the old one is not given back"
        );
    }
}

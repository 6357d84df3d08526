//! A transcript as it is shown: all entries in one order on every device, the tree they form, and its active path.

use std::collections::HashMap;

use automerge::ObjId;
use automerge::iter::MapRangeItem;
use automerge::{ReadDoc, ScalarValue, Value};

use super::entry::{Entry, Link};
use super::gap::Missing;
use super::line::ParentId;
use crate::document::edit::fields::{Issue, container};
use crate::document::kind::{ENTRIES, Kind};
use crate::document::loaded::Document;

/// All entries of a conversation, in the order of display and export: by (position, time, id), finally by key.
///
/// An entry hangs on the last entry before it that has the id it names, so the tree has no circles whatever anybody
/// writes. What names the id of a line that stayed in its file hangs on the entry before that, if it comes right after it,
/// and so does what names that id further down. The active leaf is the last entry, unless a `leaf` entry comes after it:
/// that moves the leaf to its `targetId` (`null`: before the beginning), and what is appended next hangs on its
/// `appendParentId` if it names one. Its `appendMode` is kept and not interpreted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Lines of the file that it was imported from which are not among them, in the order of display.
    pub missing: Vec<Missing>,
    /// Index of the active leaf.
    pub leaf: Option<usize>,
    /// What could not be shown, or not as meant.
    pub issues: Vec<Issue>,
    append_to: Option<String>,
}

impl Transcript {
    pub(super) fn of(document: &Document) -> Self {
        let mut transcript = Self::default();
        let mut read: Vec<(Entry, Link)> = Vec::new();
        let entries = container(Kind::Conversation, ENTRIES);
        for item in document.automerge().map_range(&entries, ..) {
            match read_item(document, &entries, &item) {
                Some(entry) => read.push(entry),
                None => transcript.issues.push(Issue::KeyMismatch { key: item.key.into_owned() }),
            }
        }
        read.sort_by(|(a, _), (b, _)| a.order().cmp(&b.order()));
        let (entries, links): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        transcript.missing = Missing::of(document, &entries);
        transcript.entries = entries;
        transcript.connect(&links);
        transcript.mark_active();
        transcript.report_same_ids();
        transcript
    }

    /// What [`Self::append_to`] would say of the whole transcript, from its last few entries: appending to a long
    /// conversation reads no more of it than it has to.
    pub(super) fn append_to_in(document: &Document) -> Option<String> {
        let entries = container(Kind::Conversation, ENTRIES);
        let mut back = 8;
        loop {
            // Positions only rise towards the end, so the last entry of any tail is the last of all.
            let from = document.automerge().length(&entries).saturating_sub(back);
            let tail = document.automerge().map_range(&entries, format!("{from:08x}")..);
            let read = tail.filter_map(|item| read_item(document, &entries, &item));
            match read.max_by(|(a, _), (b, _)| a.order().cmp(&b.order())) {
                Some((last, _)) if last.kind == "leaf" => return Self::of(document).append_to,
                Some((last, _)) => return Some(last.id).filter(|id| !id.is_empty()),
                None if from == 0 => return None,
                None => back *= 8,
            }
        }
    }

    /// The position of an entry that is appended now: how many there are, unless entries come after that one in order,
    /// because some that they were counted among were lost, or their author miscounts.
    pub(super) fn next_position(document: &Document) -> Option<u32> {
        let entries = container(Kind::Conversation, ENTRIES);
        let count = u32::try_from(document.automerge().length(&entries)).ok()?;
        let beyond = document.automerge().map_range(&entries, format!("{count:08x}")..);
        let beyond = beyond.filter_map(|item| Some(read_item(document, &entries, &item)?.0.position));
        Some(beyond.max().map_or(count, |last| last.saturating_add(1)))
    }

    /// Indexes of the entries from the beginning to the active leaf.
    pub fn path(&self) -> Vec<usize> {
        self.entries.iter().enumerate().filter(|(_, entry)| entry.is_active).map(|(index, _)| index).collect()
    }

    /// The id that the next appended entry names as its parent; `None` for a beginning.
    pub fn append_to(&self) -> Option<&str> {
        self.append_to.as_deref()
    }

    fn connect(&mut self, links: &[Link]) {
        let mut by_id: HashMap<String, usize> = HashMap::new();
        for (index, link) in links.iter().enumerate() {
            let Some(entry) = self.entries.get(index) else {
                continue;
            };
            let (key, id, is_leaf) = (entry.key.clone(), entry.id.clone(), entry.kind == "leaf");
            let parent = match &link.parent {
                ParentId::Absent => index.checked_sub(1),
                ParentId::Null => None,
                ParentId::Of(parent) => {
                    let found = by_id.get(parent).copied().or_else(|| {
                        let before = self.before_gap(index)?;
                        by_id.insert(parent.clone(), before);
                        Some(before)
                    });
                    if found.is_none() {
                        self.issues.push(Issue::NoParent { key: key.clone(), parent: parent.clone() });
                    }
                    found
                }
            };
            if let Some(parent) = parent.and_then(|parent| self.entries.get_mut(parent)) {
                parent.children += 1;
            }
            if let Some(entry) = self.entries.get_mut(index) {
                entry.parent = parent;
            }
            if is_leaf {
                self.move_leaf(key, link, &by_id);
            } else {
                self.leaf = Some(index);
                self.append_to = Some(id.clone()).filter(|id| !id.is_empty());
            }
            by_id.insert(id, index);
        }
    }

    /// The entry before an entry that comes right after a line that stayed in its file.
    fn before_gap(&self, index: usize) -> Option<usize> {
        let at = self.missing.partition_point(|missing| missing.before < index);
        let is_after_gap = self.missing.get(at).is_some_and(|missing| missing.before == index);
        index.checked_sub(1).filter(|_| is_after_gap)
    }

    fn move_leaf(&mut self, key: String, link: &Link, by_id: &HashMap<String, usize>) {
        let target = match &link.target {
            None => None,
            Some(target) => match by_id.get(target) {
                Some(index) => Some(*index),
                None => {
                    return self.issues.push(Issue::NoTarget { key, target: target.clone() });
                }
            },
        };
        self.leaf = target;
        self.append_to = link.append_to.clone().or_else(|| link.target.clone());
    }

    fn mark_active(&mut self) {
        let mut next = self.leaf;
        while let Some(entry) = next.and_then(|index| self.entries.get_mut(index)) {
            entry.is_active = true;
            next = entry.parent;
        }
    }

    fn report_same_ids(&mut self) {
        let mut keys: HashMap<&str, Vec<&str>> = HashMap::new();
        for entry in self.entries.iter().filter(|entry| !entry.id.is_empty()) {
            keys.entry(&entry.id).or_default().push(&entry.key);
        }
        let same = keys.into_iter().filter(|(_, keys)| keys.len() > 1);
        let owned = |keys: Vec<&str>| keys.into_iter().map(str::to_owned).collect();
        let same = same.map(|(id, keys)| Issue::SameId { id: id.to_owned(), keys: owned(keys) });
        let mut same: Vec<Issue> = same.collect();
        same.sort();
        self.issues.extend(same);
    }
}

/// Reads one key of the map. If concurrent writers left several values, the one that matches the key is meant:
/// nobody can hide an entry by writing something else under its key.
fn read_item(document: &Document, entries: &ObjId, item: &MapRangeItem<'_>) -> Option<(Entry, Link)> {
    if !item.conflict {
        let raw = match item.value.clone().into_value() {
            Value::Scalar(value) => value.into_owned().into_string().ok()?,
            Value::Object(_) => return None,
        };
        return Entry::read(&item.key, &raw);
    }
    let values = document.automerge().get_all(entries, item.key.as_ref()).unwrap_or_default();
    values.into_iter().find_map(|(value, _)| match value {
        Value::Scalar(value) => match value.as_ref() {
            ScalarValue::Str(raw) => Entry::read(&item.key, raw),
            _ => None,
        },
        Value::Object(_) => None,
    })
}

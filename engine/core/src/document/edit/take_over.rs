//! Two states of one document that grew apart: what one of them shows beyond the other, and writing that into the other as
//! this device's own edit, whoever wrote it first.

use std::collections::{BTreeMap, BTreeSet};

use automerge::legacy::ObjectId;
use automerge::{Automerge, Change, ObjId, ROOT, ReadDoc, ScalarValue, Value};

use super::commit::{EditError, Pen};
use super::fields::{Fields, container};
use super::files::{FilePath, Files, Plan};
use crate::document::actor::ActorId;
use crate::document::intake::guard::guarded;
use crate::document::kind::{ENTRIES, FILES, Kind, REMOVED};
use crate::document::kinds::conversation::{entry_writer, written_by_key};
use crate::document::loaded::Document;

/// What a root key begins with that notes which changes were written again; it says something about one device only.
const NOTES: &str = "again/";

/// Name of the field that says of which document this one is a copy.
const COPIED_FROM: &str = "copied_from";

/// How much one state of a document shows that another one does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lacking {
    /// Entries of a transcript.
    pub entries: u64,
    /// Texts, among them those that were removed.
    pub files: u64,
    /// Single values: a title, a pin, a label, a file that is not a text.
    pub fields: u64,
}

impl Lacking {
    /// Whether nothing is lacking.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// How many things a person would count: entries or, if it is none of these, files or, if it is none of these either,
    /// single values.
    pub fn count(self) -> u64 {
        [self.entries, self.files, self.fields].into_iter().find(|count| *count > 0).unwrap_or(0)
    }
}

/// What one state of a document has beyond another one, by where it stands.
struct Beyond {
    entries: Vec<(String, ScalarValue)>,
    files: BTreeMap<FilePath, Option<String>>,
    fields: Vec<(ObjId, String, Option<ScalarValue>)>,
}

impl Beyond {
    fn of(document: &Document, other: &Document) -> Self {
        let kind = document.kind();
        let mut beyond = Self { entries: Vec::new(), files: BTreeMap::new(), fields: Vec::new() };
        beyond.add_fields(document, other, &ROOT);
        for name in kind.maps() {
            let map = container(kind, name);
            match *name {
                ENTRIES => beyond.add_entries(document, other, &map),
                FILES => beyond.add_files(document, other),
                REMOVED => {} // a mark says something about a text, and goes with it
                _ => beyond.add_fields(document, other, &map),
            }
        }
        beyond
    }

    fn add_fields(&mut self, document: &Document, other: &Document, map: &ObjId) {
        let keys: BTreeSet<String> =
            [document, other].into_iter().flat_map(|it| it.automerge().keys(map)).collect();
        for key in keys.into_iter().filter(|key| *map != ROOT || !key.starts_with(NOTES)) {
            let (here, there) = (winner(document, map, &key), winner(other, map, &key));
            if let (Ok(here), Ok(there)) = (here, there)
                && here != there
            {
                self.fields.push((map.clone(), key, here));
            }
        }
    }

    fn add_entries(&mut self, document: &Document, other: &Document, map: &ObjId) {
        for item in document.automerge().map_range(map, ..) {
            if matches!(other.automerge().get(map, item.key.as_ref()), Ok(None))
                && let Value::Scalar(value) = item.value.clone().into_value()
            {
                self.entries.push((item.key.into_owned(), value.into_owned()));
            }
        }
    }

    fn add_files(&mut self, document: &Document, other: &Document) {
        let texts = |document: &Document| -> BTreeMap<FilePath, String> {
            Files::of(document).into_shown().into_iter().map(|file| (file.path, file.text)).collect()
        };
        let (here, there) = (texts(document), texts(other));
        let gone = there.keys().filter(|path| !here.contains_key(path));
        self.files.extend(gone.map(|path| (path.clone(), None)));
        for (path, text) in here {
            if there.get(&path) != Some(&text) {
                self.files.insert(path, Some(text));
            }
        }
    }
}

/// The scalar under a key, `None` without one; an error for a map or text.
fn winner(document: &Document, map: &ObjId, key: &str) -> Result<Option<ScalarValue>, ()> {
    match document.automerge().get(map, key) {
        Ok(Some((Value::Scalar(value), _))) => Ok(Some(value.into_owned())),
        Ok(Some((Value::Object(_), _))) => Err(()),
        Ok(None) | Err(_) => Ok(None),
    }
}

impl Document {
    /// What another state of this document shows and this one does not.
    pub fn lacks(&self, other: &Self) -> Lacking {
        let Beyond { entries, files, fields } = Beyond::of(other, self);
        Lacking { entries: entries.len() as u64, files: files.len() as u64, fields: fields.len() as u64 }
    }

    /// Keys of the transcript entries that another state of this document does not have.
    pub fn entries_beyond(&self, other: &Self) -> BTreeSet<String> {
        Beyond::of(self, other).entries.into_iter().map(|(key, _)| key).collect()
    }

    /// Makes this document show what `other` shows, a later state of the same document, by edits of this device: what others
    /// wrote is written again in its name. `writer` names who wrote an entry, from the actor it was written under; `None` if
    /// nothing is to be said. Answers the raw bytes of the changes, to be stored together; none if there is nothing to write.
    ///
    /// # Errors
    /// As of any edit; the document is as it was then.
    pub fn take_over(
        &mut self,
        other: &Self,
        pen: Pen,
        writer: impl Fn(ActorId) -> Option<String>,
    ) -> Result<Vec<Vec<u8>>, EditError> {
        let Beyond { entries, files, fields } = Beyond::of(other, self);
        let mut plan = Plan::of(self.kind());
        for (map, key, value) in fields {
            plan.put(self, &map, &key, value);
        }
        let texts = files.iter().map(|(path, text)| (path, text.as_deref())).collect();
        plan.write_texts(self, &texts, None, 0)?;
        if !entries.is_empty() {
            let map = container(self.kind(), ENTRIES);
            for (key, line) in entries {
                if let Some(name) = entry_writer(other, &key).and_then(&writer) {
                    let (origin, note) = written_by_key(&key);
                    plan.put(self, &origin, &note, Some(ScalarValue::from(name)));
                }
                plan.put(self, &map, &key, Some(line));
            }
        }
        let changes = plan.commit(self, pen)?;
        self.forget_outline();
        Ok(changes)
    }

    /// This document with all that `other`, another state of it, has. Both are this device's own, so nothing is checked.
    /// `None` if one actor has made two changes with one number in them: then they can't be one.
    pub fn united(&self, other: &Self) -> Option<Self> {
        self.extended_by(|automerge| automerge.merge(&mut other.automerge().clone()).is_ok())
    }

    /// This document with changes of this device beside it, which waited until now for those they build on. Nothing is
    /// checked. `None` as of [`Self::united`].
    pub fn united_with_changes(&self, changes: &[&[u8]]) -> Option<Self> {
        let changes: Option<Vec<_>> = changes.iter().map(|bytes| Change::try_from(*bytes).ok()).collect();
        let changes = changes?;
        self.extended_by(|automerge| automerge.apply_changes(changes).is_ok())
    }

    fn extended_by(&self, extend: impl FnOnce(&mut Automerge) -> bool) -> Option<Self> {
        let extended = guarded(|| {
            let mut automerge = self.automerge().clone();
            extend(&mut automerge).then_some(automerge)
        });
        extended.ok().flatten().map(|automerge| Self::from_parts(self.kind(), automerge))
    }

    /// Notes of which document of another workspace this one is a copy. `None` if it is noted already.
    pub fn set_copied_from(&mut self, from: &str, pen: Pen) -> Result<Option<Vec<u8>>, EditError> {
        self.put(pen, &ROOT, COPIED_FROM, Some(ScalarValue::from(from)))
    }

    /// The document that this one is a copy of, as the device that made it says.
    pub fn copied_from(&self) -> Option<String> {
        Fields::root(self).text(COPIED_FROM).ok().flatten()
    }

    /// Keys of the transcript entries that stand in these changes.
    pub fn entries_in(&self, changes: &[&[u8]]) -> BTreeSet<String> {
        let changes: Vec<Change> = changes.iter().filter_map(|bytes| Change::try_from(*bytes).ok()).collect();
        let is_in = |id: &ObjId| match id {
            ObjId::Id(counter, actor, _) => changes.iter().any(|change| {
                (change.start_op().get()..=change.max_op()).contains(counter) && change.actor_id() == actor
            }),
            ObjId::Root => false,
        };
        if !self.kind().maps().contains(&ENTRIES) || changes.is_empty() {
            return BTreeSet::new();
        }
        let entries = container(self.kind(), ENTRIES);
        let found = self.automerge().map_range(&entries, ..).filter(|item| is_in(&item.id()));
        found.map(|item| item.key.into_owned()).collect()
    }

    /// Whether everything in the document was written by the device that may write under these actors.
    pub fn is_all_by(&self, is_own: impl Fn(ActorId) -> bool) -> bool {
        let actors = self.automerge().get_changes_meta(&[]);
        let mut actors = actors.iter().filter_map(|change| ActorId::from_slice(change.actor.to_bytes()));
        actors.all(|actor| actor.as_built_in().is_some() || is_own(actor))
    }
}

/// How many transcript entries a raw change of a document of this kind puts in.
pub fn entries_made_by(kind: Kind, change: &[u8]) -> usize {
    if !kind.maps().contains(&ENTRIES) {
        return 0;
    }
    let entries = container(kind, ENTRIES);
    let is_entry = |object: &ObjectId| match (object, &entries) {
        (ObjectId::Id(object), ObjId::Id(counter, actor, _)) => object.0 == *counter && object.1 == *actor,
        _ => false,
    };
    let count = guarded(|| {
        let change = Change::try_from(change).ok()?;
        Some(change.decode().operations.iter().filter(|operation| is_entry(&operation.obj)).count())
    });
    count.ok().flatten().unwrap_or(0)
}

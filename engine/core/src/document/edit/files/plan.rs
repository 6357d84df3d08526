//! An edit of fields and files, put together first and then carried out in as many changes as it takes.

use std::collections::{BTreeMap, VecDeque};

use automerge::transaction::{Transactable, Transaction};
use automerge::{AutomergeError, ObjId, ObjType, ScalarValue};

use super::merge::merge;
use super::path::FilePath;
use super::splice::{Splice, applied, splices};
use super::stored::{Files, mark};
use crate::document::edit::commit::{EditError, Pen, bounded};
use crate::document::edit::fields::container;
use crate::document::edit::write::{is_already, write};
use crate::document::kind::{FILES, Kind, REMOVED};
use crate::document::limits::{EDIT_BYTES_MAX, EDIT_OPS_MAX, FILE_MAX, FILES_MAX, FILES_TOTAL_MAX};
use crate::document::loaded::Document;

/// The steps of an edit, in order.
pub(in crate::document) struct Plan {
    kind: Kind,
    steps: VecDeque<Step>,
    /// Texts made so far, by the number they have in the plan.
    made: Vec<ObjId>,
}

enum Step {
    /// Sets or removes a key.
    Put { object: ObjId, key: String, value: Option<ScalarValue> },
    /// Begins the next text.
    Make { path: String },
    /// Edits a text; the splice's place is the one it has when its turn comes.
    Splice { text: Text, splice: Splice },
}

#[derive(Clone)]
enum Text {
    There(ObjId),
    Made(usize),
}

/// The text that a file had in the version that an edit was made from; `None` if it was not there.
#[derive(Clone, Copy)]
struct Had<'a>(Option<&'a str>);

/// What an edit does to a text, and what comes of it.
struct Change {
    splices: Vec<Splice>,
    text: String,
}

impl Change {
    /// What makes of `now` what somebody wrote, or what they changed of the text that they had.
    fn between(had: Option<Had<'_>>, now: &str, wanted: &str) -> Result<Self, EditError> {
        let splices = match had {
            Some(had) => merge(had.0.unwrap_or_default(), wanted, now),
            None => splices(now, wanted),
        };
        let text = applied(now, &splices);
        bounded("the file", &text, FILE_MAX)?;
        Ok(Self { splices, text })
    }
}

impl Step {
    /// How many operations the step takes.
    fn cost(&self) -> usize {
        match self {
            Self::Put { .. } | Self::Make { .. } => 1,
            Self::Splice { splice, .. } => splice.cost(),
        }
    }

    /// Bytes of what cannot be divided in the step.
    fn bytes(&self) -> usize {
        match self {
            Self::Put { value: Some(ScalarValue::Bytes(bytes)), .. } => bytes.len(),
            Self::Put { value: Some(ScalarValue::Str(text)), .. } => text.len(),
            _ => 0,
        }
    }
}

impl Plan {
    /// An empty plan for a document of this kind.
    pub(in crate::document) fn of(kind: Kind) -> Self {
        Self { kind, steps: VecDeque::new(), made: Vec::new() }
    }

    /// Sets or removes a key, unless it is so already.
    pub(in crate::document) fn put(
        &mut self,
        document: &Document,
        object: &ObjId,
        key: &str,
        value: Option<ScalarValue>,
    ) {
        if !is_already(document.automerge(), object, key, value.as_ref()) {
            self.steps.push_back(Step::Put { object: object.clone(), key: key.to_owned(), value });
        }
    }

    /// Makes each file hold its text, or removes it. With the files that the edit was made `since`, only what it changed of
    /// those is done to what there is now, and a file that others changed meanwhile is not removed. `others` is how many files
    /// the document has besides its texts.
    pub(in crate::document) fn write_texts(
        &mut self,
        document: &Document,
        texts: &BTreeMap<&FilePath, Option<&str>>,
        since: Option<&Files>,
        others: usize,
    ) -> Result<(), EditError> {
        if texts.is_empty() {
            return Ok(());
        }
        for text in texts.values().flatten() {
            bounded("the file", text, FILE_MAX)?;
        }
        let files = Files::of(document);
        let before: usize = files.shown().iter().map(|shown| shown.file.text.len()).sum();
        let (mut bytes, mut count) = (before, files.len());
        for (path, text) in texts {
            let had = since.map(|since| Had(since.find(path).map(|shown| shown.file.text.as_str())));
            match (files.find(path), text) {
                (Some(shown), None) => {
                    if had.is_none_or(|had| had.0 == Some(&shown.file.text)) {
                        bytes -= shown.file.text.len();
                        self.remove(&shown.object, &shown.file.text);
                        shown.twins.iter().for_each(|twin| self.remove(twin, &shown.file.text));
                    }
                }
                (Some(shown), Some(text)) => {
                    let change = Change::between(had, &shown.file.text, text)?;
                    if change.splices.is_empty() {
                        continue; // the file already has this text
                    }
                    bytes = (bytes + change.text.len()).saturating_sub(shown.file.text.len());
                    self.rewrite(document, &shown.object, &change);
                    // The twins would read differently from now on, and nobody has meant them to.
                    shown.twins.iter().for_each(|twin| self.remove(twin, &shown.file.text));
                }
                // Others removed it, and this edit leaves it as it was.
                (None, Some(text)) if had.is_some_and(|had| had.0 == Some(text)) => {}
                (None, Some(text)) => {
                    if let Some((object, old)) = files.find_removed(path) {
                        let change = Change::between(had, old, text)?;
                        bytes += change.text.len();
                        self.rewrite(document, object, &change);
                    } else {
                        count += 1;
                        bytes += text.len();
                        self.make(path, text);
                    }
                }
                // The file is already gone.
                (None, None) => {}
            }
        }
        if count + others > FILES_MAX && count > files.len() {
            return Err(EditError::TooMany { what: "files", limit: FILES_MAX });
        }
        if bytes > FILES_TOTAL_MAX && bytes > before {
            return Err(EditError::TooLong { what: "all its files together", limit: FILES_TOTAL_MAX });
        }
        Ok(())
    }

    /// Makes the edit: all of it or, with an error, nothing. Answers the raw bytes of its changes, in order, to be stored
    /// together: one, more if it writes more than [`EDIT_OPS_MAX`] characters, none if it comes to nothing.
    pub(in crate::document) fn commit(
        mut self,
        document: &mut Document,
        pen: Pen,
    ) -> Result<Vec<Vec<u8>>, EditError> {
        // Several changes are as good as one only if the first of them can be taken back.
        let before = self.is_long().then(|| document.clone());
        let mut changes = Vec::new();
        while !self.steps.is_empty() {
            match document.commit(pen, |tx| self.carry_out(tx)) {
                Ok(change) => changes.extend(change),
                Err(error) => {
                    if let Some(before) = before {
                        *document = before;
                    }
                    return Err(error);
                }
            }
        }
        Ok(changes)
    }

    fn is_long(&self) -> bool {
        self.steps.iter().map(Step::cost).sum::<usize>() > EDIT_OPS_MAX
            || self.steps.iter().map(Step::bytes).sum::<usize>() > EDIT_BYTES_MAX
    }

    fn make(&mut self, path: &FilePath, text: &str) {
        let made = self.steps.iter().filter(|step| matches!(step, Step::Make { .. })).count();
        self.steps.push_back(Step::Make { path: path.as_str().to_owned() });
        self.splice(&Text::Made(made), &splices("", text));
    }

    fn rewrite(&mut self, document: &Document, object: &ObjId, change: &Change) {
        self.splice(&Text::There(object.clone()), &change.splices);
        // A text that reads so may have been removed before.
        let removed = container(self.kind, REMOVED);
        self.put(document, &removed, &mark(object, &change.text), None);
    }

    fn remove(&mut self, object: &ObjId, text: &str) {
        let value = Some(ScalarValue::Boolean(true));
        let key = mark(object, text);
        self.steps.push_back(Step::Put { object: container(self.kind, REMOVED), key, value });
    }

    fn splice(&mut self, text: &Text, splices: &[Splice]) {
        let (mut inserted, mut deleted) = (0, 0);
        for Splice { at, delete, insert } in splices {
            let splice = Splice { at: at + inserted - deleted, delete: *delete, insert: insert.clone() };
            inserted += insert.chars().count();
            deleted += delete;
            self.steps.push_back(Step::Splice { text: text.clone(), splice });
        }
    }

    /// Does as many steps as one change has room for, the last of them in part.
    fn carry_out(&mut self, tx: &mut Transaction<'_>) -> Result<(), AutomergeError> {
        let (mut room, mut bytes) = (EDIT_OPS_MAX, 0);
        while room > 0
            && let Some(step) = self.steps.pop_front()
        {
            bytes += step.bytes();
            if bytes > EDIT_BYTES_MAX && bytes > step.bytes() {
                self.steps.push_front(step);
                return Ok(());
            }
            match step {
                Step::Put { object, key, value } => {
                    room -= 1;
                    write(tx, &object, &key, value)?;
                }
                Step::Make { path } => {
                    room -= 1;
                    self.made.push(tx.put_object(container(self.kind, FILES), path, ObjType::Text)?);
                }
                Step::Splice { text, splice } => {
                    let object = match &text {
                        Text::There(object) => Some(object),
                        Text::Made(made) => self.made.get(*made),
                    };
                    let Some(object) = object else { continue }; // a text is made before it is written
                    let (now, later) = splice.divided(room);
                    room -= now.cost();
                    let deleted = isize::try_from(now.delete).unwrap_or(isize::MAX);
                    tx.splice_text(object, now.at, deleted, &now.insert)?;
                    if let Some(splice) = later {
                        self.steps.push_front(Step::Splice { text, splice });
                    }
                }
            }
        }
        Ok(())
    }
}

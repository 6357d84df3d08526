//! Editing an agent.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use automerge::transaction::{Transactable, Transaction};
use automerge::{AutomergeError, ObjId, ObjType, ROOT, ScalarValue};

use super::files::{Files, mark};
use super::splice::{Splice, splices};
use super::{Agent, AgentField, AgentValues, FilePath, Json, field};
use crate::document::deletion::Deletion;
use crate::document::edit::{EditError, Pen, bounded, is_already, write};
use crate::document::fields::container;
use crate::document::first::FILES;
use crate::document::limits::{EDIT_OPS_MAX, FILE_MAX, FILES_MAX, FILES_TOTAL_MAX, NAME_MAX};
use crate::document::{Document, Kind};

/// What is to be different about an agent; what it does not name stays.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AgentEdit {
    fields: BTreeMap<AgentField, Option<String>>,
    values: BTreeMap<(AgentValues, String), Option<Json>>,
    files: BTreeMap<FilePath, Option<String>>,
}

impl AgentEdit {
    /// Sets a field, or removes it.
    pub fn set(&mut self, field: AgentField, text: Option<&str>) -> &mut Self {
        self.fields.insert(field, text.map(str::to_owned));
        self
    }

    /// Sets a value, or removes it.
    pub fn set_value(&mut self, of: AgentValues, name: &str, value: Option<Json>) -> &mut Self {
        self.values.insert((of, name.to_owned()), value);
        self
    }

    /// Makes a file read so, from what it reads now: what is the same stays, and merges with what others write meanwhile.
    pub fn write_file(&mut self, path: FilePath, text: &str) -> &mut Self {
        self.files.insert(path, Some(text.to_owned()));
        self
    }

    /// Removes a file, if it is there.
    pub fn remove_file(&mut self, path: FilePath) -> &mut Self {
        self.files.insert(path, None);
        self
    }

    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.values.is_empty() && self.files.is_empty()
    }

    fn check(&self) -> Result<(), EditError> {
        for (field, text) in &self.fields {
            bounded(field.as_str(), text.as_deref().unwrap_or_default(), field.limit())?;
        }
        for (_, name) in self.values.keys() {
            bounded("the name of a value", name, NAME_MAX)?;
        }
        for text in self.files.values().flatten() {
            bounded("the file", text, FILE_MAX)?;
        }
        Ok(())
    }
}

impl fmt::Debug for AgentEdit {
    /// How much it is about; content never reaches a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentEdit")
            .field("fields", &self.fields.len())
            .field("values", &self.values.len())
            .field("files", &self.files.len())
            .finish()
    }
}

/// An agent to be edited.
#[derive(Debug)]
pub struct AgentMut<'a> {
    document: &'a mut Document,
    pen: Pen,
}

impl<'a> AgentMut<'a> {
    pub(in crate::document) fn new(document: &'a mut Document, pen: Pen) -> Self {
        Self { document, pen }
    }

    /// Makes an edit: all of it or, with an error, nothing. Answers the raw bytes of its changes, in order, to be stored
    /// together: one, more if it writes more than [`EDIT_OPS_MAX`] characters, none if it comes to nothing.
    pub fn edit(&mut self, edit: &AgentEdit) -> Result<Vec<Vec<u8>>, EditError> {
        edit.check()?;
        let mut plan = Plan { steps: VecDeque::new(), made: Vec::new() };
        self.plan_fields(edit, &mut plan);
        self.plan_files(edit, &mut plan)?;
        // Several changes are as good as one only if the first of them can be taken back.
        let before = (plan.cost() > EDIT_OPS_MAX).then(|| self.document.clone());
        let mut changes = Vec::new();
        while !plan.steps.is_empty() {
            match self.document.commit(self.pen, |tx| plan.carry_out(tx)) {
                Ok(change) => changes.extend(change),
                Err(error) => {
                    if let Some(before) = before {
                        *self.document = before;
                    }
                    return Err(error);
                }
            }
        }
        Ok(changes)
    }

    /// Puts it into the trash, as it is now: see [`Deletion`]. Answers as [`super::super::ConversationMut`]'s edits do.
    pub fn delete(&mut self) -> Result<Option<Vec<u8>>, EditError> {
        let agent = Agent::new(self.document);
        if matches!(agent.deletion(), Deletion::Deleted(_)) {
            return Ok(None);
        }
        let seen = ScalarValue::from(agent.content_hash());
        let at = i64::try_from(self.pen.now.0).map_err(|_| EditError::Time)?;
        self.document.commit(self.pen, |tx| {
            write(tx, &ROOT, field::DELETED_AT, Some(ScalarValue::Timestamp(at)))?;
            write(tx, &ROOT, field::DELETED_CONTENT, Some(seen))
        })
    }

    /// Takes it out of the trash; answers as [`Self::delete`] does.
    pub fn restore(&mut self) -> Result<Option<Vec<u8>>, EditError> {
        let absent = |key| is_already(self.document.automerge(), &ROOT, key, None);
        if absent(field::DELETED_AT) && absent(field::DELETED_CONTENT) {
            return Ok(None);
        }
        self.document.commit(self.pen, |tx| {
            write(tx, &ROOT, field::DELETED_AT, None)?;
            write(tx, &ROOT, field::DELETED_CONTENT, None)
        })
    }

    fn plan_fields(&self, edit: &AgentEdit, plan: &mut Plan) {
        for (field, text) in &edit.fields {
            self.plan_put(plan, ROOT, field.as_str(), text.as_deref());
        }
        for ((of, name), value) in &edit.values {
            let map = container(Kind::Agent, of.as_str());
            self.plan_put(plan, map, name, value.as_ref().map(Json::as_str));
        }
    }

    fn plan_put(&self, plan: &mut Plan, object: ObjId, key: &str, text: Option<&str>) {
        let value = text.map(ScalarValue::from);
        if !is_already(self.document.automerge(), &object, key, value.as_ref()) {
            plan.steps.push_back(Step::Put { object, key: key.to_owned(), value });
        }
    }

    fn plan_files(&self, edit: &AgentEdit, plan: &mut Plan) -> Result<(), EditError> {
        if edit.files.is_empty() {
            return Ok(());
        }
        let files = Files::of(self.document);
        let before: usize = files.shown().iter().map(|shown| shown.file.text.len()).sum();
        let (mut bytes, mut count) = (before, files.len());
        for (path, text) in &edit.files {
            let shown = files.find(path);
            bytes = (bytes + text.as_ref().map_or(0, String::len))
                .saturating_sub(shown.map_or(0, |shown| shown.file.text.len()));
            match (shown, text) {
                (Some(shown), None) => {
                    plan.remove(&shown.object, &shown.file.text);
                    shown.twins.iter().for_each(|twin| plan.remove(twin, &shown.file.text));
                }
                (Some(shown), Some(text)) if shown.file.text != *text => {
                    self.plan_write(plan, &shown.object, &shown.file.text, text);
                    // They would read differently from now on, and nobody has meant them to.
                    shown.twins.iter().for_each(|twin| plan.remove(twin, &shown.file.text));
                }
                (None, Some(text)) => {
                    if let Some((object, old)) = files.find_removed(path) {
                        self.plan_write(plan, object, old, text);
                    } else {
                        count += 1;
                        plan.make(path, text);
                    }
                }
                // It reads so, or is not there, already.
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        if count > FILES_MAX && count > files.len() {
            return Err(EditError::TooMany { what: "files", limit: FILES_MAX });
        }
        if bytes > FILES_TOTAL_MAX && bytes > before {
            return Err(EditError::TooLong { what: "all its files together", limit: FILES_TOTAL_MAX });
        }
        Ok(())
    }

    fn plan_write(&self, plan: &mut Plan, object: &ObjId, old: &str, new: &str) {
        plan.splice(&Text::There(object.clone()), &splices(old, new));
        // What reads so may have been removed once.
        let (removed, mark) = (container(Kind::Agent, field::REMOVED), mark(object, new));
        if !is_already(self.document.automerge(), &removed, &mark, None) {
            plan.steps.push_back(Step::Put { object: removed, key: mark, value: None });
        }
    }
}

/// What an edit comes to, in order.
struct Plan {
    steps: VecDeque<Step>,
    /// Texts made so far, by the number they have in the plan.
    made: Vec<ObjId>,
}

enum Step {
    /// Sets or removes a key.
    Put { object: ObjId, key: String, value: Option<ScalarValue> },
    /// Begins the next text.
    Make { path: String },
    /// Edits a text; the place is the one it has by then.
    Splice { text: Text, splice: Splice },
}

#[derive(Clone)]
enum Text {
    There(ObjId),
    Made(usize),
}

impl Step {
    /// Operations it takes.
    fn cost(&self) -> usize {
        match self {
            Self::Put { .. } | Self::Make { .. } => 1,
            Self::Splice { splice, .. } => splice.cost(),
        }
    }
}

impl Plan {
    fn cost(&self) -> usize {
        self.steps.iter().map(Step::cost).sum()
    }

    fn make(&mut self, path: &FilePath, text: &str) {
        let made = self.steps.iter().filter(|step| matches!(step, Step::Make { .. })).count();
        self.steps.push_back(Step::Make { path: path.as_str().to_owned() });
        self.splice(&Text::Made(made), &splices("", text));
    }

    fn remove(&mut self, object: &ObjId, text: &str) {
        let value = Some(ScalarValue::Boolean(true));
        let key = mark(object, text);
        self.steps.push_back(Step::Put { object: container(Kind::Agent, field::REMOVED), key, value });
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
        let mut room = EDIT_OPS_MAX;
        while room > 0
            && let Some(step) = self.steps.pop_front()
        {
            match step {
                Step::Put { object, key, value } => {
                    room -= 1;
                    write(tx, &object, &key, value)?;
                }
                Step::Make { path } => {
                    room -= 1;
                    self.made.push(tx.put_object(container(Kind::Agent, FILES), path, ObjType::Text)?);
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

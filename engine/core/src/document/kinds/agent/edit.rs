//! Editing an agent.

use std::collections::BTreeMap;
use std::fmt;

use automerge::{ROOT, ScalarValue};

use super::json::Json;
use super::read::{AgentField, AgentValues};
use crate::document::edit::commit::{EditError, Pen, bounded};
use crate::document::edit::fields::container;
use crate::document::edit::files::{FilePath, Files, Plan};
use crate::document::kind::Kind;
use crate::document::limits::NAME_MAX;
use crate::document::loaded::{Document, OtherKind};

/// What an edit is to change about an agent; everything else stays.
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

    /// Makes a file hold `text`. Only what differs from what it holds now is written, so that it merges with what others
    /// write meanwhile.
    pub fn write_file(&mut self, path: FilePath, text: &str) -> &mut Self {
        self.files.insert(path, Some(text.to_owned()));
        self
    }

    /// Removes a file, if it is there.
    pub fn remove_file(&mut self, path: FilePath) -> &mut Self {
        self.files.insert(path, None);
        self
    }

    /// Whether the edit asks for nothing.
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
        Ok(())
    }
}

impl fmt::Debug for AgentEdit {
    /// Shows how much the edit is about; content never reaches a trace.
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

impl Document {
    /// This document as an agent, to be edited.
    pub fn agent_mut(&mut self, pen: Pen) -> Result<AgentMut<'_>, OtherKind> {
        self.expect(Kind::Agent).map(|()| AgentMut::new(self, pen))
    }
}

impl<'a> AgentMut<'a> {
    pub(in crate::document) fn new(document: &'a mut Document, pen: Pen) -> Self {
        Self { document, pen }
    }

    /// Makes an edit: all of it or, with an error, nothing. Answers the raw bytes of its changes, in order, to be stored
    /// together: one, more if it writes more than [`EDIT_OPS_MAX`](crate::document::limits::EDIT_OPS_MAX) characters, none
    /// if it comes to nothing.
    pub fn edit(&mut self, edit: &AgentEdit) -> Result<Vec<Vec<u8>>, EditError> {
        self.edit_since(edit, None)
    }

    /// Makes an edit of the agent as it was `since`: what it changes of the files of then is done to those of now, so that what
    /// others wrote meanwhile stays. Answers as [`Self::edit`] does.
    pub fn edit_since(
        &mut self,
        edit: &AgentEdit,
        since: Option<&Document>,
    ) -> Result<Vec<Vec<u8>>, EditError> {
        edit.check()?;
        let mut plan = Plan::of(Kind::Agent);
        for (field, text) in &edit.fields {
            let value = text.as_deref().map(ScalarValue::from);
            plan.put(self.document, &ROOT, field.as_str(), value);
        }
        for ((of, name), value) in &edit.values {
            let value = value.as_ref().map(|value| ScalarValue::from(value.as_str()));
            plan.put(self.document, &container(Kind::Agent, of.as_str()), name, value);
        }
        let texts = edit.files.iter().map(|(path, text)| (path, text.as_deref())).collect();
        plan.write_texts(self.document, &texts, since.map(Files::of).as_ref(), 0)?;
        plan.commit(self.document, self.pen)
    }
}

//! Editing a skill.

use std::collections::BTreeMap;
use std::fmt;

use automerge::{ROOT, ScalarValue};

use super::field;
use super::read::{All, FileContent};
use crate::document::edit::commit::{EditError, Pen, bounded};
use crate::document::edit::fields::container;
use crate::document::edit::files::{FilePath, Files, Plan};
use crate::document::kind::Kind;
use crate::document::limits::{BYTES_FILE_MAX, BYTES_TOTAL_MAX, DESCRIPTION_MAX, FILES_MAX, NAME_MAX};
use crate::document::loaded::{Document, OtherKind};

/// What an edit is to change about a skill; everything else stays.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SkillEdit {
    fields: BTreeMap<&'static str, Option<String>>,
    files: BTreeMap<FilePath, Option<FileContent>>,
    executable: BTreeMap<FilePath, bool>,
}

impl SkillEdit {
    /// Sets the name, or removes it.
    pub fn set_name(&mut self, name: Option<&str>) -> &mut Self {
        self.fields.insert(field::NAME, name.map(str::to_owned));
        self
    }

    /// Sets the description, or removes it.
    pub fn set_description(&mut self, description: Option<&str>) -> &mut Self {
        self.fields.insert(field::DESCRIPTION, description.map(str::to_owned));
        self
    }

    /// Makes a file hold this. A text is changed from what it reads now and merges with what others write meanwhile; bytes
    /// are replaced as a whole.
    pub fn write_file(&mut self, path: FilePath, content: FileContent) -> &mut Self {
        self.files.insert(path, Some(content));
        self
    }

    /// Removes a file, if it is there.
    pub fn remove_file(&mut self, path: FilePath) -> &mut Self {
        self.files.insert(path, None);
        self
    }

    /// Says whether a file can be run.
    pub fn set_executable(&mut self, path: FilePath, executable: bool) -> &mut Self {
        self.executable.insert(path, executable);
        self
    }

    /// Whether the edit asks for nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn check(&self) -> Result<(), EditError> {
        for (key, text) in &self.fields {
            let (what, limit) = match *key {
                field::NAME => ("the name", NAME_MAX),
                _ => ("the description", DESCRIPTION_MAX),
            };
            bounded(what, text.as_deref().unwrap_or_default(), limit)?;
        }
        for content in self.files.values().flatten() {
            if let FileContent::Bytes(bytes) = content
                && bytes.len() > BYTES_FILE_MAX
            {
                return Err(EditError::TooLong { what: "the file", limit: BYTES_FILE_MAX });
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SkillEdit {
    /// Shows how much the edit is about; content never reaches a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SkillEdit").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

/// A skill to be edited.
#[derive(Debug)]
pub struct SkillMut<'a> {
    document: &'a mut Document,
    pen: Pen,
}

impl Document {
    /// This document as a skill, to be edited.
    pub fn skill_mut(&mut self, pen: Pen) -> Result<SkillMut<'_>, OtherKind> {
        self.expect(Kind::Skill).map(|()| SkillMut::new(self, pen))
    }
}

impl<'a> SkillMut<'a> {
    pub(in crate::document) fn new(document: &'a mut Document, pen: Pen) -> Self {
        Self { document, pen }
    }

    /// Makes an edit; answers as [`AgentMut::edit`](crate::document::AgentMut::edit) does.
    pub fn edit(&mut self, edit: &SkillEdit) -> Result<Vec<Vec<u8>>, EditError> {
        self.edit_since(edit, None)
    }

    /// Makes an edit of the skill as it was `since`, as [`AgentMut::edit_since`](crate::document::AgentMut::edit_since) does. Bytes
    /// that others replaced meanwhile stay, and what this edit writes in their place gets a name beside them.
    pub fn edit_since(
        &mut self,
        edit: &SkillEdit,
        since: Option<&Document>,
    ) -> Result<Vec<Vec<u8>>, EditError> {
        edit.check()?;
        let mut plan = Plan::of(Kind::Skill);
        for (key, text) in &edit.fields {
            plan.put(self.document, &ROOT, key, text.as_deref().map(ScalarValue::from));
        }
        self.plan_files(edit, since, &mut plan)?;
        plan.commit(self.document, self.pen)
    }

    fn plan_files(
        &self,
        edit: &SkillEdit,
        since: Option<&Document>,
        plan: &mut Plan,
    ) -> Result<(), EditError> {
        if edit.files.is_empty() && edit.executable.is_empty() {
            return Ok(());
        }
        let all = All::of(self.document);
        let had = since.map(All::of);
        let bytes = self.plan_bytes(edit, (&all, had.as_ref()), plan)?;
        let mut texts = BTreeMap::new();
        for (path, content) in &edit.files {
            texts.insert(
                path,
                match content {
                    Some(FileContent::Text(text)) => Some(text.as_str()),
                    Some(FileContent::Bytes(_)) | None => None,
                },
            );
        }
        plan.write_texts(self.document, &texts, since.map(Files::of).as_ref(), bytes)?;
        let executable = container(Kind::Skill, field::EXECUTABLE);
        // What others have changed meanwhile is not removed, and can be run as before.
        let goes = |path: &FilePath| had.as_ref().is_none_or(|had| had.content(path) == all.content(path));
        let removed = edit.files.iter().filter(|(path, content)| content.is_none() && goes(path));
        let removed = removed.map(|(path, _)| (path, false));
        let said: BTreeMap<&FilePath, bool> =
            removed.chain(edit.executable.iter().map(|(path, runs)| (path, *runs))).collect();
        for (path, runs) in said {
            plan.put(self.document, &executable, path.as_str(), runs.then_some(ScalarValue::Boolean(true)));
        }
        Ok(())
    }

    /// Bytes that are to be written or removed; how many files of bytes there are then.
    fn plan_bytes(
        &self,
        edit: &SkillEdit,
        (all, had): (&All, Option<&All>),
        plan: &mut Plan,
    ) -> Result<usize, EditError> {
        let map = container(Kind::Skill, field::BYTES);
        let size = |held: &BTreeMap<FilePath, Vec<u8>>| held.values().map(Vec::len).sum::<usize>();
        let mut held: BTreeMap<FilePath, Vec<u8>> = BTreeMap::new();
        for (path, versions) in &all.bytes {
            held.extend(versions.first().map(|winner| (path.clone(), winner.clone())));
        }
        let before = (held.len(), size(&held));
        for (path, content) in &edit.files {
            if let Some(had) = had
                && had.winner(path) != all.winner(path)
            {
                if let Some(FileContent::Bytes(bytes)) = content
                    && had.winner(path) != Some(bytes)
                    && all.winner(path) != Some(bytes)
                    && let Some(name) = all.name_beside(path, bytes)
                {
                    plan.put(self.document, &map, name.as_str(), Some(ScalarValue::Bytes(bytes.clone())));
                    held.insert(name, bytes.clone());
                }
                continue;
            }
            // Whoever removes or writes one of two versions has decided between them.
            if let Some(path) = all.beside(path)
                && let Some(winner) = held.get(path)
            {
                let settled = Some(ScalarValue::Bytes(winner.clone()));
                plan.put(self.document, &map, path.as_str(), settled);
            }
            match content {
                Some(FileContent::Bytes(bytes)) => {
                    held.insert(path.clone(), bytes.clone());
                    let value = Some(ScalarValue::Bytes(bytes.clone()));
                    plan.put(self.document, &map, path.as_str(), value);
                }
                Some(FileContent::Text(_)) | None => {
                    held.remove(path);
                    plan.put(self.document, &map, path.as_str(), None);
                }
            }
        }
        if size(&held) > BYTES_TOTAL_MAX && size(&held) > before.1 {
            return Err(EditError::TooLong { what: "all its files together", limit: BYTES_TOTAL_MAX });
        }
        let texts = Files::of(self.document).len();
        if held.len() + texts > FILES_MAX && held.len() > before.0 {
            return Err(EditError::TooMany { what: "files", limit: FILES_MAX });
        }
        Ok(held.len())
    }
}

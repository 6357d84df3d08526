//! Fields, values and files, one by one: which of what another application holds is taken, and what stays as it is here.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::document::limits::{
    BYTES_FILE_MAX, BYTES_TOTAL_MAX, DESCRIPTION_MAX, FILE_MAX, FILES_MAX, FILES_TOTAL_MAX, NAME_MAX,
};
use bowline_core::document::{
    AgentEdit, AgentField, AgentValues, Document, EditError, FileContent, FilePath, Json, Kind, MemoryEdit,
    Pen, SkillEdit,
};
use bowline_wire::hash::sha256;

use super::outcome::{Outcome, Why};
use super::source::{FilesImport, SourceFile};
use crate::documents::edit::Edit;

/// A part of a document that is imported by itself, and remembered under its name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Item {
    Name,
    Description,
    Model,
    Value(AgentValues, String),
    File(FilePath),
}

/// What stands before the path of a file in its name.
const FILE: &str = "file/";

impl Item {
    /// As people are told and as it is remembered.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Name => AgentField::Name.as_str().to_owned(),
            Self::Description => AgentField::Description.as_str().to_owned(),
            Self::Model => AgentField::Model.as_str().to_owned(),
            Self::Value(of, name) => format!("{}/{name}", of.as_str()),
            Self::File(path) => format!("{FILE}{path}"),
        }
    }

    /// The path, of a file.
    pub(crate) fn file(&self) -> Option<FilePath> {
        match self {
            Self::File(path) => Some(path.clone()),
            Self::Name | Self::Description | Self::Model | Self::Value(..) => None,
        }
    }

    /// The file that a remembered name is of.
    pub(super) fn file_of(name: &str) -> Option<FilePath> {
        FilePath::parse(name.strip_prefix(FILE)?).ok()
    }
}

/// What an item holds.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    executable: bool,
}

/// What is known of what an item holds: enough to decide about it and to count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(super) hash: [u8; 32],
    len: usize,
    is_text: bool,
}

impl Held {
    fn text(text: &str) -> Self {
        Self { bytes: text.as_bytes().to_vec(), executable: false }
    }

    pub(crate) fn mark(&self) -> Mark {
        let hash = sha256(&[&[u8::from(self.executable)], &self.bytes]);
        Mark { hash, len: self.bytes.len(), is_text: self.text_of_file().is_some() }
    }

    /// As a skill takes it: text wherever it is text, so that it merges.
    fn content(&self) -> FileContent {
        match self.text_of_file() {
            Some(text) => FileContent::Text(text.to_owned()),
            None => FileContent::Bytes(self.bytes.clone()),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text, if it can be written as one.
    pub(crate) fn text_of_file(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok().filter(|text| !text.contains('\0'))
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default() // only text gets into what holds only text
    }
}

/// What another application holds, as far as the kind has a place for it; the rest with the reason.
pub(super) fn of_source(import: &FilesImport<'_>) -> BTreeMap<Item, Result<Held, Why>> {
    let mut items = BTreeMap::new();
    let fields = [
        (Item::Name, import.name, NAME_MAX, true),
        (Item::Description, import.description, DESCRIPTION_MAX, import.kind != Kind::Memory),
        (Item::Model, import.model, NAME_MAX, import.kind == Kind::Agent),
    ];
    for (item, text, limit, has_place) in fields {
        let held = |text: &str| match text.len() <= limit {
            _ if !has_place => Err(Why::NoPlace),
            true => Ok(Held::text(text)),
            false => Err(Why::TextTooLong),
        };
        items.extend(text.filter(|text| !text.is_empty()).map(|text| (item, held(text))));
    }
    for (of, name, value) in import.values {
        let held = match import.kind {
            Kind::Agent if name.len() <= NAME_MAX => Ok(Held::text(value.as_str())),
            Kind::Agent => Err(Why::NameTooLong),
            _ => Err(Why::NoPlace),
        };
        items.insert(Item::Value(*of, (*name).to_owned()), held);
    }
    for file in import.files {
        items.insert(Item::File(file.path.clone()), held_file(import.kind, file));
    }
    items
}

fn held_file(kind: Kind, file: &SourceFile<'_>) -> Result<Held, Why> {
    let executable = file.executable && kind == Kind::Skill;
    let held = Held { bytes: file.content.to_vec(), executable };
    let is_text = held.text_of_file().is_some();
    let limit = if is_text { FILE_MAX } else { BYTES_FILE_MAX };
    if !is_text && kind != Kind::Skill {
        Err(Why::NotText)
    } else if held.bytes.len() > limit {
        Err(Why::FileTooLarge)
    } else {
        Ok(held)
    }
}

/// What a document holds.
pub(crate) fn held_in(document: &Document) -> BTreeMap<Item, Held> {
    let mut items = BTreeMap::new();
    if let Ok(agent) = document.agent() {
        let fields = [
            (Item::Name, AgentField::Name),
            (Item::Description, AgentField::Description),
            (Item::Model, AgentField::Model),
        ];
        let fields = fields.into_iter();
        items.extend(fields.filter_map(|(item, field)| Some((item, Held::text(&agent.field(field)?)))));
        for of in AgentValues::ALL {
            let values = agent.values(of).into_iter();
            items.extend(values.map(|(name, json)| (Item::Value(of, name), Held::text(json.as_str()))));
        }
        items.extend(agent.files().into_iter().map(|file| (Item::File(file.path), Held::text(&file.text))));
    } else if let Ok(skill) = document.skill() {
        let fields = [(Item::Name, skill.name()), (Item::Description, skill.description())];
        items.extend(fields.into_iter().filter_map(|(item, text)| Some((item, Held::text(&text?)))));
        for file in skill.files() {
            let held = Held { bytes: file.content.as_bytes().to_vec(), executable: file.executable };
            items.insert(Item::File(file.path), held);
        }
    } else if let Ok(memory) = document.memory() {
        items.extend(memory.name().map(|name| (Item::Name, Held::text(&name))));
        items.extend(memory.files().into_iter().map(|file| (Item::File(file.path), Held::text(&file.text))));
    }
    items
}

/// What is to become of one item.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing is to change.
    Leave,
    /// The source's item is taken.
    Take(Outcome),
    /// Our item stays, and the source's comes beside it.
    Beside,
}

/// Three-way: what was imported the last time, what is here, what is there.
pub(super) fn decide(remembered: Option<[u8; 32]>, ours: Option<[u8; 32]>, theirs: [u8; 32]) -> Decision {
    match (remembered, ours) {
        (Some(remembered), _) if remembered == theirs => Decision::Leave,
        (_, Some(ours)) if ours == theirs => Decision::Leave,
        (None, None) => Decision::Take(Outcome::New),
        (remembered, ours) if remembered == ours => Decision::Take(Outcome::Updated),
        _ => Decision::Beside,
    }
}

/// What is written, within the limits of a document.
pub(crate) struct Writes {
    kind: Kind,
    items: BTreeMap<Item, Held>,
    /// Bytes and number of files that there will be.
    texts: usize,
    bytes: usize,
    files: usize,
    /// Paths of texts that were removed here: they count among the files before they are written again, and after.
    removed: BTreeSet<FilePath>,
}

impl Writes {
    pub(super) fn into(kind: Kind, ours: &BTreeMap<Item, Mark>, removed: BTreeSet<FilePath>) -> Self {
        let mut writes =
            Self { kind, items: BTreeMap::new(), texts: 0, bytes: 0, files: removed.len(), removed };
        for (item, mark) in ours {
            if matches!(item, Item::File(_)) {
                writes.count(*mark);
            }
        }
        writes
    }

    fn count(&mut self, mark: Mark) {
        self.files += 1;
        *self.bytes_of(mark) += mark.len;
    }

    /// The bytes that a file is counted among.
    fn bytes_of(&mut self, mark: Mark) -> &mut usize {
        if mark.is_text { &mut self.texts } else { &mut self.bytes }
    }

    /// Writes an item in place of what is there, unless the document would become too much.
    pub(super) fn add(&mut self, item: Item, held: Held, instead_of: Option<&Mark>) -> Result<(), Why> {
        if let Item::File(path) = &item {
            let (texts, bytes, files) = (self.texts, self.bytes, self.files);
            self.files -= usize::from(self.removed.contains(path));
            if let Some(old) = instead_of {
                self.files -= 1;
                *self.bytes_of(*old) -= old.len;
            }
            self.count(held.mark());
            let why = if self.files > FILES_MAX {
                Some(Why::TooManyFiles)
            } else if self.texts > FILES_TOTAL_MAX || self.bytes > BYTES_TOTAL_MAX {
                Some(Why::FilesTooLarge)
            } else {
                None
            };
            if let Some(why) = why {
                (self.texts, self.bytes, self.files) = (texts, bytes, files);
                return Err(why);
            }
        }
        self.items.insert(item, held);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What is written, by item.
    pub(super) fn marks(&self) -> impl Iterator<Item = (&Item, Mark)> {
        self.items.iter().map(|(item, held)| (item, held.mark()))
    }

    pub(super) fn has_files(&self) -> bool {
        self.items.keys().any(|item| matches!(item, Item::File(_)))
    }

    /// Makes the edit, all of it at once.
    pub(crate) fn write(&self, document: &mut Document, pen: Pen) -> Result<Vec<Vec<u8>>, Edit> {
        match self.kind {
            Kind::Agent => Ok(document.agent_mut(pen)?.edit(&self.of_agent()?)?),
            Kind::Skill => Ok(document.skill_mut(pen)?.edit(&self.of_skill())?),
            Kind::Memory => Ok(document.memory_mut(pen)?.edit(&self.of_memory())?),
            Kind::Conversation | Kind::Profile => Err(Edit::OtherKind),
        }
    }

    fn of_agent(&self) -> Result<AgentEdit, EditError> {
        let mut edit = AgentEdit::default();
        for (item, held) in &self.items {
            let text = held.as_str();
            match item {
                Item::Name => edit.set(AgentField::Name, Some(text)),
                Item::Description => edit.set(AgentField::Description, Some(text)),
                Item::Model => edit.set(AgentField::Model, Some(text)),
                Item::Value(of, name) => {
                    let json = Json::parse(text).map_err(|error| EditError::Automerge(error.to_string()))?;
                    edit.set_value(*of, name, Some(json))
                }
                Item::File(path) => edit.write_file(path.clone(), text),
            };
        }
        Ok(edit)
    }

    fn of_skill(&self) -> SkillEdit {
        let mut edit = SkillEdit::default();
        for (item, held) in &self.items {
            match item {
                Item::Name => edit.set_name(Some(held.as_str())),
                Item::Description => edit.set_description(Some(held.as_str())),
                Item::File(path) => {
                    edit.set_executable(path.clone(), held.executable);
                    edit.write_file(path.clone(), held.content())
                }
                Item::Model | Item::Value(..) => &mut edit, // has no place in a skill, so it is never added
            };
        }
        edit
    }

    fn of_memory(&self) -> MemoryEdit {
        let mut edit = MemoryEdit::default();
        for (item, held) in &self.items {
            match item {
                Item::Name => edit.set_name(Some(held.as_str())),
                Item::File(path) => edit.write_file(path.clone(), held.as_str()),
                Item::Description | Item::Model | Item::Value(..) => &mut edit, // as with a skill
            };
        }
        edit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_on_one_side_only_is_taken_or_left_and_on_both_comes_beside() {
        let (a, b, c) = ([1; 32], [2; 32], [3; 32]);
        for (remembered, ours, theirs, expected) in [
            (None, None, a, Decision::Take(Outcome::New)),
            (None, Some(a), a, Decision::Leave),
            (None, Some(b), a, Decision::Beside),
            (Some(a), Some(a), a, Decision::Leave),
            (Some(a), Some(b), a, Decision::Leave),
            (Some(a), None, a, Decision::Leave),
            (Some(a), Some(a), b, Decision::Take(Outcome::Updated)),
            (Some(a), Some(b), b, Decision::Leave),
            (Some(a), Some(b), c, Decision::Beside),
            (Some(a), None, b, Decision::Beside),
        ] {
            assert_eq!(decide(remembered, ours, theirs), expected, "{remembered:?} {ours:?} {theirs:?}");
        }
    }
}

//! Agents, skills and personal files.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::document::{Document, FilePath, Kind};
use bowline_store::{DocRow, Tx};
use bowline_wire::ids::DocId;

use super::at_work::Import;
use super::items::{Decision, Held, Item, Mark, Writes, decide, held_in, of_source};
use super::knowledge::KnownFiles;
use super::outcome::{Outcome, Verdict, Why};
use super::remembered::FilesMemory;
use super::source::{FilesImport, ImportedFiles};
use super::spelling::spelled_as_here;
use crate::Error;
use crate::documents::edit::Beginning;

/// Names that are tried for what comes beside a file: somebody who lets that many stand does not look at them.
const BESIDE_MAX: u32 = 9;

/// What a document holds as far as an import has to know it, and what is remembered of the last import into it.
#[derive(Clone, Default)]
pub(super) struct HeldFiles {
    pub(super) items: BTreeMap<Item, Mark>,
    /// Paths of texts that were removed here.
    pub(super) removed: BTreeSet<FilePath>,
    pub(super) memory: FilesMemory,
}

impl HeldFiles {
    pub(super) fn of(document: &Document, memory: FilesMemory) -> Self {
        let items = held_in(document).into_iter().map(|(item, held)| (item, held.mark())).collect();
        Self { items, removed: document.removed_files().into_iter().collect(), memory }
    }
}

/// What an import of files comes to, before anything is written.
pub(crate) struct FilesPlan {
    pub(crate) writes: Writes,
    /// What is remembered then.
    pub(super) memory: FilesMemory,
    fields: Vec<(String, Verdict)>,
    files: Vec<(FilePath, Verdict)>,
}

impl FilesPlan {
    /// Plans an import into a document that holds this, which is nothing if there is no document yet.
    pub(super) fn of(import: &FilesImport<'_>, held: &HeldFiles) -> Self {
        Self::taking((import.kind, import.app), of_source(import), held)
    }

    /// Plans taking all that one document holds into another one of its kind, as an import would. What differs comes beside
    /// as `<stem>.<mark>.<extension>`.
    pub(crate) fn joining(from: &Document, into: &Document, mark: &str) -> Self {
        let source = held_in(from).into_iter().map(|(item, held)| (item, Ok(held))).collect();
        Self::taking((into.kind(), mark), source, &HeldFiles::of(into, FilesMemory::default()))
    }

    /// Whether everything is taken, or comes beside.
    pub(crate) fn is_all_taken(&self) -> bool {
        let mut verdicts = self.fields.iter().map(|(_, verdict)| verdict);
        let mut of_files = self.files.iter().map(|(_, verdict)| verdict);
        let is_taken = |verdict: &Verdict| verdict.outcome != Outcome::Failed;
        verdicts.all(is_taken) && of_files.all(is_taken)
    }

    fn taking(
        (kind, mark): (Kind, &str),
        source: BTreeMap<Item, Result<Held, Why>>,
        held: &HeldFiles,
    ) -> Self {
        let HeldFiles { items: ours, removed, memory: remembered } = held;
        let (writes, memory) = (Writes::into(kind, ours, removed.clone()), remembered.clone());
        let mut plan = Self { writes, memory, fields: Vec::new(), files: Vec::new() };
        let known = ours.keys().filter_map(Item::file);
        let source = spelled_as_here(source, known.chain(remembered.files()));
        let taken: BTreeSet<Item> = source.keys().cloned().collect();
        let mut gone: Vec<String> = remembered.0.keys().cloned().collect();
        gone.retain(|name| !source.keys().any(|item| item.name() == *name));
        for (item, held) in source {
            let outcome = match held {
                Ok(held) => plan.take((mark, &taken), &item, held, ours),
                Err(why) => Verdict::failed(why),
            };
            plan.report(item.name(), outcome);
        }
        for name in gone {
            plan.report(name, Verdict::because(Outcome::Kept, Why::GoneAtSource));
        }
        plan
    }

    /// What the import comes to, whether there was a document, and the row of that if it was stored.
    pub(crate) fn imported(self, was_there: bool, doc: Option<&DocRow>) -> ImportedFiles {
        let Verdict { outcome, why } = match (was_there, self.writes.is_empty()) {
            (false, true) => Verdict::because(Outcome::Skipped, Why::Empty),
            (false, false) => Outcome::New.into(),
            (true, true) => Outcome::Unchanged.into(),
            (true, false) if self.writes.has_files() => Outcome::More.into(),
            (true, false) => Outcome::Updated.into(),
        };
        let (id, workspace) = (doc.map(|row| row.id), doc.and_then(|row| row.ws));
        ImportedFiles { id, workspace, outcome, why, fields: self.fields, files: self.files }
    }

    fn report(&mut self, name: String, verdict: Verdict) {
        match Item::file_of(&name) {
            Some(path) => self.files.push((path, verdict)),
            None => self.fields.push((name, verdict)),
        }
    }

    fn take(
        &mut self,
        (mark, taken): (&str, &BTreeSet<Item>),
        item: &Item,
        held: Held,
        ours: &BTreeMap<Item, Mark>,
    ) -> Verdict {
        let (name, hash, found) = (item.name(), held.mark().hash, ours.get(item));
        let remembered = self.memory.0.get(&name).copied();
        let outcome = match decide(remembered, found.map(|mark| mark.hash), hash) {
            Decision::Leave => Outcome::Unchanged.into(),
            Decision::Take(outcome) => match self.writes.add(item.clone(), held, found) {
                Ok(()) => outcome.into(),
                Err(why) => return Verdict::failed(why),
            },
            Decision::Beside => {
                // Nothing that is there already, here or at the source, makes room for it.
                let is_free = |path: &FilePath| {
                    let at = Item::File(path.clone());
                    !taken.contains(&at) && ours.get(&at).is_none_or(|there| there.hash == hash)
                };
                let beside = match item {
                    Item::File(path) => {
                        let names = (2..=BESIDE_MAX).map(|n| format!("{mark}-{n}"));
                        let mut names = std::iter::once(mark.to_owned()).chain(names);
                        match names.find_map(|name| path.marked(&name).filter(is_free)) {
                            Some(path) => Some(path),
                            None => return Verdict::failed(Why::NoNameBeside),
                        }
                    }
                    _ => None,
                };
                if let Some(path) = &beside {
                    let at = Item::File(path.clone());
                    let found = ours.get(&at);
                    if let Err(why) = self.writes.add(at, held, found) {
                        return Verdict::failed(why);
                    }
                }
                Verdict::because(Outcome::Conflict, Why::ChangedOnBothSides(beside))
            }
        };
        self.memory.0.insert(name, hash);
        outcome
    }
}

impl Import<'_> {
    /// Imports an agent, a skill or personal files, or what is new of them. What was changed here stays, and what was changed
    /// on both sides comes beside it. Nothing is removed here for being gone there.
    ///
    /// # Errors
    /// [`Error::OtherKind`] if the source was a document of another kind the last time; as of any edit.
    pub(crate) fn files(&mut self, import: &FilesImport<'_>) -> Result<ImportedFiles, Error> {
        let (row, remembered) = match self.knowledge().known_files(import)? {
            KnownFiles::Nothing => return self.import_new_files(import),
            KnownFiles::Leave(imported) => return Ok(imported),
            KnownFiles::Ours(row, remembered) => (row, remembered),
        };
        let held = HeldFiles::of(self.load(&row)?.shown(), remembered);
        let plan = FilesPlan::of(import, &held);
        if !plan.writes.is_empty() {
            self.edit(&row, |document, pen| plan.writes.write(document, pen))?;
        }
        if plan.memory != held.memory {
            let value = plan.memory.to_bytes();
            self.lent.store.transaction(|tx| tx.put_import(import.source, row.id, &value))?;
        }
        Ok(plan.imported(true, Some(&row)))
    }

    fn import_new_files(&mut self, import: &FilesImport<'_>) -> Result<ImportedFiles, Error> {
        let id = self.lent.new_id();
        let plan = FilesPlan::of(import, &HeldFiles::default());
        let is_made = !plan.writes.is_empty();
        if is_made {
            has_files(import.kind, id)?;
            let value = plan.memory.to_bytes();
            let edit = |document: &mut _, pen| plan.writes.write(document, pen);
            let beginning = Beginning { kind: import.kind, id, workspace: None };
            let together = |tx: &Tx<'_>| Ok(tx.put_import(import.source, id, &value)?);
            self.begin_document(beginning, edit, together)?;
        }
        Ok(ImportedFiles { id: is_made.then_some(id), ..plan.imported(false, None) })
    }
}

/// Whether documents of a kind are made of files.
pub(crate) fn has_files(kind: Kind, id: DocId) -> Result<(), Error> {
    match kind {
        Kind::Agent | Kind::Skill | Kind::Memory => Ok(()),
        Kind::Conversation | Kind::Profile => Err(Error::OtherKind(id)),
    }
}

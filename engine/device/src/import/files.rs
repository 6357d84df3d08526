//! Agents, skills and personal files.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::document::{FilePath, Kind};
use bowline_store::DocRow;
use bowline_wire::ids::{DocId, Millis};

use super::items::{Decision, Held, Item, Writes, decide, of_document, of_source};
use super::remembered::FilesMemory;
use super::{FilesImport, ImportOutcome, ImportedFiles, ItemOutcome};
use crate::Device;
use crate::Error;
use crate::documents::loading::kind_of;

/// Names that are tried for what comes beside a file: somebody who lets that many stand does not look at them.
const BESIDE_MAX: u32 = 9;

/// What an import of files comes to, before it is written.
struct Plan {
    writes: Writes,
    memory: FilesMemory,
    fields: Vec<(String, ItemOutcome)>,
    files: Vec<(FilePath, ItemOutcome)>,
}

impl Plan {
    fn of(
        import: &FilesImport<'_>,
        ours: &BTreeMap<Item, Held>,
        removed: Vec<FilePath>,
        remembered: &FilesMemory,
    ) -> Self {
        let (writes, memory) = (Writes::into(import.kind, ours, removed), remembered.clone());
        let mut plan = Self { writes, memory, fields: Vec::new(), files: Vec::new() };
        let source = of_source(import);
        let taken: BTreeSet<Item> = source.keys().cloned().collect();
        let mut gone: Vec<String> = remembered.0.keys().cloned().collect();
        gone.retain(|name| !source.keys().any(|item| item.name() == *name));
        for (item, held) in source {
            let outcome = match held {
                Ok(held) => plan.take((import.app, &taken), &item, held, ours),
                Err(why) => ItemOutcome::NotKept(why),
            };
            plan.report(item.name(), outcome);
        }
        for name in gone {
            plan.report(name, ItemOutcome::Gone);
        }
        plan
    }

    fn report(&mut self, name: String, outcome: ItemOutcome) {
        match Item::file_of(&name) {
            Some(path) => self.files.push((path, outcome)),
            None => self.fields.push((name, outcome)),
        }
    }

    fn take(
        &mut self,
        (app, taken): (&str, &BTreeSet<Item>),
        item: &Item,
        held: Held,
        ours: &BTreeMap<Item, Held>,
    ) -> ItemOutcome {
        let (name, hash, found) = (item.name(), held.hash(), ours.get(item));
        let remembered = self.memory.0.get(&name).copied();
        let outcome = match decide(remembered, found.map(Held::hash), hash) {
            Decision::Leave => ItemOutcome::Unchanged,
            Decision::Take(outcome) => match self.writes.add(item.clone(), held, found) {
                Ok(()) => outcome,
                Err(why) => return ItemOutcome::NotKept(why),
            },
            Decision::Beside => {
                // Nothing that is there already, here or at the source, makes room for it.
                let is_free = |path: &FilePath| {
                    let at = Item::File(path.clone());
                    !taken.contains(&at) && ours.get(&at).is_none_or(|there| there.hash() == hash)
                };
                let beside = match item {
                    Item::File(path) => {
                        let names = (2..=BESIDE_MAX).map(|n| format!("{app}-{n}"));
                        let mut names = std::iter::once(app.to_owned()).chain(names);
                        match names.find_map(|name| path.marked(&name).filter(is_free)) {
                            Some(path) => Some(path),
                            None => return ItemOutcome::NotKept("there is no name left beside ours"),
                        }
                    }
                    _ => None,
                };
                if let Some(path) = &beside {
                    let at = Item::File(path.clone());
                    let found = ours.get(&at);
                    if let Err(why) = self.writes.add(at, held, found) {
                        return ItemOutcome::NotKept(why);
                    }
                }
                ItemOutcome::Conflict(beside)
            }
        };
        self.memory.0.insert(name, hash);
        outcome
    }
}

impl Device {
    /// Imports an agent, a skill or personal files, or what is new of them. What was changed here stays, and what was changed
    /// on both sides comes beside it. Nothing is removed here for being gone there.
    ///
    /// # Errors
    /// [`Error::OtherKind`] if the source was a document of another kind the last time; as of any edit.
    pub fn import_files(&mut self, import: &FilesImport<'_>, now: Millis) -> Result<ImportedFiles, Error> {
        let remembered = self.store.read().import(import.source)?;
        let Some(remembered) = remembered else {
            return self.import_new_files(import, now);
        };
        let as_it_is = |row: &DocRow, outcome| ImportedFiles {
            id: row.id,
            workspace: row.ws,
            outcome,
            fields: Vec::new(),
            files: Vec::new(),
        };
        let row = match self.find_made(remembered.doc)? {
            Found::Ours(row) => row,
            Found::Others(row) => return Ok(as_it_is(&row, ImportOutcome::Unchanged)),
            Found::Nowhere => return self.import_new_files(import, now),
        };
        let remembered = FilesMemory::from_bytes(&remembered.value)?;
        if kind_of(&row)? != import.kind {
            return Err(Error::OtherKind(row.id));
        }
        if row.deleted_at.is_some() {
            return Ok(as_it_is(&row, ImportOutcome::InTrash));
        }
        let document = &self.load(row.n, now)?.document;
        let (ours, removed) = (of_document(document), document.removed_files());
        let plan = Plan::of(import, &ours, removed, &remembered);
        if !plan.writes.is_empty() {
            self.edit(row.n, now, |document, pen| plan.writes.write(document, pen))?;
        }
        if plan.memory != remembered {
            let value = plan.memory.to_bytes();
            self.store.transaction(|tx| tx.put_import(import.source, row.id, &value))?;
        }
        let outcome = if plan.writes.has_files() {
            ImportOutcome::More
        } else if plan.writes.is_empty() {
            ImportOutcome::Unchanged
        } else {
            ImportOutcome::Updated
        };
        let Plan { fields, files, .. } = plan;
        Ok(ImportedFiles { id: row.id, workspace: row.ws, outcome, fields, files })
    }

    /// The document that was made of a source on this device, if it is still here.
    pub fn imported_doc(&self, source: &str) -> Result<Option<DocId>, Error> {
        let Some(row) = self.store.read().import(source)? else {
            return Ok(None);
        };
        Ok(self.places_of(row.doc)?.first().map(|row| row.id))
    }

    fn import_new_files(&mut self, import: &FilesImport<'_>, now: Millis) -> Result<ImportedFiles, Error> {
        let mut id = [0; DocId::LEN];
        self.random.fill_bytes(&mut id);
        let id = DocId::from_bytes(id);
        let plan = Plan::of(import, &BTreeMap::new(), Vec::new(), &FilesMemory::default());
        let outcome = if plan.writes.is_empty() { ImportOutcome::Empty } else { ImportOutcome::New };
        if outcome == ImportOutcome::New {
            if !matches!(import.kind, Kind::Agent | Kind::Skill | Kind::Memory) {
                return Err(Error::OtherKind(id));
            }
            let value = plan.memory.to_bytes();
            let edit = |document: &mut _, pen| plan.writes.write(document, pen);
            self.create_at(import.kind, None, id, now, edit, |tx| {
                Ok(tx.put_import(import.source, id, &value)?)
            })?;
        }
        let Plan { fields, files, .. } = plan;
        Ok(ImportedFiles { id, workspace: None, outcome, fields, files })
    }

    /// The document that an import made, wherever it is by now, if that is where this device has put it. One that is only where
    /// somebody else has put it is not this device's to add to.
    fn find_made(&self, id: DocId) -> Result<Found, Error> {
        let places = self.places_of(id)?;
        for row in &places {
            if self.is_imports_own(row)? {
                return Ok(Found::Ours(row.clone()));
            }
        }
        Ok(places.into_iter().next().map_or(Found::Nowhere, Found::Others))
    }
}

/// Where a document is that an import made.
enum Found {
    Ours(DocRow),
    Others(DocRow),
    Nowhere,
}

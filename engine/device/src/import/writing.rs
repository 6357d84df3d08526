//! Storing what an import brings: into documents that are not in memory, as long as nobody else has written into them.

use bowline_core::document::{ChangeHash, Document, Kind, Marks, Origin, Pen, Summary, Tally};
use bowline_store::{DocN, DocRow, DocUpdate, NewDoc, Tx};
use bowline_wire::ids::Millis;

use super::at_work::Import;
use super::knowledge::stays_aside;
use super::plan::Place;
use super::remembered::{About, SessionMemory};
use super::run::{Heads, Run};
use super::source::SourceSession;
use super::state::SessionImport;
use crate::Error;
use crate::documents::edit::Edit;
use crate::documents::edited::Edited;
use crate::rows::{decode_heads, doc_state, encode_heads, kind_column, summary_row};

impl Import<'_> {
    /// Stores what is in the batch, and remembers the lines it was made of.
    pub(super) fn write_batch(&mut self, import: &mut SessionImport) -> Result<(), Error> {
        if import.plan.asks() {
            return self.write_asked(import);
        }
        if import.row.is_none() {
            import.batch.set_origin(origin_of(import, &import.memory.about));
        }
        self.write_run(import)
    }

    /// Stores what is left of a session that this import has made a document of.
    pub(super) fn write_last_of_new(&mut self, import: &mut SessionImport) -> Result<(), Error> {
        let about = import.plan.about().clone();
        import.batch.set_origin(origin_of(import, &about));
        for label in &about.labels {
            import.batch.set_label(label, true);
        }
        import.memory.title.clone_from(&about.title);
        import.memory.about = about;
        self.write_run(import)
    }

    /// Stores what is left of a session that had a document, and what its application says of it differently than `before`.
    /// Whether that is something that the document did not say.
    pub(super) fn write_last(
        &mut self,
        import: &mut SessionImport,
        before: Option<&About>,
    ) -> Result<bool, Error> {
        let n = import.row.ok_or(Error::Bug("an import has no document where it has to have one"))?;
        // Until all else is stored, what is remembered is what was said before.
        import.memory.about = before.unwrap_or(import.plan.about()).clone();
        if import.batch.lines() > 0 || !import.hashes.is_empty() {
            self.write_batch(import)?;
        }
        import.memory.is_all = import.has_all();
        import.memory.about = import.plan.about().clone();
        let Some(before) = before else {
            if import.plan.asks() {
                self.remember(import, n)?;
            }
            return Ok(false);
        };
        let row = self.lent.row(n)?;
        let is_as_imported = self.knowledge().is_as_imported(n, &import.memory)?;
        let said = Said { session: &import.session, before, about: import.plan.about() };
        self.edit(&row, |document, pen| said.write(document, pen))?;
        let is_changed = self.lent.row(n)?.heads != row.heads;
        // Of a document that was as imported, all is remembered, now that this has been written as well.
        if is_as_imported || import.plan.asks() {
            self.remember(import, n)?;
        } else {
            let (id, value) = (import.id, import.memory.to_bytes());
            self.lent.store.transaction(|tx| tx.put_import(&import.source, id, &value))?;
        }
        Ok(is_changed)
    }

    /// Writes into the document itself, which is in memory.
    fn write_asked(&mut self, import: &mut SessionImport) -> Result<(), Error> {
        let n = import.row.ok_or(Error::Bug("an import has no document where it has to have one"))?;
        let row = self.lent.row(n)?;
        let heads = self.load(&row)?.shown().heads();
        // What came since may be these very lines: they would be there twice.
        if import.asked_heads != heads {
            return Err(Error::Changed(import.id));
        }
        let batch = std::mem::take(&mut import.batch);
        self.edit(&row, |document, pen| Ok(document.conversation_mut(pen)?.import(&batch)?))?;
        // What the document has and the file may have further down is not remembered: it has to be asked again.
        import.memory.is_all = false;
        self.remember(import, n)
    }

    /// Writes into a document that need not be in memory.
    fn write_run(&mut self, import: &mut SessionImport) -> Result<(), Error> {
        let mut random = [0; 8];
        self.lent.random.fill_bytes(&mut random);
        let workspace = match import.plan.place() {
            Place::Found(workspace) => workspace,
            Place::Beside(workspace) => Some(workspace),
            Place::New => None,
        };
        let device = self.workspaces.keyrings().writer(workspace, self.lent.device());
        let run = import.run.take().filter(Run::has_room);
        let mut run = run.unwrap_or_else(|| Run::begin(device, random));
        let batch = std::mem::take(&mut import.batch);
        let (change, heads) =
            if batch.is_empty() { (None, Heads::default()) } else { run.write(&batch, self.lent.now)? };
        import.run = Some(run);
        let edited = Millis(self.lent.now.0 / 1000 * 1000);
        let mut summary = import.memory.tally.summary(import.memory.title.as_deref(), edited);
        // A transcript line may claim any time, and a list would stand on one that has not come.
        summary.updated_at = summary.updated_at.min(self.lent.now);
        let mut memory = import.memory.clone();
        memory.lines = import.hashes_from + import.hashes.len() as u64;
        let row = import.row;
        // Of a document that this import makes nothing was said but by its application.
        let marks = import.is_new().then(|| marks_of(&import.memory.about));
        let n = self.lent.store.transaction(|tx| -> Result<DocN, Error> {
            let n = match row {
                Some(n) => n,
                None => tx.insert_doc(&NewDoc {
                    kind: kind_column(Kind::Conversation),
                    ws: None,
                    id: import.id,
                    log_id: None,
                    wire: None,
                    heads: &[],
                    state: doc_state::NEVER_SEALED,
                    summary: summary_row(&summary, marks.clone().unwrap_or_default()),
                    deleted_at: None,
                    created_at: self.lent.now,
                })?,
            };
            if let Some(change) = &change {
                let row = tx.doc(n)?.ok_or(Error::Gone)?;
                // A workspace has it by now that it was not shared into from here: what this adds is only here.
                if stays_aside(**tx, &row)? {
                    return Err(Error::Changed(import.id));
                }
                tx.insert_change(n, change)?;
                memory.heads = write_row(tx, &row, &import.memory, &heads, (&summary, marks))?;
            }
            tx.put_import(&import.source, import.id, &memory.to_bytes())?;
            tx.put_import_lines(&import.source, import.hashes_from, &import.hashes)?;
            Ok(n)
        })?;
        import.row = Some(n);
        import.memory = memory;
        import.are_remembered();
        if let Place::Found(Some(workspace)) = import.plan.place() {
            self.workspaces.note_edited(&Edited { workspace: Some(workspace), row: Some(n) });
        }
        Ok(())
    }

    /// Remembers an import into a document that is in memory.
    fn remember(&mut self, import: &mut SessionImport, n: DocN) -> Result<(), Error> {
        let document = self.load_anew(n)?.shown();
        let conversation = document
            .conversation()
            .map_err(|_| Error::Bug("a document was opened as another kind than it is"))?;
        let (tally, title, heads): (Tally, _, _) =
            (conversation.tally(), conversation.title(), document.heads());
        let mut memory = SessionMemory { heads, tally, title, ..import.memory.clone() };
        // Another process may have written into it since it was looked at.
        let is_expected = import.plan.asks() || memory.tally.count == import.memory.tally.count;
        memory.is_all = memory.is_all && is_expected;
        if !import.hashes.is_empty() {
            memory.lines = import.hashes_from + import.hashes.len() as u64;
        }
        self.lent.store.transaction(|tx| -> Result<(), Error> {
            tx.put_import(&import.source, import.id, &memory.to_bytes())?;
            if !import.hashes.is_empty() {
                tx.put_import_lines(&import.source, import.hashes_from, &import.hashes)?;
            }
            Ok(())
        })?;
        import.asked_heads.clone_from(&memory.heads);
        import.memory = memory;
        import.are_remembered();
        Ok(())
    }
}

/// What an application says of a session, and what it said the last time.
pub(super) struct Said<'a> {
    pub(super) session: &'a SourceSession,
    pub(super) before: &'a About,
    pub(super) about: &'a About,
}

impl Said<'_> {
    /// Writes what is different into the document. No changes if it says so already.
    pub(super) fn write(&self, document: &mut Document, pen: Pen) -> Result<Vec<Vec<u8>>, Edit> {
        let Self { session, before, about } = self;
        let mut origin = document.conversation()?.origin();
        (origin.app, origin.session) = (Some(session.app.clone()), Some(session.id.clone()));
        say(&mut origin, before, about);
        let mut changes = Vec::new();
        changes.extend(document.conversation_mut(pen)?.set_origin(&origin)?);
        let on = about.labels.iter().filter(|label| !before.labels.contains(label));
        let off = before.labels.iter().filter(|label| !about.labels.contains(label));
        for (label, on) in on.map(|label| (label, true)).chain(off.map(|label| (label, false))) {
            changes.extend(document.conversation_mut(pen)?.set_label(label, on)?);
        }
        Ok(changes)
    }
}

/// Brings a row up to date with a change; the heads it has then. What another process has written meanwhile is not in the
/// summary made here: then the next look at the document sets it right.
fn write_row(
    tx: &Tx<'_>,
    row: &DocRow,
    before: &SessionMemory,
    heads: &Heads,
    (summary, marks): (&Summary, Option<Vec<u8>>),
) -> Result<Vec<ChangeHash>, Error> {
    let found = decode_heads(&row.heads);
    let is_as_remembered = found == before.heads;
    let heads = heads.of(&found);
    let mut shown = summary_row(summary, marks.unwrap_or_else(|| row.summary.marks.clone()));
    if !is_as_remembered {
        shown.title.clone_from(&row.summary.title);
        shown.count = shown.count.max(row.summary.count);
        shown.updated_at = shown.updated_at.max(row.summary.updated_at);
    }
    let update = DocUpdate {
        heads: &encode_heads(&heads),
        state: row.state,
        summary: &shown,
        deleted_at: row.deleted_at,
    };
    tx.update_doc(row.n, &update)?;
    // Remembered heads that nobody has are those of a document that has to be asked.
    Ok(if is_as_remembered { heads } else { before.heads.clone() })
}

fn marks_of(about: &About) -> Vec<u8> {
    Marks { pinned: about.pinned, archived: about.archived, labels: about.labels.clone() }.to_bytes()
}

fn origin_of(import: &SessionImport, about: &About) -> Origin {
    let mut origin = Origin {
        app: Some(import.session.app.clone()),
        session: Some(import.session.id.clone()),
        ..Origin::default()
    };
    say(&mut origin, &About::default(), about);
    origin
}

/// Says what an application says differently than before.
fn say(origin: &mut Origin, before: &About, now: &About) {
    let texts = [
        (&mut origin.key, &before.key, &now.key),
        (&mut origin.title, &before.title, &now.title),
        (&mut origin.agent, &before.agent, &now.agent),
    ];
    for (field, before, now) in texts {
        if before != now {
            field.clone_from(now);
        }
    }
    let flags = [
        (&mut origin.pinned, before.pinned, now.pinned),
        (&mut origin.archived, before.archived, now.archived),
        (&mut origin.no_final_newline, before.no_final_newline, now.no_final_newline),
    ];
    for (field, before, now) in flags {
        if before != now {
            *field = now;
        }
    }
}

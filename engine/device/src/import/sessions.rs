//! Sessions, line by line.

use bowline_core::document::limits::{LINE_MAX, NAME_MAX};
use bowline_core::document::{EditError, ImportedLine, Kind};
use bowline_store::{DocN, DocRow, LineHash};
use bowline_wire::hash::sha256;
use bowline_wire::ids::{DocId, Millis};

use super::lines::Lines;
use super::remembered::{About, SessionMemory, line_hash, long_line_hash};
use super::state::{Place, SessionImport, Way};
use super::{ImportOutcome, ImportedSession, LineOutcome, SessionEnd, SessionFile, SessionOrigin};
use crate::Device;
use crate::Error;
use crate::workspace::effects::kind_column;

/// Bytes of lines in one change, unless a single line has more: a batch is sealed as it is, and a body holds about as much
/// once it is compressed.
const BATCH_BYTES: usize = 1 << 20;

/// Lines in one change: what is written between two commits, and lost with a crash, is read again in no time.
const BATCH_LINES: usize = 2_000;

impl Device {
    /// Begins to import a session: hand over its lines, in order from the first, then finish.
    ///
    /// # Errors
    /// [`Error::Edit`] for names longer than [`NAME_MAX`]; the database's.
    pub fn begin_import(&mut self, origin: &SessionOrigin<'_>, now: Millis) -> Result<SessionImport, Error> {
        for name in [Some(origin.app), Some(origin.session), origin.key].into_iter().flatten() {
            if name.len() > NAME_MAX {
                return Err(EditError::TooLong { what: "the origin", limit: NAME_MAX }.into());
            }
        }
        let id = Self::session_doc(origin.app, origin.session);
        let source = session_source(origin.app, origin.session);
        let remembered = self.store.read().import(&source)?;
        let found = self.find_imported(id)?;
        let mut import = SessionImport::begin(source, id, origin);
        let Some(row) = found else {
            return Ok(import);
        };
        let is_ours = self.is_imports_own(&row)?;
        // What is remembered is about the document that this device has made.
        let remembered = remembered.filter(|_| is_ours);
        let is_remembered = remembered.is_some();
        if is_ours {
            import.place = Place::Found(row.n, row.ws);
        }
        if let Some(remembered) = remembered {
            import.memory = SessionMemory::from_bytes(&remembered.value)?;
        }
        import.way = match row.ws.filter(|_| !is_ours) {
            _ if row.deleted_at.is_some() => {
                import.place = Place::Found(row.n, row.ws);
                Way::InTrash
            }
            _ if is_remembered => Way::Remembered(0, Vec::new()),
            None => {
                let lines = self.lines_of(row.n, now)?;
                (import.memory.asides, import.memory.aside_bytes) = lines.asides();
                self.believe_document(&mut import, row.n, now)?;
                Way::Asked(Box::new(lines))
            }
            Some(workspace) => Way::Watched(row.n, workspace, Box::new(self.lines_of(row.n, now)?)),
        };
        Ok(import)
    }

    /// Takes one line, without its `\n`. Commits by itself, a batch at a time: what is remembered of the session is
    /// always what is in the document.
    pub fn import_line(
        &mut self,
        import: &mut SessionImport,
        line: &[u8],
        now: Millis,
    ) -> Result<LineOutcome, Error> {
        if line.len() > LINE_MAX {
            return self.skip_line(import, line.len() as u64);
        }
        let (class, hash) = (ImportedLine::read(line, import.line == 0), line_hash(line));
        if self.is_as_remembered(import, hash)? {
            import.present += 1;
            import.pass(class, hash)?;
            return Ok(LineOutcome::Present);
        }
        self.leave_memory(import, now)?;
        let is_watched = matches!(import.way, Way::Watched(..));
        let class = match &mut import.way {
            Way::InTrash => {
                import.pass(class, hash)?;
                return Ok(LineOutcome::InTrash);
            }
            Way::Asked(lines) | Way::Watched(_, _, lines) => {
                if lines.take(hash) || lines.has_header(class) {
                    // The whole line may have come from another device, and its torn beginning is from this one's file.
                    if !is_watched && let Some(torn) = lines.take_torn(import.position, line) {
                        import.complete(torn);
                    }
                    import.present += 1;
                    import.pass(class, hash)?;
                    return Ok(LineOutcome::Present);
                }
                lines.beside_header(class)
            }
            Way::New | Way::Remembered(..) | Way::Diverged => class,
        };
        self.copy_if_watched(import, now)?;
        let is_full = import.batch.bytes() + line.len() > BATCH_BYTES || import.batch.lines() >= BATCH_LINES;
        if import.batch.lines() > 0 && is_full {
            self.write_batch(import, now)?;
        }
        let position = import.position;
        let torn = match &mut import.way {
            Way::Asked(lines) => lines.take_torn(position, line),
            _ => None,
        };
        let outcome = import.add(line, class, torn);
        import.pass(class, hash)?;
        Ok(outcome)
    }

    /// Notes a line of so many bytes that is too long to be held in memory: it stays in the file.
    pub fn skip_line(&mut self, import: &mut SessionImport, len: u64) -> Result<LineOutcome, Error> {
        let hash = long_line_hash(len);
        if !self.is_as_remembered(import, hash)? && matches!(import.way, Way::Remembered(..)) {
            import.way = Way::Diverged;
        }
        import.left += 1;
        import.pass_hash(hash);
        Ok(LineOutcome::TooLong)
    }

    /// Stores what is left, and what is said about the session.
    pub fn finish_import(
        &mut self,
        mut import: SessionImport,
        end: &SessionEnd<'_>,
        now: Millis,
    ) -> Result<ImportedSession, Error> {
        let outcome = match import.way {
            Way::InTrash => ImportOutcome::InTrash,
            // Nothing of it is this device's to change.
            Way::Watched(..) => ImportOutcome::Unchanged,
            _ => self.store_end(&mut import, end, now)?,
        };
        let workspace = match import.way {
            Way::Watched(_, workspace, _) => Some(workspace),
            _ => import.place.workspace(),
        };
        if import.is_changed() || outcome == ImportOutcome::Updated {
            self.drive_after_edit(workspace, now);
        }
        let SessionImport { id, added, present, asides, left, .. } = import;
        Ok(ImportedSession { id, workspace, outcome, added, present, asides, left })
    }

    /// The document that a session of an application is, on every device: here or not.
    pub fn session_doc(app: &str, session: &str) -> DocId {
        /// Grows when a session's document was erased and the session is imported again.
        const GENERATION: u64 = 0;
        let len = |text: &str| (text.len() as u64).to_be_bytes();
        let hash = sha256(&[
            b"bowline/imported/1",
            &len(app),
            app.as_bytes(),
            &len(session),
            session.as_bytes(),
            &GENERATION.to_be_bytes(),
        ]);
        let mut id = [0; DocId::LEN];
        for (to, from) in id.iter_mut().zip(hash) {
            *to = from;
        }
        DocId::from_bytes(id)
    }

    /// A conversation as the file that its application reads: for an imported one the bytes that came in, and what was
    /// added since.
    pub fn session_file(&mut self, id: DocId, now: Millis) -> Result<SessionFile, Error> {
        // A copy beside what a workspace has is the one with more in it.
        let here = self.store.read().find_doc(None, id)?;
        let n = match here.filter(|row| row.kind == kind_column(Kind::Conversation)) {
            Some(row) => row.n,
            None => self.find_of_kind(id, Kind::Conversation)?,
        };
        let document = &self.load(n, now)?.document;
        let conversation = document.conversation().map_err(|_| Error::OtherKind(id))?;
        let origin = conversation.origin();
        let (session, bytes) = (conversation.session(id), conversation.file(id));
        Ok(SessionFile { app: origin.app, session, key: origin.key, bytes })
    }

    /// The document an import adds to: one of this device first, then one of a workspace, the current one first.
    pub(super) fn find_imported(&self, id: DocId) -> Result<Option<DocRow>, Error> {
        let mut others = None;
        for row in self.places_of(id)? {
            if row.kind != kind_column(Kind::Conversation) {
                if row.ws.is_none() {
                    return Err(Error::OtherKind(id));
                }
            } else if self.is_imports_own(&row)? {
                return Ok(Some(row));
            } else {
                others = others.or(Some(row));
            }
        }
        Ok(others)
    }

    /// A document wherever it is: on this device first, then in the current workspace, then elsewhere.
    pub(super) fn places_of(&self, id: DocId) -> Result<Vec<DocRow>, Error> {
        let current = self.current_workspace()?;
        let others = self.workspaces.keys().copied().filter(|other| Some(*other) != current).map(Some);
        let mut places = vec![None];
        places.extend(current.map(Some).into_iter().chain(others));
        let found = places.into_iter().map(|place| self.store.read().find_doc(place, id));
        Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Whether an import may add to a document: it is only here, or was shared from here to where it is.
    pub(super) fn is_imports_own(&self, row: &DocRow) -> Result<bool, Error> {
        match row.ws {
            None => Ok(true),
            Some(workspace) => self.is_shared_from_here(row.id, workspace),
        }
    }

    pub(super) fn lines_of(&mut self, n: DocN, now: Millis) -> Result<Lines, Error> {
        let document = &self.load(n, now)?.document;
        let conversation = document
            .conversation()
            .map_err(|_| Error::Bug("a document was opened as another kind than it is"))?;
        Ok(Lines::of(conversation, document.heads()))
    }

    /// Whether this line of the file is the one that was there the last time, as all before it were.
    fn is_as_remembered(&self, import: &mut SessionImport, hash: LineHash) -> Result<bool, Error> {
        let (line, lines) = (import.line, import.memory.lines);
        let Way::Remembered(first, stretch) = &mut import.way else {
            return Ok(false);
        };
        if line >= lines {
            return Ok(false);
        }
        if line < *first || line - *first >= stretch.len() as u64 {
            let found = self.store.read().import_lines(&import.source, line)?;
            // Two imports at once may have left a gap: then the document is asked.
            let Some(found) = found else { return Ok(false) };
            (*first, *stretch) = found;
        }
        let at = usize::try_from(line - *first).unwrap_or(usize::MAX);
        Ok(stretch.get(at) == Some(&hash))
    }

    /// From here on the file is not what is remembered: either it has become longer and nobody has written into the
    /// document, so that what comes is new; or the document has to be asked.
    fn leave_memory(&mut self, import: &mut SessionImport, now: Millis) -> Result<(), Error> {
        let is_at_the_end = import.line == import.memory.lines;
        if !matches!(import.way, Way::Remembered(..) | Way::Diverged) {
            return Ok(());
        }
        let n = import.place.row().ok_or(Error::Bug("an import has no document where it has to have one"))?;
        let is_longer = matches!(import.way, Way::Remembered(..)) && is_at_the_end;
        if is_longer && self.is_as_imported(n, &import.memory)? {
            import.way = Way::New;
            return Ok(());
        }
        let mut lines = self.lines_of(n, now)?;
        let mut passed = 0;
        while passed < import.hashes_from {
            let Some((_, stretch)) = self.store.read().import_lines(&import.source, passed)? else { break };
            let left = usize::try_from(import.hashes_from - passed).unwrap_or(usize::MAX);
            for hash in stretch.iter().take(left) {
                lines.take(*hash);
            }
            passed += stretch.len() as u64;
        }
        (import.memory.asides, import.memory.aside_bytes) = lines.asides();
        import.way = Way::Asked(Box::new(lines));
        Ok(())
    }

    /// A local copy of a workspace's document, for lines that may not go there unasked.
    fn copy_if_watched(&mut self, import: &mut SessionImport, now: Millis) -> Result<(), Error> {
        if let Way::Watched(n, workspace, _) = import.way {
            let copy = self.copy_here(n, now)?;
            self.believe_document(import, copy, now)?;
            import.place = Place::Copy(copy, workspace);
            if let Way::Watched(_, _, lines) = std::mem::replace(&mut import.way, Way::New) {
                (import.memory.asides, import.memory.aside_bytes) = lines.asides();
                import.way = Way::Asked(lines);
            }
        }
        Ok(())
    }

    /// What the application said the last time, of a document that this device remembers no import of, is what another
    /// import wrote into it.
    fn believe_document(&mut self, import: &mut SessionImport, n: DocN, now: Millis) -> Result<(), Error> {
        let conversation = self.load(n, now)?.document.conversation();
        let origin = conversation
            .map_err(|_| Error::Bug("a document was opened as another kind than it is"))?
            .origin();
        if origin.app.is_some() {
            import.is_believed = true;
            import.memory.about = About {
                key: origin.key,
                title: origin.title,
                agent: origin.agent,
                pinned: origin.pinned,
                archived: origin.archived,
                no_final_newline: origin.no_final_newline,
                labels: Vec::new(),
            };
        }
        Ok(())
    }

    /// Stores what is left; what the import came to.
    fn store_end(
        &mut self,
        import: &mut SessionImport,
        end: &SessionEnd<'_>,
        now: Millis,
    ) -> Result<ImportOutcome, Error> {
        if import.place == Place::Nowhere && import.batch.lines() == 0 {
            return Ok(ImportOutcome::Empty);
        }
        if matches!(import.way, Way::Diverged) {
            self.leave_memory(import, now)?;
        }
        let mut about = about(import.key.as_deref(), end);
        if import.line < import.memory.lines && matches!(import.way, Way::Remembered(..)) {
            // Of a file that is only the beginning of what was there the end says nothing.
            about.no_final_newline = import.memory.about.no_final_newline;
        }
        if import.is_believed {
            // Labels are put on and taken off in Bowline: which of them the application said is not known.
            import.memory.about.labels.clone_from(&about.labels);
        }
        let is_new = matches!(import.place, Place::Nowhere | Place::Made(_));
        let is_more = import.is_changed();
        if is_new {
            self.write_last_of_new(import, about, now)?;
            return Ok(ImportOutcome::New);
        }
        let is_updated = self.write_last(import, about, now)?;
        Ok(match import.place {
            Place::Copy(_, workspace) => ImportOutcome::Beside(workspace),
            _ if is_more => ImportOutcome::More,
            _ if is_updated => ImportOutcome::Updated,
            _ => ImportOutcome::Unchanged,
        })
    }
}

/// What this device knows a session by.
pub(super) fn session_source(app: &str, session: &str) -> String {
    format!("session/{app}/{session}")
}

fn about(key: Option<&str>, end: &SessionEnd<'_>) -> About {
    let shortened =
        |text: &str| text.get(..text.floor_char_boundary(NAME_MAX)).unwrap_or_default().to_owned();
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(shortened);
    let mut labels: Vec<String> =
        end.labels.iter().filter(|label| !label.is_empty()).map(|it| shortened(it)).collect();
    labels.sort();
    labels.dedup();
    About {
        key: text(key),
        title: text(end.title),
        agent: text(end.agent),
        pinned: end.pinned,
        archived: end.archived,
        no_final_newline: !end.ends_with_newline,
        labels,
    }
}

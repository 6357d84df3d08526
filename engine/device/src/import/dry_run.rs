//! An import that comes to the same as one into a device and writes nothing. It borrows the device shared, so there is nothing
//! it could write with.

use std::collections::BTreeMap;

use bowline_core::document::{Gap, Kind, LeftLine};
use bowline_store::{DocN, DocRow, LineHash};
use bowline_wire::ids::{DocId, Millis, WorkspaceId};

use super::ImportTarget;
use super::files::{FilesPlan, HeldFiles, has_files};
use super::items::Item;
use super::knowledge::{Known, KnownFiles, stays_aside};
use super::lines::{HeldAside, HeldLines};
use super::plan::{EndPlan, HugeLine, LinePlan, LineWrite, Question, SessionPlan, SourceLine, Step};
use super::remembered::{About, SessionMemory};
use super::sessions::{HeldDocument, about, begin, imported, session_doc, session_source};
use super::source::{FilesImport, ImportedFiles, ImportedSession, LineVerdict, SourceSession};
use super::state::SessionImport;
use super::writing::Said;
use crate::{Device, Error};
use bowline_core::document::limits::LINE_MAX;

/// What importing would come to. What it has planned it takes for granted, as an import finds what it has stored: a session
/// that is met twice is new once. Takes 16 bytes for each line it is handed, beside what reading takes.
pub struct DryRun<'d> {
    device: &'d Device,
    /// What is planned of each session so far, by source.
    sessions: BTreeMap<String, PlannedSession>,
    /// The same of agents, skills and memories.
    files: BTreeMap<String, PlannedFiles>,
    /// The session that is being planned.
    current: PlannedSession,
}

/// What an import would have stored of a session.
#[derive(Clone, Default)]
struct PlannedSession {
    /// The document that was here before.
    row: Option<DocN>,
    workspace: Option<WorkspaceId>,
    memory: SessionMemory,
    /// Lines that would be remembered in place of what is, and the number of the first.
    lines: Vec<LineHash>,
    lines_from: u64,
    /// Whether all that is in the document is remembered then; `None` if that is as before.
    is_untouched: Option<bool>,
    /// What the document would have that it has not.
    header: Option<LineHash>,
    entries: Vec<LineHash>,
    asides: Vec<HeldAside>,
    /// What it would keep aside no longer.
    completed: Vec<HeldAside>,
    /// Lines that would be noted as left in their file, and those that would not be any more.
    gaps: Vec<Gap>,
    filled: Vec<Gap>,
    /// What would be said in it, in order: what was said before, and what is said then.
    told: Vec<(About, About)>,
}

/// What an import would have made of a source of files.
struct PlannedFiles {
    kind: Kind,
    row: Option<DocRow>,
    held: HeldFiles,
}

impl<'d> DryRun<'d> {
    /// Plans imports into this device.
    pub fn of(device: &'d Device) -> Self {
        Self { device, sessions: BTreeMap::new(), files: BTreeMap::new(), current: PlannedSession::default() }
    }

    /// Answers what a plan has to know.
    fn answer(&self, import: &mut SessionImport, question: Question) -> Result<(), Error> {
        match question {
            Question::Remembered(line) => {
                import.plan.answer_remembered(self.remembered(&import.source, line)?);
            }
            Question::Untouched => {
                let is_untouched = match (self.current.is_untouched, self.current.row) {
                    (Some(is_untouched), _) => is_untouched,
                    (None, Some(n)) => self.device.knowledge().is_as_imported(n, &import.memory)?,
                    (None, None) => true,
                };
                import.plan.answer_untouched(is_untouched);
            }
            Question::Held => {
                let mut held = self.held()?;
                let passed = import.plan.passed();
                let mut line = 0;
                while line < passed {
                    let Some((first, stretch)) = self.remembered(&import.source, line)? else { break };
                    for (_, hash) in (first..passed).zip(&stretch) {
                        held.take(*hash);
                    }
                    line = first + stretch.len() as u64;
                }
                import.plan.answer_held(held);
            }
        }
        Ok(())
    }

    /// The lines that would be remembered, in a stretch with this one in it.
    fn remembered(&self, source: &str, line: u64) -> Result<Option<(u64, Vec<LineHash>)>, Error> {
        let PlannedSession { lines, lines_from, .. } = &self.current;
        if line >= *lines_from {
            let is_there = line - lines_from < lines.len() as u64;
            return Ok(is_there.then(|| (*lines_from, lines.clone())));
        }
        let Some((first, mut stretch)) = self.device.store.read().import_lines(source, line)? else {
            return Ok(None);
        };
        stretch.truncate(usize::try_from(lines_from - first).unwrap_or(usize::MAX));
        Ok(Some((first, stretch)))
    }

    /// The lines that the document would have.
    fn held(&self) -> Result<HeldLines, Error> {
        let current = &self.current;
        let mut held = match current.row {
            Some(n) => HeldDocument::of(&self.device.knowledge().document(n)?)?.lines,
            None => HeldLines::default(),
        };
        current.completed.iter().for_each(|aside| held.drop_aside(aside));
        current.header.into_iter().for_each(|hash| held.add_header(hash));
        current.entries.iter().for_each(|hash| held.add_entry(*hash));
        current.asides.iter().for_each(|aside| held.add_aside(aside.clone()));
        for gap in &current.filled {
            held.drop_gap(gap);
        }
        current.gaps.iter().for_each(|gap| held.add_gap(*gap));
        Ok(held)
    }

    /// Whether the document would not say yet what its application says now.
    fn would_tell(&self, import: &SessionImport, before: &About, now: Millis) -> Result<bool, Error> {
        let Some(n) = self.current.row else {
            return Ok(true); // it says what was planned, which is what was said before
        };
        let mut document = self.device.knowledge().document(n)?;
        let pen = self.device.documents.trial_pen(self.device.id(), now);
        let session = &import.session;
        for (before, about) in &self.current.told {
            Said { session, before, about }.write(&mut document, pen)?;
        }
        let said = Said { session, before, about: import.plan.about() };
        Ok(!said.write(&mut document, pen)?.is_empty())
    }
}

impl PlannedSession {
    /// A session of which nothing is planned yet.
    fn of(import: &SessionImport, workspace: Option<WorkspaceId>) -> Self {
        let memory = import.memory.clone();
        let lines_from = memory.lines;
        Self { row: import.row, workspace, memory, lines_from, ..Self::default() }
    }

    /// Adds what is planned of a line.
    fn take(&mut self, hash: LineHash, plan: LinePlan<'_>) {
        if let Some(torn) = plan.completes {
            let torn = HeldAside::of(&torn);
            match self.asides.iter().position(|aside| *aside == torn) {
                Some(at) => drop(self.asides.remove(at)),
                None => self.completed.push(torn),
            }
        }
        for gap in plan.fills {
            match self.gaps.iter().position(|planned| *planned == gap) {
                Some(at) => drop(self.gaps.remove(at)),
                None => self.filled.push(gap),
            }
        }
        match plan.write {
            Some(LineWrite::Header(_)) => drop(self.header.get_or_insert(hash)),
            Some(LineWrite::Entry(..)) => self.entries.push(hash),
            Some(LineWrite::Aside(aside)) => self.asides.push(HeldAside::of(&aside)),
            Some(LineWrite::Gap(gap)) => self.gaps.push(gap),
            None => {}
        }
    }

    /// Adds what is planned of its end.
    fn end(&mut self, import: SessionImport) {
        let has_all = import.has_all();
        if !import.plan.is_as_remembered() {
            let kept = import.plan.passed().saturating_sub(self.lines_from);
            self.lines.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
            self.lines_from = self.lines_from.min(import.plan.passed());
            self.lines.extend(import.hashes);
            self.is_untouched = Some(has_all);
        }
        self.memory = SessionMemory {
            lines: self.lines_from + self.lines.len() as u64,
            is_all: has_all,
            about: import.plan.about().clone(),
            ..import.memory
        };
    }
}

impl ImportTarget for DryRun<'_> {
    fn knows_session(&self, app: &str, session: &str) -> Result<bool, Error> {
        let is_planned = self.sessions.contains_key(&session_source(app, session));
        Ok(is_planned || self.device.knows_session(app, session)?)
    }

    fn begin_import(&mut self, session: &SourceSession, _: Millis) -> Result<SessionImport, Error> {
        let id = session_doc(&session.app, &session.id);
        let source = session_source(&session.app, &session.id);
        let known = self.device.knowledge().known_session(session, &source, id)?;
        if let Some(planned) = self.sessions.get(&source) {
            self.current = planned.clone();
            let plan = SessionPlan::remembered(planned.workspace, &planned.memory);
            let mut import = SessionImport::begin(source, id, session, plan);
            import.memory = planned.memory.clone();
            return Ok(import);
        }
        let held = match &known {
            Known::Document(row) => HeldDocument::of(&self.device.knowledge().document(row.n)?)?,
            Known::Nothing | Known::InTrash(_) | Known::Remembered(..) => HeldDocument::default(),
        };
        let stays = match &known {
            Known::Document(row) => stays_aside(self.device.store.read(), row)?,
            Known::Nothing | Known::InTrash(_) | Known::Remembered(..) => false,
        };
        let import = begin(source, id, session, (known, stays), held, Vec::new());
        let workspace = imported(&import, false).workspace;
        self.current = PlannedSession::of(&import, workspace);
        Ok(import)
    }

    fn import_line(
        &mut self,
        import: &mut SessionImport,
        line: &[u8],
        now: Millis,
    ) -> Result<LineVerdict, Error> {
        if line.len() > LINE_MAX {
            return self.skip_line(import, LeftLine::of(line), now);
        }
        let line = SourceLine::read(line, import.plan.is_at_the_beginning());
        let plan = loop {
            match import.plan.line(&line)? {
                Step::Ask(question) => self.answer(import, question)?,
                Step::Planned(plan) => break plan,
            }
        };
        let verdict = plan.verdict.clone();
        import.pass(line.hash, plan.is_remembered);
        self.current.take(line.hash, plan);
        Ok(verdict)
    }

    fn skip_line(
        &mut self,
        import: &mut SessionImport,
        line: LeftLine,
        _: Millis,
    ) -> Result<LineVerdict, Error> {
        let line = HugeLine::new(line);
        let plan = loop {
            match import.plan.huge_line(&line) {
                Step::Ask(question) => self.answer(import, question)?,
                Step::Planned(plan) => break plan,
            }
        };
        let verdict = plan.verdict.clone();
        import.pass(line.hash, plan.is_remembered);
        self.current.take(line.hash, plan);
        Ok(verdict)
    }

    fn finish_import(
        &mut self,
        mut import: SessionImport,
        ends_with_newline: bool,
        now: Millis,
    ) -> Result<ImportedSession, Error> {
        let about = about(&import, ends_with_newline);
        let planned = loop {
            match import.plan.end(about.clone()) {
                Step::Ask(question) => self.answer(&mut import, question)?,
                Step::Planned(planned) => break planned,
            }
        };
        let says_more = match &planned {
            EndPlan::Tell(before) => self.would_tell(&import, before, now)?,
            EndPlan::Leave | EndPlan::Make | EndPlan::Keep => false,
        };
        let imported = imported(&import, says_more);
        if planned != EndPlan::Leave {
            let mut session = std::mem::take(&mut self.current);
            if let EndPlan::Tell(before) = planned {
                session.told.push((before, import.plan.about().clone()));
            }
            let source = import.source.clone();
            session.end(import);
            self.sessions.insert(source, session);
        }
        Ok(imported)
    }

    fn import_files(&mut self, import: &FilesImport<'_>, _: Millis) -> Result<ImportedFiles, Error> {
        const NO_DOCUMENT: DocId = DocId::from_bytes([0; DocId::LEN]);
        let (row, held) = match self.files.remove(import.source) {
            Some(planned) if planned.kind != import.kind => {
                return Err(Error::OtherKind(planned.row.map_or(NO_DOCUMENT, |row| row.id)));
            }
            Some(planned) => (planned.row, Some(planned.held)),
            None => match self.device.knowledge().known_files(import)? {
                KnownFiles::Leave(imported) => return Ok(imported),
                KnownFiles::Nothing => (None, None),
                KnownFiles::Ours(row, memory) => {
                    let document = self.device.knowledge().document(row.n)?;
                    (Some(row), Some(HeldFiles::of(&document, memory)))
                }
            },
        };
        let is_new = held.is_none();
        let mut held = held.unwrap_or_default();
        let plan = FilesPlan::of(import, &held);
        if is_new && !plan.writes.is_empty() {
            has_files(import.kind, NO_DOCUMENT)?;
        }
        let is_there = !is_new || !plan.writes.is_empty();
        for (item, mark) in plan.writes.marks() {
            if let Item::File(path) = item {
                held.removed.remove(path);
            }
            held.items.insert(item.clone(), mark);
        }
        held.memory = plan.memory.clone();
        let imported = plan.imported(!is_new, row.as_ref());
        if is_there {
            self.files.insert(import.source.to_owned(), PlannedFiles { kind: import.kind, row, held });
        }
        Ok(imported)
    }
}

impl std::fmt::Debug for DryRun<'_> {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DryRun").field("sessions", &self.sessions.len()).finish_non_exhaustive()
    }
}

//! Sessions, line by line.

use bowline_core::document::limits::{LINE_MAX, NAME_MAX};
use bowline_core::document::{BOWLINE, ChangeHash, Document, Kind, LeftLine, OtherKind, SessionText};
use bowline_store::LineHash;
use bowline_wire::hash::sha256;
use bowline_wire::ids::DocId;
use data_encoding::HEXLOWER_PERMISSIVE;

use super::at_work::Import;
use super::knowledge::{Known, stays_aside};
use super::lines::HeldLines;
use super::outcome::{Outcome, Verdict};
use super::plan::{Counts, EndPlan, HugeLine, LinePlan, Place, Question, SessionPlan, SourceLine, Step};
use super::remembered::About;
use super::source::{ImportedSession, LineVerdict, SessionFile, SourceSession};
use super::state::SessionImport;
use crate::Error;
use crate::documents::edit::View;

/// Bytes of lines in one change, unless a single line has more: a batch is sealed as it is, and a body holds about as much
/// once it is compressed.
const BATCH_BYTES: usize = 1 << 20;

/// Lines in one change: what is written between two commits, and lost with a crash, is read again in no time.
const BATCH_LINES: usize = 2_000;

impl Import<'_> {
    /// Begins to import a session: hand over its lines, in order from the first, then finish.
    ///
    /// # Errors
    /// [`Error::Edit`] for names longer than [`NAME_MAX`]; the database's.
    pub(crate) fn begin(&mut self, session: &SourceSession) -> Result<SessionImport, Error> {
        let id = session_doc(&session.app, &session.id);
        let source = session_source(&session.app, &session.id);
        let known = self.knowledge().known_session(session, &source, id)?;
        let mut held = None;
        if let Known::Document(row) = &known {
            let document = self.load(row)?.shown();
            held = Some((HeldDocument::of(document)?, document.heads()));
        }
        let (held, heads) = held.unwrap_or_default();
        let stays = match &known {
            Known::Document(row) => stays_aside(self.lent.read(), row)?,
            _ => false,
        };
        Ok(begin(source, id, session, (known, stays), held, heads))
    }

    /// Takes one line, without its `\n`. Commits by itself, a batch at a time: what is remembered of the session is
    /// always what is in the document.
    pub(crate) fn line(&mut self, import: &mut SessionImport, line: &[u8]) -> Result<LineVerdict, Error> {
        if line.len() > LINE_MAX {
            return self.skip_line(import, LeftLine::of(line));
        }
        let line = SourceLine::read(line, import.plan.is_at_the_beginning());
        let plan = loop {
            match import.plan.line(&line)? {
                Step::Ask(question) => self.answer(import, question)?,
                Step::Planned(plan) => break plan,
            }
        };
        self.take(import, (line.hash, line.bytes.len()), plan)
    }

    /// Notes a line that is not to be had in memory: it stays in the file.
    pub(crate) fn skip_line(
        &mut self,
        import: &mut SessionImport,
        line: LeftLine,
    ) -> Result<LineVerdict, Error> {
        let line = HugeLine::new(line);
        let plan = loop {
            match import.plan.huge_line(&line) {
                Step::Ask(question) => self.answer(import, question)?,
                Step::Planned(plan) => break plan,
            }
        };
        self.take(import, (line.hash, 0), plan)
    }

    /// Puts what is planned of a line into the batch, of which so many bytes are the line's, and stores that first if it is full.
    fn take(
        &mut self,
        import: &mut SessionImport,
        (hash, bytes): (LineHash, usize),
        plan: LinePlan<'_>,
    ) -> Result<LineVerdict, Error> {
        let is_full = import.batch.bytes() + bytes > BATCH_BYTES || import.batch.lines() >= BATCH_LINES;
        if plan.write.is_some() && import.batch.lines() > 0 && is_full {
            self.write_batch(import)?;
        }
        let verdict = plan.verdict.clone();
        import.take(hash, plan);
        Ok(verdict)
    }

    /// Stores what is left, and what is said about the session. `ends_with_newline`: whether the last line ends with a line
    /// end, which is not one of the lines that were handed over.
    pub(crate) fn finish(
        &mut self,
        mut import: SessionImport,
        ends_with_newline: bool,
    ) -> Result<ImportedSession, Error> {
        let about = about(&import, ends_with_newline);
        let planned = loop {
            match import.plan.end(about.clone()) {
                Step::Ask(question) => self.answer(&mut import, question)?,
                Step::Planned(planned) => break planned,
            }
        };
        let says_more = match planned {
            EndPlan::Leave => false,
            EndPlan::Make => {
                self.write_last_of_new(&mut import)?;
                false
            }
            EndPlan::Keep => self.write_last(&mut import, None)?,
            EndPlan::Tell(before) => self.write_last(&mut import, Some(&before))?,
        };
        let imported = imported(&import, says_more);
        if import.plan.is_changed() || imported.outcome == Outcome::Updated {
            self.edited = imported.workspace.or(self.edited);
        }
        Ok(imported)
    }

    /// Answers what a plan has to know, from the database.
    fn answer(&mut self, import: &mut SessionImport, question: Question) -> Result<(), Error> {
        match question {
            Question::Remembered(line) => {
                let stretch = self.lent.read().import_lines(&import.source, line)?;
                import.plan.answer_remembered(stretch);
            }
            Question::Untouched => {
                let n = import.row.ok_or(Error::Bug("an import has no document where it has to have one"))?;
                let is_untouched = self.knowledge().is_as_imported(n, &import.memory)?;
                import.plan.answer_untouched(is_untouched);
            }
            Question::Held => {
                let n = import.row.ok_or(Error::Bug("an import has no document where it has to have one"))?;
                let document = self.load_anew(n)?.shown();
                let (mut held, heads) = (HeldDocument::of(document)?.lines, document.heads());
                let passed = import.plan.passed();
                let mut line = 0;
                while line < passed {
                    let Some((_, stretch)) = self.lent.read().import_lines(&import.source, line)? else {
                        break;
                    };
                    let left = usize::try_from(passed - line).unwrap_or(usize::MAX);
                    for hash in stretch.iter().take(left) {
                        held.take(*hash);
                    }
                    line += stretch.len() as u64;
                }
                import.asked_heads = heads;
                import.plan.answer_held(held);
                (import.memory.asides, import.memory.aside_bytes) = import.plan.asides();
            }
        }
        Ok(())
    }
}

/// The document that a session of an application is, on every device: here or not.
pub(crate) fn session_doc(app: &str, session: &str) -> DocId {
    /// Grows when a session's document was erased and the session is imported again.
    const GENERATION: u64 = 0;
    if let Some(id) = (app == BOWLINE).then(|| own_doc(session)).flatten() {
        return id;
    }
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

/// The document that a conversation made in Bowline was, by the session id that its exported file has: the document's own, in
/// the shape of a UUID.
fn own_doc(session: &str) -> Option<DocId> {
    let bytes = HEXLOWER_PERMISSIVE.decode(session.replace('-', "").as_bytes()).ok()?;
    Some(DocId::from_bytes(bytes.try_into().ok()?))
}

/// A conversation as the file that its application reads: for an imported one the bytes that came in, and what was added
/// since.
impl View for SessionFile {
    const KIND: Kind = Kind::Conversation;

    fn of(id: DocId, document: &Document) -> Result<Self, OtherKind> {
        let conversation = document.conversation()?;
        let origin = conversation.origin();
        let SessionText { bytes, missing } = conversation.file(id);
        let session = conversation.session(id);
        Ok(Self { app: origin.app, session, key: origin.key, bytes, missing })
    }
}

/// What there is in a document of a session that this device has not imported.
#[derive(Default)]
pub(super) struct HeldDocument {
    pub(super) lines: HeldLines,
    /// What its application said of it, if an import wrote that into it.
    said: Option<About>,
}

impl HeldDocument {
    pub(super) fn of(document: &Document) -> Result<Self, Error> {
        let conversation = document
            .conversation()
            .map_err(|_| Error::Bug("a document was opened as another kind than it is"))?;
        let origin = conversation.origin();
        let said = origin.app.is_some().then_some(About {
            key: origin.key,
            title: origin.title,
            agent: origin.agent,
            pinned: origin.pinned,
            archived: origin.archived,
            no_final_newline: origin.no_final_newline,
            labels: Vec::new(),
        });
        Ok(Self { lines: HeldLines::of(conversation), said })
    }
}

/// Begins with what is known of a session, and what its document holds if that has to be asked.
pub(super) fn begin(
    source: String,
    id: DocId,
    session: &SourceSession,
    (known, stays): (Known, bool),
    held: HeldDocument,
    heads: Vec<ChangeHash>,
) -> SessionImport {
    let HeldDocument { lines, said } = held;
    let (row, plan, memory) = match known {
        Known::Nothing => (None, SessionPlan::new(session.key.clone()), None),
        Known::InTrash(row) => (Some(row.n), SessionPlan::in_trash(row.ws), None),
        Known::Remembered(row, memory) => {
            (Some(row.n), SessionPlan::remembered(row.ws, &memory), Some(*memory))
        }
        Known::Document(row) => (Some(row.n), SessionPlan::asking(row.ws, stays, lines, said), None),
    };
    let mut import = SessionImport::begin(source, id, session, plan);
    import.memory.about = import.plan.about().clone();
    (import.row, import.asked_heads) = (row, heads);
    if let Some(memory) = memory {
        import.memory = memory;
    }
    import
}

/// What the import of a session came to, or is planned to.
pub(super) fn imported(import: &SessionImport, says_more: bool) -> ImportedSession {
    let Counts { added, present, asides, left } = import.plan.counts();
    let workspace = match import.plan.place() {
        Place::Found(workspace) => workspace,
        Place::Beside(workspace) => Some(workspace).filter(|_| import.plan.stays_beside().is_none()),
        Place::New => None,
    };
    let Verdict { outcome, why } = import.plan.verdict(says_more);
    ImportedSession { id: import.id, workspace, outcome, why, added, present, asides, left }
}

/// What this device knows a session by.
pub(super) fn session_source(app: &str, session: &str) -> String {
    format!("session/{app}/{session}")
}

/// What an application says of a session, as far as a document has room for it.
pub(super) fn about(import: &SessionImport, ends_with_newline: bool) -> About {
    let session = &import.session;
    if session.is_lines_only && !import.is_new() {
        return About { no_final_newline: !ends_with_newline, ..import.plan.about().clone() };
    }
    let shortened =
        |text: &String| text.get(..text.floor_char_boundary(NAME_MAX)).unwrap_or_default().to_owned();
    let text = |text: &Option<String>| text.as_ref().filter(|text| !text.is_empty()).map(shortened);
    let mut labels: Vec<String> =
        session.labels.iter().filter(|label| !label.is_empty()).map(shortened).collect();
    labels.sort();
    labels.dedup();
    About {
        key: text(&session.key),
        title: text(&session.title),
        agent: text(&session.agent),
        pinned: session.pinned,
        archived: session.archived,
        no_final_newline: !ends_with_newline,
        labels,
    }
}

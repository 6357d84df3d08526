//! Conversations from a file of JSON lines, whoever wrote it: a transcript as OpenClaw and pi write it, or one conversation
//! in each line. The format is in `docs/IMPORT.md`.

mod foreign;
mod messages;

use std::io::{self, BufRead, BufReader};

use bowline_core::document::limits::LINE_MAX;
use bowline_wire::ids::Millis;
use serde::Deserialize;
use serde_json::Value;

use crate::encoding::{AsUtf8, IN_UTF16, without_mark};
pub use crate::{Entries, Event, ImportError, Item, Outcome, Report, What};
use crate::{Import, Lines, Piece, Reporter, Source, SourceError, Transcript, is_header, is_uuid};
use bowline_device::{BOWLINE, ImportTarget, SourceSession};
use messages::{Conversation, Made};

/// The application that documents name as their origin.
const APP: &str = "jsonl";

/// The application of transcripts that have a UUID, which are the same sessions in its own folder.
const OPENCLAW: &str = "openclaw";

/// Bytes of one conversation in one line. It is held in memory whole.
const CONVERSATION_MAX: usize = 32 << 20;

/// Lines that are not a conversation and are reported one by one; of more, how many there are.
const LINE_ITEMS_MAX: u64 = 100;

/// Imports what is new in a file since the last time, and hands each thing it meets to `on`. `name` stands for the file in the
/// report. Documents are made on this device alone. If it ends in the middle, what was imported stays. Into a
/// [`DryRun`](bowline_device::DryRun) it comes to the same and nothing is written.
pub fn import(
    target: &mut dyn ImportTarget,
    name: &str,
    source: impl BufRead,
    clock: &dyn Fn() -> Millis,
    on: &mut dyn FnMut(Event<'_>),
) -> Result<Report, ImportError> {
    let (mut import, mut report) = (Import::new(target, clock), Reporter::new(on));
    report.begin(0);
    let unreadable = |source| ImportError::Unreadable { path: name.into(), source };
    let mut source = BufReader::with_capacity(foreign::HEAD, AsUtf8::new(source));
    if let Some(what) = foreign::by_head(source.fill_buf().map_err(unreadable)?) {
        report.item(&Item::failed(What::File, name, what));
        return Ok(report.finish());
    }
    let mut lines = Lines::up_to(source, CONVERSATION_MAX);
    let first = match lines.next().map_err(unreadable)? {
        Some(Piece::Line(line)) if line.len() <= LINE_MAX && is_header(line) => Some(line.to_vec()),
        Some(Piece::Line(line)) if foreign::by_line(line).is_some() => {
            let what = foreign::by_line(line).unwrap_or_default();
            report.item(&Item::failed(What::File, name, what));
            return Ok(report.finish());
        }
        first => {
            let mut file = Conversations { import, report, name, number: 0, wrong: 0 };
            file.take(first)?;
            while let Some(piece) = lines.next().map_err(unreadable)? {
                file.take(Some(piece))?;
            }
            file.report_more();
            return Ok(file.report.finish());
        }
    };
    if let Some(header) = first {
        let session = session_of(&*import.target, &header)?;
        let (first, lines_before) = if session.app == BOWLINE { (None, 1) } else { (Some(header), 0) };
        let transcript = Transcript { path: name.to_owned(), at: None, session };
        let mut lines = Some(LinesAfterFirst { first, lines_before, held: Vec::new(), lines });
        import.transcript(&mut report, &transcript, &mut || match lines.take() {
            Some(lines) => Ok(Box::new(lines)),
            None => Err(SourceError::Broken("it can be read only once".to_owned())),
        })?;
    }
    Ok(report.finish())
}

/// A session of which only its id, and perhaps a title, is known.
fn session(id: String, title: Option<String>) -> SourceSession {
    SourceSession { app: APP.to_owned(), id, title, ..SourceSession::default() }
}

/// The session that a header names. One that Bowline made is the conversation that it was. Any other with a UUID is
/// OpenClaw's, the same as from its own folder, unless it came in as a mere file before.
fn session_of(target: &dyn ImportTarget, header: &[u8]) -> Result<SourceSession, ImportError> {
    #[derive(Default, Deserialize)]
    struct Header {
        id: Option<String>,
        source: Option<Value>,
        title: Option<Value>,
    }
    let Header { id, source, title } = serde_json::from_slice(without_mark(header)).unwrap_or_default();
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| "session".to_owned());
    let is_lines_only = true;
    if !is_uuid(&id) {
        return Ok(SourceSession { is_lines_only, ..session(id, None) });
    }
    let (app, title) = match text(source).as_deref() {
        Some(BOWLINE) => (BOWLINE, text(title)),
        _ if target.knows_session(APP, &id)? => (APP, None),
        _ => (OPENCLAW, None),
    };
    Ok(SourceSession { app: app.to_owned(), is_lines_only, ..session(id, title) })
}

/// The lines of a transcript whose first line has been read.
struct LinesAfterFirst<R> {
    first: Option<Vec<u8>>,
    lines_before: u64,
    held: Vec<u8>,
    lines: Lines<BufReader<AsUtf8<R>>>,
}

impl<R: BufRead> Source for LinesAfterFirst<R> {
    fn next(&mut self) -> Result<Option<Piece<'_>>, SourceError> {
        if let Some(first) = self.first.take() {
            self.held = first;
            return Ok(Some(Piece::Line(&self.held)));
        }
        let broken = |error: io::Error| SourceError::Broken(format!("it cannot be read: {}", error.kind()));
        self.lines.next().map_err(broken)
    }

    fn lines_before(&self) -> u64 {
        self.lines_before
    }

    fn ends_with_newline(&self) -> bool {
        self.lines.ends_with_newline()
    }

    fn remark(&mut self) -> Option<String> {
        self.lines.source().get_ref().is_utf16().then(|| IN_UTF16.to_owned())
    }
}

/// An import of a file with one conversation in each line.
struct Conversations<'a> {
    import: Import<'a>,
    report: Reporter<'a>,
    name: &'a str,
    number: u64,
    wrong: u64,
}

impl Conversations<'_> {
    fn take(&mut self, piece: Option<Piece<'_>>) -> Result<(), ImportError> {
        self.number += 1;
        let why = match piece {
            None => return Ok(()),
            Some(Piece::Line(line)) if without_mark(line).trim_ascii().is_empty() => return Ok(()),
            Some(Piece::Line(line)) => match Conversation::parse(without_mark(line)) {
                Ok(conversation) => return self.conversation(&conversation),
                Err(why) => why.to_owned(),
            },
            Some(Piece::TooLong(line)) => {
                let bytes = line.bytes.unwrap_or(0);
                format!("it has {bytes} bytes, and a conversation may have {CONVERSATION_MAX} in one line")
            }
            Some(Piece::Unreadable(why)) => why.to_owned(),
        };
        self.wrong += 1;
        if self.wrong <= LINE_ITEMS_MAX {
            let item = Item::failed(What::Line, self.name, why);
            self.report.item(&item.at(format!("line {}", self.number)));
        }
        Ok(())
    }

    fn conversation(&mut self, conversation: &Conversation<'_>) -> Result<(), ImportError> {
        let transcript = Transcript {
            path: self.name.to_owned(),
            at: Some(format!("line {}", self.number)),
            session: session(conversation.id.clone(), conversation.title.clone()),
        };
        self.import.transcript(&mut self.report, &transcript, &mut || Ok(Box::new(Made::new(conversation))))
    }

    fn report_more(&mut self) {
        if let Some(more) = self.wrong.checked_sub(LINE_ITEMS_MAX).filter(|more| *more > 0) {
            let why = format!("{more} more lines that are not conversations");
            self.report.item(&Item::failed(What::Line, self.name, why));
        }
    }
}

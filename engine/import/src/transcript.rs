//! Imports one transcript line by line into an import's target, and reports what became of it.

use std::collections::BTreeMap;

use bowline_core::document::limits::{LINE_MAX, NAME_MAX};
use bowline_wire::hash::sha256;
use bowline_wire::ids::Millis;

use crate::encoding::without_mark;

use super::{Entries, ImportError, Item, Outcome, Piece, Reporter, What, hex, sentence};
use bowline_device::{ImportTarget, ImportedSession, LeftLine, LineVerdict, SourceSession, Why};

/// Lines of one transcript that are reported one by one; of more, how many there are: a person reads no longer list.
const LINE_ITEMS_MAX: u64 = 20;

/// Bytes of an application's session id. OpenClaw's are names of files.
const SESSION_ID_MAX: usize = 512;

/// How often a transcript is read anew because its application rewrote it meanwhile.
const RESTARTS_MAX: u32 = 3;

/// Where the lines of a transcript come from.
pub(crate) trait Source {
    /// The next line; `None` at the end.
    fn next(&mut self) -> Result<Option<Piece<'_>>, SourceError>;

    /// Lines of the file before the first that is handed out.
    fn lines_before(&self) -> u64 {
        0
    }

    /// Whether the last line ended in a line end. Asked at the end.
    fn ends_with_newline(&self) -> bool {
        true
    }

    /// What else a person should know. Asked at the end.
    fn remark(&mut self) -> Option<String> {
        None
    }
}

/// Why there are no more lines although it is not the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceError {
    /// The application has rewritten the transcript: begin again.
    Rewritten,
    /// Reading failed, for this reason.
    Broken(String),
}

/// A transcript as a reader found it, apart from its lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transcript {
    /// The file it is in, for the report.
    pub(crate) path: String,
    /// Where in that file, if it holds more than one.
    pub(crate) at: Option<String>,
    /// The session that the transcript is of, with the id that its application gave it.
    pub(crate) session: SourceSession,
}

/// An import under way: where it goes, what time it is, and which transcripts it has met.
pub(crate) struct Import<'a> {
    pub(crate) target: &'a mut dyn ImportTarget,
    clock: &'a dyn Fn() -> Millis,
    /// What was said of each transcript when it was met first, and whether its last line was whole. If it is met again, as in
    /// a copy of its folder, the first still counts; otherwise each import would change it to and fro.
    met: BTreeMap<String, (SourceSession, bool)>,
}

impl<'a> Import<'a> {
    pub(crate) fn new(target: &'a mut dyn ImportTarget, clock: &'a dyn Fn() -> Millis) -> Self {
        Self { target, clock, met: BTreeMap::new() }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Millis {
        (self.clock)()
    }

    /// Imports one transcript. What is wrong with it is in the report.
    pub(crate) fn transcript<'s>(
        &mut self,
        report: &mut Reporter<'_>,
        transcript: &Transcript,
        open: &mut dyn FnMut() -> Result<Box<dyn Source + 's>, SourceError>,
    ) -> Result<(), ImportError> {
        if transcript.session.id.len() > SESSION_ID_MAX {
            let why = format!("its id has more than {SESSION_ID_MAX} bytes");
            report.item(&conversation(transcript, Outcome::Failed).because(why));
            return Ok(());
        }
        for _ in 0..RESTARTS_MAX {
            let taken = open().and_then(|mut source| match self.lines(report, transcript, &mut *source) {
                Ok(taken) => taken.map(Ok),
                // What is there is asked anew, as if the file had changed.
                Err(ImportError::Device(bowline_device::Error::Changed(_))) => Err(SourceError::Rewritten),
                Err(error) => Ok(Err(error)),
            });
            match taken {
                // A fault of this one document does not stop the others.
                Ok(Err(ImportError::Device(error))) if error.is_of_one_document() => {
                    report.item(&conversation(transcript, Outcome::Failed).because(error.to_string()));
                    return Ok(());
                }
                Ok(taken) => return taken,
                Err(SourceError::Rewritten) => {}
                Err(SourceError::Broken(why)) => {
                    report.item(&conversation(transcript, Outcome::Failed).because(why));
                    return Ok(());
                }
            }
        }
        let why = "it was rewritten again and again while it was read: import again when OpenClaw is idle";
        report.item(&conversation(transcript, Outcome::Failed).because(why));
        Ok(())
    }

    /// Imports the lines of one transcript. The outer error is the device's, the inner one the source's.
    fn lines(
        &mut self,
        report: &mut Reporter<'_>,
        transcript: &Transcript,
        source: &mut dyn Source,
    ) -> Result<Result<(), SourceError>, ImportError> {
        let now = self.now();
        let lines_before = source.lines_before();
        let first = match source.next() {
            Ok(Some(piece)) => piece,
            Ok(None) => {
                report
                    .item(&conversation(transcript, Outcome::Skipped).because("there is nothing in it yet"));
                return Ok(Ok(()));
            }
            Err(error) => return Ok(Err(error)),
        };
        let id = identity(&transcript.session.id, first);
        let met = self.met.get(&id).cloned();
        let (said, was_whole) =
            met.map_or((transcript.session.clone(), None), |(said, whole)| (said, Some(whole)));
        let key = said.key.as_deref().map(|key| cut(key).to_owned());
        let session = SourceSession { id: id.clone(), key, ..said.clone() };
        let mut import = self.target.begin_import(&session, now)?;
        let mut lines = LineReport::new(transcript, lines_before);
        let mut next = Ok(Some(first));
        let broken = loop {
            let piece = match next {
                Ok(Some(piece)) => piece,
                Ok(None) => break None,
                Err(SourceError::Rewritten) => return Ok(Err(SourceError::Rewritten)),
                Err(SourceError::Broken(why)) => break Some(why),
            };
            let (len, outcome) = match piece {
                Piece::Line(line) => {
                    (Some(line.len() as u64), Ok(self.target.import_line(&mut import, line, now)?))
                }
                Piece::TooLong(line) => (line.bytes, Ok(self.target.skip_line(&mut import, line, now)?)),
                Piece::Unreadable(why) => {
                    self.target.skip_line(&mut import, LeftLine::default(), now)?;
                    (None, Err(why))
                }
            };
            if let Some(item) = lines.add(outcome, len) {
                report.item(&item);
            }
            report.advance(len.unwrap_or(0) + 1);
            next = source.next();
        };
        let is_whole = was_whole.unwrap_or_else(|| broken.is_some() || source.ends_with_newline());
        let done = self.target.finish_import(import, is_whole, self.now())?;
        self.met.insert(id, (said, is_whole));
        conversation_done(report, transcript, &done, &lines, (broken, source.remark()));
        Ok(Ok(()))
    }
}

/// Reports what became of a transcript: why it could not be read to its end, and what else a person should know.
fn conversation_done(
    report: &mut Reporter<'_>,
    transcript: &Transcript,
    done: &ImportedSession,
    lines: &LineReport<'_>,
    (broken, remark): (Option<String>, Option<String>),
) {
    report.add_entries(&lines.entries);
    if let Some(item) = lines.rest() {
        report.item(&item);
    }
    let mut item = conversation(transcript, done.outcome);
    item.why = done.why.as_ref().map(|why| sentence(why, &transcript.session.app)).or(remark);
    report.item(&item);
    if let Some(why) = broken {
        let why = format!("{why}; what had been read before is imported");
        report.item(&conversation(transcript, Outcome::Failed).because(why));
    }
}

/// Counts the lines of one transcript, and makes items of those that are not entries.
struct LineReport<'a> {
    transcript: &'a Transcript,
    number: u64,
    items: u64,
    /// Lines that stay in the file and have no item of their own.
    failed_unlisted: u64,
    entries: Entries,
}

impl<'a> LineReport<'a> {
    fn new(transcript: &'a Transcript, number: u64) -> Self {
        Self { transcript, number, items: 0, failed_unlisted: 0, entries: Entries::default() }
    }

    /// Counts a line of `len` bytes, if that is known. Returns the item to report, if the line did not become an entry.
    fn add(&mut self, verdict: Result<LineVerdict, &'static str>, len: Option<u64>) -> Option<Item> {
        self.number += 1;
        let (outcome, why) = match verdict {
            // Headers are not among the lines that are counted.
            Ok(LineVerdict { is_header: true, outcome: Outcome::New | Outcome::Unchanged, .. }) => {
                return None;
            }
            Ok(LineVerdict { outcome, why, .. }) => (outcome, why),
            Err(why) => (Outcome::Failed, Some(Why::NotAnEntry(why))),
        };
        let entries = &mut self.entries;
        let count = match (outcome, &why) {
            (Outcome::New | Outcome::More | Outcome::Updated | Outcome::Conflict, _) => &mut entries.new,
            (Outcome::Unchanged, _) => &mut entries.present,
            (Outcome::Kept, _) => &mut entries.aside,
            (Outcome::Failed, Some(Why::LineTooLong)) => &mut entries.too_long,
            (Outcome::Skipped | Outcome::Failed, _) => &mut entries.left,
        };
        *count += 1;
        let why = match why? {
            // The conversation's own item says so.
            Why::InTrash => return None,
            Why::LineTooLong => match len {
                Some(len) => {
                    format!("it has {len} bytes, and a line may have {LINE_MAX}: it stays in the file")
                }
                None => format!("it has more than {LINE_MAX} bytes: it stays in the file"),
            },
            why => sentence(&why, &self.transcript.session.app),
        };
        self.items += 1;
        self.failed_unlisted += u64::from(outcome == Outcome::Failed && self.items > LINE_ITEMS_MAX);
        let at = match &self.transcript.at {
            Some(at) => format!("{at}, line {}", self.number),
            None => format!("line {}", self.number),
        };
        let item = Item::new(What::Line, outcome, &self.transcript.path).at(at).because(why);
        (self.items <= LINE_ITEMS_MAX).then_some(item)
    }

    /// The item that stands for all lines without an item of their own; `None` if there are none.
    fn rest(&self) -> Option<Item> {
        let more = self.items.checked_sub(LINE_ITEMS_MAX).filter(|more| *more > 0)?;
        let (outcome, why) = match self.failed_unlisted {
            0 => (Outcome::Kept, format!("{more} more lines like these are not entries either")),
            failed => (
                Outcome::Failed,
                format!(
                    "{more} more lines like these are not entries either, and {failed} of them stay in the file"
                ),
            ),
        };
        let mut item = Item::new(What::Line, outcome, &self.transcript.path);
        item.at.clone_from(&self.transcript.at);
        Some(item.because(why))
    }
}

/// The session's id in a form that nobody else's session has: a UUID as it is; any other name with the digest of the first
/// line, which holds a time.
fn identity(id: &str, first: Piece<'_>) -> String {
    if is_uuid(id) {
        return id.to_owned();
    }
    let first = match first {
        Piece::Line(line) => without_mark(line),
        Piece::TooLong(_) | Piece::Unreadable(_) => b"",
    };
    let digest: String = hex(&sha256(&[first])).chars().take(8).collect();
    format!("{id}-{digest}")
}

/// As much of a name as a document holds.
fn cut(name: &str) -> &str {
    name.get(..name.floor_char_boundary(NAME_MAX)).unwrap_or(name)
}

/// Whether an id is a UUID, which nobody else has.
pub(crate) fn is_uuid(id: &str) -> bool {
    id.len() == 36
        && id.char_indices().all(|(at, char)| match at {
            8 | 13 | 18 | 23 => char == '-',
            _ => char.is_ascii_hexdigit(),
        })
}

/// Whether a line is the header of a transcript.
pub(crate) fn is_header(line: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Typed<'a> {
        #[serde(borrow)]
        r#type: std::borrow::Cow<'a, str>,
    }
    serde_json::from_slice::<Typed<'_>>(without_mark(line)).is_ok_and(|line| line.r#type == "session")
}

fn conversation(transcript: &Transcript, outcome: Outcome) -> Item {
    let Transcript { path, at, session } = transcript;
    let mut item = Item::new(What::Conversation, outcome, path);
    item.at.clone_from(at);
    item.titled(session.title.as_ref().or(session.key.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_an_identity_and_any_other_name_needs_the_first_line() {
        let uuid = "2f9c57a5-b6a1-4002-9708-f10eca0ce5ee";
        assert_eq!(identity(uuid, Piece::Line(b"x")), uuid);
        let named = |line: &[u8]| identity("main", Piece::Line(line));
        assert_eq!(named(b"x"), named(b"x"));
        assert_eq!(named(b"x"), named(b"\xef\xbb\xbfx"));
        assert_ne!(named(b"x"), named(b"y"));
        assert!(named(b"x").starts_with("main-") && named(b"x").len() == "main-".len() + 8);
        for odd in
            ["2f9c57a5-b6a1-4002-9708-f10eca0ce5ee-topic-7", "2f9c57a5xb6a1-4002-9708-f10eca0ce5ee", ""]
        {
            assert_ne!(identity(odd, Piece::Line(b"x")), odd);
        }
    }

    #[test]
    fn a_name_is_cut_between_two_letters() {
        assert_eq!(cut("short"), "short");
        let long = format!("{}ü", "x".repeat(NAME_MAX - 1));
        assert_eq!(cut(&long), "x".repeat(NAME_MAX - 1));
    }

    #[test]
    fn a_header_is_an_object_that_says_so() {
        assert!(is_header(br#"{"type":"session","version":3}"#));
        assert!(is_header("\u{feff}{\"type\":\"session\"}\r".as_bytes()));
        for line in [&br#"{"type":"message"}"#[..], b"[]", b"{", br#"{"id":"session"}"#, b"\xff"] {
            assert!(!is_header(line));
        }
    }
}

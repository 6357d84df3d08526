//! A conversation as the file of its session: for an imported one the bytes that came in, and what was added since.

use bowline_wire::ids::{DocId, Millis};
use serde::Serialize;

use super::aside::Aside;
use super::entry::Entry;
use super::gap::Missing;
use super::line::format_time;
use super::origin::BOWLINE;
use super::read::Conversation;
use crate::document::hex::hex;

/// OpenClaw's first line, members in its order.
#[derive(Serialize)]
struct Header<'a> {
    r#type: &'static str,
    version: u32,
    id: &'a str,
    timestamp: &'a str,
    cwd: &'static str,
    /// By these, Bowline knows the conversation again and what it is called; nobody else reads them.
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
}

/// The file of a session, as far as its lines are here.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionText {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The lines that stayed in the file it was imported from.
    pub missing: Vec<Missing>,
}

impl std::fmt::Debug for SessionText {
    /// Content never reaches a trace.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionText").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// The version of transcripts that every OpenClaw reads: it takes over version 3 and writes later ones.
const VERSION: u32 = 3;

impl Conversation<'_> {
    /// The file: header, entries in the order of display, what is kept aside at its places, a line end after each line but
    /// the last of a file that had none there. A conversation made in Bowline gets a header.
    pub fn file(&self, id: DocId) -> SessionText {
        let origin = self.origin();
        let transcript = self.transcript();
        let entries = transcript.entries;
        let header = match &origin.header {
            Some(header) => Some(header.clone()),
            None if !origin.has_header() => None,
            None => made_header(id, &entries, self.title().as_deref()),
        };
        let (mut file, mut lines) = (Vec::new(), transcript.missing.len() as u64);
        let mut line = |bytes: &[u8]| {
            file.extend_from_slice(bytes);
            file.push(b'\n');
            lines += 1;
        };
        if let Some(header) = header {
            line(header.as_bytes());
        }
        let mut asides = Aside::all(self.document).0.into_iter().peekable();
        for entry in &entries {
            while let Some(aside) = asides.next_if(|aside| aside.position <= entry.position) {
                line(&aside.bytes);
            }
            line(entry.raw.as_bytes());
        }
        asides.for_each(|aside| line(&aside.bytes));
        // The line without an end may be one that is not here.
        let ends_with_gap = transcript.missing.last().is_some_and(|missing| missing.line == lines);
        if origin.no_final_newline && !ends_with_gap {
            file.pop();
        }
        SessionText { bytes: file, missing: transcript.missing }
    }

    /// The session's id: what its application called it, or one made of the document's, shaped like a UUID.
    pub fn session(&self, id: DocId) -> String {
        self.origin().session.unwrap_or_else(|| uuid_of(id))
    }
}

fn made_header(id: DocId, entries: &[Entry], title: Option<&str>) -> Option<String> {
    let time = entries.iter().find_map(|entry| entry.time).and_then(format_time);
    let timestamp = time.or_else(|| format_time(Millis(0)))?;
    let id = uuid_of(id);
    let (id, timestamp) = (id.as_str(), timestamp.as_str());
    let header =
        Header { r#type: "session", version: VERSION, id, timestamp, cwd: "", source: BOWLINE, title };
    serde_json::to_string(&header).ok()
}

fn uuid_of(id: DocId) -> String {
    let hex = hex(id.as_bytes());
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

//! A conversation: its transcript and what is said about it.

mod aside;
mod edit;
mod entry;
mod field;
mod file;
mod gap;
mod import;
pub(in crate::document) mod key;
mod line;
mod origin;
pub(in crate::document) mod outline;
mod read;
mod tally;
mod transcript;
mod writer;

pub use aside::Aside;
pub use edit::{ConversationMut, MessageId, Role};
pub use entry::{Entry, message_of};
pub use file::SessionText;
pub use gap::{Gap, LeftLine, Missing};
pub use import::{ImportBatch, ImportedLine};
pub use origin::{BOWLINE, Origin};
pub use read::Conversation;
pub use tally::Tally;
pub use transcript::Transcript;
pub use writer::Writer;

pub(in crate::document) use writer::{entry_writer, written_by_key};

use super::definition::{Definition, ExportedFile, Visibility, Words};
use crate::document::edit::deletion::Lifecycle;
use crate::document::edit::files::FilePath;
use crate::document::loaded::Document;
use crate::document::summary::Summary;

pub(in crate::document) static DEFINITION: Definition = Definition {
    words: Words { one: "conversation", several: "conversations" },
    visibility: Visibility::Shared,
    lifecycle: Lifecycle::Entries(|document| Conversation::new(document).entry_count() as u64),
    summary,
    issues: |document| Conversation::new(document).issues(),
    export: |document, _| lines(document).into_iter().collect(),
};

/// Name of the file with the lines of a transcript.
const LINES: &str = "conversation.jsonl";

fn summary(document: &Document) -> Summary {
    let title = Conversation::new(document).title();
    document.outline().tally().summary(title.as_deref(), document.last_edit())
}

/// Every entry on a line of its own, byte for byte as it was written, in the order of display.
fn lines(document: &Document) -> Option<ExportedFile> {
    let mut lines = Vec::new();
    for entry in Conversation::new(document).transcript().entries {
        lines.extend_from_slice(entry.raw.as_bytes());
        lines.push(b'\n');
    }
    Some(ExportedFile::new(FilePath::parse(LINES).ok()?, lines))
}

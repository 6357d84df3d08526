//! Every bound on documents, with its unit and the reason for it.

use bowline_wire::limits::MAX_PAYLOAD;

/// Automerge bytes in one entry: half of a payload ([`bowline_wire::limits::MAX_PAYLOAD`]). Automerge holds up to seven
/// copies of what it takes in, so accepting any one entry allocates less than four times a payload. Ten times
/// a body; JSON text shrinks to a third, so an honest entry has room to spare.
pub const CONTENT_MAX: usize = MAX_PAYLOAD / 2;

/// Changes in one entry. Run-length coding lets a few bytes claim any number, and Automerge spends up to 4 KiB on
/// each while it unpacks a snapshot, so this is what bounds memory. A body fills up at about 5,000 messages.
pub const CHANGES_MAX: usize = 16_384;

/// Operations in one entry, up to 1 KiB of memory each (measured: 460 bytes for a field, 550 for a character written, 700
/// for one deleted). One per message is usual, and one per character of a file.
pub const OPS_MAX: usize = 65_536;

/// Operations in one change that an edit makes: half of [`OPS_MAX`], so that any two changes fit one entry. A longer edit
/// is several changes.
pub const EDIT_OPS_MAX: usize = OPS_MAX / 2;

/// Bytes of values in one change that an edit makes, unless it is a single one: far from what an entry may hold, so that a
/// long edit is divided.
pub const EDIT_BYTES_MAX: usize = 1 << 20;

/// References between operations (what an operation overwrites) and between changes in one entry: two per operation.
pub const REFERENCES_MAX: usize = 131_072;

/// Columns in one chunk. Automerge 0.12 knows 17 in a document and 14 in a change.
pub const COLUMNS_MAX: usize = 32;

/// Highest operation counter. Automerge 0.12 keeps counters in 32 bits and adds to them unchecked; half of the range
/// stays out of anybody's reach.
pub const OP_COUNTER_MAX: u64 = 1 << 31;

/// Bytes of one transcript line. OpenClaw inlines images and results of tools (5.4 MB seen); a line must fit into one entry
/// together with its key and its change, for which 64 KiB is ample. What does not fit one body is sealed in parts.
pub const LINE_MAX: usize = CONTENT_MAX - (64 << 10);

/// Bytes of the id inside a transcript line. OpenClaw uses 8, UUIDs are 36; the id is part of a map key.
pub const LINE_ID_MAX: usize = 128;

/// Lines of a session's file that are not entries and are kept for export all the same. A file has a torn or empty line now and
/// then; each new line is compared with all of them, because it may be the rest of one.
pub const ASIDES_MAX: usize = 4096;

/// Bytes of all of these in one conversation: room for any one line, which may be as long as an entry.
pub const ASIDES_TOTAL_MAX: usize = LINE_MAX;

/// Lines of a session's file that are not in the conversation and that one import notes: each note is a value of the document, and a
/// file that is not a transcript at all may have millions of them.
pub const GAPS_MAX: usize = 4096;

/// Notes of such lines that are read of one conversation, the first in order: those of four imports that had nothing in common. A
/// member can write any number of them, and an import compares each line of its file with all.
pub const GAPS_READ_MAX: usize = 4 * GAPS_MAX;

/// Bytes of a title, name, label, agent reference, origin field or key of a value that an edit may write.
pub const NAME_MAX: usize = 1024;

/// Bytes of an agent's description that an edit may write: a page or two.
pub const DESCRIPTION_MAX: usize = 16 << 10;

/// Bytes of one JSON value of an agent: room for the schema of any tool. It is one scalar, so a concurrent edit replaces
/// all of it.
pub const JSON_MAX: usize = 64 << 10;

/// Bytes of the path of a file, the same for every file system that people have.
pub const PATH_MAX: usize = 512;

/// Bytes of one component of a path: what file systems take.
pub const COMPONENT_MAX: usize = 255;

/// Bytes of a text file that an edit may write. Every character is an operation of about 100 bytes while a document is
/// loaded; the instructions that people write are a tenth of this.
pub const FILE_MAX: usize = 512 << 10;

/// Files of a document: eleven years of a note each day. What costs memory is bounded by [`FILES_TOTAL_MAX`], and empty files
/// by this: each is a map of its own in the document. Removed ones count until their path is used again.
pub const FILES_MAX: usize = 4096;

/// Bytes of all text files of a document together that an edit may leave: 400 MB in memory while it is loaded.
pub const FILES_TOTAL_MAX: usize = 4 << 20;

/// Bytes of a file that is not text: a picture or a small font. Each version stays in the history of its document.
pub const BYTES_FILE_MAX: usize = 512 << 10;

/// Bytes of all files of a skill together that are not text, which an edit may leave: what can be sealed in one piece.
pub const BYTES_TOTAL_MAX: usize = 4 << 20;

/// Bytes of the title in a summary: one row of a list.
pub const SUMMARY_TITLE_MAX: usize = 200;

/// Bytes of the preview in a summary: two rows of a list.
pub const SUMMARY_PREVIEW_MAX: usize = 280;

/// Bytes of transcript text the summary looks at to make a preview, so that the longest line costs no more than a page.
pub const SUMMARY_SCAN_MAX: usize = 4096;

/// Labels that a payload claims a conversation has. Lists have all of them once the document is loaded; with
/// [`NAME_MAX`] this keeps what any payload claims below 300 KiB.
pub const CLAIMED_LABELS_MAX: usize = 256;

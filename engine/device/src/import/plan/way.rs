//! How it is known of a line of a session whether it is there.

use bowline_store::LineHash;

use super::super::lines::HeldLines;

/// How it is known of a line whether it is there.
pub(super) enum Way {
    /// All lines so far were as remembered; these are the next, and the number of the first.
    Remembered(u64, Vec<LineHash>),
    /// A line was not as remembered, so that the document has to be asked from here on.
    Diverged,
    /// Whatever comes is new.
    New,
    /// The document is asked.
    Asked(Box<HeldLines>),
    /// The document is in the trash.
    InTrash,
}

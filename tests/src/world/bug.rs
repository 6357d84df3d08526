//! Bugs that a test plants in a world, to see that the checks would find them.

/// A bug planted to see that the checks would find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The relay acknowledges before it has stored: its disk loses the last commit when the power goes.
    AckBeforeCommit,
    /// The relay does not notice that it has an entry: its disk does a commit again whose answer was lost.
    NoDeduplication,
    /// A device stores how far it has read before what it has read.
    CursorBeforeBatch,
}

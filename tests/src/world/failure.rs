//! What a history can have done to the promises that a world checks.

use bowline_wire::ids::{DocId, Position};
use thiserror::Error;

/// What a history has done to a promise.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// P4: something that was acknowledged is gone.
    #[error("P4: {on} has lost {text:?}, said on {by}")]
    Lost {
        /// Where it is missing.
        on: String,
        /// Who said it.
        by: String,
        /// The text that is gone.
        text: String,
    },
    /// P5: two devices with the same log show different documents.
    #[error("P5: {one} and {other} show different documents: {what}")]
    Different {
        /// One device.
        one: String,
        /// The other device.
        other: String,
        /// The document.
        what: String,
    },
    /// Something that was acknowledged is not shown on the device it was written on.
    #[error("{on} does not show {text:?}, which was written there")]
    Hidden {
        /// The device.
        on: String,
        /// The text.
        text: String,
    },
    /// Something that stays on its device is on another.
    #[error("{on} shows {text:?}, which was to stay on another device")]
    Left {
        /// The other device.
        on: String,
        /// The text.
        text: String,
    },
    /// Two changes have one actor and one number, and the first of them does not count, or the other does.
    #[error("{on} {} {text:?}, one of two with one number", if *.shows { "shows" } else { "does not show" })]
    Twin {
        /// The device.
        on: String,
        /// What one of both says.
        text: String,
        /// Whether it is shown there.
        shows: bool,
    },
    /// A list shows one document twice.
    #[error("{0} lists {1} twice")]
    Twice(String, DocId),
    /// P6, P7: the relay's log holds something no device may accept.
    #[error("the log holds an entry at {at} that may not be there: {why}")]
    BadLog {
        /// The entry's position.
        at: Position,
        /// Why it may not be there.
        why: String,
    },
    /// P7: something was sealed so that a removed device can read it.
    #[error("P7: the entry at {0} can be read by a device whose removal its author knew")]
    ReadableByRemoved(Position),
    /// P8, P10: among honest devices something was put aside or refused.
    #[error("P8: {0} has put something aside: {1}")]
    PutAside(String, String),
    /// P10: not everything is shown as synced, though it has to be.
    #[error("P10: {0} shows {1} after the world became quiet")]
    NotSynced(String, String),
    /// The world does not become quiet.
    #[error("{0} does not become quiet: {1}")]
    Restless(String, String),
    /// A queue grows without bound.
    #[error("{0} has queued {1} frames at once")]
    UnboundedQueue(String, usize),
    /// Something panicked.
    #[error("a panic: {0}")]
    Panicked(String),
    /// Something was logged as an error.
    #[error("an error was logged: {0}")]
    ErrorLogged(String),
}

//! What the state of a log is at a place, and which sums its checkpoint frees. Pure functions of what stands on the log and of what was found
//! in snapshots, so that every device that has the log and its keys comes to the same bytes.
//!
//! All of it goes by the state of the checkpoint that stands there, by what that names as live, and by what is behind its place: whoever has kept
//! more than that comes to nothing else.

mod documents;
mod ledger;
mod listed;
mod payloads;
mod pins;
mod runs;

pub use documents::{Kept, NotJudged};
pub use ledger::Ledger;
pub use listed::{Listed, NotWhole, Verdict};

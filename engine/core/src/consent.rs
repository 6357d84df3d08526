//! For whom a snapshot stands: who has consented that changes of theirs count through it, and which of what it covers it may stand in
//! for. Pure functions of the log, of what the snapshot holds, and of the document key; whoever has these comes to the same.
//!
//! A user consents to a set of changes by a *word*: its digest, signed in a snapshot of their own or in a confirm, for everything up
//! to the position that the snapshot covers. A word once given is not taken back.

mod people;
mod standing;
mod told;
mod words;

pub use people::{Member, People};
pub use standing::{Answer, Digest, Facts, Stands};
pub use told::{Holding, Said, SnapshotHeader, Told};

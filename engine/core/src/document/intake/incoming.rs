//! What arrives for a document from other devices, and why it may be refused.

use bowline_wire::ids::{DeviceId, EntryId, Position};
use bowline_wire::limits::OPERATION_WEIGHT;
use bowline_wire::weight::Weight;

use super::consent::Consent;
use super::hash::ChangeHash;
use crate::document::actor::ActorId;

/// The content of one accepted entry, opened, with what its signature proves about it.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Names the entry in answers; nothing else depends on it.
    pub entry: EntryId,
    /// Where the entry stands in the log; `None` if it has no place there yet, and then it displaces nothing. Of a payload in
    /// parts, where the last one stands.
    pub position: Option<Position>,
    /// Who signed the entry. What an actor may say comes from here, never from its id alone.
    pub author: DeviceId,
    /// What kind of entry it came in.
    pub source: Source,
    /// On whose word what others made counts through this entry.
    pub consent: Consent<'a>,
    /// What its author says it weighs at most: bytes, and [`OPERATION_WEIGHT`] for each operation. The log was told by it how heavy
    /// the document is.
    pub weight: Weight,
    /// Concatenated raw changes for [`Source::Changes`]; one uncompressed document save for [`Source::Snapshot`].
    pub bytes: &'a [u8],
}

/// What automerge bytes with so many operations weigh.
pub fn weight_of(bytes: usize, operations: u64) -> u64 {
    operations.saturating_mul(OPERATION_WEIGHT).saturating_add(bytes as u64)
}

impl<'a> Incoming<'a> {
    /// This device's own changes that are in no entry yet: they obey the same rules as if they came in one.
    /// Answers name them [`EntryId::ZERO`].
    pub const fn local(device: DeviceId, bytes: &'a [u8]) -> Self {
        let (entry, source, weight) = (EntryId::ZERO, Source::Changes, Weight::MAX);
        Self { entry, position: None, author: device, source, consent: Consent::Author, weight, bytes }
    }

    /// What this device keeps of its own and may have written under other keys than it has now.
    pub const fn kept(device: DeviceId, bytes: &'a [u8]) -> Self {
        Self { consent: Consent::Everybody, ..Self::local(device, bytes) }
    }
}

/// How changes travelled, which says whose they may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Changes of those who consented, as a rule the author's own; anything else in it refuses the entry.
    Changes,
    /// A whole document with everybody's changes, as the author had it. Those of others count if they consented.
    Snapshot,
}

/// An entry of which something was left out of the document. It is kept and shown with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The entry.
    pub entry: EntryId,
    /// Why it was left out.
    pub reason: Reason,
    /// How much of it was.
    pub extent: Extent,
}

/// How much of an entry is left out of a document, and what to do with the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it. What decides is in the entry and in what it builds on, so it stays refused: leave it out of every later call,
    /// until an update.
    Whole,
    /// What does not count, and what of its author's would have counted from there on. What counted before stays. Hand the entry
    /// to every later [`Document::assemble`](crate::document::Document::assemble); to
    /// [`Document::apply`](crate::document::Document::apply) only if something comes after all that stands before it in the log,
    /// or somebody consents.
    Part,
}

/// Why an entry was refused. Except for [`Reason::needs_update`], the entry's author misbehaves or its device is broken:
/// the seal was intact, so these are the bytes that were sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// More than [`CONTENT_MAX`](crate::document::limits::CONTENT_MAX).
    #[error("{0} bytes are too many for one entry")]
    TooLarge(usize),
    /// More than its author has declared: the bounds on what a document comes to rest on that.
    #[error("weighs {0}, which is more than it declares")]
    Heavier(u64),
    /// More of something than its limit in [`limits`](crate::document::limits) allows.
    #[error("too many {0}")]
    TooMany(&'static str),
    /// Bytes that Automerge could not have written.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// A chunk whose checksum does not hold.
    #[error("a checksum does not hold")]
    BadChecksum,
    /// A deflated chunk or column; Bowline sends neither, so that no decompressor needs a bound here.
    #[error("compressed inside")]
    Compressed,
    /// A feature of Automerge's that Bowline does not use: commit messages and author footers.
    #[error("uses {0}, which no document does")]
    Unused(&'static str),
    /// A change entry with a change that is not its author's to make.
    #[error("holds a change by {0:?}, who is not the entry's author")]
    NotTheAuthors(ActorId),
    /// A change in the name of somebody who has not said so: it is in no entry of theirs, and they stand for none that holds it.
    /// That the change was made up is for the entry's author to answer, not for whoever has the name.
    #[error("says something in the name of {0:?}, who has not said it")]
    NotConsented(ActorId),
    /// A change that hangs on nothing and is not a built-in first change.
    #[error("holds a change with no history")]
    NoFirstChange,
    /// A change under the built-in actor that is not the built-in change.
    #[error("forges the first change")]
    ForgedFirstChange,
    /// A first change of another kind of document.
    #[error("belongs to a document of kind {0}")]
    WrongKind(u32),
    /// A first change of a kind or schema step that this version does not know.
    #[error("update needed: kind {kind}, schema {schema}")]
    UnknownSchema {
        /// Number of the kind.
        kind: u32,
        /// Number of the schema step.
        schema: u32,
    },
    /// An operation that this kind of document does not have in this schema step.
    #[error("update needed: an operation this version does not know ({0})")]
    UnknownOperation(&'static str),
    /// An operation that overwrites or removes what is only ever added: a transcript entry, or the text of a file as a whole.
    #[error("changes or removes what is only ever added")]
    AppendOnly,
    /// A change that does not continue the history it hangs on.
    #[error("does not continue its history: {0}")]
    BrokenHistory(&'static str),
    /// Automerge refuses the change.
    #[error("refused by Automerge")]
    Rejected,
    /// Automerge would keep something else than what was sent, and the saved document could not be loaded again.
    #[error("does not survive being stored")]
    Unfaithful,
    /// Automerge panicked over the change. The document is as it was before.
    #[error("makes Automerge panic")]
    Panicked,
}

impl Reason {
    /// Whether a newer version may well accept the entry: it is worth trying again after an update.
    pub const fn needs_update(&self) -> bool {
        matches!(self, Self::UnknownSchema { .. } | Self::UnknownOperation(_))
    }
}

/// A change that is in accepted entries and yet not in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The change.
    pub hash: ChangeHash,
    /// Under which actor it was made; [`ActorId::belongs_to`] says whether this device has to commit it again.
    pub actor: ActorId,
    /// Why it is not in the document.
    pub cause: Cause,
    /// The change's raw bytes, for [`Document::recommit`](crate::document::Document::recommit).
    pub bytes: Vec<u8>,
}

/// Why a change was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The actor made two changes with one number, and the other one counted before.
    Conflict,
    /// The change builds on one that lost, or of whose entry what would have counted from there on was refused.
    Dependent,
}

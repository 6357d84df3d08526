//! What the relay needs of the place where its logs are kept. Back ends implement [`Storage`] and pass the suite in
//! `storage/conformance.rs`.

#[cfg(test)]
pub mod conformance;
mod letting_go;
pub mod memory;
pub(crate) mod roster;
pub mod sqlite;

use bowline_wire::entry::{Entry, LoggedEntry, SignedEntry};
use bowline_wire::frame::{Party, StatePiece};
use bowline_wire::head::SeenHead;
use bowline_wire::holding::SaidHolding;
use bowline_wire::ids::{
    ChainKey, DeviceId, EntryId, Lane, LogHash, LogId, LogTime, Position, Signature, StateDigest, WorkspaceId,
};
use bowline_wire::log::{ChainTip, Checkpoints, Run};
use bowline_wire::successor::SaidSuccessor;
use bowline_wire::weight::Written;
use thiserror::Error;

pub use self::letting_go::LettingGo;
use crate::keys::LogSecret;

/// Why the storage did not do what was asked. Of a failed commit nothing is stored.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StorageError {
    /// The environment's fault: no space, no permission, a failing disk. Trying again later may help.
    #[error("the storage is not available: {0}")]
    Unavailable(String),
    /// What is stored is not what was stored. An operator has to look, and to restore from a backup.
    #[error("the storage is damaged: {0}")]
    Corrupt(String),
    /// Our bug: the commit does not continue the log it is for.
    #[error("the commit does not fit the log: {0}")]
    Misuse(&'static str),
}

/// Why nothing can be done to a log.
const NO_LOG: StorageError = StorageError::Misuse("there is no such log");

/// An entry in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it stands in the log: from 1, without gaps.
    pub position: Position,
    /// The log's time there.
    pub time: LogTime,
    /// The log hash up to and including this entry.
    pub hash: LogHash,
    /// The entry, with its body.
    pub entry: Entry,
}

/// With what a log is made.
#[derive(Clone, Debug)]
pub struct NewLog {
    /// The signing key; its public half is the log's id.
    pub secret: LogSecret,
    /// The draft of the protocol that the log is written in.
    pub draft: u16,
    /// What says which lost log it begins again; none if it is its workspace's first.
    pub begins_again: Vec<SaidSuccessor>,
}

/// What one commit does to one log.
#[derive(Clone, Debug)]
pub struct LogCommit {
    /// The workspace whose log this is for.
    pub workspace: WorkspaceId,
    /// With what the log is made; `None` if the log is there already.
    pub create: Option<NewLog>,
    /// New entries, continuing the log.
    pub rows: Vec<Row>,
    /// The tips that the rows moved, as they are after the last row.
    pub tips: Vec<(ChainKey, ChainTip)>,
    /// What users have written of documents after the last row, where the rows changed it.
    pub weights: Vec<Written>,
    /// What was said of checkpoints up to the last row, where the rows changed it.
    pub checkpoints: Option<Checkpoints>,
    /// What devices say they hold, each in place of what it said before.
    pub holdings: Vec<SaidHolding>,
    /// How parties stand after the last row, where the rows changed it.
    pub parties: Vec<(Party, Standing)>,
}

/// How somebody stands in a workspace who is or was in it, or an invite or link that is or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A device that may write.
    Active,
    /// A recovery device that may write: found by its id alone.
    Recovery,
    /// A device that was removed or has left.
    Removed,
    /// An invite or link that waits for its Join.
    Open {
        /// Milliseconds since 1970 after which nobody is let in by it.
        expires: u64,
    },
    /// An invite or link that somebody has joined by.
    Used,
    /// An invite or link that was closed.
    Closed,
}

/// What decides whether somebody comes in, before anything of a log is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The log's id.
    pub log: LogId,
    /// The draft of the protocol that it is written in; 0 if it was made before drafts were counted.
    pub draft: u16,
    /// Whether its key is known to have signed for more than is stored.
    pub is_lost: bool,
    /// How the party stands by all that is stored; `None` if it is in no record.
    pub standing: Option<Standing>,
}

/// Bytes that a workspace's entries take: headers, signatures and bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of entries in the content lane.
    pub content: u64,
    /// Bytes of entries in the control lane.
    pub control: u64,
}

impl Usage {
    /// Counts one more entry.
    pub fn add(&mut self, entry: &Entry) {
        self.add_bytes(entry.header().lane, stored_len(entry));
    }

    fn add_bytes(&mut self, lane: Lane, bytes: u64) {
        match lane {
            Lane::Content => self.content = self.content.saturating_add(bytes),
            Lane::Control => self.control = self.control.saturating_add(bytes),
        }
    }

    /// What is left once so much is gone.
    #[must_use]
    pub fn without(self, gone: Self) -> Self {
        Self {
            content: self.content.saturating_sub(gone.content),
            control: self.control.saturating_sub(gone.control),
        }
    }
}

/// Bytes of an entry as [`Usage`] counts them.
pub fn stored_len(entry: &Entry) -> u64 {
    stored_size(entry.signed_header().bytes().len(), entry.body().map_or(0, <[u8]>::len))
}

/// Bytes of an entry with a header and a body of these lengths as [`Usage`] counts them.
fn stored_size(header: usize, body: usize) -> u64 {
    (header + Signature::LEN + body) as u64
}

/// A log as it is stored, without its entries.
#[derive(Clone, Debug)]
pub struct StoredLog {
    /// The signing key; its public half is the log's id.
    pub secret: LogSecret,
    /// The draft of the protocol that it is written in; 0 if it was made before drafts were counted.
    pub draft: u16,
    /// How many entries it has, which is the position of the last one.
    pub position: Position,
    /// The log's time at the last one.
    pub time: LogTime,
    /// The log hash over all its entries.
    pub hash: LogHash,
    /// What its entries take.
    pub usage: Usage,
    /// Whether its key is known to have signed for more than is stored: it is served to nobody.
    pub is_lost: bool,
    /// By which it came to be signed by its key, first one first; none unless it was continued after a restore.
    pub successors: Vec<SaidSuccessor>,
    /// What its entries say of checkpoints.
    pub checkpoints: Checkpoints,
    /// By which state entries are let go, if by any.
    pub letting_go: Option<LettingGo>,
}

/// How a log goes on after a restore.
#[derive(Clone, Debug)]
pub struct Continued {
    /// The workspace whose log this is about.
    pub workspace: WorkspaceId,
    /// The signing key from now on, in place of the one before; its public half is the log's id.
    pub secret: LogSecret,
    /// What says so to everybody: the successors that the log does not have yet, the last of which names the key.
    pub successors: Vec<SaidSuccessor>,
    /// Tips of its chains that are others now.
    pub tips: Vec<(ChainKey, ChainTip)>,
}

/// What one step of letting go has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Up to where entries are gone that go.
    pub up_to: Position,
    /// What the entries took that went in this step.
    pub freed: Usage,
}

/// How much to read at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The most entries.
    pub entries: usize,
    /// The most bytes, counted as [`framed_len`]. The first entry is given whatever its size.
    pub bytes: usize,
}

/// The most bytes an entry takes in a frame, its position included.
pub fn framed_len(entry: &Entry) -> usize {
    framed_size(entry.signed_header().bytes().len(), entry.body().map_or(0, <[u8]>::len))
}

/// The most bytes an entry with a header and a body of these lengths takes in a frame, its position included.
pub fn framed_size(header: usize, body: usize) -> usize {
    /// Signature and the heads of CBOR items; at most 77 bytes, 10 for the position and 10 for the time.
    const ENVELOPE: usize = 106;
    header + body + ENVELOPE
}

/// Entries in log order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The entries, each with its position and time.
    pub entries: Vec<(Position, LoggedEntry)>,
    /// Whether more entries follow these.
    pub more: bool,
}

/// Where logs are kept. Only what a [`Storage::commit`] has returned `Ok` for is ever signed, acknowledged or sent.
pub trait Storage {
    /// A workspace's log, without its entries; `None` if there is none.
    fn log(&self, workspace: WorkspaceId) -> Result<Option<StoredLog>, StorageError>;

    /// Whether a party may come in; `None` if there is no such log. One look-up, however long the log is and however many are in
    /// it: anybody may ask. A log of which it cannot be said is [`StorageError::Corrupt`].
    fn admission(&self, workspace: WorkspaceId, party: &Party) -> Result<Option<Admission>, StorageError>;

    /// Workspaces in whose log a device is an active recovery device, ascending, at most `limit`. One look-up for each that is found,
    /// however many logs there are: anybody may ask.
    fn recovered_by(&self, device: &DeviceId, limit: usize) -> Result<Vec<WorkspaceId>, StorageError>;

    /// Stores everything in `batch`, durably, or nothing of it. When this returns `Ok`, a power cut takes nothing away.
    ///
    /// Rows that do not continue their log, a log that is made twice and rows for a log that is not there are
    /// [`StorageError::Misuse`].
    fn commit(&mut self, batch: &[LogCommit]) -> Result<(), StorageError>;

    /// Whether a commit of a whole frame would find room and permission now. Changes nothing of what is stored. Takes as long
    /// as a commit; a back end without a disk has nothing to try.
    fn check_writable(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    /// Entries with positions above `after`, consecutive but for those that were let go, as many as `budget` allows and at least one if
    /// there is one.
    fn read(&self, workspace: WorkspaceId, after: Position, budget: Budget) -> Result<Page, StorageError>;

    /// Roster entries with positions above `after`, in log order, as many as `budget` allows and at least one if there is
    /// one.
    fn read_roster(
        &self,
        workspace: WorkspaceId,
        after: Position,
        budget: Budget,
    ) -> Result<Page, StorageError>;

    /// The position of the entry with this id: the first one, should it stand in the log twice; `None` if it is not there.
    fn position_of(&self, workspace: WorkspaceId, id: EntryId) -> Result<Option<Position>, StorageError>;

    /// The log hash at a position from 1 up to the log's; `None` at others, and where the entry was let go.
    fn hash_at(&self, workspace: WorkspaceId, position: Position) -> Result<Option<LogHash>, StorageError>;

    /// The entry with number `seq` in `chain`, without its body; `None` if there is none.
    fn header_at(
        &self,
        workspace: WorkspaceId,
        chain: &ChainKey,
        seq: u64,
    ) -> Result<Option<SignedEntry>, StorageError>;

    /// What the devices of a workspace last said that they hold, in no order.
    fn holdings(&self, workspace: WorkspaceId) -> Result<Vec<SaidHolding>, StorageError>;

    /// Positions above `after` of entries that are stored without a body, ascending, at most `limit`. One look-up, however long
    /// the log is.
    fn lost_bodies(
        &self,
        workspace: WorkspaceId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Position>, StorageError>;

    /// Stores bodies in the place of what is stored as the bodies of these entries, durably, or none of them; `None` notes that
    /// a body is lost. Whether they are the entries' bodies is for the caller to see.
    ///
    /// A position without an entry is [`StorageError::Misuse`].
    fn put_bodies(
        &mut self,
        workspace: WorkspaceId,
        bodies: &[(Position, Option<Vec<u8>>)],
    ) -> Result<(), StorageError>;

    /// Lets logs go on under other keys, durably, all of them or none. That one of them had lost entries is settled by it.
    ///
    /// A log that is not there is [`StorageError::Misuse`].
    fn continue_logs(&mut self, logs: &[Continued]) -> Result<(), StorageError>;

    /// The last position that a log had when it last went on under another key, which signs what is behind; `None` if it never did.
    fn continued_at(&self, workspace: WorkspaceId) -> Result<Option<Position>, StorageError>;

    /// Notes, durably, that a log's key has signed this head, of which the log lacks entries.
    ///
    /// A log that is not there is [`StorageError::Misuse`].
    fn note_lost(&mut self, workspace: WorkspaceId, head: &SeenHead) -> Result<(), StorageError>;

    /// Whether a log here is known to lack entries that its key has signed for.
    fn has_lost(&self) -> Result<bool, StorageError>;

    /// Every chain of a workspace's log, with its tip.
    fn tips(&self, workspace: WorkspaceId) -> Result<Vec<(ChainKey, ChainTip)>, StorageError>;

    /// What each user has written of each document of a workspace, in no order.
    fn weights(&self, workspace: WorkspaceId) -> Result<Vec<Written>, StorageError>;

    /// Keeps some bytes of a state, durably, behind those that are kept of it. Whether they are the state's is for the caller to see.
    ///
    /// Bytes that do not follow, and a log that is not there, are [`StorageError::Misuse`].
    fn add_to_state(&mut self, workspace: WorkspaceId, piece: &StatePiece) -> Result<(), StorageError>;

    /// Some bytes of a state, from one on: as they were added together. None if there are none.
    fn read_state(
        &self,
        workspace: WorkspaceId,
        digest: StateDigest,
        offset: u64,
    ) -> Result<Vec<u8>, StorageError>;

    /// Throws away, durably, what is kept of all states of a workspace but that of this digest.
    fn drop_states(&mut self, workspace: WorkspaceId, but: Option<StateDigest>) -> Result<(), StorageError>;

    /// Id and log time of the entries in these runs, ascending, as far as they are here.
    fn ids_in(
        &self,
        workspace: WorkspaceId,
        runs: &[Run],
    ) -> Result<Vec<(Position, EntryId, LogTime)>, StorageError>;

    /// Notes, durably, by which state entries are let go from now on, in place of the one before.
    ///
    /// A log that is not there is [`StorageError::Misuse`].
    fn begin_letting_go(&mut self, workspace: WorkspaceId, by: &LettingGo) -> Result<(), StorageError>;

    /// Lets some of the entries go, durably, that the state does not name as live by which entries are let go: so few that it
    /// takes no longer than a commit.
    fn let_some_go(&mut self, workspace: WorkspaceId, by: &LettingGo) -> Result<Swept, StorageError>;

    /// Workspaces in which entries are still to be let go.
    fn unswept(&self) -> Result<Vec<WorkspaceId>, StorageError>;

    /// Gives some of the space back that was let go: so little that it takes no longer than a commit. Returns whether there is more.
    fn give_some_back(&mut self) -> Result<bool, StorageError> {
        Ok(false)
    }
}

//! Why a device did not do what was asked, by whose fault it is.

use bowline_core::document::{EditError, NoVersion};
use bowline_core::sync::NotReady;
use bowline_store::StoreError;
use bowline_wire::ids::{DocId, Position, WorkspaceId};
use bowline_wire::roster::Deed;
use thiserror::Error;

use crate::draft::OtherDraft;
use crate::workspace::code::CodeError;

/// Why a device did not do what was asked. Nothing was changed.
#[derive(Debug, Error)]
pub enum Error {
    /// Environment: the database. Open the device again; what was durable is there.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Misuse: the edit.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Misuse: the version of a document.
    #[error(transparent)]
    NoVersion(#[from] NoVersion),
    /// Misuse: the code.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// Misuse: there is no such document here.
    #[error("there is no document {0} here")]
    NoDocument(DocId),
    /// Misuse: the document is of another kind.
    #[error("document {0} is of another kind")]
    OtherKind(DocId),
    /// Misuse: there is no such workspace here.
    #[error("there is no workspace {0} here")]
    NoWorkspace(WorkspaceId),
    /// Nobody's fault: the workspace's log is of another draft of the protocol than this version's.
    #[error("workspace {0} is of another version: {1:?}")]
    OtherDraft(WorkspaceId, OtherDraft),
    /// Nobody's fault: another process has written into the document since it was looked at. Look again.
    #[error("another process has written into document {0} meanwhile")]
    Changed(DocId),
    /// Misuse: two documents that cannot become one.
    #[error("documents cannot be merged: {0:?}")]
    Unmergeable(Unmergeable),
    /// Nobody's fault: nothing of the workspace's log is known here by which a relay's could be judged.
    #[error("nothing is known of the log of workspace {0} here")]
    NothingToGoOnFrom(WorkspaceId),
    /// Nobody's fault: more of the log is known since the relay's was looked at. Look again.
    #[error("more of the log of workspace {0} is known by now")]
    LogMoved(WorkspaceId),
    /// Nobody's fault: the log would have to go back to a place up to which entries were let go by a checkpoint. A new code brings the device
    /// into the log as it is at the relay.
    #[error(
        "entries of workspace {0} up to position {1} were let go by a checkpoint, and its log does not go back to before that"
    )]
    LetGo(WorkspaceId, Position),
    /// Misuse: whoever is here may not do this in the workspace.
    #[error("somebody in another role may do this: {0:?}")]
    NotPermitted(Deed),
    /// Nobody's fault: this person has written as much of records in the workspace as a Member may, until the Owner allows more.
    #[error("this person's records in that workspace are used up")]
    RecordsSpent,
    /// Nobody's fault: so many links were made for this phrase in the workspace that it has no secret left for another. Make another phrase.
    #[error("this phrase has no secret left in that workspace")]
    PhraseSpent,
    /// Misuse: this home is in the workspace already.
    #[error("this device is in that workspace already")]
    AlreadyThere,
    /// Misuse: the key file is of another home than the database.
    #[error("the key does not belong to this database")]
    OtherKey,
    /// Nobody's fault: try when it is.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// Environment: the database failed earlier. Open the device again; what was durable is there.
    #[error("the database has failed: open this home again")]
    Reopen,
    /// Nobody's fault: another process has removed the document since it was looked at. Look again.
    #[error("another process has removed the document meanwhile")]
    Gone,
    /// Environment: there is no memory to compress what is to be stored or sent.
    #[error("there is no memory to compress in")]
    NoMemory,
    /// Environment: the disk, or somebody who has changed the file. The database holds what this device cannot have
    /// written.
    #[error("the database is damaged: {0:?} cannot be read")]
    Damaged(Damage),
    /// Our bug: report it.
    #[error("a bug: {0}")]
    Bug(&'static str),
}

impl Error {
    /// Whether one document is at fault, so that there is no reason to leave others alone.
    pub fn is_of_one_document(&self) -> bool {
        matches!(
            self,
            Self::Edit(_)
                | Self::NoVersion(_)
                | Self::NoDocument(_)
                | Self::OtherKind(_)
                | Self::Unmergeable(_)
                | Self::Gone
                | Self::NoMemory
                | Self::Damaged(_)
                | Self::Bug(_)
        )
    }
}

/// Why two documents cannot become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmergeable {
    /// Both are the same document.
    Same,
    /// This one is in the trash.
    InTrash(DocId),
    /// This one is on this device only, and others would lose sight of the one that was to join it.
    OnlyHere(DocId),
    /// They are in two workspaces.
    Apart {
        /// The workspace of the first.
        first: WorkspaceId,
        /// The workspace of the second.
        second: WorkspaceId,
    },
    /// A person keeps this one here, and what is in it would leave, or others would lose what is in the other one.
    Kept(DocId),
    /// What both hold together is more than a document may.
    TooMuch,
}

/// What in a damaged database cannot be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The kind of a document.
    Kind,
    /// The last head that a relay has signed.
    Head,
    /// The point that a log has to pass through, from the code this device joins by.
    Pins,
    /// The secret of the code this device joins by.
    Ticket,
    /// The keys of a workspace.
    Keyring,
    /// The end of a chain.
    ChainTip,
    /// What was said of checkpoints of a log.
    Checkpoints,
    /// The state from which a log was begun.
    LogState,
    /// What was stored aside of a log that is to begin from a state.
    Kept,
    /// An entry: its signature does not verify any more.
    Entry,
    /// An entry by this device that the log has and the database has not.
    OwnEntry,
    /// What a person decided about a workspace.
    Decision,
    /// The code of an invite or link.
    Code,
    /// A secret that is sealed to this device.
    Secret,
    /// What is remembered of an import.
    Import,
}

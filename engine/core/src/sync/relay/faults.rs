//! What a relay can be caught at, with what shows it.

use bowline_wire::evidence::{Fork, Rollback};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{LogHash, Position, WorkspaceId};
use thiserror::Error;

use crate::sync::clocks::Clocks;

/// A relay that broke its word. The device stops appending and goes on offline; nothing local is touched.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RelayFault {
    /// Two heads signed by one log key that cannot both be prefixes of one log: proof for anyone.
    #[error("the relay has signed two different histories of this workspace")]
    Fork {
        /// What this device had verified.
        ours: SeenHead,
        /// What contradicts it.
        theirs: SeenHead,
        /// What shows it to anybody, if that is at hand: the log as it is stored here shows it otherwise.
        proof: Option<Box<Fork>>,
    },
    /// Shown a head that it had signed, the relay has signed a welcome to less of the log: proof for anyone.
    #[error("the relay has lost entries it had signed for")]
    Rollback {
        /// What this device had verified.
        ours: SeenHead,
        /// What the relay now calls its head.
        theirs: SeenHead,
        /// What was said from Hello to Welcome.
        proof: Box<Rollback>,
    },
    /// The relay offers another log of this workspace than the one known here.
    #[error("the relay offers another log for this workspace than before")]
    OtherLog {
        /// What the relay calls its head.
        theirs: SeenHead,
    },
    /// The relay says that it has lost a part of the log that it had signed for, and signs nothing until it is restored.
    #[error("the relay has lost a part of the workspace's log, and waits to be restored")]
    LogLost,
    /// The log's key says that the log is continued from a place at which it had signed for something else: it contradicts itself.
    #[error("the relay says that the log was continued from a place that is not in it")]
    FalseSuccessor {
        /// What this device had verified.
        ours: SeenHead,
        /// The place.
        position: Position,
        /// What the relay says of it.
        hash: LogHash,
    },
    /// The log that is followed here is continued by another one than was said before: a relay was restored twice from one backup, or
    /// two relays go on with one log.
    #[error("the relay's log is continued in two ways")]
    OtherSuccessor {
        /// What the relay calls its head.
        theirs: SeenHead,
    },
    /// Only one of the two keys says that the log is continued: the log's, or the relay's own.
    #[error("only one of the relay's keys says that the log was continued")]
    HalfSuccessor,
    /// The relay has lost the workspace altogether, and somebody has brought it back there since: its log begins again under a key that
    /// the log known here has not signed for, so a person decides about it.
    #[error("the relay had lost the workspace, whose log was begun again there")]
    BegunAgain,
    /// The log goes on from before the place from whose state it was begun here: the relay was restored from a backup of before the checkpoint.
    /// What was there is not here to be sent again.
    #[error("the relay's log goes on from before position {}, up to which a checkpoint has let entries go", .0.0)]
    BelowCheckpoint(Position),
    /// The log does not pass through the point that the invite or link code names.
    #[error("the relay's log is not the one that the code was made for")]
    NotThePinnedLog,
    /// A frame that no honest relay sends. The connection is closed; the next one may do better.
    #[error("the relay sent something that makes no sense: {0}")]
    Nonsense(&'static str),
    /// The challenge names another relay than the one at the end of the line: someone wants a proof for use elsewhere.
    #[error("the relay at this address asks for a proof that is meant for another relay")]
    OtherRelay,
    /// The log's time is so far ahead of this device's clock that a person has to let it through.
    #[error("the log's time is more than a day ahead of this device's clock")]
    TimeAhead(Clocks),
    /// The relay refuses one entry after the other.
    #[error("the relay keeps refusing what this device writes")]
    KeepsRefusing,
    /// The relay sends frame after frame, and none brings anything new.
    #[error("the relay sends without end and brings nothing")]
    BringsNothing,
}

impl RelayFault {
    /// Two heads of one log that contradict each other; at one position they prove it alone.
    pub(in crate::sync) fn fork(workspace: WorkspaceId, ours: SeenHead, theirs: SeenHead) -> Self {
        let alone = || Fork { workspace, low: ours, high: theirs, passed: theirs.hash, steps: Vec::new() };
        let proof = (ours.position == theirs.position).then(|| Box::new(alone()));
        Self::Fork { ours, theirs, proof }
    }

    /// Whether the device has to stop believing this relay, beyond this connection: it is caught by two signatures of the one key that
    /// was followed, or by the code. Any key signs a log, so another log ends a connection.
    pub fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::Fork { .. } | Self::Rollback { .. } | Self::NotThePinnedLog | Self::FalseSuccessor { .. }
        )
    }
}

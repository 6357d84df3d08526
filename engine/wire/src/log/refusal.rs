//! Why a log does not take an entry.

use thiserror::Error;

use crate::codec::DecodeError;
use crate::frame::Reason;
use crate::head::SeenHead;
use crate::roster::Void;

/// Why an entry may not be appended here and now.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The entry belongs to another workspace.
    #[error("it belongs to another workspace")]
    WrongWorkspace,
    /// The entry is a roster entry without a readable record.
    #[error("its roster record cannot be read: {0}")]
    BadRecord(DecodeError),
    /// The entry is a roster entry and its body is missing.
    #[error("it is a roster record without a body")]
    NoRecord,
    /// The entry before it in its chain is not here yet.
    #[error("its predecessor is missing")]
    ChainGap,
    /// Another entry has this number of the chain, or another predecessor than this one names.
    #[error("number {seq} of its chain is another entry")]
    SeqTaken {
        /// The number at which the log has another entry.
        seq: u64,
    },
    /// The author is not in the workspace, or was removed and this is beyond the cut.
    #[error("its author is not active")]
    NotActive,
    /// The author was removed; what the cut still allows has to come in one run.
    #[error("its author was removed, and the run up to the cut is not whole")]
    RunIncomplete,
    /// A Join that would change nothing.
    #[error("the join is void: {0}")]
    JoinVoid(Void),
    /// A Genesis anywhere but at the beginning, or one that does not make this workspace.
    #[error("it is not this workspace's beginning")]
    NotGenesis,
    /// The roster that the entry names is not known here yet.
    #[error("its roster is not known here yet")]
    RosterUnknown,
    /// The entry's roster is older than that of its chain's last entry, or than the head it has seen.
    #[error("its roster is older than its chain or than what it has seen")]
    RosterStale,
    /// At the entry's roster, content was suspended until a rekey.
    #[error("at its roster nobody was to seal content before a rekey")]
    RekeyDue,
    /// The epoch is not the one in force at its roster.
    #[error("its epoch is not the one in force at its roster")]
    WrongEpoch,
    /// `seen` is missing, goes back, is from before the author entered, or is signed by none of its logs; or `held` goes back.
    #[error("what it says to have seen or to hold goes back or is not of this log")]
    BadSeen,
    /// `seen` is signed by this log, and is not a prefix of it: proof that whoever holds the log's key told two stories.
    #[error("it has seen a signed head that is not in this log")]
    Forked(Box<SeenHead>),
    /// The author's database has begun anew more often than any may; the next time counts a day later.
    #[error("its author's database has begun anew too often; once a day is what is left")]
    LivesSpent,
    /// With what the entry declares, its document or what its author's user wrote of it would be heavier than it may be.
    #[error("its document is full, or what its author may write of it")]
    DocumentFull,
    /// The author's user has written as many bytes of records as a Member may.
    #[error("its author has written as much of records as a member may")]
    RecordsSpent,
}

impl From<&Refusal> for Reason {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::WrongWorkspace | Refusal::BadRecord(_) | Refusal::NoRecord | Refusal::NotGenesis => {
                Self::Malformed
            }
            Refusal::ChainGap => Self::ChainGap,
            Refusal::SeqTaken { .. } => Self::SeqTaken,
            Refusal::NotActive => Self::NotActive,
            Refusal::RunIncomplete => Self::RunIncomplete,
            Refusal::JoinVoid(_) => Self::JoinVoid,
            Refusal::RosterUnknown => Self::RosterUnknown,
            Refusal::RosterStale | Refusal::RekeyDue => Self::RosterStale,
            Refusal::WrongEpoch => Self::WrongEpoch,
            Refusal::BadSeen | Refusal::Forked(_) => Self::BadSeen,
            Refusal::LivesSpent => Self::LivesSpent,
            Refusal::DocumentFull => Self::DocumentFull,
            Refusal::RecordsSpent => Self::RecordsSpent,
        }
    }
}

//! What a roster record did, and why it changed nothing if it did not.

/// What a record did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The record took effect.
    Applied {
        /// Why the record did not begin the epoch that it asked for, so that content waits for another Rekey.
        rekey_void: Option<Void>,
    },
    /// The record changed nothing, for this reason.
    Void(Void),
    /// A record type this version does not know. Sealing has to stop until an update.
    Unknown(u64),
}

/// Why a record, or the rekey in a removal, changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Void {
    /// Genesis is the first record, and the only Genesis.
    #[error("there is exactly one Genesis, and it comes first")]
    Genesis,
    /// The author is not an active device at this position.
    #[error("its author is not active")]
    AuthorNotActive,
    /// The record is one that only the Owner may write.
    #[error("only the Owner may do this")]
    NotOwner,
    /// The record concerns a device of another user, and its author is not the Owner.
    #[error("it concerns another user's device")]
    NotOwnUser,
    /// The roster has moved since it was written.
    #[error("another roster record came first")]
    NotOnHead,
    /// No such ticket, or one of the other kind.
    #[error("there is no such invite or link")]
    NoTicket,
    /// The ticket was used or closed.
    #[error("the invite or link is no longer open")]
    TicketNotOpen,
    /// The ticket's signature in a Join does not verify.
    #[error("the proof is not by the invite or link secret")]
    BadProof,
    /// A ticket, device or HPKE key that was used before in this workspace.
    #[error("a key in it was used before")]
    KeyReused,
    /// An HPKE key of a weaker suite than the workspace takes.
    #[error("a key in it is of a weaker suite than this workspace takes")]
    WeakSuite,
    /// Another number of wraps than there are recipients.
    #[error("it is not sealed to exactly those who stay")]
    WrongRecipients,
    /// Since the roster that a rekey builds on, somebody went, came in, or began an epoch.
    #[error("what has happened since its author wrote it was faster")]
    Outrun,
    /// No rekey is due, and its author may not begin an epoch without that.
    #[error("no rekey is due, and its author has no other reason that counts")]
    NotDue,
    /// The epoch complained of, or whose keys are handed on, is not the newest.
    #[error("it is about an epoch that is not in force")]
    NotNewest,
    /// The newest epoch was complained of before.
    #[error("somebody has complained of this epoch before")]
    Complained,
    /// A device hands keys of an epoch on once.
    #[error("its author has handed on keys of this epoch before")]
    HandedOn,
    /// No offer of ownership is open, or none to the author's user.
    #[error("ownership is not on offer to its author")]
    NotOffered,
    /// No such device or user, or already removed.
    #[error("its target is not active")]
    TargetNotActive,
    /// An Allow for somebody who still has half of what they may write.
    #[error("its target may still write half of what is allowed")]
    NotSpent,
    /// Epochs are given up only while somebody lacks a key.
    #[error("nobody has complained of the newest epoch")]
    NoComplaint,
    /// No epoch of this workspace has such an id.
    #[error("there is no such epoch")]
    NoEpoch,
    /// A Lost that names nothing new.
    #[error("all of it was given up before")]
    GivenUp,
    /// Nobody removes the device they write with.
    #[error("a device does not remove itself")]
    SelfRemoval,
    /// The Owner cannot leave, nor lose the last live device.
    #[error("the Owner keeps at least one live device")]
    LastOwnerDevice,
    /// Recovery devices leave only by their own signature, come only by link, and do not rekey.
    #[error("a recovery device cannot be part of this")]
    Recovery,
    /// The cut names chains of a device that the record does not concern.
    #[error("its cut names another device")]
    ForeignCut,
    /// The workspace is full: see the limits.
    #[error("the workspace is at its limit of members or epochs")]
    Full,
    /// A record of an unknown type came before, so nothing after it can be judged.
    #[error("an unknown record came before it")]
    AfterUnknown,
}

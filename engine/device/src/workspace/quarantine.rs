//! Why an entry is kept apart, as a number in the database: which numbers there are, and what each of them means.

use bowline_core::document;
use bowline_core::sync::Unreadable;
use bowline_crypto::OpenError;
use bowline_store::{EntryRow, EntryState, StoredReason};
use bowline_wire::frame;
use bowline_wire::log::Refusal;

/// Why an entry of the log was put aside. Numbers below 20 are of entries that cannot be read, below 40 of entries that
/// may not stand where they do, below 60 of changes that the document refuses; the rest are this device's own.
///
/// A number that was given away once is not given to anything else: homes hold it. One number more here needs no schema
/// step; an older version shows it as [`QuarantineReason::Unknown`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuarantineReason {
    /// An earlier version put the reason in words that nobody knows any more; the words are the detail.
    Told,
    /// There is no key here for its epoch. The one reason that passes: when a key comes, the entry is read again.
    NoKey,
    /// The relay has no body for it any more.
    NoBody,
    /// The entry ends a payload of which an earlier part is not here.
    NoPart,
    /// The entry's author made parts that are not one payload.
    Parts,
    /// The entry's author sealed one document under the name of another.
    OtherDocument,
    /// The entry's author sealed something that is not a payload.
    Payload,
    /// The entry's author did not seal header and body together, or not under the epoch's key.
    NotAuthentic,
    /// The entry's author sealed something that cannot be unpacked.
    NotUnpacked,
    /// Our bug: the entry was to be opened with the keys of another workspace.
    OtherWorkspacesKeys,
    /// Our bug: the entry is of the control lane, where nothing is sealed, and was to be opened.
    NotSealed,
    /// The entry belongs to another workspace.
    OtherWorkspace,
    /// The entry is a roster entry, and its record cannot be read.
    BadRecord,
    /// The entry is a roster entry without a body.
    NoRecord,
    /// The entry before it in its author's chain is not on the log.
    ChainGap,
    /// The log has another entry with its number.
    SeqTaken,
    /// The relay has put the entry on the log a second time; where it stands first, it counts.
    Doubled,
    /// The entry's author is not in the workspace.
    NotActive,
    /// The entry's author was removed, and the entries up to the cut did not come as one run.
    RunIncomplete,
    /// The entry is a Join that changes nothing.
    JoinVoid,
    /// The entry is a Genesis and not this workspace's beginning.
    NotGenesis,
    /// The roster it was written at is not known here.
    RosterUnknown,
    /// The roster it was written at is older than its chain, or than what it has seen.
    RosterStale,
    /// Nobody was to seal content at its roster before a rekey.
    RekeyDue,
    /// The entry's epoch is not the one in force at its roster.
    WrongEpoch,
    /// What it says it has seen or holds goes back, or is not of this log.
    BadSeen,
    /// The entry has seen a signed head that is not in this log.
    Forked,
    /// The entry's changes are too long.
    TooLarge,
    /// The entry's changes have more of something than is allowed.
    TooMany,
    /// The entry's changes are not bytes that Automerge could have written.
    Malformed,
    /// A checksum in its changes does not hold.
    BadChecksum,
    /// Something in its changes is compressed.
    Compressed,
    /// The entry's changes use something of Automerge's that no document here does.
    Unused,
    /// The entry holds a change that is not its author's to make.
    NotTheAuthors,
    /// The entry holds a change that hangs on nothing.
    NoFirstChange,
    /// The entry forges the change every document begins with.
    ForgedFirstChange,
    /// The entry begins a document of another kind.
    WrongKind,
    /// The entry changes or removes what is only ever added to.
    AppendOnly,
    /// The entry's changes do not continue the history they hang on.
    BrokenHistory,
    /// Automerge refuses its changes.
    Rejected,
    /// Automerge would keep something else than what it holds.
    Unfaithful,
    /// Automerge panics over its changes.
    Panicked,
    /// The entry claims another kind for a document that is here.
    OtherKind,
    /// The entry was opened when it came, and cannot be opened any more: it was damaged on the disk.
    Damaged,
    /// This program ended three times while it applied the entry.
    Crashed,
    /// The entry's author had a database that had begun anew more often than any may.
    LivesSpent,
    /// The entry's document, or what its author's user wrote of it, was as heavy as it may be.
    DocumentFull,
    /// The entry's author had written as much of records as a member may.
    RecordsSpent,
    /// The entry's changes weigh more than it declares.
    Heavier,
    /// The entry says something in the name of somebody who has not said it. What its own author says in it counts.
    NotConsented,
    /// The entry was on the log before its relay was restored from a backup, and the log does not take it again.
    NotTakenAgain,
    /// The Owner gave the entry up, or another part of its payload, because it never came to everybody.
    GivenUp,
    /// A number without a name here: a newer version wrote it.
    Unknown(u16),
}

impl QuarantineReason {
    /// All named reasons with their numbers.
    pub const NAMED: [(u16, Self); 52] = [
        (0, Self::Told),
        (1, Self::NoKey),
        (2, Self::NoBody),
        (3, Self::NoPart),
        (4, Self::Parts),
        (5, Self::OtherDocument),
        (6, Self::Payload),
        (7, Self::NotAuthentic),
        (8, Self::NotUnpacked),
        (9, Self::OtherWorkspacesKeys),
        (10, Self::NotSealed),
        (20, Self::OtherWorkspace),
        (21, Self::BadRecord),
        (22, Self::NoRecord),
        (23, Self::ChainGap),
        (24, Self::SeqTaken),
        (25, Self::NotActive),
        (26, Self::RunIncomplete),
        (27, Self::JoinVoid),
        (28, Self::NotGenesis),
        (29, Self::RosterUnknown),
        (30, Self::RosterStale),
        (31, Self::RekeyDue),
        (32, Self::WrongEpoch),
        (33, Self::BadSeen),
        (34, Self::Forked),
        (35, Self::LivesSpent),
        (36, Self::DocumentFull),
        (37, Self::Doubled),
        (38, Self::RecordsSpent),
        (40, Self::TooLarge),
        (41, Self::TooMany),
        (42, Self::Malformed),
        (43, Self::BadChecksum),
        (44, Self::Compressed),
        (45, Self::Unused),
        (46, Self::NotTheAuthors),
        (47, Self::NoFirstChange),
        (48, Self::ForgedFirstChange),
        (49, Self::WrongKind),
        (50, Self::AppendOnly),
        (51, Self::BrokenHistory),
        (52, Self::Rejected),
        (53, Self::Unfaithful),
        (54, Self::Panicked),
        (55, Self::Heavier),
        (56, Self::NotConsented),
        (60, Self::OtherKind),
        (61, Self::Damaged),
        (62, Self::Crashed),
        (70, Self::NotTakenAgain),
        (71, Self::GivenUp),
    ];

    /// The number in the database.
    pub fn number(self) -> u16 {
        match self {
            Self::Unknown(number) => number,
            named => Self::NAMED.iter().find(|(_, it)| *it == named).map_or(0, |(number, _)| *number),
        }
    }

    /// Never fails: a number without a name is [`QuarantineReason::Unknown`].
    pub fn from_number(number: u16) -> Self {
        Self::NAMED.iter().find(|(named, _)| *named == number).map_or(Self::Unknown(number), |(_, it)| *it)
    }

    /// For the database, with nothing to add.
    pub(crate) fn plain(self) -> StoredReason {
        StoredReason { number: self.number(), detail: None }
    }

    /// For the database, why the relay does not take an entry again.
    pub(crate) fn not_taken_again(reason: frame::Reason) -> StoredReason {
        Self::NotTakenAgain.with(reason.number())
    }

    fn with(self, detail: impl ToString) -> StoredReason {
        StoredReason { number: self.number(), detail: Some(detail.to_string()) }
    }
}

/// Whether an entry is aside because it is given up, or because another part of its payload is.
pub(crate) fn is_given_up(row: &EntryRow) -> bool {
    let number = QuarantineReason::GivenUp.number();
    row.state == EntryState::Quarantined && row.reason.as_ref().is_some_and(|it| it.number == number)
}

/// Why an accepted entry cannot be read, for the database.
pub(crate) fn unreadable(why: &Unreadable) -> StoredReason {
    match why {
        Unreadable::NoKey | Unreadable::Seal(OpenError::NoKey(_)) => QuarantineReason::NoKey.plain(),
        Unreadable::NoBody | Unreadable::Seal(OpenError::NoBody) => QuarantineReason::NoBody.plain(),
        Unreadable::NoPart => QuarantineReason::NoPart.plain(),
        Unreadable::Parts(rule) => QuarantineReason::Parts.with(rule),
        Unreadable::OtherDocument => QuarantineReason::OtherDocument.plain(),
        Unreadable::Payload(error) => QuarantineReason::Payload.with(error.0),
        Unreadable::Seal(OpenError::NotAuthentic) => QuarantineReason::NotAuthentic.plain(),
        Unreadable::Seal(OpenError::Payload(error)) => QuarantineReason::NotUnpacked.with(error),
        Unreadable::Seal(OpenError::WrongWorkspace) => QuarantineReason::OtherWorkspacesKeys.plain(),
        Unreadable::Seal(OpenError::ControlLane) => QuarantineReason::NotSealed.plain(),
    }
}

/// Why an entry may not stand where the relay has put it, for the database.
pub(crate) fn not_acceptable(why: &Refusal) -> StoredReason {
    match why {
        Refusal::WrongWorkspace => QuarantineReason::OtherWorkspace.plain(),
        Refusal::BadRecord(error) => QuarantineReason::BadRecord.with(error),
        Refusal::NoRecord => QuarantineReason::NoRecord.plain(),
        Refusal::ChainGap => QuarantineReason::ChainGap.plain(),
        Refusal::SeqTaken { seq } => QuarantineReason::SeqTaken.with(seq),
        Refusal::NotActive => QuarantineReason::NotActive.plain(),
        Refusal::RunIncomplete => QuarantineReason::RunIncomplete.plain(),
        Refusal::JoinVoid(void) => QuarantineReason::JoinVoid.with(void),
        Refusal::NotGenesis => QuarantineReason::NotGenesis.plain(),
        Refusal::RosterUnknown => QuarantineReason::RosterUnknown.plain(),
        Refusal::RosterStale => QuarantineReason::RosterStale.plain(),
        Refusal::RekeyDue => QuarantineReason::RekeyDue.plain(),
        Refusal::WrongEpoch => QuarantineReason::WrongEpoch.plain(),
        Refusal::BadSeen => QuarantineReason::BadSeen.plain(),
        Refusal::Forked(_) => QuarantineReason::Forked.plain(),
        Refusal::LivesSpent => QuarantineReason::LivesSpent.plain(),
        Refusal::DocumentFull => QuarantineReason::DocumentFull.plain(),
        Refusal::RecordsSpent => QuarantineReason::RecordsSpent.plain(),
    }
}

/// Why a document refuses an entry's changes, for the database; `None` if a newer version may well take them.
pub(crate) fn not_applied(why: &document::Reason) -> Option<StoredReason> {
    use document::Reason;
    Some(match why {
        Reason::UnknownSchema { .. } | Reason::UnknownOperation(_) => return None,
        Reason::TooLarge(bytes) => QuarantineReason::TooLarge.with(bytes),
        Reason::Heavier(weight) => QuarantineReason::Heavier.with(weight),
        Reason::TooMany(what) => QuarantineReason::TooMany.with(what),
        Reason::Malformed(what) => QuarantineReason::Malformed.with(what),
        Reason::BadChecksum => QuarantineReason::BadChecksum.plain(),
        Reason::Compressed => QuarantineReason::Compressed.plain(),
        Reason::Unused(what) => QuarantineReason::Unused.with(what),
        Reason::NotTheAuthors(actor) => QuarantineReason::NotTheAuthors.with(format_args!("{actor:?}")),
        // Whose name it was is left out: who answers for it is the entry's author.
        Reason::NotConsented(_) => QuarantineReason::NotConsented.plain(),
        Reason::NoFirstChange => QuarantineReason::NoFirstChange.plain(),
        Reason::ForgedFirstChange => QuarantineReason::ForgedFirstChange.plain(),
        Reason::WrongKind(kind) => QuarantineReason::WrongKind.with(kind),
        Reason::AppendOnly => QuarantineReason::AppendOnly.plain(),
        Reason::BrokenHistory(what) => QuarantineReason::BrokenHistory.with(what),
        Reason::Rejected => QuarantineReason::Rejected.plain(),
        Reason::Unfaithful => QuarantineReason::Unfaithful.plain(),
        Reason::Panicked => QuarantineReason::Panicked.plain(),
    })
}

/// Why a relay has refused an entry of ours for good, for the database: its number on the wire.
pub(crate) fn refused(reason: frame::Reason) -> StoredReason {
    StoredReason { number: reason.number(), detail: None }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_has_one_number_and_reads_back() {
        let numbers: BTreeSet<u16> = QuarantineReason::NAMED.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers.len(), QuarantineReason::NAMED.len());
        for (number, reason) in QuarantineReason::NAMED {
            assert_eq!((reason.number(), QuarantineReason::from_number(number)), (number, reason));
        }
        for number in [11, 63, u16::MAX] {
            assert_eq!(QuarantineReason::from_number(number), QuarantineReason::Unknown(number));
            assert_eq!(QuarantineReason::Unknown(number).number(), number);
        }
    }

    #[test]
    fn what_an_update_may_mend_is_not_quarantined() {
        use document::Reason;
        for reason in [Reason::UnknownSchema { kind: 9, schema: 1 }, Reason::UnknownOperation("marks")] {
            assert!(reason.needs_update() && not_applied(&reason).is_none());
        }
        for reason in [Reason::TooLarge(1), Reason::AppendOnly, Reason::Panicked] {
            assert!(!reason.needs_update() && not_applied(&reason).is_some());
        }
    }
}

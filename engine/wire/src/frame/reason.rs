//! Why a relay did not do what was asked: the reasons of a Refused and of a Goodbye, with their numbers.

/// Why a relay did not do what was asked. Numbers below 32 concern one entry, others the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Transient: the workspace's storage is full. Control entries still fit.
    Quota,
    /// Transient: the entry's predecessor in its chain is not on the log yet.
    ChainGap,
    /// Transient: the entry's roster is not on the log yet.
    RosterUnknown,
    /// Transient: too many control entries at once.
    Rate,
    /// Transient: the run up to a removal's cut has to arrive whole.
    RunIncomplete,
    /// The number is taken by another entry; the proof is that entry's header.
    SeqTaken,
    /// The author is not (or no longer) active.
    NotActive,
    /// The Join cannot be applied: its invite or link is closed, used, expired or unknown.
    JoinVoid,
    /// The roster is older than the chain or what was seen allow, or sealing was suspended at it.
    RosterStale,
    /// The epoch is not the one in force at the entry's roster.
    WrongEpoch,
    /// `seen` or `held` goes back, names another log or a head that is not in this one, or is not signed by it.
    BadSeen,
    /// The entry is not canonical, not signed, of another workspace or over a limit, or its body is not the header's.
    Malformed,
    /// Transient: the relay could not store the entry.
    Storage,
    /// Transient: the author's database has begun anew too often; the next time counts a day later.
    LivesSpent,
    /// The entry's document is as heavy as a document may be, or as its author's user may make it.
    DocumentFull,
    /// The record is one that the role of its author does not permit.
    NotPermitted,
    /// The author's user has written as many bytes of records as a Member may, until the Owner allows more.
    RecordsSpent,
    /// The relay has no such workspace.
    NoWorkspace,
    /// The party may not use this workspace.
    NotAllowed,
    /// The registration token is not accepted.
    BadToken,
    /// The proof does not verify.
    BadProof,
    /// A frame that has no place here.
    OutOfPlace,
    /// The frame version is not spoken here.
    Version,
    /// The peer was removed while connected.
    Removed,
    /// The relay is stopping.
    Shutdown,
    /// To whoever holds the secret of an invite or link: somebody has joined by it.
    TicketUsed,
    /// To whoever holds the secret of an invite or link: it was closed.
    TicketClosed,
    /// To whoever holds the secret of an invite or link: it has expired.
    TicketExpired,
    /// The device writes logs in an older draft of the protocol than the relay: its program has to be updated.
    DeviceOutdated,
    /// The device or the log is of a newer draft than the relay knows: the relay has to be updated.
    RelayOutdated,
    /// The log is of an older draft than the relay's: nobody can go on with it.
    LogOutdated,
    /// The relay has lost a part of the log that it had signed for, and signs nothing before its operator has restored it.
    LogLost,
    /// A number without a name here.
    Unknown(u16),
}

impl Reason {
    /// All named reasons with their numbers; PROTOCOL.md's table is compared with this.
    pub const NAMED: [(&'static str, u16, Self); 32] = [
        ("Quota", 1, Self::Quota),
        ("ChainGap", 2, Self::ChainGap),
        ("RosterUnknown", 3, Self::RosterUnknown),
        ("Rate", 4, Self::Rate),
        ("RunIncomplete", 5, Self::RunIncomplete),
        ("SeqTaken", 6, Self::SeqTaken),
        ("NotActive", 7, Self::NotActive),
        ("JoinVoid", 8, Self::JoinVoid),
        ("RosterStale", 9, Self::RosterStale),
        ("WrongEpoch", 10, Self::WrongEpoch),
        ("BadSeen", 11, Self::BadSeen),
        ("Malformed", 12, Self::Malformed),
        ("Storage", 13, Self::Storage),
        ("LivesSpent", 14, Self::LivesSpent),
        ("DocumentFull", 15, Self::DocumentFull),
        ("NotPermitted", 16, Self::NotPermitted),
        ("RecordsSpent", 17, Self::RecordsSpent),
        ("NoWorkspace", 32, Self::NoWorkspace),
        ("NotAllowed", 33, Self::NotAllowed),
        ("BadToken", 34, Self::BadToken),
        ("BadProof", 35, Self::BadProof),
        ("OutOfPlace", 36, Self::OutOfPlace),
        ("Version", 37, Self::Version),
        ("Removed", 38, Self::Removed),
        ("Shutdown", 39, Self::Shutdown),
        ("TicketUsed", 40, Self::TicketUsed),
        ("TicketClosed", 41, Self::TicketClosed),
        ("TicketExpired", 42, Self::TicketExpired),
        ("DeviceOutdated", 43, Self::DeviceOutdated),
        ("RelayOutdated", 44, Self::RelayOutdated),
        ("LogOutdated", 45, Self::LogOutdated),
        ("LogLost", 46, Self::LogLost),
    ];

    /// The number on the wire.
    pub fn number(self) -> u16 {
        match self {
            Self::Unknown(number) => number,
            named => {
                Self::NAMED.iter().find(|(_, _, reason)| *reason == named).map_or(0, |(_, number, _)| *number)
            }
        }
    }

    /// Never fails: numbers without a name are [`Reason::Unknown`].
    pub fn from_number(number: u16) -> Self {
        Self::NAMED
            .iter()
            .find(|(_, named, _)| *named == number)
            .map_or(Self::Unknown(number), |(_, _, r)| *r)
    }

    /// Whether the same bytes may be accepted later. A reason without a name is taken as permanent only for the entry
    /// it names; the entry is kept either way.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Quota
                | Self::ChainGap
                | Self::RosterUnknown
                | Self::Rate
                | Self::RunIncomplete
                | Self::Storage
                | Self::LivesSpent
        )
    }

    /// Whether it says to a device that it is not in the workspace, or that there is no such workspace: trying again helps
    /// only if the relay changes its mind.
    pub fn shuts_out(self) -> bool {
        matches!(self, Self::NotAllowed | Self::Removed | Self::NotActive | Self::NoWorkspace)
    }

    /// Whether one side or the log is of another draft than the other side: trying again helps once something was updated.
    pub fn is_about_draft(self) -> bool {
        matches!(self, Self::DeviceOutdated | Self::RelayOutdated | Self::LogOutdated)
    }

    /// Whether it turns away whoever is on the connection, so that a newcomer may have another way in.
    pub fn is_about_party(self) -> bool {
        matches!(
            self,
            Self::NotAllowed | Self::Removed | Self::TicketUsed | Self::TicketClosed | Self::TicketExpired
        )
    }
}

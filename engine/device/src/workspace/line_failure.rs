//! Why there is no connection to a relay, as the process that syncs notes it in the database: a number, and what the number
//! leaves open.

use bowline_core::sync::{Awaited, RelayFault};
use bowline_wire::frame::Reason;
use serde::{Deserialize, Serialize};

/// What is added to the relay's own number when it closed the connection with a reason.
const GOODBYE: u32 = 1000;

/// Why there is no connection. A number that was given away once is not given to anything else: reports hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineReason {
    /// An earlier version put the reason in words; they are what the failure says of its cause.
    Told,
    /// The address that the workspace was made with cannot be read.
    Address,
    /// The relay's name leads nowhere.
    NameNotFound,
    /// `localhost` leads to another machine.
    NotLoopback,
    /// Nothing answers there.
    Unreachable,
    /// Connecting took too long.
    TimedOut,
    /// The certificate leads to nobody this system trusts.
    Untrusted,
    /// The relay has another key than its address says.
    WrongPin,
    /// The system has no certificates to check others with.
    NoTrustStore,
    /// No encrypted connection could be made.
    Tls,
    /// The relay takes no more connections.
    Full,
    /// What answers there is not a relay.
    NotARelay,
    /// The relay speaks only another version.
    OtherVersion,
    /// The connection was cut while it was being opened.
    CutWhileOpening,
    /// The connection was cut.
    Cut,
    /// Not one byte came for a while.
    Silent,
    /// The connection was too slow to send what was left.
    NotFlushed,
    /// The relay sends pings or empty fragments without end.
    Flood,
    /// The relay began a frame and did not finish it.
    Slow,
    /// The relay sent a frame that is too long.
    TooLarge,
    /// The relay sent text instead of a frame.
    Text,
    /// The relay does not keep to WebSocket.
    Protocol,
    /// Our bug: a frame that is too long was to be sent.
    OwnFrameTooLarge,
    /// The relay closed the connection without saying why.
    Closed,
    /// The relay has gone silent, and owes this.
    Unanswered(Awaited),
    /// The relay has signed two different histories.
    Fork,
    /// The relay has lost what it had signed for.
    Rollback,
    /// The relay says that it has lost a part of the log.
    LogLost,
    /// The relay offers another log than before.
    OtherLog,
    /// The relay's log is not the one the code was made for.
    NotThePinnedLog,
    /// The relay sent what no honest relay sends.
    Nonsense,
    /// The relay asks for a proof that is meant for another relay.
    OtherRelay,
    /// The relay refuses one entry after the other.
    KeepsRefusing,
    /// The relay sends frame after frame, and none brings anything.
    BringsNothing,
    /// The relay's log is said to be continued from what is not in it.
    FalseSuccessor,
    /// The relay's log is continued in two ways.
    OtherSuccessor,
    /// Only one of the relay's keys says that the log was continued.
    HalfSuccessor,
    /// The relay had lost the workspace, whose log was begun again there.
    BegunAgain,
    /// The relay's log goes on from before a checkpoint by whose state the log here was begun.
    BelowCheckpoint,
    /// The log's time is more than a day ahead of this device's clock.
    TimeAhead,
    /// The relay closed the connection with this reason.
    Goodbye(Reason),
    /// A number without a name here: a newer version wrote it.
    Unknown(u32),
}

impl LineReason {
    /// All named reasons with their numbers, but for the relay's own.
    pub const NAMED: [(u32, Self); 42] = [
        (0, Self::Told),
        (1, Self::Address),
        (10, Self::NameNotFound),
        (11, Self::NotLoopback),
        (12, Self::Unreachable),
        (13, Self::TimedOut),
        (14, Self::Untrusted),
        (15, Self::WrongPin),
        (16, Self::NoTrustStore),
        (17, Self::Tls),
        (18, Self::Full),
        (19, Self::NotARelay),
        (20, Self::OtherVersion),
        (21, Self::CutWhileOpening),
        (30, Self::Cut),
        (31, Self::Silent),
        (32, Self::NotFlushed),
        (33, Self::TooLarge),
        (34, Self::Text),
        (35, Self::Protocol),
        (36, Self::OwnFrameTooLarge),
        (37, Self::Flood),
        (38, Self::Slow),
        (40, Self::Closed),
        (41, Self::Unanswered(Awaited::Challenge)),
        (42, Self::Unanswered(Awaited::Welcome)),
        (43, Self::Unanswered(Awaited::Answer)),
        (50, Self::Fork),
        (51, Self::Rollback),
        (52, Self::OtherLog),
        (53, Self::NotThePinnedLog),
        (54, Self::Nonsense),
        (55, Self::OtherRelay),
        (56, Self::KeepsRefusing),
        (57, Self::BringsNothing),
        (58, Self::LogLost),
        (59, Self::FalseSuccessor),
        (60, Self::OtherSuccessor),
        (61, Self::HalfSuccessor),
        (62, Self::TimeAhead),
        (63, Self::BegunAgain),
        (64, Self::BelowCheckpoint),
    ];

    /// The number in the database.
    pub fn number(self) -> u32 {
        match self {
            Self::Unknown(number) => number,
            Self::Goodbye(reason) => GOODBYE + u32::from(reason.number()),
            named => Self::NAMED.iter().find(|(_, it)| *it == named).map_or(0, |(number, _)| *number),
        }
    }

    /// Never fails: a number without a name is [`LineReason::Unknown`].
    pub fn from_number(number: u32) -> Self {
        let named = Self::NAMED.iter().find(|(named, _)| *named == number).map(|(_, it)| *it);
        let goodbye = || u16::try_from(number.checked_sub(GOODBYE)?).ok().map(Reason::from_number);
        named.or_else(|| goodbye().map(Self::Goodbye)).unwrap_or(Self::Unknown(number))
    }
}

impl From<&RelayFault> for LineReason {
    fn from(fault: &RelayFault) -> Self {
        match fault {
            RelayFault::Fork { .. } => Self::Fork,
            RelayFault::Rollback { .. } => Self::Rollback,
            RelayFault::LogLost => Self::LogLost,
            RelayFault::OtherLog { .. } => Self::OtherLog,
            RelayFault::NotThePinnedLog => Self::NotThePinnedLog,
            RelayFault::Nonsense(_) => Self::Nonsense,
            RelayFault::OtherRelay => Self::OtherRelay,
            RelayFault::KeepsRefusing => Self::KeepsRefusing,
            RelayFault::BringsNothing => Self::BringsNothing,
            RelayFault::FalseSuccessor { .. } => Self::FalseSuccessor,
            RelayFault::OtherSuccessor { .. } => Self::OtherSuccessor,
            RelayFault::HalfSuccessor => Self::HalfSuccessor,
            RelayFault::BegunAgain => Self::BegunAgain,
            RelayFault::BelowCheckpoint(_) => Self::BelowCheckpoint,
            RelayFault::TimeAhead(_) => Self::TimeAhead,
        }
    }
}

/// Why there is no connection, with what the reason leaves open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub struct LineFailure {
    /// Why there is no connection.
    pub reason: LineReason,
    /// The name, address or number it is about.
    pub about: Option<String>,
    /// What the system, the TLS library or the other side said.
    pub cause: Option<String>,
}

impl LineFailure {
    /// A failure with nothing to add to its reason.
    pub fn plain(reason: LineReason) -> Self {
        Self { reason, about: None, cause: None }
    }
}

/// A failure in a report.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Kept {
    /// As versions before numbers wrote it.
    Words(String),
    Numbered {
        number: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        about: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
    },
}

impl From<Kept> for LineFailure {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Words(words) => Self { reason: LineReason::Told, about: None, cause: Some(words) },
            Kept::Numbered { number, about, cause } => {
                Self { reason: LineReason::from_number(number), about, cause }
            }
        }
    }
}

impl From<LineFailure> for Kept {
    fn from(failure: LineFailure) -> Self {
        let LineFailure { reason, about, cause } = failure;
        Self::Numbered { number: reason.number(), about, cause }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_has_one_number_and_reads_back() {
        let numbers: BTreeSet<u32> = LineReason::NAMED.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers.len(), LineReason::NAMED.len());
        for (number, reason) in LineReason::NAMED {
            assert!(number < GOODBYE);
            assert_eq!((reason.number(), LineReason::from_number(number)), (number, reason));
        }
        for (number, reason) in [
            (1033, LineReason::Goodbye(Reason::NotAllowed)),
            (5711, LineReason::Goodbye(Reason::Unknown(4711))),
            (99, LineReason::Unknown(99)),
            (u32::MAX, LineReason::Unknown(u32::MAX)),
        ] {
            assert_eq!((reason.number(), LineReason::from_number(number)), (number, reason));
        }
    }

    #[test]
    fn a_failure_is_stored_as_a_number_and_words_of_earlier_versions_are_kept() {
        let failure = LineFailure {
            reason: LineReason::Unreachable,
            about: Some("127.0.0.1 port 9".to_owned()),
            cause: None,
        };
        let json = serde_json::to_string(&failure).unwrap();
        assert_eq!(json, r#"{"number":12,"about":"127.0.0.1 port 9"}"#);
        assert_eq!(serde_json::from_str::<LineFailure>(&json).unwrap(), failure);
        let words: LineFailure = serde_json::from_str("\"nothing answers\"").unwrap();
        assert_eq!((words.reason, words.cause.as_deref()), (LineReason::Told, Some("nothing answers")));
    }
}

//! Errors of the connection to a relay, and what relay and workspace refuse.

use bowline_engine::run::{LineError, LineFailure, LineReason};
use bowline_engine::transport::{AddressError, DialError, Distrust, LinkError, NotARelay};
use bowline_engine::{Awaited, Deed, NotReady, Reason, RelayFault, Void};

use super::code::ErrorCode;
use super::command::CommandError;
use super::hints::{
    ASK_FOR_MORE, COME_BACK, FROM_ITS_BEGINNING, HAND_OVER_FIRST, HAVE_IT_RESTORED, KEPT, REPORT,
};
use crate::clocks::clocks_in_words;
use crate::text::{OneLine, sentence_case};

/// What to do when the relay is not who it should be.
pub(super) const DO_NOT_GO_ON: &str = "nothing was sent. Ask the relay's operator, on another way, for its address; if they have not changed it, somebody is in between";

impl From<AddressError> for CommandError {
    fn from(error: AddressError) -> Self {
        Self::new(ErrorCode::NotAnAddress, "This is not a relay's address")
            .because(&error)
            .hint("take it as `bowline-relay serve` printed it: wss://HOST[:PORT]#key=…,token=…")
    }
}

/// What a relay does that floods a line.
const FLOOD: &str = "The relay sends without end and brings nothing";

/// What to do about a relay that floods.
const FLOODED: &str =
    "ask its operator about it; everything here goes on working, and `bowline sync` tries again";

/// Why there is no connection to a relay.
pub(crate) fn line_failed(error: &LineError) -> CommandError {
    let of = |code, message: &str| CommandError::new(code, message);
    match error {
        LineError::Address(error) => error.clone().into(),
        LineError::Dial(error) => dial_failed(error),
        LineError::Lost(error) => lost(error),
        LineError::Silent(owed) => CommandError { causes: vec![unanswered(*owed).to_owned()], ..silent() },
        LineError::Goodbye(reason) => turned_away(*reason),
        LineError::Closed => {
            of(ErrorCode::ConnectionLost, "The relay closed the connection without saying why").hint(KEPT)
        }
        LineError::Fault(fault) => fault_found(fault),
        LineError::Elsewhere(failure) => {
            let cause = no_connection(failure);
            CommandError {
                causes: vec![cause],
                ..of(ErrorCode::NotConnected, "The process that syncs this home has no connection")
            }
        }
    }
}

/// The relay is connected and says nothing.
fn silent() -> CommandError {
    CommandError::new(ErrorCode::RelayTimeout, "The relay is silent")
        .hint("ask its operator whether it is well")
        .hint(KEPT)
}

/// How a connection broke.
fn lost(error: &LinkError) -> CommandError {
    let of = |code, message: &str| CommandError::new(code, message);
    match error {
        LinkError::Silent => silent().because(error),
        LinkError::Slow => of(ErrorCode::RelayTimeout, "The relay is too slow").because(error).hint(KEPT),
        LinkError::Flood => of(ErrorCode::RelayMisbehaves, FLOOD).hint(FLOODED),
        _ => of(ErrorCode::ConnectionLost, "The connection to the relay broke").because(error).hint(KEPT),
    }
}

/// What a relay has not answered, in words.
fn unanswered(owed: Awaited) -> &'static str {
    match owed {
        Awaited::Challenge => "it took the connection and did not answer when this device said hello",
        Awaited::Welcome => "it did not answer when this device proved who it is",
        Awaited::Answer => "it let this device in and answers nothing more",
    }
}

/// Why there is no connection, on one line.
pub(crate) fn no_connection(failure: &LineFailure) -> String {
    let about = failure.about.as_deref().unwrap_or("?");
    let words = match failure.reason {
        LineReason::Told => "",
        LineReason::Address => "the workspace's address of its relay cannot be read",
        LineReason::NameNotFound => &format!("the name {about} was not found"),
        LineReason::NotLoopback => {
            &format!("{about} is not this machine here, and nothing leaves this machine without TLS")
        }
        LineReason::Unreachable => &format!("nothing answers at {about}"),
        LineReason::TimedOut => &format!("no connection within {about} seconds"),
        LineReason::Untrusted => &format!("the certificate of {about} is not trusted by this system"),
        LineReason::WrongPin => &format!("the relay has another key than its address says ({about})"),
        LineReason::NoTrustStore => "this system has no store of trusted certificates",
        LineReason::Tls => "no encrypted connection could be made",
        LineReason::Full => "the relay is full",
        LineReason::NotARelay => &format!("{about} is not a relay"),
        LineReason::OtherVersion => &format!("the relay speaks another version ({about})"),
        LineReason::CutWhileOpening => "the connection was cut while it was being opened",
        LineReason::Cut => "the connection was cut",
        LineReason::Silent => "the relay has gone silent",
        LineReason::NotFlushed => "the connection was too slow",
        LineReason::Flood | LineReason::BringsNothing => "the relay sends without end and brings nothing",
        LineReason::Slow => "the relay began a frame and did not finish it within a minute",
        LineReason::Unanswered(owed) => &format!("the relay is silent: {}", unanswered(owed)),
        LineReason::TooLarge => "the relay sent a frame that is too long",
        LineReason::Text => "the relay sent text instead of a frame",
        LineReason::Protocol => "the relay does not keep to the WebSocket protocol",
        LineReason::OwnFrameTooLarge => {
            &format!("a frame of {about} bytes was to be sent, which is too long: this is a bug in Bowline")
        }
        LineReason::Closed => "the relay closed the connection without saying why",
        LineReason::Fork => "the relay has signed two different histories of this workspace",
        LineReason::Rollback => {
            "the relay has signed for less of the log than it was shown it had signed for"
        }
        LineReason::LogLost => "the relay has lost a part of the workspace's log, and waits to be restored",
        LineReason::OtherLog => "the relay offers another log for this workspace than before",
        LineReason::NotThePinnedLog => "the relay's log is not the one that the code was made for",
        LineReason::Nonsense => &format!("the relay sent something that makes no sense: {about}"),
        LineReason::OtherRelay => "what answers at the relay's address is not the workspace's relay",
        LineReason::FalseSuccessor => {
            "the relay says that its log was continued from a place that is not in the workspace's log"
        }
        LineReason::OtherSuccessor => "the relay's log is continued in two ways",
        LineReason::HalfSuccessor => "only one of the relay's keys says that its log was continued",
        LineReason::BegunAgain => "the relay had lost this workspace, and it was made there again",
        LineReason::BelowCheckpoint => {
            "the relay was restored to before a checkpoint by whose state this device has begun"
        }
        LineReason::TimeAhead => "the log's time is more than a day ahead of this device's clock",
        LineReason::KeepsRefusing => "the relay keeps refusing what this device writes",
        LineReason::Goodbye(reason) => &format!("the relay refused: {}", relay_says(reason)),
        LineReason::Unknown(number) => &format!("for a reason that this version does not know ({number})"),
    };
    let told = match (words, &failure.cause) {
        ("", cause) => cause.clone().unwrap_or_default(),
        (words, Some(cause)) => format!("{words}: {cause}"),
        (words, None) => words.to_owned(),
    };
    OneLine(&told).to_string()
}

/// What a relay was caught at, in words.
pub(crate) fn relay_fault(fault: &RelayFault) -> String {
    let about = if let RelayFault::Nonsense(what) = fault { Some((*what).to_owned()) } else { None };
    no_connection(&LineFailure { reason: fault.into(), about, cause: None })
}

fn dial_failed(error: &DialError) -> CommandError {
    let of = |code, message: &str| CommandError::new(code, message).because(error);
    match error {
        DialError::NameNotFound { .. } => of(ErrorCode::RelayNotFound, "The relay's name was not found")
            .hint("check the network and the address")
            .hint(KEPT),
        DialError::NotLoopback { .. } => {
            of(ErrorCode::RelayNotLocal, "The relay's address is not on this machine")
                .hint("use one that begins with wss://")
        }
        DialError::Unreachable { .. } => of(ErrorCode::RelayUnreachable, "The relay cannot be reached")
            .hint("check the network, and whether the relay is running")
            .hint(KEPT),
        DialError::TimedOut { .. } => of(ErrorCode::RelayTimeout, "The relay does not answer").hint(KEPT),
        DialError::Untrusted { why, .. } => {
            of(ErrorCode::RelayUntrusted, "The relay's certificate is not trusted").hint(about_distrust(*why))
        }
        DialError::NoTrustStore(_) => of(ErrorCode::RelayUntrusted, "The relay's certificate is not trusted")
            .hint("install this system's certificates (the package is often called ca-certificates)"),
        DialError::WrongPin { .. } => {
            of(ErrorCode::RelayWrongKey, "This is not the relay that the address is for").hint(DO_NOT_GO_ON)
        }
        DialError::Tls(_) => of(ErrorCode::TlsFailed, "No encrypted connection to the relay could be made")
            .hint("check that the port is the relay's, and that nothing on the way takes TLS apart"),
        DialError::Full => of(ErrorCode::RelayFull, "The relay is full").hint(KEPT),
        DialError::NotARelay { answer: NotARelay::Status(502..=504), .. } => of(
            ErrorCode::RelayUnreachable,
            "A proxy answers at this address, and the relay behind it does not",
        )
        .hint("ask the relay's operator whether it is running")
        .hint(KEPT),
        DialError::NotARelay { answer: NotARelay::Status(301..=303 | 307 | 308), .. } => {
            of(ErrorCode::NotARelay, "What answers at this address is not a Bowline relay")
                .hint("check the path of the address, and whether it ends with /")
        }
        DialError::NotARelay { .. } => {
            of(ErrorCode::NotARelay, "What answers at this address is not a Bowline relay")
                .hint("check host, port and path of the address")
        }
        DialError::OtherVersion { .. } => {
            of(ErrorCode::RelayVersion, "The relay is of another version of Bowline")
                .hint("update the older of the two; everything here goes on working meanwhile")
        }
        DialError::Io(_) => {
            of(ErrorCode::ConnectionLost, "The connection to the relay could not be made").hint(KEPT)
        }
    }
}

/// What to do about a certificate that this system does not trust.
fn about_distrust(why: Distrust) -> &'static str {
    match why {
        Distrust::OutOfDate => {
            "the relay's operator has to renew it; if it is not out of date, this machine's clock is wrong"
        }
        Distrust::OtherName => {
            "the address needs the name that the certificate is for: ask the relay's operator"
        }
        Distrust::UnknownIssuer | Distrust::Other => {
            "if it is self-signed, the address needs the key that `bowline-relay serve` printed: wss://HOST#key=…; if an \
             authority of your own signed it, add that to this system's trusted certificates"
        }
    }
}

/// What a relay said when it closed the connection.
pub(crate) fn turned_away(reason: Reason) -> CommandError {
    let message = format!("The relay refused: {}", relay_says(reason));
    let error = CommandError::new(refusal_code(reason), message);
    match reason {
        Reason::BadToken => {
            error.hint("take the address as `bowline-relay serve` printed it, with its token")
        }
        Reason::Version => error.hint("update the older of the two; everything here goes on working meanwhile"),
        Reason::DeviceOutdated => error.hint("update this program; everything here goes on working meanwhile"),
        Reason::RelayOutdated => {
            error.hint("ask its operator to update it; everything here goes on working meanwhile")
        }
        Reason::LogOutdated => error.hint(
            "nothing here is lost: a new workspace (`bowline workspace create`) takes in every document of the old one with \
             `bowline share --all`",
        ),
        Reason::NotAllowed => error
            .hint("if the relay was restored from a backup, this may pass: another device that knows this one lets it in by connecting")
            .hint(COME_BACK),
        Reason::NotActive | Reason::Removed => error.hint(COME_BACK),
        Reason::NoWorkspace => error.hint(
            "it was deleted there, or the relay has lost its data: ask its operator. Everything stays on this device, and whoever has \
             been in the workspace makes it there again by `bowline workspace repair`",
        ),
        Reason::LogLost => error.hint(HAVE_IT_RESTORED),
        _ if reason.is_transient() => error.hint(KEPT),
        Reason::Shutdown => error.hint(KEPT),
        Reason::TicketUsed | Reason::TicketClosed | Reason::TicketExpired | Reason::JoinVoid => {
            error.hint("ask for a new code")
        }
        Reason::DocumentFull => {
            error.hint("what is written into it stays on this device; go on in a new document")
        }
        Reason::RecordsSpent => error.hint(ASK_FOR_MORE),
        // The program here had let it be done.
        Reason::NotPermitted => error.hint("ask the owner").hint(REPORT),
        _ => error.hint(REPORT),
    }
}

/// The code of a relay's reason.
pub(crate) fn refusal_code(reason: Reason) -> ErrorCode {
    match reason {
        Reason::Quota => ErrorCode::RelayQuota,
        Reason::Rate => ErrorCode::RelayRate,
        Reason::Storage => ErrorCode::RelayStorage,
        Reason::Shutdown => ErrorCode::RelayStopping,
        Reason::NoWorkspace => ErrorCode::RelayLacksWorkspace,
        Reason::LogLost => ErrorCode::RelayLostLog,
        Reason::NotAllowed | Reason::NotActive | Reason::Removed => ErrorCode::NotAMember,
        Reason::BadToken => ErrorCode::BadToken,
        Reason::Version | Reason::DeviceOutdated | Reason::RelayOutdated => ErrorCode::RelayVersion,
        Reason::LogOutdated => ErrorCode::WorkspaceOld,
        Reason::TicketUsed => ErrorCode::CodeUsed,
        Reason::TicketClosed => ErrorCode::CodeClosed,
        Reason::TicketExpired => ErrorCode::CodeExpired,
        Reason::JoinVoid => ErrorCode::CodeVoid,
        Reason::NotPermitted => ErrorCode::NotOwner,
        Reason::RecordsSpent => ErrorCode::RecordsSpent,
        _ => ErrorCode::RelayRefused,
    }
}

/// A relay's reason in words. Its word, not believed.
pub(crate) fn relay_says(reason: Reason) -> String {
    let words = match reason {
        Reason::Quota => "the workspace's storage there is full",
        Reason::Rate => "too much at once",
        Reason::NotActive | Reason::Removed => "this device was removed from the workspace",
        Reason::JoinVoid => "the code lets nobody in any more",
        Reason::Storage => "it cannot store anything right now",
        Reason::LivesSpent => {
            "this device's data was put back or copied too often; once a day is what is left"
        }
        Reason::DocumentFull => "the document, or this person's share of it, is full",
        Reason::NotPermitted => "only the owner may do this",
        Reason::RecordsSpent => "this person has used up what a member may write about people and keys",
        Reason::NoWorkspace => "it has no such workspace",
        Reason::LogLost => "it has lost a part of the workspace's log, and waits to be restored",
        Reason::NotAllowed => "this device may not use the workspace",
        Reason::BadToken => "it takes new workspaces only with the right registration token",
        Reason::Version => "it speaks another version",
        Reason::DeviceOutdated => "this program is older than the relay, and has to be updated",
        Reason::RelayOutdated => "it is older than this program, and has to be updated",
        Reason::LogOutdated => "an earlier version made this workspace, and nobody can go on with it",
        Reason::Shutdown => "it is stopping",
        Reason::TicketUsed => "somebody has already joined with this code",
        Reason::TicketClosed => "this code was closed by whoever made it",
        Reason::TicketExpired => "this code has expired",
        Reason::Unknown(number) => return format!("for a reason that this version does not know ({number})"),
        Reason::ChainGap | Reason::RunIncomplete => "it waits for something that this device wrote before",
        Reason::RosterUnknown => "it does not know yet who is in the workspace",
        other => return format!("for a reason that is about our own data ({other:?})"),
    };
    words.to_owned()
}

fn fault_found(fault: &RelayFault) -> CommandError {
    let error = CommandError::new(ErrorCode::RelayMisbehaves, sentence_case(&relay_fault(fault)));
    match fault {
        RelayFault::BringsNothing => CommandError::new(ErrorCode::RelayMisbehaves, FLOOD).hint(FLOODED),
        RelayFault::OtherRelay => error.hint(DO_NOT_GO_ON),
        RelayFault::NotThePinnedLog => error.hint("ask for a new code, and for the relay's address once more"),
        RelayFault::Nonsense(_) | RelayFault::KeepsRefusing => error.hint(KEPT),
        RelayFault::LogLost => CommandError::new(
            ErrorCode::RelayLostLog,
            "The relay has lost a part of the workspace's log, and waits to be restored",
        )
        .hint(HAVE_IT_RESTORED),
        RelayFault::TimeAhead(clocks) => {
            let error = CommandError::new(ErrorCode::LogTimeAhead, "The log is of a time that has not come");
            CommandError { causes: vec![clocks_in_words(clocks)], ..error }
                .hint("if this device's clock is wrong, set it; if it is right, tell the relay's operator")
                .hint("`bowline sync --accept-time` goes on all the same; nothing here is lost")
        }
        RelayFault::OtherLog { .. } => error
            .hint("look whether the relay's address is right, and if it has moved, `bowline workspace move ADDRESS`; nothing here is lost")
            .hint(
                "if its operator has put a backup there, `bowline-relay restore` is missing; if that is how it stays, `bowline workspace \
                 accept --dry-run` shows what its log lacks",
            ),
        RelayFault::BegunAgain => CommandError::new(
            ErrorCode::LogBegunAgain,
            "The relay had lost this workspace, and it was made there again",
        )
        .hint(
            "`bowline workspace repair` shows what its log still lacks and sends that; ask whoever made it there again. Nothing here is \
             lost, and nothing is sent before",
        ),
        RelayFault::BelowCheckpoint(_) => CommandError::new(
            ErrorCode::LogBelowCheckpoint,
            "The relay was restored to before a checkpoint by whose state this device has begun",
        )
        .because(fault)
        .hint(FROM_ITS_BEGINNING),
        RelayFault::OtherSuccessor { .. } | RelayFault::HalfSuccessor => error.hint(
            "tell its operator: one backup was restored twice, or a key of the relay is in other hands. Nothing here is lost, and nothing \
             is sent until it shows the log as before",
        ),
        RelayFault::Fork { .. } | RelayFault::Rollback { .. } | RelayFault::FalseSuccessor { .. } => CommandError::new(
            ErrorCode::RelayMisbehaves,
            "The relay has been caught misbehaving",
        )
        .because(fault)
        .hint(
            "nothing more is sent there, and nothing here is lost. `bowline status` shows the evidence: talk to the relay's operator",
        ),
    }
}

/// Somebody in another role may do this.
pub(crate) fn not_permitted(deed: Deed) -> CommandError {
    let message = match deed {
        Deed::Invite => "Only the owner can invite",
        Deed::CloseInvite => "Only the owner can close an invite",
        Deed::RemoveMember => "Only the owner can remove people",
        Deed::RemoveOthersDevice => "Only the owner can remove other people's devices",
        Deed::Move => "Only the owner can move the workspace to another relay",
        Deed::HandOver => "Only the owner can hand the workspace over",
        Deed::Allow => "Only the owner can allow somebody more",
        Deed::GiveUp => "Only the owner can give up what never comes",
        Deed::TakeOver => return void(Void::NotOffered),
        Deed::Write
        | Deed::Audit
        | Deed::CloseOver
        | Deed::Link
        | Deed::CloseLink
        | Deed::RemoveOwnDevice
        | Deed::Leave
        | Deed::Rekey
        | Deed::Complain
        | Deed::HandOn
        | Deed::WriteUnknown => "Only the owner can do this",
    };
    CommandError::new(ErrorCode::NotOwner, message)
}

/// Why a decision about the workspace came to nothing.
pub(crate) fn void(why: Void) -> CommandError {
    let of = |code, message: &str| CommandError::new(code, message);
    match why {
        Void::NotOwner => of(ErrorCode::NotOwner, "Only the workspace's owner may do this"),
        Void::NotOwnUser => {
            of(ErrorCode::NotOwner, "Only the owner of the workspace, or of the device, may do this")
        }
        Void::SelfRemoval => of(ErrorCode::DecisionVoid, "A device does not remove itself")
            .hint("do it from another device, or `bowline workspace forget` on this one"),
        Void::LastOwnerDevice => {
            of(ErrorCode::LastOwnerDevice, "The owner's last device stays in the workspace")
                .hint(HAND_OVER_FIRST)
        }
        Void::NotOffered => of(ErrorCode::NotOffered, "Nobody offers you the ownership of this workspace")
            .hint("the owner offers it with `bowline workspace hand-over`"),
        Void::NotSpent => of(ErrorCode::DecisionVoid, "They may still write half of what they are allowed")
            .hint("`bowline workspace members` says who is running out; this is for them"),
        Void::GivenUp => of(ErrorCode::DecisionVoid, "It was given up before"),
        Void::NoComplaint => of(ErrorCode::DecisionVoid, "No device lacks a key any more")
            .hint("`bowline sync` brings what could not be read"),
        Void::TargetNotActive => of(ErrorCode::TargetGone, "It is not in the workspace any more"),
        Void::AuthorNotActive => of(ErrorCode::NotAMember, "This device is not in the workspace any more"),
        Void::Recovery => of(
            ErrorCode::DecisionVoid,
            "A person has one recovery phrase, and after its first week only its own words take it out",
        )
        .hint("`bowline recovery replace` puts another in its place, `bowline recovery remove` takes it out; `bowline recovery check` says whose words are which"),
        Void::Full => of(ErrorCode::WorkspaceFull, "The workspace is full")
            .hint("close codes nobody needs, and remove devices nobody uses"),
        Void::AfterUnknown => of(ErrorCode::UpdateNeeded, "The workspace uses features of a newer version")
            .hint("update this program"),
        other => {
            of(ErrorCode::DecisionVoid, "The workspace did not accept this").because(&other).hint("try again")
        }
    }
}

/// Why nothing is being sent, in words.
pub(crate) fn not_ready(why: NotReady) -> &'static str {
    match why {
        NotReady::Offline => "not connected",
        NotReady::CatchingUp => "still receiving what others wrote",
        NotReady::NotMember => "this device is not in the workspace",
        NotReady::Distrusted => "the relay has been caught misbehaving, and nothing more is sent there",
        NotReady::RekeyDue => "somebody left, and the new key is not there yet",
        NotReady::NoKey => {
            "this device has no key for what is written now: it has said so, and goes on with the next key"
        }
        NotReady::UpdateNeeded => "the workspace uses features of a newer version: update this program",
        NotReady::RemovalPending => "waiting for a removal to be in force",
        NotReady::SendingAgain => {
            "the relay was restored from a backup or is another one, and what it lacks is sent again first"
        }
        NotReady::InFlight => "waiting for the relay to answer",
        NotReady::RecordsSpent => {
            "you have used up what a member may write about people and keys, and something that you decided waits"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_that_a_person_can_do_something_about_is_told_in_words_with_a_hint() {
        for (name, _, reason) in Reason::NAMED {
            assert!(!reason.is_transient() || !relay_says(reason).contains("our own data"), "{name}");
            let error = turned_away(reason);
            assert_eq!(error.kind(), super::super::Kind::Refused);
            assert!(!error.hints.is_empty(), "{name}");
            let is_ours = error.hints.first().is_some_and(|hint| hint == REPORT);
            assert_eq!(error.message.contains(name), is_ours, "{name}: {}", error.message);
        }
    }

    #[test]
    fn a_reason_of_a_later_version_is_told_by_its_number() {
        assert!(turned_away(Reason::Unknown(999)).message.contains("(999)"));
    }

    #[test]
    fn every_failure_of_a_line_has_a_sentence_and_ends_with_what_the_system_said() {
        for (_, reason) in LineReason::NAMED {
            let (about, cause) = (Some("relay.example".to_owned()), Some("it says \u{1b}so".to_owned()));
            let told = no_connection(&LineFailure { reason, about, cause });
            assert!(told.ends_with("it says <1B>so"), "{told}");
            assert_eq!(told.len() > 20, reason != LineReason::Told, "{told}");
        }
        let unknown = no_connection(&LineFailure::plain(LineReason::Unknown(99)));
        assert_eq!(unknown, "for a reason that this version does not know (99)");
    }

    #[test]
    fn a_line_refused_is_told_with_the_reason() {
        let told = no_connection(&LineFailure::from(&LineError::Goodbye(Reason::Shutdown)));
        assert_eq!(told, "the relay refused: it is stopping");
    }
}

//! Why nobody was let in by a code.

use bowline_engine::run::LineError;
use bowline_engine::{InquiryFailed, JoinFailed, Reason, RelayFault};

use super::code::ErrorCode;
use super::command::CommandError;
use super::line::{DO_NOT_GO_ON, line_failed, turned_away};

/// What is said when nothing came of asking a relay what a code is for.
const NOTHING_CHANGED: &str = "nothing was changed here, and the code is not used: run this again";

/// Why a relay did not say what a code is for.
pub(crate) fn inquiry_failed(why: InquiryFailed) -> CommandError {
    match why {
        InquiryFailed::Code(why) => join_failed(&why),
        InquiryFailed::Goodbye(Reason::NoWorkspace) => CommandError::new(
            ErrorCode::RelayLacksWorkspace,
            "The relay that this code names has no such workspace",
        )
        .hint("it was deleted there, or has moved to another relay: ask whoever gave you the code for a new one"),
        InquiryFailed::Goodbye(reason) => not_asked(turned_away(reason)),
        InquiryFailed::Fault(fault) => match *fault {
            RelayFault::NotThePinnedLog | RelayFault::OtherLog { .. } => other_workspace().because(&fault),
            fault => not_asked(line_failed(&LineError::Fault(fault))),
        },
        InquiryFailed::Cut => not_asked(line_failed(&LineError::Closed)),
    }
}

/// There was no connection to ask a relay what a code is for.
pub(crate) fn no_line_for_code(why: &LineError) -> CommandError {
    not_asked(line_failed(why))
}

/// What is queued is not what somebody with a code thinks of.
fn not_asked(error: CommandError) -> CommandError {
    let hints = error.hints.into_iter().filter(|hint| hint != super::KEPT).collect();
    CommandError { hints, ..error }.hint(NOTHING_CHANGED)
}

fn other_workspace() -> CommandError {
    CommandError::new(
        ErrorCode::OtherWorkspace,
        "The relay shows another workspace than the one the code is for",
    )
    .hint(DO_NOT_GO_ON)
}

/// Why a code did not let this device in.
pub(crate) fn join_failed(why: &JoinFailed) -> CommandError {
    let of = |code, message: &str| CommandError::new(code, message);
    let another = "ask for a new code: `bowline workspace invite` or `bowline device link` makes one";
    match why {
        JoinFailed::TicketUsed => of(ErrorCode::CodeUsed, "Somebody has already joined with this code")
            .hint(format!("if that was not you, tell whoever gave it to you; {another}")),
        JoinFailed::TicketClosed => {
            of(ErrorCode::CodeClosed, "This code was closed by whoever made it").hint(another)
        }
        JoinFailed::TicketExpired => of(ErrorCode::CodeExpired, "This code has expired").hint(another),
        JoinFailed::TicketGone => {
            of(ErrorCode::CodeVoid, "This code was used, closed or expired just now").hint(another)
        }
        JoinFailed::KeySpent => of(
            ErrorCode::NotAMember,
            "This device was removed from the workspace, and its key lets nobody in any more",
        )
        .hint("`bowline workspace rejoin CODE` brings it back under a new key, with all that is on it"),
        JoinFailed::LogOutdated => of(
            ErrorCode::WorkspaceOld,
            "An earlier version made the workspace of this code, and nobody can go on with it",
        )
        .hint(
            "ask for a code of a new workspace: whoever is in the old one can make it, and share everything into it",
        ),
        JoinFailed::UpdateNeeded => {
            of(ErrorCode::UpdateNeeded, "A later version made the workspace of this code").hint("update this program")
        }
        JoinFailed::NotAdmitted => of(ErrorCode::CodeVoid, "The relay does not know this code").hint(another),
        JoinFailed::OtherRoster | JoinFailed::BadRecords => other_workspace().because(why),
        JoinFailed::OtherKind => of(
            ErrorCode::CodeFalse,
            "This code says something else of whom it lets in than the workspace's own record of it",
        )
        .hint("nothing was changed: do not use it, and ask whoever gave it to you, on another way, who made it"),
        JoinFailed::Keys(_) => {
            of(ErrorCode::CodeVoid, "The code's key is not the workspace's").because(why).hint(another)
        }
    }
}

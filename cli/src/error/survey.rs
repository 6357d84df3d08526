//! Why nobody can say what a relay's log is, and what to do then.

use bowline_engine::{Reason, SurveyFailed};

use super::code::ErrorCode;
use super::command::CommandError;
use super::hints::KEPT;
use super::line::turned_away;

/// The way out where no log can be gone on with.
pub(super) const FORGET: &str = "nothing was changed. `bowline workspace forget` keeps every document on this device; `bowline share --all` then puts them \
     into a new workspace, or into this one after `bowline join` with a new code";

/// Why a relay's log could not be looked at.
pub(crate) fn survey_failed(why: &SurveyFailed) -> CommandError {
    let of = |message: &str| CommandError::new(ErrorCode::RelayMisbehaves, message);
    match why {
        SurveyFailed::Goodbye(Reason::NotAllowed | Reason::Removed) => CommandError::new(
            ErrorCode::NotAMember,
            "By the relay's log this device is not in the workspace",
        )
        .hint("`bowline workspace rejoin` with a new code brings it back; everything stays on this device"),
        SurveyFailed::Goodbye(Reason::BadToken) => CommandError::new(
            ErrorCode::BadToken,
            "The relay has nothing of this workspace, and takes new ones only with its registration token",
        )
        .hint("ask its operator for it: `bowline workspace repair --token -` reads it from stdin"),
        SurveyFailed::Goodbye(reason) => turned_away(*reason),
        SurveyFailed::OtherRelay => of("Another relay answers at this address").hint(
            "nothing was changed. If the relay is at another address, `bowline workspace move ADDRESS`",
        ),
        SurveyFailed::OtherLog => {
            of("The relay's log is another one from its beginning: there is nothing to go on from")
                .hint(FORGET)
        }
        SurveyFailed::NotByLog => {
            of("The relay says that its log was continued, and the log's own key has not signed that")
                .hint(FORGET)
        }
        SurveyFailed::LetGo(_) => {
            of("The relay's log parts from the one here before entries that a checkpoint has let go, so the two cannot be compared")
                .because(why)
                .hint(FORGET)
        }
        SurveyFailed::Nonsense(_) => of("The relay's log makes no sense").because(why).hint(KEPT),
    }
}

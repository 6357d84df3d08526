//! What happened in a workspace, as sentences.

use bowline_engine::device::Notice;
use bowline_engine::ids::WorkspaceId;

use crate::documents::count_entries;
use crate::error;
use crate::workspaces::relay_for_people;

/// Number and verb of entries that a sentence is about.
fn are_entries(entries: usize) -> String {
    if entries == 1 { "1 entry is".to_owned() } else { format!("{entries} entries are") }
}

/// A notice for a person; `None` for what the command that waits for it says itself.
pub(crate) fn sentence(notice: &Notice) -> Option<(WorkspaceId, String)> {
    Some(match notice {
        Notice::CodeReady { .. } | Notice::Decided { .. } | Notice::Joined(_) => return None,
        Notice::DecisionVoid { workspace, why } => {
            (*workspace, format!("a decision came to nothing: {}", error::void(*why)))
        }
        Notice::NothingToGiveUp(workspace) => {
            (*workspace, "what was to be given up has come: nothing was given up".to_owned())
        }
        Notice::JoinFailed(workspace, why) => (*workspace, error::join_failed(why).message),
        Notice::Removed(workspace) => {
            (*workspace, "this device was removed, or has left. Documents stay here; `bowline status` says more".to_owned())
        }
        Notice::OtherLife(workspace) => (
            *workspace,
            "this home was restored from a copy, or another copy of it is at work: nothing is lost, and this one goes \
             on by itself"
                .to_owned(),
        ),
        Notice::HeldUp { workspace, reason } => (
            *workspace,
            format!("the relay takes nothing more for now: {}; what waits stays queued", error::relay_says(*reason)),
        ),
        Notice::Refused { workspace, reason, .. } => (
            *workspace,
            format!(
                "the relay refused something for good ({}); it is kept here, and what it held is sent again",
                error::relay_says(*reason)
            ),
        ),
        Notice::Withheld(workspace) => (
            *workspace,
            "the relay holds back some of what others wrote; it is asked for again by itself: see `bowline status`".to_owned(),
        ),
        Notice::NothingWithheld(workspace) => (*workspace, "all that the relay had held back is here".to_owned()),
        Notice::Quarantined { workspace, .. } => {
            (*workspace, "something that cannot be read or verified was put aside: see `bowline status`".to_owned())
        }
        Notice::GivenUp { workspace, entries, own } => (
            *workspace,
            format!(
                "the owner gave up {}, which {} nowhere any more{}",
                count_entries(*entries),
                if *entries == 1 { "counts" } else { "count" },
                if *own > 0 { "; what of that is yours is sent again" } else { "" }
            ),
        ),
        Notice::WrittenAgain { workspace, .. } => (
            *workspace,
            "a copy of this home, or somebody whose work yours was built on, had said two things under one number; what \
             did not count of yours was written again, and nothing of it is lost"
                .to_owned(),
        ),
        Notice::Merged { workspace, kind, .. } => (
            *workspace,
            format!(
                "1 {} that was imported here joined the one that another device of yours had shared; nothing of it is lost",
                kind.words().one
            ),
        ),
        Notice::Restored { workspace, entries } => (
            *workspace,
            format!("the relay was restored from a backup; {} sent again, and nothing is lost", are_entries(*entries)),
        ),
        Notice::Moved { workspace, address } => (
            *workspace,
            format!("the owner has moved the workspace to {}: this device goes there with all it has", relay_for_people(address)),
        ),
        Notice::Damaged(workspace) => (
            *workspace,
            "what is stored of it cannot be read; it is left alone and out. Its documents are listed and cannot be opened"
                .to_owned(),
        ),
        Notice::RelayFault(workspace, fault) if fault.is_lasting() => {
            (*workspace, format!("the relay was caught misbehaving: {}", error::relay_fault(fault)))
        }
        // Who is to blame for the others is not known: an operator's backup, somebody on the line, or this device's own clock.
        Notice::RelayFault(workspace, fault) => {
            (*workspace, format!("{}: see `bowline status`", error::relay_fault(fault)))
        }
    })
}

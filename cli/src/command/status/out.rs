//! How a device came out of a workspace, what waits for a relay's answer, and what a person can do about either, in words.

use bowline_engine::device::{
    Behind, LineFailure, LineReason, LineReport, Membership, OtherDraft, WorkspaceStatus,
};
use bowline_engine::ids::{DeviceId, UserId, WorkspaceId};
use bowline_engine::intent::Decision;
use bowline_engine::{CodeKind, Device, Reason};

use crate::documents::{count_entries, workspace_prefix};
use crate::error::{CommandError, FROM_ITS_BEGINNING, no_connection, relay_says, way_on};
use crate::opened::Opened;
use crate::text::count;
use crate::time::moment;
use crate::workspaces::{Called, relay_for_people, way_back};

/// How this device came out of the workspace; `None` while it is in or on its way.
pub(super) fn because(membership: &Membership, this: DeviceId, called: &Called) -> Option<String> {
    match membership {
        Membership::Creating | Membership::Joining | Membership::Member => None,
        Membership::OtherDraft(OtherDraft::Earlier) => {
            Some("an earlier version made this workspace, and with this one it is only read".to_owned())
        }
        Membership::OtherDraft(OtherDraft::Later) => {
            Some("a later version made this workspace, and with this one it is only read".to_owned())
        }
        Membership::NotLetIn => Some("the code did not let this device in".to_owned()),
        Membership::Removed(removal) => {
            let how = match removal.by {
                Some(by) if by == this => "this device has left the workspace".to_owned(),
                Some(by) => format!("this device was removed by {}", called.device(by)),
                None => "this device was removed, or has left".to_owned(),
            };
            Some(match removal.since {
                Some(since) => format!("{how}; known here since {}", moment(since)),
                None => how,
            })
        }
        Membership::TurnedAway(said) => {
            Some(format!("the relay says since {}: {}", moment(said.since), relay_says(said.reason)))
        }
    }
}

/// What a person can do, if something has to be done.
pub(super) fn way(status: &WorkspaceStatus, device: &Device, workspace: WorkspaceId) -> Option<String> {
    let name = workspace_prefix(device, workspace);
    if let Membership::OtherDraft(other) = status.membership {
        return Some(way_on(other, Some(&name)));
    }
    if status.membership.is_over() {
        return Some(way_back(&status.membership));
    }
    if matches!(status.membership, Membership::TurnedAway(_)) {
        return Some(format!(
            "ask the relay's operator; if it is at another address, `bowline workspace move ADDRESS`. If the workspace is gone there, \
             `bowline workspace repair -w {name}` makes it there again, with everything that is known here"
        ));
    }
    if let (true, Some(behind)) = (status.evidence.is_empty(), status.behind) {
        return Some(match behind.reason {
            LineReason::OtherLog => format!(
                "nothing is sent there and nothing here is lost: look whether the address is right, and if the relay has moved, \
                 `bowline workspace move ADDRESS`; if that is how it stays, `bowline workspace accept -w {name} --dry-run` shows what \
                 its log lacks"
            ),
            LineReason::BegunAgain => format!(
                "nothing is sent there and nothing here is lost: `bowline workspace repair -w {name}` shows what its log still lacks, \
                 asks, and sends that"
            ),
            LineReason::BelowCheckpoint => FROM_ITS_BEGINNING.to_owned(),
            LineReason::TimeAhead => "nothing is sent there and nothing here is lost: if this device's clock is wrong, set it. If it is \
                 right, the relay's was ahead when it took what is on the log: tell its operator, and `bowline sync --accept-time` goes \
                 on all the same"
                .to_owned(),
            _ => format!(
                "nothing is sent there and nothing here is lost: tell the relay's operator, who has to run `bowline-relay \
                 restore`. Then this device goes on by itself; if that is how it stays, {}",
                decide(&name)
            ),
        });
    }
    (!status.evidence.is_empty()).then(|| {
        format!(
            "nothing here is lost: tell the relay's operator, who may have to run `bowline-relay restore`. Once the relay has the log \
             again, or if that is how it stays, {}",
            decide(&name)
        )
    })
}

/// What a person can do about a relay with which no connection comes about, because of what it does.
pub(super) fn way_on_line(why: LineReason, name: &str) -> Option<String> {
    const AGAIN: &str = "nothing here is lost, and `bowline sync` tries again: if it stays so, tell the relay's operator what it says";
    match why {
        LineReason::Nonsense => {
            Some(format!("{AGAIN}. If it has another log than this device, {}", decide(name)))
        }
        LineReason::Silent
        | LineReason::Unanswered(_)
        | LineReason::NotFlushed
        | LineReason::Slow
        | LineReason::TooLarge
        | LineReason::Text
        | LineReason::Protocol
        | LineReason::Flood
        | LineReason::BringsNothing
        | LineReason::KeepsRefusing => Some(AGAIN.to_owned()),
        LineReason::Goodbye(Reason::LogOutdated) => Some(
            "nothing here is lost: ask the relay's operator whether that is so. A new workspace (`bowline workspace create`) takes in \
             every document with `bowline share --all`"
                .to_owned(),
        ),
        LineReason::OtherRelay | LineReason::WrongPin => Some(
            "nothing was sent: ask the relay's operator, on another way, for its address; if it has moved, \
             `bowline workspace move ADDRESS`"
                .to_owned(),
        ),
        _ => None,
    }
}

/// How a person goes on with a relay that tells another story.
fn decide(name: &str) -> String {
    format!(
        "`bowline workspace accept -w {name}` shows what its log lacks and goes on with it, and `bowline workspace repair -w {name}` \
         sends that again"
    )
}

/// What the relay shows instead of the log, in words.
pub(super) fn shown_instead(behind: &Behind) -> String {
    let what = no_connection(&LineFailure::plain(behind.reason));
    format!("{what}; so since {}", moment(behind.since))
}

/// What was decided.
pub(super) fn decided(decision: &Decision, own: UserId, called: &Called) -> String {
    match decision {
        Decision::Open { kind: CodeKind::Invite, .. } => "a new invite".to_owned(),
        Decision::Open { kind: CodeKind::Link, .. } => "a new link for a device".to_owned(),
        Decision::Close(CodeKind::Invite, _) => "closing an invite".to_owned(),
        Decision::Open { kind: CodeKind::Recovery, .. } => "a recovery phrase".to_owned(),
        Decision::Close(CodeKind::Link | CodeKind::Recovery, _) => "closing a link".to_owned(),
        Decision::RemoveDevice(device) => format!("removing {}", called.device(*device)),
        Decision::RemoveMember(user) => format!("removing {} with all devices", called.user(*user)),
        Decision::Leave { whole_user: true } => "leaving with all devices".to_owned(),
        Decision::Leave { whole_user: false } => "leaving with this device".to_owned(),
        Decision::HandOver(user) if *user == own => "taking the offer of ownership back".to_owned(),
        Decision::HandOver(user) => format!("offering the ownership to {}", called.user(*user)),
        Decision::TakeOver => "taking the ownership over".to_owned(),
        Decision::Allow(user) => {
            format!("allowing {} to write more about people and keys", called.user(*user))
        }
        Decision::GiveUp(lost) => match (lost.epochs.len(), lost.entries.len()) {
            (0, entries) => format!("giving up {}", count_entries(entries as u64)),
            (epochs, 0) => format!("giving up what was written under {}", count(epochs, "lost key")),
            (epochs, entries) => format!(
                "giving up {} and what was written under {}",
                count_entries(entries as u64),
                count(epochs, "lost key")
            ),
        },
        Decision::Move(to) => format!("moving to {}", relay_for_people(&to.address)),
    }
}

/// Why the last connection came to nothing; `None` if it did not, or nobody wants one.
pub(super) fn last_failure(
    here: &Opened,
    workspace: WorkspaceId,
    line: Option<&LineReport>,
) -> Result<Option<LineReason>, CommandError> {
    if !here.device.wants_connection(workspace)? {
        return Ok(None);
    }
    Ok(line.and_then(|line| line.error.as_ref()).map(|failure| failure.reason))
}
